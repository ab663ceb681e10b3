use super::*;
use crate::{
    bundle::{
        Agent, AuditArguments, Bundle, Checks, Consequence, Deployment, GlobalLimit, Grant, IdentitySource, Mirror,
        Mode, Over, Prompt, Quota, Resource, Ruled, Share, Subject, Tool, Unit, Uris, Window, encode,
    },
    exchange::{BodyStep, HeadStep},
    limits::{self, LimitKind, Store, Swap, Timestamp},
};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Values in memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory(HashMap<Vec<u8>, Vec<u8>>);

impl Store for Memory {
    type Error = ();
    type Version = ();

    fn read(&mut self, key: &[u8]) -> Result<limits::Reading<()>, ()> {
        Ok((self.0.get(key).cloned(), ()))
    }

    fn swap(&mut self, key: &[u8], value: &[u8], (): ()) -> Result<Swap, ()> {
        self.0.insert(key.to_vec(), value.to_vec());
        Ok(Swap::Done)
    }
}

const RULES: [&str; 10] =
    ["/git", "/limit", "/search", "/short", "/resource", "/prompt", "/method", "/pin", "/agent", "/delete"];

fn grant(agent: u32, rule: u32, checks: &[u32]) -> Grant {
    Grant { subject: Subject::Agent(agent), rule, checks: checks.to_vec() }
}

/// Agent `a` may call `git/search` with short strings, read below `file:///docs/` and fetch `review`; agent `b` may call
/// `git/delete`; agent `c` may do nothing at `git`, and call the tool of its own.
pub(crate) fn bundle() -> Bundle {
    let agent = |name: &str| Agent { name: name.to_owned(), groups: vec![], buckets: vec![], globals: vec![] };
    let tool = |name: &str, server, grants| Tool {
        name: name.to_owned(),
        server,
        pin: None,
        mirrors: vec![],
        mode: Mode::Enforce,
        body_limit: Ruled { rule: 1, value: 1000 },
        grants,
        buckets: vec![],
        globals: vec![],
        checks: vec![],
        audit_arguments: AuditArguments::Full,
    };
    Bundle {
        identity: vec![IdentitySource::Header("x-agent-id".to_owned())],
        rules: RULES.map(str::to_owned).to_vec(),
        agents: ["a", "b", "c"].map(agent).to_vec(),
        checks: vec![
            Checks { max_string_length: Some(Ruled { rule: 3, value: 5 }), ..Checks::default() },
            Checks { max_string_length: Some(Ruled { rule: 3, value: 20 }), ..Checks::default() },
        ],
        tools: vec![
            tool("search", None, vec![grant(2, 2, &[])]),
            tool("git/search", Some(0), vec![grant(0, 2, &[0])]),
            tool("git/delete", Some(0), vec![grant(1, 9, &[])]),
        ],
        servers: vec![Server {
            name: "git".to_owned(),
            path: "/mcp/git".to_owned(),
            host: None,
            versions: Version::ALL.to_vec(),
            origins: vec!["https://chat.acme.org".to_owned()],
            methods: vec![Ruled { rule: 6, value: "logging/setLevel".to_owned() }],
            changed: Consequence::Hide,
            suspicious: Ruled { rule: 0, value: Consequence::Hide },
            rule: 0,
            body_limit: Ruled { rule: 1, value: 600 },
            checks: vec![1],
            resources: vec![Resource { uri: Uris::Below("file:///docs/".to_owned()), grants: vec![grant(0, 4, &[])] }],
            prompts: vec![Prompt { name: "review".to_owned(), grants: vec![grant(0, 5, &[])] }],
        }],
        ..Bundle::default()
    }
}

pub(crate) fn load(bundle: &Bundle) -> Policy {
    Policy::load(encode(bundle, Deployment { hold_headers: true }).unwrap().as_bytes()).ok().unwrap()
}

