//! What `inspect` reports: the bundle with names in place of indexes.
//!
//! In: a packed policy. Out: a [`Report`], which is also the JSON that `--format json` writes.
//! Lays out no text.

use super::{
    automata::{self, Automaton},
    identity::{self, Source},
    schemas::{self, Schemas},
};
use policy_compiler::OBJECT_BYTES;
use serde::Serialize;
use toolgate_engine::bundle::{
    AuditArguments, Bucket, Bundle, Checks, Consequence, Deployment, FORMAT, GlobalLimit, Mirror, Mode, Over, Packed,
    Quota, Rate, Ruled, Share, Subject, Unanswered, Uris, Window,
};
use toolgate_engine::{limits::LimitKind, mcp::Pin};

/// The whole report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Of the packed policy, and so of this report.
    pub(super) format: u32,
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) hold_headers: bool,
    pub(super) packed_bytes: usize,
    pub(super) bundle_bytes: usize,
    /// How much of a Kubernetes object the packed policy takes.
    pub(super) object_percent: usize,
    /// Where the agent's id comes from, in order.
    pub(super) identity: Vec<Source>,
    pub(super) redact: Vec<String>,
    pub(super) audit_max_bytes: u32,
    /// `refuse` or `allow`: what becomes of a call when the rate limit service gives no answer; none without global limits.
    pub(super) unanswered: Option<&'static str>,
    pub(super) groups: Vec<String>,
    pub(super) agents: Vec<Agent>,
    pub(super) tools: Vec<Tool>,
    /// MCP servers; their tools stand among the tools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) servers: Vec<Server>,
    /// How many rules can decide.
    pub(super) rules: usize,
    /// Compiled schemas and what they cost.
    pub(super) schemas: Schemas,
    /// Compiled patterns and what they cost.
    pub(super) automata: Vec<Automaton>,
}

#[derive(Debug, Serialize)]
pub(super) struct Agent {
    pub(super) name: String,
    pub(super) groups: Vec<String>,
    pub(super) limits: Vec<Limit>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) mode: &'static str,
    pub(super) body_limit: u32,
    pub(super) audit_arguments: &'static str,
    pub(super) grants: Vec<Grant>,
    pub(super) limits: Vec<Limit>,
    /// The shortest of all that hold.
    pub(super) max_string_length: Option<u32>,
    /// How many schemas must hold, besides those of grants.
    pub(super) schemas: usize,
    /// How many patterns are blocked; a set is one.
    pub(super) blocked: usize,
    /// The digest of the definition that a server's tool must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pin: Option<String>,
    /// Arguments of a server's tool that are compared with fields of the header.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mirrored: Vec<Mirrored>,
}

#[derive(Debug, Serialize)]
pub(super) struct Mirrored {
    pub(super) field: String,
    /// RFC 6901 pointer to the argument.
    pub(super) argument: String,
    /// The schema that says so.
    pub(super) rule: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) host: Option<String>,
    pub(super) versions: Vec<&'static str>,
    pub(super) origins: Vec<String>,
    /// Methods that pass besides those of all agents.
    pub(super) methods: Vec<String>,
    /// `hide` or `report`: what becomes of a tool that is not as pinned.
    pub(super) changed: &'static str,
    /// The same of one of which the server says what is hidden or reads like an order.
    pub(super) suspicious: &'static str,
    pub(super) resources: Vec<Readable>,
    pub(super) prompts: Vec<Readable>,
}

/// A resource or a prompt.
#[derive(Debug, Serialize)]
pub(super) struct Readable {
    /// Its URI, where URIs begin followed by `*`, or its name.
    pub(super) name: String,
    pub(super) grants: Vec<Grant>,
}

#[derive(Debug, Serialize)]
pub(super) struct Grant {
    /// `agent` or `group`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) rule: String,
    /// What the grant checks besides the tool; nothing if it is for any arguments.
    pub(super) narrowing: Option<Narrowing>,
}

