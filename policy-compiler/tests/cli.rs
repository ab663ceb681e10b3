//! The command line as its users meet it: the built binary, its exit codes, streams and files.
//!
//! In: arguments, files and standard input. Out: what the binary did with them.
//! The words of findings are tested in `diagnostics.rs`.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

const GOOD: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\nagents: { a: {} }\ntools: { t: { agents: [a] } }\n";
const WARNED: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\nagents: { a: {} }\ntools: { t: { agents: [a], mode: shadow } }\n";
const BAD: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\nagents: { a: {} }\ntools: { t: { agents: [b] } }\n";

/// A folder of its own, with the three policies in it.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in [("good.yaml", GOOD), ("warned.yaml", WARNED), ("bad.yaml", BAD)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_policy-compiler"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let Output { status, stdout, stderr } = output;
        Self {
            code: status.code().unwrap(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    command(folder, arguments).output().unwrap().into()
}

fn run_with_input(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut child =
        command(folder, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_clean_policy_ends_with_zero_and_an_empty_standard_output() {
    let folder = folder();
    let ran = run(folder.path(), &["check", "good.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert!(ran.stderr.contains("note[TG050]") && ran.stderr.ends_with("good.yaml: clean\n"), "{}", ran.stderr);
}

#[test]
fn findings_end_with_one_and_stand_on_standard_error() {
    let folder = folder();
    let ran = run(folder.path(), &["check", "bad.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("error[TG022]") && ran.stderr.contains("bad.yaml:5:24"), "{}", ran.stderr);
}

#[test]
fn warnings_are_findings_only_if_they_are_denied() {
    let folder = folder();
    for verb in ["check", "pack"] {
        assert_eq!(run(folder.path(), &[verb, "warned.yaml"]).code, 0, "{verb}");
        assert_eq!(run(folder.path(), &[verb, "--deny-warnings", "warned.yaml"]).code, 1, "{verb}");
        assert_eq!(run(folder.path(), &[verb, "--deny-warnings", "good.yaml"]).code, 0, "{verb}: notes never count");
    }
}

#[test]
fn several_policies_are_checked_in_one_run() {
    let folder = folder();
    let ran = run(folder.path(), &["check", "bad.yaml", "good.yaml", "warned.yaml"]);
    assert_eq!(ran.code, 1);
    for line in ["bad.yaml: 1 error\n", "good.yaml: clean\n", "warned.yaml: 1 warning\n"] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
}

#[test]
fn a_file_that_cannot_be_read_ends_with_two_after_the_others_were_checked() {
    let folder = folder();
    let ran = run(folder.path(), &["check", "none.yaml", "bad.yaml", "nothing.yaml"]);
    assert_eq!(ran.code, 2);
    for part in ["bad.yaml: 1 error", "cannot read `none.yaml`", "cannot read `nothing.yaml`"] {
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
    assert_eq!(run(folder.path(), &["check", "."]).code, 2);
    assert_eq!(run(folder.path(), &["pack", "none.yaml"]).code, 2);
    assert_eq!(run(folder.path(), &["inspect", "none.json"]).code, 2);
}

#[test]
fn a_wrong_command_line_ends_with_two() {
    let folder = folder();
    for arguments in
        [&["check"][..], &["pack"], &["pack", "a", "b"], &["chek", "good.yaml"], &["check", "--no", "x"], &[]]
    {
        let ran = run(folder.path(), arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains("Usage"), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn findings_for_programs_are_one_document_on_standard_output() {
    let folder = folder();
    let ran = run(folder.path(), &["check", "--format", "json", "bad.yaml", "warned.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["format"], 1);
    assert_eq!((&document["errors"], &document["warnings"], &document["notes"]), (&1.into(), &1.into(), &2.into()));
    let found = document["diagnostics"].as_array().unwrap().iter().find(|found| found["code"] == "TG022").unwrap();
    let wanted = serde_json::json!({
        "code": "TG022",
        "severity": "error",
        "message": "the agent `b` is not declared",
        "file": "bad.yaml",
        "span": {
            "start": { "line": 5, "column": 24, "offset": 119 },
            "end": { "line": 5, "column": 25, "offset": 120 },
        },
        "labels": [],
        "help": "declare it under `agents`",
        "did_you_mean": null,
    });
    assert_eq!(found, &wanted);
}

#[test]
fn a_packed_policy_is_one_line_and_its_size_is_said_beside_it() {
    let folder = folder();
    let ran = run(folder.path(), &["pack", "warned.yaml"]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.stdout.matches('\n').count(), 1);
    let config: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&config["format"], &config["hold_headers"]), (&2.into(), &false.into()));
    let size = format!("{} bytes, 0 % of what a Kubernetes object holds", ran.stdout.trim_end().len());
    assert!(ran.stderr.contains("warning[TG046]") && ran.stderr.contains(&size), "{}", ran.stderr);
    assert_eq!(run(folder.path(), &["pack", "warned.yaml"]).stdout, ran.stdout, "the same bytes each time");
}

#[test]
fn holding_headers_changes_the_setting_and_not_the_policy() {
    let folder = folder();
    let of = |arguments: &[&str]| -> Value { serde_json::from_str(&run(folder.path(), arguments).stdout).unwrap() };
    let (free, held) = (of(&["pack", "good.yaml"]), of(&["pack", "--hold-headers", "good.yaml"]));
    assert_eq!(held["hold_headers"], true);
    assert_eq!((&free["digest"], &free["policy"]), (&held["digest"], &held["policy"]));
}

#[test]
fn nothing_is_packed_unless_the_policy_is_good() {
    let folder = folder();
    fs::write(folder.path().join("out.json"), "old").unwrap();
    for arguments in [
        &["pack", "bad.yaml"][..],
        &["pack", "bad.yaml", "-o", "out.json"],
        &["pack", "--deny-warnings", "warned.yaml", "-o", "out.json"],
        &["pack", "none.yaml", "-o", "out.json"],
    ] {
        let ran = run(folder.path(), arguments);
        assert!(ran.code > 0 && ran.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("out.json")).unwrap(), "old");
}

#[test]
fn standard_input_and_output_are_called_by_a_hyphen() {
    let folder = folder();
    let packed = run(folder.path(), &["pack", "good.yaml"]).stdout;
    assert_eq!(run_with_input(folder.path(), &["pack", "-", "-o", "-"], GOOD).stdout, packed);
    let ran = run_with_input(folder.path(), &["check", "-"], BAD);
    assert!(ran.code == 1 && ran.stderr.contains("<stdin>:5:24"), "{}", ran.stderr);
    assert_eq!(run_with_input(folder.path(), &["inspect", "-"], &packed).code, 0);
}

#[test]
fn a_file_is_replaced_in_one_step_and_nothing_is_left_beside_it() {
    let folder = folder();
    let out = folder.path().join("out.json");
    let before = files(folder.path());
    let ran = run(folder.path(), &["pack", "good.yaml", "-o", "out.json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(&out).unwrap(), run(folder.path(), &["pack", "good.yaml"]).stdout);
    // An open reader keeps the whole old file, since the new one takes its name and not its place.
    let mut old = fs::File::open(&out).unwrap();
    assert_eq!(run(folder.path(), &["pack", "warned.yaml", "-o", "out.json"]).code, 0);
    let mut text = String::new();
    old.read_to_string(&mut text).unwrap();
    assert_eq!(text, run(folder.path(), &["pack", "good.yaml"]).stdout);
    assert_ne!(fs::read_to_string(&out).unwrap(), text);
    let mut after = files(folder.path());
    after.retain(|file| *file != out);
    assert_eq!(after, before);
}

#[test]
fn a_file_that_cannot_be_written_ends_with_two_and_leaves_nothing() {
    let folder = folder();
    let before = files(folder.path());
    let ran = run(folder.path(), &["pack", "good.yaml", "-o", "none/out.json"]);
    assert!(ran.code == 2 && ran.stderr.contains("cannot write `none/out.json`"), "{}", ran.stderr);
    fs::create_dir(folder.path().join("taken")).unwrap();
    assert_eq!(run(folder.path(), &["pack", "good.yaml", "-o", "taken"]).code, 2);
    fs::remove_dir(folder.path().join("taken")).unwrap();
    assert_eq!(files(folder.path()), before);
}

#[cfg(unix)]
#[test]
fn a_new_file_can_be_read_by_whom_the_mask_allows_and_an_old_one_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(run(folder.path(), &["pack", "good.yaml", "-o", "out.json"]).code, 0);
    assert_eq!(mode("out.json"), mode("good.yaml"));
    fs::set_permissions(folder.path().join("out.json"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run(folder.path(), &["pack", "good.yaml", "-o", "out.json"]).code, 0);
    assert_eq!(mode("out.json"), 0o600);
}

#[test]
fn inspect_shows_who_may_call_what_and_how_often() {
    let folder = folder();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy/policy.yaml");
    assert_eq!(run(folder.path(), &["pack", "--hold-headers", sample, "-o", "sample.json"]).code, 0);
    let shown = run(folder.path(), &["inspect", "sample.json"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    for part in
        ["sample", "sha256:", "--hold-headers", "readers (group)", "200/day for all", "shadow", "2000/day over web"]
    {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let report: Value =
        serde_json::from_str(&run(folder.path(), &["inspect", "--format", "json", "sample.json"]).stdout).unwrap();
    let config: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("sample.json")).unwrap()).unwrap();
    assert_eq!(report["digest"], config["digest"]);
    assert_eq!(report["hold_headers"], true);
    let search = &report["tools"][0];
    assert_eq!(search["name"], "search");
    assert_eq!(
        search["grants"][0],
        serde_json::json!({ "kind": "group", "name": "readers", "rule": "/tools/search/groups/0" })
    );
    assert_eq!(search["limits"][0]["limit"], "60/minute");
    assert_eq!(search["limits"][0]["rule"], "/tools/search/rate");
}

#[test]
fn a_report_says_what_each_automaton_costs_and_where_it_is_used() {
    let folder = folder();
    let policy = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\nagents: { a: {} }\n\
        defaults: { arguments: { blocked: [rm -rf] } }\ntools:\n  t: { agents: [a] }\n  \
        u: { agents: [a], arguments: { blocked: [{ regex: 'x+y', at: /z }] } }\n";
    let packed = run_with_input(folder.path(), &["pack", "-"], policy).stdout;
    let shown = run_with_input(folder.path(), &["inspect", "-"], &packed).stdout;
    assert!(shown.contains("PATTERNS") && shown.contains("/defaults/arguments/blocked/0"), "{shown}");
    let report = run_with_input(folder.path(), &["inspect", "-", "--format", "json"], &packed).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let [everywhere, one] = report["automata"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&everywhere["tools"], &one["tools"]), (&2.into(), &1.into()));
    assert_eq!(everywhere["states"], 7, "one for each letter, and one for what is found");
    assert!(one["bytes"].as_u64() > Some(0) && one["packed_bytes"].as_u64() > Some(0), "{one}");
    let lists = serde_json::json!([{ "at": "/z", "rules": ["/tools/u/arguments/blocked/0"] }]);
    assert_eq!(one["lists"], lists);
}

#[test]
fn inspect_says_what_is_wrong_with_a_config_that_the_filter_would_refuse() {
    let folder = folder();
    let packed = run(folder.path(), &["pack", "good.yaml"]).stdout;
    let digest = packed.replacen("sha256:", "sha256:0", 1);
    for (input, why) in [
        (GOOD, "not a packed policy"),
        ("", "not a packed policy"),
        ("{}", "not a packed policy"),
        (&packed.replace("\"format\":2", "\"format\":3"), "format 3, this build reads format 2"),
        (&packed.replace("\"policy\":\"", "\"policy\":\"!"), "damaged"),
        (&digest, "digest"),
    ] {
        let ran = run_with_input(folder.path(), &["inspect", "-"], input);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{input}");
        assert!(ran.stderr.contains(why) && ran.stderr.contains("help: "), "{}", ran.stderr);
    }
}

#[test]
fn init_writes_a_policy_that_checks_and_replaces_none_unless_told_to() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["init"]).code, 0);
    assert_eq!(run(folder.path(), &["check", "--deny-warnings", "policy.yaml"]).code, 0);
    let first = fs::read_to_string(folder.path().join("policy.yaml")).unwrap();
    fs::write(folder.path().join("policy.yaml"), "mine").unwrap();
    let ran = run(folder.path(), &["init"]);
    assert!(ran.code == 2 && ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(folder.path().join("policy.yaml")).unwrap(), "mine");
    assert_eq!(run(folder.path(), &["init", "--force"]).code, 0);
    assert_eq!(fs::read_to_string(folder.path().join("policy.yaml")).unwrap(), first);
    let printed = run(folder.path(), &["init", "-o", "-"]);
    assert_eq!((printed.code, printed.stdout), (0, first));
}

#[test]
fn the_schema_and_the_completions_are_products() {
    let folder = folder();
    let schema = run(folder.path(), &["schema"]);
    assert_eq!((schema.code, schema.stderr.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&schema.stdout).unwrap(), policy_compiler::schema());
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(folder.path(), &["completions", shell]);
        assert_eq!((script.code, script.stderr.as_str()), (0, ""));
        assert!(script.stdout.contains("deny-warnings"), "{shell}");
    }
}

#[test]
fn colours_are_for_terminals_and_for_whoever_asks() {
    let folder = folder();
    let coloured = |arguments: &[&str]| run(folder.path(), arguments).stderr.contains('\u{1b}');
    assert!(!coloured(&["check", "bad.yaml"]));
    assert!(!coloured(&["check", "--color", "never", "bad.yaml"]));
    assert!(coloured(&["check", "--color", "always", "bad.yaml"]));
    assert!(!coloured(&["check", "none.yaml"]));
    assert!(coloured(&["--color", "always", "check", "none.yaml"]));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = folder();
    // The completions are longer than what a pipe holds, so that the binary meets the closed pipe.
    for arguments in [&["completions", "bash"][..], &["schema"], &["pack", "good.yaml"], &["check", "bad.yaml"]] {
        let mut child =
            command(folder.path(), arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 1)) && !stderr.contains("panicked"), "{arguments:?}: {code:?} {stderr}");
    }
    let mut child = command(folder.path(), &["check", "bad.yaml"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