/// What became of a message: status and body of its refusal, 0 if it passes; then its audit line.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) body: Json,
    pub(crate) line: Json,
}

impl Told {
    fn reason(&self) -> (u16, &str, &str) {
        (self.status, self.line["reason"].as_str().unwrap(), self.line["rule"].as_str().unwrap())
    }

    fn code(&self) -> i64 {
        self.body["error"]["code"].as_i64().unwrap_or_default()
    }
}

fn merged<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let plain = [
        (":method", "POST"),
        (":path", "/mcp/git"),
        (":authority", "gateway:80"),
        ("content-type", "application/json"),
        ("x-agent-id", "a"),
    ];
    let is_new = |name: &str| changes.iter().all(|(other, _)| *other != name);
    let kept = plain.into_iter().filter(|(name, _)| is_new(name));
    kept.chain(changes.iter().copied().filter(|(_, value)| !value.is_empty())).collect()
}

pub(crate) fn sent(policy: &Policy, fields: &[(&str, &str)], body: &str, store: &mut Memory) -> (Exchange, Told) {
    let fields = merged(fields);
    let mut exchange = Exchange::new(Timestamp(0));
    let head = exchange.request_head(policy, Head { fields: &fields }, &Verified::default(), body.is_empty());
    let reply = match head {
        HeadStep::Reply(reply) => Some(reply),
        HeadStep::Proceed { body: Awaited::Nothing, .. } => None,
        HeadStep::Proceed { body: Awaited::Body, .. } => {
            match exchange.request_body(policy, body.as_bytes(), Timestamp(0), store) {
                BodyStep::Reply(reply) => Some(reply),
                BodyStep::Forward(_) => None,
                BodyStep::Wait => panic!("a whole body waits"),
            }
        }
    };
    let line = exchange.finish(Some(policy), Timestamp(0)).to_line();
    let told = Told {
        status: reply.as_ref().map_or(0, |reply| reply.status),
        body: reply.map(|reply| serde_json::from_slice(&reply.body).unwrap_or_default()).unwrap_or_default(),
        line: serde_json::from_str(&line).unwrap(),
    };
    (exchange, told)
}

fn judged(fields: &[(&str, &str)], body: &Json) -> Told {
    sent(&load(&bundle()), fields, &body.to_string(), &mut Memory::default()).1
}

