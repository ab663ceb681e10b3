use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// What goes on, and the data of all events.
fn run(chunks: &[&[u8]], fate: impl Fn(&[u8]) -> Fate) -> (String, Vec<String>) {
    let (mut stream, mut out, mut seen) = (EventStream::new(1000), Vec::new(), Vec::new());
    for chunk in chunks {
        let mut judge = |event: &Event| {
            seen.push(String::from_utf8_lossy(&event.data).into_owned());
            fate(&event.data)
        };
        stream.push(chunk, &mut out, &mut judge).unwrap();
    }
    (String::from_utf8_lossy(&out).into_owned(), seen)
}

fn pass(_: &[u8]) -> Fate {
    Fate::Pass
}

fn events(text: &str) -> Vec<String> {
    run(&[text.as_bytes()], pass).1
}

/// What goes on when each event gets this fate.
fn after(text: &str, fate: &Fate) -> String {
    run(&[text.as_bytes()], |_| fate.clone()).0
}

/// Streams whose lines every reader reads in the same way.
const PLAIN: &[&str] = &[
    "data: {\"a\":1}\n\ndata: {\"b\":2}\n\n",
    "data: {\"a\":1}\r\n\r\ndata: {\"b\":2}\r\n\r\n",
    "\u{feff}data: 1\n\ndata: 3\n\n",
    "\u{feff}: comment\r\n\r\ndata:1\r\n\n",
    ": ping - 2026\r\n\r\nevent: message\r\nid: 7\r\nretry: 5\r\ndata: {\"a\":\r\ndata:1}\r\n\r\n: ping\r\n\r\n",
    "id: 1\ndata:\n\nid: 2\ndata: {}\n\nretry: 3\n\n\n\n",
    "data\n\ndata\ndata\n\ndata:\ndata: x\n\n",
    "data:  two spaces\nfoo: bar\nfoo\n: in between\ndata: é€😀\n\n",
    "data: 1\n\r\ndata: 2\r\n\rdata: 3\n\n\r\n\r\n",
    "",
];

/// Others, and those that end too early.
const ODD: &[&str] = &[
    ": odd \u{2028}data: evil\n\ndata: \"a\u{2028}b\u{2029}c\u{85}\"\n\nid: \u{b}x\ndata: 1\n\n",
    "DATA: 1\n\n:data\n\ndata : 1\n\n data: 1\n\ndata: 2\n\n",
    "\u{feff}data: 1\n\n\u{feff}data: 2\n\ndata: 3\n\n",
    "data: {\"a\":1}\r\rdata: {\"b\":2}\r\r",
    "data: not whole\nid: 3\n",
    "data: 1\r\n\r\ndata: not whole\r",
];

#[test]
fn a_stream_is_the_same_wherever_it_is_cut() {
    let fate = |data: &[u8]| match data.len() % 3 {
        0 => Fate::Replace(b"[1,\n2]".to_vec()),
        1 => Fate::Pass,
        _ => Fate::Drop,
    };
    for text in PLAIN.iter().chain(ODD) {
        let bytes = text.as_bytes();
        for fate in [&fate as &dyn Fn(&[u8]) -> Fate, &pass] {
            let whole = run(&[bytes], fate);
            let single: Vec<_> = bytes.chunks(1).collect();
            assert_eq!(run(&single, fate), whole, "{text:?}");
            for first in 0..=bytes.len() {
                for second in first..=bytes.len() {
                    let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    assert_eq!(run(&chunks, fate), whole, "{text:?} {first} {second}");
                }
            }
        }
    }
}

#[test]
fn events_that_pass_are_the_same_bytes() {
    for text in PLAIN {
        assert_eq!(run(&[text.as_bytes()], pass).0, *text);
    }
}

