use super::*;
use crate::bundle::{
    Agent, AuditArguments, Bundle, Checks, Deployment, GlobalLimit, Grant, IdentitySource, Over, Ruled, Share, Subject,
    Tool, Unit, encode,
};
use crate::limits::LimitKind;
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
            server: None,
            pin: None,
            mirrors: vec![],
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

/// Two limits of the tool, and one of the agent.
fn counted_policy(mode: Mode) -> Policy {
    let limit =
        |over, kind, requests, unit, rule| GlobalLimit { over, share: Share::EachAgent, kind, requests, unit, rule };
    let bundle = Bundle {
        identity: vec![IdentitySource::Header("x-agent-id".to_string())],
        rules: ["/grant", "/minute", "/hour", "/agent"].map(ToString::to_string).to_vec(),
        agents: vec![Agent { name: "a".to_string(), groups: Vec::new(), buckets: Vec::new(), globals: vec![2] }],
        globals: vec![
            limit(Over::Tool, LimitKind::Rate, 5, Unit::Minute, 1),
            limit(Over::Tool, LimitKind::Quota, 5, Unit::Hour, 2),
            limit(Over::Agent, LimitKind::Quota, 9, Unit::Day, 3),
        ],
        tools: vec![Tool {
            name: "t".to_string(),
            server: None,
            pin: None,
            mirrors: vec![],
            mode,
            body_limit: Ruled { rule: 0, value: 100 },
            grants: vec![Grant { subject: Subject::Agent(0), rule: 0, checks: Vec::new() }],
            buckets: Vec::new(),
            globals: vec![0, 1],
            checks: Vec::new(),
            audit_arguments: AuditArguments::None,
        }],
        ..Bundle::default()
    };
    Policy::load(encode(&bundle, Deployment { hold_headers: true }).unwrap().as_bytes()).ok().unwrap()
}

/// A call of the tool, judged, and the fields that it goes on with.
fn forwarded(policy: &Policy, body: &str) -> (Exchange, Vec<Field>) {
    let fields =
        [(":method", "POST"), (":path", "/tools/t"), ("x-agent-id", "a"), ("content-type", "application/json")];
    let mut exchange = Exchange::new(Timestamp(0));
    let _ = exchange.request_head(policy, Head { fields: &fields }, &Verified::default(), false);
    match exchange.request_body(policy, body.as_bytes(), Timestamp(0), &mut NoStore) {
        BodyStep::Forward(fields) => (exchange, fields),
        BodyStep::Wait | BodyStep::Reply(_) => (exchange, Vec::new()),
    }
}

const CALL: &str = r#"{"arguments":{}}"#;

#[test]
fn a_call_that_is_found_good_goes_on_with_what_it_is_counted_by() {
    let (exchange, fields) = forwarded(&counted_policy(Mode::Enforce), CALL);
    let field = |name: &str, value: &str| (name.to_string(), value.to_string());
    let wanted = [
        field("x-toolgate-tool-5-minute", "t a"),
        field("x-toolgate-tool-5-hour", "t a"),
        field("x-toolgate-agent-9-day", "a"),
    ];
    assert!(exchange.is_counted());
    assert_eq!(fields, wanted);
}

#[test]
fn a_call_that_is_refused_or_in_shadow_mode_is_counted_by_nothing() {
    for (mode, body) in [(Mode::Enforce, "{"), (Mode::Shadow, CALL), (Mode::Shadow, "{")] {
        let (exchange, fields) = forwarded(&counted_policy(mode), body);
        assert_eq!((exchange.is_counted(), fields), (false, Vec::new()), "{mode:?} {body}");
    }
}

