//! Checks of a call's arguments.
//!
//! In: the checks of a tool and the arguments as they were read. Out: nothing, or the first offence.
//! Knows nothing of agents and limits, and never repeats an argument's value.

use crate::{
    automaton::ReadyAutomaton,
    bundle::{BadConfig, Blocked, Checks, Ruled},
    json::{Admitted, Place, Value},
    patterns::{Found, MAX_AUTOMATA, Scanner},
    pointer::tokens,
    schema::{BUDGET, Failure, Schemas},
    views::{self, Allowance, TooLayered},
};
use std::sync::Arc;

/// Checks, ready to run.
pub struct ArgumentChecks {
    schemas: Vec<Ruled<u32>>,
    program: Arc<Schemas>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A value breaks a keyword of a schema.
    Invalid {
        /// The keyword.
        keyword: &'static str,
        /// Where it stands: an RFC 6901 pointer from the schema on, through references.
        place: String,
    },
    /// Judging the arguments by a schema takes more steps than any call may take.
    Costly,
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
    let Checks { schemas, max_string_length, blocked } = checks;
    let of_schemas = schemas.iter().map(|schema| schema.rule);
    let of_patterns = blocked.iter().flat_map(|blocked| blocked.rules.iter().copied());
    of_schemas.chain(max_string_length.iter().map(|max| max.rule)).chain(of_patterns)
}

