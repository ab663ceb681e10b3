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
    assert_eq!((&config["format"], &config["hold_headers"]), (&5.into(), &false.into()));
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
    for part in [
        "sample",
        "sha256:",
        "jwt keycloak (agent /azp, user /sub, tools /scope, after tool:), then mtls uri_san",
        "--hold-headers",
        "readers (group)",
        "200/day for all",
        "shadow",
        "2000/day over web",
        "dev-agent, support-agent (only: blocked 1), readers (group) (only: strings 20)",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let report: Value =
        serde_json::from_str(&run(folder.path(), &["inspect", "--format", "json", "sample.json"]).stdout).unwrap();
    let config: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("sample.json")).unwrap()).unwrap();
    assert_eq!(report["digest"], config["digest"]);
    assert_eq!(report["hold_headers"], true);
    let token = serde_json::json!({
        "kind": "jwt", "name": "keycloak", "agent": "/azp", "user": "/sub", "tools": "/scope", "scope_prefix": "tool:"
    });
    assert_eq!(report["identity"][0], token);
    assert_eq!(report["identity"][3], serde_json::json!({ "kind": "header", "name": "x-agent-id" }));
    let search = &report["tools"][0];
    assert_eq!(search["name"], "search");
    assert_eq!(
        search["grants"][0],
        serde_json::json!({ "kind": "group", "name": "readers", "rule": "/tools/search/groups/0", "narrowing": null })
    );
    let read_ticket = &report["tools"][4]["grants"][2];
    assert_eq!(read_ticket["rule"], "/tools/read_ticket/groups/0");
    assert_eq!(read_ticket["narrowing"], serde_json::json!({ "schemas": 0, "max_string_length": 20, "blocked": 0 }));
    assert_eq!(search["limits"][0]["limit"], "60/minute");
    assert_eq!(search["limits"][0]["rule"], "/tools/search/rate");
}

#[test]
fn inspect_shows_which_limits_are_counted_globally() {
    let folder = folder();
    let policy = GOOD.replace("tools: { t: {", "global_limits: { unanswered: allow }\ntools: { t: { rate: 5/minute, quota: { limit: 9/day, per: all, scope: global },");
    let refused = run_with_input(folder.path(), &["pack", "-"], &policy);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("error[TG057]"), "{}", refused.stderr);
    let packed = run_with_input(folder.path(), &["pack", "--hold-headers", "-"], &policy).stdout;
    let shown = run_with_input(folder.path(), &["inspect", "-"], &packed).stdout;
    assert!(shown.contains("5/minute burst 5, 9/day for all globally"), "{shown}");
    assert!(shown.contains("globally  allow calls for which the rate limit service gives no answer"), "{shown}");
    let json = run_with_input(folder.path(), &["inspect", "--format", "json", "-"], &packed).stdout;
    let report: Value = serde_json::from_str(&json).unwrap();
    let limit = |at: usize| report["tools"][0]["limits"][at].clone();
    assert_eq!((limit(0)["scope"].as_str(), limit(0)["header"].as_str()), (Some("local"), None));
    assert_eq!(limit(1)["scope"], "global");
    assert_eq!(limit(1)["header"], "x-toolgate-tool-9-day");
    assert_eq!((report["unanswered"].as_str(), limit(1)["rule"].as_str()), (Some("allow"), Some("/tools/t/quota")));
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
        (&packed.replace("\"format\":5", "\"format\":6"), "format 6, this build reads format 5"),
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

/// A policy whose tool is held to the schema in a file.
fn naming(file: &str) -> String {
    GOOD.replace("agents: [a]", &format!("agents: [a], arguments: {{ schema_file: '{file}' }}"))
}

