//! What is odd about MCP servers.
//!
//! In: the file and what it was lowered to. Out: findings.
//! Only that two servers stand at one place is an error: nobody could say whose a message is.

use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    file::{self, PolicyFile, Server},
};
use toolgate_engine::{bundle::Bundle, exchange};

pub(super) fn lint(file: &PolicyFile, bundle: &Bundle, findings: &mut Findings) {
    for (at, (server, lowered)) in (0u32..).zip(file.servers.iter().zip(&bundle.servers)) {
        let has_tools = bundle.tools.iter().any(|tool| tool.server == Some(at) && !tool.grants.is_empty());
        let has_resources = lowered.resources.iter().any(|resource| !resource.grants.is_empty());
        let has_prompts = lowered.prompts.iter().any(|prompt| !prompt.grants.is_empty());
        if !has_tools && !has_resources && !has_prompts {
            let message = format!("no agent may use the server {}", quoted(&server.id.name));
            let finding = Finding::new(Code::IdleServer, server.id.span, message);
            findings.add(finding.help("grant a tool, a resource or a prompt of it"));
        }
        for (resource, given) in lowered.resources.iter().zip(&server.resources) {
            if resource.grants.is_empty() {
                let finding = Finding::new(Code::NobodyMayCall, given.span, "no agent may read these resources");
                findings.add(finding.help("list `agents` or `groups` in the entry"));
            }
        }
        for (prompt, (name, _)) in lowered.prompts.iter().zip(&server.prompts) {
            if prompt.grants.is_empty() {
                let message = format!("no agent may fetch the prompt {}", quoted(&name.name));
                let finding = Finding::new(Code::NobodyMayCall, name.span, message);
                findings.add(finding.help("list `agents` or `groups` at the prompt"));
            }
        }
        methods(server, findings);
        changed(file, server, findings);
    }
}

/// Methods that pass anyway, or that are judged by what they ask for.
fn methods(server: &Server, findings: &mut Findings) {
    for method in file::entries(server.methods.as_ref()) {
        let help = match method.name.as_str() {
            name if exchange::is_of_target(name) => "what such a request asks for is granted by name",
            name if exchange::is_of_protocol(name) => "every agent of the server may use it",
            _ => continue,
        };
        let message = format!("naming {} has no effect", quoted(&method.name));
        findings.add(Finding::new(Code::NoEffect, method.span, message).help(help));
    }
}

fn changed(file: &PolicyFile, server: &Server, findings: &mut Findings) {
    let is_own = |tool: &&file::Tool| tool.server.as_ref().is_some_and(|(name, _)| *name == server.id.name);
    if let Some(given) = &server.changed
        && file.tools().iter().filter(is_own).all(|tool| tool.pin.is_none())
    {
        let finding =
            Finding::new(Code::NoEffect, given.span, "`changed` has no effect: no tool of the server has a pin");
        findings.add(finding.help("pin a tool, or take `changed` out"));
    }
}

/// Servers that could be called at the same path under the same host.
pub(super) fn places(file: &PolicyFile, findings: &mut Findings) {
    let text = |given: &Option<file::Given<String>>| given.as_ref().and_then(|given| given.value.clone());
    for (at, server) in file.servers.iter().enumerate() {
        let (Some(path), host) = (text(&server.path), text(&server.host)) else { continue };
        let is_same = |other: &&Server| {
            let other_host = text(&other.host);
            text(&other.path).as_ref() == Some(&path) && (host.is_none() || other_host.is_none() || other_host == host)
        };
        let Some(first) = file.servers.iter().take(at).find(is_same) else { continue };
        let message =
            format!("the servers {} and {} stand at one path", quoted(&first.id.name), quoted(&server.id.name));
        let finding = Finding::new(Code::TwoServers, server.id.span, message).label(first.id.span, "the other one");
        findings.add(finding.help("give each a path of its own, or each a host"));
    }
}