#[derive(Debug, Serialize)]
pub(super) struct Narrowing {
    pub(super) schemas: usize,
    pub(super) max_string_length: Option<u32>,
    pub(super) blocked: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Limit {
    /// `rate` or `quota`.
    pub(super) kind: &'static str,
    /// `60/minute`.
    pub(super) limit: String,
    /// Of a rate, how many calls may come at once.
    pub(super) burst: Option<u32>,
    /// `agent` or `all`.
    pub(super) per: &'static str,
    /// `local` or `global`.
    pub(super) scope: &'static str,
    pub(super) bucket: String,
    /// Of a global limit, the header field that Envoy counts.
    pub(super) header: Option<String>,
    pub(super) rule: String,
}

impl Report {
    pub(super) fn of(packed: &Packed, packed_bytes: usize) -> Self {
        let Packed { bundle, digest, deployment: Deployment { hold_headers }, bundle_bytes } = packed;
        let Bundle {
            name,
            identity,
            audit,
            rules,
            groups,
            agents,
            buckets: _,
            globals,
            unanswered,
            automata: _,
            schemas: _,
            checks: _,
            tools,
            servers,
            instructions: _,
        } = bundle;
        let names = Names(bundle);
        Self {
            format: FORMAT,
            name: name.clone(),
            digest: digest.clone(),
            hold_headers: *hold_headers,
            packed_bytes,
            bundle_bytes: *bundle_bytes,
            object_percent: packed_bytes.saturating_mul(100) / OBJECT_BYTES,
            identity: identity::of(identity),
            redact: audit.redact.clone(),
            audit_max_bytes: audit.max_bytes,
            unanswered: (!globals.is_empty()).then(|| word(*unanswered)),
            groups: groups.clone(),
            agents: agents.iter().map(|agent| names.agent(agent)).collect(),
            tools: tools.iter().map(|tool| names.tool(tool)).collect(),
            servers: servers.iter().map(|server| names.server(server)).collect(),
            rules: rules.len(),
            schemas: schemas::of(bundle),
            automata: automata::of(bundle),
        }
    }
}

/// Looks names up. The engine has checked that every index is good.
struct Names<'a>(&'a Bundle);

