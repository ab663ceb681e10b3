//! The packed form of a policy: what `policy-compiler pack` writes and the filter loads.
//!
//! In: a [`Bundle`] or the bytes of a plugin config. Out: the config, or the bundle with its digest.
//! Checks form and integrity only; [`crate::policy::Policy`] checks the meaning.

mod global;
mod server;

pub use global::{GLOBAL_PREFIX, GlobalLimit, GlobalRule, Over, Unanswered, Unit};
pub use server::{Consequence, Mirror, Prompt, Resource, Server, Uris};

use crate::{automaton::Automaton, schema::Program};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::{format, string::String, vec::Vec};

/// The form that this build writes and reads. Raised with every change to the types below.
pub const FORMAT: u32 = 5;

/// The largest bundle that is read, inflated. Guards the filter against a small string that inflates without end.
pub const MAX_BUNDLE_BYTES: usize = 32 << 20;

/// Inflated, a bundle is two to seven times as large. One that is so many times as large was made to take memory.
const MAX_RATIO: usize = 64;

/// Up to this size the ratio is no matter.
const SMALL_BUNDLE_BYTES: usize = 1 << 20;

/// Everything that the filter knows of a policy, with all names resolved to indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// `metadata.name` of the policy.
    pub name: String,
    /// Where the agent's id comes from, in order of preference.
    pub identity: Vec<IdentitySource>,
    /// What the audit line may show.
    pub audit: AuditOptions,
    /// RFC 6901 pointers into the policy, one for each rule that can decide.
    pub rules: Vec<String>,
    /// Names of the groups of agents.
    pub groups: Vec<String>,
    /// Declared agents.
    pub agents: Vec<Agent>,
    /// Counters that calls are held to.
    pub buckets: Vec<Bucket>,
    /// Limits that Envoy's rate limit filter counts, behind ours.
    pub globals: Vec<GlobalLimit>,
    /// What becomes of a call when it gets no answer.
    pub unanswered: Unanswered,
    /// Compiled patterns, shared by the checks that name them.
    pub automata: Vec<Automaton>,
    /// Compiled schemas, shared by the checks that name them.
    pub schemas: Program,
    /// Checks of arguments, shared by the tools that name them.
    pub checks: Vec<Checks>,
    /// Declared tools, those of servers too.
    pub tools: Vec<Tool>,
    /// Declared MCP servers.
    pub servers: Vec<Server>,
    /// What servers may not say of their tools: index into [`Bundle::checks`].
    pub instructions: Option<u32>,
}

/// A place that an agent's id is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentitySource {
    /// A request header, lower case, that an earlier hop is trusted to set.
    Header(String),
    /// A request header, lower case, in which Envoy's API key filter tells the client's id.
    ApiKey(String),
    /// A name in the client's certificate.
    Certificate(CertificateName),
    /// Claims of a token that Envoy's JWT filter verified.
    Token(TokenSource),
}

/// Which name in a certificate is the agent's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateName {
    /// The first URI among the subject's alternative names.
    UriSan,
    /// The first DNS name among them.
    DnsSan,
    /// The one common name of the subject.
    Subject,
}

/// Which claims of a verified token say who calls, and what the token is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSource {
    /// The name under which Envoy's JWT filter keeps the payload (`payload_in_metadata`).
    pub provider: String,
    /// The claim that holds the agent's id.
    pub agent: Claim,
    /// The claim that holds the id of the user for whom the agent acts.
    pub user: Option<Claim>,
    /// The claim that lists the tools the token is for; without one, it is for all that the policy grants.
    pub tools: Option<Ruled<ToolsClaim>>,
}

/// The names on the way to a claim, from the top of the payload.
pub type Claim = Vec<String>;

/// A claim that lists tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolsClaim {
    /// Where it stands.
    pub claim: Claim,
    /// What stands before the name of a tool. Nothing: the claim is no OAuth scope, and holds names of tools only.
    pub scope_prefix: Option<String>,
}

/// What the audit line may show of arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditOptions {
    /// Keys whose values are redacted, besides the built-in ones; lower case.
    pub redact: Vec<String>,
    /// The longest `arguments` field, in bytes.
    pub max_bytes: u32,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { redact: Vec::new(), max_bytes: 2048 }
    }
}

