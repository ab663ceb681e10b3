//! The JSON Schema for editors, held to what the compiler takes and refuses.
//!
//! In: the policies of `tests/diagnostics` and the sample, as an editor reads them. Out: whether the schema agrees.
//! What spans several keys is not the schema's: names that nobody declares, warnings.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod damage;

use damage::{Beside, Numbers, damage, good_policies};
use jsonschema::Validator;
use policy_compiler::{
    compile_with,
    diagnostic::{Code, Severity},
};
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value};
use std::{fs, path::Path};

fn validator() -> Validator {
    jsonschema::draft202012::new(&policy_compiler::schema()).unwrap()
}

/// A policy with the types of YAML 1.2, which editors give it before they apply a schema.
fn as_json(source: &str) -> Option<Value> {
    let documents = Yaml::load_from_str(source.trim_start_matches('\u{feff}')).ok()?;
    json(documents.first()?)
}

fn json(yaml: &Yaml<'_>) -> Option<Value> {
    Some(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => Value::from(*value),
        Yaml::Value(Scalar::Integer(value)) => Value::from(*value),
        // JSON has no infinity, but it is a number to an editor.
        Yaml::Value(Scalar::FloatingPoint(value)) if !value.is_finite() => Value::from(f64::MAX),
        Yaml::Value(Scalar::FloatingPoint(value)) => Value::from(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => Value::from(value.as_ref()),
        Yaml::Sequence(items) => Value::Array(items.iter().map(json).collect::<Option<_>>()?),
        Yaml::Mapping(entries) => {
            let entry = |(key, value)| Some((key_text(key)?, json(value)?));
            Value::Object(entries.iter().map(entry).collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}

fn key_text(key: &Yaml<'_>) -> Option<String> {
    match json(key)? {
        Value::String(text) => Some(text),
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_)) => Some(scalar.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// All policies that an editor can read.
fn policies() -> Vec<(String, String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = fs::read_dir(root.join("../tests/diagnostics")).unwrap().map(|entry| entry.unwrap().path());
    let named = [root.join("../envoy/policy.yaml"), root.join("src/command/init/policy.yaml")];
    let mut policies: Vec<_> = folder
        .chain(named)
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .filter_map(|path| {
            let source = fs::read_to_string(&path).ok()?;
            let value = as_json(&source)?;
            Some((path.display().to_string(), source, value))
        })
        .collect();
    policies.sort_by(|(left, ..), (right, ..)| left.cmp(right));
    policies
}

#[test]
fn no_damage_makes_the_schema_refuse_what_the_compiler_takes() {
    let rounds = std::env::var("ROUNDS").map_or(2000, |rounds| rounds.parse().unwrap());
    let (validator, policies, mut numbers) = (validator(), good_policies(), Numbers::seeded());
    let mut taken = 0;
    for _ in 0..rounds {
        let (policy, other) = (numbers.pick(&policies), numbers.pick(&policies));
        let source = damage(policy, other, &mut numbers);
        let Ok(source) = String::from_utf8(source) else { continue };
        if compile_with("p", source.as_bytes(), &Beside).bundle.is_some() {
            let value = as_json(&source).unwrap();
            let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}\n{source}");
            taken += 1;
        }
    }
    assert!(taken > 0);
}

/// Codes of what a schema can see: keys, types, words and numbers.
const SEEN: &[Code] = &[
    Code::UnknownKey,
    Code::MissingKey,
    Code::OtherVersion,
    Code::UnknownWord,
    Code::BadInteger,
    Code::BadSize,
    Code::BadRate,
    Code::BadQuota,
    Code::BadName,
    Code::ReservedHeader,
    Code::EmptyLiteral,
];

#[test]
fn the_schema_takes_every_policy_that_the_compiler_takes() {
    let validator = validator();
    let mut taken = 0;
    for (name, source, value) in policies() {
        if compile_with(&name, source.as_bytes(), &Beside).bundle.is_some() {
            let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
            taken += 1;
        }
    }
    assert!(taken > 10, "{taken}");
}

#[test]
fn the_schema_refuses_what_it_can_see() {
    let validator = validator();
    let mut refused = Vec::new();
    for (name, source, value) in policies() {
        let told = compile_with(&name, source.as_bytes(), &Beside).diagnostics;
        let seen = told.iter().filter(|found| SEEN.contains(&found.code)).map(|found| found.code);
        for code in seen {
            assert!(!validator.is_valid(&value), "{name}: {}", code.id());
            refused.push(code);
        }
    }
    let unproven: Vec<_> = SEEN.iter().filter(|code| !refused.contains(code)).collect();
    assert!(unproven.is_empty(), "{unproven:?}");
}

#[test]
fn each_wrong_setting_alone_is_refused() {
    let validator = validator();
    let head = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\n";
    let good =
        format!("{head}identity: {{ header: x-agent-id }}\nagents: {{ a: {{}} }}\ntools: {{ t: {{ agents: [a] }} }}\n");
    assert!(validator.is_valid(&as_json(&good).unwrap()));
    for (from, to) in [
        ("agents: [a]", "agent: [a]"),
        ("agents: [a]", "agents: a"),
        ("agents: [a]", "agents: [[a]]"),
        ("agents: [a]", "agents:"),
        ("agents: [a]", "rate: 60"),
        ("agents: [a]", "rate: 60/week"),
        ("agents: [a]", "rate:"),
        ("agents: [a]", "rate: { burst: 5 }"),
        ("agents: [a]", "rate: { limit: 5/day, burst: 0 }"),
        ("agents: [a]", "quota: 60/second"),
        ("agents: [a]", "quota: { limit: 5/day, burst: 1 }"),
        ("agents: [a]", "mode: monitor"),
        ("agents: [a]", "body_limit: 0"),
        ("agents: [a]", "body_limit: 5000000"),
        ("agents: [a]", "body_limit: 64kb"),
        ("agents: [a]", "arguments: { max_string_length: '5' }"),
        ("agents: [a]", "arguments: { max_string_length: 1.5 }"),
        ("agents: [a]", "arguments: { blocked: [''] }"),
        ("agents: [a]", "arguments: { schema: schemas/search.json }"),
        ("agents: [a]", "arguments: { schema: [] }"),
        ("agents: [a]", "arguments: { schema: }"),
        ("agents: [a]", "arguments: { schema_file: {} }"),
        ("identity", "schemas: { a b: {} }\nidentity"),
        ("identity", "schemas: { a: [] }\nidentity"),
        ("identity", "schema_format: assert\nidentity"),
        ("agents: [a]", "audit: { redact: [x] }"),
        ("a: {}", "a: { mode: enforce }"),
        ("a: {}", "'a b': {}"),
        ("a: {}", "unknown: {}"),
        ("t: {", "a/b: {"),
        ("t: {", "..: {"),
        ("x-agent-id", "host"),
        ("x-agent-id", "x-envoy-agent"),
        ("x-agent-id", "X-Agent"),
        ("toolgate.dev/v1", "toolgate.dev/v2"),
        ("ToolPolicy", "Policy"),
        ("identity", "identities"),
    ] {
        let source = good.replacen(from, to, 1);
        assert_ne!(source, good);
        assert!(!validator.is_valid(&as_json(&source).unwrap()), "{to}");
        let errors = compile_with("p", source.as_bytes(), &Beside).diagnostics;
        assert!(errors.iter().any(|found| found.severity() == Severity::Error), "{to}");
    }
}
