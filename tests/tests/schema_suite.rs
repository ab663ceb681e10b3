//! The official JSON Schema test suite, through the whole way of a schema: compiled, packed, loaded and run.
//!
//! The required tests of 2020-12 and draft-07 must all pass. The optional ones are listed with their results in
//! `docs/schema-suite.md`, which `UPDATE=1` writes anew.

#![cfg(test)]

use policy_compiler::schema::{Document, Draft, Json, Options, Unknown, compile};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};
use toolgate_engine::{
    json::{self, Bounds, Numbers},
    schema::{Program, Schemas},
};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema-suite.md");

/// A dialect, and what the suite calls it.
struct Dialect {
    folder: &'static str,
    draft: Draft,
}

const DIALECTS: [Dialect; 2] =
    [Dialect { folder: "draft2020-12", draft: Draft::Draft202012 }, Dialect { folder: "draft7", draft: Draft::Draft7 }];

fn suite() -> PathBuf {
    let path = std::env::var_os("TOOLGATE_SCHEMA_SUITE")
        .expect("TOOLGATE_SCHEMA_SUITE must name the folder of the suite: run this test with `tests/run corpus`");
    PathBuf::from(path)
}

fn read(path: &Path) -> Json {
    Json::read(&fs::read(path).unwrap()).unwrap_or_else(|malformed| panic!("{}: {malformed}", path.display()))
}

/// All JSON files below a folder, by their paths from there.
fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(inner, path)| (format!("{name}/{inner}"), path)));
        } else if name.ends_with(".json") {
            found.insert(name, path);
        }
    }
    found
}

/// What the suite serves at its own address, and the metaschemas.
fn given_documents() -> Vec<Document> {
    use referencing::meta;
    let remotes = files(&suite().join("remotes"))
        .into_iter()
        .map(|(name, path)| Document { uri: format!("http://localhost:1234/{name}"), root: read(&path) });
    let metaschemas = [
        &meta::DRAFT7,
        &meta::DRAFT202012,
        &meta::DRAFT202012_CORE,
        &meta::DRAFT202012_APPLICATOR,
        &meta::DRAFT202012_UNEVALUATED,
        &meta::DRAFT202012_VALIDATION,
        &meta::DRAFT202012_META_DATA,
        &meta::DRAFT202012_FORMAT_ANNOTATION,
        &meta::DRAFT202012_FORMAT_ASSERTION,
        &meta::DRAFT202012_CONTENT,
    ];
    let metaschemas = metaschemas.into_iter().map(|metaschema| {
        let id = metaschema.get("$id").and_then(serde_json::Value::as_str).unwrap();
        Document { uri: id.trim_end_matches('#').to_owned(), root: Json::from(serde_json::Value::clone(metaschema)) }
    });
    remotes.chain(metaschemas).collect()
}

