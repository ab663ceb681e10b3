//! Grants that narrow arguments: what makes one pointless, or wider than it reads.
//!
//! In: the file, its links and the schema files. Out: findings that name both places.
//! Reports only what is certain, and nothing at all while another error may hide a part of a grant.

mod conditions;
mod contradiction;
mod schemas;
mod search;

use crate::{
    diagnostic::{Code, Finding, Findings, Severity, quoted},
    file::{self, PolicyFile},
    lower::{Links, Lowered},
    source::Span,
};
use contradiction::Contradiction;
use schemas::Readable;
use search::{AllGrants, Entry, NotHeld, OfTool};
use std::collections::BTreeMap;
use toolgate_engine::bundle::Subject;

/// How many pairs of conditions are compared. Tool groups multiply grants with tools, and time is not endless.
const MAX_STEPS: usize = 1 << 26;

/// What it counts for that schemas are looked through for a contradiction.
const STEPS_OF_SCHEMAS: usize = 1 << 4;

/// What was found out about a narrowed grant over all its tools.
#[derive(Clone, Default)]
struct Tally<'f> {
    tools: usize,
    /// On how many of the tools nobody is held to it.
    pointless: usize,
    /// The first tool on which somebody is not held to it.
    first: Option<(&'f str, NotHeld)>,
    /// For each condition, on how many tools every call is held to it anyway, and where the first of them says so.
    implied: Vec<(usize, Option<Span>)>,
    /// On how many of the tools no call can hold to it.
    impossible: usize,
    /// Why not on the first of them, and the tool's check that has a part in it.
    why: Option<(Contradiction, Option<Span>)>,
}

/// `name` is what findings call the policy.
pub(crate) fn check(file: &PolicyFile, name: &str, lowered: &Lowered, findings: &mut Findings) {
    // What was written wrongly is left out, and would make a grant look wider than it was meant.
    if !has_any(file) || findings.any(|code| code.about().severity == Severity::Error) {
        return;
    }
    let Lowered { bundle: _, links, files } = lowered;
    let schemas = Readable::of(name, files);
    let grants = AllGrants::of(file, links, &schemas);
    let Some(tallies) = tallies(file, links, &grants, &schemas) else {
        let finding = Finding::of_file(Code::Unfolds, "there are too many narrowed grants to compare all of them");
        findings.add(finding.help("grant groups of agents instead of single agents"));
        return;
    };
    for (at, (entry, tally)) in grants.entries.iter().zip(&tallies).enumerate() {
        if entry.is_narrowed && entry.conditions.is_empty() {
            findings.add(empty(entry));
        } else if let Some(why) = tally.why.as_ref().filter(|_| tally.impossible == tally.tools) {
            findings.add(impossible(entry, why));
        } else if entry.is_narrowed {
            widened(file, &grants, at, tally, findings);
            implied(entry, tally, findings);
        }
    }
}

/// Whether any grant is narrowed.
fn has_any(file: &PolicyFile) -> bool {
    let of_tools = file.tools().iter().map(|tool| &tool.grants);
    let of_tool_groups = file.tool_groups.iter().map(|group| &group.grants);
    of_tools.chain(of_tool_groups).any(|grants| file::narrowings(grants).next().is_some())
}

/// Nothing if that would take too long.
fn tallies<'f>(
    file: &'f PolicyFile,
    links: &Links,
    grants: &AllGrants<'f>,
    schemas: &'f Readable,
) -> Option<Vec<Tally<'f>>> {
    let members = members(file, links);
    let mut steps_left = MAX_STEPS;
    let mut tallies = vec![Tally::default(); grants.entries.len()];
    for (at, tool) in file.tools().iter().enumerate() {
        let places = grants.of_tool(at, links);
        let entries = || places.iter().filter_map(|&at| Some((at, grants.entries.get(at)?)));
        if !entries().any(|(_, entry)| entry.is_narrowed) {
            continue;
        }
        let mut by_subject: BTreeMap<Subject, Vec<usize>> = BTreeMap::new();
        entries().for_each(|(at, entry)| by_subject.entry(entry.subject).or_default().push(at));
        let checked = conditions::of_tool(file, tool, links.tool_groups_of(at), schemas);
        let of_tool = OfTool { grants, links, by_subject, checked };
        for (at, entry) in entries().filter(|(_, entry)| entry.is_narrowed) {
            let members = members_of(entry.subject, &members);
            steps_left = steps_left.saturating_sub(STEPS_OF_SCHEMAS);
            let not_held = of_tool.not_held(at, &members, &mut steps_left);
            if let Some(tally) = tallies.get_mut(at) {
                tally.add(&tool.id.name, entry, not_held, &of_tool);
            }
        }
    }
    (steps_left > 0).then_some(tallies)
}