#[test]
fn the_data_of_an_event_are_its_lines() {
    assert_eq!(events("data: a\n\n"), ["a"]);
    assert_eq!(events("data:a\ndata: b\r\ndata:  c\rdata\n\n"), ["a\nb\n c\n"]);
    assert_eq!(events("event: x\nid: 1\nretry: 2\nfoo: 3\n: 4\ndata: a\n\n"), ["a"]);
    assert_eq!(events("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(events("data: a"), [""; 0]);
    assert_eq!(events("data: a\n"), [""; 0]);
    assert_eq!(events("data: a\r\n\r"), ["a"]);
    assert_eq!(events("id: 1\n\nretry: 1\n\nevent: x\n\n"), [""; 0]);
}

#[test]
fn an_event_with_empty_data_is_no_message_and_goes_on() {
    for text in ["id: 1\ndata:\n\n", "id: 1\ndata: \n\n", "data\n\n", "id: 1\n\n"] {
        assert_eq!(run(&[text.as_bytes()], |_| Fate::Drop), (text.to_owned(), vec![]), "{text:?}");
    }
}

#[test]
fn comments_between_events_go_on_at_once_and_events_only_when_whole() {
    let (mut stream, mut out) = (EventStream::new(100), Vec::new());
    let mut gone = |chunk: &[u8], stream: &mut EventStream| {
        out.clear();
        stream.push(chunk, &mut out, &mut |_| Fate::Pass).unwrap();
        String::from_utf8(out.clone()).unwrap()
    };
    assert_eq!(gone(b": ping\n", &mut stream), ": ping\n");
    assert_eq!(gone(b"\n:\r\n", &mut stream), "\n:\r\n");
    assert_eq!(gone(b"data: a\n", &mut stream), "");
    assert_eq!(gone(b": ping\n", &mut stream), "");
    assert_eq!(gone(b"\r", &mut stream), "data: a\n: ping\n\r");
    assert_eq!(gone(b"\n", &mut stream), "\n");
    assert_eq!(gone(b": pi", &mut stream), "");
    assert_eq!(gone(b"ng\n", &mut stream), ": ping\n");
}

#[test]
fn an_event_goes_on_with_other_data_in_its_place() {
    let text = "event: message\r\ndata: a\r\nid: 1\r\ndata: b\r\n\r\ndata: c\n\n";
    let replaced = after(text, &Fate::Replace(b"{\r\n}".to_vec()));
    assert_eq!(events(&replaced), ["{\n\n}", "{\n\n}"]);
    assert_eq!(replaced, "event: message\r\ndata: {\ndata: \ndata: }\nid: 1\r\n\r\ndata: {\ndata: \ndata: }\n\n");
}

#[test]
fn an_event_that_is_dropped_leaves_its_id_and_no_data() {
    let text = "event: message\ndata: a\nid: 1\nretry: 5\n: c\n\n";
    let dropped = after(text, &Fate::Drop);
    assert_eq!(dropped, "event: message\nid: 1\nretry: 5\n: c\n\n");
    assert!(events(&dropped).is_empty());
}

#[test]
fn lines_that_end_with_a_return_stay_lines_when_one_between_them_goes() {
    assert_eq!(after("id: 1\rdata: a\n\ndata: b\n\n", &Fate::Drop), "id: 1\n\n\n");
    assert_eq!(run(&["id: 1\r: \u{2028}\n\ndata: b\n\n".as_bytes()], pass).0, "id: 1\n\ndata: b\n\n");
    assert_eq!(after("id: 1\rdata: a\r\r", &Fate::Replace(b"b".to_vec())), "id: 1\ndata: b\n\r");
}

#[test]
fn a_field_is_no_data_to_a_reader_that_ends_lines_with_a_line_feed_only() {
    let hidden = "data:\r {\"evil\":1}\r\r";
    assert_eq!(run(&[hidden.as_bytes()], pass), ("data: \n {\"evil\":1}\n\r".to_owned(), vec![]));
    assert_eq!(run(&["\u{feff}".as_bytes(), hidden.as_bytes()], pass).0, "data: \n {\"evil\":1}\n\r");
    assert_eq!(after("data: 1\rdata: 2\nid: 1\n\n", &Fate::Pass), "data: 1\ndata: 2\nid: 1\n\n");
}

#[test]
fn what_another_reader_takes_for_a_line_of_its_own_is_none() {
    for separator in ["\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}", "\u{85}", "\u{2028}", "\u{2029}"] {
        let comment = format!(": x{separator}data: evil{separator}{separator}\n\ndata: 1\n\n");
        assert_eq!(run(&[comment.as_bytes()], pass), ("\ndata: 1\n\n".to_owned(), vec!["1".to_owned()]));
        for field in ["id", "event", "retry", "foo"] {
            let odd = format!("{field}: x{separator}data: evil\ndata: 1\n\n");
            assert_eq!(run(&[odd.as_bytes()], pass), ("\n".to_owned(), vec![]), "{field}");
        }
    }
    let escaped = after("data: [\"\u{2028}\u{2028}data: evil\u{2029}\u{85}é\"]\nid: 1\n\n", &Fate::Pass);
    assert_eq!(escaped, "data: [\"\\u2028\\u2028data: evil\\u2029\\u0085é\"]\nid: 1\n\n");
    let replaced = after("data: 1\n\n", &Fate::Replace("[\"\u{2028}\"]".into()));
    assert_eq!(replaced, "data: [\"\\u2028\"]\n\n");
}

#[test]
fn a_field_that_another_reader_takes_for_data_makes_an_event_none() {
    for field in ["DATA", "Data", " data", "data ", "\u{feff}data", "\0data"] {
        let text = format!("{field}: evil\ndata: 1\n\ndata: 2\n\n");
        let first = if field == "\u{feff}data" { format!("data: 0\n\n{text}") } else { text };
        let (out, seen) = run(&[first.as_bytes()], pass);
        assert!(!out.contains("evil"), "{field}");
        assert_eq!(seen.last().map(String::as_str), Some("2"), "{field}");
        assert!(!seen.contains(&"1".to_owned()), "{field}");
    }
}

#[test]
fn no_event_is_kept_beyond_the_limit() {
    let push = |chunks: &[&[u8]]| {
        let (mut stream, mut out) = (EventStream::new(20), Vec::new());
        chunks.iter().try_for_each(|chunk| stream.push(chunk, &mut out, &mut |_| Fate::Pass)).map(|()| out.len())
    };
    assert_eq!(push(&[b"data: 0123456789abc\n\n"]), Err(TooLarge));
    assert_eq!(push(&[b"data: 0123456789ab\n\n"]), Ok(20));
    assert_eq!(push(&[b"data: 1\n", b"data: 1\n", b"data: 1\n"]), Err(TooLarge));
    assert_eq!(push(&[b": 0123456789", b"0123456789\n"]), Err(TooLarge));
    assert_eq!(push(&[b"data: 1\n\n".repeat(100).as_slice()]), Ok(900));
}
