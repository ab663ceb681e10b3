use super::*;
use crate::json::{Bounds, Document, Problem};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// What a text is read as, in words.
fn read(text: &str) -> Result<String, Flaw> {
    let document = Document::read(text.as_bytes(), Bounds::default()).unwrap();
    let raw = |params: Option<Value<'_>>| params.map_or("nothing", Value::raw).to_owned();
    Message::read(document.root()).map(|message| match message {
        Message::Request(Request { id, method, params }) => {
            format!("request {} {method} {}", id.as_json(), raw(params))
        }
        Message::Notification(Notification { method, params }) => format!("notification {method} {}", raw(params)),
        Message::Response(Response { id, content, is_error }) => {
            format!("response {} {} {is_error}", id.as_json(), content.raw())
        }
    })
}

fn problem(text: &str) -> Option<Invalid> {
    read(text).err().map(|flaw| flaw.problem)
}

#[test]
fn each_kind_of_message_is_read() {
    for (text, want) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 ping nothing"),
        (
            r#"{"params":{"a":1},"method":"tools/call","id":"a\u0062","jsonrpc":"2.0"}"#,
            r#"request "a\u0062" tools/call {"a":1}"#,
        ),
        (r#"{"jsonrpc":"2.0","id":-7,"method":"\u0070ing","params":{}}"#, "request -7 ping {}"),
        (r#"{"jsonrpc":"2.0","id":"","method":"ping"}"#, r#"request "" ping nothing"#),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "notification notifications/initialized nothing"),
        (r#"{"jsonrpc":"2.0","id":3,"result":{"x":[]}}"#, r#"response 3 {"x":[]} false"#),
        (r#"{"jsonrpc":"2.0","id":3,"error":{"code":1}}"#, r#"response 3 {"code":1} true"#),
    ] {
        assert_eq!(read(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for (text, want) in [
        ("[]", Invalid::Batch),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, Invalid::Batch),
        ("1", Invalid::NoObject),
        ("null", Invalid::NoObject),
        ("\"ping\"", Invalid::NoObject),
        ("{}", Invalid::Protocol),
        (r#"{"id":1,"method":"ping"}"#, Invalid::Protocol),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, Invalid::Protocol),
        (r#"{"jsonrpc":"2.00","id":1,"method":"ping"}"#, Invalid::Protocol),
        (r#"{"jsonrpc":"2.0","id":1}"#, Invalid::Shape),
        (r#"{"jsonrpc":"2.0","result":{}}"#, Invalid::Shape),
        (r#"{"jsonrpc":"2.0","error":{}}"#, Invalid::Shape),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, Invalid::Shape),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, Invalid::Shape),
        (r#"{"jsonrpc":"2.0","id":1,"params":{},"result":{}}"#, Invalid::Shape),
        (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, Invalid::Shape),
        (r#"{"jsonrpc":"2.0","id":1,"error":"x"}"#, Invalid::Shape),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#, Invalid::Method),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, Invalid::Method),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call "}"#, Invalid::Method),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/\u0000call"}"#, Invalid::Method),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tool\u017f/call"}"#, Invalid::Method),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, Invalid::Params),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, Invalid::Params),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":[]}}"#, Invalid::Param("_meta")),
    ] {
        assert_eq!(problem(text), Some(want), "{text}");
    }
    let long = "m".repeat(MAX_METHOD_BYTES);
    assert_eq!(problem(&format!(r#"{{"jsonrpc":"2.0","method":"{long}"}}"#)), None);
    assert_eq!(problem(&format!(r#"{{"jsonrpc":"2.0","method":"{long}m"}}"#)), Some(Invalid::Method));
}

#[test]
fn an_id_is_a_short_string_or_an_integer_and_never_null() {
    let with = |id: &str| problem(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
    for id in ["0", "1", "-1", "9007199254740991", "\"\"", "\"0\"", "\"ä\"", r#""\"""#] {
        assert_eq!(with(id), None, "{id}");
    }
    for id in ["null", "1.0", "1.5", "1e3", "1E3", "-0", "true", "[]", "{}", "[1]"] {
        assert_eq!(with(id), Some(Invalid::Id), "{id}");
    }
    let string = |length: usize| format!("\"{}\"", "x".repeat(length));
    assert_eq!(with(&string(MAX_ID_BYTES)), None);
    assert_eq!(with(&string(MAX_ID_BYTES + 1)), Some(Invalid::Id));
}

#[test]
fn the_id_of_a_message_that_is_wrong_elsewhere_is_known() {
    let id = |text: &str| read(text).unwrap_err().id.map(|id| id.as_json().to_owned());
    assert_eq!(id(r#"{"jsonrpc":"1.0","id":"\u0061","method":"ping"}"#), Some(r#""\u0061""#.to_owned()));
    assert_eq!(id(r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}"#), Some("7".to_owned()));
    assert_eq!(id(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#), None);
    assert_eq!(id("[1]"), None);
    assert_eq!(id(r#"{"jsonrpc":"2.0","id":7,"result":1}"#), None, "an id of the server's");
}

#[test]
fn an_envelope_has_no_key_but_the_exact_ones() {
    for key in ["Method", "method ", " id", "ID", "re\u{17f}ult", "Params", "paramſ", "trace", "", "x"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","{key}":{{}}}}"#);
        assert_eq!(problem(&text), Some(Invalid::UnknownMember), "{key}");
    }
    let escaped = Document::read(br#"{"id":1,"\u0069d":2}"#, Bounds::default()).err();
    assert_eq!(escaped.map(|malformed| malformed.problem), Some(Problem::DuplicateKey));
}

#[test]
fn a_key_of_params_that_looks_like_a_known_one_is_refused_and_others_pass() {
    let with = |key: &str| {
        problem(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","{key}":{{}}}}}}"#))
    };
    for key in [
        "Name",
        "name\\u0000",
        "Arguments",
        "argument\\u017f",
        "input_responses",
        "URI",
        "_Meta",
        "\\u212aey\\u200bname",
    ] {
        let want = if key.ends_with("ey\\u200bname") { None } else { Some(Invalid::Lookalike) };
        assert_eq!(with(key), want, "{key}");
    }
    for key in ["task", "cursor", "x", "com.example/name", "arguments"] {
        assert_eq!(with(key), None, "{key}");
    }
    let meta = |key: &str| {
        problem(&format!(r#"{{"jsonrpc":"2.0","method":"x","params":{{"_meta":{{"{key}":"2026-07-28"}}}}}}"#))
    };
    assert_eq!(meta("io.modelcontextprotocol/ProtocolVersion"), Some(Invalid::Lookalike));
    assert_eq!(meta("io.modelcontextprotocol/protocolVersion"), None);
    assert_eq!(meta("progressToken"), None);
}

#[test]
fn an_answer_is_known_by_its_id_however_it_is_spelt() {
    let is = |id: &str, other: &str| {
        let [id, other] = [id, other].map(|text| Document::read(text.as_bytes(), Bounds::default()).unwrap());
        Id::read(id.root()).unwrap().is(other.root())
    };
    for (id, other) in [("1", "1"), ("1", "1.0"), ("10", "1e1"), (r#""a""#, r#""\u0061""#), ("-3", "-3")] {
        assert!(is(id, other), "{id} {other}");
    }
    for (id, other) in [("1", "2"), ("1", "\"1\""), ("\"1\"", "1"), ("1", "null"), ("0", "[]"), ("\"\"", "null")] {
        assert!(!is(id, other), "{id} {other}");
    }
}