/// The agents of each group.
fn members(file: &PolicyFile, links: &Links) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); file.groups().len()];
    for agent in 0..file.agents().len() {
        for &group in links.groups_of(agent) {
            members.get_mut(group).into_iter().for_each(|members| members.push(agent));
        }
    }
    members
}

fn members_of(subject: Subject, members: &[Vec<usize>]) -> Vec<usize> {
    match subject {
        Subject::Agent(agent) => usize::try_from(agent).into_iter().collect(),
        Subject::Group(group) => {
            usize::try_from(group).ok().and_then(|group| members.get(group)).cloned().unwrap_or_default()
        }
    }
}

impl<'f> Tally<'f> {
    fn add(&mut self, tool: &'f str, entry: &Entry<'_>, not_held: NotHeld, of_tool: &OfTool<'_, '_>) {
        self.tools = self.tools.saturating_add(1);
        match not_held {
            NotHeld::Nobody => {}
            NotHeld::Agent { .. } => self.first = self.first.or(Some((tool, not_held))),
            NotHeld::Everybody { .. } => {
                self.pointless = self.pointless.saturating_add(1);
                self.first = self.first.or(Some((tool, not_held)));
            }
        }
        if let Some(why) = contradiction::of_grant(&entry.conditions, &of_tool.checked) {
            self.impossible = self.impossible.saturating_add(1);
            self.why.get_or_insert(why);
        }
        self.implied.resize(entry.conditions.len(), (0, None));
        for (condition, (tools, place)) in entry.conditions.iter().zip(&mut self.implied) {
            if let Some(given) = of_tool.checked.iter().find(|given| given.implies(condition)) {
                *tools = tools.saturating_add(1);
                place.get_or_insert(given.span);
            }
        }
    }
}

fn empty(entry: &Entry<'_>) -> Finding {
    let finding = Finding::new(Code::EmptyNarrowing, entry.span, "the `arguments` of this grant check nothing");
    finding.help(format!("add a check, or write {} alone to grant any arguments", quoted(entry.name)))
}

fn impossible(entry: &Entry<'_>, (why, place): &(Contradiction, Option<Span>)) -> Finding {
    let Contradiction { pointer, why } = why;
    let what = if pointer.is_empty() { "the object".to_owned() } else { quoted(pointer) };
    let finding =
        Finding::new(Code::ImpossibleGrant, entry.span, format!("no arguments hold to this grant: {what} {why}"));
    place.iter().fold(finding, |finding, &place| finding.label(place, "together with this"))
}

/// Says that others let pass what the grant refuses: everywhere, or for an agent or a tool of several.
fn widened(file: &PolicyFile, grants: &AllGrants<'_>, at: usize, tally: &Tally<'_>, findings: &mut Findings) {
    let (Some(entry), Some((tool, not_held))) = (grants.entries.get(at), tally.first) else { return };
    let (who, by) = match not_held {
        NotHeld::Nobody => return,
        NotHeld::Everybody { by } => match entry.subject {
            Subject::Agent(_) => (quoted(entry.name), by),
            Subject::Group(_) => (format!("each agent of {}", quoted(entry.name)), by),
        },
        NotHeld::Agent { agent, by } => {
            let id = file.agents().get(agent).map(|agent| agent.id.name.as_str()).unwrap_or_default();
            (format!("{} of {}", quoted(id), quoted(entry.name)), by)
        }
    };
    let Some(other) = grants.entries.get(by.at) else { return };
    let is_pointless = tally.pointless == tally.tools;
    let code = if is_pointless { Code::PointlessNarrowing } else { Code::PartialNarrowing };
    let on =
        if is_pointless && grants.is_of_tool_group(at) { "the tools of the group".to_owned() } else { quoted(tool) };
    let (what, label) = match (other.conditions.is_empty(), by.is_strictly) {
        (true, _) => ("any arguments all the same", "granted any arguments here"),
        (false, true) => ("arguments that this grant refuses", "this grant checks less"),
        (false, false) => ("the same arguments by another grant", "this grant lets pass the same"),
    };
    let message = format!("{who} may call {on} with {what}");
    let help = "one grant that holds is enough: narrow the other one, too, or take it out";
    findings.add(Finding::new(code, entry.span, message).label(other.span, label).help(help));
}

fn implied(entry: &Entry<'_>, tally: &Tally<'_>, findings: &mut Findings) {
    for (condition, &(tools, place)) in entry.conditions.iter().zip(&tally.implied) {
        let Some(place) = place.filter(|_| tools == tally.tools) else { continue };
        let finding = Finding::new(Code::RepeatedCheck, condition.span, "every call is held to this anyway");
        findings.add(finding.label(place, "checked here, whoever calls"));
    }
}
