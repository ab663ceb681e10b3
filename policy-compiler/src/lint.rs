//! Warnings: what the policy says, and its author may not have meant.
//!
//! In: the file and what it was lowered to, so that the judgement is about what will be enforced. Out: findings.
//! Refuses nothing.

mod servers;

use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    file::{self, Given, PolicyFile, SourceKind},
    lower::{Links, Lowered},
    source::Span,
};
use std::collections::HashSet;
use toolgate_engine::{
    bundle::{Bundle, CertificateName, Mode, Subject, Tool},
    views,
};

pub(crate) fn lint(file: &PolicyFile, lowered: &Lowered, findings: &mut Findings) {
    let Lowered { bundle, links, files: _ } = lowered;
    identity(file, findings);
    emptiness(file, findings);
    shadow(file, bundle, findings);
    dead_literals(file, bundle, links, findings);
    // What is missing may have been written, and not been understood.
    if !findings.any(hides_something) {
        grants(file, bundle, links, findings);
        groups(file, links, findings);
        tool_groups(file, findings);
        defaults(file, findings);
        unanswered(file, bundle, findings);
        servers::lint(file, bundle, findings);
    }
    servers::places(file, findings);
}

/// Whether a finding means that something which was written is not in the file as it was read.
fn hides_something(code: Code) -> bool {
    matches!(
        code,
        Code::YamlFeature
            | Code::DuplicateKey
            | Code::UnknownKey
            | Code::MissingKey
            | Code::WrongType
            | Code::UnknownAgent
            | Code::UnknownGroup
            | Code::UnknownTool
            | Code::Unfolds
    )
}

fn identity(file: &PolicyFile, findings: &mut Findings) {
    for source in file.sources() {
        let note = |code, message: String, help| Finding::new(code, source.what, message).help(help);
        let note = match &source.kind {
            SourceKind::Token(_) => continue,
            SourceKind::Header(header) => note(
                Code::IdentityHeader,
                format!("whoever can set `{header}` is that agent"),
                "let the gateway remove it from what clients send, and set it from what it has verified",
            ),
            SourceKind::ApiKey(header) => note(
                Code::ClientIdHeader,
                format!("where no API key is asked for, whoever can set `{header}` is that agent"),
                "ask for an API key on each route with this policy, and let Envoy forward the client's id in this header",
            ),
            SourceKind::Certificate(CertificateName::UriSan | CertificateName::DnsSan) => note(
                Code::ClientCertificate,
                "whoever has a certificate with that name is that agent".to_owned(),
                "let Envoy verify clients against a CA that gives such names to agents only, and require a certificate",
            ),
            SourceKind::Certificate(CertificateName::Subject) => note(
                Code::SubjectName,
                "of the subject only the common name counts, which many CAs do not keep apart".to_owned(),
                "use `uri_san` or `dns_san`, or let Envoy verify clients against a CA of the agents' own",
            ),
        };
        findings.add(note);
    }
}

fn emptiness(file: &PolicyFile, findings: &mut Findings) {
    let nothing = |key: &str, span: Span| {
        let message = format!("there are no {key}, so that every call is refused");
        Finding::new(Code::NothingDeclared, span, message)
    };
    if let Some(Given { span, value: Some(agents) }) = &file.agents
        && agents.is_empty()
    {
        findings.add(nothing("agents", *span));
    }
    if let Some(Given { span, value: Some(tools) }) = &file.tools
        && tools.is_empty()
        && file.servers.is_empty()
    {
        findings.add(nothing("tools", *span));
    }
}

fn grants(file: &PolicyFile, bundle: &Bundle, links: &Links, findings: &mut Findings) {
    let mut granted_agents = HashSet::new();
    let mut granted_groups = HashSet::new();
    for (tool, lowered) in file.tools().iter().zip(&bundle.tools) {
        let mut reaches = false;
        for grant in &lowered.grants {
            reaches |= match grant.subject {
                Subject::Agent(agent) => {
                    granted_agents.insert(agent);
                    true
                }
                Subject::Group(group) => {
                    granted_groups.insert(group);
                    usize::try_from(group).is_ok_and(|group| links.member_count(group) > 0)
                }
            };
        }
        if !reaches {
            let message = format!("no agent may call the tool {}", quoted(&tool.id.name));
            let finding = Finding::new(Code::NobodyMayCall, tool.id.span, message);
            findings.add(finding.help("list `agents` or `groups` at the tool, or at a tool group that it is in"));
        }
    }
    for link in links.all_readers() {
        match link.subject() {
            Subject::Agent(agent) => granted_agents.insert(agent),
            Subject::Group(group) => granted_groups.insert(group),
        };
    }
    for ((at, agent), lowered) in (0u32..).zip(file.agents()).zip(&bundle.agents) {
        if !granted_agents.contains(&at) && lowered.groups.iter().all(|group| !granted_groups.contains(group)) {
            let message = format!("the agent {} may call no tool", quoted(&agent.id.name));
            findings.add(Finding::new(Code::MayCallNothing, agent.id.span, message));
        }
    }
}

