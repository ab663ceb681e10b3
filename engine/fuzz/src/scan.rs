//! Checks of arguments, run the plain way: each automaton over each view of each string.
//!
//! In: a bundle whose patterns hold for all arguments, and arguments. Out: whether one of them is found.
//! Leads no automaton by a prefilter and joins none: that is what it is compared with.

use toolgate_engine::{
    automaton::ReadyAutomaton,
    bundle::{Bundle, Deployment, decode, encode},
    json::{Bounds, Document, Value},
    policy::Policy,
    views::{Allowance, TooLayered, look_through},
};

/// What a scan comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is found.
    Clean,
    /// Something is found, or the text hides itself too well.
    Refused,
}

/// A policy whose only tool has these entries in `blocked`, each a JSON value; nothing, if one of them is no pattern.
pub fn bundle_that_blocks(entries: &[serde_json::Value]) -> Option<Bundle> {
    let policy = serde_json::json!({
        "apiVersion": policy_compiler::API_VERSION,
        "kind": policy_compiler::KIND,
        "identity": {"header": "x-agent-id"},
        "agents": {"a": {}},
        "tools": {"t": {"agents": ["a"], "arguments": {"blocked": entries}}},
    });
    policy_compiler::compile("policy.yaml", policy.to_string().as_bytes()).bundle
}

/// Judges a text, as the argument `q` of a call, by a bundle's only tool and by the plain way, which must agree.
pub fn both_ways(bundle: &Bundle, text: &str) -> Verdict {
    let policy = load(bundle).expect("the bundle can be loaded");
    let tool = policy.tool_named(b"t").expect("the tool is declared");
    let json = serde_json::json!({ "q": text }).to_string();
    let document = Document::read(json.as_bytes(), Bounds::default()).expect("serde_json writes JSON");
    let offence = policy.checks(tool).find_map(|checks| checks.run(document.root()).err());
    let verdict = if offence.is_some() { Verdict::Refused } else { Verdict::Clean };
    assert_eq!(verdict, plainly(bundle, document.root()), "{offence:?} in {json}");
    if let Some(offence) = offence {
        assert!(policy.rule(offence.rule).is_some(), "a rule refuses: {offence:?}");
        assert_eq!(offence.pointer, if offence.pointer.is_empty() { "" } else { "/q" });
    }
    verdict
}

/// Packs a bundle and loads it.
pub fn load(bundle: &Bundle) -> Option<Policy> {
    let config = encode(bundle, Deployment::default()).ok()?;
    decode(config.as_bytes()).ok()?.try_into().ok()
}

fn plainly(bundle: &Bundle, arguments: Value<'_>) -> Verdict {
    let automata: Vec<_> = bundle.automata.iter().map(|packed| ReadyAutomaton::try_from(packed).ok()).collect();
    let mut allowance = Allowance::of(arguments.raw().len());
    for (_, text) in arguments.strings() {
        let find = |view: &[u8]| automata.iter().flatten().any(|ready| ready.is_match(view)).then_some(());
        match look_through(text.as_bytes(), &mut allowance, find) {
            Ok(None) => {}
            Ok(Some(())) | Err(TooLayered) => return Verdict::Refused,
        }
    }
    Verdict::Clean
}