/// A declared agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The agent's id.
    pub name: String,
    /// Groups it belongs to, as indexes.
    pub groups: Vec<u32>,
    /// Buckets that all its calls are held to.
    pub buckets: Vec<u32>,
    /// Global limits that all its calls are held to, as indexes.
    pub globals: Vec<u32>,
}

/// A value together with the rule that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ruled<T> {
    /// Index into [`Bundle::rules`].
    pub rule: u32,
    /// The value.
    pub value: T,
}

/// One stored value that counts calls: a rate, a quota, or both, so that both change at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Names the stored value, the same over all versions of a policy: `tool/search`.
    pub key: String,
    /// First part of the limit's name in the `RateLimit` header: `tool`, `agent`, `tool_group.web`.
    pub label: String,
    /// Whose calls are counted together.
    pub share: Share,
    /// Calls per time, evenly.
    pub rate: Option<Ruled<Rate>>,
    /// Calls per calendar window.
    pub quota: Option<Ruled<Quota>>,
}

/// Whose calls a bucket counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// Each agent has its own counter.
    EachAgent,
    /// One counter for all agents.
    AllAgents,
}

/// At most `count` calls per period in the long run, `burst` of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Zero means that no call passes.
    pub count: u32,
    /// The period in seconds, at least one.
    pub period_secs: u32,
    /// How many calls may come at once, at least one.
    pub burst: u32,
}

/// At most `count` calls in each window of the calendar (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Zero means that no call passes.
    pub count: u32,
    /// Which window.
    pub window: Window,
}

/// A window of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// Starts at second 0.
    Minute,
    /// Starts at minute 0.
    Hour,
    /// Starts at midnight.
    Day,
    /// Starts on Monday (ISO 8601).
    Week,
    /// Starts on the 1st.
    Month,
}

/// Checks that all arguments of a call must pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checks {
    /// Entries of [`Bundle::schemas`]: all of them must hold.
    pub schemas: Vec<Ruled<u32>>,
    /// Longest string, key or value, in Unicode scalar values.
    pub max_string_length: Option<Ruled<u32>>,
    /// Patterns that no key and no value may hold; those for one part stand together.
    pub blocked: Vec<Blocked>,
}

/// Patterns of one automaton, and where in the arguments nothing may hold them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Blocked {
    /// RFC 6901 pointer to an argument, which means it and all below it; empty for all arguments.
    pub at: String,
    /// Index into [`Bundle::automata`].
    pub automaton: u32,
    /// The rule of each pattern of the automaton.
    pub rules: Vec<u32>,
}

/// A declared tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// The name, as in `/tools/{name}`; of a server's tool `{server}/{name}`, which no path leads to.
    pub name: String,
    /// Index of the server that has it, into [`Bundle::servers`]; nothing for a tool that is called by its path.
    pub server: Option<u32>,
    /// The digest of the definition that it must have, if its server has it.
    pub pin: Option<Ruled<[u8; 32]>>,
    /// Arguments that are mirrored in fields of the header, if its server has it.
    pub mirrors: Vec<Ruled<Mirror>>,
    /// Whether denials are enforced.
    pub mode: Mode,
    /// Largest body of a call, in bytes.
    pub body_limit: Ruled<u32>,
    /// Who may call it. Nobody, if empty.
    pub grants: Vec<Grant>,
    /// Buckets that its calls are held to, besides the agent's.
    pub buckets: Vec<u32>,
    /// Global limits that its calls are held to, besides the agent's, as indexes.
    pub globals: Vec<u32>,
    /// Checks that its arguments must pass, as indexes.
    pub checks: Vec<u32>,
    /// How its arguments are shown in the audit line.
    pub audit_arguments: AuditArguments,
}

/// One entry of a tool's allow-list. Of several for one agent, one that holds is enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who.
    pub subject: Subject,
    /// Index into [`Bundle::rules`].
    pub rule: u32,
    /// Checks that the arguments must pass besides the tool's, as indexes. None: any arguments.
    pub checks: Vec<u32>,
}

/// Whom a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// One agent, by index.
    Agent(u32),
    /// A group of agents, by index.
    Group(u32),
}

/// Whether a tool's denials are enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// A denied call is refused.
    Enforce,
    /// A denied call is forwarded, and the denial is recorded.
    Shadow,
}

