//! Denials: why a call is refused, and how the agent is told (RFC 9457).
//!
//! In: a reason. Out: its stable code, its status and the problem body.
//! Holds nothing that the agent must not see: no argument's value, no rule, no other agent's name.

use crate::{
    arguments::Fault,
    json::Malformed,
    limits::{LimitKind, Standing},
    mcp::Objection,
};
use serde::Serialize;
use std::fmt;

/// Why a call is refused. The code, the status and the text of each stand in this file only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No source of identity has one.
    IdentityMissing(Challenge),
    /// A token was sent that no provider of the policy vouches for.
    IdentityUnverified,
    /// The identity stands in the request more than once.
    IdentityAmbiguous,
    /// The identity is empty, not UTF-8, or has letters that no agent id has; or a credential lacks what it must say.
    IdentityMalformed,
    /// The path names no declared tool.
    ToolUnknown,
    /// The agent is not declared.
    AgentUnknown,
    /// No grant lets this agent call this tool.
    ToolNotGranted,
    /// The token is not for this tool.
    ScopeInsufficient {
        /// The scope that it lacks; nothing if tools are listed by another claim.
        scope: Option<String>,
    },
    /// Not a POST.
    MethodNotAllowed,
    /// Not exactly one `application/json` in UTF-8.
    MediaTypeUnsupported,
    /// The body is compressed.
    ContentEncodingUnsupported,
    /// The body is larger than this.
    BodyTooLarge {
        /// The limit, in bytes.
        limit: u32,
    },
    /// The path has a query, which no check would see.
    QueryNotAllowed,
    /// There is no body.
    BodyMissing,
    /// The body is not strict JSON.
    BodyMalformed(Malformed),
    /// The body is not `{"arguments": {...}}`.
    BodyShape,
    /// An argument failed a check.
    Argument {
        /// RFC 6901 pointer into the arguments.
        pointer: String,
        /// Which check.
        fault: Fault,
    },
    /// A limit is spent.
    LimitSpent {
        /// Rate or quota.
        kind: LimitKind,
        /// The limit's name, as in the `RateLimit` field.
        limit: String,
        /// Seconds until a call can pass.
        retry_after: u64,
    },
    /// A message for an MCP server, or the answer to it, does not pass.
    Mcp(Objection),
    /// The filter could not decide.
    Undecided(Undecided),
}

/// How a caller that names no agent is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// By what the gateway asks for.
    Agent,
    /// By a token (RFC 6750).
    Bearer,
}

/// Why the filter could not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// The host refused a call or gave what cannot be.
    Host,
    /// A counter changed too often under our hands.
    Contention,
    /// A stored counter cannot be read.
    Counter,
    /// There is no usable policy.
    Config,
    /// Nobody could say how the global limits stand.
    Limits,
}

