//! Generated schemas judge generated values as two independent validators do.
//!
//! The generator is seeded, so that every run does the same. What the validators are known to do otherwise is not
//! generated; each such gap is named where it is.

#![cfg(test)]

use policy_compiler::schema::{Document, Draft, Json, Options, Subject, compile};
use serde_json::{Map, Value, json};
use toolgate_dice::Dice;
use toolgate_engine::{
    json::{self, Bounds},
    schema::Schemas,
};

const URI: &str = "https://oracles.invalid/schema";

const NAMES: [&str; 6] = ["a", "b", "ab", "foo", "é/~", ""];
const PATTERNS: [&str; 6] = ["^a", "b$", "^[a-z]+$", "o{2}", "^$", "\\d"];

/// Makes schemas of one dialect.
struct Maker {
    dice: Dice,
    draft: Draft,
}

impl Maker {
    fn document(&mut self) -> Value {
        let mut root = self.schema(3, 0);
        if root.is_boolean() {
            root = json!({});
        }
        let definitions: Map<String, Value> = (0..3).map(|at| (format!("d{at}"), self.schema(2, at + 1))).collect();
        let (uri, key) = match self.draft {
            Draft::Draft7 => ("http://json-schema.org/draft-07/schema#", "definitions"),
            Draft::Draft202012 => ("https://json-schema.org/draft/2020-12/schema", "$defs"),
        };
        let members = root.as_object_mut().unwrap();
        members.insert("$schema".to_owned(), uri.into());
        members.insert(key.to_owned(), definitions.into());
        root
    }

    /// A schema that refers, for the same value, only to definitions from `from` on: no circles.
    fn schema(&mut self, depth: usize, from: usize) -> Value {
        if depth == 0 || self.dice.one_in(8) {
            return self.dice.pick(&[
                json!(true),
                json!(false),
                json!({}),
                json!({"type": "string"}),
                json!({"type": "integer"}),
            ]);
        }
        let mut members = Map::new();
        for _ in 0..=self.dice.roll(4) {
            let (name, value) = self.keyword(depth, from);
            members.insert(name.to_owned(), value);
        }
        Value::Object(members)
    }

    fn keyword(&mut self, depth: usize, from: usize) -> (&'static str, Value) {
        match self.dice.roll(6) {
            0 => self.any(),
            1 => self.flat(),
            2 => self.combination(depth, from),
            3 => self.array(depth),
            4 => self.object(depth),
            _ if self.draft == Draft::Draft202012 => self.only_new(depth, from),
            _ => self.only_old(depth, from),
        }
    }

    fn any(&mut self) -> (&'static str, Value) {
        match self.dice.roll(4) {
            0 => ("type", self.types()),
            1 => ("const", self.value(2)),
            2 => ("enum", (0..=self.dice.roll(4)).map(|_| self.value(1)).collect()),
            _ => ("type", self.dice.pick(&[json!("object"), json!("array")])),
        }
    }

    fn types(&mut self) -> Value {
        const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
        if self.dice.one_in(2) {
            return self.dice.pick(&TYPES).into();
        }
        let first = self.dice.roll(7);
        json!([TYPES[first], TYPES[(first + 1 + self.dice.roll(6)) % 7]])
    }

    fn flat(&mut self) -> (&'static str, Value) {
        let number = self.dice.pick(&[json!(0), json!(1), json!(2.5), json!(-3), json!(10)]);
        match self.dice.roll(8) {
            0 => ("minLength", self.dice.roll(4).into()),
            1 => ("maxLength", self.dice.roll(4).into()),
            2 => ("pattern", self.dice.pick(&PATTERNS).into()),
            3 => ("minimum", number),
            4 => ("exclusiveMinimum", number),
            5 => ("maximum", number),
            6 => ("exclusiveMaximum", number),
            _ => ("multipleOf", self.dice.pick(&[json!(1), json!(2), json!(0.5), json!(3)])),
        }
    }