/// How arguments are shown in the audit line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditArguments {
    /// As they came.
    Full,
    /// With what looks secret taken out.
    Redacted,
    /// As the SHA-256 of their bytes.
    Hashed,
    /// Not at all.
    None,
}

/// The plugin config. The policy is one string, because Envoy Gateway re-orders keys and rounds numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginConfig {
    /// Form of `policy`.
    format: u32,
    /// `sha256:` and the hex digest of the bundle.
    digest: String,
    /// Whether Envoy holds the headers until the body is judged (`allow_on_headers_stop_iteration`).
    #[serde(default)]
    hold_headers: bool,
    /// The bundle: postcard, zlib, base64.
    policy: String,
}

/// Settings of one deployment, which are no part of the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Whether Envoy's plugin has `allow_on_headers_stop_iteration: true`. Both must agree.
    pub hold_headers: bool,
}

/// A plugin config that was read and is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The policy.
    pub bundle: Bundle,
    /// `sha256:…` of the bundle.
    pub digest: String,
    /// The deployment's settings.
    pub deployment: Deployment,
    /// Size of the bundle, inflated.
    pub bundle_bytes: usize,
}

/// Why a plugin config cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadConfig {
    /// Not the JSON object that `pack` writes.
    NotPacked(String),
    /// Written by another version of the compiler.
    OtherFormat(u32),
    /// The policy string is cut, altered or too large.
    Corrupt(&'static str),
    /// The digest is not that of the policy string.
    OtherDigest,
    /// The bundle is whole but contradicts itself.
    Inconsistent(&'static str),
}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPacked(why) => write!(f, "this is not a packed policy: {why}"),
            Self::OtherFormat(found) => {
                write!(f, "the policy is packed in format {found}, this build reads format {FORMAT}")
            }
            Self::Corrupt(what) => write!(f, "the packed policy is damaged: {what}"),
            Self::OtherDigest => write!(f, "the digest is not that of the packed policy"),
            Self::Inconsistent(what) => write!(f, "the packed policy contradicts itself: {what}"),
        }
    }
}

impl std::error::Error for BadConfig {}

/// Packs a bundle. The same bundle gives the same bytes.
pub fn encode(bundle: &Bundle, deployment: Deployment) -> Result<String, BadConfig> {
    let bytes = postcard::to_allocvec(bundle).map_err(|_| BadConfig::Corrupt("it cannot be serialised"))?;
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(BadConfig::Corrupt("it is too large"));
    }
    let deflated = miniz_oxide::deflate::compress_to_vec_zlib(&bytes, 9);
    if bytes.len() > most_bytes(deflated.len()) {
        return Err(BadConfig::Corrupt("it repeats itself too often"));
    }
    let config = PluginConfig {
        format: FORMAT,
        digest: digest(&bytes),
        hold_headers: deployment.hold_headers,
        policy: BASE64_STANDARD.encode(deflated),
    };
    serde_json::to_string(&config).map_err(|_| BadConfig::Corrupt("it cannot be serialised"))
}

/// Reads a plugin config.
pub fn decode(config: &[u8]) -> Result<Packed, BadConfig> {
    let config = parse(config)?;
    if config.format != FORMAT {
        return Err(BadConfig::OtherFormat(config.format));
    }
    let PluginConfig { format: _, digest: claimed, hold_headers, policy } = config;
    let deflated = BASE64_STANDARD.decode(policy).map_err(|_| BadConfig::Corrupt("it is not base64"))?;
    let bytes = inflate(&deflated).ok_or(BadConfig::Corrupt("it does not inflate"))?;
    if digest(&bytes) != claimed {
        return Err(BadConfig::OtherDigest);
    }
    let (bundle, rest) = postcard::take_from_bytes(&bytes).map_err(|_| BadConfig::Corrupt("it is not a bundle"))?;
    if !rest.is_empty() {
        return Err(BadConfig::Corrupt("bytes follow the bundle"));
    }
    Ok(Packed { bundle, digest: claimed, deployment: Deployment { hold_headers }, bundle_bytes: bytes.len() })
}

/// How large a bundle may be, inflated. Each byte can ask for fifty in memory, so few bytes may not become many.
fn most_bytes(deflated: usize) -> usize {
    deflated.saturating_mul(MAX_RATIO).clamp(SMALL_BUNDLE_BYTES, MAX_BUNDLE_BYTES)
}

