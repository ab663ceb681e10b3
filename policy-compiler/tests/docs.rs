//! The documents about policies, held to the code.
//!
//! In: `docs/policy.md` and `docs/diagnostics.md`. Out: whether their tables are fresh and their examples are good.
//! `UPDATE=1` rewrites what stands between the markers.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use policy_compiler::{
    compile, compile_with,
    diagnostic::{Code, Severity, json},
    reference, values_reference,
};
use std::{collections::BTreeMap, fs, path::PathBuf};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// Whether `fresh` stands between the markers of a document; with `UPDATE=1`, puts it there.
fn is_fresh(document: &str, what: &str, fresh: &str) -> bool {
    let text = read(document);
    let start = format!("<!-- {what}: written by the tests with UPDATE=1 -->\n");
    let end = format!("<!-- end of {what} -->\n");
    let (before, rest) = text.split_once(&start).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    let wanted = format!("{before}{start}\n{fresh}\n{end}{after}");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path(document), &wanted).unwrap();
    }
    read(document) == wanted
}

/// What is told about the first case of a code: that finding alone, as people see it.
fn example(code: Code) -> String {
    let mut names: Vec<_> = fs::read_dir(path("tests/diagnostics"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(code.id()) && name.ends_with(".stderr"))
        .collect();
    names.sort();
    let told = read(&format!("tests/diagnostics/{}", names.first().unwrap()));
    let header = format!("{}[{}]", code.about().severity.word(), code.id());
    // A finding ends where the next one starts.
    let starts: Vec<_> = told.match_indices("[TG").filter_map(|(at, _)| told.get(..at)?.rfind('\n')).collect();
    let start = told.find(&header).unwrap();
    let end = starts.into_iter().find(|&end| end > start).unwrap_or(told.len());
    told.get(start..end).unwrap().trim_end().to_owned()
}

fn codes() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let about = code.about();
        format!("| [{}](#{}) | {} | {} |\n", about.id, about.id.to_lowercase(), about.severity.word(), about.title)
    });
    let entries = Code::ALL.iter().map(|code| {
        let about = code.about();
        format!(
            "### {}\n\n{}: **{}.** {} {}\n\n```text\n{}\n```\n",
            about.id,
            about.severity.word(),
            about.title,
            about.why,
            about.remedy,
            example(*code)
        )
    });
    let table: String = rows.collect();
    format!("| code | severity | finding |\n| --- | --- | --- |\n{table}\n{}", entries.collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_manual_of_findings_lists_every_code() {
    assert!(is_fresh("docs/diagnostics.md", "codes", &codes()), "UPDATE=1 rewrites docs/diagnostics.md");
}

#[test]
fn the_reference_of_the_language_lists_every_key() {
    assert!(is_fresh("docs/policy.md", "keys", &reference()), "UPDATE=1 rewrites docs/policy.md");
}

#[test]
fn the_reference_of_the_values_lists_every_key() {
    assert!(is_fresh("docs/render.md", "values", &values_reference()), "UPDATE=1 rewrites docs/render.md");
}

#[test]
fn the_examples_of_the_manual_are_policies() {
    let text = read("docs/policy.md");
    let examples: Vec<_> = text.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(examples.len() >= 5);
    for example in examples {
        // An excerpt is completed by what it leaves out.
        let mut policy = example.to_owned();
        for (key, default) in [
            ("apiVersion:", "apiVersion: toolgate.dev/v1\n"),
            ("kind:", "kind: ToolPolicy\n"),
            ("identity:", "identity: { header: x-agent-id }\n"),
            ("agents:", "agents: { research-agent: {}, dev-agent: {} }\n"),
            ("tools:", "tools: { search: { agents: [research-agent] } }\n"),
        ] {
            if !policy.lines().any(|line| line.starts_with(key)) {
                policy.push_str(default);
            }
        }
        let files = BTreeMap::from([("schemas/search.json".to_owned(), "{}".to_owned())]);
        let told = compile_with("example", policy.as_bytes(), &files).diagnostics;
        assert!(told.iter().all(|found| found.severity() != Severity::Error), "{policy}\n{told:?}");
    }
}

#[test]
fn the_example_for_programs_has_the_fields_that_programs_get() {
    let text = read("docs/diagnostics.md");
    let example = text.split("```json\n").nth(1).unwrap().split_once("```").unwrap().0;
    let example: serde_json::Value = serde_json::from_str(example).unwrap();
    let source = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
        agents: { dev-agent: {} }\ntools:\n  search:\n    mode: enforce\n    agents: [dev-agnet]\n";
    let mut told = compile("policy.yaml", source.as_bytes()).diagnostics;
    told.retain(|found| found.severity() == Severity::Error);
    let document: serde_json::Value = serde_json::from_str(&json::render(&told).unwrap()).unwrap();
    assert_eq!(document, example);
}

#[test]
fn each_part_of_the_language_is_used_in_the_sample() {
    let sample = read("envoy/policy.yaml");
    let keys: Vec<_> =
        reference().lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())).collect();
    assert!(keys.len() > 30, "{keys:?}");
    // Global limits need the rate limit service, which whoever tries the sample does not have.
    let wants_a_service = ["global_limits", "unanswered", "scope"];
    for key in keys.iter().filter(|key| !wants_a_service.contains(&key.as_str())) {
        assert!(sample.contains(&format!("{key}:")), "`{key}` is not in the sample policy");
    }
}