/// A folder with policies and their schemas, inside of a folder that no policy may read.
fn schemas() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("policies/schemas")).unwrap();
    for (name, text) in [
        ("outside.json", "{}"),
        ("policies/good.yaml", naming("schemas/good.json").as_str()),
        ("policies/schemas/good.json", r#"{"properties": {"q": {"$ref": "more.json"}}}"#),
        ("policies/schemas/more.json", r#"{"type": "string"}"#),
        ("policies/schemas/broken.json", "{\n  \"type\": \"object\",\n  oops\n}\n"),
        ("policies/schemas/network.json", "{\n  \"$ref\": \"https://example.com/schema.json\"\n}\n"),
        ("policies/schemas/escape.json", "{\n  \"$ref\": \"../../outside.json\"\n}\n"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let large = format!("{{\"title\": \"{}\"}}", "x".repeat(1 << 20));
    fs::write(folder.path().join("policies/schemas/large.json"), large).unwrap();
    folder
}

#[test]
fn schema_files_are_found_beside_the_policy_wherever_the_command_runs() {
    let folder = schemas();
    let from_above = run(folder.path(), &["check", "--deny-warnings", "policies/good.yaml"]);
    assert_eq!((from_above.code, from_above.stdout.as_str()), (0, ""), "{}", from_above.stderr);
    let packed = run(folder.path(), &["pack", "policies/good.yaml"]).stdout;
    assert_eq!(run(&folder.path().join("policies"), &["pack", "good.yaml"]).stdout, packed);
    // Of standard input, the current folder is the policy's.
    let policy = naming("schemas/good.json");
    let ran = run_with_input(&folder.path().join("policies"), &["pack", "-"], &policy);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, packed.as_str()), "{}", ran.stderr);
    let ran = run_with_input(folder.path(), &["check", "-"], &policy);
    assert!(ran.code == 1 && ran.stderr.contains("there is no such file"), "{}", ran.stderr);
}

#[test]
fn a_schema_file_that_is_not_right_is_told_with_its_line_and_nothing_is_packed() {
    let folder = schemas();
    for (file, told) in [
        ("schemas/none.json", "policy.yaml:5:"),
        ("../outside.json", "leads out of the folder of the policy"),
        ("schemas", "it is no file"),
        ("schemas/large.json", "has more than 1048576 bytes"),
        ("schemas/broken.json", "policies/schemas/broken.json:3:3"),
        ("schemas/network.json", "policies/schemas/network.json:2:11"),
        ("schemas/escape.json", "policies/schemas/escape.json:2:11"),
    ] {
        fs::write(folder.path().join("policies/policy.yaml"), naming(file)).unwrap();
        for verb in ["check", "pack"] {
            let ran = run(folder.path(), &[verb, "policies/policy.yaml"]);
            assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{file}");
            assert!(ran.stderr.contains(told), "{file}: {}", ran.stderr);
        }
    }
    let json = run(folder.path(), &["check", "--format", "json", "policies/policy.yaml"]).stdout;
    let document: Value = serde_json::from_str(&json).unwrap();
    let found = document["diagnostics"].as_array().unwrap().iter().find(|found| found["code"] == "TG072").unwrap();
    assert_eq!(found["file"], "policies/schemas/escape.json");
    assert_eq!(found["span"]["start"], serde_json::json!({ "line": 2, "column": 11, "offset": 12 }));
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_a_schema_in_the_folder_and_to_none_outside() {
    use std::os::unix::fs::symlink;
    let folder = schemas();
    let schemas = folder.path().join("policies/schemas");
    symlink("good.json", schemas.join("inner.json")).unwrap();
    symlink("../../outside.json", schemas.join("outer.json")).unwrap();
    symlink(folder.path(), schemas.join("above")).unwrap();
    symlink("/dev/zero", schemas.join("device.json")).unwrap();
    for (file, code) in [("inner.json", 0), ("outer.json", 1), ("above/outside.json", 1), ("device.json", 1)] {
        fs::write(folder.path().join("policies/policy.yaml"), naming(&format!("schemas/{file}"))).unwrap();
        let ran = run(folder.path(), &["check", "policies/policy.yaml"]);
        assert_eq!(ran.code, code, "{file}: {}", ran.stderr);
        assert_eq!(code == 1, ran.stderr.contains("a link in its path leads out"), "{file}: {}", ran.stderr);
    }
}

#[test]
fn inspect_shows_the_schemas_of_a_tool_and_what_they_cost() {
    let folder = schemas();
    assert_eq!(run(folder.path(), &["pack", "policies/good.yaml", "-o", "good.json"]).code, 0);
    let shown = run(folder.path(), &["inspect", "good.json"]).stdout;
    assert!(shown.contains("/tools/t/arguments/schema_file"), "{shown}");
    let report: Value =
        serde_json::from_str(&run(folder.path(), &["inspect", "--format", "json", "good.json"]).stdout).unwrap();
    assert_eq!(report["tools"][0]["schemas"], 1);
    let schemas = &report["schemas"];
    assert_eq!((&schemas["nodes"], &schemas["patterns"]), (&3.into(), &0.into()));
    assert!(schemas["packed_bytes"].as_u64().unwrap() > 10);
    let wanted = serde_json::json!({ "rules": ["/tools/t/arguments/schema_file"], "steps_per_value": 2, "tools": 1 });
    assert_eq!(schemas["entries"][0], wanted);
}

const VALUES: &str = "apiVersion: toolgate.dev/v1\nkind: RenderValues\n\
    filter: { image: x, sha256: 00000000000000000000000000000000000000000000000000000000000000aa }\n\
    upstreams: { tools: { service: tools, port: 8080 } }\nidentity: { trusted_headers: [x-agent-id] }\n";

fn folder_with_values() -> TempDir {
    let folder = folder();
    fs::write(folder.path().join("values.yaml"), VALUES).unwrap();
    folder
}

#[test]
fn render_writes_files_into_a_folder_and_lists_them() {
    let folder = folder_with_values();
    let ran = run(folder.path(), &["render", "--values", "values.yaml", "good.yaml", "-o", "new/manifests"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    let read = |name: &str| fs::read_to_string(folder.path().join("new/manifests").join(name)).unwrap();
    let listed: Vec<String> =
        read("kustomization.yaml").lines().filter_map(|line| Some(line.strip_prefix("  - ")?.to_owned())).collect();
    assert!(listed.len() > 5);
    assert!(listed.iter().all(|name| read(name).starts_with("apiVersion: ")));
}

#[test]
fn render_writes_one_stream_to_standard_output() {
    let folder = folder_with_values();
    let all = run(folder.path(), &["render", "--values", "values.yaml", "good.yaml"]);
    assert_eq!(all.code, 0);
    assert!(all.stdout.contains("\n---\n") && !all.stdout.contains("Kustomization"), "{}", all.stdout);
    let one = run(folder.path(), &["render", "--values", "values.yaml", "good.yaml", "--kind", "gatewayclass"]);
    assert!(one.stdout.contains("kind: GatewayClass") && !one.stdout.contains("---"), "{}", one.stdout);
    let two = run(
        folder.path(),
        &["render", "--values", "values.yaml", "good.yaml", "--kind", "HTTPRoute", "--kind", "Gateway"],
    );
    assert_eq!(two.stdout.matches("\nkind: ").count(), 2, "{}", two.stdout);
    let envoy = run(folder.path(), &["render", "--target", "envoy", "--values", "values.yaml", "good.yaml"]);
    assert!(envoy.stdout.contains("static_resources:"), "{}", envoy.stdout);
}

#[test]
fn render_keeps_what_no_cluster_takes_out_of_the_stream_of_objects_and_says_so() {
    let folder = folder_with_values();
    fs::write(folder.path().join("values.yaml"), format!("{VALUES}strict: true\n")).unwrap();
    let all = run(folder.path(), &["render", "--values", "values.yaml", "good.yaml"]);
    assert!(!all.stdout.contains("kind: EnvoyGateway\n"), "{}", all.stdout);
    assert!(all.stderr.contains("--kind EnvoyGateway"), "{}", all.stderr);
    let own = run(folder.path(), &["render", "--values", "values.yaml", "good.yaml", "--kind", "EnvoyGateway"]);
    assert!(own.stdout.contains("kind: EnvoyGateway\n"), "{}", own.stdout);
}

#[test]
fn render_says_which_kinds_there_are() {
    let folder = folder_with_values();
    let ran = run(folder.path(), &["render", "--values", "values.yaml", "good.yaml", "--kind", "Ingress"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("`Ingress`") && ran.stderr.contains("HTTPRoute"), "{}", ran.stderr);
}

#[test]
fn render_writes_nothing_for_a_policy_or_values_with_errors() {
    let folder = folder_with_values();
    fs::write(folder.path().join("wrong.yaml"), format!("{VALUES}gatewya: {{}}\n")).unwrap();
    for (values, policy, code) in [("values.yaml", "bad.yaml", "TG022"), ("wrong.yaml", "good.yaml", "TG010")] {
        let ran = run(folder.path(), &["render", "--values", values, policy, "-o", "out"]);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains(code) && ran.stderr.contains("nothing rendered"), "{}", ran.stderr);
        assert!(!folder.path().join("out").exists());
    }
    // The values trust a header.
    let ran = run(folder.path(), &["render", "--values", "values.yaml", "good.yaml", "--deny-warnings"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
}