fn groups(file: &PolicyFile, links: &Links, findings: &mut Findings) {
    let of_tools = (0..file.tools().len()).flat_map(|tool| links.grants_of_tool(tool));
    let of_tool_groups = (0..file.tool_groups.len()).flat_map(|group| links.grants_of_tool_group(group));
    let used: HashSet<_> = of_tools
        .chain(of_tool_groups)
        .chain(links.all_readers())
        .filter(|link| link.key == "groups")
        .map(|link| link.index)
        .collect();
    for (at, group) in file.groups().iter().enumerate() {
        let name = quoted(&group.id.name);
        if links.member_count(at) == 0 {
            let message = format!("the group {name} has no agents");
            findings.add(Finding::new(Code::EmptyGroup, group.id.span, message));
        } else if !used.contains(&at) {
            let message = format!("no tool and no tool group names the group {name}");
            findings.add(Finding::new(Code::UnusedGroup, group.id.span, message));
        }
    }
}

fn tool_groups(file: &PolicyFile, findings: &mut Findings) {
    for group in &file.tool_groups {
        let file::ToolGroup { id, tools, grants, limits, arguments } = group;
        let has_tools = tools.as_ref().is_none_or(|tools| tools.value.as_ref().is_none_or(|tools| !tools.is_empty()));
        let says_something = grants.agents.is_some()
            || grants.groups.is_some()
            || limits.rate.is_some()
            || limits.quota.is_some()
            || arguments.schema.is_some()
            || arguments.max_string_length.is_some()
            || arguments.blocked.is_some();
        let why = match (has_tools, says_something) {
            (false, _) => "has no tools",
            (true, false) => "gives its tools nothing",
            (true, true) => continue,
        };
        findings.add(Finding::new(Code::IdleToolGroup, id.span, format!("the tool group {} {why}", quoted(&id.name))));
    }
}

fn shadow(file: &PolicyFile, bundle: &Bundle, findings: &mut Findings) {
    for tool in file.tools() {
        if let Some(Given { span, value: Some(Mode::Shadow) }) = tool.mode {
            let message = format!("denials of calls of {} are recorded, not enforced", quoted(&tool.id.name));
            findings
                .add(Finding::new(Code::ShadowMode, span, message).help("write `enforce` once you have seen enough"));
        }
    }
    if let Some(Given { span, value: Some(Mode::Shadow) }) = file.defaults.mode {
        let tools = file.tools().iter().filter(|tool| tool.mode.is_none()).count();
        let message = format!("denials are recorded, not enforced, for each tool without a `mode` ({tools} of them)");
        findings.add(Finding::new(Code::ShadowMode, span, message).help("write `enforce` once you have seen enough"));
    }
    globals_in_shadow(file, bundle, findings);
}

/// Limits of agents hold for calls of every tool.
fn globals_in_shadow(file: &PolicyFile, bundle: &Bundle, findings: &mut Findings) {
    let of_agents = bundle.agents.iter().any(|agent| !agent.globals.is_empty());
    let is_held = |(_, lowered): &(&file::Tool, &Tool)| of_agents || !lowered.globals.is_empty();
    let mut warn = |span, message| {
        let finding = Finding::new(Code::GlobalInShadow, span, message);
        findings.add(finding.help("write `enforce` for calls to be counted in global limits"));
    };
    let held: Vec<_> = file.tools().iter().zip(&bundle.tools).filter(is_held).map(|(tool, _)| tool).collect();
    for tool in &held {
        if let Some(Given { span, value: Some(Mode::Shadow) }) = tool.mode {
            warn(span, format!("calls of {} count in no global limit", quoted(&tool.id.name)));
        }
    }
    let by_default = held.iter().filter(|tool| tool.mode.is_none()).count();
    if let Some(Given { span, value: Some(Mode::Shadow) }) = file.defaults.mode
        && by_default > 0
    {
        warn(span, format!("calls count in no global limit, for tools without a `mode` ({by_default} of them)"));
    }
}