/// Inflates all of a zlib stream, with nothing behind it.
fn inflate(deflated: &[u8]) -> Option<Vec<u8>> {
    use miniz_oxide::inflate::{TINFLStatus, core};
    let flags = core::inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER
        | core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut inflator = Box::<core::DecompressorOxide>::default();
    let most = most_bytes(deflated.len());
    let mut inflated = vec![0; deflated.len().saturating_mul(4).min(most)];
    let (mut read, mut written) = (0usize, 0usize);
    loop {
        let (status, more_read, more_written) =
            core::decompress(&mut inflator, deflated.get(read..)?, &mut inflated, written, flags);
        read = read.saturating_add(more_read);
        written = written.saturating_add(more_written);
        match status {
            TINFLStatus::Done if read == deflated.len() => {
                inflated.truncate(written);
                return Some(inflated);
            }
            TINFLStatus::HasMoreOutput if inflated.len() < most => {
                inflated.resize(inflated.len().saturating_mul(2).clamp(1024, most), 0);
            }
            _ => return None,
        }
    }
}

/// The format is looked at first, so that a newer config is called newer and not malformed.
fn parse(config: &[u8]) -> Result<PluginConfig, BadConfig> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    if let Ok(Format { format }) = serde_json::from_slice(config)
        && format != FORMAT
    {
        return Err(BadConfig::OtherFormat(format));
    }
    serde_json::from_slice(config).map_err(|error| BadConfig::NotPacked(format!("{error}")))
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{string::ToString, vec};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn bundle() -> Bundle {
        Bundle {
            name: "sample".to_string(),
            identity: vec![IdentitySource::Header("x-agent-id".to_string())],
            rules: vec!["/tools/search/agents/0".to_string()],
            ..Bundle::default()
        }
    }

    fn packed() -> String {
        encode(&bundle(), Deployment { hold_headers: true }).unwrap()
    }

    #[test]
    fn what_was_packed_is_what_is_loaded() {
        let back = decode(packed().as_bytes()).unwrap();
        assert_eq!(back.bundle, bundle());
        assert!(back.deployment.hold_headers);
        assert!(back.digest.starts_with("sha256:"));
    }

    #[test]
    fn the_same_bundle_gives_the_same_bytes() {
        assert_eq!(packed(), packed());
    }

    #[test]
    fn re_ordered_keys_and_spaces_change_nothing() {
        let value: serde_json::Value = serde_json::from_str(&packed()).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        assert_eq!(decode(pretty.as_bytes()), decode(packed().as_bytes()));
    }

    #[test]
    fn a_config_of_another_format_is_named_so() {
        let other = packed().replace("\"format\":5", "\"format\":6,\"new\":true");
        assert_eq!(decode(other.as_bytes()), Err(BadConfig::OtherFormat(6)));
    }

    /// A config whose bundle is so many zeros: in most places, an empty text or an empty list for each.
    fn zeros(count: usize) -> String {
        let bytes = vec![0; count];
        let policy = BASE64_STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(&bytes, 9));
        format!(r#"{{"format":{FORMAT},"digest":"{}","policy":"{policy}"}}"#, digest(&bytes))
    }

    #[test]
    fn a_small_config_does_not_become_a_large_bundle() {
        let read = |count| decode(zeros(count).as_bytes());
        assert_eq!(read(SMALL_BUNDLE_BYTES), Err(BadConfig::Corrupt("bytes follow the bundle")));
        assert_eq!(read(SMALL_BUNDLE_BYTES + 1), Err(BadConfig::Corrupt("it does not inflate")));
        assert_eq!(read(MAX_BUNDLE_BYTES), Err(BadConfig::Corrupt("it does not inflate")));
    }

    #[test]
    fn a_bundle_that_could_not_be_read_again_is_not_packed() {
        let with_rules = |count| Bundle { rules: vec![String::new(); count], ..bundle() };
        assert!(encode(&with_rules(1000), Deployment::default()).is_ok());
        assert!(encode(&with_rules(SMALL_BUNDLE_BYTES), Deployment::default()).is_err());
    }

    #[test]
    fn every_changed_letter_is_noticed() {
        let good = packed();
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(decode(&bytes).is_err(), "byte {at} of {good}");
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        let good = packed();
        for cut in 0..good.len() {
            assert!(decode(&good.as_bytes()[..cut]).is_err(), "cut at {cut}");
        }
    }
}