pub(crate) fn request(method: &str, params: Json) -> Json {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

fn call(tool: &str, arguments: Json) -> Json {
    request("tools/call", json!({"name": tool, "arguments": arguments}))
}

#[test]
fn a_call_is_judged_by_the_grants_and_checks_of_the_servers_tool() {
    assert_eq!(judged(&[], &call("search", json!({"q": "short"}))).reason(), (0, "granted", "/search"));
    let long = judged(&[("mcp-protocol-version", "2025-11-25")], &call("search", json!({"q": "longer"})));
    assert_eq!(long.reason(), (200, "argument_too_long", "/short"));
    assert_eq!(long.body["result"]["isError"], true);
    let old = judged(&[], &call("search", json!({"q": "longer"})));
    assert_eq!((old.status, old.code()), (200, -32602));
    let line = &long.line;
    assert_eq!((&line["server"], &line["tool"]), (&"git".into(), &"search".into()));
    assert_eq!((&line["mcp.method.name"], &line["event"]), (&"tools/call".into(), &"tool_call".into()));
    assert_eq!(line["mcp.protocol.version"], "2025-11-25");
}

#[test]
fn an_unknown_tool_and_a_forbidden_one_differ_in_the_audit_line_only() {
    let unknown = judged(&[], &call("nothing", json!({})));
    let forbidden = judged(&[], &call("delete", json!({})));
    assert_eq!(unknown.reason(), (403, "tool_unknown", ""));
    assert_eq!(forbidden.reason(), (403, "tool_not_granted", ""));
    assert_eq!(unknown.body["id"], 7);
    let text = |told: &Told| told.body.to_string().replace("delete", "nothing");
    assert_eq!(text(&unknown), text(&forbidden));
    for name in ["Search", "search ", "git/search", "sea\u{200b}rch"] {
        assert_eq!(judged(&[], &call(name, json!({}))).reason(), (403, "tool_unknown", ""), "{name}");
    }
}

/// `git/search` with fields for two of its arguments.
fn mirroring() -> Policy {
    let mirror = |suffix: &str, pointer: &str| Ruled {
        rule: 6,
        value: Mirror { suffix: suffix.to_owned(), pointer: pointer.to_owned() },
    };
    let mut bundle = bundle();
    bundle.tools[1].mirrors = vec![mirror("Region", "/area"), mirror("Limit", "/page/limit")];
    load(&bundle)
}

const REGION: &str = "mcp-param-region";

#[test]
fn fields_that_mirror_arguments_are_compared_with_them() {
    let policy = mirroring();
    let told = |fields: &[(&str, &str)], arguments: Json| {
        sent(&policy, fields, &call("search", arguments).to_string(), &mut Memory::default()).1
    };
    let page = json!({"area": "qaz", "page": {"limit": 10}});
    assert_eq!(told(&[(REGION, "qaz"), ("mcp-param-limit", "10.0")], page.clone()).reason(), (0, "granted", "/search"));
    assert_eq!(told(&[("mcp-param-other", "=?base64?!?=")], page.clone()).reason(), (0, "granted", "/search"));
    for wrong in [(REGION, "wsx"), ("mcp-param-limit", "11"), (REGION, "=?base64?d3N4?=")] {
        let refused = told(&[wrong], page.clone());
        assert_eq!(refused.reason(), (400, "header_mismatch", "/method"), "{wrong:?}");
        assert_eq!((refused.code(), &refused.body["id"]), (-32020, &7.into()));
        let said = [refused.body.to_string(), refused.line.to_string()].concat();
        assert!(!said.contains("qaz") && !said.contains("wsx") && said.contains(wrong.0), "{said}");
    }
    assert_eq!(told(&[(REGION, "qaz")], json!({})).reason().1, "header_mismatch", "a field without its argument");
}

#[test]
fn the_newest_version_wants_a_field_for_each_argument_that_is_mirrored() {
    let policy = mirroring();
    let told = |fields: &[(&str, &str)], arguments: Json| {
        let fields =
            [&[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "search")], fields];
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
        let params = json!({"name": "search", "arguments": arguments, "_meta": meta});
        sent(&policy, &fields.concat(), &request("tools/call", params).to_string(), &mut Memory::default()).1
    };
    assert_eq!(told(&[(REGION, "eu")], json!({"area": "eu"})).reason(), (0, "granted", "/search"));
    assert_eq!(told(&[], json!({"area": null, "page": {}})).reason(), (0, "granted", "/search"));
    let missing = told(&[], json!({"area": "eu"}));
    assert_eq!((missing.reason(), missing.code()), ((400, "header_mismatch", "/method"), -32020));
    assert_eq!(told(&[(REGION, "us")], json!({"area": "eu"})).reason().1, "header_mismatch");
}

#[test]
fn who_may_not_call_a_tool_is_not_told_what_is_mirrored() {
    let policy = mirroring();
    let told = |tool: &str, fields: &[(&str, &str)]| {
        let body = call(tool, json!({"area": "eu"})).to_string();
        let fields = [&[("x-agent-id", "b")], fields].concat();
        sent(&policy, &fields, &body, &mut Memory::default()).1
    };
    for fields in [&[][..], &[(REGION, "eu")], &[(REGION, "us")], &[(REGION, "us"), (REGION, "us")]] {
        let (forbidden, unknown) = (told("search", fields), told("nothing", fields));
        assert_eq!((forbidden.reason().1, unknown.reason().1), ("tool_not_granted", "tool_unknown"), "{fields:?}");
        assert_eq!(forbidden.body.to_string().replace("search", "nothing"), unknown.body.to_string());
        assert_eq!(forbidden.status, unknown.status);
    }
}

