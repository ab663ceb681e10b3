//! Writes what the fuzz targets of `engine/fuzz` start from, made of the cases and of schemas that are there already.
//!
//! In: a folder, with one folder of schemas in it. Out: a folder of files for each target, in the form that it reads.
//! Fuzzes nothing; `tests/fuzz` runs it.

use policy_compiler::{
    regex::{Budget, Pattern, Syntax, compile_all},
    schema::{Document, Json, Options, Unknown, compile},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use toolgate_corpus::{CaseFile, all_with_headers_held, pack};
use toolgate_engine::{
    automaton::Automaton,
    bundle::{Blocked, Bundle, Deployment, decode, encode},
    schema::Program,
};

const SCHEMAS: &str = "schema_judges_values_and_not_spellings";

/// What no case has and a fuzzer hardly comes to: many keys, depth, and numbers at the borders of what is exact.
const BODIES: [&str; 5] = [
    r#"{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0,"j":0,"k":0,"l":0,"m":0,"n":0}"#,
    r#"[[[[[[[{"a":[]}]]]]]],[]]"#,
    "[9007199254740991,-9007199254740993,0.1234567890123456,1.5e300,2.5e-308,0e9,-0.0]",
    r#"["\ud83d\ude00","\u0000\/\b\f\n\r\t\"","é😀"]"#,
    "[true,false,null,{\"\":\"\"}]\r\n\t ",
];

/// Encoded in several ways at once; the last one in the base64 of such a text, too.
const LAYERED: [&str; 2] = [
    r#"%252541\x5cx41"^'&amp;#x41; "#,
    "JTI1MjU0MVx4NWN4NDEiXicmYW1wOyN4NDE7IHJtIC1yZiAlMmUlMmUvIGBpZGAgXHUwMDQxIGFuZCBzbyBvbg%3d\\x41'^ ",
];

/// What the target of the scanner looks for in the strings of all cases.
const PATTERNS: [&str; 6] = [
    "rm -rf\nDROP TABLE\nos.system",
    "/\\b(curl|wget)\\b.*\\|\\s*sh\n<script",
    "/169\\.254\\.\\d{1,3}\\.\\d{1,3}\n/(^|[^0-9])10\\.\n../",
    "/\\p{Cf}\n/[^\\x00-\\x7f]{3}\nä",
    "/^a.*b$\n/x{3,5}y\nabab",
    "a\nab\nabc\n/bc+d",
];

/// Messages of MCP clients.
const MESSAGES: [&str; 6] = [
    r#"{"jsonrpc":"2.0","id":"a\u0062","method":"tools/call","params":{"name":"s","arguments":{"q":1},"inputResponses":{}}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
    r#"{"jsonrpc":"2.0","id":-1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{},"context":{}}}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a:b"]}}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#,
    r#"{"jsonrpc":"2.0","id":3,"result":{"action":"accept"}}"#,
];

/// Streams of MCP servers, with the byte before them that says where one is cut.
const STREAMS: [&str; 5] = [
    "\t: ping\r\n\r\nid: 1\ndata:\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\ndata: \"result\":{\"tools\":[{\"name\":\"s\"},{\"name\":\"h\"}]}}\n\n",
    "\t\u{feff}data: {\"result\":{\"cacheScope\":\"public\",\"prompts\":[{\"name\":\"s\"},{\"name\":\"s\"}],\"resources\":[{\"uri\":\"s:\"}]}}\r\r",
    "\t: \u{2028}data: x\u{85}\u{b}\ndata: {\"method\":\"notifications/message\",\"params\":{\"data\":\"\u{2028}\u{2029}data: {}\"}}\n\nDATA: 1\n\n",
    "\t{\"id\":1,\"result\":{\"resourceTemplates\":[{\"uriTemplate\":\"s{x}\"},{\"uriTemplate\":\"h\"}],\"tools\":[]}}",
    "\tdata: {\"id\":1,\"result\":{\"serverInfo\":{},\"instructions\" :\"s\",\"tools\":[]}}\n\n",
];

fn main() -> io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "target/fuzz/seeds".into()));
    let cases = all_with_headers_held();
    for (at, text) in (0..).zip(texts(&cases)) {
        write(&folder, "reader_agrees_with_serde_json", at, &text)?;
        write(&folder, "views_begin_with_the_text_and_end", at, &text)?;
        for (number, patterns) in (0..).zip(PATTERNS) {
            let seed = [patterns.as_bytes(), b"\n\n", &text].concat();
            write(&folder, "scanner_finds_what_its_automata_find", at * 100 + number, &seed)?;
        }
    }
    for (at, text) in (0..).zip(LAYERED) {
        write(&folder, "views_begin_with_the_text_and_end", 1000 + at, text.repeat(8).as_bytes())?;
    }
    for (at, message) in (0..).zip(MESSAGES) {
        write(&folder, "messages_mean_one_thing_to_all_readers", at, message.as_bytes())?;
    }
    for (at, stream) in (0..).zip(STREAMS) {
        write(&folder, "agents_see_what_they_may_whoever_reads", at, stream.as_bytes())?;
    }
    for (at, config) in (0..).zip(cases.iter().filter_map(|file| pack(file).ok())) {
        let bundle = small(decode(config.as_bytes()).map_err(io::Error::other)?.bundle);
        let config = encode(&bundle, Deployment { hold_headers: true }).map_err(io::Error::other)?;
        write(&folder, "loader_refuses_or_judges", at * 2, config.as_bytes())?;
        write(&folder, "loader_refuses_or_judges", at * 2 + 1, &packed(&bundle)?)?;
        automata(&folder, at, &bundle.automata)?;
    }
    let compiled = PATTERNS.iter().flat_map(|patterns| patterns.lines()).filter_map(compiled);
    automata(&folder, cases.len(), &compiled.collect::<Vec<_>>())?;
    programs(&folder)
}

