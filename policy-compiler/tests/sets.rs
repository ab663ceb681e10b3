//! The named sets, held to their own examples, to their pages, to ordinary text, and to addresses in all notations.
//!
//! In: the files of `policy-compiler/src/sets`. Out: whether each pattern blocks what it says, and the set lets pass
//! what it must. `UPDATE=1` rewrites the pages in `docs/sets`.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

#[path = "sets/addresses.rs"]
mod addresses;
#[path = "sets/page.rs"]
mod page;

use policy_compiler::{
    compile,
    sets::{self, Set},
};
use std::sync::{LazyLock, OnceLock};
use toolgate_engine::{
    automaton::Automaton,
    bundle::{self, Blocked, Bundle, Deployment},
    json::{Bounds, Document},
    mcp,
    policy::Policy,
};

/// All sets, read once.
static SETS: LazyLock<Vec<Set>> = LazyLock::new(sets::all);

/// A policy of one tool that blocks what these automata find, each with so many patterns.
fn policy<'a>(automata: impl Iterator<Item = (&'a Automaton, usize)>) -> Policy {
    static EMPTY: LazyLock<Bundle> = LazyLock::new(|| {
        let source = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
             agents: { a: {} }\ntools:\n  t: { agents: [a], arguments: { blocked: [never] } }\n";
        compile("test", source.as_bytes()).bundle.unwrap()
    });
    let mut bundle = EMPTY.clone();
    let (automata, blocked) = automata
        .zip(0..)
        .map(|((automaton, patterns), at)| {
            (automaton.clone(), Blocked { at: String::new(), automaton: at, rules: vec![0; patterns] })
        })
        .unzip();
    bundle.automata = automata;
    bundle.checks.first_mut().unwrap().blocked = blocked;
    Policy::load(bundle::encode(&bundle, Deployment::default()).unwrap().as_bytes()).unwrap()
}

/// The policy that blocks a set, made once for all tests.
fn policy_of(name: &str) -> &'static Policy {
    static POLICIES: [OnceLock<Policy>; 7] = [const { OnceLock::new() }; 7];
    let at = sets::names().position(|known| known == name).unwrap();
    let joined = || sets::automata(name).unwrap().iter().map(|joined| (&joined.automaton, joined.members.len()));
    POLICIES.get(at).unwrap().get_or_init(|| policy(joined()))
}

fn blocks(policy: &Policy, text: &str) -> bool {
    let body = serde_json::json!({ "a": text }).to_string();
    let document = Document::read(body.as_bytes(), Bounds::default()).unwrap();
    let tool = policy.tool_named(b"t").unwrap();
    policy.checks(tool).any(|checks| checks.run(document.root()).is_err())
}

/// The pattern of a set that blocks a text, for messages.
fn blocked_by(set: &Set, text: &str) -> Vec<String> {
    let members = set.patterns.iter().zip(sets::alone(set.name).unwrap());
    let blocking = members.filter(|(_, alone)| blocks(&policy(alone.automata().map(|one| (one, 1))), text));
    blocking.map(|(member, _)| member.why.clone()).collect()
}

#[test]
fn every_file_of_a_set_can_be_read_and_compiled() {
    assert_eq!(SETS.len(), sets::names().count());
    for set in SETS.iter() {
        let automata = sets::automata(set.name).unwrap_or_else(|why| panic!("{}: {why}", set.name));
        assert!(!automata.is_empty());
        assert!(!set.passes.is_empty() && !set.about.is_empty() && !set.not_covered.is_empty(), "{}", set.name);
    }
}

#[test]
fn every_pattern_of_a_set_blocks_its_examples_by_itself() {
    let mut wrong = Vec::new();
    for set in SETS.iter() {
        for (member, alone) in set.patterns.iter().zip(sets::alone(set.name).unwrap()) {
            assert!(!member.blocks.is_empty() && !member.why.is_empty(), "{}", member.regex);
            let policy = policy(alone.automata().map(|one| (one, 1)));
            let passed = member.blocks.iter().filter(|text| !blocks(&policy, text));
            wrong.extend(passed.map(|text| format!("{}: {text:?} passes {}", set.name, member.regex)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_set_blocks_its_examples_and_lets_pass_what_it_must() {
    let mut wrong = Vec::new();
    for set in SETS.iter() {
        let policy = policy_of(set.name);
        let examples = set.patterns.iter().flat_map(|member| &member.blocks);
        wrong
            .extend(examples.filter(|text| !blocks(policy, text)).map(|text| format!("{}: {text:?} passes", set.name)));
        let blocked = set.passes.iter().filter(|text| blocks(policy, text));
        wrong.extend(blocked.map(|text| format!("{}: {text:?} is blocked: {:?}", set.name, blocked_by(set, text))));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_set_blocks_ordinary_text() {
    let corpus = include_str!("sets/ordinary.txt");
    assert!(corpus.lines().count() >= 40);
    let mut wrong = Vec::new();
    for set in SETS.iter() {
        let texts = corpus.lines().filter(|line| !line.is_empty()).chain([corpus]);
        let blocked = texts.filter(|text| blocks(policy_of(set.name), text));
        wrong.extend(blocked.map(|text| format!("{}: {:.80}: {:?}", set.name, text, blocked_by(set, text))));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a server says of a tool, in a definition as it stands in a list.
fn definition(text: &str, at_argument: bool) -> String {
    let (tool, argument) = if at_argument { ("Does something.", text) } else { (text, "A text.") };
    let schema = serde_json::json!({ "type": "object", "properties": { "note": { "type": "string", "description": argument } } });
    serde_json::json!({ "name": "tool", "title": "Tool", "description": tool, "inputSchema": schema }).to_string()
}

/// What the filter says of a definition.
fn is_suspicious(definition: &str) -> bool {
    static POLICY: LazyLock<Policy> = LazyLock::new(|| {
        let source = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\nagents: { a: {} }\n\
             servers: { s: { path: /s, tools: { t: { agents: [a] } } } }\n";
        let bundle = compile("test", source.as_bytes()).bundle.unwrap();
        Policy::load(bundle::encode(&bundle, Deployment::default()).unwrap().as_bytes()).unwrap()
    });
    let document = Document::read(definition.as_bytes(), Bounds::default()).unwrap();
    mcp::scan(document.root(), Some(POLICY.instructions().unwrap())).is_some()
}

#[test]
fn no_definition_as_honest_servers_write_it_is_suspicious() {
    let corpus = include_str!("sets/descriptions.txt");
    assert!(corpus.lines().count() >= 100);
    let set = SETS.iter().find(|set| set.name == "prompt-injection").unwrap();
    let mut wrong = Vec::new();
    // All of them stand in one list, too, and a long description may say all of it.
    for text in corpus.lines().chain([corpus]) {
        if [false, true].iter().any(|at_argument| is_suspicious(&definition(text, *at_argument))) {
            wrong.push(format!("{:.160}: {:?}", text, blocked_by(set, text)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn definitions_poisoned_in_the_published_ways_are_suspicious_wherever_it_is_said() {
    let poisoned = include_str!("sets/poisoned.txt").split("----\n");
    let passed = |text: &&str| [false, true].iter().any(|at_argument| !is_suspicious(&definition(text, *at_argument)));
    assert_eq!(poisoned.filter(passed).collect::<Vec<_>>(), Vec::<&str>::new());
}
