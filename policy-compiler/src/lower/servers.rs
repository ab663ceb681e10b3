//! MCP servers: where they are, what passes to them, and who may read and fetch what.
//!
//! In: the file and its links. Out: the bundle's servers, in the order of the file.
//! Their tools are lowered with all other tools.

use super::{Link, Links, checks::AllChecks, default_body_limit, index, rules::Rules};
use crate::{
    diagnostic::Findings,
    file::{self, Given, PolicyFile, Tool},
};
use toolgate_engine::{
    bundle::{Grant, Prompt, Resource, Ruled, Server},
    mcp::{Pin, Version},
};

/// The set of patterns of what reads like an order to a model.
const INSTRUCTIONS: &str = "prompt-injection";

/// The index of a tool's server.
pub(super) fn index_of(file: &PolicyFile, tool: &Tool) -> Option<u32> {
    let (server, _) = tool.server.as_ref()?;
    file.servers.iter().position(|other| other.id.name == *server).map(index)
}

/// The pin of a tool.
pub(super) fn pin(tool: &Tool, rules: &mut Rules) -> Option<Ruled<[u8; 32]>> {
    let pin: Pin = tool.pin.as_ref()?.value.as_ref()?.parse().ok()?;
    let rule = rules.at(&[tool.path().as_slice(), &["pin"]].concat());
    Some(Ruled { rule, value: *pin.as_bytes() })
}

pub(super) fn servers(file: &PolicyFile, links: &Links, checks: &mut AllChecks<'_>, rules: &mut Rules) -> Vec<Server> {
    let servers = file.servers.iter().enumerate();
    servers.map(|(at, server)| self::server(file, at, server, links, checks, rules)).collect()
}

/// What no server may say of its tools. It is there once, for all servers, and not at all without one.
pub(super) fn instructions(
    file: &PolicyFile,
    checks: &mut AllChecks<'_>,
    rules: &mut Rules,
    findings: &mut Findings,
) -> Option<u32> {
    if file.servers.is_empty() {
        return None;
    }
    checks.of_set(INSTRUCTIONS, rules.at(&["servers"]), findings)
}

fn server(
    file: &PolicyFile,
    at: usize,
    server: &file::Server,
    links: &Links,
    checks: &mut AllChecks<'_>,
    rules: &mut Rules,
) -> Server {
    let name = server.id.name.as_str();
    let path = ["servers", name];
    let versions = file::entries(server.versions.as_ref()).iter();
    let versions: Vec<_> = versions.filter_map(|version| Version::read(version.name.as_bytes())).collect();
    let methods = file::entries(server.methods.as_ref()).iter().map(|method| {
        let rule = rules.at(&["servers", name, "methods", &method.at.to_string()]);
        Ruled { rule, value: method.name.clone() }
    });
    let methods = methods.collect();
    let suspicious = Ruled {
        rule: rules.at(&["servers", name, "suspicious"]),
        value: file::value(server.suspicious.as_ref()).unwrap_or_default(),
    };
    let resources = server.resources.iter().enumerate().map(|(of_server, resource)| {
        let path = ["servers", name, "resources", &resource.at.to_string()];
        Resource { uri: resource.uris.clone(), grants: grants(links.readers(at, of_server), &path, rules) }
    });
    let resources: Vec<_> = resources.collect();
    let prompts = server.prompts.iter().enumerate().map(|(of_server, (prompt, _))| {
        let links = links.readers(at, resources.len().saturating_add(of_server));
        Prompt { name: prompt.name.clone(), grants: grants(links, &["servers", name, "prompts", &prompt.name], rules) }
    });
    Server {
        name: name.to_owned(),
        path: text(server.path.as_ref()).unwrap_or_default(),
        host: text(server.host.as_ref()),
        versions: if server.versions.is_none() { Version::ALL.to_vec() } else { versions },
        origins: file::entries(server.origins.as_ref()).iter().map(|origin| origin.name.clone()).collect(),
        methods,
        changed: file::value(server.changed.as_ref()).unwrap_or_default(),
        suspicious,
        prompts: prompts.collect(),
        resources,
        rule: rules.at(&path),
        body_limit: default_body_limit(file, rules),
        checks: checks.of_server(),
    }
}

fn grants(links: &[Link], path: &[&str], rules: &mut Rules) -> Vec<Grant> {
    let grant = |link: &Link| {
        let rule = rules.at(&[path, &[link.key, &link.at.to_string()]].concat());
        Grant { subject: link.subject(), rule, checks: Vec::new() }
    };
    links.iter().map(grant).collect()
}

fn text(given: Option<&Given<String>>) -> Option<String> {
    given.and_then(|given| given.value.clone())
}
