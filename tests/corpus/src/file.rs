//! The form of a case file: one policy, and calls that are made one after the other.
//!
//! In: YAML. Out: a [`CaseFile`]. Text of headers and of `body_latin1` is one byte a letter,
//! so that any byte can be written.

use serde::Deserialize;

/// One file of `tests/cases`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: &'static str,
    /// What the file is about.
    pub about: String,
    /// The policy, as its author writes it.
    pub policy: String,
    /// Calls, in order: what one takes out of a limit is missing for the next.
    pub cases: Vec<Case>,
}

/// One call, or the same call several times.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence that says what must hold.
    pub name: String,
    /// The call.
    pub call: Call,
    /// How often it is made; each time the same must become of it.
    #[serde(default = "once")]
    pub times: u32,
    /// What must become of it.
    pub want: Want,
}

/// A call, by what differs from the plainest one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Value of `x-agent-id`; no such field, if missing.
    pub agent: Option<String>,
    /// The tool; the path is `/tools/{tool}`.
    pub tool: Option<String>,
    /// The path, in place of a tool.
    pub path: Option<String>,
    /// The method.
    #[serde(default = "post")]
    pub method: String,
    /// The content type; the empty list sends none.
    #[serde(default = "json")]
    pub content_type: Vec<String>,
    /// Further fields.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The arguments, which become `{"arguments": ...}`.
    pub arguments: Option<serde_json::Value>,
    /// The body as text, in place of arguments.
    pub body: Option<String>,
    /// The body as bytes, one a letter.
    pub body_latin1: Option<String>,
    /// The body is this text, repeated.
    pub body_repeat: Option<(String, usize)>,
    /// No body at all.
    #[serde(default)]
    pub no_body: bool,
    /// How the body is sent; all ways, if missing.
    pub framing: Option<Framing>,
}

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// With a content length.
    Length,
    /// In pieces, of unknown length.
    Chunked,
    /// In pieces, with trailers behind them.
    Trailers,
}

/// What must become of a call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Want {
    /// The status; 200 means that the tool answered.
    pub status: u16,
    /// The reason in the audit line.
    #[serde(default = "granted")]
    pub reason: String,
    /// The rule in the audit line.
    #[serde(default)]
    pub rule: String,
    /// The arguments in the audit line, if they matter.
    pub arguments: Option<String>,
    /// Whether shadow mode let a denied call pass.
    #[serde(default)]
    pub would_deny: bool,
}

fn once() -> u32 {
    1
}

fn post() -> String {
    "POST".to_owned()
}

fn json() -> Vec<String> {
    vec!["application/json".to_owned()]
}

fn granted() -> String {
    "granted".to_owned()
}

impl Call {
    /// The path.
    pub fn path(&self) -> String {
        let tool = self.tool.as_ref().map(|tool| format!("/tools/{tool}"));
        self.path.clone().or(tool).unwrap_or_else(|| "/".to_owned())
    }

    /// The fields of the header, without pseudo-header fields and without any that tells the length.
    pub fn fields(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let agent = self.agent.iter().map(|agent| ("x-agent-id", agent.as_str()));
        let types = self.content_type.iter().map(|kind| ("content-type", kind.as_str()));
        let more = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        agent.chain(types).chain(more).map(|(name, value)| (latin1(name), latin1(value))).collect()
    }

    /// The body; none, if there is none at all.
    pub fn body(&self) -> Option<Vec<u8>> {
        if self.no_body {
            return None;
        }
        let Self { arguments, body, body_latin1, body_repeat, .. } = self;
        let repeated = body_repeat.as_ref().map(|(text, times)| text.repeat(*times).into_bytes());
        let given = body.as_ref().map(|body| body.clone().into_bytes());
        let bytes = body_latin1.as_ref().map(|body| latin1(body));
        let arguments = arguments.clone().unwrap_or_else(|| serde_json::json!({}));
        let default = || serde_json::json!({ "arguments": arguments }).to_string().into_bytes();
        Some(given.or(bytes).or(repeated).unwrap_or_else(default))
    }
}

/// One byte a letter; letters beyond U+00FF are a mistake in the case file.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(letter).unwrap_or(b'?')).collect()
}

/// All case files. A test of this crate holds that none is missing.
pub fn all() -> Vec<CaseFile> {
    FILES.iter().map(|(name, text)| read(name, text)).collect()
}

#[expect(clippy::panic, reason = "a case file that cannot be read must fail every test that runs it")]
fn read(name: &'static str, text: &str) -> CaseFile {
    let file: CaseFile =
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("tests/cases/{name}.yaml: {error}"));
    assert!(!file.cases.is_empty(), "tests/cases/{name}.yaml has no case");
    CaseFile { name, ..file }
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Names and texts of the case files.
        pub(crate) const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../cases/", $name, ".yaml")))),*];
    };
}

files!["allow-list", "arguments", "audit", "body", "identity", "limits", "patterns", "reader", "shadow"];

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_the_folder_is_run() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases");
        let mut found: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".yaml", ""))
            .collect();
        found.sort();
        assert_eq!(found, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
