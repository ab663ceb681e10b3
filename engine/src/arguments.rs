//! Checks of a call's arguments.
//!
//! In: the checks of a tool and the arguments as they were read. Out: nothing, or the first offence.
//! Knows nothing of agents and limits, and never repeats an argument's value.

use crate::{
    automaton::ReadyAutomaton,
    bundle::{BadConfig, Blocked, Checks, Ruled},
    json::Value,
    patterns::{Found, MAX_AUTOMATA, Scanner},
    views::{self, Allowance, TooLayered},
};
use std::sync::Arc;

/// Checks, ready to run.
pub struct ArgumentChecks {
    max_string_length: Option<Ruled<u32>>,
    /// Patterns, by the part of the arguments that they hold for.
    parts: Vec<Part>,
}

/// What is looked for in one part of the arguments.
struct Part {
    /// The way to the part.
    tokens: Vec<String>,
    scans: Vec<Scan>,
}

/// Automata that search a text together, and the rule of each of their patterns.
struct Scan {
    scanner: Scanner,
    rules: Vec<Vec<u32>>,
}

/// What is wrong with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A string has more characters than this.
    TooLong {
        /// The longest that is allowed, in Unicode scalar values.
        max: u32,
    },
    /// A string holds something that is blocked.
    Blocked,
    /// A string is encoded in more ways than are looked through.
    Obscured,
}

/// The first check that an argument failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// Index of the rule in the policy.
    pub rule: u32,
    /// RFC 6901 pointer into the arguments.
    pub pointer: String,
    /// What is wrong.
    pub fault: Fault,
}

/// Every rule that the checks name.
pub(crate) fn rules_of(checks: &Checks) -> impl Iterator<Item = u32> {
    let Checks { max_string_length, blocked } = checks;
    let of_patterns = blocked.iter().flat_map(|blocked| blocked.rules.iter().copied());
    max_string_length.iter().map(|max| max.rule).chain(of_patterns)
}

/// Joins the automata of each part, once when a policy is loaded.
pub(crate) fn prepare(checks: Checks, automata: &[Arc<ReadyAutomaton>]) -> Result<ArgumentChecks, BadConfig> {
    let Checks { max_string_length, blocked } = checks;
    let mut parts: Vec<Part> = Vec::new();
    for of_part in blocked.chunk_by(|left, right| left.at == right.at) {
        let Some(first) = of_part.first() else { continue };
        let tokens = tokens(&first.at).ok_or(BadConfig::Inconsistent("the pointer of a pattern"))?;
        let scans = of_part.chunks(MAX_AUTOMATA).map(|scan| Scan::of(scan, automata)).collect::<Result<_, _>>()?;
        parts.push(Part { tokens, scans });
    }
    Ok(ArgumentChecks { max_string_length, parts })
}

/// The tokens of an RFC 6901 pointer.
fn tokens(pointer: &str) -> Option<Vec<String>> {
    let mut tokens = pointer.split('/');
    if !tokens.next()?.is_empty() {
        return None;
    }
    let unescaped = |token: &str| {
        let is_escape = |rest: &str| rest.starts_with('0') || rest.starts_with('1');
        let is_right = token.split('~').skip(1).all(is_escape);
        is_right.then(|| token.replace("~1", "/").replace("~0", "~"))
    };
    tokens.map(unescaped).collect()
}

impl Scan {
    fn of(blocked: &[Blocked], automata: &[Arc<ReadyAutomaton>]) -> Result<Self, BadConfig> {
        let mut joined = Vec::new();
        let mut rules = Vec::new();
        for Blocked { at: _, automaton, rules: of_patterns } in blocked {
            let automaton = usize::try_from(*automaton).ok().and_then(|at| automata.get(at));
            let automaton = automaton.ok_or(BadConfig::Inconsistent("a pattern has no automaton"))?;
            if u32::try_from(of_patterns.len()) != Ok(automaton.patterns()) {
                return Err(BadConfig::Inconsistent("a pattern has no rule"));
            }
            joined.push(Arc::clone(automaton));
            rules.push(of_patterns.clone());
        }
        Ok(Self { scanner: Scanner::new(joined), rules })
    }

    /// The rule of the first pattern that is found.
    fn find(&self, text: &[u8]) -> Option<u32> {
        let Found { automaton, pattern } = self.scanner.find(text)?;
        let pattern = usize::try_from(pattern.0).unwrap_or(usize::MAX);
        let rule = self.rules.get(automaton).and_then(|rules| rules.get(pattern));
        // INVARIANT: each pattern has a rule; should one be missing, the call is refused all the same.
        Some(rule.copied().unwrap_or(u32::MAX))
    }
}

impl Part {
    /// Looks through a text. A text that cannot be looked through is charged to the first rule.
    fn look_through(&self, text: &str, allowance: &mut Allowance) -> Option<(u32, Fault)> {
        let find = |view: &[u8]| self.scans.iter().find_map(|scan| scan.find(view));
        match views::look_through(text.as_bytes(), allowance, find) {
            Ok(found) => found.map(|rule| (rule, Fault::Blocked)),
            Err(TooLayered) => {
                let first = self.scans.first().and_then(|scan| scan.rules.first()?.first());
                Some((first.copied().unwrap_or(u32::MAX), Fault::Obscured))
            }
        }
    }
}

impl ArgumentChecks {
    /// Looks at every string of `arguments`, keys too, at any depth; a pattern for one part, at those of the part.
    pub fn run(&self, arguments: Value<'_>) -> Result<(), Offence> {
        let offence = |place, (rule, fault)| Offence { rule, pointer: arguments.pointer_to(place), fault };
        if let Some(max) = self.max_string_length
            && let Some(place) =
                arguments.strings().find_map(|(place, text)| is_longer(text, max.value).then_some(place))
        {
            return Err(offence(place, (max.rule, Fault::TooLong { max: max.value })));
        }
        for part in &self.parts {
            let Some(root) = part.tokens.iter().try_fold(arguments, |value, token| value.child(token)) else {
                continue;
            };
            let mut allowance = Allowance::of(root.raw().len());
            for (place, text) in root.strings() {
                if let Some(found) = part.look_through(text, &mut allowance) {
                    return Err(offence(place, found));
                }
            }
        }
        Ok(())
    }
}

/// A text never has more characters than bytes, so most need no counting.
fn is_longer(text: &str, max: u32) -> bool {
    let fits = |length: usize| u32::try_from(length).is_ok_and(|length| length <= max);
    !fits(text.len()) && !fits(text.chars().count())
}

#[cfg(test)]
mod tests;
