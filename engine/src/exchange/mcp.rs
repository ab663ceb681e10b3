//! Messages for MCP servers: judged by the same rules as calls of tools by their paths.
//!
//! In: the header and the body of a request whose path is a server's. Out: nothing, or why it does not pass; later, what
//! its answer is awaited for. Keeps what the answer's judge must know, and no session.

mod granted;
mod methods;
mod mirrored;
mod spoken;

pub use methods::{is_of_protocol, is_of_target};

use super::{
    Awaited, Denial, Exchange, Judgement,
    answer::{Found, Held},
    require_exact, require_size,
};
use crate::{
    audit::McpRecord,
    bundle::Server,
    denial::{Reason, Reply},
    digest,
    identity::{self, Tools, Verified},
    json::{Admitted, Bounds, Document, Numbers, Value},
    limits::Standing,
    mcp::{
        self, Call, Disagreement, EventStream, Id, Invalid, Message, Objection, Outcome, Recipient, Refusal, Request,
        Target, Version,
    },
    names,
    policy::{Policy, ServerIndex},
    request::{Field, Head},
};
use granted::granted_by;
use methods::{NOTIFICATIONS, OF_ALL, passes};
use spoken::{only, require_spoken};

/// What is known of an exchange with a server.
pub(super) struct Mcp {
    pub(super) server: ServerIndex,
    pub(super) version: Version,
    /// Which tools the credential is for.
    pub(super) tools: Tools,
    /// The fields of the protocol: they are compared with the body once that is there.
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// A short digest of the session's id, which itself is a secret.
    pub(super) session: Option<String>,
    /// The method of HTTP, if it is not POST.
    pub(super) leg: Option<&'static str>,
    /// The message's method, as far as it can be told.
    pub(super) method: Option<String>,
    /// The request's id.
    pub(super) id: Option<Id>,
    /// Whether nobody waits for an answer.
    is_unanswered: bool,
    asked: Asked,
    /// Whether it counts as a call, by the agent's limits.
    pub(super) is_limited: bool,
    /// What became of the request, once that is known.
    pub(super) outcome: Option<Outcome>,
    /// The answer that is being read.
    pub(super) held: Option<Held>,
    /// The event stream that is being read.
    pub(super) events: Option<EventStream>,
    /// What was found in answers.
    pub(super) found: Found,
}

/// What a request asks for, kept for how its refusal is worded.
enum Asked {
    Tool(String),
    Resource(String),
    Prompt(String),
    Resources,
    Nothing,
}

impl Asked {
    fn of(target: &Target<'_>) -> Self {
        match target {
            Target::Tool(name) => Self::Tool((*name).to_owned()),
            Target::Resource(uri) | Target::Template(uri) => Self::Resource((*uri).to_owned()),
            Target::Prompt(name) => Self::Prompt((*name).to_owned()),
            Target::Resources(uris) if !uris.is_empty() => Self::Resources,
            Target::Resources(_) | Target::Nothing => Self::Nothing,
        }
    }

    fn target(&self) -> Target<'_> {
        match self {
            Self::Tool(name) => Target::Tool(name),
            Self::Resource(uri) => Target::Resource(uri),
            Self::Prompt(name) => Target::Prompt(name),
            Self::Resources => Target::Resources(vec![""]),
            Self::Nothing => Target::Nothing,
        }
    }
}

impl From<Objection> for Denial {
    fn from(objection: Objection) -> Self {
        Reason::Mcp(objection).into()
    }
}

impl From<Disagreement> for Denial {
    fn from(disagreement: Disagreement) -> Self {
        Objection::Disagreement(disagreement).into()
    }
}

impl From<Invalid> for Denial {
    fn from(invalid: Invalid) -> Self {
        Objection::Invalid(invalid).into()
    }
}

impl Mcp {
    fn of<B: AsRef<[u8]>>(server: ServerIndex, head: Head<'_, B>, session: Option<&str>) -> Self {
        let is_of_protocol = |name: &[u8]| name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"mcp"));
        let fields = head.fields.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        let fields = fields.filter(|(name, _)| is_of_protocol(name));
        Self {
            server,
            // What cannot be told is told in the shape that no client takes for an older server.
            version: mcp::version_of_head(head).unwrap_or(Version::V2026_07_28),
            tools: Tools::All,
            fields: fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
            session: session.map(short_digest),
            leg: None,
            method: None,
            id: None,
            is_unanswered: false,
            asked: Asked::Nothing,
            is_limited: false,
            outcome: None,
            held: None,
            events: None,
            found: Found::default(),
        }
    }

    /// The answer to what is refused, in the protocol's shape.
    pub(super) fn reply(
        &self,
        reason: &Reason,
        rule: Option<&str>,
        request_id: Option<&str>,
        standings: &[Standing],
    ) -> Reply {
        let to = match &self.id {
            _ if self.is_unanswered => Recipient::Nobody,
            Some(id) => Recipient::Request(id),
            None => Recipient::Unknown,
        };
        mcp::refuse(Refusal::Denied(reason, &self.asked.target(), rule), to, self.version, request_id, standings)
    }

    /// What the answer is awaited for.
    pub(super) fn awaited(&self) -> mcp::Awaited {
        mcp::Awaited { version: self.version, request: self.id.clone().zip(self.method.clone()) }
    }

    /// What the audit line tells of it.
    pub(super) fn record<'a>(&'a self, policy: &'a Policy) -> McpRecord<'a> {
        McpRecord {
            server: policy.server_name(self.server),
            method: self.method.as_deref(),
            leg: self.leg,
            version: self.version.as_str(),
            session: self.session.as_deref(),
            outcome: self.outcome,
            shown: (self.found.shown, self.found.hidden),
            changed: &self.found.changed,
            suspicious: &self.found.suspicious,
            dropped: self.found.dropped,
        }
    }

    /// Notes whose message it is, for what is told of it from here on.
    fn note(&mut self, message: &Message<'_>) {
        self.method = message.method().map(str::to_owned);
        match message {
            Message::Request(Request { id, .. }) => self.id = Some(id.clone()),
            Message::Notification(_) | Message::Response(_) => self.is_unanswered = true,
        }
    }
}

