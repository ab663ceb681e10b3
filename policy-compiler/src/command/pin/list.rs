//! A saved answer to `tools/list`, read as the filter reads it.
//!
//! In: bytes of an answer, of its result, of its list, or of the event stream that it came in. Out: its tools with their
//! pins, and why others have none. A page that another reader may read otherwise is no page.

use super::{Finding, Mirrors};
use std::sync::LazyLock;
use toolgate_engine::{
    arguments::{ArgumentChecks, Offence},
    bundle::{self, Deployment},
    json::{Bounds, Document, Kind, Numbers, Value},
    mcp::{self, Awaited, BadList, Entry, EventStream, Fate, ListKind, Pin, Said, Unfit, Version},
    names,
    policy::Policy,
};

/// One page.
#[derive(Debug)]
pub(super) struct List {
    pub(super) file: String,
    pub(super) pinned: Vec<(String, Pin, Mirrors)>,
    pub(super) findings: Vec<Finding>,
    /// What is to be told of tools that have a pin all the same.
    pub(super) notices: Vec<Finding>,
    /// Whether the server says that another page follows.
    pub(super) has_more: bool,
}

/// What the filter reads of an answer.
const BOUNDS: Bounds = Bounds { depth: 128, values: 1_000_000, numbers: Numbers::Any };

const NO_ANSWER: &str = "is no answer to `tools/list`, no result of one and no list of tools";

/// What a saved text is, and so what is missing around it.
enum Form {
    Message,
    Result,
    Tools,
}

/// Reads the pages of a file; the words of an error follow the file's name.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Vec<List>, String> {
    if matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return page(file, bytes).map(|list| vec![list]);
    }
    match events(bytes)? {
        events if events.is_empty() => page(file, bytes).map(|list| vec![list]),
        events => pages(file, &events),
    }
}

/// The data of a stream's events. A file often lacks the last empty line; a text that was cut off is found when it is read.
fn events(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut events = Vec::new();
    let mut collect = |event: &mcp::Event| {
        events.push(event.data.clone());
        Fate::Pass
    };
    let mut stream = EventStream::new(bytes.len().saturating_add(2));
    let mut pushed = stream.push(bytes, &mut Vec::new(), &mut collect);
    if pushed.is_ok() {
        pushed = stream.push(b"\n\n", &mut Vec::new(), &mut collect);
    }
    pushed.map_err(|_| "has an event that is too large".to_owned())?;
    Ok(events)
}

/// Those events that are answers to `tools/list`; others tell of progress, or ask the client.
fn pages(file: &str, events: &[Vec<u8>]) -> Result<Vec<List>, String> {
    let mut lists = Vec::new();
    for event in events {
        let document = document(event)?;
        if form(document.root()).is_ok() {
            lists.push(page(file, event)?);
        }
    }
    if lists.is_empty() { Err("has no event that is an answer to `tools/list`".to_owned()) } else { Ok(lists) }
}

fn document(bytes: &[u8]) -> Result<Document<'_>, String> {
    Document::read(bytes, BOUNDS).map_err(|malformed| format!("is no strict JSON: {malformed}"))
}

/// One answer.
fn page(file: &str, bytes: &[u8]) -> Result<List, String> {
    let document = document(bytes)?;
    let (form, result) = form(document.root())?;
    let is_cursor = |cursor: Value<'_>| cursor.kind() != Kind::Null;
    let has_more = result.and_then(|result| result.child("nextCursor")).is_some_and(is_cursor);
    let mut list =
        List { file: file.to_owned(), pinned: Vec::new(), findings: Vec::new(), notices: Vec::new(), has_more };
    let (before, behind) = match form {
        Form::Message => ("", ""),
        Form::Result => ("{\"result\":", "}"),
        Form::Tools => ("{\"result\":{\"tools\":", "}}"),
    };
    list.take(&[before.as_bytes(), bytes, behind.as_bytes()].concat()).map_err(words)?;
    Ok(list)
}

