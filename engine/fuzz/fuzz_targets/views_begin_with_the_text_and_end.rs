//! Looking through a text shows the text itself first, then views within the allowance, and ends where something is
//! found. No percent-encoding and no entities hide a text that is not itself encoded.
//!
//! In: any bytes. What is shown depends on them and on the allowance alone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fmt::Write as _;
use toolgate_engine::views::{ALLOWANCE_PER_BYTE, Allowance, TooLayered, look_through};

/// What a text may be looked through besides, in bytes of views.
const SMALL_CHANGE: usize = 4096;

fuzz_target!(|text: &[u8]| {
    let (views, end) = views(text, usize::MAX);
    let Some((first, behind)) = views.split_first() else { panic!("the text is shown") };
    assert_eq!(first, text, "the text itself comes first");
    let shown: usize = behind.iter().map(Vec::len).sum();
    assert!(shown <= text.len() * ALLOWANCE_PER_BYTE + SMALL_CHANGE, "{shown} bytes of {}", text.len());
    assert!(behind.len() <= 64 + 64 * text.len(), "{} views of {} bytes", behind.len(), text.len());
    for stop in [1, 2, 3, views.len().div_ceil(2), views.len()] {
        let (some, end_of_some) = self::views(text, stop);
        assert_eq!(some, views[..views.len().min(stop)], "nothing is shown behind what is found");
        assert_eq!(end_of_some, if stop <= views.len() { Ok(Some(stop)) } else { end });
    }
    // What is encoded in itself is undone to the end, and not shown as it was in between.
    if let Some(text) = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(is_plain)) {
        is_not_hidden(
            text,
            text.bytes().fold(String::new(), |mut hidden, byte| {
                write!(hidden, "%{byte:02x}").expect("a string takes all that is written");
                hidden
            }),
        );
        is_not_hidden(text, text.chars().map(|letter| format!("&#x{:x};", u32::from(letter))).collect());
    }
});

/// A byte that no encoding begins with.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" ./:-_<>(){}[]=,|!?".contains(&byte)
}

/// The views of a text up to one of them, and how the look through it ended.
fn views(text: &[u8], stop: usize) -> (Vec<Vec<u8>>, Result<Option<usize>, TooLayered>) {
    let mut views = Vec::new();
    let end = look_through(text, &mut Allowance::of(text.len()), |view| {
        views.push(view.to_vec());
        (views.len() == stop).then_some(stop)
    });
    (views, end)
}

fn is_not_hidden(text: &str, hidden: String) {
    let (views, end) = views(hidden.as_bytes(), usize::MAX);
    let is_shown = views.iter().any(|view| view == text.as_bytes());
    assert!(is_shown || end == Err(TooLayered), "{hidden} hides {text}");
}
