//! Patterns of `blocked` lists, compiled to automata that checks share.
//!
//! In: one list after the other. Out: what each list blocks, and all automata, each once.
//! A pattern that cannot be compiled is a finding, and then nothing is packed.

use super::{index, rules::Rules};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    file::{self, Arguments, PatternKind},
    regex::{Cost, Joined, Pattern, Prepared, Refusal, Syntax, join},
    sets,
};
use std::collections::{BTreeMap, HashMap};
use toolgate_engine::{automaton::Automaton, bundle::Blocked, views};

/// From so many states on, what a pattern costs is told.
const WORTH_TELLING: usize = 256;

/// All patterns so far.
#[derive(Default)]
pub(super) struct Patterns {
    automata: Vec<Automaton>,
    known: HashMap<Automaton, u32>,
    /// Each expression and literal is looked at once, however many tools block it.
    seen: HashMap<(PatternKind, String), Result<Single, Refusal>>,
}

/// A pattern that can be compiled, and what it costs alone.
#[derive(Clone)]
struct Single {
    prepared: Prepared,
    /// The shortest text that it matches, in bytes; nothing if it matches none.
    shortest: Option<usize>,
}

/// Patterns of one part of the arguments, each with its rule.
#[derive(Default)]
struct Part {
    singles: Vec<(Prepared, u32)>,
    sets: Vec<(String, u32)>,
}

impl Patterns {
    /// What a list blocks.
    pub(super) fn list(
        &mut self,
        arguments: &Arguments,
        path: &[&str],
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Vec<Blocked> {
        let mut parts: BTreeMap<String, Part> = BTreeMap::new();
        for entry in file::patterns(arguments) {
            let single = match entry.kind {
                PatternKind::Set => None,
                PatternKind::Literal | PatternKind::Regex => match self.single(entry, findings) {
                    None => continue,
                    single => single,
                },
            };
            let at = entry.what.at.to_string();
            let path: Vec<_> = path.iter().copied().chain(["arguments", "blocked", &at]).collect();
            let rule = rules.at(&path);
            let part = parts.entry(entry.part.clone().unwrap_or_default()).or_default();
            match single {
                Some(single) => part.singles.push((single.prepared, rule)),
                None => part.sets.push((entry.what.name.clone(), rule)),
            }
        }
        parts.into_iter().flat_map(|(at, part)| self.part(&at, &part, findings)).collect()
    }

    pub(super) fn into_automata(self) -> Vec<Automaton> {
        self.automata
    }

    fn part(&mut self, at: &str, part: &Part, findings: &mut Findings) -> Vec<Blocked> {
        let (prepared, rules): (Vec<Prepared>, Vec<u32>) = part.singles.iter().cloned().unzip();
        let rule_of = |member: usize| rules.get(member).copied().unwrap_or(u32::MAX);
        let mut blocked: Vec<_> = join(&prepared).into_iter().map(|joined| self.blocked(at, joined, rule_of)).collect();
        for (name, rule) in &part.sets {
            blocked.extend(self.of_set(name, at, *rule, findings));
        }
        blocked
    }

    /// What a set blocks.
    pub(super) fn of_set(&mut self, name: &str, at: &str, rule: u32, findings: &mut Findings) -> Vec<Blocked> {
        match sets::automata(name) {
            Ok(automata) => automata.iter().map(|joined| self.blocked(at, joined.clone(), |_| rule)).collect(),
            Err(why) => {
                findings.add(Finding::of_file(Code::BadPattern, format!("the set `{name}` is damaged: {why}")));
                Vec::new()
            }
        }
    }

    fn blocked(&mut self, at: &str, joined: Joined, rule: impl Fn(usize) -> u32) -> Blocked {
        let Joined { automaton, members } = joined;
        let rules = members.into_iter().map(rule).collect();
        Blocked { at: at.to_owned(), automaton: self.share(automaton), rules }
    }

    fn share(&mut self, automaton: Automaton) -> u32 {
        if let Some(&known) = self.known.get(&automaton) {
            return known;
        }
        let at = index(self.automata.len());
        self.automata.push(automaton.clone());
        self.known.insert(automaton, at);
        at
    }

    /// A literal or an expression, with all that is to be said about it.
    fn single(&mut self, entry: &file::Pattern, findings: &mut Findings) -> Option<Single> {
        let file::Pattern { kind, what, part: _ } = entry;
        let key = (*kind, what.name.clone());
        let single = self.seen.entry(key).or_insert_with(|| single(*kind, &what.name)).clone();
        let finding = |code, message: String| Finding::new(code, what.span, message);
        let single = match single {
            Ok(single) => single,
            Err(Refusal { at, message, help, over_budget }) => {
                let code = if over_budget { Code::CostlyPattern } else { Code::BadPattern };
                let rest = what.name.get(at..).filter(|rest| at > 0 && !rest.is_empty());
                let place = rest.map(|rest| format!(", at {}", quoted(rest))).unwrap_or_default();
                let finding = finding(code, format!("{message}{place}"));
                findings.add(help.into_iter().fold(finding, Finding::help));
                return None;
            }
        };
        match single.shortest {
            Some(0) => {
                let finding = finding(Code::MatchesAll, "this pattern matches the empty text".to_owned());
                findings.add(finding.help("demand at least one letter"));
                return None;
            }
            None => findings.add(finding(Code::NeverMatches, "no text matches this pattern".to_owned())),
            Some(_) => {}
        }
        let Cost { states, bytes } = single.prepared.cost();
        if states >= WORTH_TELLING {
            let message = format!("this pattern costs {states} states, {bytes} bytes in each worker");
            findings.add(finding(Code::PatternCost, message));
        }
        if *kind == PatternKind::Literal
            && let Some(decoded) = views::decoded(&what.name)
        {
            let message = "this literal is itself encoded, and texts are searched decoded, too".to_owned();
            findings.add(finding(Code::EncodedPattern, message).help(format!("write {}", quoted(&decoded))));
        }
        Some(single)
    }
}

fn single(kind: PatternKind, text: &str) -> Result<Single, Refusal> {
    let pattern = match kind {
        PatternKind::Literal | PatternKind::Set => Pattern::literal(text),
        PatternKind::Regex => Pattern::parse(text, Syntax::Rust)?,
    };
    let prepared = Prepared::of(&pattern)?;
    Ok(Single { shortest: pattern.shortest(), prepared })
}