    fn combination(&mut self, depth: usize, from: usize) -> (&'static str, Value) {
        let name = self.dice.pick(&["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref"]);
        match name {
            "allOf" | "anyOf" | "oneOf" => (name, self.schemas(depth, from)),
            "$ref" if from < 3 => (name, self.reference(from)),
            "$ref" => ("title", "no definition is left".into()),
            _ => (name, self.schema(depth - 1, from)),
        }
    }

    fn reference(&mut self, from: usize) -> Value {
        let key = if self.draft == Draft::Draft7 { "definitions" } else { "$defs" };
        format!("#/{key}/d{}", from + self.dice.roll(3 - from)).into()
    }

    fn schemas(&mut self, depth: usize, from: usize) -> Value {
        (0..=self.dice.roll(3)).map(|_| self.schema(depth - 1, from)).collect()
    }

    /// For a part of the value: it may refer to all definitions.
    fn part(&mut self, depth: usize) -> Value {
        if self.dice.one_in(6) { json!({ "$ref": self.reference(0) }) } else { self.schema(depth - 1, 0) }
    }

    fn array(&mut self, depth: usize) -> (&'static str, Value) {
        match self.dice.roll(6) {
            0 => ("minItems", self.dice.roll(4).into()),
            1 => ("maxItems", self.dice.roll(4).into()),
            2 => ("uniqueItems", self.dice.one_in(2).into()),
            3 => ("contains", self.part(depth)),
            _ => ("items", self.part(depth)),
        }
    }

    fn object(&mut self, depth: usize) -> (&'static str, Value) {
        match self.dice.roll(8) {
            0 => ("minProperties", self.dice.roll(4).into()),
            1 => ("maxProperties", self.dice.roll(4).into()),
            2 => ("required", self.names()),
            3 => ("additionalProperties", self.part(depth)),
            4 => ("propertyNames", self.schema(depth - 1, 0)),
            5 => ("patternProperties", self.named(depth, &PATTERNS)),
            _ => ("properties", self.named(depth, &NAMES)),
        }
    }

    fn names(&mut self) -> Value {
        let first = self.dice.roll(6);
        let second = (first + 1 + self.dice.roll(5)) % 6;
        json!([NAMES[first], NAMES[second]][..=self.dice.roll(2)])
    }

    fn named(&mut self, depth: usize, names: &[&str]) -> Value {
        (0..=self.dice.roll(3))
            .map(|_| (self.dice.pick(names).to_owned(), self.part(depth)))
            .collect::<Map<_, _>>()
            .into()
    }

    fn only_new(&mut self, depth: usize, from: usize) -> (&'static str, Value) {
        match self.dice.roll(8) {
            0 => ("prefixItems", (0..=self.dice.roll(3)).map(|_| self.part(depth)).collect()),
            1 => ("minContains", self.dice.roll(3).into()),
            2 => ("maxContains", self.dice.roll(3).into()),
            3 => ("dependentRequired", json!({ self.dice.pick(&NAMES): self.names() })),
            4 => ("dependentSchemas", json!({ self.dice.pick(&NAMES): self.schema(depth - 1, from) })),
            5 => ("unevaluatedItems", self.part(depth)),
            _ => ("unevaluatedProperties", self.part(depth)),
        }
    }