/// Tells sessions apart, and opens none.
fn short_digest(session: &str) -> String {
    digest::short(session.as_bytes(), 8)
}

impl Exchange {
    /// Judges the header of a request for a server.
    pub(super) fn judge_mcp_head<B: AsRef<[u8]>>(
        &mut self,
        policy: &Policy,
        at: ServerIndex,
        head: Head<'_, B>,
        verified: &Verified,
        ends: bool,
    ) -> Result<Awaited, Denial> {
        let session = mcp::session(head);
        let mcp = self.mcp.insert(Box::new(Mcp::of(at, head, session.as_ref().ok().copied().flatten())));
        let identity = identity::establish(policy.identity(), head, verified)?;
        self.agent = policy.agent_named(&identity.agent);
        (self.agent_id, self.user_id, mcp.tools) = (Some(identity.agent), identity.user, identity.tools);
        let server = policy.server(at).ok_or(Objection::Server)?;
        if !mcp::is_origin_allowed(head, |origin| server.origins.iter().any(|allowed| allowed == origin)) {
            return Err(Objection::Origin.into());
        }
        let agent = self.agent.ok_or(Reason::AgentUnknown)?;
        if !policy.is_user(agent, at) {
            return Err(Objection::Server.into());
        }
        if head.has_query() {
            return Err(Reason::QueryNotAllowed.into());
        }
        session?;
        self.judgement = Some(Judgement { reason: None, rule: Some(server.rule) });
        match head.field(":method") {
            Field::Once(b"POST") => require_message(policy, at, head, ends).map(|()| Awaited::Body),
            Field::Once(b"GET") => mcp.judge_leg("GET", server, head, ends).map(|()| Awaited::Nothing),
            Field::Once(b"DELETE") => mcp.judge_leg("DELETE", server, head, ends).map(|()| Awaited::Nothing),
            _ => Err(Reason::MethodNotAllowed.into()),
        }
    }

    /// Judges the message in a whole body.
    pub(super) fn judge_message(&mut self, policy: &Policy, body: &[u8]) -> Result<(), Denial> {
        let Some(mut mcp) = self.mcp.take() else { return Err(Objection::Server.into()) };
        let judged = self.judge_message_of(policy, &mut mcp, body);
        self.mcp = Some(mcp);
        judged
    }

