use super::*;
use crate::{
    automaton::tests::literals,
    json::{Bounds, Document},
    schema::{Entry, Node, Program, Types},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Checks for literals at places, each with its rule.
pub(crate) fn checks(max: Option<u32>, blocked: &[(&str, &[&str])]) -> ArgumentChecks {
    let automata: Vec<_> = blocked.iter().map(|(_, of_part)| literals(of_part)).collect();
    let ready: Vec<_> = automata.iter().map(|one| Arc::new(ReadyAutomaton::try_from(one).unwrap())).collect();
    let mut rules = 0..;
    let blocked = (0..).zip(blocked).map(|(automaton, (at, literals))| Blocked {
        at: (*at).to_owned(),
        automaton,
        rules: rules.by_ref().take(literals.len()).collect(),
    });
    let max_string_length = max.map(|value| Ruled { rule: 100, value });
    let checks = Checks { schemas: Vec::new(), max_string_length, blocked: blocked.collect() };
    prepare(checks, &ready, &Arc::new(Schemas::try_from(Program::default()).unwrap())).unwrap()
}

fn check_at(max: Option<u32>, blocked: &[(&str, &[&str])], arguments: &str) -> Result<(), Offence> {
    let document = Document::read(arguments.as_bytes(), Bounds::default()).unwrap();
    checks(max, blocked).run(document.root())
}

fn check(max: Option<u32>, blocked: &[&str], arguments: &str) -> Result<(), Offence> {
    let everywhere = [("", blocked)];
    check_at(max, if blocked.is_empty() { &[] } else { &everywhere }, arguments)
}

fn offence(rule: u32, pointer: &str, fault: Fault) -> Result<(), Offence> {
    Err(Offence { rule, pointer: pointer.to_owned(), fault })
}

#[test]
fn length_counts_characters_and_not_bytes() {
    assert_eq!(check(Some(3), &[], r#"{"a":"äöü"}"#), Ok(()));
    assert_eq!(check(Some(3), &[], r#"{"a":"\u00e4\u00f6\u00fc"}"#), Ok(()));
    assert_eq!(check(Some(3), &[], r#"{"a":"äöüx"}"#), offence(100, "/a", Fault::TooLong { max: 3 }));
    assert_eq!(check(Some(0), &[], r#"{"":""}"#), Ok(()));
}

#[test]
fn keys_are_measured_and_searched_too() {
    assert_eq!(check(Some(3), &[], r#"{"a":{"long":1}}"#), offence(100, "/a", Fault::TooLong { max: 3 }));
    assert_eq!(check(None, &["drop"], r#"{"a":[{"x DROP y":1}]}"#), offence(0, "/a/0", Fault::Blocked));
}

#[test]
fn the_rule_that_matched_is_named() {
    let blocked = ["rm -rf", "drop table", "os.system"];
    assert_eq!(check(None, &blocked, r#"{"q":"1; drop table x"}"#), offence(1, "/q", Fault::Blocked));
    assert_eq!(check(None, &blocked, r#"{"q":"import os; os\u002esystem()"}"#), offence(2, "/q", Fault::Blocked));
    assert_eq!(check(None, &blocked, r#"{"q":"rm -r f"}"#), Ok(()));
}

#[test]
fn numbers_and_words_are_no_strings() {
    assert_eq!(check(Some(0), &["true", "1"], r#"[true, 1, null]"#), Ok(()));
}

#[test]
fn a_pattern_for_one_part_holds_for_it_and_all_below() {
    let at_sql = |arguments: &str| check_at(None, &[("/sql", &["drop"])], arguments);
    assert_eq!(at_sql(r#"{"sql":"DROP x"}"#), offence(0, "/sql", Fault::Blocked));
    assert_eq!(at_sql(r#"{"sql":{"parts":["x","drop"]}}"#), offence(0, "/sql/parts/1", Fault::Blocked));
    assert_eq!(at_sql(r#"{"sql":{"drop":1}}"#), offence(0, "/sql", Fault::Blocked));
    assert_eq!(at_sql(r#"{"text":"drop","sql":"x"}"#), Ok(()));
    assert_eq!(at_sql(r#"{"sqls":"drop"}"#), Ok(()));
}

#[test]
fn pointers_reach_elements_and_keys_with_slashes() {
    let at = |pointer: &str, arguments: &str| check_at(None, &[(pointer, &["drop"])], arguments);
    assert_eq!(at("/a/1", r#"{"a":["drop","x"]}"#), Ok(()));
    assert_eq!(at("/a/1", r#"{"a":["x","drop"]}"#), offence(0, "/a/1", Fault::Blocked));
    assert_eq!(at("/a/01", r#"{"a":["x","drop"]}"#), Ok(()));
    assert_eq!(at("/a~1b/c~0d", r#"{"a/b":{"c~d":"drop"}}"#), offence(0, "/a~1b/c~0d", Fault::Blocked));
    assert_eq!(at("/", r#"{"":"drop"}"#), offence(0, "/", Fault::Blocked));
}

#[test]
fn patterns_of_several_parts_have_their_own_rules() {
    let blocked: [(&str, &[&str]); 3] = [("", &["rm"]), ("", &["os", "sh"]), ("/sql", &["drop"])];
    assert_eq!(check_at(None, &blocked, r#"{"a":"x sh"}"#), offence(2, "/a", Fault::Blocked));
    assert_eq!(check_at(None, &blocked, r#"{"sql":"x drop"}"#), offence(3, "/sql", Fault::Blocked));
}

#[test]
fn what_is_encoded_is_found_all_the_same() {
    for text in ["rm%20-rf", "r\\u200bm -rf", "ｒｍ -rf", "rm&#32;-rf", "x cm0gLXJmIHh5enp6eg== y"] {
        let arguments = format!(r#"{{"a":"{text}"}}"#);
        assert_eq!(check(None, &["rm -rf"], &arguments), offence(0, "/a", Fault::Blocked), "{text}");
    }
}

#[test]
fn a_text_that_cannot_be_looked_through_is_refused() {
    let hidden = format!("\\\\x5c{}", "x5c".repeat(40));
    let refused = check(None, &["rm -rf"], &format!(r#"{{"a":"{hidden}"}}"#));
    assert_eq!(refused, offence(0, "/a", Fault::Obscured));
    // Where nothing is blocked, nothing can be hidden.
    assert_eq!(check_at(None, &[("/b", &["rm -rf"])], &format!(r#"{{"a":"{hidden}"}}"#)), Ok(()));
}

#[test]
fn each_part_has_an_allowance_of_its_own() {
    let text = r#"C:\\\\temp\\n %41 &amp; \"x\" "#.repeat(400);
    let parts: Vec<String> = (0..30).map(|depth| "/a".repeat(depth)).collect();
    let blocked: Vec<(&str, &[&str])> = parts.iter().map(|part| (part.as_str(), &["rm -rf"][..])).collect();
    let arguments = format!("{}\"{text}\"{}", "{\"a\":".repeat(30), "}".repeat(30));
    assert_eq!(check_at(None, &blocked, &arguments), Ok(()));
}

#[test]
fn strings_are_judged_together_as_each_is_alone() {
    let pieces = [
        "a",
        "b",
        "drop",
        "dr",
        "op",
        " ",
        "%64",
        "\\u0064rop",
        "\\n",
        "\\\"",
        "\u{200b}",
        "é",
        "'",
        "`",
        "/",
        "ZHJvcCBkcm9wIGRyb3A=",
        "x1x2x3x4x5x6x7x8x9",
    ];
    let mut seed = 5u64;
    let mut number = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let automaton = Arc::new(ReadyAutomaton::try_from(&literals(&["drop", "b a"])).unwrap());
    let blocked = vec![Blocked { at: String::new(), automaton: 0, rules: vec![7, 8] }];
    let schemas = Arc::new(Schemas::try_from(Program::default()).unwrap());
    let checks = prepare(Checks { blocked, ..Checks::default() }, &[automaton], &schemas).unwrap();
    for _ in 0..3000 {
        let mut text = |most: usize| -> String { (0..number(most)).map(|_| pieces[number(pieces.len())]).collect() };
        let members: Vec<_> =
            (0..6).map(|at| format!(r#""{at}{}":["{}",1.5,"{}"]"#, text(3), text(2), text(9))).collect();
        let arguments = format!("{{{}}}", members.join(", "));
        let document = Document::read(arguments.as_bytes(), Bounds::default()).unwrap();
        let mut allowance = Allowance::of(arguments.len());
        let part = &checks.parts[0];
        let alone =
            document.root().strings().find_map(|(place, text)| Some((place, part.look_through(text, &mut allowance)?)));
        let alone =
            alone.map(|(place, (rule, fault))| Offence { rule, fault, pointer: document.root().pointer_to(place) });
        assert_eq!(checks.run(document.root()).err(), alone, "{arguments}");
    }
}

#[test]
fn a_schema_that_is_not_there_and_one_that_takes_too_many_steps() {
    let entry = Entry { node: 0, steps_per_value: 0 };
    let nodes = vec![Node { types: Types::OBJECT, rules: 0 }];
    let program = Arc::new(Schemas::try_from(Program { nodes, entries: vec![entry], ..Program::default() }).unwrap());
    let of = |value| Checks { schemas: vec![Ruled { rule: 7, value }], ..Checks::default() };
    assert!(matches!(prepare(of(1), &[], &program), Err(BadConfig::Inconsistent(_))));
    let document = Document::read(b"{}", Bounds::default()).unwrap();
    let found = prepare(of(0), &[], &program).unwrap().run(document.root());
    assert_eq!(found, offence(7, "", Fault::Costly));
}
