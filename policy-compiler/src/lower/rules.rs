//! The rules of a bundle: RFC 6901 pointers into the policy file, each once.
//!
//! In: the keys on the way to a value. Out: the rule's index.
//! Does not know what a rule means.

use super::index;
use std::collections::HashMap;

/// All rules so far.
#[derive(Debug)]
pub(crate) struct Rules {
    pointers: Vec<String>,
    known: HashMap<String, u32>,
    bytes_left: usize,
    overfull: bool,
}

impl Rules {
    pub(super) fn within(bytes: usize) -> Self {
        Self { pointers: Vec::new(), known: HashMap::new(), bytes_left: bytes, overfull: false }
    }

    /// The rule at this place. Once there is no room left, rule 0: [`Rules::is_overfull`] then refuses the policy.
    pub(super) fn at(&mut self, path: &[&str]) -> u32 {
        let pointer = pointer(path);
        if let Some(&rule) = self.known.get(&pointer) {
            return rule;
        }
        let Some(left) = self.bytes_left.checked_sub(pointer.len()) else {
            self.overfull = true;
            return 0;
        };
        self.bytes_left = left;
        let rule = index(self.pointers.len());
        self.pointers.push(pointer.clone());
        self.known.insert(pointer, rule);
        rule
    }

    pub(super) fn is_overfull(&self) -> bool {
        self.overfull
    }

    pub(super) fn pointers(&self) -> &[String] {
        &self.pointers
    }
}

/// The pointer that these keys make.
pub(super) fn pointer(path: &[&str]) -> String {
    toolgate_engine::pointer::of(path.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_tildes_of_names_are_escaped() {
        assert_eq!(pointer(&["agents", "spiffe://a/~b", "rate"]), "/agents/spiffe:~1~1a~1~0b/rate");
    }

    #[test]
    fn the_same_place_is_the_same_rule() {
        let mut rules = Rules::within(100);
        let first = rules.at(&["a"]);
        assert_eq!(rules.at(&["a"]), first);
        assert_eq!(rules.pointers(), ["/a"]);
    }

    #[test]
    fn more_rules_than_there_is_room_for_are_noticed() {
        let mut rules = Rules::within(3);
        rules.at(&["a"]);
        assert!(!rules.is_overfull());
        rules.at(&["b"]);
        assert!(rules.is_overfull());
    }
}
