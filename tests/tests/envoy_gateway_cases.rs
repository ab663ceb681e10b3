//! The cases of the corpus through the Envoy of the real Envoy Gateway, with what `render` writes for its policy: one
//! policy after the other, by hot reload.

#![cfg(test)]

use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write as _};
use toolgate_corpus::{Case, CaseFile, Framing as Frames, HOST, all_with_headers_held, compile};
use toolgate_tests::{
    cases::{Way, calls, complaints, to_call},
    gateway::Headers,
    harness::{
        PATIENCE,
        client::{Call, Failure, Protocol, Reply},
        envoy::Update,
        gateway::{EnvoyGateway, Resources},
        ratelimit::RateLimitService,
        redis::Redis,
        upstream::{Seen, Upstream},
        wait_for,
    },
    signers::{Signers, is_asked},
};

/// HTTP/1 trailers are off in Envoy Gateway, so that framing goes by HTTP/2. Strict mode is for one of the ways: each
/// change of the resources takes Envoy Gateway two seconds.
const WAYS: [Way; 3] = [
    Way { headers: Headers::SentAhead, protocol: Protocol::Http1, frames: Frames::Length },
    Way { headers: Headers::SentAhead, protocol: Protocol::Http1, frames: Frames::Chunked },
    Way { headers: Headers::Held, protocol: Protocol::Http2, frames: Frames::Trailers },
];

#[test]
fn all_cases_pass_one_policy_after_the_other() {
    let mut files = all_with_headers_held();
    // The rate limit service is told of limits when it starts.
    files.sort_by_key(|file| !is_global(file));
    let mut run = Run::start(&files);
    for file in &files {
        let mut in_force = None;
        for way in WAYS {
            let way = if is_global(file) { Way { headers: Headers::Held, ..way } } else { way };
            // What one way takes from a limit is missing for the next, unless it has a VM of its own.
            let limited = file.policy.contains("rate:") || file.policy.contains("quota:");
            let name = if limited { format!("{:?}", way.frames) } else { format!("{:?}", way.headers) }.to_lowercase();
            if in_force.as_ref() != Some(&name) {
                let resources = run.resources(file, way).with("EnvoyExtensionPolicy", |policy| {
                    policy["metadata"]["name"] = name.as_str().into();
                });
                assert_eq!(run.gateway.replace(&resources), Update::Accepted, "{}", file.name);
                in_force = Some(name);
                assert_eq!(run.redis.ask("FLUSHALL"), "+OK\r\n");
            }
            run.file(file, way);
        }
    }
    assert!(run.wrong.is_empty(), "{}", run.wrong);
    let all_cases = files.iter().flat_map(|file| file.cases.iter().map(|case| (file.name, case.name.clone())));
    let missing: Vec<_> = all_cases.filter(|case| !run.ran.contains(case)).collect();
    assert_eq!(missing, []);
}

/// Whether the rate limit service counts its calls, for which headers must be held.
fn is_global(file: &CaseFile) -> bool {
    file.policy.contains("scope: global")
}

/// What Envoy does with a call before the filter sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Names with underscores are refused, as the rendered ClientTrafficPolicy says.
    Refused,
    /// The rendered SecurityPolicy lets a call pass without a token, never with one that is not verified.
    TokenRefused,
    /// Envoy Gateway always normalises paths.
    PathRewritten,
}

impl Before {
    fn of(file: &CaseFile, case: &Case) -> Self {
        let path = case.call.path();
        let unsigned = |(name, value): &(String, String)| name == "authorization" && value.starts_with("Bearer ");
        let of_a_stranger = case.call.token.as_ref().is_some_and(|token| !is_asked(file, &token.provider));
        if case.call.headers.iter().any(|(name, _)| name.contains('_')) {
            Self::Refused
        } else if of_a_stranger || case.call.headers.iter().any(unsigned) {
            Self::TokenRefused
        } else if path.contains("/../") || path.contains("//") || path.contains("%7") {
            Self::PathRewritten
        } else {
            Self::Nothing
        }
    }
}

struct Run {
    gateway: EnvoyGateway,
    tool: Upstream,
    signers: Signers,
    redis: Redis,
    _service: RateLimitService,
    /// How many audit lines there were before, and how many lines of calls that the filter never saw.
    told: [usize; 2],
    ran: BTreeSet<(&'static str, String)>,
    wrong: String,
}

impl Run {
    fn start(files: &[CaseFile]) -> Self {
        let (tool, redis, signers) = (Upstream::start(), Redis::start(), Signers::of(files).for_server(HOST));
        let gateway = EnvoyGateway::start(&rendered(&files[0], &signers, &redis, Headers::Held), tool.address());
        let service = gateway.rate_limit_service();
        let mut run = Self {
            gateway,
            tool,
            signers,
            redis,
            _service: service,
            told: [0; 2],
            ran: BTreeSet::new(),
            wrong: String::new(),
        };
        let (first, [way, ..]) = (&files[0].cases[0], WAYS);
        let is_up = wait_for(PATIENCE * 3, || {
            run.told[0] += 1;
            let reply = run.send(&files[0], first, to_call(&first.call, way.frames), way);
            (reply.unwrap().status == 200).then_some(())
        });
        assert!(is_up.is_some(), "the rate limit service counts nothing");
        run
    }

    fn resources(&self, file: &CaseFile, way: Way) -> Resources {
        rendered(file, &self.signers, &self.redis, way.headers)
    }

