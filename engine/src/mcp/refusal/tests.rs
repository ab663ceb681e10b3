use super::*;
use crate::{
    arguments::Fault,
    denial::{Challenge, Undecided},
    json::{Bounds, Document, Malformed},
    limits::LimitKind,
};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TOOL: Target<'_> = Target::Tool("search");
const OLD: [Version; 3] = [Version::V2025_03_26, Version::V2025_06_18, Version::V2025_11_25];

fn id(json: &str) -> Id {
    Id::read(Document::read(json.as_bytes(), Bounds::default()).unwrap().root()).unwrap()
}

fn answered(refusal: Refusal<'_>, version: Version) -> (u16, Value) {
    let reply = refuse(refusal, Recipient::Request(&id("7")), version, None, &[]);
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

fn error(code: i32, message: &str, data: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "error": {"code": code, "message": message, "data": data}})
}

fn blocked() -> Reason {
    Reason::Argument { pointer: "/q".to_owned(), fault: Fault::Blocked }
}

/// One of each, for what must hold for all.
fn reasons() -> Vec<Reason> {
    let malformed = |problem| Reason::BodyMalformed(Malformed { at: 3, problem });
    vec![
        Reason::IdentityMissing(Challenge::Bearer),
        Reason::IdentityUnverified,
        Reason::IdentityAmbiguous,
        Reason::IdentityMalformed,
        Reason::ToolUnknown,
        Reason::AgentUnknown,
        Reason::ToolNotGranted,
        Reason::ScopeInsufficient { scope: Some("search".to_owned()) },
        Reason::MethodNotAllowed,
        Reason::MediaTypeUnsupported,
        Reason::ContentEncodingUnsupported,
        Reason::BodyTooLarge { limit: 7 },
        Reason::QueryNotAllowed,
        Reason::BodyMissing,
        malformed(Problem::DuplicateKey),
        malformed(Problem::InexactNumber),
        Reason::BodyShape,
        blocked(),
        Reason::LimitSpent { kind: LimitKind::Rate, limit: "l".to_owned(), retry_after: 9 },
        Reason::Undecided(Undecided::Host),
    ]
}

fn refusals() -> Vec<Refusal<'static>> {
    const FLAWS: [Flaw; 3] = [
        Flaw { id: None, problem: Invalid::Batch },
        Flaw { id: None, problem: Invalid::Lookalike },
        Flaw { id: None, problem: Invalid::Param("name") },
    ];
    let mut refusals = vec![Refusal::MethodNotPassed, Refusal::OriginNotAllowed, Refusal::AnswerUnfit];
    refusals.extend(FLAWS.iter().map(Refusal::Flaw));
    refusals
}

#[test]
fn the_rule_is_told_where_the_agent_may_use_what_it_asked_for_and_nowhere_else() {
    let inexact = Reason::BodyMalformed(Malformed { at: 3, problem: Problem::InexactNumber });
    let spent = Reason::LimitSpent { kind: LimitKind::Rate, limit: "l".to_owned(), retry_after: 9 };
    for reason in reasons() {
        let (_, body) = answered(Refusal::Denied(&reason, &TOOL, Some("/r")), Version::V2025_06_18);
        let is_told = [&blocked(), &inexact, &spent, &Reason::BodyTooLarge { limit: 7 }].contains(&&reason);
        assert_eq!(body["error"]["data"].get("rule"), is_told.then_some(&json!("/r")), "{reason:?}");
    }
    let (_, body) = answered(Refusal::Denied(&blocked(), &TOOL, Some("/r")), Version::V2026_07_28);
    assert_eq!(body["result"]["_meta"][META]["rule"], "/r");
}

#[test]
fn bad_arguments_are_told_to_the_model_where_the_version_says_so() {
    let text = "a string at `/q` holds something that is blocked";
    let data = json!({"reason": "argument_blocked"});
    for version in Version::ALL {
        let (status, body) = answered(Refusal::Denied(&blocked(), &TOOL, None), version);
        let mut result = json!({
            "content": [{"type": "text", "text": text}], "isError": true, "_meta": {"dev.toolgate/refusal": data},
        });
        if version == Version::V2026_07_28 {
            result["resultType"] = "complete".into();
        }
        let want = match version {
            Version::V2025_11_25 | Version::V2026_07_28 => json!({"jsonrpc": "2.0", "id": 7, "result": result}),
            Version::V2025_03_26 | Version::V2025_06_18 => error(-32602, text, data.clone()),
        };
        assert_eq!((status, body), (200, want), "{version:?}");
        let prompt = answered(Refusal::Denied(&blocked(), &Target::Prompt("p"), None), version);
        assert_eq!(prompt, (200, error(-32602, text, data.clone())));
    }
}