#[test]
fn shadow_mode_has_no_say_in_what_a_message_is() {
    let mut shadowed = bundle();
    let mirror = Mirror { suffix: "Region".to_owned(), pointer: "/area".to_owned() };
    shadowed.tools[1].mode = Mode::Shadow;
    shadowed.tools[1].mirrors = vec![Ruled { rule: 6, value: mirror }];
    let body = call("search", json!({"area": "eu"})).to_string();
    let told = |text| sent(&load(&shadowed), &[(REGION, text)], &body, &mut Memory::default()).1;
    assert_eq!(told("eu").reason().1, "granted");
    assert_eq!(told("us").reason(), (400, "header_mismatch", "/method"));
}

#[test]
fn what_a_retried_call_fills_in_is_checked_like_arguments() {
    let retried = |text: &str| {
        request(
            "tools/call",
            json!({"name": "search", "inputResponses": {"a": {"content": text}}, "requestState": "a long state"}),
        )
    };
    assert_eq!(judged(&[], &retried("short")).reason().1, "argument_too_long", "`content` is a key, and longer than 5");
    let policy = load(&Bundle {
        checks: vec![Checks { max_string_length: Some(Ruled { rule: 3, value: 7 }), ..Checks::default() }; 2],
        ..bundle()
    });
    let reason = |text| sent(&policy, &[], &retried(text).to_string(), &mut Memory::default()).1.line["reason"].clone();
    assert_eq!((reason("short"), reason("far longer")), ("granted".into(), "argument_too_long".into()));
}

#[test]
fn who_is_not_known_or_has_nothing_at_the_server_is_told_in_the_protocols_shape() {
    let list = request("tools/list", json!({}));
    assert_eq!(judged(&[("x-agent-id", "")], &list).reason(), (401, "identity_missing", ""));
    assert_eq!(judged(&[("x-agent-id", "nobody")], &list).reason(), (403, "agent_unknown", ""));
    let other = judged(&[("x-agent-id", "c")], &list);
    assert_eq!(other.reason(), (403, "server_not_granted", ""));
    assert_eq!(other.body["error"]["code"], 403);
    assert_eq!(judged(&[("x-agent-id", "b")], &list).reason(), (0, "granted", "/git"));
}

#[test]
fn methods_pass_by_the_protocol_or_by_name() {
    for method in OF_ALL.into_iter().filter(|method| *method != "initialize") {
        assert_eq!(judged(&[], &request(method, json!({}))).reason(), (0, "granted", "/git"), "{method}");
    }
    assert_eq!(judged(&[], &request("logging/setLevel", json!({}))).reason(), (0, "granted", "/method"));
    for method in ["tools/Call", "tasks/get", "sampling/createMessage", "x"] {
        let told = judged(&[], &request(method, json!({})));
        assert_eq!((told.reason(), told.code()), ((403, "method_not_passed", ""), -32601), "{method}");
    }
}

#[test]
fn notifications_of_clients_pass_and_are_never_answered_with_a_body() {
    let notification = |method: &str| json!({"jsonrpc": "2.0", "method": method});
    for method in NOTIFICATIONS {
        assert_eq!(judged(&[], &notification(method)).reason(), (0, "granted", "/git"), "{method}");
    }
    let other = judged(&[], &notification("notifications/tools/list_changed"));
    assert_eq!((other.reason(), &other.body), ((403, "method_not_passed", ""), &Json::Null));
    let answer = |text: &str| json!({"jsonrpc": "2.0", "id": 1, "result": {"content": text}});
    assert_eq!(judged(&[], &answer("yes")).reason(), (0, "granted", "/git"));
    let long = judged(&[], &answer("more than twenty letters"));
    assert_eq!((long.line["reason"].as_str(), &long.body), (Some("argument_too_long"), &Json::Null));
}

