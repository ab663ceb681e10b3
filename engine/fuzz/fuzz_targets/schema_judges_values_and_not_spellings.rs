//! A schema that compiles can be loaded, judges every value within its bound, and no spelling changes a verdict.
//!
//! In: a line that is a schema, and a value. Both are spelled in another way: members in the opposite order, letters
//! escaped, numbers with an exponent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policy_compiler::{
    regex::Budget,
    schema::{self, Json, Options, Unknown},
};
use toolgate_engine::{
    json::{Bounds, Document, Numbers, Value},
    schema::{Failure, MAX_STEPS, Program, Schemas},
};
use toolgate_engine_fuzz::json::{at, respelled};

const URI: &str = "https://fuzz.invalid/schema";
/// Patterns are tried by a target of their own; here, compiling large ones would take all the time.
const PATTERNS: Budget = Budget { states: 16, bytes: 4 << 10 };

const OF_SCHEMA: Bounds = Bounds { depth: schema::MAX_DEPTH, values: 10_000, numbers: Numbers::Any };
const OF_VALUE: Bounds = Bounds { depth: 32, values: 10_000, numbers: Numbers::Any };

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(2, |&byte| byte == b'\n');
    let (Some(schema), Some(value)) = (lines.next(), lines.next()) else { return };
    let Ok(written) = Document::read(schema, OF_SCHEMA) else { return };
    let Ok(value) = Document::read(value, OF_VALUE) else { return };
    let text = respelled(written.root());
    let (one, other) = (compiled(schema), compiled(text.as_bytes()));
    assert_eq!(one.is_some(), other.is_some(), "both are the same schema: {text}");
    let (Some(one), Some(other)) = (one, other) else { return };
    let text = respelled(value.root());
    let respelled = Document::read(text.as_bytes(), OF_VALUE).expect("another spelling is JSON as well");
    let verdict = one.judge(value.root());
    for (schemas, value) in [(&one, &respelled), (&other, &value), (&other, &respelled)] {
        let again = schemas.judge(value.root());
        assert_eq!(verdict.is_ok(), again.is_ok(), "{verdict:?}, and of another spelling {again:?}");
    }
});

struct Compiled {
    schemas: Schemas,
    steps_per_value: u64,
}

fn compiled(schema: &[u8]) -> Option<Compiled> {
    let root = Json::read(schema).ok()?;
    let options = Options { unknown: Unknown::Ignore, assert_formats: true, patterns: PATTERNS, ..Options::default() };
    let document = schema::Document { uri: URI.to_owned(), root };
    let compiled = schema::compile(&[document], &[URI.to_owned()], options).ok()?;
    let bytes = postcard::to_allocvec(&compiled.program).expect("a program can be packed");
    let program: Program = postcard::from_bytes(&bytes).expect("what was packed can be read");
    assert_eq!(program, compiled.program);
    let schemas = Schemas::try_from(program).unwrap_or_else(|bad| panic!("what compiles can be loaded: {bad}"));
    Some(Compiled { schemas, steps_per_value: *compiled.bounds.first()? })
}

impl Compiled {
    fn judge(&self, value: Value<'_>) -> Result<(), Failure> {
        let verdict = self.schemas.run(0, value);
        if let Err(failure) = &verdict {
            assert!(at(value, &failure.pointer).is_some(), "{failure:?}");
            let most = self.steps_per_value.saturating_mul(value.size() as u64);
            assert!(failure.keyword != "budget" || most > MAX_STEPS, "cut short below its bound: {failure:?}");
        }
        verdict
    }
}