/// What becomes of an answer: its status as the client sees it, and decision, reason, rule and `unanswered` in the audit line.
fn answered(details: &str, fields: &[(&str, &str)]) -> (u16, [String; 3], bool) {
    let policy = counted_policy(Mode::Enforce);
    let (mut exchange, _) = forwarded(&policy, CALL);
    // Half a minute past noon.
    let now = Timestamp(1_795_435_230_000_000_000);
    let answer = Answer { details: details.as_bytes(), fields };
    let (status, retry_after) = match exchange.answer_head(&policy, &answer, Some(200), now) {
        AnswerStep::Pass(added) => (200, added.len().to_string()),
        AnswerStep::Reply(reply) => {
            let after = reply.headers.iter().find(|(name, _)| *name == "retry-after");
            (reply.status, after.map(|(_, value)| value.clone()).unwrap_or_default())
        }
    };
    assert_eq!(exchange.is_counted(), status == 200);
    let line = exchange.finish(Some(&policy), now).to_line();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["status"], status);
    let text = |name: &str| line[name].as_str().unwrap().to_string();
    (status, [text("reason"), text("rule"), retry_after], line["unanswered"] == true)
}

fn is_answered(details: &str, fields: &[(&str, &str)], status: u16, told: [&str; 3]) {
    let (got, line, unanswered) = answered(details, fields);
    assert_eq!((got, line), (status, told.map(ToString::to_string)), "{details} {fields:?}");
    assert!(!unanswered || status == 200);
}

const ALL_COUNTED: &str = "5, 5;w=60, 5;w=3600, 9;w=86400";

#[test]
fn an_answer_to_a_counted_call_passes_and_one_that_nobody_counted_is_told_of() {
    for details in ["via_upstream", "", "no_healthy_upstream", "request_rate_limited2"] {
        assert!(!answered(details, &[("x-ratelimit-limit", ALL_COUNTED)]).2, "{details}");
        for some in ["", "5, 5;w=60, 5;w=3600"] {
            let (status, [reason, rule, _], unanswered) = answered(details, &[("x-ratelimit-limit", some)]);
            assert_eq!(
                (status, reason.as_str(), rule.as_str(), unanswered),
                (200, "granted", "/grant", true),
                "{details}"
            );
        }
    }
}

#[test]
fn a_refusal_names_the_limit_that_is_spent() {
    let refused = |limit, reset, told| {
        is_answered("request_rate_limited", &[("x-ratelimit-limit", limit), ("x-ratelimit-reset", reset)], 429, told);
    };
    refused("9, 5;w=60, 5;w=3600, 9;w=86400", "12", ["quota_exceeded", "/agent", "12"]);
    refused(ALL_COUNTED, "12", ["rate_exceeded", "/minute", "12"]);
    refused(ALL_COUNTED, "61", ["quota_exceeded", "/hour", "61"]);
    refused(ALL_COUNTED, "0", ["rate_exceeded", "/minute", "1"]);
    // Nothing of the policy, so nobody's rule.
    refused("7, 7;w=60", "12", ["rate_exceeded", "", "12"]);
    refused("5, 5;w=60", "99999", ["rate_exceeded", "", "99999"]);
}

#[test]
fn a_refusal_that_does_not_say_until_when_is_told_by_the_clock() {
    is_answered("request_rate_limited", &[("x-ratelimit-limit", "9")], 429, ["quota_exceeded", "/agent", "43170"]);
    is_answered("request_rate_limited", &[], 429, ["rate_exceeded", "/minute", "30"]);
    is_answered("request_rate_limited", &[("x-ratelimit-limit", "7")], 429, ["rate_exceeded", "", "1"]);
}

#[test]
fn a_call_for_which_the_service_gave_no_answer_is_refused_with_a_reason_of_its_own() {
    is_answered("rate_limiter_error", &[], 503, ["undecided_limits", "/minute", ""]);
    is_answered("rate_limiter_error", &[("x-ratelimit-limit", ALL_COUNTED)], 503, ["undecided_limits", "/minute", ""]);
}

#[test]
fn a_host_that_fails_at_the_answer_refuses_the_call_and_says_with_which_status() {
    let policy = counted_policy(Mode::Enforce);
    let (mut exchange, _) = forwarded(&policy, CALL);
    assert_eq!(exchange.undecided(Undecided::Host).status, 503);
    let line = exchange.finish(Some(&policy), Timestamp(0)).to_line();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["decision"], &line["reason"], &line["status"]),
        (&"deny".into(), &"undecided_host".into(), &503.into())
    );
}