#[test]
fn resources_and_prompts_pass_by_lists_of_their_own() {
    let read = |uri: &str| judged(&[], &request("resources/read", json!({"uri": uri})));
    assert_eq!(read("file:///docs/a").reason(), (0, "granted", "/resource"));
    assert_eq!(read("file:///docs/../a").reason(), (403, "resource_not_granted", ""));
    assert_eq!(read("file:///a").body["error"]["data"]["reason"], "resource_unknown");
    let prompt = |name: &str| judged(&[], &request("prompts/get", json!({"name": name})));
    assert_eq!(prompt("review").reason(), (0, "granted", "/prompt"));
    assert_eq!(prompt("other").reason(), (403, "prompt_not_granted", ""));
    let complete = |uri: &str| {
        let argument = json!({"name": "a", "value": "b"});
        judged(
            &[],
            &request("completion/complete", json!({"ref": {"type": "ref/resource", "uri": uri}, "argument": argument})),
        )
    };
    assert_eq!(complete("file:///docs/{path}").reason(), (0, "granted", "/resource"));
    assert_eq!(complete("file:///{path}").reason(), (403, "resource_not_granted", ""));
    let listen = |uri: &str| {
        judged(
            &[],
            &request(
                "subscriptions/listen",
                json!({"notifications": {"resourceSubscriptions": ["file:///docs/a", uri]}}),
            ),
        )
    };
    assert_eq!(listen("file:///docs/b").reason(), (0, "granted", "/resource"));
    assert_eq!(listen("file:///b").reason(), (403, "resource_not_granted", ""));
    let filled = json!({"name": "review", "arguments": {"text": "more than twenty letters"}});
    assert_eq!(judged(&[], &request("prompts/get", filled)).line["reason"], "argument_too_long");
}

#[test]
fn only_messages_of_a_spoken_version_pass() {
    let initialize = |version: &str| request("initialize", json!({"protocolVersion": version}));
    let policy = load(&{
        let mut bundle = bundle();
        bundle.servers[0].versions = vec![Version::V2025_11_25];
        bundle
    });
    let told =
        |fields: &[(&str, &str)], body: &Json| sent(&policy, fields, &body.to_string(), &mut Memory::default()).1;
    assert_eq!(told(&[], &initialize("2025-11-25")).reason(), (0, "granted", "/git"));
    for version in ["2025-06-18", "2024-11-05", "2026-07-28", "x"] {
        let told = told(&[], &initialize(version));
        assert_eq!((told.reason(), told.code()), ((400, "version_unsupported", ""), -32022), "{version}");
        assert_eq!(told.body["error"]["data"]["supported"], json!(["2025-11-25"]));
    }
    let list = request("tools/list", json!({}));
    assert_eq!(told(&[("mcp-protocol-version", "2025-11-25")], &list).status, 0);
    assert_eq!(told(&[], &list).reason(), (400, "version_unsupported", ""));
    assert_eq!(told(&[("mcp-protocol-version", "2025-11-25")], &initialize("2025-03-26")).status, 400);
}

#[test]
fn header_fields_confirm_the_body_or_the_message_is_refused() {
    let list = request("tools/list", json!({}));
    for (name, value) in
        [("mcp-method", "tools/call"), ("mcp_method", "tools/list"), ("mcp-protocol-version", "2025-11-2")]
    {
        assert_eq!(judged(&[(name, value)], &list).status, 400, "{name}");
    }
    assert_eq!(judged(&[("mcp-method", "tools/list")], &list).status, 0);
    assert_eq!(judged(&[("mcp-session-id", "a b")], &list).reason(), (400, "header_mismatch", ""));
    let told = judged(&[("mcp-session-id", "secret")], &list);
    assert_eq!(told.status, 0);
    assert!(!told.line.to_string().contains("secret"), "{}", told.line);
    assert_eq!(told.line["session"].as_str().map(str::len), Some(16));
}

