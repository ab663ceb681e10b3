//! The words for people, as golden files: `tests/diagnostics/<code>-<what>.yaml` and what is said about it.
//!
//! In: those files. Out: whether what is said is what the `.stderr` beside it says; `UPDATE=1` rewrites them.
//! What spans mean in bytes and columns is tested in `spans.rs`.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use policy_compiler::{
    Packing, Source, compile_with,
    diagnostic::{Code, Diagnostic, Severity, human},
    files::{Files, ReadFile, Unread},
    pack_with,
    render::{Target, Text, render},
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};
use toolgate_engine::bundle::Deployment;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/diagnostics")
}

/// The files that the policies name: those of `tests/diagnostics/schemas`.
struct Beside;

impl Files for Beside {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unread> {
        fs::read(folder().join(path)).map_err(|_| Unread::Missing)
    }
}

/// All policies of the folder, by name.
fn policies() -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    names.into_iter().map(|name| (name.clone(), fs::read(folder().join(name)).unwrap())).collect()
}

/// Whether it is no policy, but what `render` must know besides one.
fn is_values(source: &[u8]) -> bool {
    String::from_utf8_lossy(source).contains("\nkind: RenderValues\n")
}

/// The policy that all values are for.
const POLICY_OF_VALUES: &[u8] = b"apiVersion: toolgate.dev/v1
kind: ToolPolicy
identity:
  - jwt: { provider: keycloak, agent: azp }
  - mtls: uri_san
  - api_key: { header: x-client-id }
  - header: x-agent-id
agents: { dev-agent: {} }
tools: { search: { agents: [dev-agent] }, fetch: { agents: [dev-agent] } }
";

/// One whose limits are counted over all Envoys, by so many rules.
fn counted_by(rules: u32) -> Vec<u8> {
    let limited = (1..=rules)
        .map(|at| format!(", t{at}: {{ agents: [dev-agent], quota: {{ limit: {at}/day, scope: global }} }}"));
    let tools = format!("fetch: {{ agents: [dev-agent] }}{}", limited.collect::<String>());
    String::from_utf8_lossy(POLICY_OF_VALUES).replace("fetch: { agents: [dev-agent] }", &tools).into_bytes()
}

/// One with MCP servers, of which one has a host that no route can have.
fn with_servers() -> Vec<u8> {
    let servers = "servers:
  github: { path: /mcp/github, tools: { create_issue: { agents: [dev-agent] } } }
  notes: { path: /mcp/notes, host: 192.0.2.7, tools: { read_note: { agents: [dev-agent] } } }
";
    [POLICY_OF_VALUES, servers.as_bytes()].concat()
}

/// What is said of values. Those named `static-…` are for an Envoy alone, those named `counted-…` for global limits, and those
/// named `mcp-…` for a policy with servers.
fn told_of_values(name: &str, source: &[u8]) -> Vec<Diagnostic> {
    let policy = match (name.contains("counted"), name.contains("too-many")) {
        _ if name.contains("mcp") => with_servers(),
        (false, _) => POLICY_OF_VALUES.to_vec(),
        (true, false) => counted_by(1),
        (true, true) => counted_by(257),
    };
    let policy = Text { name: "policy.yaml", bytes: &policy };
    let target = if name.contains("static") { Target::Envoy } else { Target::Kubernetes };
    let rendered = render(policy, &Beside, Text { name, bytes: source }, target).unwrap();
    let errors = rendered.values.iter().any(|found| found.severity() == Severity::Error);
    assert_eq!(rendered.manifests.is_empty(), errors, "{name}");
    // Hardly any case sets up all sources; only the case that is named so shows it.
    let shown = |found: &Diagnostic| found.code != Code::UnsetSource || name.starts_with(found.code.id());
    rendered.values.into_iter().filter(shown).collect()
}

/// Each policy has the same note; only the case that is named after a note shows it.
fn told(name: &str, source: &[u8]) -> (Vec<Diagnostic>, Vec<ReadFile>) {
    if is_values(source) {
        return (told_of_values(name, source), Vec::new());
    }
    let hold_headers = !name.starts_with(Code::HeadersNotHeld.id());
    let packing = pack_with(name, source, &Beside, Deployment { hold_headers }).unwrap();
    let Packing { config: _, mut diagnostics, files } = packing;
    diagnostics.retain(|found| found.severity() != Severity::Note || name.starts_with(found.code.id()));
    (diagnostics, files)
}

