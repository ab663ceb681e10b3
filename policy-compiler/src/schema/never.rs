//! Finds schemas that no value can hold to.
//!
//! In: a program and where its nodes come from. Out: a warning for each contradiction that is proved.
//! For each node it keeps the types that may hold, and takes away only what certainly cannot: it never warns wrongly,
//! and does not find everything.

mod contradictions;

use super::{Finding, Subject, merge::Merged};
use contradictions::{Contradiction, narrowed};
use toolgate_engine::{
    automaton::ReadyAutomaton,
    pointer::below,
    schema::{Program, Rule, Types},
};

/// What is known of a program.
struct Known<'p> {
    program: &'p Program,
    /// The rules of each node.
    rules: Vec<&'p [Rule]>,
    /// The start of each text.
    texts: Vec<&'p str>,
    /// For each node, the types of values that may hold to it.
    possible: Vec<Types>,
}

/// A warning for each contradiction, and for each entry that takes no object. `entries` are their documents and
/// pointers, since equal schemas share a node.
pub(super) fn warnings(merged: &Merged, entries: &[(String, String)]) -> Vec<Finding> {
    let Merged { program, origins } = merged;
    let mut known = Known::of(program);
    known.settle();
    let narrowed: Vec<_> = (0..program.nodes.len()).map(|at| narrowed(&known, at)).collect();
    let told = origins.iter().zip(&narrowed).filter_map(|((document, pointer), (_, contradiction))| {
        let Contradiction { keyword, why } = contradiction.as_ref()?;
        Some(warning(document, &below(pointer, keyword), why))
    });
    let of_entries = program.entries.iter().zip(entries).filter_map(|(entry, (document, pointer))| {
        let (types, contradiction) = narrowed.get(entry.node as usize)?;
        let is_told = contradiction.is_some() || types.meets(Types::OBJECT);
        let why = "arguments are an object, and this schema takes none, so that no call can hold to it";
        (!is_told).then(|| warning(document, pointer, why))
    });
    told.chain(of_entries).collect()
}

fn warning(document: &str, pointer: &str, message: &str) -> Finding {
    Finding {
        subject: Subject::NeverHolds,
        document: document.to_owned(),
        pointer: pointer.to_owned(),
        message: message.to_owned(),
        help: None,
        lost: None,
    }
}

impl<'p> Known<'p> {
    fn of(program: &'p Program) -> Self {
        let mut rest = program.rules.as_slice();
        let rules = program.nodes.iter().map(|node| {
            let (own, others) = rest.split_at_checked(node.rules as usize).unwrap_or((rest, &[]));
            rest = others;
            own
        });
        let rules = rules.collect();
        let mut start = 0usize;
        let texts = program.text_lengths.iter().map(|&length| {
            let end = start.saturating_add(length as usize);
            let text = program.text.get(start..end).unwrap_or_default();
            start = end;
            text
        });
        let texts = texts.collect();
        let possible = program.nodes.iter().map(|node| node.types).collect();
        Self { program, rules, texts, possible }
    }

    /// Types only ever go away, so this ends.
    fn settle(&mut self) {
        let mut changed = true;
        while changed {
            changed = false;
            for at in 0..self.possible.len() {
                let (types, _) = narrowed(self, at);
                if let Some(place) = self.possible.get_mut(at)
                    && *place != types
                {
                    *place = types;
                    changed = true;
                }
            }
        }
    }

    fn types(&self, node: u32) -> Types {
        self.possible.get(node as usize).copied().unwrap_or(Types::ALL)
    }

    fn text(&self, text: u32) -> &'p str {
        self.texts.get(text as usize).copied().unwrap_or_default()
    }

    /// Whether a name matches a pattern; nothing if that cannot be told.
    fn matches(&self, pattern: u32, name: &str) -> Option<bool> {
        let ready = ReadyAutomaton::try_from(self.program.patterns.get(pattern as usize)?).ok()?;
        Some(ready.is_match(name.as_bytes()))
    }
}