    fn judge_message_of(&mut self, policy: &Policy, mcp: &mut Mcp, body: &[u8]) -> Result<(), Denial> {
        let server = policy.server(mcp.server).ok_or(Objection::Server)?;
        require_bytes(policy, mcp.server, u64::try_from(body.len()).unwrap_or(u64::MAX))?;
        if body.is_empty() {
            return Err(Reason::BodyMissing.into());
        }
        let bounds = Bounds { numbers: Numbers::Noted, ..Bounds::default() };
        let document = Document::read(body, bounds).map_err(Reason::BodyMalformed)?;
        let message = Message::read(document.root()).map_err(|flaw| {
            mcp.id = flaw.id;
            flaw.problem
        })?;
        mcp.note(&message);
        mcp.version = mcp.agree(server, &message).map_err(|disagreement| only(server, disagreement))?;
        match &message {
            Message::Request(request) => {
                self.judge_request(policy, server, mcp, &document, &message, request, body.len())
            }
            Message::Notification(notification) => {
                mcp::confirm(Head { fields: &mcp.fields }, mcp.version, &message)?;
                let rule = passes(server, &NOTIFICATIONS, notification.method).ok_or(Objection::Method)?;
                self.judge_rest(policy, server, &document, notification.params, body.len(), rule)
            }
            Message::Response(response) => {
                mcp::confirm(Head { fields: &mcp.fields }, mcp.version, &message)?;
                self.judge_rest(policy, server, &document, [response.content], body.len(), server.rule)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all of them are parts of one message")]
    fn judge_request(
        &mut self,
        policy: &Policy,
        server: &Server,
        mcp: &mut Mcp,
        document: &Document<'_>,
        message: &Message<'_>,
        request: &Request<'_>,
        size: usize,
    ) -> Result<(), Denial> {
        let agent = self.agent.ok_or(Reason::AgentUnknown)?;
        let is_known = is_of_target(request.method);
        let of_all = if is_known { None } else { passes(server, &OF_ALL, request.method) };
        if !is_known && of_all.is_none() {
            return Err(Objection::Method.into());
        }
        let call = request.call()?;
        mcp.asked = Asked::of(&call.target);
        mcp::confirm(Head { fields: &mcp.fields }, mcp.version, message)?;
        mcp.is_limited = is_known || !OF_ALL.contains(&request.method);
        let rule = match (&call.target, of_all) {
            (Target::Tool(name), _) => return self.judge_tool(policy, mcp, document, &call, name, size),
            (_, Some(rule)) => {
                // Of a method that nobody knows here, all may be filled in by the client.
                let params = if mcp.is_limited { request.params } else { None };
                return self.judge_rest(policy, server, document, params, size, rule);
            }
            (target, None) => granted_by(policy, mcp.server, agent, target)?.unwrap_or(server.rule),
        };
        let filled = call.besides.iter().copied().chain([call.arguments]);
        self.judge_rest(policy, server, document, filled, size, rule)
    }

    /// Judges a call of a tool as one by the tool's path.
    fn judge_tool(
        &mut self,
        policy: &Policy,
        mcp: &Mcp,
        document: &Document<'_>,
        call: &Call<'_>,
        name: &str,
        size: usize,
    ) -> Result<(), Denial> {
        let agent = self.agent.ok_or(Reason::AgentUnknown)?;
        self.judgement = None;
        self.tool_name = names::tool_name(name.as_bytes()).ok().map(str::to_owned);
        self.tool = policy.tool_of(mcp.server, name);
        let tool = self.tool.ok_or(Reason::ToolUnknown)?;
        let grant = policy.grants(agent, tool).next().ok_or(Reason::ToolNotGranted)?;
        let granted = grant.checks.is_empty().then_some(grant.rule);
        mcp.tools.require(policy.tool_name(tool))?;
        require_size(policy, tool, u64::try_from(size).unwrap_or(u64::MAX))?;
        self.judgement = Some(Judgement { reason: None, rule: granted });
        // Only who may call the tool is told which of its arguments are mirrored.
        mcp.confirm_arguments(policy, tool, call.arguments)?;
        require_exact(policy, agent, tool, document)?;
        self.judge_arguments(policy, agent, tool, document, call.arguments, &call.besides)
    }

    /// Judges what a message that calls no tool carries, by the checks that hold for the whole server.
    fn judge_rest<'d>(
        &mut self,
        policy: &Policy,
        server: &Server,
        document: &Document<'_>,
        filled: impl IntoIterator<Item = Value<'d>>,
        size: usize,
        rule: u32,
    ) -> Result<(), Denial> {
        let limit = server.body_limit;
        if u32::try_from(size).is_ok_and(|size| size > limit.value) || u32::try_from(size).is_err() {
            return Err((Reason::BodyTooLarge { limit: limit.value }, limit.rule).into());
        }
        document.require_admitted(&Admitted::default()).map_err(Reason::BodyMalformed)?;
        for value in filled {
            policy.checks_at(&server.checks).try_for_each(|checks| checks.run_on_strings(value))?;
        }
        self.judgement = Some(Judgement { reason: None, rule: Some(rule) });
        Ok(())
    }
}

impl Mcp {
    /// Judges a GET, which listens to a session, or a DELETE, which ends it.
    fn judge_leg<B: AsRef<[u8]>>(
        &mut self,
        leg: &'static str,
        server: &Server,
        head: Head<'_, B>,
        ends: bool,
    ) -> Result<(), Denial> {
        self.leg = Some(leg);
        let version = mcp::version_of_head(head).map_err(|disagreement| only(server, disagreement))?;
        if !version.has_sessions() {
            return Err(Reason::MethodNotAllowed.into());
        }
        require_spoken(server, version)?;
        if ends { Ok(()) } else { Err(Objection::Body.into()) }
    }
}

/// What the header of a POST must say, whatever its message is.
fn require_message<B: AsRef<[u8]>>(
    policy: &Policy,
    at: ServerIndex,
    head: Head<'_, B>,
    ends: bool,
) -> Result<(), Denial> {
    head.require_plain_json()?;
    let length = head.content_length();
    require_bytes(policy, at, length.unwrap_or_default())?;
    if ends || length == Some(0) { Err(Reason::BodyMissing.into()) } else { Ok(()) }
}

/// Refuses a body that is too large for any message of the server.
pub(super) fn require_bytes(policy: &Policy, at: ServerIndex, size: u64) -> Result<(), Denial> {
    let (limit, server) = (policy.most_bytes(at), policy.server(at).ok_or(Objection::Server)?);
    if size <= u64::from(limit) {
        return Ok(());
    }
    Err((Reason::BodyTooLarge { limit }, server.body_limit.rule).into())
}

#[cfg(test)]
pub(crate) mod tests;