impl Reason {
    /// The stable, machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::IdentityMissing(_) => "identity_missing",
            Self::IdentityUnverified => "identity_unverified",
            Self::IdentityAmbiguous => "identity_ambiguous",
            Self::IdentityMalformed => "identity_malformed",
            Self::ToolUnknown => "tool_unknown",
            Self::AgentUnknown => "agent_unknown",
            Self::ToolNotGranted => "tool_not_granted",
            Self::ScopeInsufficient { .. } => "scope_insufficient",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::MediaTypeUnsupported => "media_type_unsupported",
            Self::ContentEncodingUnsupported => "content_encoding_unsupported",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::QueryNotAllowed => "query_not_allowed",
            Self::BodyMissing => "body_missing",
            Self::BodyMalformed(_) => "body_malformed",
            Self::BodyShape => "body_shape",
            Self::Argument { fault: Fault::Invalid { .. }, .. } => "argument_invalid",
            Self::Argument { fault: Fault::Costly, .. } => "argument_costly",
            Self::Argument { fault: Fault::TooLong { .. }, .. } => "argument_too_long",
            Self::Argument { fault: Fault::Blocked, .. } => "argument_blocked",
            Self::Argument { fault: Fault::Obscured, .. } => "argument_obscured",
            Self::LimitSpent { kind: LimitKind::Rate, .. } => "rate_exceeded",
            Self::LimitSpent { kind: LimitKind::Quota, .. } => "quota_exceeded",
            Self::Mcp(objection) => objection.code(),
            Self::Undecided(Undecided::Host) => "undecided_host",
            Self::Undecided(Undecided::Contention) => "undecided_contention",
            Self::Undecided(Undecided::Counter) => "undecided_counter",
            Self::Undecided(Undecided::Config) => "undecided_config",
            Self::Undecided(Undecided::Limits) => "undecided_limits",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::IdentityMissing(_) | Self::IdentityUnverified | Self::IdentityAmbiguous | Self::IdentityMalformed => {
                401
            }
            Self::ToolUnknown => 404,
            Self::AgentUnknown | Self::ToolNotGranted | Self::ScopeInsufficient { .. } => 403,
            Self::MethodNotAllowed => 405,
            Self::BodyTooLarge { .. } => 413,
            Self::MediaTypeUnsupported | Self::ContentEncodingUnsupported => 415,
            Self::QueryNotAllowed
            | Self::BodyMissing
            | Self::BodyMalformed(_)
            | Self::BodyShape
            | Self::Argument { .. } => 400,
            Self::LimitSpent { .. } => 429,
            Self::Mcp(objection) => objection.status(),
            Self::Undecided(_) => 503,
        }
    }

    /// Which argument it is about, as an RFC 6901 pointer.
    pub(crate) fn argument(&self) -> Option<&str> {
        match self {
            Self::Argument { pointer, .. } => Some(pointer),
            _ => None,
        }
    }

    /// Where the keyword that an argument broke stands in its schema.
    pub(crate) fn keyword(&self) -> Option<&str> {
        match self {
            Self::Argument { fault: Fault::Invalid { place, .. }, .. } => Some(place),
            _ => None,
        }
    }

    /// Whether shadow mode forwards such a call: not if it names no agent, or if nothing could be decided.
    pub(crate) fn can_be_shadowed(&self) -> bool {
        let names_no_agent = self.status() == 401;
        match self {
            Self::Undecided(_) => false,
            Self::Mcp(objection) => objection.can_be_shadowed(),
            _ => !names_no_agent,
        }
    }

    /// The text for a person; the same for the same code.
    pub fn title(&self) -> &'static str {
        match self {
            Self::IdentityMissing(_) | Self::IdentityUnverified | Self::IdentityAmbiguous | Self::IdentityMalformed => {
                "The agent is not identified"
            }
            Self::ToolUnknown => "There is no such tool",
            Self::AgentUnknown | Self::ToolNotGranted => "The agent may not call this tool",
            Self::ScopeInsufficient { .. } => "The token is not for this tool",
            Self::MethodNotAllowed => "A tool is called with POST",
            Self::MediaTypeUnsupported | Self::ContentEncodingUnsupported => "The body must be plain application/json",
            Self::BodyTooLarge { .. } => "The body is too large",
            Self::QueryNotAllowed => "The path must have no query",
            Self::BodyMissing | Self::BodyMalformed(_) | Self::BodyShape => "The body is not a tool call",
            Self::Argument { .. } => "An argument is not allowed",
            Self::LimitSpent { kind: LimitKind::Rate, .. } => "The rate is exceeded",
            Self::LimitSpent { kind: LimitKind::Quota, .. } => "The quota is spent",
            Self::Mcp(_) => "The message does not pass",
            Self::Undecided(_) => "The call could not be judged",
        }
    }

    /// Header fields that belong to the reason.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            // RFC 9110, section 15.5.2: a 401 names a scheme.
            Self::IdentityMissing(Challenge::Agent) | Self::IdentityAmbiguous | Self::IdentityMalformed => {
                vec![("www-authenticate", "Agent realm=\"toolgate\"".to_owned())]
            }
            // RFC 6750, section 3.1: a request without a token is told the scheme only.
            Self::IdentityMissing(Challenge::Bearer) => {
                vec![("www-authenticate", "Bearer realm=\"toolgate\"".to_owned())]
            }
            Self::IdentityUnverified => {
                vec![("www-authenticate", "Bearer realm=\"toolgate\", error=\"invalid_token\"".to_owned())]
            }
            Self::ScopeInsufficient { scope } => {
                let scope = scope.iter().map(|scope| format!(", scope=\"{scope}\"")).collect::<String>();
                let challenge = format!("Bearer realm=\"toolgate\", error=\"insufficient_scope\"{scope}");
                vec![("www-authenticate", challenge)]
            }
            Self::MethodNotAllowed => vec![("allow", "POST".to_owned())],
            Self::MediaTypeUnsupported => vec![("accept", "application/json".to_owned())],
            Self::ContentEncodingUnsupported => vec![("accept-encoding", "identity".to_owned())],
            Self::LimitSpent { retry_after, .. } => vec![("retry-after", retry_after.to_string())],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdentityMissing(_) => write!(f, "the request names no agent"),
            Self::IdentityUnverified => write!(f, "the token is not one that this gateway verifies"),
            Self::IdentityAmbiguous => write!(f, "the request names its agent more than once"),
            Self::IdentityMalformed => {
                write!(f, "what names the agent is empty, incomplete or has characters that no id has")
            }
            Self::ToolUnknown => write!(f, "tools are called at /tools/{{tool}}, and no tool is declared by this name"),
            Self::AgentUnknown => write!(f, "the agent is not declared"),
            Self::ToolNotGranted => write!(f, "no grant lets this agent call this tool"),
            Self::ScopeInsufficient { .. } => write!(f, "the token does not list this tool"),
            Self::MethodNotAllowed => write!(f, "use POST"),
            Self::MediaTypeUnsupported => {
                write!(f, "send exactly one content-type, application/json, with no charset or utf-8")
            }
            Self::ContentEncodingUnsupported => {
                write!(f, "send the body without a content-encoding")
            }
            Self::BodyTooLarge { limit } => write!(f, "at most {limit} bytes are allowed"),
            Self::QueryNotAllowed => write!(f, "put all arguments into the body"),
            Self::BodyMissing => write!(f, "send a body of the form {{\"arguments\": {{...}}}}"),
            Self::BodyMalformed(malformed) => write!(f, "the body is not strict JSON: {malformed}"),
            Self::BodyShape => {
                write!(f, "the body must be an object with the one member \"arguments\", itself an object")
            }
            Self::Argument { pointer, fault: Fault::Invalid { keyword, place: _ } } => {
                write!(f, "the value at {} breaks `{keyword}` of the schema of this tool's arguments", Shown(pointer))
            }
            Self::Argument { pointer, fault: Fault::Costly } => {
                write!(f, "judging the arguments takes too many steps, reached at {}", Shown(pointer))
            }
            Self::Argument { pointer, fault: Fault::TooLong { max } } => {
                write!(f, "a string at {} has more than {max} characters", Shown(pointer))
            }
            Self::Argument { pointer, fault: Fault::Blocked } => {
                write!(f, "a string at {} holds something that is blocked", Shown(pointer))
            }
            Self::Argument { pointer, fault: Fault::Obscured } => {
                write!(f, "a string at {} is encoded in more ways than are looked through", Shown(pointer))
            }
            Self::LimitSpent { kind, limit, retry_after } => {
                let kind = match kind {
                    LimitKind::Rate => "rate",
                    LimitKind::Quota => "quota",
                };
                write!(f, "the {kind} `{limit}` is spent, retry after {retry_after} s")
            }
            Self::Mcp(objection) => write!(f, "{objection}"),
            Self::Undecided(_) => {
                write!(f, "the gateway refuses what it cannot judge; retry later")
            }
        }
    }
}