fn unanswered(file: &PolicyFile, bundle: &Bundle, findings: &mut Findings) {
    if let Some(Given { span, value: _ }) = file.unanswered
        && bundle.globals.is_empty()
    {
        let finding = Finding::new(Code::NoEffect, span, "`unanswered` has no effect: there is no global limit");
        findings.add(finding.help("write `scope: global` in a rate or a quota, or take `global_limits` out"));
    }
}

fn defaults(file: &PolicyFile, findings: &mut Findings) {
    let tools = file.tools();
    if tools.is_empty() {
        return;
    }
    let defaults = &file.defaults;
    let mut unused = |key: &str, span: Option<Span>, says_it: fn(&file::Tool) -> bool| {
        if let Some(span) = span
            && tools.iter().all(says_it)
        {
            let message = format!("no tool uses this default: each has its own `{key}`");
            findings.add(Finding::new(Code::UnusedDefault, span, message));
        }
    };
    unused("mode", span(&defaults.mode), |tool| tool.mode.is_some());
    unused("body_limit", span(&defaults.body_limit), |tool| tool.body_limit.is_some());
    unused("rate", span(&defaults.limits.rate), |tool| tool.limits.rate.is_some());
    unused("quota", span(&defaults.limits.quota), |tool| tool.limits.quota.is_some());
    unused("max_string_length", span(&defaults.arguments.max_string_length), |tool| {
        tool.arguments.max_string_length.is_some()
    });
    unused("audit.arguments", span(&file.audit.arguments), |tool| tool.audit_arguments.is_some());
}

fn span<T>(given: &Option<Given<T>>) -> Option<Span> {
    given.as_ref().map(|given| given.span)
}

/// What a grant's own length leaves of the longest string of its tools.
fn shorter(arguments: &file::Arguments, longest: Option<u32>) -> Option<u32> {
    let own = file::value(arguments.max_string_length.as_ref()).unwrap_or(u32::MAX);
    longest.map(|longest| longest.min(own))
}

/// A literal is dead if each tool that checks it refuses a string of its length anyway.
fn dead_literals(file: &PolicyFile, bundle: &Bundle, links: &Links, findings: &mut Findings) {
    let longest = |tool: &toolgate_engine::bundle::Tool| {
        let checks = tool.checks.iter().filter_map(|&at| bundle.checks.get(usize::try_from(at).ok()?));
        checks.filter_map(|checks| checks.max_string_length).map(|length| length.value).min().unwrap_or(u32::MAX)
    };
    let longest: Vec<u32> = bundle.tools.iter().map(longest).collect();
    let mut dead = |arguments: &file::Arguments, longest: Option<u32>| {
        let Some(longest) = longest else { return };
        for literal in file::patterns(arguments).iter().filter(|pattern| pattern.kind == file::PatternKind::Literal) {
            // In the views a letter may become several; white space is as good as one blank.
            let words: Vec<_> = literal.what.name.split_whitespace().collect();
            let length = words.join(" ").chars().count() / views::GROWTH;
            if u32::try_from(length).is_ok_and(|length| length <= longest) {
                continue;
            }
            let message =
                format!("strings of more than {longest} characters are refused anyway, and this is far longer");
            findings.add(Finding::new(Code::DeadLiteral, literal.what.span, message));
        }
    };
    dead(&file.defaults.arguments, longest.iter().max().copied());
    for (tool, longest) in file.tools().iter().zip(&longest) {
        dead(&tool.arguments, Some(*longest));
        file::narrowings(&tool.grants).for_each(|arguments| dead(arguments, shorter(arguments, Some(*longest))));
    }
    for (at, group) in file.tool_groups.iter().enumerate() {
        let members = longest.iter().enumerate().filter(|(tool, _)| links.tool_groups_of(*tool).contains(&at));
        let longest = members.map(|(_, longest)| *longest).max();
        dead(&group.arguments, longest);
        file::narrowings(&group.grants).for_each(|arguments| dead(arguments, shorter(arguments, longest)));
    }
}
