//! What our reader takes, serde_json takes with the same value; what only ours refuses, it refuses for a good reason.
//!
//! In: bytes as a body. The same value in another spelling is read again, and every place leads back to its value.
//! Bounds are small, so that small inputs come to them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate_engine::json::{Bounds, Document, Kind, Malformed, Numbers, Problem, Value};
use toolgate_engine_fuzz::json::{Tree, all_in, at, respelled};

const BOUNDS: Bounds = Bounds { depth: 8, values: 256, numbers: Numbers::Exact };
const ANY_NUMBERS: Bounds = Bounds { numbers: Numbers::Any, ..BOUNDS };

fuzz_target!(|bytes: &[u8]| {
    let theirs = serde_json::from_slice::<Tree>(bytes);
    match (Document::read(bytes, BOUNDS), &theirs) {
        (Ok(document), Ok(tree)) => same(document.root(), tree),
        (Ok(_), Err(error)) => panic!("what was read is no JSON to serde_json: {error}"),
        (Err(malformed), Ok(tree)) => assert!(has_reason(bytes, malformed, tree), "{malformed}: {tree:?}"),
        (Err(malformed), Err(_)) => assert!(malformed.at <= bytes.len(), "{malformed}"),
    }
    match (Document::read(bytes, BOUNDS), Document::read(bytes, ANY_NUMBERS), theirs) {
        (Ok(_), Err(malformed), _) => panic!("more numbers may not mean less JSON: {malformed}"),
        (Err(Malformed { problem: Problem::InexactNumber, .. }), _, _) => {}
        (Err(one), Err(other), _) => assert_eq!(one, other, "the first problem is told"),
        (Err(one), Ok(_), _) => panic!("refused, and not for a number: {one}"),
        (Ok(_), Ok(_), _) => {}
    }
});

fn same(root: Value<'_>, tree: &Tree) {
    assert_eq!(&Tree::of(root), tree, "both read the same value");
    assert!(tree.depth() <= BOUNDS.depth && tree.size() <= BOUNDS.values && !tree.has_duplicate());
    assert_eq!(root.size(), tree.size(), "no value and no key is missing");
    for value in all_in(root) {
        let pointer = root.pointer_to(value.place());
        assert_eq!(at(root, &pointer).map(Value::place), Some(value.place()), "{pointer} leads back");
        assert!(value.kind() != Kind::Number || is_exact(value.raw()), "{} is not exact", value.raw());
    }
    for (place, _) in root.strings() {
        let holder = at(root, &root.pointer_to(place)).expect("a pointer leads somewhere");
        assert!(holder.place() == place || holder.entries().any(|(key, _)| key.place() == place));
    }
    let text = respelled(root);
    let again = Document::read(text.as_bytes(), BOUNDS).unwrap_or_else(|bad| panic!("{bad} in {text}"));
    assert_eq!(&Tree::of(again.root()).reversed(), tree, "spelling is no part of the value");
}

/// Whether we may refuse what serde_json has read as this tree.
fn has_reason(bytes: &[u8], Malformed { at, problem }: Malformed, tree: &Tree) -> bool {
    match problem {
        Problem::DuplicateKey => tree.has_duplicate(),
        Problem::TooDeep => tree.depth() > BOUNDS.depth,
        Problem::TooManyValues => tree.size() > BOUNDS.values,
        Problem::InexactNumber => {
            let is_part = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
            let number: Vec<u8> = bytes[at..].iter().take_while(is_part).copied().collect();
            !is_exact(std::str::from_utf8(&number).expect("digits are ASCII"))
        }
        _ => false,
    }
}

/// What RFC 7493 calls interoperable: within 2^53, and no more digits than a double has.
fn is_exact(number: &str) -> bool {
    let value: f64 = number.parse().expect("a number of JSON is one of Rust");
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_matches('0').len();
    let is_integer = number.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    let is_in_range = value.abs() < 9_007_199_254_740_992.0 && (value.is_normal() || significant == 0);
    is_in_range && (is_integer || significant <= 17)
}
