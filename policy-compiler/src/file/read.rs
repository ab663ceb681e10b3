//! The file, mapping by mapping.
//!
//! In: the root of the tree. Out: the [`PolicyFile`].
//! Each mapping is read in one function, in the order of its table.

use super::{
    Agent, Arguments, Audit, Defaults, Given, Grants, Group, Limits, Named, PolicyFile, Server, Tool, ToolGroup,
    fields::{self, Fields},
    servers,
};
use crate::{
    diagnostic::{Code, Finding, Findings},
    shape::{FILE, Names},
    source::{Kind, Node, Span},
};

pub(crate) fn read(root: &Node, findings: &mut Findings) -> PolicyFile {
    let start = first_key(root);
    fields::read(root, start, &FILE, findings, |fields| file(fields, start)).unwrap_or_default()
}

/// Where a key that is missing from the root is reported.
fn first_key(root: &Node) -> Span {
    match &root.kind {
        Kind::Map(entries) => entries.first().map_or(root.span, |entry| entry.key),
        Kind::Scalar { .. } | Kind::List(_) | Kind::Refused => root.span,
    }
}

fn file(fields: &mut Fields<'_, '_>, start: Span) -> PolicyFile {
    fields.exactly("apiVersion");
    fields.exactly("kind");
    let mut file = PolicyFile {
        name: fields.object("metadata", metadata).unwrap_or_default(),
        identity: fields.sources("identity"),
        defaults: fields.object("defaults", defaults).unwrap_or_default(),
        unanswered: fields.object("global_limits", |fields| fields.word("unanswered")).flatten(),
        audit: fields.object("audit", audit).unwrap_or_default(),
        schema_format: fields.word("schema_format"),
        schemas: fields.shared_schemas(),
        agents: fields.named(Names::Agents, agent),
        groups: groups(fields),
        tool_groups: fields.named(Names::ToolGroups, tool_group).and_then(|given| given.value).unwrap_or_default(),
        ..PolicyFile::default()
    };
    (file.tools, file.servers) = tools(fields, start);
    file
}

/// The tools with a path, then those of servers.
fn tools(fields: &mut Fields<'_, '_>, start: Span) -> (Option<Given<Vec<Tool>>>, Vec<Server>) {
    let tools = fields.named(Names::Tools, tool);
    let (servers_span, servers, of_servers) = servers::servers(fields);
    let tools = match (tools, servers_span) {
        (Some(Given { span, value }), _) => {
            Some(Given { span, value: value.map(|tools| tools.into_iter().chain(of_servers).collect()) })
        }
        (None, Some(span)) => Some(Given { span, value: Some(of_servers) }),
        (None, None) => {
            let finding = Finding::new(Code::MissingKey, start, "the key `tools` is missing");
            fields.findings.add(finding.help("`tools`: The tools that may be called at `/tools/{name}`."));
            None
        }
    };
    (tools, servers)
}

fn metadata(fields: &mut Fields<'_, '_>) -> String {
    fields.text("description");
    fields.text("name").and_then(|given| given.value).unwrap_or_default()
}

fn defaults(fields: &mut Fields<'_, '_>) -> Defaults {
    Defaults {
        mode: fields.word("mode"),
        body_limit: fields.size("body_limit"),
        limits: limits(fields),
        arguments: fields.object("arguments", arguments).unwrap_or_default(),
    }
}

fn audit(fields: &mut Fields<'_, '_>) -> Audit {
    Audit {
        arguments: fields.word("arguments"),
        redact: fields.texts("redact"),
        max_bytes: fields.integer("max_bytes"),
    }
}

fn agent(id: Named, fields: &mut Fields<'_, '_>) -> Agent {
    fields.text("description");
    Agent { id, limits: limits(fields) }
}

fn groups(fields: &mut Fields<'_, '_>) -> Option<Given<Vec<Group>>> {
    let Given { span, value } = fields.named_lists(Names::Groups, Names::Agents)?;
    let group = |(id, agents)| Group { id, agents };
    Some(Given { span, value: value.map(|lists| lists.into_iter().map(group).collect()) })
}

fn tool_group(id: Named, fields: &mut Fields<'_, '_>) -> ToolGroup {
    fields.text("description");
    ToolGroup {
        id,
        tools: fields.list_of("tools", Names::Tools),
        grants: grants(fields),
        limits: limits(fields),
        arguments: fields.object("arguments", arguments).unwrap_or_default(),
    }
}

/// A tool, of a server or not.
pub(super) fn tool(id: Named, fields: &mut Fields<'_, '_>) -> Tool {
    fields.text("description");
    Tool {
        id,
        server: None,
        pin: None,
        grants: grants(fields),
        mode: fields.word("mode"),
        body_limit: fields.size("body_limit"),
        limits: limits(fields),
        arguments: fields.object("arguments", arguments).unwrap_or_default(),
        audit_arguments: fields.object("audit", |fields| fields.word("arguments")).flatten(),
    }
}

fn grants(fields: &mut Fields<'_, '_>) -> Grants {
    Grants { agents: fields.grants(Names::Agents), groups: fields.grants(Names::Groups) }
}

fn limits(fields: &mut Fields<'_, '_>) -> Limits {
    Limits { rate: fields.rate("rate"), quota: fields.quota("quota") }
}

/// Checks of arguments, of whomever they are.
pub(super) fn arguments(fields: &mut Fields<'_, '_>) -> Arguments {
    Arguments {
        schema: fields.schema(),
        max_string_length: fields.integer("max_string_length"),
        blocked: fields.patterns("blocked"),
    }
}
