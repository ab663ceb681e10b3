//! A plugin config from any bytes is refused, or becomes a policy that judges every call to an end.
//!
//! In: bytes, once as a config and once as a bundle in a config that is whole. What was loaded is packed again and
//! stays the same, and neither loading nor judging asks for more memory than the size of the bundle allows.

#![no_main]

use base64::{Engine as _, prelude::BASE64_STANDARD};
use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;
use toolgate_engine::{
    audit::Decision,
    bundle::{Bundle, FORMAT, IdentitySource, Mirror, Mode, Ruled, Server, Tool, decode, encode},
    exchange::{Awaited, BodyStep, Exchange, HeadStep},
    identity::{CertificateName, Verified},
    limits::{Reading, Store, Swap, Timestamp},
    policy::Policy,
    request::Head,
};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What a policy may take besides, whatever its size: one automaton that turns out to be none.
const ANY_BUNDLE: usize = 9 << 20;

/// How many bytes each byte of a bundle may become.
const EACH_BYTE: usize = 200;

const NOON: Timestamp = Timestamp(1_795_435_200_000_000_000);

const BODIES: [&str; 3] = [
    r#"{"arguments":{"q":"rm -rf %2e%2e/","a":[{"b":1.5,"":null}],"Ａ":"ZHJvcCB0YWJsZSB1c2Vycw=="}}"#,
    r#"{"arguments":{}}"#,
    r#"{"arguments":[]}"#,
];

const MESSAGES: [&str; 5] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","arguments":{"q":"rm -rf"},"inputResponses":{"a":""}}}"#,
    r#"{"jsonrpc":"2.0","id":"a","method":"resources/read","params":{"uri":"file:///docs/a"}}"#,
    r#"{"jsonrpc":"2.0","id":"a","method":"prompts/get","params":{"name":"TOOL"}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
];

fuzz_target!(|bytes: &[u8]| {
    let _ = Policy::load(bytes);
    let config = packed(bytes);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    if let Ok(policy) = Policy::load(config.as_bytes()) {
        judge_all(&policy, &decode(config.as_bytes()).expect("a loaded config can be read").bundle);
    }
    let peak = MEMORY.peak_usage().saturating_sub(before);
    let most = ANY_BUNDLE + EACH_BYTE * bytes.len();
    assert!(peak <= most, "a bundle of {} bytes asked for {peak} bytes", bytes.len());
});

/// The bytes as the bundle of a config whose wrapping is whole. With headers held, any policy may be taken.
fn packed(bytes: &[u8]) -> String {
    let policy = BASE64_STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(bytes, 1));
    let digest = Sha256::digest(bytes);
    format!(r#"{{"format":{FORMAT},"digest":"sha256:{digest:x}","hold_headers":true,"policy":"{policy}"}}"#)
}

fn judge_all(policy: &Policy, bundle: &Bundle) {
    let again = encode(bundle, policy.deployment()).expect("what was loaded can be packed");
    assert_eq!(&decode(again.as_bytes()).expect("what was packed can be read").bundle, bundle);
    Policy::load(again.as_bytes()).unwrap_or_else(|bad| panic!("what was packed again: {bad}"));
    let agents = bundle.agents.iter().map(|agent| agent.name.as_str()).take(3).chain(["nobody"]);
    for agent in agents {
        for tool in bundle.tools.iter().filter(|tool| tool.server.is_none()).take(3) {
            BODIES.iter().for_each(|body| judge(policy, agent, &tool.name, body.as_bytes()));
        }
        for server in bundle.servers.iter().take(3) {
            let name_of = |tool: &Tool| Some(tool.name.strip_prefix(&server.name)?.strip_prefix('/')?.to_owned());
            let tool = bundle.tools.iter().find_map(|tool| Some((name_of(tool)?, tool.mirrors.as_slice())));
            let (tool, mirrors) = tool.unwrap_or(("t".to_owned(), &[]));
            MESSAGES.iter().for_each(|body| converse(policy, agent, server, mirrors, &body.replace("TOOL", &tool)));
        }
    }
}

