//! `pin`: what a server says of its tools becomes pins for the policy.
//!
//! In: a saved answer to `tools/list`, its result, or the list alone. Out: each tool's pin, as lines of YAML.
//! Asks no server: whoever saved the answer has looked at it.

use super::{
    CouldNotRun, Outcome, input,
    output::{self, Existing, Talk},
};
use clap::Args;
use std::{collections::HashSet, path::PathBuf};
use toolgate_engine::{
    json::{Bounds, Document, Kind, Numbers, Value},
    mcp::{Pin, scan},
};

/// Prints the pins of the tools in a saved answer to `tools/list`.
#[derive(Debug, Args)]
pub(super) struct PinCommand {
    /// The answer, its result or its list of tools, as JSON; `-` is standard input.
    #[arg(value_name = "LIST")]
    list: PathBuf,
    /// Writes this file, in one step, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const BOUNDS: Bounds = Bounds { depth: 128, values: 1_000_000, numbers: Numbers::Any };

impl PinCommand {
    pub(super) fn run(self, talk: &Talk) -> Result<Outcome, CouldNotRun> {
        let input = input::read(&self.list)?;
        let name = &input.name;
        let document = Document::read(&input.bytes, BOUNDS)
            .map_err(|malformed| CouldNotRun(format!("`{name}` is no strict JSON: {malformed}")))?;
        let tools = tools(document.root()).ok_or_else(|| {
            CouldNotRun(format!("`{name}` is no answer to `tools/list`, no result of one and no list"))
        })?;
        let (mut text, mut outcome, mut names) = (String::new(), Outcome::Clean, HashSet::new());
        for tool in tools.elements() {
            match pinned(tool, &mut names) {
                Ok((tool, pin)) => text.push_str(&format!("{tool}: {{ pin: \"{pin}\" }}\n")),
                Err(why) => {
                    talk.say(&format!("{name}: {why}"));
                    outcome = Outcome::Findings;
                }
            }
        }
        if has_more(document.root()) {
            talk.say(&format!("{name}: the list goes on: save the page behind `nextCursor`, too"));
            outcome = Outcome::Findings;
        }
        output::product(&text, self.output.as_deref(), Existing::Replace)?;
        Ok(outcome)
    }
}

/// The list of tools, however much of the answer was saved.
fn tools(root: Value<'_>) -> Option<Value<'_>> {
    let of_result = |result: Value<'_>| result.kind() == Kind::Object;
    let result = root.child("result").filter(|result| of_result(*result)).unwrap_or(root);
    let list = if root.kind() == Kind::Array { root } else { result.child("tools")? };
    (list.kind() == Kind::Array).then_some(list)
}

fn has_more(root: Value<'_>) -> bool {
    let result = root.child("result").unwrap_or(root);
    result.child("nextCursor").is_some_and(|cursor| cursor.kind() != Kind::Null)
}

/// The name of a tool and its pin, or what nobody should pin.
fn pinned<'d>(tool: Value<'d>, names: &mut HashSet<&'d str>) -> Result<(&'d str, Pin), String> {
    let name = tool.child("name").and_then(Value::as_str).ok_or("a tool has no name")?;
    toolgate_engine::names::tool_name(name.as_bytes()).map_err(|why| format!("the tool {name:?} has no pin: {why}"))?;
    if !names.insert(name) {
        return Err(format!("the tool `{name}` stands there twice, and is shown to nobody"));
    }
    if scan(tool, None).is_some() {
        return Err(format!(
            "the tool `{name}` is described in letters that nobody sees: look at it before you pin it"
        ));
    }
    Pin::of(tool).map(|pin| (name, pin)).ok_or_else(|| format!("the tool `{name}` nests too deep to be pinned"))
}
