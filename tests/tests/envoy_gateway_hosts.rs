//! Strict mode in the real Envoy Gateway, on each listener of a Gateway: servers with hosts of their own have more of
//! them, by plain HTTP in one chain of filters, by TLS in one chain for each host.

#![cfg(test)]

use policy_compiler::files::NoFiles;
use serde_json::{Value, json};
use std::{thread, time::Duration};
use toolgate_tests::{
    harness::{
        client::{Call, FailureKind, Protocol, Reply, http1::Http1Connection, tls::TlsClient},
        envoy::Update,
        gateway::{EnvoyGateway, Resources, Tools},
        upstream::Upstream,
    },
    identity::Authority,
};

/// A tool by its path, and two servers at one path under hosts of their own.
const POLICY: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\nagents: { a: {} }\n\
    defaults: { arguments: { blocked: [bad] } }\ntools:\n  search: { agents: [a] }\nservers:\n  \
    first: { path: /mcp, host: first.local, tools: { search: { agents: [a] } } }\n  \
    second: { path: /mcp, host: second.local, tools: { search: { agents: [a] } } }\n";

const HOSTS: [&str; 3] = ["tools.local", "first.local", "second.local"];

fn rendered(more: &str) -> Resources {
    let values = format!(
        "identity: {{ trusted_headers: [x-agent-id] }}\nupstreams:\n  tools: {{ service: tools, port: 1 }}\n  \
         first: {{ service: first, port: 1, servers: [first] }}\n  second: {{ service: second, port: 1, servers: [second] }}\n{more}"
    );
    Resources::rendered(POLICY, &NoFiles, &values).workers(1)
}

/// A call of the tool that is under this host.
fn call(host: &str, text: &str) -> Call {
    let arguments = json!({"q": text});
    let (path, body) = match host {
        "tools.local" => ("/tools/search", json!({"arguments": arguments})),
        _ => {
            let params = json!({"name": "search", "arguments": arguments});
            ("/mcp", json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}))
        }
    };
    Call::new("POST", path).authority(host).header("x-agent-id", "a").json(&body)
}

/// Whether it was refused for its body, each in its own shape.
fn is_refused(reply: &Reply) -> bool {
    let body = reply.json();
    let reasons =
        [&body["reason"], &body["error"]["data"]["reason"], &body["result"]["_meta"]["dev.toolgate/refusal"]["reason"]];
    reasons.contains(&&json!("argument_blocked"))
}

/// The Gateway, the server under each host, and how calls come.
struct Hosts {
    gateway: EnvoyGateway,
    servers: [Upstream; 3],
    authority: Authority,
}

/// Later than this, a server has seen the head of a call if it is ever to see it alone.
const LATER: Duration = Duration::from_millis(400);

impl Hosts {
    fn start(resources: &Resources) -> Self {
        let servers = [(); 3].map(|()| Upstream::start());
        let tools = Tools::from(servers[0].address()).and("first", servers[1].address());
        let gateway = EnvoyGateway::start(resources, tools.and("second", servers[2].address()));
        Self { gateway, servers, authority: Authority::new() }
    }

    fn client(&self, host: &str) -> TlsClient {
        self.authority.client().to_server(host)
    }

    /// The body of a call that it refuses comes late: how many servers have seen the head by then, host by host.
    fn heads_of_refused(&self, is_encrypted: bool) -> [u64; 3] {
        self.servers.iter().for_each(Upstream::clear);
        for host in HOSTS {
            let call = call(host, "bad");
            let reply = if is_encrypted {
                call.send_late_over(&self.client(host), LATER, self.gateway.address()).unwrap()
            } else {
                late(&call, &self.gateway)
            };
            assert!(is_refused(&reply), "{host}: {}", reply.text());
        }
        self.servers.each_ref().map(Upstream::count_started)
    }

    /// A good call under each host reaches the server of that host, and no other.
    fn good_calls_arrive(&self, send: impl Fn(&str, &Call) -> Reply) {
        self.servers.iter().for_each(Upstream::clear);
        for host in HOSTS {
            let reply = send(host, &call(host, "x"));
            assert_eq!(reply.status, 200, "{host}: {}", reply.text());
        }
        let seen = self.servers.each_ref().map(|server| {
            let seen = server.seen();
            seen.iter().map(|seen| seen.authority.clone()).collect::<Vec<_>>()
        });
        assert_eq!(seen, HOSTS.map(|host| vec![host.to_owned()]));
    }