/// Joins the automata of each part, once when a policy is loaded.
pub(crate) fn prepare(
    checks: Checks,
    automata: &[Arc<ReadyAutomaton>],
    program: &Arc<Schemas>,
) -> Result<ArgumentChecks, BadConfig> {
    let Checks { schemas, max_string_length, blocked } = checks;
    if schemas.iter().any(|schema| usize::try_from(schema.value).is_ok_and(|at| at >= program.entries())) {
        return Err(BadConfig::Inconsistent("a check refers to a schema that is not there"));
    }
    let mut parts: Vec<Part> = Vec::new();
    for of_part in blocked.chunk_by(|left, right| left.at == right.at) {
        let Some(first) = of_part.first() else { continue };
        let tokens = tokens(&first.at).ok_or(BadConfig::Inconsistent("the pointer of a pattern"))?;
        let scans = of_part.chunks(MAX_AUTOMATA).map(|scan| Scan::of(scan, automata)).collect::<Result<_, _>>()?;
        parts.push(Part { tokens, scans });
    }
    Ok(ArgumentChecks { schemas, program: Arc::clone(program), max_string_length, parts })
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

    /// Where the first string without escapes starts in which a pattern is found.
    fn first_plain(&self, root: Value<'_>) -> Option<usize> {
        let mut strings = root.strings_at();
        let plain_at = |byte| strings.find(byte).filter(|string| string.is_plain).map(|string| string.span);
        let (string, _) = self.scanner.find_among(root.raw().as_bytes(), plain_at)?;
        Some(string.start)
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
    /// The first string in which something is wrong. A string without escapes and without views is not looked at by
    /// itself: all of them are searched at once, as they stand in the JSON text.
    fn find(&self, root: Value<'_>, allowance: &mut Allowance) -> Option<(Place, (u32, Fault))> {
        if self.scans.iter().any(|scan| scan.scanner.needs_every_text()) {
            return root.strings().find_map(|(place, text)| Some((place, self.look_through(text, allowance)?)));
        }
        let first_plain = self.scans.iter().filter_map(|scan| scan.first_plain(root)).min();
        let mut strange = views::strange(root.raw());
        let mut strings = root.strings_at();
        let mut from = 0;
        while let Some(byte) = strange(from) {
            from = byte.saturating_add(1);
            if first_plain.is_some_and(|plain| plain < byte) {
                break;
            }
            let Some(string) = strings.find(byte) else { continue };
            from = string.span.end;
            let is_known = string.is_plain && first_plain.is_none_or(|plain| plain != string.span.start);
            let found = if is_known {
                self.look_behind(string.text, allowance)
            } else {
                self.look_through(string.text, allowance)
            };
            if let Some(found) = found {
                return Some((string.place, found));
            }
        }
        let string = root.strings_at().find(first_plain?)?;
        let found = self.look_through(string.text, allowance);
        // What was found among all is found alone; should it not be, the call is refused all the same.
        Some((string.place, found.unwrap_or((u32::MAX, Fault::Blocked))))
    }

    /// Looks through a text and its views.
    fn look_through(&self, text: &str, allowance: &mut Allowance) -> Option<(u32, Fault)> {
        self.charge(views::look_through(text.as_bytes(), allowance, |view| self.rule_of(view)))
    }

    /// Looks through the views of a text that holds no pattern itself.
    fn look_behind(&self, text: &str, allowance: &mut Allowance) -> Option<(u32, Fault)> {
        self.charge(views::look_behind(text.as_bytes(), allowance, |view| self.rule_of(view)))
    }

    fn rule_of(&self, view: &[u8]) -> Option<u32> {
        self.scans.iter().find_map(|scan| scan.find(view))
    }

    /// A text that cannot be looked through is charged to the first rule.
    fn charge(&self, looked: Result<Option<u32>, TooLayered>) -> Option<(u32, Fault)> {
        match looked {
            Ok(found) => found.map(|rule| (rule, Fault::Blocked)),
            Err(TooLayered) => {
                let first = self.scans.first().and_then(|scan| scan.rules.first()?.first());
                Some((first.copied().unwrap_or(u32::MAX), Fault::Obscured))
            }
        }
    }
}

impl ArgumentChecks {
    /// Judges `arguments` by all schemas, then looks at every string in them, keys too, at any depth; a pattern for
    /// one part looks at those of the part.
    pub fn run(&self, arguments: Value<'_>) -> Result<(), Offence> {
        self.run_admitting(arguments, &mut Admitted::default())
    }

    /// Looks at every string of what stands beside the arguments. A pattern for one part of the arguments looks at all
    /// of it: nobody knows which argument a server makes of it.
    pub(crate) fn run_on_strings(&self, value: Value<'_>) -> Result<(), Offence> {
        if let Some(found) = self.too_long(value) {
            return Err(found);
        }
        for part in &self.parts {
            let mut allowance = Allowance::of(value.raw().len());
            if let Some((place, (rule, fault))) = part.find(value, &mut allowance) {
                return Err(Offence { rule, pointer: value.pointer_to(place), fault });
            }
        }
        Ok(())
    }

    /// The first string that is too long.
    fn too_long(&self, value: Value<'_>) -> Option<Offence> {
        let max = self.max_string_length?;
        let (place, _) = value.strings_over(max.value).find(|(_, text)| is_longer(text, max.value))?;
        Some(Offence { rule: max.rule, pointer: value.pointer_to(place), fault: Fault::TooLong { max: max.value } })
    }

    /// Whether there are schemas among the checks, which may admit numbers.
    pub(crate) fn has_schemas(&self) -> bool {
        !self.schemas.is_empty()
    }

    /// The same, and admits the numbers that the schemas admit.
    pub(crate) fn run_admitting(&self, arguments: Value<'_>, admitted: &mut Admitted) -> Result<(), Offence> {
        for schema in &self.schemas {
            self.program
                .run_admitting(schema.value, arguments, admitted)
                .map_err(|failure| invalid(schema.rule, failure))?;
        }
        let offence = |place, (rule, fault)| Offence { rule, pointer: arguments.pointer_to(place), fault };
        if let Some(found) = self.too_long(arguments) {
            return Err(found);
        }
        for part in &self.parts {
            let Some(root) = part.tokens.iter().try_fold(arguments, |value, token| value.child(token)) else {
                continue;
            };
            let mut allowance = Allowance::of(root.raw().len());
            if let Some((place, found)) = part.find(root, &mut allowance) {
                return Err(offence(place, found));
            }
        }
        Ok(())
    }
}

fn invalid(rule: u32, failure: Failure) -> Offence {
    let Failure { pointer, keyword, schema_pointer } = failure;
    let fault = if keyword == BUDGET { Fault::Costly } else { Fault::Invalid { keyword, place: schema_pointer } };
    Offence { rule, pointer, fault }
}

/// A text never has more characters than bytes, so most need no counting.
fn is_longer(text: &str, max: u32) -> bool {
    let fits = |length: usize| u32::try_from(length).is_ok_and(|length| length <= max);
    !fits(text.len()) && !fits(text.chars().count())
}

#[cfg(test)]
pub(crate) mod tests;
