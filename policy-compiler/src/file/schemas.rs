//! JSON Schemas as they stand in a policy: a mapping or a boolean in place, or the path of a file.
//!
//! In: a node. Out: JSON with the node that it was read from, so that findings about it have places.
//! Reads no file and does not know what a schema is.

use super::values;
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    schema::Json,
    source::{Kind, Node},
};

/// A schema that was written in the policy.
#[derive(Clone, Debug)]
pub(crate) struct Inline {
    pub(crate) json: Json,
    /// What it was read from.
    pub(crate) node: Node,
}

/// Where a schema stands.
#[derive(Clone, Debug)]
pub(crate) enum SchemaSource {
    /// Under `schema`.
    Inline(Inline),
    /// In the file at this path, under `schema_file`.
    File(String),
}

impl SchemaSource {
    /// The key that it stands under.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Inline(_) => "schema",
            Self::File(_) => "schema_file",
        }
    }
}

/// Reads a schema in place.
pub(super) fn inline(node: &Node, findings: &mut Findings) -> Option<Inline> {
    let is_boolean =
        matches!(&node.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "false"));
    if !is_boolean && !matches!(node.kind, Kind::Map(_)) {
        let help = "write a JSON Schema as a mapping; the path of a file is written as `schema_file`".to_owned();
        values::wrong_type_with(node, "a mapping", Some(help), findings);
        return None;
    }
    Some(Inline { json: json(node, findings)?, node: node.clone() })
}

/// Reads the path of a file, which is looked for when the policy is lowered.
pub(super) fn file(node: &Node, findings: &mut Findings) -> Option<String> {
    let path = values::text(node, findings)?;
    if path.is_empty() {
        let finding = Finding::new(Code::EmptyLiteral, node.span, "an entry is empty");
        findings.add(finding.help("write the path of a JSON file, from the policy's folder on"));
        return None;
    }
    Some(path.to_owned())
}

/// YAML as JSON: what YAML gives no type is text. Goes on after a finding, so that all are told.
fn json(node: &Node, findings: &mut Findings) -> Option<Json> {
    match &node.kind {
        Kind::Scalar { text, plain } => scalar(node, text, *plain, findings),
        Kind::List(items) => {
            let items: Vec<_> = items.iter().map(|item| json(item, findings)).collect();
            items.into_iter().collect::<Option<_>>().map(Json::Array)
        }
        Kind::Map(entries) => {
            let member = |entry: &crate::source::Entry| Some((entry.name.clone(), json(&entry.value, findings)?));
            let members: Vec<_> = entries.iter().map(member).collect();
            members.into_iter().collect::<Option<_>>().map(Json::Object)
        }
        Kind::Refused => None,
    }
}

fn scalar(node: &Node, text: &str, plain: bool, findings: &mut Findings) -> Option<Json> {
    if !plain {
        return Some(Json::String(text.to_owned()));
    }
    match text {
        "" | "null" | "~" => return Some(Json::Null),
        "true" => return Some(Json::Boolean(true)),
        "false" => return Some(Json::Boolean(false)),
        _ => {}
    }
    if is_word_for_more(text) || looks_like_a_number(text) {
        // The JSON reader knows what a number of JSON is.
        return match Json::read(text.as_bytes()) {
            Ok(number @ Json::Number(_)) => Some(number),
            _ => {
                let message = format!("{} means different things to different readers of YAML", quoted(text));
                let finding = Finding::new(Code::AmbiguousScalar, node.span, message);
                findings.add(finding.help("write it as JSON does, or put it in quotes if it is text"));
                None
            }
        };
    }
    Some(Json::String(text.to_owned()))
}

/// Spellings of `null`, `true` and `false` that JSON does not have.
fn is_word_for_more(text: &str) -> bool {
    ["null", "true", "false", ".inf", "-.inf", "+.inf", ".nan"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What YAML 1.1 or 1.2 takes for a number, and more that begins like one.
fn looks_like_a_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']).trim_start_matches('.');
    digits.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || b"+-._xXoOeE".contains(&byte))
        && !is_date_like(text)
}

/// `2020-12-01` and `1.2.3` are texts to every reader that knows YAML 1.2, and to people.
fn is_date_like(text: &str) -> bool {
    text.matches('.').count() > 1 || text.get(1..).is_some_and(|rest| rest.contains('-') && !rest.contains(['e', 'E']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Source, read};

    fn read_json(text: &str) -> Option<Json> {
        let source = Source::new("p", text.as_bytes());
        let mut findings = Findings::default();
        let node = read(&source, text.as_bytes(), &mut findings).unwrap();
        json(&node, &mut findings)
    }

    #[test]
    fn scalars_have_the_types_of_json() {
        for (yaml, wanted) in [
            ("[null, ~, true, false]", "[null,null,true,false]"),
            ("[0, -1, 2.50, 1e3, 18446744073709551616, 1E-2]", "[0,-1,2.50,1e3,18446744073709551616,1E-2]"),
            ("['1', \"true\", 'null', '']", r#"["1","true","null",""]"#),
            ("[no, yes, on, abc, ^a.*$]", r#"["no","yes","on","abc","^a.*$"]"#),
            ("[2020-12-01, 1.2.3, 192.168.0.1, e5, 10px]", r#"["2020-12-01","1.2.3","192.168.0.1","e5","10px"]"#),
            ("{a: {1: x, true: y}}", r#"{"a":{"1":"x","true":"y"}}"#),
        ] {
            let mut text = String::new();
            read_json(yaml).unwrap().write(&mut text);
            assert_eq!(text, wanted, "{yaml}");
        }
    }

    #[test]
    fn what_readers_of_yaml_disagree_on_is_refused() {
        for text in ["010", "0x10", "0o7", "1_000", "+1", ".5", "1.", "True", "NULL", ".inf", "-.INF", ".nan", "00"] {
            assert_eq!(read_json(&format!("[{text}]")), None, "{text}");
        }
    }
}