    fn file(&mut self, file: &CaseFile, way: Way) {
        let judged = CaseFile { cases: of(file, Before::Nothing), ..file.clone() };
        self.tool.clear();
        let outcomes = calls(&judged, way, |case, call| self.send(file, case, call, way));
        let (seen, lines) = (self.tool.seen(), self.judged(outcomes.len()));
        for (outcome, line) in outcomes.iter().zip(&lines) {
            self.ran.insert((file.name, outcome.case.name.clone()));
            for complaint in complaints(outcome, line, &seen, way) {
                let _ = writeln!(self.wrong, "{way:?} {}: {}: {complaint}", file.name, outcome.case.name);
            }
        }
        for case in of(file, Before::PathRewritten) {
            self.tool.clear();
            let reply = self.send(file, &case, to_call(&case.call, way.frames), way).unwrap();
            let line = self.judged(1).remove(0);
            assert_judged_as_it_arrives(&case, &reply, &line, &self.tool.seen());
            self.ran.insert((file.name, case.name));
        }
        self.tool.clear();
        for case in of(file, Before::Refused).into_iter().chain(of(file, Before::TokenRefused)) {
            self.refused_by_envoy(file, &case, way);
            self.ran.insert((file.name, case.name));
        }
        assert!(self.tool.seen().is_empty(), "{:?}", self.tool.seen());
    }

    /// Whatever the case wants of the filter: Envoy refuses the call before, and says so in a line of its own.
    fn refused_by_envoy(&mut self, file: &CaseFile, case: &Case, way: Way) {
        let reply = self.send(file, case, to_call(&case.call, way.frames), way);
        let (status, details) = match Before::of(file, case) {
            Before::TokenRefused => (401, "jwt_authn_access_denied"),
            _ => (400, "unexpected_underscore"),
        };
        // In HTTP/2 Envoy resets the stream of a header that it does not take.
        let came = reply.as_ref().map_or(400, |reply| reply.status);
        assert_eq!(came, status, "{}: {reply:?}", case.name);
        let line = self.not_judged();
        let told = line["details"].as_str().unwrap();
        assert!(told.contains(details), "{}: {line}", case.name);
        assert_eq!(self.judged(0), Vec::<Value>::new(), "{}", case.name);
    }

    fn send(&self, file: &CaseFile, case: &Case, call: Call, way: Way) -> Result<Reply, Failure> {
        self.signers.send(file, case, call, way.protocol, self.gateway.address())
    }

    /// The next audit lines, of which there must be exactly so many.
    fn judged(&mut self, count: usize) -> Vec<Value> {
        let lines = self.gateway.judged(self.told[0] + count).split_off(self.told[0]);
        assert_eq!(lines.len(), count, "audit lines");
        self.told[0] += count;
        lines
    }

    /// The next line of a call that the filter never saw.
    fn not_judged(&mut self) -> Value {
        let mut lines = self.gateway.not_judged(self.told[1] + 1).split_off(self.told[1]);
        assert_eq!(lines.len(), 1, "lines of calls that were not judged");
        self.told[1] += 1;
        lines.remove(0)
    }
}

/// What `render` writes for a file's policy, with all that it names, and who verifies the file's calls.
fn rendered(file: &CaseFile, signers: &Signers, redis: &Redis, headers: Headers) -> Resources {
    let mut values = format!("strict: {}\n{}", headers == Headers::Held, upstreams(file));
    if is_global(file) {
        let _ = writeln!(
            values,
            "global_limits: {{ redis: \"redis://{}\", timeout_milliseconds: 10000 }}",
            redis.address()
        );
    }
    let mut identity = "trusted_headers: [x-agent-id]".to_owned();
    if !file.providers().is_empty() {
        let _ = write!(identity, ", jwt: {{ {} }}", signers.values(file));
    }
    let mut certificate = "";
    if file.has_certificates() {
        certificate = ", certificate: of-the-server";
        identity.push_str(", mtls: { ca: of-the-clients }");
    }
    let _ = writeln!(values, "gateway: {{ hostname: {HOST}{certificate} }}\nidentity: {{ {identity} }}");
    // One worker, so that audit lines come in the order of the calls.
    let resources = Resources::rendered(&file.policy, &file.files, &values).workers(1);
    if !file.has_certificates() {
        return resources;
    }
    let (certificate, key) = signers.authority().server(HOST);
    resources
        .server_certificate("of-the-server", (&certificate, &key))
        .client_authority("of-the-clients", &signers.authority().pem())
}

/// MCP servers have routes of their own, some for hosts of their own; all other calls go to one server.
fn upstreams(file: &CaseFile) -> String {
    let servers = compile(file).unwrap().servers.into_iter().map(|server| server.name).collect::<Vec<_>>().join(", ");
    format!(
        "upstreams:\n  tools: {{ service: tools, port: 8080 }}\n  mcp: {{ service: mcp, port: 8080, servers: [{servers}] }}\n"
    )
}

fn of(file: &CaseFile, before: Before) -> Vec<Case> {
    file.cases.iter().filter(|case| Before::of(file, case) == before).cloned().collect()
}

/// Whatever Envoy made of a path: what was judged is what arrives, and nothing else does.
fn assert_judged_as_it_arrives(case: &Case, reply: &Reply, line: &Value, seen: &[Seen]) {
    let tool = line["tool"].as_str().unwrap();
    assert!(["search", "nobody"].contains(&tool), "{}: {line}", case.name);
    assert_eq!(line["status"], reply.status, "{}", case.name);
    let paths: Vec<_> = seen.iter().map(|seen| seen.path.clone()).collect();
    let passed = if line["decision"] == "allow" { vec![format!("/tools/{tool}")] } else { vec![] };
    assert_eq!(paths, passed, "{}", case.name);
}
