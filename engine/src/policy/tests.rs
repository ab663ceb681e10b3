use super::*;
use crate::bundle::{Checks, encode};
use std::{string::ToString, vec};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Two agents and a group of both; a tool with these grants, and one list of checks.
fn bundle(grants: Vec<Grant>) -> Bundle {
    let agent =
        |name: &str| Agent { name: name.to_string(), groups: vec![0], buckets: Vec::new(), globals: Vec::new() };
    let tool = Tool {
        name: "search".to_string(),
        mode: Mode::Enforce,
        body_limit: Ruled { rule: 0, value: 100 },
        grants,
        buckets: Vec::new(),
        globals: Vec::new(),
        checks: Vec::new(),
        audit_arguments: AuditArguments::None,
    };
    Bundle {
        identity: vec![IdentitySource::Header("x-agent-id".to_string())],
        rules: ["/a", "/b", "/c", "/d"].map(ToString::to_string).to_vec(),
        groups: vec!["all".to_string()],
        agents: vec![agent("a"), agent("b")],
        checks: vec![Checks { max_string_length: Some(Ruled { rule: 3, value: 5 }), ..Checks::default() }],
        tools: vec![tool],
        ..Bundle::default()
    }
}

fn load(bundle: &Bundle) -> Result<Policy, BadConfig> {
    Policy::load(encode(bundle, Deployment::default()).unwrap().as_bytes())
}

fn grant(subject: Subject, rule: u32, checks: &[u32]) -> Grant {
    Grant { subject, rule, checks: checks.to_vec() }
}

#[test]
fn a_grant_that_is_narrowed_by_what_is_not_there_is_refused() {
    let with = |checks: &[u32]| load(&bundle(vec![grant(Subject::Agent(0), 0, checks)]));
    assert!(with(&[]).is_ok());
    assert!(with(&[0]).is_ok());
    let refused = BadConfig::Inconsistent("a tool refers to what is not there");
    for checks in [&[1][..], &[0, 1], &[u32::MAX]] {
        assert_eq!(with(checks).err(), Some(refused.clone()), "{checks:?}");
    }
}

#[test]
fn a_grant_to_nobody_or_by_no_rule_is_refused() {
    for grant in
        [grant(Subject::Agent(2), 0, &[0]), grant(Subject::Group(1), 0, &[0]), grant(Subject::Agent(0), 4, &[0])]
    {
        assert!(load(&bundle(vec![grant.clone()])).is_err(), "{grant:?}");
    }
}

#[test]
fn the_grants_of_an_agent_come_before_those_of_its_groups_each_in_their_order() {
    let grants = vec![
        grant(Subject::Group(0), 0, &[]),
        grant(Subject::Agent(1), 1, &[0]),
        grant(Subject::Agent(1), 2, &[]),
        grant(Subject::Group(0), 3, &[0]),
    ];
    let policy = load(&bundle(grants)).ok().unwrap();
    let rules =
        |agent: u32| -> Vec<u32> { policy.grants(AgentIndex(agent), ToolIndex(0)).map(|grant| grant.rule).collect() };
    assert_eq!(rules(0), [0, 3]);
    assert_eq!(rules(1), [1, 2, 0, 3]);
}

#[test]
fn a_grant_has_the_checks_that_it_names_and_no_others() {
    let grants = vec![grant(Subject::Agent(0), 0, &[0]), grant(Subject::Agent(1), 1, &[])];
    let policy = load(&bundle(grants)).ok().unwrap();
    let checks = |agent: u32| -> usize {
        policy.grants(AgentIndex(agent), ToolIndex(0)).map(|grant| policy.checks_of(grant).count()).sum()
    };
    assert_eq!((checks(0), checks(1)), (1, 0));
}
