//! Narrowed grants, held to a model of what they mean.
//!
//! In: random policies and calls. Out: whether the engine decides as the model does, and whether a grant that is found
//! void can be taken out without changing what becomes of any call.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod numbers;

use numbers::Numbers;
use policy_compiler::{compile, diagnostic::Severity};
use std::fmt::Write as _;
use toolgate_engine::{
    bundle::{Deployment, encode},
    json::{Bounds, Document, Value},
    policy::Policy,
};

/// Agents are `a`, `b` and `c`; these are the groups.
const GROUPS: [(&str, &str); 3] = [("g", "ab"), ("h", "b"), ("i", "abc")];

/// Checks of arguments: no string longer than this, none with one of these letters.
#[derive(Clone, Debug, Default)]
struct Checks {
    longest: Option<usize>,
    blocked: Vec<char>,
}

/// An entry of `agents` or `groups`, and the line that it stands in.
#[derive(Clone, Debug)]
struct Grant {
    name: &'static str,
    narrowing: Option<Checks>,
    line: usize,
}

/// Grants of the tools `t` and `u`, and of the tool group of both.
#[derive(Debug, Default)]
struct Model {
    checks: [Checks; 3],
    grants: [Vec<Grant>; 3],
}

const PLACES: [&str; 3] = ["t", "u", "w"];
const GROUP: usize = 2;

impl Checks {
    fn random(numbers: &mut Numbers) -> Self {
        let longest = (numbers.below(2) == 0).then(|| numbers.below(4));
        let blocked = "xyz".chars().filter(|_| numbers.below(3) == 0).collect();
        Self { longest, blocked }
    }

    fn hold(&self, text: &str) -> bool {
        self.longest.is_none_or(|longest| text.len() <= longest) && !text.contains(self.blocked.as_slice())
    }

    fn yaml(&self) -> String {
        let longest = self.longest.map(|longest| format!("max_string_length: {longest}, ")).unwrap_or_default();
        format!("{{ {longest}blocked: {:?} }}", self.blocked.iter().map(char::to_string).collect::<Vec<_>>())
    }
}

impl Model {
    fn random(numbers: &mut Numbers) -> Self {
        let mut model = Self::default();
        for place in 0..PLACES.len() {
            if numbers.below(3) == 0 {
                model.checks[place] = Checks::random(numbers);
            }
            for _ in 0..numbers.below(4) {
                let name = numbers.pick(&["a", "b", "c", "g", "h", "i"]);
                let narrowing = (numbers.below(5) > 0).then(|| Checks::random(numbers));
                model.grants[place].push(Grant { name, narrowing, line: 0 });
            }
        }
        model
    }

    /// The policy, with each grant in a line of its own, which the model learns.
    fn yaml(&mut self) -> String {
        let mut yaml = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
            agents: { a: {}, b: {}, c: {} }\ngroups: { g: [a, b], h: [b], i: [a, b, c] }\n"
            .to_owned();
        for (key, places) in [("tools", 0..GROUP), ("tool_groups", GROUP..3)] {
            writeln!(yaml, "{key}:").unwrap();
            for place in places {
                writeln!(yaml, "  {}:\n    arguments: {}", PLACES[place], self.checks[place].yaml()).unwrap();
                if place == GROUP {
                    yaml.push_str("    tools: [t, u]\n");
                }
                for (key, one, is_group) in [("agents", "agent", false), ("groups", "group", true)] {
                    writeln!(yaml, "    {key}: [").unwrap();
                    for grant in self.grants[place].iter_mut().filter(|grant| is_a_group(grant.name) == is_group) {
                        grant.line = yaml.lines().count() + 1;
                        match &grant.narrowing {
                            None => writeln!(yaml, "      {},", grant.name).unwrap(),
                            Some(checks) => {
                                writeln!(yaml, "      {{ {one}: {}, arguments: {} }},", grant.name, checks.yaml())
                                    .unwrap();
                            }
                        }
                    }
                    yaml.push_str("      ]\n");
                }
            }
        }
        yaml
    }

