//! Schemas in their ready form, from any bytes, are refused or judge any JSON to an end, the same way each time.
//!
//! In: two bytes that say how long the program is, the program, and what it judges. No run takes more steps than it
//! may, so that none takes long; the fuzzer's time limit for one input says so.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate_engine::{
    json::{Bounds, Document, Numbers},
    schema::{Program, Schemas},
};
use toolgate_engine_fuzz::json::{at, respelled};

const BOUNDS: Bounds = Bounds { depth: 32, values: 10_000, numbers: Numbers::Any };

fuzz_target!(|bytes: &[u8]| {
    let Some((&[high, low], rest)) = bytes.split_first_chunk() else { return };
    let Some((program, text)) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low]))) else { return };
    let Ok(program) = postcard::from_bytes::<Program>(program) else { return };
    let Ok(schemas) = Schemas::try_from(program) else { return };
    let Ok(document) = Document::read(text, BOUNDS) else { return };
    let respelled = respelled(document.root());
    let other = Document::read(respelled.as_bytes(), BOUNDS).expect("another spelling is JSON as well");
    // One entry more than there is: none holds for it.
    let entries = u32::try_from(schemas.entries()).unwrap_or(u32::MAX).min(4);
    for entry in 0..=entries {
        let verdict = schemas.run(entry, document.root());
        assert_eq!(verdict, schemas.run(entry, document.root()), "a verdict depends on nothing else");
        let of_other = schemas.run(entry, other.root());
        // A run that is cut short fails, but how much of it fits depends on what comes first.
        let is_cut = [&verdict, &of_other].iter().any(|run| run.as_ref().is_err_and(|bad| bad.keyword == "budget"));
        assert!(is_cut || verdict.is_ok() == of_other.is_ok(), "{verdict:?}, but {of_other:?} of {respelled}");
        if let Err(failure) = verdict {
            assert!(at(document.root(), &failure.pointer).is_some(), "{failure:?}");
        }
    }
    assert!(schemas.entries() > 4 || schemas.run(entries, document.root()).is_err());
});