#[test]
fn a_number_that_nobody_can_judge_is_a_bad_argument_and_no_parse_error() {
    let reason = Reason::BodyMalformed(Malformed { at: 3, problem: Problem::InexactNumber });
    let (status, body) = answered(Refusal::Denied(&reason, &TOOL, None), Version::V2026_07_28);
    assert_eq!((status, &body["result"]["isError"]), (200, &json!(true)));
    let reason = Reason::BodyMalformed(Malformed { at: 3, problem: Problem::DuplicateKey });
    let (status, body) = answered(Refusal::Denied(&reason, &TOOL, None), Version::V2025_06_18);
    assert_eq!((status, &body["error"]["code"]), (400, &json!(-32700)));
}

#[test]
fn what_is_unknown_and_what_is_forbidden_look_the_same_to_the_agent_and_not_to_the_operator() {
    for version in Version::ALL {
        let reply = |reason| {
            let reply = refuse(Refusal::Denied(&reason, &TOOL, None), Recipient::Request(&id("7")), version, None, &[]);
            let details = reply.details.clone();
            (Reply { details: String::new(), ..reply }, details)
        };
        let (unknown, details) = reply(Reason::ToolUnknown);
        assert_eq!((unknown.status, details.as_str()), (403, "toolgate_tool_unknown"));
        let body: Value = serde_json::from_slice(&unknown.body).unwrap();
        assert_eq!(body, error(-32602, "Unknown tool: search", json!({"reason": "tool_unknown"})));
        assert_eq!(reply(Reason::ToolNotGranted), (unknown.clone(), "toolgate_tool_not_granted".to_owned()));
        assert_eq!(reply(Reason::AgentUnknown), (unknown, "toolgate_agent_unknown".to_owned()));
    }
}

#[test]
fn each_kind_of_thing_is_unknown_by_its_name() {
    let of =
        |target: Target<'_>| answered(Refusal::Denied(&Reason::ToolNotGranted, &target, None), Version::V2025_11_25);
    let unknown = |message: &str, reason: &str| (403, error(-32602, message, json!({"reason": reason})));
    assert_eq!(of(Target::Prompt("p")), unknown("Unknown prompt: p", "prompt_unknown"));
    assert_eq!(of(Target::Resource("a:b")), unknown("Unknown resource: a:b", "resource_unknown"));
    assert_eq!(of(Target::Template("a:{b}")), unknown("Unknown resource: a:{b}", "resource_unknown"));
    assert_eq!(of(Target::Resources(vec!["a:b"])), unknown("Unknown resource", "resource_unknown"));
    let server = error(403, "The agent may not use this server", json!({"reason": "server_not_granted"}));
    assert_eq!(of(Target::Nothing), (403, server));
}

#[test]
fn a_name_is_escaped_and_cut() {
    let of =
        |name: &str| answered(Refusal::Denied(&Reason::ToolUnknown, &Target::Tool(name), None), Version::V2025_11_25);
    assert_eq!(of("\"},\n\u{0}\\").1["error"]["message"], "Unknown tool: \"},\n\u{0}\\");
    let long = of(&"ä".repeat(5000)).1;
    assert_eq!(long["error"]["message"], format!("Unknown tool: {}…", "ä".repeat(128)));
}

#[test]
fn a_limit_says_when_to_come_back_in_field_and_body() {
    for version in Version::ALL {
        let reason = Reason::LimitSpent { kind: LimitKind::Quota, limit: "search".to_owned(), retry_after: 40 };
        let reply =
            refuse(Refusal::Denied(&reason, &TOOL, None), Recipient::Request(&id("7")), version, Some("r\"1"), &[]);
        assert_eq!(reply.status, 429);
        assert!(reply.headers.contains(&("retry-after", "40".to_owned())));
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let data = json!({"reason": "quota_exceeded", "retryAfter": 40, "requestId": "r\"1"});
        assert_eq!(body, error(429, "the quota `search` is spent, retry after 40 s", data));
    }
}

#[test]
fn challenges_stay_in_their_fields() {
    for reason in [Reason::IdentityUnverified, Reason::ScopeInsufficient { scope: Some("search".to_owned()) }] {
        let reply = refuse(Refusal::Denied(&reason, &TOOL, None), Recipient::Unknown, Version::V2025_11_25, None, &[]);
        assert_eq!(reply.status, reason.status());
        assert!(reply.headers.iter().any(|(name, value)| *name == "www-authenticate" && value.starts_with("Bearer")));
    }
}