/// A message for a server with fields for what its tool mirrors, and if it goes on, an answer and an event stream.
fn converse(policy: &Policy, agent: &str, server: &Server, mirrors: &[Ruled<Mirror>], body: &str) {
    let version = server.versions.first().expect("a server speaks a version").as_str();
    let host = server.host.as_deref().unwrap_or("h");
    let of_call = [
        (":method", "POST"),
        (":path", server.path.as_str()),
        (":authority", host),
        ("content-type", "application/json"),
        ("mcp-protocol-version", version),
    ];
    let identity = policy.identity().iter().filter_map(header).map(|name| (name, agent));
    let names: Vec<_> = mirrors.iter().map(|mirror| format!("mcp-param-{}", mirror.value.suffix)).take(3).collect();
    let mirrored = names.iter().map(|name| (name.as_str(), "rm -rf"));
    let fields: Vec<_> = of_call.into_iter().chain(identity).chain(mirrored).collect();
    let certificate = policy.wanted().certificate.filter(|name| *name != CertificateName::Subject);
    let verified = Verified { certificate: certificate.map(|_| agent.as_bytes().to_vec()), ..Verified::default() };
    for media_type in ["application/json", "text/event-stream"] {
        let mut exchange = Exchange::new(NOON);
        let head = exchange.request_head(policy, Head { fields: &fields }, &verified, false);
        if matches!(head, HeadStep::Proceed { body: Awaited::Body, .. })
            && let BodyStep::Forward(_) = exchange.request_body(policy, body.as_bytes(), NOON, &mut Forgetful)
        {
            assert!(policy.agent_named(agent).is_some(), "nobody's message goes on");
            let fields = [("content-type", media_type)];
            let details = || Ok::<_, Infallible>(b"via_upstream".to_vec());
            let _ = exchange.server_answer_head(Head { fields: &fields }, Some(200), false, details);
            for piece in
                [&b"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"t\"}"[..], b"]}}\n\n"]
            {
                let _ = exchange.server_answer_piece(policy, piece, piece.ends_with(b"\n"), &mut Forgetful);
            }
        }
        let line = exchange.finish(Some(policy), NOON).to_line();
        serde_json::from_str::<serde::de::IgnoredAny>(&line).expect("the audit line is JSON");
    }
}

fn judge(policy: &Policy, agent: &str, tool: &str, body: &[u8]) {
    let path = format!("/tools/{tool}");
    let of_call = [(":method", "POST"), (":path", &path), ("content-type", "application/json")];
    let identity = policy.identity().iter().filter_map(header).map(|name| (name, agent));
    let fields = of_call.into_iter().chain(identity);
    let fields: Vec<_> = fields.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    // No token. In a subject an agent's id may read as another one.
    let certificate = policy.wanted().certificate.filter(|name| *name != CertificateName::Subject);
    let verified = Verified { certificate: certificate.map(|_| agent.as_bytes().to_vec()), ..Verified::default() };
    let mut exchange = Exchange::new(NOON);
    let is_forwarded = match exchange.request_head(policy, Head { fields: &fields }, &verified, false) {
        HeadStep::Reply(_) => false,
        HeadStep::Proceed { body: Awaited::Nothing, .. } => true,
        HeadStep::Proceed { body: Awaited::Body, .. } => {
            match exchange.request_body(policy, body, NOON, &mut Forgetful) {
                BodyStep::Forward(_) => true,
                BodyStep::Reply(_) => false,
                BodyStep::Wait => panic!("a body that is whole is judged"),
            }
        }
    };
    let record = exchange.finish(Some(policy), NOON);
    let (agent, tool) = (policy.agent_named(agent), policy.tool_named(tool.as_bytes()).expect("it is declared"));
    let is_granted = agent.is_some_and(|agent| policy.grants(agent, tool).next().is_some());
    match record.decision() {
        Decision::Allow => assert!(is_forwarded && is_granted && record.rule().is_some()),
        Decision::Shadow => assert!(is_forwarded && policy.mode(tool) == Mode::Shadow),
        Decision::Deny => assert!(!is_forwarded),
        Decision::Incomplete => panic!("the exchange was judged to its end"),
    }
    serde_json::from_str::<serde::de::IgnoredAny>(&record.to_line()).expect("the audit line is JSON");
}

fn header(source: &IdentitySource) -> Option<&str> {
    match source {
        IdentitySource::Header(name) | IdentitySource::ApiKey(name) => Some(name),
        IdentitySource::Certificate(_) | IdentitySource::Token(_) => None,
    }
}

/// Shared data in which nothing stays.
struct Forgetful;

impl Store for Forgetful {
    type Error = Infallible;
    type Version = ();

    fn read(&mut self, _: &[u8]) -> Result<Reading<()>, Infallible> {
        Ok((None, ()))
    }

    fn swap(&mut self, _: &[u8], _: &[u8], (): ()) -> Result<Swap, Infallible> {
        Ok(Swap::Done)
    }
}
