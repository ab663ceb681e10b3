use super::*;
use crate::bundle::{
    Agent, AuditArguments, Bundle, Checks, Deployment, Grant, IdentitySource, Ruled, Subject, Tool, encode,
};
use std::{string::ToString, vec};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// One agent that may call one tool: by these grants, each narrowed to short strings or not at all.
fn policy(narrowed: &[bool]) -> Policy {
    let grant = |(rule, narrowed): (u32, &bool)| Grant {
        subject: Subject::Agent(0),
        rule,
        checks: if *narrowed { vec![0] } else { Vec::new() },
    };
    let bundle = Bundle {
        identity: vec![IdentitySource::Header("x-agent-id".to_string())],
        rules: ["/grants/0", "/grants/1", "/short"].map(ToString::to_string).to_vec(),
        agents: vec![Agent { name: "a".to_string(), groups: Vec::new(), buckets: Vec::new(), globals: Vec::new() }],
        checks: vec![Checks { max_string_length: Some(Ruled { rule: 2, value: 1 }), ..Checks::default() }],
        tools: vec![Tool {
            name: "t".to_string(),
            mode: Mode::Enforce,
            body_limit: Ruled { rule: 0, value: 100 },
            grants: (0..).zip(narrowed).map(grant).collect(),
            buckets: Vec::new(),
            globals: Vec::new(),
            checks: Vec::new(),
            audit_arguments: AuditArguments::None,
        }],
        ..Bundle::default()
    };
    Policy::load(encode(&bundle, Deployment::default()).unwrap().as_bytes()).ok().unwrap()
}

struct NoStore;

impl Store for NoStore {
    type Error = ();
    type Version = ();

    fn read(&mut self, _: &[u8]) -> Result<limits::Reading<()>, ()> {
        Err(())
    }

    fn swap(&mut self, _: &[u8], _: &[u8], (): ()) -> Result<limits::Swap, ()> {
        Err(())
    }
}

/// Reason and rule in the audit line of a call with this body; without one, the client leaves.
fn told(policy: &Policy, body: Option<&str>) -> (String, String) {
    let fields =
        [(":method", "POST"), (":path", "/tools/t"), ("x-agent-id", "a"), ("content-type", "application/json")];
    let fields = fields.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    let mut exchange = Exchange::new(Timestamp(0));
    let _ = exchange.request_head(policy, Head { fields: &fields }, &Verified::default(), false);
    if let Some(body) = body {
        let _ = exchange.request_body(policy, body.as_bytes(), Timestamp(0), &mut NoStore);
    }
    let line = exchange.finish(Some(policy), Timestamp(0)).to_line();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let text = |name: &str| line[name].as_str().unwrap().to_string();
    (text("reason"), text("rule"))
}

fn is_told(narrowed: &[bool], body: Option<&str>, reason: &str, rule: &str) {
    assert_eq!(told(&policy(narrowed), body), (reason.to_string(), rule.to_string()), "{narrowed:?} {body:?}");
}

#[test]
fn a_narrowed_grant_is_not_named_before_it_was_judged() {
    is_told(&[false], None, "incomplete", "/grants/0");
    is_told(&[true], None, "incomplete", "");
    is_told(&[true, false], None, "incomplete", "");
    is_told(&[true], Some("{"), "body_malformed", "");
}

#[test]
fn the_grant_that_holds_is_named_and_of_those_that_do_not_the_first_one_s_rule() {
    let (short, long) = (Some(r#"{"arguments":{"q":"x"}}"#), Some(r#"{"arguments":{"q":"xx"}}"#));
    is_told(&[false], long, "granted", "/grants/0");
    is_told(&[true], short, "granted", "/grants/0");
    is_told(&[true], long, "argument_too_long", "/short");
    is_told(&[true, false], short, "granted", "/grants/0");
    is_told(&[true, false], long, "granted", "/grants/1");
    is_told(&[true, true], long, "argument_too_long", "/short");
}
