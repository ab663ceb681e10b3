//! Checks of a call's arguments.
//!
//! In: the checks of a tool and the arguments as they were read. Out: nothing, or the first offence.
//! Knows nothing of agents and limits, and never repeats an argument's value.

use crate::{
    bundle::{BadConfig, Checks, Ruled},
    json::Value,
};
use aho_corasick::AhoCorasick;

/// Checks, ready to run.
pub struct ArgumentChecks {
    max_string_length: Option<Ruled<u32>>,
    /// All literals in one automaton, and the rule of each.
    blocked: Option<(AhoCorasick, Vec<u32>)>,
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
    max_string_length.iter().map(|max| max.rule).chain(blocked.iter().map(|literal| literal.rule))
}

/// Builds the automaton, once when a policy is loaded.
pub(crate) fn prepare(checks: Checks) -> Result<ArgumentChecks, BadConfig> {
    let Checks { max_string_length, blocked } = checks;
    if blocked.iter().any(|literal| literal.value.is_empty()) {
        return Err(BadConfig::Inconsistent("a blocked literal is empty"));
    }
    if blocked.is_empty() {
        return Ok(ArgumentChecks { max_string_length, blocked: None });
    }
    let literals = blocked.iter().map(|literal| &literal.value);
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(literals)
        .map_err(|_| BadConfig::Inconsistent("too many blocked literals"))?;
    let rules = blocked.iter().map(|literal| literal.rule).collect();
    Ok(ArgumentChecks { max_string_length, blocked: Some((automaton, rules)) })
}

impl ArgumentChecks {
    /// Looks at every string of `arguments`, keys too, at any depth.
    pub fn run(&self, arguments: Value<'_>) -> Result<(), Offence> {
        for (place, text) in arguments.strings() {
            let found = self.too_long(text).or_else(|| self.blocked(text));
            if let Some((rule, fault)) = found {
                return Err(Offence { rule, pointer: arguments.pointer_to(place), fault });
            }
        }
        Ok(())
    }

    fn too_long(&self, text: &str) -> Option<(u32, Fault)> {
        let Ruled { rule, value: max } = self.max_string_length?;
        // A text never has more characters than bytes, so most need no counting.
        let fits = |length: usize| u32::try_from(length).is_ok_and(|length| length <= max);
        let too_long = !fits(text.len()) && !fits(text.chars().count());
        too_long.then_some((rule, Fault::TooLong { max }))
    }

    fn blocked(&self, text: &str) -> Option<(u32, Fault)> {
        let (automaton, rules) = self.blocked.as_ref()?;
        let found = automaton.find(text)?;
        // Each literal has a rule; should one be missing, the call is refused all the same.
        let rule = rules.get(found.pattern().as_usize()).copied().unwrap_or(u32::MAX);
        Some((rule, Fault::Blocked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Bounds, Document};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn check(max: Option<u32>, blocked: &[&str], arguments: &str) -> Result<(), Offence> {
        let checks = Checks {
            max_string_length: max.map(|value| Ruled { rule: 100, value }),
            blocked: (0..).zip(blocked).map(|(rule, literal)| Ruled { rule, value: (*literal).to_owned() }).collect(),
        };
        let document = Document::read(arguments.as_bytes(), Bounds::default()).unwrap();
        prepare(checks).unwrap().run(document.root())
    }

    fn offence(rule: u32, pointer: &str, fault: Fault) -> Result<(), Offence> {
        Err(Offence { rule, pointer: pointer.to_owned(), fault })
    }

    #[test]
    fn length_counts_characters_and_not_bytes() {
        assert_eq!(check(Some(3), &[], r#"{"a":"äöü"}"#), Ok(()));
        assert_eq!(check(Some(3), &[], r#"{"a":"\u00e4\u00f6\u00fc"}"#), Ok(()));
        assert_eq!(check(Some(3), &[], r#"{"a":"äöüx"}"#), offence(100, "/a", Fault::TooLong { max: 3 }));
        assert_eq!(check(Some(0), &[], r#"{"":""}"#), Ok(()));
    }

    #[test]
    fn keys_are_measured_and_searched_too() {
        assert_eq!(check(Some(3), &[], r#"{"a":{"long":1}}"#), offence(100, "/a", Fault::TooLong { max: 3 }));
        assert_eq!(check(None, &["drop"], r#"{"a":[{"x DROP y":1}]}"#), offence(0, "/a/0", Fault::Blocked));
    }

    #[test]
    fn the_rule_that_matched_is_named() {
        let blocked = ["rm -rf", "DROP TABLE", "os.system"];
        assert_eq!(check(None, &blocked, r#"{"q":"1; drop table x"}"#), offence(1, "/q", Fault::Blocked));
        assert_eq!(check(None, &blocked, r#"{"q":"import os; os\u002esystem()"}"#), offence(2, "/q", Fault::Blocked));
        assert_eq!(check(None, &blocked, r#"{"q":"rm -r f"}"#), Ok(()));
    }

    #[test]
    fn numbers_and_words_are_no_strings() {
        assert_eq!(check(Some(0), &["true", "1"], r#"[true, 1, null]"#), Ok(()));
    }
}
