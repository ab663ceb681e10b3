//! Whoever reads a stream that went on, and however: no list in it has an entry that is not shown, or one twice,
//! and no instructions that are not.
//!
//! In: bytes as a stream of events, the first of which says where to cut it, and as one message. Readers are played that
//! end lines where Python does, that read a line feed only, and that take the last of two equal keys.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use toolgate_engine::mcp::{Awaited, Event, EventStream, Fate, Said, Version, pass};

const LIMIT: usize = 1024;

const LISTENING: Awaited = Awaited { version: Version::V2025_11_25, request: None };

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, stream)) = bytes.split_first() else { return };
    let whole = after(&[stream]);
    let (one, other) = stream.split_at(usize::from(cut).min(stream.len()));
    assert_eq!(after(&[one, other]), whole, "cut at {cut}");
    if let Some(out) = whole {
        readers(&String::from_utf8_lossy(&out));
        // Escapes may have made it too large.
        assert!(after(&[&out]).is_none_or(|again| again == out), "what went on goes on");
    }
    if let Ok(passed) = pass(stream, &LISTENING, &mut is_shown) {
        check(passed.replaced.as_deref().unwrap_or(stream));
    }
});

/// No instructions of a server are.
fn is_shown(said: Said<'_>) -> bool {
    matches!(said, Said::Entry(entry) if entry.name.starts_with('s'))
}

/// What goes on of a stream; nothing if an event is too large.
fn after(chunks: &[&[u8]]) -> Option<Vec<u8>> {
    let (mut stream, mut out) = (EventStream::new(LIMIT), Vec::new());
    let mut judge = |event: &Event| match pass(&event.data, &LISTENING, &mut is_shown) {
        Ok(passed) => passed.replaced.map_or(Fate::Pass, Fate::Replace),
        Err(_) => Fate::Drop,
    };
    chunks.iter().try_for_each(|chunk| stream.push(chunk, &mut out, &mut judge)).ok()?;
    Some(out)
}

fn readers(text: &str) {
    let ends_line: [&dyn Fn(char) -> bool; 3] =
        [&|letter| matches!(letter, '\n' | '\r'), &|letter| letter == '\n', &|letter| {
            matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
        }];
    for ends_line in ends_line {
        let text = text.replace("\r\n", "\n");
        let mut data = Vec::new();
        for line in text.split(ends_line).chain([""]) {
            let line = line.trim_start_matches('\u{feff}');
            if let Some(value) = line.trim().strip_prefix("data:") {
                data.push(value.to_owned());
            } else if line.is_empty() {
                check(std::mem::take(&mut data).join("\n").as_bytes());
            }
        }
    }
}

/// Checks a message, if it is one to such a reader.
fn check(message: &[u8]) {
    let Ok(message) = serde_json::from_slice::<Value>(message) else { return };
    if let Some(told) = message["result"].get("instructions") {
        assert_eq!(told, "", "what a server tells of itself is not shown");
    }
    for (list, key) in
        [("tools", "name"), ("prompts", "name"), ("resources", "uri"), ("resourceTemplates", "uriTemplate")]
    {
        let Some(entries) = message["result"][list].as_array() else { continue };
        let names: Vec<_> = entries.iter().map(|entry| entry[key].as_str().expect("an entry has a name")).collect();
        for name in &names {
            assert!(name.starts_with('s'), "{name} is not shown");
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name} stands there once");
        }
        assert_ne!(message["result"]["cacheScope"], "public");
    }
}
