use super::*;
use crate::json::{Bounds, Document, Numbers};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A program of these nodes; the first one is the only entry.
fn program(texts: &[&str], nodes: &[(Types, &[Rule])]) -> Program {
    let length = |text: &&str| u32::try_from(text.len()).unwrap();
    let count = |rules: &[Rule]| u32::try_from(rules.len()).unwrap();
    Program {
        text: texts.concat(),
        text_lengths: texts.iter().map(length).collect(),
        nodes: nodes.iter().map(|(types, rules)| Node { types: *types, rules: count(rules) }).collect(),
        rules: nodes.iter().flat_map(|(_, rules)| rules.to_vec()).collect(),
        entries: vec![Entry { node: 0, steps_per_value: 100 }],
        ..Program::default()
    }
}

fn run(program: &Program, text: &str) -> Result<(), Failure> {
    let bounds = Bounds { numbers: Numbers::Any, ..Bounds::default() };
    let document = Document::read(text.as_bytes(), bounds).unwrap();
    Schemas::try_from(program.clone()).unwrap().run(0, document.root())
}

fn failure(program: &Program, text: &str) -> (String, &'static str, String) {
    let Failure { pointer, keyword, schema_pointer } = run(program, text).unwrap_err();
    (pointer, keyword, schema_pointer)
}

fn says(pointer: &str, keyword: &'static str, schema_pointer: &str) -> (String, &'static str, String) {
    (pointer.to_owned(), keyword, schema_pointer.to_owned())
}

/// An object with a short name, whole numbers and nothing else.
fn sample() -> Program {
    program(
        &["name", "num/bers", "1"],
        &[
            (
                Types::OBJECT,
                &[
                    Rule::Properties(vec![Named { name: 0, node: 1 }, Named { name: 1, node: 2 }]),
                    Rule::Required(vec![0]),
                    Rule::AdditionalProperties(4),
                ],
            ),
            (Types::STRING, &[Rule::MinLength(2), Rule::MaxLength(3)]),
            (Types::ARRAY, &[Rule::Items(3), Rule::UniqueItems]),
            (Types::INTEGER, &[Rule::Minimum(2)]),
            (Types::NONE, &[]),
        ],
    )
}

