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
fn a_value_knows_where_it_is_written() {
    const TEXT: &str = r#" {"a" : [ null,"x\u0061" , -1.5e3 ,{ }], "b":"" } "#;
    let document = Document::read(TEXT.as_bytes(), Bounds::default()).unwrap();
    let written = |value: Value<'_>| TEXT.get(value.span()).unwrap().to_owned();
    assert_eq!(written(document.root()), TEXT.trim());
    let all: Vec<_> = document.root().entries().flat_map(|(key, value)| [written(key), written(value)]).collect();
    assert_eq!(all, ["\"a\"", r#"[ null,"x\u0061" , -1.5e3 ,{ }]"#, "\"b\"", "\"\""]);
    let elements: Vec<_> = document.root().child("a").unwrap().elements().map(written).collect();
    assert_eq!(elements, ["null", r#""x\u0061""#, "-1.5e3", "{ }"]);
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

/// Every string of up to 40 bytes in which one byte is special, at each offset to the blocks of sixteen.
fn every_lane(special: &[u8], check: impl Fn(&[u8], usize)) {
    for (indent, length) in (0..17).flat_map(|indent| (0..40).map(move |length| (indent, length))) {
        for at in 0..=length {
            let (space, before, behind) = (" ".repeat(indent), "x".repeat(at), "x".repeat(length - at));
            let text = [space.as_bytes(), b"\"", before.as_bytes(), special, behind.as_bytes(), b"\""];
            check(&text.concat(), indent + 1 + at);
        }
    }
}

#[test]
fn what_is_special_in_a_string_is_found_at_every_offset() {
    let malformed = |text: &[u8]| Document::read(text, Bounds::default()).err().map(|found| (found.problem, found.at));
    for byte in [0, 0x02, b'\n', 0x1f, 0x80, 0xc3, 0xff] {
        let problem = if byte < 0x20 { Problem::ControlCharacter } else { Problem::InvalidUtf8 };
        every_lane(&[byte], |text, at| assert_eq!(malformed(text), Some((problem, at)), "{text:?}"));
    }
    every_lane(b"\\x", |text, at| assert_eq!(malformed(text), Some((Problem::BadEscape, at)), "{text:?}"));
    for plain in ["\u{7f}", " ", "!", "#", "[", "]", "é", "😀"] {
        every_lane(plain.as_bytes(), |text, _| assert_eq!(malformed(text), None, "{text:?}"));
    }
    every_lane(b"\\n", |text, at| {
        let plain = String::from_utf8(text.to_vec()).unwrap().replace("\\n", "\n");
        let document = Document::read(text, Bounds::default()).unwrap();
        assert_eq!(document.root().as_str(), Some(plain.trim_start_matches(' ').trim_matches('"')), "{at}");
    });
}

#[test]
fn a_key_is_the_same_however_it_is_written() {
    let escaped = |key: &str| key.bytes().map(|byte| format!("\\u{byte:04x}")).collect::<String>();
    for length in 0..24 {
        let key: String = ('a'..).take(length).collect();
        for (one, other) in [(key.clone(), escaped(&key)), (escaped(&key), key.clone())] {
            let twice = format!("{{\"{one}\":1,\"{other}\":2}}");
            assert_eq!(problem(&twice), Some(Problem::DuplicateKey), "{twice}");
            let once = format!("{{\"{one}\":1,\"{other}-\":2}}");
            assert_eq!(problem(&once), None, "{once}");
        }
    }
}

#[test]
fn keys_that_look_alike_are_told_apart() {
    // All have the same length, the same first three letters and the same last three.
    for count in [2, 11, 12, 13, 14, 200] {
        let keys: Vec<_> = (0..count).map(|key| format!("\"key-{key:03}-end\":0")).collect();
        assert_eq!(problem(format!("{{{}}}", keys.join(","))), None, "{count}");
        for twin in [0, count / 2, count - 1] {
            let twice = format!("{{{},{}}}", keys.join(","), keys[twin]);
            assert_eq!(problem(twice), Some(Problem::DuplicateKey), "{count} {twin}");
        }
    }
}

/// The same value as serde_json has it, numbers as doubles.
fn is_same(value: Value<'_>, other: &serde_json::Value) -> bool {
    match other {
        serde_json::Value::Null => value.kind() == Kind::Null,
        serde_json::Value::Bool(other) => value.kind() == if *other { Kind::True } else { Kind::False },
        serde_json::Value::Number(other) => value.raw().parse().ok() == other.as_f64(),
        serde_json::Value::String(other) => value.as_str() == Some(other),
        serde_json::Value::Array(others) => {
            value.kind() == Kind::Array
                && value.elements().count() == others.len()
                && value.elements().zip(others).all(|(value, other)| is_same(value, other))
        }
        serde_json::Value::Object(others) => {
            value.kind() == Kind::Object
                && value.members().count() == others.len()
                && value.members().all(|(key, value)| others.get(key).is_some_and(|other| is_same(value, other)))
        }
    }
}

#[test]
fn damaged_texts_are_read_as_another_reader_reads_them() {
    const TEXT: &str =
        r#"{"a":[1,-2.5e3,"é😀 and so on, for a while",{"b":null,"\u0063\n":true}],"":"x\"y","d":{"e":[]}} "#;
    const PIECES: [&[u8]; 18] = [
        b"\"", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"-", b"e", b" ", b"\\ud83d", b"\\u00e9", b"\x01",
        b"\xff", b"\xc3", b"null",
    ];
    let (mut read, mut refused) = (0, 0);
    for at in 0..=TEXT.len() {
        for (piece, cut) in PIECES.iter().flat_map(|piece| (0..3).map(move |cut| (*piece, cut))) {
            let rest = TEXT.as_bytes().get(at + cut..).unwrap_or_default();
            let text = [&TEXT.as_bytes()[..at], piece, rest].concat();
            let other = serde_json::from_slice::<serde_json::Value>(&text);
            match (Document::read(&text, Bounds::default()), other) {
                (Ok(document), Ok(other)) if is_same(document.root(), &other) => read += 1,
                (Err(Malformed { problem: Problem::DuplicateKey | Problem::InexactNumber, .. }), Ok(_)) => {}
                (Err(_), Err(_)) => refused += 1,
                _ => panic!("{}", String::from_utf8_lossy(&text)),
            }
        }
    }
    assert!(read > 500 && refused > 2000, "{read} read, {refused} refused");
}
