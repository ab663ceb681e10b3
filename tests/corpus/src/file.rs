//! The form of a case file: one policy, and calls that are made one after the other.
//!
//! In: YAML. Out: a [`CaseFile`]. Text of headers and of `body_latin1` is one byte a letter,
//! so that any byte can be written.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The host that a call is for, unless it says another.
pub const HOST: &str = "tools.test";

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
    /// The files that the policy names, by path: no runner has a file system.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
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
    /// A token that Envoy verified. On Envoy it is signed and sent, and Envoy verifies it.
    pub token: Option<Token>,
    /// A certificate that Envoy verified. On Envoy it is issued, and the client presents it.
    pub certificate: Option<Certificate>,
    /// The tool; the path is `/tools/{tool}`.
    pub tool: Option<String>,
    /// The path, in place of a tool.
    pub path: Option<String>,
    /// The host that is called.
    #[serde(default = "host")]
    pub host: String,
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

/// What Envoy verified of a token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Who issued it: the provider's name in Envoy's settings.
    pub provider: String,
    /// The payload.
    pub claims: serde_json::Map<String, serde_json::Value>,
}

/// The names in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The URIs among the alternative names.
    #[serde(default)]
    pub uri_sans: Vec<String>,
    /// The DNS names among them.
    #[serde(default)]
    pub dns_sans: Vec<String>,
    /// The common names of the subject.
    #[serde(default)]
    pub common_names: Vec<String>,
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
    /// What the tool is told of the agent, if that is not the call's `agent`.
    pub agent: Option<String>,
    /// What the tool is told of the agent's user, and the audit line too.
    pub user: Option<String>,
    /// The fields of the header by which Envoy's rate limit filter would count the call, and no others of that kind.
    #[serde(default)]
    pub counted: BTreeMap<String, String>,
    /// The arguments in the audit line, if they matter.
    pub arguments: Option<String>,
    /// The refused argument in the audit line, if it matters.
    pub argument: Option<String>,
    /// The broken keyword in the audit line, if it matters.
    pub keyword: Option<String>,
    /// Whether shadow mode let a denied call pass.
    #[serde(default)]
    pub would_deny: bool,
    /// Of a refusal in the shape of MCP: the code of its error, 0 if it is a result that says so.
    pub code: Option<i64>,
}

fn once() -> u32 {
    1
}

fn post() -> String {
    "POST".to_owned()
}

fn host() -> String {
    HOST.to_owned()
}

fn json() -> Vec<String> {
    vec!["application/json".to_owned()]
}

fn granted() -> String {
    "granted".to_owned()
}

impl CaseFile {
    /// The providers whose tokens the file's calls carry.
    pub fn providers(&self) -> Vec<&str> {
        let tokens = self.cases.iter().filter_map(|case| case.call.token.as_ref());
        let mut providers: Vec<_> = tokens.map(|token| token.provider.as_str()).collect();
        providers.sort_unstable();
        providers.dedup();
        providers
    }

    /// Whether the file's calls carry certificates.
    pub fn has_certificates(&self) -> bool {
        self.cases.iter().any(|case| case.call.certificate.is_some())
    }
}

impl Case {
    /// What the tool is told of the agent.
    pub fn trusted_agent(&self) -> Option<&str> {
        self.want.agent.as_deref().or(self.call.agent.as_deref())
    }
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

/// All case files for any Envoy. A test of this crate holds that none is missing.
pub fn all() -> Vec<CaseFile> {
    all_with_headers_held().into_iter().filter(|file| !HELD.contains(&file.name)).collect()
}

/// All case files, also those whose policies the filter takes only where Envoy holds headers.
pub fn all_with_headers_held() -> Vec<CaseFile> {
    FILES.iter().map(|(name, text)| read(name, text)).collect()
}

/// The case files with such policies.
const HELD: [&str; 1] = ["global-limits"];

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

files![
    "allow-list",
    "arguments",
    "audit",
    "body",
    "certificates",
    "global-limits",
    "identity",
    "limits",
    "mcp",
    "narrowed-grants",
    "patterns",
    "prompt-injection",
    "reader",
    "schema",
    "schema-files",
    "schema-formats",
    "shadow",
    "tokens"
];

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
