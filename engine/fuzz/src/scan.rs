//! Checks of arguments, and the plain way to do the same: each automaton over each view of each string.
//!
//! In: a bundle whose patterns hold for all arguments, and texts. Out: whether something is found, if both ways agree.
//! Leads no automaton by a prefilter: that is what the plain way is compared with.

use toolgate_engine::{
    arguments::Offence,
    automaton::ReadyAutomaton,
    bundle::{BadConfig, Bundle, Deployment, Packed},
    json::{Bounds, Document, Value},
    policy::Policy,
    views::{Allowance, TooLayered, look_through},
};

/// A bundle that blocks these entries, each a JSON value of a policy's list; nothing, if one of them is no pattern.
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

/// The checks of a bundle's only tool, and its automata one by one.
pub struct Scan {
    policy: Policy,
    automata: Vec<ReadyAutomaton>,
}

impl Scan {
    /// Loads the bundle.
    pub fn of(bundle: Bundle) -> Result<Self, BadConfig> {
        let ready = |packed| ReadyAutomaton::try_from(packed).map_err(|_| BadConfig::Inconsistent("an automaton"));
        let automata = bundle.automata.iter().map(ready).collect::<Result<_, _>>()?;
        let packed = Packed { bundle, digest: String::new(), deployment: Deployment::default(), bundle_bytes: 0 };
        Ok(Self { policy: packed.try_into()?, automata })
    }

    /// Whether a text, as the argument `q` of a call, is refused: by the tool's checks and by the plain way, which
    /// must agree.
    pub fn refuses(&self, text: &str) -> bool {
        let json = serde_json::json!({ "q": text }).to_string();
        let document = Document::read(json.as_bytes(), Bounds::default()).expect("serde_json writes JSON");
        let offence = self.by_checks(document.root());
        assert_eq!(offence.is_some(), self.plainly(document.root()), "{offence:?} in {json}");
        offence.is_some()
    }

    fn by_checks(&self, arguments: Value<'_>) -> Option<Offence> {
        let tool = self.policy.tool_named(b"t").expect("the tool is declared");
        let offence = self.policy.checks(tool).find_map(|checks| checks.run(arguments).err())?;
        assert!(self.policy.rule(offence.rule).is_some(), "a rule refuses: {offence:?}");
        assert!(["", "/q"].contains(&offence.pointer.as_str()), "the argument is named: {offence:?}");
        Some(offence)
    }

    fn plainly(&self, arguments: Value<'_>) -> bool {
        let mut allowance = Allowance::of(arguments.raw().len());
        let find = |view: &[u8]| self.automata.iter().any(|ready| ready.is_match(view)).then_some(());
        let mut looks = arguments.strings().map(|(_, text)| look_through(text.as_bytes(), &mut allowance, find));
        looks.any(|look| matches!(look, Ok(Some(())) | Err(TooLayered)))
    }
}
