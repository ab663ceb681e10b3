//! The whole way of a request and of its answer, as a gateway goes it, for each version.

use super::*;
use crate::{
    json::{Bounds, Document},
    request::Head,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// What a request comes to: its target and its arguments, or status and code of its refusal.
fn judged(fields: &[(&str, &str)], body: &str) -> Result<String, (u16, i64)> {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let head = Head { fields: &fields };
    let document = Document::read(body.as_bytes(), Bounds::default()).unwrap();
    // What is wrong before the version is agreed on is told in the shape of the field's.
    let said = version_of_head(head).unwrap_or(Version::V2026_07_28);
    let message = Message::read(document.root()).map_err(|flaw| {
        let to = flaw.id.as_ref().map_or(Recipient::Unknown, Recipient::Request);
        told(Refusal::Flaw(&flaw), to, said)
    })?;
    let to = match &message {
        Message::Request(request) => Recipient::Request(&request.id),
        Message::Notification(_) | Message::Response(_) => Recipient::Nobody,
    };
    let disagreed = |disagreement: Disagreement| told(Refusal::Disagreement(&disagreement), to, said);
    let version = agreed_version(head, &message).map_err(disagreed)?;
    let Message::Request(request) = &message else {
        confirm(head, version, &message).map_err(disagreed)?;
        return Ok(format!("{} {}", version.as_str(), message.method().unwrap_or("response")));
    };
    let flawed = |problem| told(Refusal::Flaw(&Flaw { id: None, problem }), to, version);
    let call = request.call().map_err(flawed)?;
    confirm(head, version, &message).map_err(disagreed)?;
    let region = Mirrored::new("Region", "/region").unwrap();
    confirm_argument(head, version, call.arguments, &region).map_err(disagreed)?;
    Ok(format!("{} {:?} {}", version.as_str(), call.target, call.arguments.raw()))
}

fn told(refusal: Refusal<'_>, to: Recipient<'_>, version: Version) -> (u16, i64) {
    let reply = refuse(refusal, to, version, None, &[]);
    let body: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    (reply.status, body.and_then(|body| body["error"]["code"].as_i64()).unwrap_or_default())
}

fn call(meta: &str) -> String {
    let params = format!(r#"{{"name":"search","arguments":{{"region":"eu"}}{meta}}}"#);
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#)
}

const META: &str = r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;

const NEWEST: [(&str, &str); 4] = [
    ("mcp-protocol-version", "2026-07-28"),
    ("mcp-method", "tools/call"),
    ("mcp-name", "search"),
    ("mcp-param-region", "eu"),
];

#[test]
fn a_call_is_the_same_in_every_version() {
    let call_of = |version: &str| Ok(format!(r#"{version} Tool("search") {{"region":"eu"}}"#));
    assert_eq!(judged(&[], &call("")), call_of("2025-03-26"));
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let session = [("mcp-session-id", "s"), ("mcp-protocol-version", version)];
        assert_eq!(judged(&session, &call("")), call_of(version));
    }
    assert_eq!(judged(&NEWEST, &call(META)), call_of("2026-07-28"));
}

#[test]
fn the_newest_version_is_not_taken_for_an_older_one() {
    for left_out in 0..NEWEST.len() {
        let fields: Vec<_> = (0..).zip(NEWEST).filter(|(at, _)| *at != left_out).map(|(_, field)| field).collect();
        assert_eq!(judged(&fields, &call(META)), Err((400, -32020)), "{left_out}");
    }
    assert_eq!(judged(&[("mcp-protocol-version", "2025-11-25")], &call(META)), Err((400, -32020)));
    assert_eq!(judged(&NEWEST, &call("")), Err((400, -32602)));
    assert_eq!(judged(&[("mcp-protocol-version", "2027-01-01")], &call("")), Err((400, -32022)));
}

#[test]
fn what_is_no_message_is_refused_in_every_version() {
    for (version, status) in [("2025-03-26", 400), ("2025-06-18", 400), ("2025-11-25", 400), ("2026-07-28", 422)] {
        let fields = [("mcp-protocol-version", version)];
        let batch = format!("[{}]", call(META));
        assert_eq!(judged(&fields, &batch), Err((status, -32600)));
        assert_eq!(judged(&fields, &call(META).replace("\"id\":1", "\"id\":null")), Err((status, -32600)));
        assert_eq!(judged(&fields, &call(META).replace("\"name\"", "\"Name\"")), Err((status, -32602)));
        assert_eq!(judged(&fields, &call(META).replace("\"id\"", "\"Id\"")), Err((status, -32600)));
    }
}

#[test]
fn notifications_pass_and_responses_where_the_version_has_them() {
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let answer = r#"{"jsonrpc":"2.0","id":"s-1","result":{"action":"accept"}}"#;
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let fields = [("mcp-protocol-version", version)];
        assert_eq!(judged(&fields, initialized), Ok(format!("{version} notifications/initialized")));
        assert_eq!(judged(&fields, answer), Ok(format!("{version} response")));
    }
    let newest = [("mcp-protocol-version", "2026-07-28")];
    assert_eq!(judged(&newest, initialized), Ok("2026-07-28 notifications/initialized".to_owned()));
    assert_eq!(judged(&newest, answer), Err((422, 0)), "and no body goes to one who sent no request");
}

#[test]
fn an_answer_goes_through_a_stream_as_it_goes_through_a_body() {
    let body = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"},{"name":"search"},{"name":"b"}]}}"#;
    let id = Id::read(Document::read(b"1", Bounds::default()).unwrap().root()).unwrap();
    let awaited = Awaited { version: Version::V2025_11_25, request: Some((id, "tools/list".to_owned())) };
    let mut shown = |said: Said<'_>| matches!(said, Said::Entry(entry) if entry.name == "search");
    let whole = pass(body.as_bytes(), &awaited, &mut shown).unwrap();
    let whole_body = String::from_utf8(whole.replaced.unwrap()).unwrap();
    assert_eq!(whole_body, r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search"}]}}"#);
    let stream = format!(": ping\n\nevent: message\ndata: {body}\n\n");
    let (mut events, mut out, mut outcome) = (EventStream::new(1 << 16), Vec::new(), None);
    let mut judge = |event: &Event| match pass(&event.data, &awaited, &mut shown) {
        Ok(passed) => {
            outcome = outcome.or(passed.outcome);
            passed.replaced.map_or(Fate::Pass, Fate::Replace)
        }
        Err(_) => Fate::Drop,
    };
    events.push(stream.as_bytes(), &mut out, &mut judge).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), format!(": ping\n\nevent: message\ndata: {whole_body}\n\n"));
    assert_eq!(outcome, whole.outcome);
}