impl Names<'_> {
    fn agent(&self, agent: &toolgate_engine::bundle::Agent) -> Agent {
        Agent {
            name: agent.name.clone(),
            groups: pick(&self.0.groups, &agent.groups).cloned().collect(),
            limits: self.limits(&agent.buckets, &agent.globals),
        }
    }

    fn tool(&self, tool: &toolgate_engine::bundle::Tool) -> Tool {
        let checks: Vec<&Checks> = pick(&self.0.checks, &tool.checks).collect();
        let lengths = checks.iter().filter_map(|checks| checks.max_string_length);
        Tool {
            name: tool.name.clone(),
            mode: mode(tool.mode),
            body_limit: tool.body_limit.value,
            audit_arguments: audit_arguments(tool.audit_arguments),
            grants: tool.grants.iter().map(|grant| self.grant(grant)).collect(),
            limits: self.limits(&tool.buckets, &tool.globals),
            max_string_length: lengths.map(|length| length.value).min(),
            schemas: checks.iter().map(|checks| checks.schemas.len()).sum(),
            blocked: checks.iter().flat_map(|checks| &checks.blocked).map(|blocked| blocked.rules.len()).sum(),
            pin: tool.pin.map(|pin| Pin::from_bytes(pin.value).to_string()),
            mirrored: tool.mirrors.iter().map(|mirror| self.mirrored(mirror)).collect(),
        }
    }

    fn mirrored(&self, Ruled { rule, value: Mirror { suffix, pointer } }: &Ruled<Mirror>) -> Mirrored {
        Mirrored { field: format!("Mcp-Param-{suffix}"), argument: pointer.clone(), rule: self.rule(*rule) }
    }

    fn server(&self, server: &toolgate_engine::bundle::Server) -> Server {
        let readable = |name: String, grants: &[toolgate_engine::bundle::Grant]| Readable {
            name,
            grants: grants.iter().map(|grant| self.grant(grant)).collect(),
        };
        let name_of = |uris: &Uris| match uris {
            Uris::One(uri) => uri.clone(),
            Uris::Below(start) => format!("{start}*"),
        };
        let resources = server.resources.iter();
        Server {
            name: server.name.clone(),
            path: server.path.clone(),
            host: server.host.clone(),
            versions: server.versions.iter().map(|version| version.as_str()).collect(),
            origins: server.origins.clone(),
            methods: server.methods.iter().map(|method| method.value.clone()).collect(),
            changed: consequence(server.changed),
            suspicious: consequence(server.suspicious.value),
            resources: resources.map(|resource| readable(name_of(&resource.uri), &resource.grants)).collect(),
            prompts: server.prompts.iter().map(|prompt| readable(prompt.name.clone(), &prompt.grants)).collect(),
        }
    }

    fn grant(&self, grant: &toolgate_engine::bundle::Grant) -> Grant {
        let (kind, name) = match grant.subject {
            Subject::Agent(agent) => ("agent", pick(&self.0.agents, &[agent]).map(|agent| agent.name.clone()).next()),
            Subject::Group(group) => ("group", pick(&self.0.groups, &[group]).next().cloned()),
        };
        let narrowing = (!grant.checks.is_empty()).then(|| self.narrowing(&grant.checks));
        Grant { kind, name: name.unwrap_or_default(), rule: self.rule(grant.rule), narrowing }
    }

    fn narrowing(&self, checks: &[u32]) -> Narrowing {
        let checks = || pick(&self.0.checks, checks);
        Narrowing {
            schemas: checks().map(|checks| checks.schemas.len()).sum(),
            max_string_length: checks().filter_map(|checks| checks.max_string_length).map(|max| max.value).min(),
            blocked: checks().flat_map(|checks| &checks.blocked).map(|blocked| blocked.rules.len()).sum(),
        }
    }

    fn limits(&self, buckets: &[u32], globals: &[u32]) -> Vec<Limit> {
        let local = pick(&self.0.buckets, buckets).flat_map(|bucket| self.limits_of(bucket));
        local.chain(pick(&self.0.globals, globals).map(|limit| self.global(limit))).collect()
    }

    fn global(&self, limit: &GlobalLimit) -> Limit {
        let GlobalLimit { over, share, kind, requests, unit, rule } = limit;
        Limit {
            kind: match kind {
                LimitKind::Rate => "rate",
                LimitKind::Quota => "quota",
            },
            limit: format!("{requests}/{unit}"),
            burst: None,
            per: per(*share),
            scope: "global",
            bucket: match over {
                Over::Tool => "tool".to_owned(),
                Over::Agent => "agent".to_owned(),
                Over::ToolGroup(group) => format!("tool_group/{group}"),
            },
            header: Some(limit.header()),
            rule: self.rule(*rule),
        }
    }

    fn limits_of(&self, bucket: &Bucket) -> impl Iterator<Item = Limit> {
        let limit = |kind, limit, burst, rule| Limit {
            kind,
            limit,
            burst,
            per: per(bucket.share),
            scope: "local",
            bucket: bucket.key.clone(),
            header: None,
            rule: self.rule(rule),
        };
        let rate = bucket.rate.map(|rate| limit("rate", rate_text(rate.value), Some(rate.value.burst), rate.rule));
        let quota = bucket.quota.map(|quota| limit("quota", quota_text(quota.value), None, quota.rule));
        rate.into_iter().chain(quota)
    }

    fn rule(&self, rule: u32) -> String {
        pick(&self.0.rules, &[rule]).next().cloned().unwrap_or_default()
    }
}

fn pick<'a, T>(list: &'a [T], indexes: &[u32]) -> impl Iterator<Item = &'a T> {
    indexes.iter().filter_map(|&index| list.get(usize::try_from(index).ok()?))
}

fn consequence(consequence: Consequence) -> &'static str {
    match consequence {
        Consequence::Hide => "hide",
        Consequence::Report => "report",
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
    }
}

fn audit_arguments(arguments: AuditArguments) -> &'static str {
    match arguments {
        AuditArguments::Full => "full",
        AuditArguments::Redacted => "redacted",
        AuditArguments::Hashed => "hashed",
        AuditArguments::None => "none",
    }
}

fn word(unanswered: Unanswered) -> &'static str {
    match unanswered {
        Unanswered::Refuse => "refuse",
        Unanswered::Allow => "allow",
    }
}

fn per(share: Share) -> &'static str {
    match share {
        Share::EachAgent => "agent",
        Share::AllAgents => "all",
    }
}

fn rate_text(rate: Rate) -> String {
    let period = match rate.period_secs {
        1 => "second",
        60 => "minute",
        3600 => "hour",
        86_400 => "day",
        seconds => return format!("{}/{seconds} seconds", rate.count),
    };
    format!("{}/{period}", rate.count)
}

fn quota_text(quota: Quota) -> String {
    let window = match quota.window {
        Window::Minute => "minute",
        Window::Hour => "hour",
        Window::Day => "day",
        Window::Week => "week",
        Window::Month => "month",
    };
    format!("{}/{window}", quota.count)
}
