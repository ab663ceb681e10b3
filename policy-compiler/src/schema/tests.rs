use super::*;
use toolgate_engine::{
    json::{self, Bounds},
    schema::Schemas,
};

fn documents(texts: &[(&str, &str)]) -> Vec<Document> {
    let document = |(uri, text): &(&str, &str)| Document {
        uri: (*uri).to_owned(),
        root: Json::read(text.as_bytes()).unwrap_or_else(|malformed| panic!("{text}: {malformed}")),
    };
    texts.iter().map(document).collect()
}

fn compile_one(text: &str, options: Options) -> Result<Compiled, Vec<Finding>> {
    compile(&documents(&[("urn:policy", text)]), &["urn:policy".to_owned()], options)
}

/// Pointer and message of every finding.
fn findings(text: &str) -> Vec<(String, String)> {
    let found = compile_one(text, Options::default()).expect_err(text);
    found.into_iter().map(|finding| (finding.pointer, finding.message)).collect()
}

fn finds(text: &str, pointer: &str, words: &str) {
    let found = findings(text);
    let hit = found.iter().any(|(at, message)| at == pointer && message.contains(words));
    assert!(hit, "{text}\nwants `{words}` at `{pointer}`, has {found:?}");
}

fn warns(text: &str, pointer: &str) {
    let warnings = compile_one(text, Options::default()).unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.pointer == pointer), "{text}: {warnings:?}");
}

fn holds(compiled: &Compiled, entry: u32, value: &str) -> bool {
    let document = json::Document::read(value.as_bytes(), Bounds::default()).unwrap();
    Schemas::try_from(compiled.program.clone()).unwrap().run(entry, document.root()).is_ok()
}

