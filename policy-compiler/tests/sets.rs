//! The named sets, held to their own examples.
//!
//! In: the files of `policy-compiler/src/sets`. Out: whether each pattern blocks what it says, and the set lets pass
//! what it must.
#![expect(clippy::panic, reason = "a test may fail loudly")]
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use policy_compiler::{compile, sets};
use toolgate_engine::{
    bundle::{self, Deployment},
    json::{Bounds, Document},
    policy::Policy,
};

/// A policy of one tool that blocks these entries.
fn policy(blocked: &serde_json::Value) -> Policy {
    let source = format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\n\
         agents: {{ a: {{}} }}\ntools:\n  t: {{ agents: [a], arguments: {{ blocked: {blocked} }} }}\n"
    );
    let compiled = compile("test", source.as_bytes());
    let bundle = compiled.bundle.unwrap_or_else(|| panic!("{blocked}: {:?}", compiled.diagnostics));
    Policy::load(bundle::encode(&bundle, Deployment::default()).unwrap().as_bytes()).unwrap()
}

fn blocks(policy: &Policy, text: &str) -> bool {
    let body = serde_json::json!({ "a": text }).to_string();
    let document = Document::read(body.as_bytes(), Bounds::default()).unwrap();
    let tool = policy.tool_named(b"t").unwrap();
    policy.checks(tool).any(|checks| checks.run(document.root()).is_err())
}

#[test]
fn every_file_of_a_set_can_be_read_and_compiled() {
    assert_eq!(sets::all().len(), sets::names().count());
    for set in sets::all() {
        let automata = sets::automata(set.name).unwrap_or_else(|why| panic!("{}: {why}", set.name));
        assert!(!automata.is_empty());
        assert!(!set.passes.is_empty() && !set.about.is_empty(), "{}", set.name);
    }
}

#[test]
fn every_pattern_of_a_set_blocks_its_examples_by_itself() {
    let mut wrong = Vec::new();
    for set in sets::all() {
        for member in &set.patterns {
            assert!(!member.blocks.is_empty() && !member.why.is_empty(), "{}", member.regex);
            let policy = policy(&serde_json::json!([{ "regex": member.regex }]));
            let passed = member.blocks.iter().filter(|text| !blocks(&policy, text));
            wrong.extend(passed.map(|text| format!("{}: {text:?} passes {}", set.name, member.regex)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_set_blocks_its_examples_and_lets_pass_what_it_must() {
    let mut wrong = Vec::new();
    for set in sets::all() {
        let policy = policy(&serde_json::json!([{ "set": set.name }]));
        let examples = set.patterns.iter().flat_map(|member| &member.blocks);
        wrong.extend(
            examples.filter(|text| !blocks(&policy, text)).map(|text| format!("{}: {text:?} passes", set.name)),
        );
        wrong.extend(set.passes.iter().filter(|text| blocks(&policy, text)).map(|text| {
            let by = set
                .patterns
                .iter()
                .find(|member| blocks(&self::policy(&serde_json::json!([{ "regex": member.regex }])), text));
            format!("{}: {text:?} is blocked by {:?}", set.name, by.map(|member| &member.regex))
        }));
    }
    assert_eq!(wrong, Vec::<String>::new());
}
