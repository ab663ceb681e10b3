//! `pin`: what a server says of its tools becomes pins for the policy.
//!
//! In: saved answers to `tools/list`, and a policy to compare with. Out: each tool's pin, as lines of YAML or as JSON.
//! Asks no server: whoever saved the answers has looked at them.

mod compare;
mod list;
mod mirrors;

use super::{
    CouldNotRun, Format, Outcome, input,
    output::{self, Existing, Talk},
};
use clap::Args;
use list::List;
use mirrors::Mirrors;
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};
use toolgate_engine::mcp::Pin;

/// Prints the pins of the tools in saved answers to `tools/list`.
#[derive(Debug, Args)]
pub(super) struct PinCommand {
    /// The answers, one for each page: as JSON or as an event stream, or their results, or their lists of tools; `-` is
    /// standard input.
    #[arg(value_name = "LIST", required = true)]
    lists: Vec<PathBuf>,
    /// Says which pins of this policy are others, or of tools that are gone.
    #[arg(long, value_name = "POLICY", requires = "server")]
    policy: Option<PathBuf>,
    /// The server of the policy that gave the answers.
    #[arg(long, value_name = "NAME", requires = "policy")]
    server: Option<String>,
    /// How pins are written: for people as lines of the policy, with findings on standard error.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Writes this file, in one step, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// All that is said of the answers, and the JSON that `--format json` writes.
#[derive(Debug, Default, Serialize)]
struct Report {
    tools: Vec<Pinned>,
    findings: Vec<Finding>,
}

/// A tool with its pin.
#[derive(Debug, Serialize)]
struct Pinned {
    name: String,
    #[serde(serialize_with = "as_text")]
    pin: Pin,
    #[serde(skip)]
    mirrors: Mirrors,
    /// What the policy says of it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<compare::Declared>,
}

/// Why a tool has no pin, or not the one of the policy.
#[derive(Debug, Serialize)]
struct Finding {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    message: String,
}

impl PinCommand {
    pub(super) fn run(self, talk: &Talk) -> Result<Outcome, CouldNotRun> {
        let pins = match self.policy.as_deref().zip(self.server.as_deref()) {
            None => None,
            Some((policy, server)) => match compare::read(policy, server, talk)? {
                Some(pins) => Some(pins),
                None => return Ok(Outcome::Findings),
            },
        };
        let mut report = merged(read(&self.lists, talk)?);
        if let Some(pins) = pins {
            pins.compare(&mut report);
        }
        let text = match self.format {
            Format::Human => report.lines(talk),
            Format::Json => serde_json::to_string_pretty(&report)
                .map(|json| format!("{json}\n"))
                .map_err(|error| CouldNotRun(format!("cannot write JSON: {error}")))?,
        };
        output::product(&text, self.output.as_deref(), Existing::Replace)?;
        Ok(if report.findings.is_empty() { Outcome::Clean } else { Outcome::Findings })
    }
}

/// Goes on after a file that cannot be read, so that one run says everything.
fn read(paths: &[PathBuf], talk: &Talk) -> Result<Vec<List>, CouldNotRun> {
    let (mut lists, mut unread) = (Vec::new(), None);
    for path in paths {
        match read_one(path) {
            Ok(list) => lists.extend(list),
            Err(why) => {
                if let Some(CouldNotRun(before)) = unread.replace(why) {
                    talk.error(&before);
                }
            }
        }
    }
    unread.map_or(Ok(lists), Err)
}

fn read_one(path: &Path) -> Result<Vec<List>, CouldNotRun> {
    let input = input::read(path)?;
    list::read(&input.name, &input.bytes).map_err(|why| CouldNotRun(format!("`{}` {why}", input.name)))
}

/// Puts pages together. What stands on two of them is one tool if it is the same, and nobody's pin if not.
fn merged(lists: Vec<List>) -> Report {
    let mut report = Report::default();
    let last = lists.iter().all(|list| list.has_more).then(|| lists.last().map(|list| list.file.clone())).flatten();
    let (mut pins, mut refused) = (BTreeMap::new(), HashSet::new());
    for List { file, pinned, findings, notices, has_more: _ } in lists {
        refused.extend(findings.iter().filter_map(|finding| finding.tool.clone()));
        report.findings.extend(findings);
        report.findings.extend(notices);
        for (name, pin, mirrors) in pinned {
            if pins.entry(name.clone()).or_insert((pin, mirrors)).0 != pin && refused.insert(name.clone()) {
                report.findings.push(Finding::of(&file, &name, "stands on two pages, and is not the same there"));
            }
        }
    }
    let of_one_mind = pins.into_iter().filter(|(name, _)| !refused.contains(name));
    report.tools = of_one_mind.map(|(name, (pin, mirrors))| Pinned { name, pin, mirrors, policy: None }).collect();
    report.findings.extend(last.map(|file| Finding {
        file,
        tool: None,
        message: "the list goes on: save the page behind `nextCursor`, too".to_owned(),
    }));
    report
}

impl Report {
    /// Lines for `tools` of a server; findings are said beside them.
    fn lines(&self, talk: &Talk) -> String {
        for Finding { file, message, .. } in &self.findings {
            talk.say(&format!("{file}: {message}"));
        }
        let line = |Pinned { name, pin, .. }: &Pinned| format!("{}: {{ pin: \"{pin}\" }}\n", key(name));
        self.tools.iter().map(line).collect()
    }
}

impl Finding {
    /// A server wrote the name: it may hold letters that move what is before it.
    fn of(file: &str, tool: &str, what: &str) -> Self {
        let message = format!("the tool `{}` {what}", tool.escape_debug());
        Self { file: file.to_owned(), tool: Some(tool.to_owned()), message }
    }
}

/// A name as a key of YAML, quoted where a reader may take it for something else than a text.
fn key(name: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !WORDS.iter().any(|word| name.eq_ignore_ascii_case(word));
    if is_plain { name.to_owned() } else { format!("\"{name}\"") }
}

fn as_text<S: serde::Serializer>(pin: &Pin, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(pin)
}
