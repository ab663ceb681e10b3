//! The page of each set, written from its file.
//!
//! In: a set and its automata. Out: its page, and whether the one in `docs/sets` is equal to it.

use super::SETS;
use policy_compiler::sets::{self, Set};
use std::{fs, path::PathBuf};
use toolgate_engine::automaton::ReadyAutomaton;

/// Characters that nobody sees, but that `escape_debug` takes for visible.
const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}', '\u{2800}'];

/// A text on one line, in which all can be seen.
fn shown(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '\'' | '"' | '\\' => char.to_string(),
            _ if BLANK.contains(&char) => char.escape_unicode().to_string(),
            _ => char.escape_debug().to_string(),
        })
        .collect()
}

fn block(texts: &[String]) -> String {
    let lines: String = texts.iter().map(|text| format!("{}\n", shown(text))).collect();
    format!("```text\n{lines}```\n")
}

fn cost(set: &Set) -> String {
    let automata = sets::automata(set.name).unwrap();
    let ready: Vec<_> = automata.iter().map(|one| ReadyAutomaton::try_from(&one.automaton).unwrap()).collect();
    let states: usize = ready.iter().map(ReadyAutomaton::states).sum();
    let bytes: usize = ready.iter().map(ReadyAutomaton::bytes).sum();
    format!("{} automata with {states} states together, {bytes} bytes in each worker.", ready.len())
}

fn page(set: &Set) -> String {
    let Set { name, about, patterns, passes, not_covered } = set;
    let blocked: Vec<_> =
        patterns.iter().map(|member| format!("{}\n\n{}", member.why, block(&member.blocks))).collect();
    let not_covered: String = not_covered.iter().map(|text| format!("- {text}\n")).collect();
    format!(
        "<!-- Written by the tests with UPDATE=1, from policy-compiler/src/sets/{name}.yaml. -->\n\n# The set `{name}`\n\n\
         {about}\n\n```yaml\narguments:\n  blocked:\n    - set: {name}\n```\n\n\
         The expressions are in `policy-compiler/src/sets/{name}.yaml`. A denial names the entry of the policy, not the \
         expression.\n\n## Cost\n\n{}\n\n## What it blocks\n\n{}\n## What it lets pass\n\n{}\n## What it does not cover\n\n\
         {not_covered}",
        cost(set),
        blocked.join("\n"),
        block(passes),
    )
}

#[test]
fn every_set_has_a_page_that_says_what_its_file_says() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/sets");
    let mut stale = Vec::new();
    for set in SETS.iter() {
        let (path, wanted) = (folder.join(format!("{}.md", set.name)), page(set));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != wanted {
            stale.push(set.name);
        }
    }
    assert_eq!(stale, Vec::<&str>::new(), "UPDATE=1 rewrites docs/sets");
    let pages = fs::read_dir(folder).unwrap().count();
    assert_eq!(pages, SETS.len(), "a page of docs/sets has no set");
}