    /// The settings of each filter of ours in the listener of calls, chain by chain.
    fn filters(&self) -> Vec<Value> {
        let dump = self.gateway.config_dump();
        let mut found = Vec::new();
        collect(&dump, &mut found);
        found
    }
}

/// Plugin configurations, wherever they stand.
fn collect(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            if members.get("name") == Some(&json!("toolgate")) && members.contains_key("vm_config") {
                found.push(value.clone());
            }
            let in_force = members.iter().filter(|(name, _)| *name != "draining_state");
            in_force.for_each(|(_, member)| collect(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Sends the head of a plain call, and its body only later.
fn late(call: &Call, gateway: &EnvoyGateway) -> Reply {
    let bytes = call.http1_bytes();
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let mut connection = Http1Connection::open(gateway.address()).unwrap();
    connection.write(&bytes[..head]).unwrap();
    thread::sleep(LATER);
    connection.write(&bytes[head..]).unwrap();
    connection.read_reply().unwrap()
}

#[test]
fn in_strict_mode_a_denied_call_leaves_no_trace_under_any_host_by_plain_http_and_by_tls() {
    let hosts = Hosts::start(&rendered(""));
    assert_eq!(hosts.heads_of_refused(false), [1; 3], "without it servers see the head of the call");
    assert_eq!(hosts.gateway.replace(&rendered("strict: true\n")), Update::Accepted);
    in_force(&hosts, 1);
    assert_eq!(hosts.heads_of_refused(false), [0; 3]);
    hosts.good_calls_arrive(|_, call| call.send(Protocol::Http1, hosts.gateway.address()).unwrap());

    let (certificate, key) = hosts.authority.server_of(&HOSTS);
    let encrypted = |strict: bool| {
        let resources = rendered(&format!("strict: {strict}\ngateway: {{ certificate: of-the-server }}\n"));
        resources.server_certificate("of-the-server", (&certificate, &key))
    };
    assert_eq!(hosts.gateway.replace(&encrypted(false)), Update::Accepted);
    assert_eq!(hosts.heads_of_refused(true), [1; 3], "without it servers see the head of the call");
    assert_eq!(hosts.gateway.replace(&encrypted(true)), Update::Accepted);
    in_force(&hosts, 3);
    assert_eq!(hosts.heads_of_refused(true), [0; 3]);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        hosts.good_calls_arrive(|host, call| {
            call.send_over(&hosts.client(host), protocol, hosts.gateway.address()).unwrap()
        });
    }
    let offered = hosts.gateway.config_dump().to_string().matches(r#""alpn_protocols":["http/1.1"]"#).count();
    assert!(offered >= 3, "one certificate for several hosts: docs/render.md says what comes of it");
    nothing_crosses_hosts(&hosts);
}

/// The patch has found our filter in each chain.
fn in_force(hosts: &Hosts, chains: usize) {
    assert!(hosts.gateway.status("EnvoyPatchPolicy", "tool-gateway-strict").contains("reason: Programmed\n"));
    let filters = hosts.filters();
    assert_eq!(filters.len(), chains, "{filters:#?}");
    for filter in filters {
        assert_eq!(filter["failure_policy"], "FAIL_RELOAD", "{filter:#}");
        assert_eq!(filter["allow_on_headers_stop_iteration"], true, "{filter:#}");
    }
}

/// Under a host there is nothing of another one, whatever a client says of it.
fn nothing_crosses_hosts(hosts: &Hosts) {
    hosts.servers.iter().for_each(Upstream::clear);
    let unknown =
        call("tools.local", "x").send_over(&hosts.client("other.local"), Protocol::Http1, hosts.gateway.address());
    assert!(matches!(unknown.unwrap_err().kind, FailureKind::NotConnected(_)), "no listener is for this host");
    for (connected, asked) in
        [("first.local", "second.local"), ("tools.local", "first.local"), ("first.local", "tools.local")]
    {
        let reply =
            call(asked, "x").send_over(&hosts.client(connected), Protocol::Http1, hosts.gateway.address()).unwrap();
        assert!((400..500).contains(&reply.status), "{connected} {asked}: {}", reply.text());
    }
    let path = call("tools.local", "x").authority("first.local");
    let reply = path.send_over(&hosts.client("first.local"), Protocol::Http1, hosts.gateway.address()).unwrap();
    assert_eq!(reply.status, 404, "tools with paths are under the gateway's own host: {}", reply.text());
    assert_eq!(hosts.servers.each_ref().map(Upstream::count_started), [0; 3]);
}
