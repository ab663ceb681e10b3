use super::*;
use crate::json::{Bounds, Document, Numbers};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

type List<'a> = &'a [(&'a str, &'a str)];

const CALL: &str = r#""id":1,"method":"tools/call","params":{"name":"search","arguments":{}}"#;
const MODERN: &str = r#""id":1,"method":"tools/call","params":{"name":"search","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;

fn with<T>(fields: List<'_>, body: &str, look: impl FnOnce(Head<'_>, &Message<'_>) -> T) -> T {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    let text = format!(r#"{{"jsonrpc":"2.0",{body}}}"#);
    let bounds = Bounds { numbers: Numbers::Noted, ..Bounds::default() };
    let document = Document::read(text.as_bytes(), bounds).unwrap();
    let message = Message::read(document.root()).unwrap_or_else(|flaw| panic!("{text}: {flaw:?}"));
    look(Head { fields: &fields }, &message)
}

fn version(fields: List<'_>, body: &str) -> Result<Version, Disagreement> {
    with(fields, body, agreed_version)
}

/// Compares the protocol's own fields, then those that mirror arguments, by suffix and pointer.
fn confirmed(fields: List<'_>, body: &str, version: Version, mirrored: List<'_>) -> Result<(), Disagreement> {
    with(fields, body, |head, message| {
        confirm(head, version, message)?;
        let Message::Request(request) = message else { return Ok(()) };
        let arguments = request.call().unwrap().arguments;
        let mut mirrored = mirrored.iter().map(|(suffix, pointer)| Mirrored::new(suffix, pointer).unwrap());
        mirrored.try_for_each(|mirrored| confirm_argument(head, version, arguments, &mirrored))
    })
}

fn field(name: &str) -> String {
    name.to_owned()
}

