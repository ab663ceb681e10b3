//! A message that is taken means to a reader that folds case, trims and drops signs what it means here.
//!
//! In: bytes as a body. What is read of it is compared with what serde_json reads by keys that are folded so, and a
//! refusal of it is JSON with the same id. Its arguments agree with the fields that a client makes of them.

#![no_main]

use base64::{Engine as _, prelude::BASE64_STANDARD};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use toolgate_engine::{
    json::{self, Bounds, Document},
    mcp::{Message, Mirrored, Recipient, Refusal, Target, Version, confirm_argument, refuse},
    request::Head,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::read(bytes, Bounds::default()) else { return };
    let theirs: Value = serde_json::from_slice(bytes).expect("strict JSON is JSON");
    let message = match Message::read(document.root()) {
        Ok(message) => message,
        Err(flaw) => {
            let to = flaw.id.as_ref().map_or(Recipient::Unknown, Recipient::Request);
            let refused = refuse(Refusal::Flaw(&flaw), to, Version::V2025_06_18, None, &[]);
            let refused: Value = serde_json::from_slice(&refused.body).expect("a refusal is JSON");
            assert_eq!(refused.get("id"), flaw.id.as_ref().and(theirs.get("id")));
            return;
        }
    };
    assert_eq!(message.method(), folded(&theirs, "method").and_then(Value::as_str));
    let Message::Request(request) = message else { return };
    assert_eq!(serde_json::from_str::<Value>(request.id.as_json()).ok().as_ref(), folded(&theirs, "id"));
    assert!(!theirs["id"].is_null());
    let Ok(call) = request.call() else { return };
    let params = folded(&theirs, "params").unwrap_or(&Value::Null);
    let text = |key: &str| folded(params, key).and_then(Value::as_str);
    match &call.target {
        Target::Tool(name) => assert_eq!(Some(*name), text("name")),
        Target::Resource(uri) => assert_eq!(Some(*uri), text("uri")),
        Target::Template(_) | Target::Prompt(_) | Target::Resources(_) | Target::Nothing => {}
    }
    let arguments: Value = serde_json::from_str(call.arguments.raw()).expect("arguments are JSON");
    assert_eq!(&arguments, folded(params, "arguments").unwrap_or(&serde_json::json!({})));
    let responses = folded(params, "inputResponses");
    let is_checked =
        |value: &Value| call.besides.iter().any(|one| serde_json::from_str(one.raw()).ok().as_ref() == Some(value));
    assert!(responses.is_none_or(is_checked), "what a client filled in is checked");
    for (key, value) in arguments.as_object().into_iter().flatten() {
        mirrored(call.arguments, key, value);
    }
});

/// An argument agrees with the field that a client makes of it, and with no other.
fn mirrored(arguments: json::Value<'_>, key: &str, value: &Value) {
    let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
    let mirrored = Mirrored::new("A", &pointer).expect("every key has a pointer");
    let agrees = |text: Option<&str>| {
        let encoded = text.map(|text| format!("=?base64?{}?=", BASE64_STANDARD.encode(text)));
        let fields: Vec<_> = encoded.iter().map(|text| ("mcp-param-a", text.as_str())).collect();
        confirm_argument(Head { fields: &fields }, Version::V2026_07_28, arguments, &mirrored).is_ok()
    };
    let (own, other) = match value {
        Value::String(text) => (text.clone(), format!("{text}x")),
        Value::Bool(truth) => (truth.to_string(), (!truth).to_string()),
        Value::Number(number) => match number.as_i64().and_then(|number| number.checked_add(1)) {
            Some(next) => (number.to_string(), next.to_string()),
            None => return,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => {
            assert!(agrees(None) && !agrees(Some("null")));
            return;
        }
    };
    assert!(agrees(Some(&own)) && !agrees(Some(&other)) && !agrees(None), "{key}");
}

/// The one member whose key is this one, for a reader that is not exact.
fn folded<'v>(object: &'v Value, key: &str) -> Option<&'v Value> {
    let fold = |key: &str| {
        let letters = key.chars().filter(|letter| letter.is_alphanumeric());
        letters
            .flat_map(char::to_lowercase)
            .map(|letter| if letter == '\u{17f}' { 's' } else { letter })
            .collect::<String>()
    };
    let mut same = object.as_object()?.iter().filter(|(other, _)| fold(other) == fold(key));
    let first = same.next().map(|(_, value)| value);
    assert!(same.next().is_none(), "{key} can be read in two ways");
    first
}