    fn only_old(&mut self, depth: usize, from: usize) -> (&'static str, Value) {
        match self.dice.roll(4) {
            0 => ("items", (0..=self.dice.roll(3)).map(|_| self.part(depth)).collect()),
            1 => ("additionalItems", self.part(depth)),
            2 => ("dependencies", json!({ self.dice.pick(&NAMES): self.names() })),
            _ => ("dependencies", json!({ self.dice.pick(&NAMES): self.schema(depth - 1, from) })),
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.dice.roll(if depth == 0 { 5 } else { 9 }) {
            0 => self.dice.pick(&[json!(null), json!(true), json!(false)]),
            1 | 2 => self.dice.pick(&[
                json!(0),
                json!(1),
                json!(1.0),
                json!(2),
                json!(2.5),
                json!(-3),
                json!(10),
                json!(1e2),
            ]),
            3 | 4 => self.dice.pick(&["", "a", "ab", "foo", "é😀", "b1", "a\n\"/\\"]).into(),
            5 | 6 => (0..self.dice.roll(4)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let members =
                    (0..self.dice.roll(5)).map(|_| (self.dice.pick(&NAMES).to_owned(), self.value(depth - 1)));
                members.collect::<Map<_, _>>().into()
            }
        }
    }
}

fn load(schema: &Value) -> Schemas {
    let documents = [Document { uri: URI.to_owned(), root: Json::from(schema.clone()) }];
    let compiled = compile(&documents, &[URI.to_owned()], Options::default());
    let compiled = compiled.unwrap_or_else(|findings| panic!("{schema}: {findings:?}"));
    let packed = postcard::to_allocvec(&compiled.program).unwrap();
    Schemas::try_from(postcard::from_bytes::<toolgate_engine::schema::Program>(&packed).unwrap()).unwrap()
}

fn holds(schemas: &Schemas, text: &str) -> bool {
    let document = json::Document::read(text.as_bytes(), Bounds::default()).unwrap();
    match schemas.run(0, document.root()) {
        Ok(()) => true,
        Err(failure) => {
            assert_ne!(failure.keyword, "budget", "{text}: {failure:?}");
            false
        }
    }
}

/// Judges many values by many schemas and compares; both verdicts must come up often.
fn compare(draft: Draft, seed: u64, rounds: usize, oracle: impl Fn(&Value) -> Box<dyn Fn(&Value) -> bool>) {
    let mut maker = Maker { dice: Dice(seed), draft };
    let mut counts = [0usize; 2];
    for _ in 0..rounds {
        let schema = maker.document();
        let (ours, theirs) = (load(&schema), oracle(&schema));
        for _ in 0..12 {
            let value = maker.value(3);
            let verdict = holds(&ours, &value.to_string());
            assert_eq!(verdict, theirs(&value), "ours (left) and theirs differ\nschema: {schema}\nvalue: {value}");
            counts[usize::from(verdict)] += 1;
        }
    }
    assert!(counts.iter().all(|&count| count > rounds), "{counts:?}");
}

fn jsonschema_of(draft: jsonschema::Draft) -> impl Fn(&Value) -> Box<dyn Fn(&Value) -> bool> {
    move |schema| {
        let validator = jsonschema::options().with_draft(draft).build(schema).unwrap();
        Box::new(move |value| validator.is_valid(value))
    }
}

#[test]
fn jsonschema_judges_alike_in_the_newest_dialect() {
    compare(Draft::Draft202012, 1, 2_000, jsonschema_of(jsonschema::Draft::Draft202012));
}

#[test]
fn jsonschema_judges_alike_in_the_old_dialect() {
    compare(Draft::Draft7, 2, 2_000, jsonschema_of(jsonschema::Draft::Draft7));
}

/// The same value for `jsonschema-valid`, which deviates in two points. Whole numbers that are written with a
/// fraction equal others only outside of arrays and objects, so all whole numbers are written without one. And it
/// panics when it divides what is negative or has a fraction by a whole `multipleOf`, so divisors have a fraction.
fn for_jsonschema_valid(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 => serde_json::from_str(&format!("{whole:.0}")).unwrap(),
            _ => value.clone(),
        },
        Value::Array(elements) => elements.iter().map(for_jsonschema_valid).collect(),
        Value::Object(members) => {
            let divisor = |name: &str, value: &Value| match value.as_f64() {
                Some(divisor) if name == "multipleOf" => json!(divisor),
                _ => for_jsonschema_valid(value),
            };
            members.iter().map(|(name, value)| (name.clone(), divisor(name, value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

#[test]
fn jsonschema_valid_judges_alike_in_the_old_dialect() {
    compare(Draft::Draft7, 3, 2_000, |schema| {
        let schema = for_jsonschema_valid(schema);
        Box::new(move |value| {
            let config = jsonschema_valid::Config::from_schema(&schema, Some(jsonschema_valid::schemas::Draft::Draft7));
            jsonschema_valid::validate(&config.unwrap(), &for_jsonschema_valid(value)).is_ok()
        })
    });
}

/// Writes a value with its members in another order, letters escaped and numbers spelt otherwise.
fn respelt(dice: &mut Dice, value: &Value, text: &mut String) {
    match value {
        Value::String(string) => respelt_string(dice, string, text),
        Value::Number(number) => {
            let plain = number.to_string();
            let whole = !plain.contains(['.', 'e']);
            text.push_str(&plain);
            text.push_str(if whole { dice.pick(&["", ".0", "e0", ".00E+0"]) } else { "" });
        }
        Value::Array(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                text.push_str(if index == 0 { " " } else { "\n," });
                respelt(dice, element, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            for at in (1..members.len()).rev() {
                members.swap(at, dice.roll(at + 1));
            }
            text.push('{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { " ,\t" });
                respelt_string(dice, name, text);
                text.push(':');
                respelt(dice, member, text);
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

fn respelt_string(dice: &mut Dice, string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        if dice.one_in(2) || matches!(character, '"' | '\\' | '\0'..' ') {
            let mut units = [0; 2];
            text.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            text.push(character);
        }
    }
    text.push('"');
}

#[test]
fn order_escapes_and_spellings_change_no_verdict() {
    for draft in [Draft::Draft202012, Draft::Draft7] {
        let mut maker = Maker { dice: Dice(4), draft };
        for _ in 0..1_000 {
            let schema = maker.document();
            let mut other_schema = String::new();
            respelt(&mut maker.dice, &schema, &mut other_schema);
            let schemas = [load(&schema), load(&serde_json::from_str(&other_schema).unwrap())];
            for _ in 0..6 {
                let value = maker.value(3);
                let mut other = String::new();
                respelt(&mut maker.dice, &value, &mut other);
                let verdicts =
                    schemas.each_ref().map(|schemas| [holds(schemas, &value.to_string()), holds(schemas, &other)]);
                assert!(
                    verdicts == [[true; 2]; 2] || verdicts == [[false; 2]; 2],
                    "{schema}\n{value}\n{other}: {verdicts:?}"
                );
            }
        }
    }
}

/// A type that a warning at the top of a schema says no value of holds.
fn excluded(schema: &Value) -> Vec<String> {
    let documents = [Document { uri: URI.to_owned(), root: Json::from(schema.clone()) }];
    let warnings = compile(&documents, &[URI.to_owned()], Options::default()).unwrap().warnings;
    let at_top = warnings
        .into_iter()
        .filter(|warning| warning.subject == Subject::NeverHolds && warning.pointer.matches('/').count() <= 1);
    let message = at_top.map(|warning| warning.message);
    message.map(|message| message.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        // What a schema as a whole does not take is no object; the others name their type.
        "object" | "are" => value.is_object(),
        "value" => true,
        _ => panic!("{kind}"),
    }
}

#[test]
fn what_is_said_never_to_hold_never_does() {
    let mut tried = 0;
    for (draft, oracle) in
        [(Draft::Draft202012, jsonschema::Draft::Draft202012), (Draft::Draft7, jsonschema::Draft::Draft7)]
    {
        let mut maker = Maker { dice: Dice(5), draft };
        for _ in 0..4_000 {
            let schema = maker.document();
            let kinds = excluded(&schema);
            if kinds.is_empty() {
                continue;
            }
            let holds = jsonschema_of(oracle)(&schema);
            for value in (0..40).map(|_| maker.value(3)) {
                for kind in kinds.iter().filter(|kind| is_of(kind, &value)) {
                    assert!(!holds(&value), "{schema}\n{value} is a {kind}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}