#[test]
fn the_version_is_what_the_field_says_and_the_body_confirms() {
    for one in Version::ALL {
        let meta = format!(r#""id":1,"method":"x","params":{{"_meta":{{"{META_VERSION}":"{}"}}}}"#, one.as_str());
        assert_eq!(version(&[(VERSION, one.as_str())], &meta), Ok(one));
        let plain = version(&[("MCP-Protocol-Version", one.as_str())], CALL);
        assert_eq!(plain, if one.is_stateless() { Err(Disagreement::NoVersionInBody) } else { Ok(one) });
        for other in Version::ALL {
            if other != one {
                let said = version(&[(VERSION, other.as_str())], &meta);
                assert_eq!(said, Err(Disagreement::Differs(field(VERSION))), "{other:?} {one:?}");
            }
        }
    }
}

#[test]
fn without_the_field_a_message_is_of_the_first_version_unless_its_body_says_otherwise() {
    assert_eq!(version(&[], CALL), Ok(Version::V2025_03_26));
    assert_eq!(version(&[], r#""method":"notifications/initialized""#), Ok(Version::V2025_03_26));
    assert_eq!(version(&[], r#""id":1,"result":{}"#), Ok(Version::V2025_03_26));
    assert_eq!(version(&[], MODERN), Err(Disagreement::Missing(field(VERSION))));
}

#[test]
fn a_version_that_is_not_spoken_is_told_and_cut() {
    let unsupported = |requested: &str| {
        Err(Disagreement::UnsupportedVersion { requested: field(requested), supported: Version::ALL.to_vec() })
    };
    assert_eq!(version(&[(VERSION, "2024-11-05")], CALL), unsupported("2024-11-05"));
    assert_eq!(version(&[(VERSION, "")], CALL), unsupported(""));
    assert_eq!(version(&[(VERSION, &"x".repeat(99))], CALL), unsupported(&"x".repeat(32)));
    let meta = format!(r#""id":1,"method":"x","params":{{"_meta":{{"{META_VERSION}":"1900-01-01"}}}}"#);
    assert_eq!(version(&[], &meta), unsupported("1900-01-01"));
    let number = format!(r#""id":1,"method":"x","params":{{"_meta":{{"{META_VERSION}":7}}}}"#);
    assert_eq!(version(&[(VERSION, "2026-07-28")], &number), Err(Disagreement::Invalid(Invalid::Param("_meta"))));
}

#[test]
fn a_version_stands_once() {
    let twice = [(VERSION, "2025-06-18"), (VERSION, "2025-06-18")];
    assert_eq!(version(&twice, CALL), Err(Disagreement::Repeated(field(VERSION))));
    for twin in ["mcp_protocol_version", "MCP-Protocol_Version"] {
        assert_eq!(version(&[(twin, "2025-06-18")], CALL), Err(Disagreement::Repeated(field(VERSION))));
    }
}

#[test]
fn only_older_versions_take_a_response_of_a_client() {
    let response = r#""id":1,"result":{}"#;
    for one in Version::ALL {
        let want = match one {
            Version::V2026_07_28 => Err(Disagreement::Invalid(Invalid::ResponseNotTaken)),
            _ => Ok(one),
        };
        assert_eq!(version(&[(VERSION, one.as_str())], response), want);
    }
}

#[test]
fn a_notification_of_the_newest_version_needs_no_version_in_its_body() {
    assert_eq!(version(&[(VERSION, "2026-07-28")], r#""method":"x""#), Ok(Version::V2026_07_28));
}

#[test]
fn method_and_name_are_required_in_the_newest_version_and_right_in_any() {
    let both: List<'_> = &[("mcp-method", "tools/call"), ("Mcp-Name", "search")];
    for one in Version::ALL {
        let missing = |name: &str| if one.is_stateless() { Err(Disagreement::Missing(field(name))) } else { Ok(()) };
        assert_eq!(confirmed(both, MODERN, one, &[]), Ok(()));
        assert_eq!(confirmed(&[], MODERN, one, &[]), missing("mcp-method"));
        assert_eq!(confirmed(&both[..1], MODERN, one, &[]), missing("mcp-name"));
        for (name, value) in [("mcp-method", "tools/list"), ("mcp-method", "Tools/call"), ("mcp-method", " tools/call")]
        {
            let differs = confirmed(&[(name, value), both[1]], MODERN, one, &[]);
            assert_eq!(differs, Err(Disagreement::Differs(field(name))), "{value}");
        }
        for value in ["Search", "search ", "other", "", "=?BASE64?c2VhcmNo?=", "=?base64?b3RoZXI=?="] {
            let differs = confirmed(&[both[0], ("mcp-name", value)], MODERN, one, &[]);
            assert_eq!(differs, Err(Disagreement::Differs(field("mcp-name"))), "{value}");
        }
        for value in ["s\u{e4}arch", "a\u{0}", "=?base64?c2VhcmN?=", "=?base64?/w==?=", "=?base64?c2VhcmNp!?="] {
            let malformed = confirmed(&[both[0], ("mcp-name", value)], MODERN, one, &[]);
            assert_eq!(malformed, Err(Disagreement::Malformed(field("mcp-name"))), "{value}");
        }
        let encoded = confirmed(&[both[0], ("mcp-name", "=?base64?c2VhcmNo?=")], MODERN, one, &[]);
        assert_eq!(encoded, Ok(()));
        let twice = confirmed(&[both[0], both[1], both[1]], MODERN, one, &[]);
        assert_eq!(twice, Err(Disagreement::Repeated(field("mcp-name"))));
        let twin = confirmed(&[both[0], both[1], ("mcp_method", "tools/call")], MODERN, one, &[]);
        assert_eq!(twin, Err(Disagreement::Repeated(field("mcp-method"))));
    }
}

#[test]
fn a_method_is_never_encoded() {
    let encoded = [("mcp-method", "=?base64?dG9vbHMvY2FsbA==?="), ("mcp-name", "search")];
    let want = Err(Disagreement::Differs(field("mcp-method")));
    assert_eq!(confirmed(&encoded, MODERN, Version::V2026_07_28, &[]), want);
}

#[test]
fn the_name_of_a_resource_is_its_uri_and_of_a_task_its_id() {
    let newest = Version::V2026_07_28;
    let read = r#""id":1,"method":"resources/read","params":{"uri":"file:///ä","name":"x"}"#;
    let named = |body: &str, method: &str, name: &str| {
        confirmed(&[("mcp-method", method), ("mcp-name", name)], body, newest, &[])
    };
    assert_eq!(named(read, "resources/read", "=?base64?ZmlsZTovLy/DpA==?="), Ok(()));
    assert_eq!(named(read, "resources/read", "x"), Err(Disagreement::Differs(field("mcp-name"))));
    let task = r#""id":1,"method":"tasks/get","params":{"taskId":"t"}"#;
    assert_eq!(named(task, "tasks/get", "t"), Ok(()));
    let list = r#""id":1,"method":"tools/list""#;
    assert_eq!(named(list, "tools/list", "t"), Err(Disagreement::Differs(field("mcp-name"))));
    assert_eq!(confirmed(&[("mcp-method", "tools/list")], list, newest, &[]), Ok(()));
    assert_eq!(confirmed(&[], r#""method":"x""#, newest, &[]), Ok(()));
    let response = r#""id":1,"result":{}"#;
    let claimed = confirmed(&[("mcp-method", "tools/call")], response, Version::V2025_06_18, &[]);
    assert_eq!(claimed, Err(Disagreement::Differs(field("mcp-method"))));
}

/// Judges `Mcp-Param-Region` for `{"place":{"region":…}}`.
fn parameter(version: Version, value: Option<&str>, fields: List<'_>) -> Result<(), Disagreement> {
    let place = value.map_or("{}".to_owned(), |value| format!(r#"{{"region":{value}}}"#));
    let body = format!(r#""id":1,"method":"tools/call","params":{{"name":"a","arguments":{{"place":{place}}}}}"#);
    let fields: Vec<_> = [("mcp-method", "tools/call"), ("mcp-name", "a")].iter().chain(fields).copied().collect();
    confirmed(&fields, &body, version, &[("Region", "/place/region")])
}

#[test]
fn a_mirrored_parameter_equals_the_argument() {
    for one in Version::ALL {
        for (value, text) in [
            (r#""us-west1""#, "us-west1"),
            (r#""Hello, 世界""#, "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (r#"" padded ""#, "=?base64?IHBhZGRlZCA=?="),
            (r#""line1\nline2""#, "=?base64?bGluZTEKbGluZTI=?="),
            (r#""=?base64?literal?=""#, "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            (r#""""#, ""),
            ("42", "42"),
            ("42", "42.0"),
            ("42.0", "42"),
            ("-7", "-7"),
            ("0", "-0"),
            ("42", "42e0"),
            ("4.2E+1", "42"),
            ("1e2", "100"),
            ("1000000000000000000000000000000000000001", "1000000000000000000000000000000000000001.0"),
            ("9007199254740993", "9007199254740993"),
            ("1e400", "1e400"),
            ("1e999999999", "10E999999998"),
            ("\"042\"", "042"),
            ("\"\\u0061\"", "a"),
            ("true", "true"),
            ("false", "false"),
        ] {
            assert_eq!(parameter(one, Some(value), &[("MCP-PARAM-region", text)]), Ok(()), "{value} {text}");
        }
        for (value, text) in [
            (r#""us-west1""#, "US-west1"),
            ("42", "43"),
            ("42", "0x2a"),
            ("42", " 42"),
            ("42", "42 "),
            ("42", "042"),
            ("42", "+42"),
            ("42", "42."),
            ("42", "42.5"),
            ("42", "-42"),
            ("42", "42,42"),
            ("42", ""),
            ("42", "NaN"),
            ("9007199254740993", "9007199254740992"),
            ("1000000000000000000000000000000000000001", "1e39"),
            ("1e9999999999", "1e9999999999"),
            ("\"42\"", "42.0"),
            ("\"\"", "=?base64?IA==?="),
            ("true", "True"),
            ("true", "1"),
            ("null", "null"),
            ("{}", "{}"),
            ("[]", "[]"),
        ] {
            let want = Err(Disagreement::Differs(field("mcp-param-region")));
            assert_eq!(parameter(one, Some(value), &[("mcp-param-region", text)]), want, "{value} {text}");
        }
    }
}

#[test]
fn a_mirrored_parameter_is_there_if_and_only_if_its_value_is() {
    for one in Version::ALL {
        let missing = Err(Disagreement::Missing(field("mcp-param-region")));
        assert_eq!(parameter(one, Some("\"a\""), &[]), if one.is_stateless() { missing } else { Ok(()) });
        assert_eq!(parameter(one, None, &[]), Ok(()));
        for no_plain_value in ["null", "[\"a\"]", "{}", "{\"a\":1}"] {
            assert_eq!(parameter(one, Some(no_plain_value), &[]), Ok(()), "{no_plain_value}");
        }
        let unexpected = parameter(one, None, &[("mcp-param-region", "a")]);
        assert_eq!(unexpected, Err(Disagreement::Differs(field("mcp-param-region"))));
    }
}

#[test]
fn an_argument_is_where_objects_lead_to_it() {
    let newest = Version::V2026_07_28;
    let judged = |arguments: &str, pointer: &str, text: Option<&str>| {
        let body = format!(r#""id":1,"method":"x","params":{{"arguments":{arguments}}}"#);
        let fields: Vec<_> =
            [("mcp-method", "x")].into_iter().chain(text.map(|text| ("mcp-param-region", text))).collect();
        confirmed(&fields, &body, newest, &[("region", pointer)])
    };
    let missing = Err(Disagreement::Missing(field("mcp-param-region")));
    let differs = Err(Disagreement::Differs(field("mcp-param-region")));
    for (arguments, pointer) in [
        (r#"{"a":{"b":"eu"}}"#, "/a/b"),
        (r#"{"a/b~":"eu"}"#, "/a~1b~0"),
        (r#"{"":"eu"}"#, "/"),
        (r#"{"0":"eu"}"#, "/0"),
    ] {
        assert_eq!(judged(arguments, pointer, Some("eu")), Ok(()), "{arguments}");
        assert_eq!(judged(arguments, pointer, None), missing, "{arguments}");
    }
    for (arguments, pointer) in
        [(r#"{"a":["eu"]}"#, "/a/0"), (r#"{"a":"eu"}"#, "/a/b"), (r#"{"A":"eu"}"#, "/a"), (r#"{}"#, "/a")]
    {
        assert_eq!(judged(arguments, pointer, None), Ok(()), "{arguments}");
        assert_eq!(judged(arguments, pointer, Some("eu")), differs, "{arguments}");
    }
}

#[test]
fn a_mirrored_argument_has_the_name_of_a_field_and_a_place() {
    for good in [("Region", "/region"), ("a.b_c!", "/a/b"), ("x", "/")] {
        assert!(Mirrored::new(good.0, good.1).is_some(), "{good:?}");
    }
    for bad in
        [("", "/a"), ("a b", "/a"), ("a:", "/a"), ("ä", "/a"), ("a\r\nb", "/a"), ("a", ""), ("a", "a"), ("a", "/~")]
    {
        assert!(Mirrored::new(bad.0, bad.1).is_none(), "{bad:?}");
    }
}

#[test]
fn unknown_parameters_are_let_through_and_twins_of_known_ones_are_not() {
    let newest = Version::V2026_07_28;
    let one = ("mcp-param-region", "a");
    for other in [("mcp-param-other", "\u{ff}"), ("mcp-param-other", "=?base64??=")] {
        assert_eq!(parameter(newest, Some("\"a\""), &[one, other, other]), Ok(()));
    }
    for twin in [("mcp_param_region", "a"), ("mcp-param_region", "b"), one] {
        let want = Err(Disagreement::Repeated(field("mcp-param-region")));
        assert_eq!(parameter(newest, Some("\"a\""), &[one, twin]), want);
    }
    let body = r#""id":1,"method":"x","params":{"arguments":{"a":"b"}}"#;
    let mirrored = [("user_id", "/a")];
    let confirmed = |name: &str| confirmed(&[("mcp-method", "x"), (name, "b")], body, newest, &mirrored);
    assert_eq!(confirmed("mcp-param-user_id"), Ok(()));
    assert_eq!(confirmed("mcp-param-user-id"), Err(Disagreement::Repeated(field("mcp-param-user_id"))));
}

#[test]
fn a_session_is_visible_and_stands_once() {
    let session = |fields: List<'_>| with(fields, CALL, |head, _| session(head).map(|id| id.map(str::to_owned)));
    assert_eq!(session(&[]), Ok(None));
    assert_eq!(session(&[("MCP-Session-Id", "a-1~")]), Ok(Some("a-1~".to_owned())));
    for wrong in ["", "a b", "\u{e4}", "a\t"] {
        assert_eq!(session(&[(SESSION, wrong)]), Err(Disagreement::Malformed(field(SESSION))), "{wrong:?}");
    }
    for twin in [SESSION, "mcp_session_id"] {
        assert_eq!(session(&[(SESSION, "a"), (twin, "a")]), Err(Disagreement::Repeated(field(SESSION))));
    }
}

#[test]
fn a_web_page_must_be_allowed() {
    let allowed = |fields: List<'_>| {
        with(fields, CALL, |head, _| is_origin_allowed(head, |origin| origin == "https://good.example"))
    };
    assert!(allowed(&[]));
    assert!(allowed(&[("Origin", "https://good.example")]));
    for wrong in ["", "null", "https://good.example.evil", "https://GOOD.example", "http://good.example", "\u{ff}"] {
        assert!(!allowed(&[("origin", wrong)]), "{wrong}");
    }
    assert!(!allowed(&[("origin", "https://good.example"), ("origin", "https://good.example")]));
}