#[test]
fn a_value_that_keeps_all_rules_holds() {
    assert_eq!(run(&sample(), r#"{"name":"abc"}"#), Ok(()));
    assert_eq!(run(&sample(), r#"{"num\/bers":[1,2.0,3e0],"name":"\u00e9\ud83d\ude00x"}"#), Ok(()));
}

#[test]
fn a_failure_names_the_value_the_keyword_and_the_way_to_it() {
    let fails = |text, pointer, keyword, way| assert_eq!(failure(&sample(), text), says(pointer, keyword, way));
    fails("[]", "", "type", "/type");
    fails("{}", "", "required", "/required");
    fails(r#"{"name":"x"}"#, "/name", "minLength", "/properties/name/minLength");
    fails(r#"{"name":"four"}"#, "/name", "maxLength", "/properties/name/maxLength");
    fails(r#"{"name":"ab","num/bers":[1,0]}"#, "/num~1bers/1", "minimum", "/properties/num~1bers/items/minimum");
    fails(r#"{"name":"ab","num/bers":[1,1.5]}"#, "/num~1bers/1", "type", "/properties/num~1bers/items/type");
    fails(r#"{"name":"ab","num/bers":[1,1.0]}"#, "/num~1bers", "uniqueItems", "/properties/num~1bers/uniqueItems");
    fails(r#"{"name":"ab","more":1}"#, "/more", "additionalProperties", "/additionalProperties");
}

#[test]
fn a_schema_that_is_false_has_no_keyword_but_its_own_name() {
    assert_eq!(failure(&program(&[], &[(Types::NONE, &[])]), "1"), says("", "false", ""));
}

#[test]
fn an_entry_that_is_not_there_holds_for_no_value() {
    let document = Document::read(b"1", Bounds::default()).unwrap();
    let schemas = Schemas::try_from(program(&[], &[(Types::ALL, &[])])).unwrap();
    assert!(schemas.run(0, document.root()).is_ok());
    assert_eq!(schemas.run(1, document.root()).unwrap_err().keyword, "budget");
}

#[test]
fn branches_that_break_are_not_blamed() {
    let either = program(
        &[],
        &[(Types::ALL, &[Rule::AnyOf(vec![1, 2])]), (Types::STRING, &[]), (Types::ARRAY, &[Rule::MinItems(1)])],
    );
    assert_eq!(run(&either, "[1]"), Ok(()));
    assert_eq!(failure(&either, "[]"), says("", "anyOf", "/anyOf"));
    let all = program(&[], &[(Types::ALL, &[Rule::AllOf(vec![1, 2])]), (Types::ALL, &[]), (Types::STRING, &[])]);
    assert_eq!(failure(&all, "1"), says("", "type", "/allOf/1/type"));
}

#[test]
fn what_was_not_run_to_its_end_fails_under_not_too() {
    let endless = program(&[], &[(Types::ALL, &[Rule::Not(0)])]);
    assert_eq!(failure(&endless, "1").1, "budget");
    let endless = program(&[], &[(Types::ALL, &[Rule::AnyOf(vec![0, 0])])]);
    assert_eq!(failure(&endless, "1").1, "budget");
    let mut starved = program(&[], &[(Types::ALL, &[Rule::Not(1)]), (Types::STRING, &[])]);
    assert_eq!(run(&starved, "1"), Ok(()));
    starved.entries[0].steps_per_value = 1;
    assert_eq!(failure(&starved, "1").1, "budget");
}

#[test]
fn a_number_beyond_all_measure_is_undecided_under_not_too() {
    let limit: &[Rule] = &[Rule::Minimum(0)];
    let positive = program(&["5"], &[(Types::ALL, &[Rule::Not(1)]), (Types::ALL, limit)]);
    assert_eq!(run(&positive, "4"), Ok(()));
    assert_eq!(failure(&positive, "1e-99999999999999999999").1, "minimum");
    assert_eq!(failure(&positive, "1e99999999999999999999").1, "minimum");
}

#[test]
fn equality_looks_through_order_escapes_and_spellings() {
    let text = |json: &str| canonical_text(Document::read(json.as_bytes(), Bounds::default()).unwrap().root()).unwrap();
    assert_eq!(text(r#"{"a":[1,"é"],"b":0}"#), text(r#"{"b":0.0,"a":[10e-1,"\u00e9"]}"#));
    for (one, other) in
        [(r#"["a","b"]"#, r#"["ab",""]"#), ("[1]", "[[1]]"), ("0", "null"), ("\"1\"", "1"), ("[1,2]", "[12]")]
    {
        assert_ne!(text(one), text(other));
    }
}

#[test]
fn what_neighbours_evaluate_is_not_left_over() {
    let closed = program(
        &["a", "b"],
        &[
            (Types::ALL, &[Rule::AnyOf(vec![1, 2]), Rule::UnevaluatedProperties(4)]),
            (Types::ALL, &[Rule::Properties(vec![Named { name: 0, node: 3 }]), Rule::Required(vec![0])]),
            (Types::ALL, &[Rule::Properties(vec![Named { name: 1, node: 3 }]), Rule::Required(vec![1])]),
            (Types::ALL, &[]),
            (Types::NONE, &[]),
        ],
    );
    assert_eq!(run(&closed, r#"{"a":1}"#), Ok(()));
    assert_eq!(run(&closed, r#"{"b":1,"a":1}"#), Ok(()));
    assert_eq!(failure(&closed, r#"{"a":1,"c":1}"#), says("/c", "unevaluatedProperties", "/unevaluatedProperties"));
}

#[test]
fn many_names_are_all_found() {
    let names: Vec<String> = (0..500).map(|at| format!("a rather long name, number {at}")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let all: Vec<u32> = (0..500).collect();
    let required = program(&texts, &[(Types::ALL, &[Rule::Required(all)])]);
    let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":1")).collect();
    assert_eq!(run(&required, &format!("{{{}}}", members.join(","))), Ok(()));
    assert_eq!(failure(&required, &format!("{{{}}}", members[1..].join(","))).1, "required");
}

#[test]
fn an_index_that_leads_nowhere_is_refused() {
    let refused = |program: Program| Schemas::try_from(program).err().map(|bad| bad.what());
    for rule in [
        Rule::Ref(1),
        Rule::AllOf(vec![0, 9]),
        Rule::If { condition: 0, then: Some(1), otherwise: None },
        Rule::Enum(vec![Constant::String(1)]),
        Rule::Const(Constant::Number(0)),
        Rule::Minimum(0),
        Rule::MultipleOf(0),
        Rule::Pattern(0),
        Rule::Properties(vec![Named { name: 0, node: 1 }]),
        Rule::Properties(vec![Named { name: 1, node: 0 }]),
        Rule::Required(vec![1]),
        Rule::DependentRequired(vec![Requires { name: 0, others: vec![1] }]),
        Rule::PatternProperties(vec![Matched { name: 0, pattern: 0, node: 0 }]),
        Rule::Items(u32::MAX),
    ] {
        assert!(refused(program(&["no number"], &[(Types::ALL, std::slice::from_ref(&rule))])).is_some(), "{rule:?}");
    }
    let twice: &[Rule] = &[Rule::MinLength(1), Rule::MinLength(2)];
    assert_eq!(refused(program(&[], &[(Types::ALL, twice)])), Some("a keyword stands twice in a schema"));
}

#[test]
fn a_number_that_json_does_not_know_is_refused() {
    for rule in [Rule::ExclusiveMaximum(0), Rule::MultipleOf(0), Rule::Const(Constant::Number(0))] {
        let with = |text| Schemas::try_from(program(&[text], &[(Types::ALL, std::slice::from_ref(&rule))]));
        assert!(["5", "0.50", "5e-1"].iter().all(|good| with(good).is_ok()), "{rule:?}");
        assert!(["", "5.0.00", "+5", "05", "5.", "five", "5 "].iter().all(|bad| with(bad).is_err()), "{rule:?}");
    }
}

#[test]
fn counts_and_texts_that_do_not_add_up_are_refused() {
    let broken: [fn(&mut Program); 6] = [
        |program| program.text.push('x'),
        |program| program.text_lengths[0] = 1000,
        |program| program.nodes[0].rules += 1,
        |program| program.rules.push(Rule::UniqueItems),
        |program| program.entries[0].node = 5,
        |program| program.text_lengths.push(u32::MAX),
    ];
    for breaks in broken {
        let mut program = sample();
        breaks(&mut program);
        assert!(Schemas::try_from(program).is_err());
    }
}

/// One of each rule, more or less, and references in circles.
fn everything() -> Program {
    let named = |name, node| Named { name, node };
    program(
        &["a", "b", "1.5", "2", "{s1:an1e1;}"],
        &[
            (
                Types::ALL,
                &[Rule::Ref(1), Rule::AnyOf(vec![2, 3]), Rule::OneOf(vec![2, 3, 4]), Rule::UnevaluatedItems(5)],
            ),
            (
                Types::OBJECT.or(Types::ARRAY),
                &[
                    Rule::Properties(vec![named(0, 2), named(1, 1)]),
                    Rule::AdditionalProperties(0),
                    Rule::PropertyNames(4),
                    Rule::Required(vec![0]),
                    Rule::DependentRequired(vec![Requires { name: 0, others: vec![1] }]),
                    Rule::DependentSchemas(vec![named(1, 6)]),
                    Rule::PrefixItems(vec![2, 3]),
                    Rule::Items(1),
                    Rule::Contains { node: 5, min: Some(0), max: Some(3), evaluates: true },
                    Rule::UniqueItems,
                ],
            ),
            (Types::NUMBER, &[Rule::Minimum(2), Rule::ExclusiveMaximum(3), Rule::MultipleOf(2)]),
            (Types::STRING, &[Rule::MinLength(1), Rule::MaxLength(9), Rule::Format(Format::DateTime)]),
            (Types::ALL, &[Rule::If { condition: 3, then: Some(5), otherwise: Some(6) }]),
            (
                Types::ALL,
                &[Rule::Not(3), Rule::Enum(vec![Constant::Null, Constant::String(0), Constant::Composite(4)])],
            ),
            (Types::ALL, &[Rule::MinProperties(1), Rule::MaxProperties(3), Rule::UnevaluatedProperties(5)]),
        ],
    )
}

#[test]
fn changed_bytes_are_refused_or_run_to_an_end() {
    let good = postcard::to_allocvec(&everything()).unwrap();
    let texts = [r#"{"a":1.5,"b":{"a":[1,"x",null]}}"#, r#"[1.75,"2020-01-01T00:00:00Z",{"a":1},[[]]]"#];
    let documents = texts.map(|text| Document::read(text.as_bytes(), Bounds::default()).unwrap());
    let (mut loaded, mut seed) = (0, 1u64);
    for round in 0..3000 {
        let mut bytes = good.clone();
        for _ in 0..=round % 3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let [at, value, ..] = (seed >> 33).to_le_bytes();
            let at = usize::from(at) * 256 + usize::from(value);
            let length = bytes.len();
            // Small numbers are mostly good indexes.
            bytes[at % length] = if round % 2 == 0 { value % 7 } else { value };
        }
        let Ok(program) = postcard::from_bytes::<Program>(&bytes) else { continue };
        let Ok(schemas) = Schemas::try_from(program) else { continue };
        loaded += 1;
        for document in &documents {
            let _ = schemas.run(0, document.root());
        }
    }
    assert!(loaded > 300, "only {loaded} programs were run");
}

#[test]
fn nesting_ends_before_the_stack_does() {
    let circle = program(
        &[],
        &[(Types::ALL, &[Rule::Ref(1)]), (Types::ALL, &[Rule::AllOf(vec![2])]), (Types::ALL, &[Rule::DynamicRef(0)])],
    );
    let mut circle = circle;
    circle.entries[0].steps_per_value = u32::MAX;
    assert_eq!(failure(&circle, "1").1, "budget");
}

#[test]
fn more_nodes_or_names_than_can_be_loaded_are_refused() {
    let many = vec![(Types::ALL, &[][..]); (1 << 20) + 1];
    assert!(Schemas::try_from(program(&[], &many)).is_err());
    let names = vec![Rule::Required(vec![0; 1 << 19]); 3];
    let nodes: Vec<_> = names.iter().map(|rule| (Types::ALL, std::slice::from_ref(rule))).collect();
    assert!(Schemas::try_from(program(&["a"], &nodes)).is_err());
    assert!(Schemas::try_from(program(&["a"], &nodes[..1])).is_ok());
}

/// Whether all inexact numbers of a text are admitted by the schema, which it must hold to.
fn admits(program: &Program, text: &str) -> bool {
    let bounds = Bounds { numbers: Numbers::Noted, ..Bounds::default() };
    let document = Document::read(text.as_bytes(), bounds).unwrap();
    let mut admitted = Admitted::default();
    Schemas::try_from(program.clone()).unwrap().run_admitting(0, document.root(), &mut admitted).unwrap();
    document.require_admitted(&admitted).is_ok()
}

#[test]
fn a_limit_admits_integers_on_its_side_if_it_lies_beyond_the_exact_ones() {
    let upper = |limit: &str| program(&[limit], &[(Types::ALL, &[Rule::Maximum(0)])]);
    let lower = |limit: &str| program(&[limit], &[(Types::ALL, &[Rule::ExclusiveMinimum(0)])]);
    let (large, small) = ("9007199254740993", "-9007199254740993");
    assert!(admits(&upper("9007199254740993"), large) && admits(&upper("1e30"), large));
    assert!(admits(&lower("-9007199254740994"), small));
    assert!(!admits(&upper("1e30"), small) && !admits(&lower("-1e30"), large));
    assert!(!admits(&lower("0"), large) && !admits(&upper("0"), small));
    for text in ["9007199254740993.0", "1e20", "0.1234567890123456789", "1e400"] {
        assert!(!admits(&upper("1e500"), text), "{text}");
    }
}

#[test]
fn only_what_holds_admits_numbers() {
    let number = "9007199254740993";
    let wide = (Types::ALL, &[Rule::Maximum(0)][..]);
    let none = (Types::NONE, &[][..]);
    let all = (Types::ALL, &[][..]);
    let one = |rule: Rule, others: &[(Types, &[Rule])]| {
        let rules = [rule];
        let nodes: Vec<_> = [(Types::ALL, &rules[..])].iter().chain(others).copied().collect();
        program(&["1e30"], &nodes)
    };
    assert!(admits(&one(Rule::AllOf(vec![1]), &[wide]), number));
    assert!(admits(&one(Rule::Ref(1), &[wide]), number));
    assert!(admits(&one(Rule::AnyOf(vec![1, 2]), &[all, wide]), number));
    assert!(admits(&one(Rule::OneOf(vec![1, 2]), &[none, wide]), number));
    let then = Rule::If { condition: 1, then: Some(2), otherwise: None };
    assert!(admits(&one(then, &[all, wide]), number));
    let broken = [(Types::ALL, &[Rule::Maximum(0), Rule::AllOf(vec![3])][..]), none];
    assert!(!admits(&one(Rule::AnyOf(vec![1, 2]), &[all, broken[0], broken[1]]), number));
    assert!(!admits(&one(Rule::Not(1), &[(Types::ALL, &[Rule::Maximum(0), Rule::AllOf(vec![2])]), none]), number));
    let condition = Rule::If { condition: 1, then: None, otherwise: None };
    assert!(!admits(&one(condition, &[wide]), number));
    let contains = Rule::Contains { node: 1, min: None, max: None, evaluates: true };
    assert!(!admits(&one(contains, &[wide]), "[9007199254740993]"));
    assert!(admits(&one(Rule::Items(1), &[wide]), "[9007199254740993, 1, -9007199254740991]"));
    assert!(!admits(&one(Rule::PrefixItems(vec![1]), &[wide]), "[9007199254740993, 9007199254740993]"));
}