/// What was saved, and the result in it.
fn form(root: Value<'_>) -> Result<(Form, Option<Value<'_>>), String> {
    if root.kind() == Kind::Array {
        return Ok((Form::Tools, None));
    }
    if root.child("error").is_some() {
        return Err("is an error of the server, and no list".to_owned());
    }
    let (form, result) = root.child("result").map_or((Form::Result, root), |result| (Form::Message, result));
    if result.child("tools").is_some() { Ok((form, Some(result))) } else { Err(NO_ANSWER.to_owned()) }
}

fn words(unfit: Unfit) -> String {
    match unfit {
        Unfit::Malformed(malformed) => format!("is no strict JSON: {malformed}"),
        Unfit::NoMessage => "has a key that another reader may take for one of a message".to_owned(),
        Unfit::List(BadList::NoArray) => "has a list that is no array".to_owned(),
        Unfit::List(BadList::Lookalike) => "has a key that another reader may take for that of a list".to_owned(),
    }
}

impl List {
    /// Lets the filter's own reader go through a message.
    fn take(&mut self, message: &[u8]) -> Result<(), Unfit> {
        let awaited = Awaited { version: Version::V2025_11_25, request: None };
        let passed = mcp::pass(message, &awaited, &mut |said| {
            if let Said::Entry(entry) = said
                && entry.kind == ListKind::Tools
            {
                self.entry(entry);
            }
            true
        })?;
        for (_, name) in passed.lists.duplicates.iter().filter(|(kind, _)| *kind == ListKind::Tools) {
            self.findings.push(Finding::of(&self.file, name, "stands there more than once, and is shown to nobody"));
        }
        let nameless = passed.lists.nameless;
        if nameless > 0 {
            let message = format!("{nameless} of the entries have no exact name, and are shown to nobody");
            self.findings.push(Finding { file: self.file.clone(), tool: None, message });
        }
        Ok(())
    }

    fn entry(&mut self, Entry { name, value, .. }: Entry<'_>) {
        match pin(name, value) {
            Ok(pin) => {
                self.pinned.push((name.to_owned(), pin, Mirrors::of_entry(value)));
                self.notices.extend(order(value).map(|what| Finding::of(&self.file, name, &what)));
            }
            Err(why) => self.findings.push(Finding::of(&self.file, name, &why)),
        }
    }
}

/// What reads like an order to a model: it is told, and pinned all the same, for who pins it has read it.
fn order(tool: Value<'_>) -> Option<String> {
    let Some(mcp::Finding::Instruction(Offence { pointer, .. })) = mcp::scan(tool, instructions()) else { return None };
    let place = pointer.escape_debug();
    Some(format!("says at `{place}` what reads like an order to a model: read it before you pin it"))
}

/// What the filter searches definitions for, by a policy that has nothing but a server.
fn instructions() -> Option<&'static ArgumentChecks> {
    static POLICY: LazyLock<Option<Policy>> = LazyLock::new(|| {
        let bundle = policy_compiler::compile("", SERVER.as_bytes()).bundle?;
        Policy::load(bundle::encode(&bundle, Deployment::default()).ok()?.as_bytes()).ok()
    });
    POLICY.as_ref()?.instructions()
}

const SERVER: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\nagents: { a: {} }\n\
                      servers: { s: { path: /s, tools: { t: { agents: [a] } } } }\n";

/// The pin of a tool, or why nobody should pin it.
fn pin(name: &str, tool: Value<'_>) -> Result<Pin, String> {
    names::tool_name(name.as_bytes()).map_err(|why| format!("cannot stand in a policy: {why}"))?;
    if let Some(mcp::Finding::Hidden { pointer }) = mcp::scan(tool, None) {
        let place = pointer.escape_debug();
        return Err(format!("has letters that nobody sees at `{place}`: look at it before you pin it"));
    }
    Pin::of(tool).ok_or_else(|| "has no pin: it nests too deep, or holds a number beyond all measure".to_owned())
}