#[test]
fn a_version_that_is_not_spoken_is_answered_with_those_that_are() {
    let disagreement =
        Disagreement::UnsupportedVersion { requested: "1900-01-01\"".to_owned(), supported: Version::ALL.to_vec() };
    let (status, body) = answered(Refusal::Disagreement(&disagreement), Version::V2026_07_28);
    let supported = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"];
    let data = json!({"reason": "version_unsupported", "supported": supported, "requested": "1900-01-01\""});
    assert_eq!((status, body), (400, error(-32022, "Unsupported protocol version", data)));
}

#[test]
fn a_header_that_disagrees_is_a_400_in_every_version() {
    for version in Version::ALL {
        for disagreement in [
            Disagreement::Missing("mcp-name".to_owned()),
            Disagreement::Repeated("mcp-name".to_owned()),
            Disagreement::Malformed("mcp-name".to_owned()),
            Disagreement::Differs("mcp-name".to_owned()),
        ] {
            let (status, body) = answered(Refusal::Disagreement(&disagreement), version);
            assert_eq!((status, &body["error"]["code"]), (400, &json!(-32020)));
        }
        let (status, body) = answered(Refusal::Disagreement(&Disagreement::NoVersionInBody), version);
        assert_eq!((status, &body["error"]["code"]), (400, &json!(-32602)));
    }
}

#[test]
fn a_method_that_does_not_pass_is_a_404_only_where_that_ends_no_session() {
    let body = error(-32601, "Method not found", json!({"reason": "method_not_passed"}));
    assert_eq!(answered(Refusal::MethodNotPassed, Version::V2026_07_28), (404, body.clone()));
    for version in OLD {
        assert_eq!(answered(Refusal::MethodNotPassed, version), (403, body.clone()));
    }
}

#[test]
fn batches_and_broken_messages_are_told_without_an_id() {
    let flaw = Flaw { id: None, problem: Invalid::Batch };
    for version in Version::ALL {
        let reply = refuse(Refusal::Flaw(&flaw), Recipient::Unknown, version, None, &[]);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, if version == Version::V2026_07_28 { 422 } else { 400 });
        assert_eq!((body.get("id"), &body["error"]["code"]), (None, &json!(-32600)));
    }
}

#[test]
fn an_id_goes_back_byte_for_byte() {
    for text in ["0", "-12", r#""""#, r#""\u0061\"é""#, "9007199254740991"] {
        let (flaw, id) = (Flaw { id: None, problem: Invalid::Params }, id(text));
        let reply = refuse(Refusal::Flaw(&flaw), Recipient::Request(&id), Version::V2025_06_18, None, &[]);
        let start = format!(r#"{{"jsonrpc":"2.0","id":{text},"error":"#);
        assert!(reply.body.starts_with(start.as_bytes()), "{}", String::from_utf8_lossy(&reply.body));
    }
}

#[test]
fn a_notification_is_never_answered_with_a_body_or_with_success() {
    for version in Version::ALL {
        for reason in reasons() {
            let reply = refuse(Refusal::Denied(&reason, &TOOL, None), Recipient::Nobody, version, None, &[]);
            assert!(reply.body.is_empty() && reply.status >= 400, "{reason:?}");
            assert!(reply.headers.iter().all(|(name, _)| *name != "content-type"));
        }
    }
}

#[test]
fn no_refusal_has_a_code_that_is_not_its_own_or_makes_a_client_fall_back() {
    let disagreement = Disagreement::Missing("mcp-name".to_owned());
    for version in Version::ALL {
        let reasons = reasons();
        let denied = reasons
            .iter()
            .flat_map(|reason| [Refusal::Denied(reason, &TOOL, None), Refusal::Denied(reason, &Target::Nothing, None)]);
        let all = denied.chain(refusals()).chain([Refusal::Disagreement(&disagreement)]);
        for (refusal, to) in all.flat_map(|refusal| [(refusal, true), (refusal, false)]) {
            let id = id("7");
            let to = if to { Recipient::Request(&id) } else { Recipient::Unknown };
            let reply = refuse(refusal, to, version, None, &[]);
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            if reply.status == 200 {
                assert_eq!(body["id"], 7);
                continue;
            }
            let code = body["error"]["code"].as_i64().unwrap();
            let is_defined = matches!(code, -32700 | -32603..=-32600 | -32022..=-32020);
            assert!(is_defined || !(-32768..=-32000).contains(&code), "{code}");
            let is_told_by_400 =
                matches!(code, -32022 | -32020) || body["error"]["data"]["reason"] == "version_missing";
            assert!(!version.is_stateless() || reply.status != 400 || is_told_by_400, "{body}");
            assert_eq!(body["jsonrpc"], "2.0");
            assert!(!body["error"]["data"]["reason"].as_str().unwrap().is_empty());
        }
    }
}