/// A pointer as it is shown: the caller chose its letters, so it is cut.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 128;
        if self.0.is_empty() {
            return write!(f, "the top level");
        }
        match self.0.char_indices().nth(MOST) {
            None => write!(f, "`{}`", self.0),
            Some((cut, _)) => write!(f, "`{}`…", self.0.get(..cut).unwrap_or_default()),
        }
    }
}

/// The answer to a refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The problem body.
    pub body: Vec<u8>,
    /// For Envoy's `%RESPONSE_CODE_DETAILS%`.
    pub details: String,
}

/// The problem body (RFC 9457), with two members of our own: `reason` and `request_id`.
#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: String,
    reason: &'a str,
    request_id: Option<&'a str>,
}

/// Writes the answer for a reason.
pub fn reply(reason: &Reason, request_id: Option<&str>, standings: &[Standing]) -> Reply {
    let problem = ProblemBody {
        r#type: format!("https://toolgate.dev/problems/{}", reason.code()),
        title: reason.title(),
        status: reason.status(),
        detail: reason.to_string(),
        reason: reason.code(),
        request_id,
    };
    let mut headers =
        vec![("content-type", "application/problem+json".to_owned()), ("cache-control", "no-store".to_owned())];
    headers.extend(reason.headers());
    headers.extend(crate::limits::fields(standings));
    Reply {
        status: reason.status(),
        headers,
        // A struct of strings and a number always serialises; an empty body would still be a refusal.
        body: serde_json::to_vec(&problem).unwrap_or_default(),
        details: format!("toolgate_{}", reason.code()),
    }
}