    /// Whether the agent may call a tool with an argument, if the grants of these lines were not there.
    fn allows(&self, agent: &str, tool: usize, text: &str, without: &[usize]) -> bool {
        let all = [tool, GROUP];
        let grants = all.iter().flat_map(|&place| &self.grants[place]);
        let mut grants = grants.filter(|grant| !without.contains(&grant.line) && is_for(grant.name, agent));
        let is_granted = grants.any(|grant| grant.narrowing.as_ref().is_none_or(|checks| checks.hold(text)));
        is_granted && all.iter().all(|&place| self.checks[place].hold(text))
    }
}

fn is_a_group(name: &str) -> bool {
    GROUPS.iter().any(|(group, _)| *group == name)
}

fn is_for(name: &str, agent: &str) -> bool {
    name == agent || GROUPS.iter().any(|(group, members)| *group == name && members.contains(agent))
}

/// All calls: each agent, each tool, short strings of all letters.
fn calls() -> Vec<(&'static str, usize, String)> {
    let mut texts = vec![String::new()];
    for at in 0..40 {
        let longer = format!("{}{}", texts[at], if at % 3 == 0 { "k" } else { "" });
        let text: String = (0..at % 5).map(|place| ['k', 'x', 'y', 'z', 'k'][(at * 7 + place * 3) % 5]).collect();
        texts.push(text);
        texts.push(longer);
    }
    texts.sort();
    texts.dedup();
    let agents = ["a", "b", "c"].into_iter();
    agents
        .flat_map(|agent| [0, 1].map(|tool| (agent, tool)))
        .flat_map(|(agent, tool)| texts.clone().into_iter().map(move |text| (agent, tool, text)))
        .collect()
}

/// As the exchange decides it: the tool's checks, then one grant.
fn engine_allows(policy: &Policy, agent: &str, tool: usize, arguments: Value<'_>) -> bool {
    let (agent, tool) = (policy.agent_named(agent).unwrap(), policy.tool_named(PLACES[tool].as_bytes()).unwrap());
    let mut grants = policy.grants(agent, tool);
    policy.checks(tool).all(|checks| checks.run(arguments).is_ok())
        && grants.any(|grant| policy.checks_of(grant).all(|checks| checks.run(arguments).is_ok()))
}

#[test]
fn a_grant_that_is_found_void_decides_nothing_and_all_others_decide_as_the_model_says() {
    let rounds = std::env::var("ROUNDS").map_or(500, |rounds| rounds.parse().unwrap());
    let (mut numbers, calls) = (Numbers::seeded(), calls());
    let (mut void, mut packed, mut allowed, mut narrowed) = (0, 0, 0, 0);
    for _ in 0..rounds {
        let mut model = Model::random(&mut numbers);
        let yaml = model.yaml();
        let compiled = compile("p.yaml", yaml.as_bytes());
        for found in compiled.diagnostics.iter().filter(|found| found.code.id() == "TG086") {
            void += 1;
            let line = found.span.unwrap().start.line;
            assert!(found.labels.len() == 1, "{found:?}");
            for (agent, tool, text) in &calls {
                let [with, without] = [&[][..], &[line]].map(|lines| model.allows(agent, *tool, text, lines));
                assert_eq!(with, without, "{agent} {tool} {text:?}\n{found:?}\n{yaml}");
            }
        }
        let Some(bundle) = compiled.bundle else {
            let errors = compiled.diagnostics.iter().filter(|found| found.severity() == Severity::Error);
            let known = |id: &str| ["TG085", "TG086"].contains(&id);
            errors.for_each(|found| assert!(known(found.code.id()), "{found:?}\n{yaml}"));
            continue;
        };
        packed += 1;
        let Ok(policy) = Policy::load(encode(&bundle, Deployment::default()).unwrap().as_bytes()) else {
            panic!("{yaml}");
        };
        narrowed += model.grants.iter().flatten().filter(|grant| grant.narrowing.is_some()).count();
        for (agent, tool, text) in &calls {
            let body = format!("{{\"\":\"{text}\"}}");
            let document = Document::read(body.as_bytes(), Bounds::default()).unwrap();
            let wanted = model.allows(agent, *tool, text, &[]);
            allowed += usize::from(wanted);
            assert_eq!(
                engine_allows(&policy, agent, *tool, document.root()),
                wanted,
                "{agent} {tool} {text:?}\n{yaml}"
            );
        }
    }
    // Otherwise the policies are too simple or too tangled to prove anything.
    assert!(void > 50 && packed > 50 && allowed > 1000 && narrowed > 50, "{void} {packed} {allowed} {narrowed}");
}
