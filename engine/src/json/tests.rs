use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn problem(text: impl AsRef<[u8]>) -> Option<Problem> {
    Document::read(text.as_ref(), Bounds::default()).err().map(|malformed| malformed.problem)
}

fn strings(text: &str) -> Vec<String> {
    let document = Document::read(text.as_bytes(), Bounds::default()).unwrap();
    document.root().strings().map(|(_, string)| string.to_owned()).collect()
}

#[test]
fn every_kind_of_value_is_read() {
    let document = Document::read(br#" {"a":[null,true,false,-1.5e3,"x"],"b":{}} "#, Bounds::default()).unwrap();
    let (key, array) = document.root().members().next().unwrap();
    assert_eq!(key, "a");
    let kinds: Vec<_> = array.elements().map(Value::kind).collect();
    assert_eq!(kinds, [Kind::Null, Kind::True, Kind::False, Kind::Number, Kind::PlainString]);
    assert_eq!(array.raw(), r#"[null,true,false,-1.5e3,"x"]"#);
    assert_eq!(document.root().members().count(), 2);
}

#[test]
fn escapes_are_decoded_in_keys_and_values() {
    assert_eq!(
        strings(r#"{"\u0061\n":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 end of it"}"#),
        ["a\n", "\"\\/\u{8}\u{c}\n\r\té😀 end of it"]
    );
    assert_eq!(strings(r#"["\ud800\udc00", "\udbff\udfff"]"#), ["\u{10000}", "\u{10ffff}"]);
}

#[test]
fn a_key_that_stands_twice_is_refused_at_any_depth_after_unescaping() {
    assert_eq!(problem(r#"{"a":1,"a":2}"#), Some(Problem::DuplicateKey));
    assert_eq!(problem(r#"{"a":1,"\u0061":2}"#), Some(Problem::DuplicateKey));
    assert_eq!(problem(r#"[[{"x":{"b":1,"c":2,"b":3}}]]"#), Some(Problem::DuplicateKey));
    assert_eq!(problem(r#"{"a":{"a":1},"b":{"a":1}}"#), None);
}

#[test]
fn a_key_that_stands_twice_is_found_among_many() {
    let many: Vec<String> = (0..500).map(|key| format!("\"k{key}\":0")).collect();
    assert_eq!(problem(format!("{{{}}}", many.join(","))), None);
    assert_eq!(problem(format!("{{{},\"k250\":1}}", many.join(","))), Some(Problem::DuplicateKey));
    for twin in 0..20 {
        assert_eq!(problem(format!("{{{},\"k{twin}\":1}}", many[..20].join(","))), Some(Problem::DuplicateKey));
    }
}

#[test]
fn text_that_is_no_unicode_is_refused() {
    assert_eq!(problem(b"\"\xff\""), Some(Problem::InvalidUtf8));
    assert_eq!(problem(b"\"\xed\xa0\x80\""), Some(Problem::InvalidUtf8));
    assert_eq!(problem("\u{feff}{}"), Some(Problem::ByteOrderMark));
    assert_eq!(problem(b"{\x00}\x00"), Some(Problem::UnexpectedByte));
    assert_eq!(problem(r#""\ud800""#), Some(Problem::LoneSurrogate));
    assert_eq!(problem(r#""\ud800\ud800""#), Some(Problem::LoneSurrogate));
    assert_eq!(problem(r#""\ud800x\udc00""#), Some(Problem::LoneSurrogate));
    assert_eq!(problem(r#""\udc00""#), Some(Problem::LoneSurrogate));
}

#[test]
fn what_is_not_the_grammar_is_refused() {
    for text in ["", " ", "{", "[", "[1", "{\"a\"", "{\"a\":", "\"a", "\"\\", "\"\\u12", "tru"] {
        assert!(problem(text).is_some(), "{text}");
    }
    for text in ["{}{}", "1 2", "{}x", "null\u{0}"] {
        assert_eq!(problem(text), Some(Problem::TrailingBytes), "{text}");
    }
    for text in
        ["[1,]", "{\"a\":1,}", "{,}", "[,]", "{a:1}", "{'a':1}", "[1 2]", "{\"a\" 1}", "[}", "{]", "NaN", "+1", "{1:2}"]
    {
        assert_eq!(problem(text), Some(Problem::UnexpectedByte), "{text}");
    }
    assert_eq!(problem("\"a\tb\""), Some(Problem::ControlCharacter));
    assert_eq!(problem("\"\u{1f}\""), Some(Problem::ControlCharacter));
    assert_eq!(problem(r#""\x""#), Some(Problem::BadEscape));
    assert_eq!(problem(r#""\u12g4""#), Some(Problem::BadEscape));
}

#[test]
fn malformed_numbers_are_refused() {
    for text in ["-", "01", "-01", "1.", "1.e3", "1e", "1e+", ".5", "--1"] {
        assert!(problem(text).is_some(), "{text}");
    }
    for text in ["0", "-0", "0.5", "1e3", "1E+3", "1e-3", "-12.25e10", "0e999", "0.0"] {
        assert_eq!(problem(text), None, "{text}");
    }
}

#[test]
fn numbers_that_a_double_does_not_hold_are_refused() {
    assert_eq!(problem("9007199254740991"), None);
    assert_eq!(problem("-9007199254740991"), None);
    assert_eq!(problem("0.30000000000000004"), None);
    for text in [
        "9007199254740992",
        "9007199254740993",
        "10000000000000000",
        "18446744073709551617",
        "1e400",
        "-1e400",
        "1e-400",
        "5e-324",
        "1e16",
        "0.123456789012345678",
        "9007199254740993.0",
    ] {
        assert_eq!(problem(text), Some(Problem::InexactNumber), "{text}");
    }
}

#[test]
fn bounds_hold_to_the_last_value() {
    let bounds = Bounds { depth: 3, values: 4, ..Bounds::default() };
    let read = |text: &str| Document::read(text.as_bytes(), bounds).err().map(|malformed| malformed.problem);
    assert_eq!(read("[[[]]]"), None);
    assert_eq!(read("[[[[]]]]"), Some(Problem::TooDeep));
    assert_eq!(read("[1,2,3]"), None);
    assert_eq!(read("[1,2,3,4]"), Some(Problem::TooManyValues));
    assert_eq!(problem("[".repeat(100_000)), Some(Problem::TooDeep));
}

#[test]
fn the_pointer_names_the_argument() {
    let document = Document::read(br#"{"a":[{"b/c~":"here"}],"key":1}"#, Bounds::default()).unwrap();
    let pointers: Vec<_> = document.root().strings().map(|(place, _)| document.root().pointer_to(place)).collect();
    assert_eq!(pointers, ["", "/a/0", "/a/0/b~1c~0", ""]);
}

#[test]
fn plain_runs_end_at_every_offset() {
    for length in 0..40 {
        for (special, ends) in [("\"", true), ("\\n\"", true), ("\u{1}\"", false)] {
            let text = format!("\"{}{special}", "é".repeat(length / 2) + &"x".repeat(length - length / 2));
            assert_eq!(problem(&text).is_none(), ends, "{text:?}");
        }
    }
}

#[test]
fn inexact_numbers_are_read_where_they_are_wanted() {
    let bounds = Bounds { numbers: Numbers::Any, ..Bounds::default() };
    let document = Document::read(b"[12345678901234567890123, 0.1e-4000]", bounds).unwrap();
    assert_eq!(
        document.root().elements().map(Value::raw).collect::<Vec<_>>(),
        ["12345678901234567890123", "0.1e-4000"]
    );
    assert!(Document::read(b"[01]", bounds).is_err());
}
