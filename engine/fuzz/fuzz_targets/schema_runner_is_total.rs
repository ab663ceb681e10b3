//! Schemas from any bytes are refused, or judge any JSON to an end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate_engine::{
    json::{Bounds, Document, Numbers},
    schema::{Program, Schemas},
};

// Two bytes say how long the schemas are; the rest is what they judge.
fuzz_target!(|input: (u16, &[u8])| {
    let (length, bytes) = input;
    let Some((schemas, text)) = bytes.split_at_checked(usize::from(length)) else { return };
    let Ok(program) = postcard::from_bytes::<Program>(schemas) else { return };
    let Ok(schemas) = Schemas::try_from(program) else { return };
    let bounds = Bounds { numbers: Numbers::Any, ..Bounds::default() };
    let Ok(document) = Document::read(text, bounds) else { return };
    for entry in 0..u32::try_from(schemas.entries()).unwrap_or(u32::MAX).min(4) {
        let again = schemas.run(entry, document.root());
        assert_eq!(again, schemas.run(entry, document.root()), "a verdict depends on nothing else");
    }
});