/// Compiles, packs and loads a schema.
fn load(schema: &Json, dialect: &Dialect, given: &[Document], assert_formats: bool) -> Result<Schemas, String> {
    let uri = "https://suite.invalid/schema.json".to_owned();
    let mut documents = given.to_vec();
    documents.push(Document { uri: uri.clone(), root: schema.clone() });
    let draft = dialect.draft;
    let options = Options { unknown: Unknown::Ignore, assert_formats, draft, ..Options::default() };
    let compiled = compile(&documents, &[uri], options).map_err(|findings| {
        findings
            .iter()
            .map(|finding| format!("{}: {}", finding.pointer, finding.message))
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    let packed = postcard::to_allocvec(&compiled.program).unwrap();
    let program: Program = postcard::from_bytes(&packed).unwrap();
    assert_eq!(program, compiled.program, "what was packed is what is loaded");
    Ok(Schemas::try_from(program).unwrap())
}

/// Whether a value holds, and by which keyword it does not.
fn holds(schemas: &Schemas, data: &Json) -> Result<(), String> {
    let mut text = String::new();
    data.write(&mut text);
    let bounds = Bounds { depth: 128, values: 1_000_000, numbers: Numbers::Any };
    let document = json::Document::read(text.as_bytes(), bounds).unwrap();
    let verdict = schemas.run(0, document.root());
    if let Err(failure) = &verdict {
        assert_ne!(failure.keyword, "budget", "no test of the suite is long: {failure:?}");
        assert!(data.at(&failure.pointer).is_some(), "{failure:?} points into {text}");
    }
    verdict.map_err(|failure| format!("{failure:?}"))
}

/// What became of the tests of one file.
#[derive(Default)]
struct Tally {
    passed: usize,
    /// Names of those that failed, with what went wrong.
    failed: Vec<(String, String)>,
    /// Names of groups whose schema is refused, with how many tests they have and why.
    refused: Vec<(String, usize, String)>,
}

impl Tally {
    fn count(&self) -> usize {
        let refused: usize = self.refused.iter().map(|(_, tests, _)| tests).sum();
        self.passed + self.failed.len() + refused
    }

    fn problems(&self) -> impl Iterator<Item = String> {
        let refused = self
            .refused
            .iter()
            .map(|(group, tests, why)| format!("{group} (all {tests} tests): the schema is refused: {why}"));
        refused.chain(self.failed.iter().map(|(test, problem)| format!("{test}: {problem}")))
    }
}

fn run_file(path: &Path, dialect: &Dialect, given: &[Document], assert_formats: bool) -> Tally {
    let mut tally = Tally::default();
    for group in read(path).elements() {
        let text = |json: &Json, name: &str| json.get(name).and_then(Json::as_str).unwrap().to_owned();
        let tests = group.get("tests").unwrap().elements();
        let name = text(group, "description");
        let schemas = match load(group.get("schema").unwrap(), dialect, given, assert_formats) {
            Ok(schemas) => schemas,
            Err(refused) => {
                tally.refused.push((name, tests.len(), refused));
                continue;
            }
        };
        for test in tests {
            let wanted = test.get("valid") == Some(&Json::Boolean(true));
            let problem = match holds(&schemas, test.get("data").unwrap()) {
                Ok(()) if wanted => None,
                Err(_) if !wanted => None,
                Ok(()) => Some("holds, and should not".to_owned()),
                Err(failure) => Some(format!("should hold: {failure}")),
            };
            match problem {
                None => tally.passed += 1,
                Some(problem) => tally.failed.push((format!("{name}: {}", text(test, "description")), problem)),
            }
        }
    }
    tally
}

/// All files of a dialect; the optional ones apart.
fn run_dialect(dialect: &Dialect) -> [BTreeMap<String, Tally>; 2] {
    let given = given_documents();
    let mut tallies = [BTreeMap::new(), BTreeMap::new()];
    for (name, path) in files(&suite().join("tests").join(dialect.folder)) {
        let formats = name.starts_with("optional/format/");
        let tally = run_file(&path, dialect, &given, formats);
        tallies[usize::from(name.starts_with("optional/"))].insert(name, tally);
    }
    tallies
}

fn table(dialects: &[(&Dialect, [BTreeMap<String, Tally>; 2])]) -> String {
    let mut text = String::from(
        "# The JSON Schema test suite\n\n\
         Written by `tests/tests/schema_suite.rs` (with `UPDATE=1`): do not edit. The suite comes with the source of \
         the Python package `jsonschema`, see `tests/tools.py`. Every test goes through compile, pack, load and run.\n",
    );
    for (dialect, [required, optional]) in dialects {
        let sum = |tallies: &BTreeMap<String, Tally>| {
            let passed: usize = tallies.values().map(|tally| tally.passed).sum();
            (passed, tallies.values().map(Tally::count).sum::<usize>())
        };
        let (passed, all) = sum(required);
        writeln!(text, "\n## {}\n\nRequired: {passed} of {all} pass.", dialect.folder).unwrap();
        let (passed, all) = sum(optional);
        writeln!(text, "Optional: {passed} of {all} pass; formats are asserted.\n\n| optional file | passed | of |\n|---|---:|---:|").unwrap();
        for (name, tally) in optional {
            let name = name.trim_start_matches("optional/");
            writeln!(text, "| {name} | {} | {} |", tally.passed, tally.count()).unwrap();
        }
        writeln!(text, "\nOptional tests that do not pass:\n").unwrap();
        for (name, tally) in optional {
            for problem in tally.problems() {
                writeln!(text, "- {}: {problem}", name.trim_start_matches("optional/")).unwrap();
            }
        }
    }
    text
}

#[test]
fn all_required_tests_pass_and_the_optional_ones_are_listed() {
    let dialects: Vec<_> = DIALECTS.iter().map(|dialect| (dialect, run_dialect(dialect))).collect();
    let mut failed = Vec::new();
    for (dialect, [required, _]) in &dialects {
        assert!(required.len() > 30, "the suite is not whole: {} files of {}", required.len(), dialect.folder);
        for (file, tally) in required {
            failed.extend(tally.problems().map(|problem| format!("{}/{file}: {problem}", dialect.folder)));
        }
    }
    assert!(failed.is_empty(), "{} required tests fail:\n{}", failed.len(), failed.join("\n"));
    let table = table(&dialects);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(TABLE, &table).unwrap();
    }
    let kept = fs::read_to_string(TABLE).unwrap_or_default();
    assert_eq!(kept, table, "docs/schema-suite.md is stale: run this test with UPDATE=1");
}