/// How it differs from a golden file, which is written first if that is asked for.
fn difference(name: &str, told: &str) -> Option<String> {
    let path = folder().join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, told).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_else(|error| format!("{}: {error}", path.display()));
    (wanted != told).then(|| format!("--- {name}: wanted\n{wanted}\n--- {name}: told\n{told}"))
}

/// Policies that are too large for a file of their own.
fn large() -> Vec<(&'static str, Vec<u8>)> {
    let head = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n";
    let names = |what: &str, count: usize| -> Vec<String> { (0..count).map(|at| format!("{what}{at}")).collect() };
    let many = {
        let (agents, tools) = (names("a", 1100), names("t", 1000));
        let declare = |names: &[String]| names.iter().map(|name| format!("  {name}: {{}}\n")).collect::<String>();
        let web =
            format!("tool_groups: {{ web: {{ tools: [{}], agents: [{}] }} }}\n", tools.join(","), agents.join(","));
        format!("{head}agents:\n{}tools:\n{}{web}", declare(&agents), declare(&tools))
    };
    let packed = |bytes: usize| {
        let name = hex(&noise(bytes));
        format!("{head}metadata: {{ name: x{name} }}\nagents: {{ a: {{}} }}\ntools: {{ t: {{ agents: [a] }} }}\n")
    };
    vec![
        ("TG002-too-large", vec![b'#'; policy_compiler::MAX_SOURCE_BYTES + 1]),
        (
            "TG009-too-many-findings",
            format!("{head}agents: {{ a: {{}} }}\ntools: {{ t: {{ agents: [{}] }} }}\n", "a,".repeat(100_002))
                .into_bytes(),
        ),
        ("TG060-nearly-too-large", packed(500_000).into_bytes()),
        ("TG061-packed-too-large", packed(800_000).into_bytes()),
        ("TG062-unfolds", many.into_bytes()),
    ]
}

/// Bytes that do not compress, the same in each run.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[7]
    };
    (0..count).map(|_| next()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a case, its policy, what is told about it, and the files that were read for it.
type Case = (String, Vec<u8>, Vec<Diagnostic>, Vec<ReadFile>);

/// All cases, computed once for all tests.
fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let small = policies().into_iter().map(|(name, source)| {
            let (told, files) = told(&name, &source);
            (name, source, told, files)
        });
        // Of the large ones, only what they are named after is told.
        let large = large().into_iter().map(|(name, source)| {
            let name = format!("{name}.yaml");
            let (mut told, files) = told(&name, &source);
            told.retain(|found| name.starts_with(found.code.id()));
            (name, source, told, files)
        });
        small.chain(large).collect()
    })
}

#[test]
fn each_finding_is_told_in_the_agreed_words() {
    let mut differences = Vec::new();
    for (name, source, told, files) in cases() {
        let text = human::render_with(told, &Source::new(name, source), files, human::Colour::Never);
        differences.extend(difference(&name.replace(".yaml", ".stderr"), &text));
    }
    assert!(differences.is_empty(), "{}\nUPDATE=1 rewrites the files; review them as a diff", differences.join("\n"));
}

#[test]
fn a_case_is_named_after_what_it_finds() {
    for (name, _, told, _) in cases() {
        if name.starts_with("clean-") {
            assert!(told.is_empty(), "{name}: {told:?}");
            continue;
        }
        let named = name.starts_with("several-") || told.iter().any(|found| name.starts_with(found.code.id()));
        assert!(named, "{name}: {told:?}");
    }
}

#[test]
fn every_code_has_a_case() {
    let found: BTreeSet<Code> =
        cases().iter().flat_map(|(_, _, told, _)| told.iter().map(|found| found.code)).collect();
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !found.contains(code)).map(|code| code.id()).collect();
    assert!(missing.is_empty(), "without a case: {missing:?}");
}

#[test]
fn no_golden_file_is_left_over() {
    let cases: BTreeSet<String> = cases().iter().map(|(name, ..)| name.replace(".yaml", "")).collect();
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names.filter(|name| name != ".gitattributes" && name != "schemas") {
        let (stem, ending) = name.rsplit_once('.').unwrap();
        assert!(cases.contains(stem) && ["yaml", "stderr"].contains(&ending), "{name}");
    }
}

#[test]
fn a_policy_without_errors_has_a_bundle_and_one_with_errors_has_none() {
    for (name, source) in policies().into_iter().filter(|(_, source)| !is_values(source)) {
        let compiled = compile_with(&name, &source, &Beside);
        let errors = compiled.diagnostics.iter().any(|found| found.severity() == Severity::Error);
        assert_eq!(compiled.bundle.is_none(), errors, "{name}");
    }
}