/// The bodies of all calls, and some more.
fn texts(cases: &[CaseFile]) -> Vec<Vec<u8>> {
    let bodies = cases.iter().flat_map(|file| &file.cases).filter_map(|case| case.call.body());
    let bodies = bodies.chain(BODIES.iter().map(|body| body.as_bytes().to_vec()));
    let mut bodies: Vec<_> = bodies.filter(|body| body.len() <= 1024).collect();
    bodies.sort();
    bodies.dedup();
    bodies
}

/// A bundle with the smallest of the automata of what servers may not say: all of them are longer than what is fuzzed.
fn small(mut bundle: Bundle) -> Bundle {
    let automata = std::mem::take(&mut bundle.automata);
    let automaton = |at: u32| automata.get(usize::try_from(at).unwrap_or(usize::MAX));
    let searched = bundle.instructions.and_then(|at| bundle.checks.get_mut(usize::try_from(at).ok()?));
    if let Some(checks) = searched {
        let blocked = std::mem::take(&mut checks.blocked).into_iter();
        let size = |blocked: &Blocked| automaton(blocked.automaton).map(|one| one.as_bytes().len());
        checks.blocked.extend(blocked.min_by_key(size));
    }
    for blocked in bundle.checks.iter_mut().flat_map(|checks| &mut checks.blocked) {
        let Some(one) = automaton(blocked.automaton) else { continue };
        let at = bundle.automata.iter().position(|kept| kept == one).unwrap_or_else(|| {
            bundle.automata.push(one.clone());
            bundle.automata.len().saturating_sub(1)
        });
        blocked.automaton = u32::try_from(at).unwrap_or(u32::MAX);
    }
    bundle
}

/// The automaton of a line of [`PATTERNS`].
fn compiled(pattern: &str) -> Option<Automaton> {
    let pattern = match pattern.strip_prefix('/') {
        Some(regex) => Pattern::parse(regex, Syntax::Rust).ok()?,
        None => Pattern::literal(pattern),
    };
    Some(compile_all(&[pattern], Budget::default()).ok()?.automaton)
}

/// Each automaton beside the next one, and a text.
fn automata(folder: &Path, group: usize, automata: &[Automaton]) -> io::Result<()> {
    let pairs = automata.iter().zip(automata.iter().cycle().skip(1));
    for (at, (one, other)) in (0..).zip(pairs) {
        let Some(first) = prefixed(one.as_bytes()) else { continue };
        let seed = [&first, other.as_bytes(), b"\n\nrm -rf 10.1 axxxxyb; DROP TABLE t; <script>abccd"].concat();
        write(folder, "any_automaton_scans_as_it_runs", group * 1000 + at, &seed)?;
    }
    Ok(())
}

/// Compiles the schemas that are there already, each a line, with a value behind it.
fn programs(folder: &Path) -> io::Result<()> {
    for (at, entry) in (0..).zip(fs::read_dir(folder.join(SCHEMAS))?) {
        let seed = fs::read_to_string(entry?.path())?;
        let Some((schema, value)) = seed.split_once('\n') else { continue };
        let Some(program) = program(schema) else { continue };
        if let Some(program) = prefixed(&packed(&program)?) {
            write(folder, "schema_program_runs_to_an_end", at, &[&program, value.as_bytes()].concat())?;
        }
    }
    Ok(())
}

fn program(schema: &str) -> Option<Program> {
    let uri = "https://seeds.invalid/schema".to_owned();
    let document = Document { uri: uri.clone(), root: Json::read(schema.as_bytes()).ok()? };
    let options = Options { unknown: Unknown::Ignore, assert_formats: true, ..Options::default() };
    Some(compile(&[document], &[uri], options).ok()?.program)
}

/// With the length before it, in two bytes.
fn prefixed(bytes: &[u8]) -> Option<Vec<u8>> {
    Some([&u16::try_from(bytes.len()).ok()?.to_be_bytes()[..], bytes].concat())
}

fn packed(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    postcard::to_allocvec(value).map_err(io::Error::other)
}

fn write(folder: &Path, target: &str, number: usize, bytes: &[u8]) -> io::Result<()> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{number:06}")), bytes)
}