#[test]
fn a_web_page_must_be_named_to_call_a_server() {
    let list = request("tools/list", json!({}));
    assert_eq!(judged(&[("origin", "https://chat.acme.org")], &list).status, 0);
    for origin in ["https://evil.org", "null", "https://chat.acme.org.evil.org", "https://CHAT.acme.org"] {
        assert_eq!(judged(&[("origin", origin)], &list).reason(), (403, "origin_not_allowed", ""), "{origin}");
    }
}

#[test]
fn get_and_delete_have_sessions_and_no_body() {
    let policy = load(&bundle());
    let leg = |fields: &[(&str, &str)], body: &str| sent(&policy, fields, body, &mut Memory::default()).1;
    for method in ["GET", "DELETE"] {
        let told = leg(&[(":method", method)], "");
        assert_eq!(told.reason(), (0, "granted", "/git"));
        assert_eq!(told.line["http.request.method"], method);
        assert_eq!(leg(&[(":method", method)], "{}").reason(), (400, "body_not_taken", ""));
        let newest = leg(&[(":method", method), ("mcp-protocol-version", "2026-07-28")], "");
        assert_eq!(newest.reason().1, "method_not_allowed");
        assert_eq!(leg(&[(":method", method), ("x-agent-id", "c")], "").reason().1, "server_not_granted");
    }
    assert_eq!(leg(&[(":method", "PUT")], "{}").reason().0, 405);
    assert_eq!(leg(&[], "").reason().1, "body_missing");
}