#[test]
fn what_is_not_known_is_an_error() {
    finds(r#"{"minLenght": 3}"#, "/minLenght", "no keyword");
    finds(r#"{"properties": {"a/b": {"requires": []}}}"#, "/properties/a~1b/requires", "no keyword");
    finds(r#"{"format": "datetime"}"#, "/format", "no format");
    finds(r#"{"type": "str"}"#, "/type", "no type");
    finds(r#"{"not": {"$schema": "http://json-schema.org/draft-07/schema#"}}"#, "/not/$schema", "says nothing");
    finds(r#"{"$schema": "https://example.com/mine"}"#, "/$schema", "no dialect");
    let help = compile_one(r#"{"minLenght": 3}"#, Options::default()).unwrap_err().remove(0).help;
    assert_eq!(help.as_deref(), Some("did you mean `minLength`?"));
}

#[test]
fn what_belongs_to_the_other_dialect_is_said_to() {
    let old = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": [true]}"#;
    finds(old, "/prefixItems", "no keyword");
    let help = compile_one(old, Options::default()).unwrap_err().remove(0).help.unwrap();
    assert!(help.contains("belongs to 2020-12"), "{help}");
    finds(r#"{"items": [true]}"#, "/items", "one schema");
    finds(r#"{"exclusiveMinimum": true}"#, "/exclusiveMinimum", "must be a number");
}

#[test]
fn all_findings_come_at_once() {
    let text = r#"{"type": "strin", "minLength": -1, "allOf": [], "not": 3, "required": ["a", "a"], "pattern": "("}"#;
    let pointers: Vec<_> = findings(text).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/allOf", "/minLength", "/not", "/pattern", "/required", "/type"]);
}

#[test]
fn extensions_and_lost_keywords_are_warnings() {
    warns(r#"{"x-internal": true}"#, "/x-internal");
    warns(r#"{"then": {"type": "string"}}"#, "/then");
    warns(r#"{"minContains": 2}"#, "/minContains");
    warns(
        r##"{"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}, "properties":
            {"b": {"$ref": "#/definitions/a", "maxLength": 3}}}"##,
        "/properties/b/maxLength",
    );
}

#[test]
fn a_reference_leads_to_a_given_document_or_nowhere() {
    finds(r#"{"$ref": "https://example.com/schema.json"}"#, "/$ref", "nothing is read from the network");
    finds(r##"{"$ref": "#/$defs/none"}"##, "/$ref", "has no `#/$defs/none`");
    finds(r##"{"$ref": "#none"}"##, "/$ref", "has no `#none`");
    let given = documents(&[
        ("https://example.com/a.json", r#"{"$ref": "b.json#/$defs/x"}"#),
        ("https://example.com/b.json", r#"{"$defs": {"x": {"type": "integer"}}}"#),
    ]);
    let compiled = compile(&given, &["https://example.com/a.json".to_owned()], Options::default()).unwrap();
    assert!(holds(&compiled, 0, "1") && !holds(&compiled, 0, "\"1\""));
}

#[test]
fn an_entry_may_be_a_part_of_a_document() {
    let given = documents(&[("urn:policy", r#"{"$defs": {"a b": {"type": "null"}, "c": {"type": "string"}}}"#)]);
    let entries = ["urn:policy#/$defs/c".to_owned(), "urn:policy#/$defs/a%20b".to_owned()];
    let compiled = compile(&given, &entries, Options::default()).unwrap();
    assert!(holds(&compiled, 0, "\"\"") && !holds(&compiled, 0, "null") && holds(&compiled, 1, "null"));
    let lost = compile(&given, &["urn:other".to_owned()], Options::default()).unwrap_err();
    assert_eq!((lost.len(), lost[0].document.as_str()), (1, "urn:other"));
}

#[test]
fn a_document_that_nothing_uses_is_not_judged() {
    let given = documents(&[("urn:policy", "{}"), ("urn:unused", r#"{"type": "nothing known"}"#)]);
    assert!(compile(&given, &["urn:policy".to_owned()], Options::default()).is_ok());
}

#[test]
fn a_circle_that_does_not_go_into_the_value_is_an_error() {
    finds(r##"{"$ref": "#"}"##, "", "comes back to itself");
    finds(r##"{"allOf": [{"anyOf": [{"$ref": "#"}]}]}"##, "", "comes back to itself");
    let tree =
        compile_one(r##"{"properties": {"next": {"$ref": "#"}}, "maxProperties": 1}"##, Options::default()).unwrap();
    assert!(holds(&tree, 0, r#"{"next":{"next":{}}}"#) && !holds(&tree, 0, r#"{"next":{"next":{"a":1,"b":2}}}"#));
}

#[test]
fn bounds_say_what_a_value_costs() {
    let bound = |text: &str| compile_one(text, Options::default()).unwrap().bounds[0];
    assert_eq!(bound("{}"), 1);
    assert_eq!(bound(r#"{"items": {"type": "string"}}"#), 1);
    assert_eq!(bound(r#"{"allOf": [{"type": "string"}, {"minLength": 1}]}"#), 3);
    let tree = r##"{"properties": {"next": {"$ref": "#"}}}"##;
    assert_eq!(bound(tree), 2, "a tree is walked through once");
    let twice = r##"{"properties": {"next": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}"##;
    assert!(bound(twice) > 1 << 32, "each level doubles the work");
    assert_eq!(compile_one(twice, Options::default()).unwrap().warnings.len(), 1);
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = format!("{}true{}", r#"{"allOf":["#.repeat(50), "]}".repeat(50));
    assert!(compile_one(&deep, Options::default()).is_ok());
    let recursive = format!("{}{{\"items\":{{\"$ref\":\"#\"}}}}{}", r#"{"allOf":["#.repeat(20), "]}".repeat(20));
    finds(&recursive, "", "nest too deep");
}

#[test]
fn equal_schemas_stand_once() {
    let text = |name: &str| {
        format!(r#"{{"properties": {{"{name}": {{"type": "string"}}, "b": {{"items": {{"type": "string"}}}}}}}}"#)
    };
    let given = documents(&[("urn:a", &text("a")), ("urn:b", &text("c")), ("urn:c", &text("a"))]);
    let entries = ["urn:a", "urn:b", "urn:c"].map(str::to_owned);
    let program = compile(&given, &entries, Options::default()).unwrap().program;
    assert_eq!(program.nodes.len(), 4, "two roots, a string and a list of strings: {:?}", program.nodes);
    assert_eq!(program.entries[0], program.entries[2]);
}

#[test]
fn schemas_in_equal_circles_stand_once() {
    let text = r##"{"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}"##;
    assert_eq!(compile_one(text, Options::default()).unwrap().program.nodes.len(), 2);
}

#[test]
fn the_same_documents_give_the_same_program() {
    let text = r#"{"properties": {"a": {"enum": [3, "x", null]}, "b": {"dependentRequired": {"c": ["d"]}}}, "$defs": {"e": {}}}"#;
    let programs = [(); 2].map(|()| compile_one(text, Options::default()).unwrap().program);
    assert_eq!(programs[0], programs[1]);
}

#[test]
fn formats_are_held_to_on_request_only() {
    let text = r#"{"format": "date"}"#;
    let asserted = Options { assert_formats: true, ..Options::default() };
    assert!(holds(&compile_one(text, Options::default()).unwrap(), 0, "\"no date\""));
    assert!(!holds(&compile_one(text, asserted).unwrap(), 0, "\"no date\""));
    assert!(compile_one(r#"{"format": "idn-hostname"}"#, Options::default()).is_ok());
    assert!(compile_one(r#"{"format": "idn-hostname"}"#, asserted).is_err());
}

#[test]
fn patterns_beyond_what_an_automaton_can_are_refused() {
    finds(r#"{"pattern": "(?=a)b"}"#, "/pattern", "refused");
    finds(r#"{"patternProperties": {"(a)\\1": true}}"#, "/patternProperties", "refused");
    finds(r#"{"pattern": "[ab]*a[ab]{20}"}"#, "/pattern", "refused");
}

#[test]
fn numbers_keep_all_their_digits() {
    let text = r#"{"minimum": 12345678901234567890.5, "const": 12345678901234567890.50, "multipleOf": 0.1}"#;
    assert!(compile_one(text, Options::default()).is_ok());
    finds(r#"{"const": [1e9999999999999]}"#, "/const", "beyond all measure");
    finds(r#"{"multipleOf": 0}"#, "/multipleOf", "above zero");
}
