//! What a set blocks alone, a policy blocks wherever it stands among other arguments.
//!
//! In: the examples of all sets. Out: nothing, or an example that passed.
//! The filter searches all strings at once and only where a prefilter says "perhaps"; here it is held to each automaton
//! run over each string.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

use policy_compiler::{compile, sets};
use std::fmt::Write as _;
use toolgate_engine::{
    arguments::Fault,
    automaton::ReadyAutomaton,
    bundle::{Deployment, encode},
    json::{Bounds, Document},
    policy::Policy,
};

fn policy(blocked: &str) -> Policy {
    let policy = format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\nagents: {{ a: {{}} }}\n\
         tools: {{ t: {{ agents: [a], arguments: {{ blocked: [{blocked}] }} }} }}\n"
    );
    let compiled = compile("policy.yaml", policy.as_bytes());
    let bundle = compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    Policy::load(encode(&bundle, Deployment::default()).unwrap().as_bytes()).unwrap()
}

fn is_blocked(policy: &Policy, strings: &[&str]) -> bool {
    let body = serde_json::to_string(strings).unwrap();
    let document = Document::read(body.as_bytes(), Bounds::default()).unwrap();
    let tool = policy.tool_named(b"t").unwrap();
    let judged = policy.checks(tool).try_for_each(|checks| checks.run(document.root()));
    match judged {
        Ok(()) => false,
        Err(offence) => {
            assert_eq!(offence.fault, Fault::Blocked, "{body}");
            true
        }
    }
}

/// What no set blocks, in every length.
fn filling(length: usize) -> String {
    "when the moon is up, we go out ".chars().cycle().take(length).collect()
}

#[test]
fn every_example_is_found_wherever_it_stands() {
    let mut all = String::new();
    for set in sets::all() {
        // To write into a string cannot fail.
        let _ = write!(all, "{{set: {}}},", set.name);
    }
    let everything = policy(&all);
    for set in sets::all() {
        let alone = policy(&format!("{{set: {}}}", set.name));
        let automata = sets::automata(set.name).unwrap();
        let automata: Vec<_> = automata.iter().map(|one| ReadyAutomaton::try_from(&one.automaton).unwrap()).collect();
        let finds = |text: &str| automata.iter().any(|automaton| automaton.is_match(text.as_bytes()));
        for (at, example) in set.patterns.iter().flat_map(|pattern| &pattern.blocks).enumerate() {
            if !finds(example) {
                // It takes a view to find it.
                assert!(is_blocked(&alone, &[example]), "{example}");
                continue;
            }
            // All examples together stand at all distances from where a block of sixteen bytes starts.
            for length in [at, at + 5, at + 11].map(|length| length % 17) {
                let before = filling(length);
                assert!(is_blocked(&alone, &[&before, "", example, &before]), "{length} {example}");
                assert!(is_blocked(&everything, &[&before, example]), "{length} {example}");
                for text in
                    [format!("{before} {example}"), format!("{example} {before}"), format!("{before}{example}{before}")]
                {
                    assert!(!finds(&text) || is_blocked(&alone, &[&before, &text, ""]), "{text}");
                }
            }
        }
        let passes: Vec<&str> = set.passes.iter().map(String::as_str).collect();
        assert!(!is_blocked(&alone, &passes), "{passes:?}");
    }
}