#[test]
fn a_message_that_is_none_is_refused_whatever_it_is_for() {
    let policy = load(&bundle());
    let raw = |body: &str| sent(&policy, &[], body, &mut Memory::default()).1;
    assert_eq!(raw("{").reason().1, "body_malformed");
    assert_eq!(raw("[]").code(), -32600);
    assert_eq!(raw(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#).reason().1, "message_invalid");
    assert_eq!(
        raw(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":"search"}}"#).reason().1,
        "params_invalid"
    );
    assert_eq!(raw(r#"{"jsonrpc":"2.0","id":1,"Method":"tools/call","method":"ping"}"#).reason().1, "message_invalid");
    let large = call("search", json!({"q": "x".repeat(1000)}));
    assert_eq!(judged(&[], &large).reason().1, "body_too_large");
    let large = request("ping", json!({"_meta": {"x": "x".repeat(700)}}));
    assert_eq!(judged(&[], &large).reason(), (413, "body_too_large", "/limit"));
    assert_eq!(judged(&[(":path", "/mcp/git?a")], &request("ping", json!({}))).reason().1, "query_not_allowed");
    assert_eq!(judged(&[(":path", "/mcp/git/")], &request("ping", json!({}))).line["reason"], "tool_unknown");
}

#[test]
fn a_tool_of_a_server_is_reached_by_no_path() {
    for path in ["/tools/git/search", "/tools/git%2fsearch", "/tools/delete"] {
        let told = judged(&[(":path", path)], &json!({"arguments": {}}));
        assert_eq!(told.line["reason"], "tool_unknown", "{path}");
    }
    // The tool of this name that has a path is another one.
    assert_eq!(judged(&[(":path", "/tools/search")], &json!({"arguments": {}})).line["reason"], "tool_not_granted");
}

#[test]
fn calls_reads_and_fetches_count_and_what_the_protocol_needs_does_not() {
    let mut limited = bundle();
    limited.buckets.push(crate::bundle::Bucket {
        key: "agent".to_owned(),
        label: "agent".to_owned(),
        share: Share::EachAgent,
        rate: None,
        quota: Some(Ruled { rule: 8, value: Quota { count: 2, window: Window::Month } }),
    });
    limited.agents[0].buckets.push(0);
    let (policy, mut store) = (load(&limited), Memory::default());
    let mut status = |body: &Json| sent(&policy, &[], &body.to_string(), &mut store).1;
    for _ in 0..5 {
        assert_eq!(status(&request("tools/list", json!({}))).status, 0);
    }
    assert_eq!(status(&call("search", json!({}))).status, 0);
    assert_eq!(status(&request("resources/read", json!({"uri": "file:///docs/a"}))).status, 0);
    let spent = status(&request("prompts/get", json!({"name": "review"})));
    assert_eq!(spent.reason(), (429, "quota_exceeded", "/agent"));
    assert!(spent.body["error"]["data"]["retryAfter"].is_u64(), "{spent:?}");
    assert_eq!(status(&request("ping", json!({}))).status, 0);
}

#[test]
fn global_limits_name_the_server_and_the_tool() {
    let mut limited = bundle();
    let limit = |over, rule| GlobalLimit {
        over,
        share: Share::EachAgent,
        kind: LimitKind::Quota,
        requests: 5,
        unit: Unit::Day,
        rule,
    };
    limited.globals = vec![limit(Over::Tool, 1), limit(Over::Agent, 8)];
    limited.tools[1].globals.push(0);
    limited.agents[0].globals.push(1);
    let policy = load(&limited);
    let fields = |body: &Json| {
        let fields = merged(&[]);
        let mut exchange = Exchange::new(Timestamp(0));
        let _ = exchange.request_head(&policy, Head { fields: &fields }, &Verified::default(), false);
        match exchange.request_body(&policy, body.to_string().as_bytes(), Timestamp(0), &mut Memory::default()) {
            BodyStep::Forward(fields) => fields,
            BodyStep::Wait | BodyStep::Reply(_) => panic!("refused"),
        }
    };
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let agent = field("x-toolgate-agent-5-day", "a");
    assert_eq!(fields(&call("search", json!({}))), [field("x-toolgate-tool-5-day", "git/search a"), agent.clone()]);
    assert_eq!(fields(&request("prompts/get", json!({"name": "review"}))), [agent]);
    assert_eq!(fields(&request("tools/list", json!({}))), []);
}

#[test]
fn shadow_mode_is_of_a_tool_and_not_of_a_message() {
    let mut shadowed = bundle();
    shadowed.tools[2].mode = Mode::Shadow;
    let policy = load(&shadowed);
    let told = |body: &Json| sent(&policy, &[], &body.to_string(), &mut Memory::default()).1;
    let call = told(&call("delete", json!({})));
    assert_eq!((call.reason(), &call.line["would_deny"]), ((0, "tool_not_granted", ""), &true.into()));
    assert_eq!(told(&request("x", json!({}))).status, 403);
}

#[test]
fn a_call_that_is_counted_elsewhere_is_refused_in_the_protocols_shape() {
    let mut limited = bundle();
    limited.globals.push(GlobalLimit {
        over: Over::Tool,
        share: Share::EachAgent,
        kind: LimitKind::Quota,
        requests: 5,
        unit: Unit::Day,
        rule: 8,
    });
    limited.tools[1].globals.push(0);
    let policy = load(&limited);
    let (mut exchange, _) = sent(&policy, &[], &call("search", json!({})).to_string(), &mut Memory::default());
    assert!(exchange.is_counted() && exchange.is_of_server());
    let fields = [("x-ratelimit-limit", "5, 5;w=86400"), ("x-ratelimit-reset", "12")];
    let answer = crate::exchange::Answer { details: b"request_rate_limited", fields: &fields };
    let crate::exchange::AnswerStep::Reply(reply) = exchange.answer_head(&policy, &answer, Some(429), Timestamp(0))
    else {
        panic!("it passes");
    };
    let body: Json = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &body["id"], &body["error"]["code"]), (429, &7.into(), &429.into()));
    assert_eq!(body["error"]["data"], json!({"reason": "quota_exceeded", "rule": "/agent", "retryAfter": 12}));
    assert!(!exchange.is_of_server());
}
