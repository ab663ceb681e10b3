//! The pins of a server in a policy, and what differs.
//!
//! In: a policy, the name of one of its servers, a report of pins. Out: the report, with what the policy says.
//! Changes no policy: whether a change is a good one is for people to say.

use super::{
    super::{CouldNotRun, input, output::Talk, pack},
    Finding, Mirrors, Pinned, Report,
};
use policy_compiler::Source;
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};
use toolgate_engine::{
    bundle::{self, Bundle, Deployment},
    mcp::Pin,
};

/// What the policy says of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Declared {
    /// It has this pin.
    Same,
    /// It has another pin.
    Other,
    /// It has none.
    Unpinned,
    /// The server has no such tool.
    Undeclared,
}

/// The tools that a policy declares for a server.
pub(super) struct Pins {
    file: String,
    tools: Tools,
}

/// Of each tool its pin, if it has one, and what is mirrored.
type Tools = BTreeMap<String, (Option<Pin>, Mirrors)>;

/// Reads them; nothing if the policy has errors, which are shown.
pub(super) fn read(policy: &Path, server: &str, talk: &Talk) -> Result<Option<Pins>, CouldNotRun> {
    let input = input::read(policy)?;
    let packing = pack(&input, Deployment::default())?;
    let Some(config) = packing.config else {
        talk.findings(&packing.diagnostics, &Source::new(&input.name, &input.bytes), &packing.files);
        return Ok(None);
    };
    let packed =
        bundle::decode(config.as_bytes()).map_err(|error| super::super::refused_by_the_filter(&input.name, &error))?;
    let tools = tools(&packed.bundle, server)
        .ok_or_else(|| CouldNotRun(format!("`{}` has no server `{}`", input.name, server.escape_debug())))?;
    Ok(Some(Pins { file: input.name, tools }))
}

fn tools(bundle: &Bundle, server: &str) -> Option<Tools> {
    let index = bundle.servers.iter().position(|declared| declared.name == server)?;
    let index = u32::try_from(index).ok();
    let of_server = bundle.tools.iter().filter(|tool| tool.server == index && tool.server.is_some());
    let tools = of_server.filter_map(|tool| {
        let name = tool.name.strip_prefix(server)?.strip_prefix('/')?;
        let pin = tool.pin.as_ref().map(|pin| Pin::from_bytes(pin.value));
        Some((name.to_owned(), (pin, Mirrors::of_policy(tool))))
    });
    Some(tools.collect())
}

impl Pins {
    pub(super) fn compare(self, report: &mut Report) {
        let Self { file, tools } = self;
        for tool in &mut report.tools {
            tool.policy = Some(declared(&tools, tool));
        }
        for tool in &report.tools {
            let beyond = tools.get(&tool.name).into_iter().flat_map(|(_, declared)| tool.mirrors.beyond(declared));
            report.findings.extend(beyond.map(|what| Finding::of(&file, &tool.name, &what)));
        }
        let pinned = tools.iter().filter_map(|(name, (pin, _))| Some((name, (*pin)?)));
        for (name, pin) in pinned {
            match report.tools.iter().find(|tool| tool.name == *name).map(|tool| tool.policy) {
                Some(Some(Declared::Other)) => {
                    report.findings.push(Finding::of(&file, name, &format!("has another pin in the policy: {pin}")));
                }
                Some(_) => {}
                None => report.findings.push(Finding::of(&file, name, "has a pin in the policy, and none here")),
            }
        }
    }
}

fn declared(tools: &Tools, tool: &Pinned) -> Declared {
    match tools.get(&tool.name) {
        None => Declared::Undeclared,
        Some((None, _)) => Declared::Unpinned,
        Some((Some(pin), _)) if *pin == tool.pin => Declared::Same,
        Some((Some(_), _)) => Declared::Other,
    }
}
