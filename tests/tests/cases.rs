//! Every case of the corpus through a real Envoy: both protocols, all framings, headers held and sent ahead.

#![cfg(test)]

use std::{collections::BTreeMap, fmt::Write as _};
use toolgate_corpus::{Case, CaseFile, Framing as Frames, all};
use toolgate_tests::{
    gateway::{self, Headers},
    harness::{
        client::{Call, Failure, Framing, Protocol, Reply},
        envoy::{Envoy, Listener},
        upstream::{Seen, Upstream},
    },
    identity::{Authority, Clients, Issuer, Names, allow_missing_or_failed, jwt_filter},
};

/// Which of the ways to send a call is tried.
#[derive(Clone, Copy, Debug)]
struct Way {
    headers: Headers,
    protocol: Protocol,
    frames: Frames,
}

/// Who signs the tokens and certificates of the calls.
struct Signers {
    issuers: BTreeMap<String, Issuer>,
    authority: Authority,
}

impl Signers {
    fn of(files: &[CaseFile]) -> Self {
        let providers = files.iter().flat_map(CaseFile::providers);
        let issuers = providers.map(|name| (name.to_owned(), Issuer::new(name))).collect();
        Self { issuers, authority: Authority::new() }
    }

    /// The file's listener, with the filter that verifies its tokens and the TLS that verifies its certificates.
    fn verified(&self, file: &CaseFile, listener: Listener) -> Listener {
        let names = file.providers();
        let providers: Vec<_> = names.iter().map(|name| (*name, self.issuers[*name].provider())).collect();
        let listener = match providers.as_slice() {
            [] => listener,
            providers => listener.first_filter(jwt_filter(providers, &allow_missing_or_failed(&names))),
        };
        if file.has_certificates() { self.authority.secure(listener, Clients::Verified) } else { listener }
    }

    /// Sends a call with its token and its certificate.
    fn send(&self, file: &CaseFile, case: &Case, call: Call, way: Way, envoy: &Envoy) -> Result<Reply, Failure> {
        let call = match &case.call.token {
            None => call,
            Some(token) => {
                let token = self.issuers[&token.provider].token(&token.claims.clone().into());
                call.header("authorization", format!("Bearer {token}"))
            }
        };
        let address = envoy.listener_addr(file.name);
        if !file.has_certificates() {
            return call.send(way.protocol, address);
        }
        let client = match &case.call.certificate {
            None => self.authority.client(),
            Some(toolgate_corpus::Certificate { uri_sans, dns_sans, common_names }) => {
                self.authority.client_named(&self.authority, Names { uri_sans, dns_sans, common_names })
            }
        };
        call.send_over(&client, way.protocol, address)
    }
}

/// What became of one call.
struct Outcome {
    file: &'static str,
    case: Case,
    id: String,
    reply: Reply,
}

#[test]
fn cases_with_headers_held() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for frames in [Frames::Length, Frames::Chunked, Frames::Trailers] {
            run(Way { headers: Headers::Held, protocol, frames });
        }
    }
}

#[test]
fn cases_with_headers_sent_ahead() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for frames in [Frames::Length, Frames::Chunked, Frames::Trailers] {
            run(Way { headers: Headers::SentAhead, protocol, frames });
        }
    }
}

/// Each file has a listener and a VM of its own, so no file takes from another's limits.
fn run(way: Way) {
    let files = all();
    let upstream = Upstream::start();
    let signers = Signers::of(&files);
    let listeners = files
        .iter()
        .map(|file| signers.verified(file, gateway::listener_with(file.name, &file.policy, &file.files, way.headers)));
    // One worker, so that audit lines come in the order of the calls.
    let envoy = Envoy::start(&gateway::config(&upstream, listeners).concurrency(1));
    let mut wrong = String::new();
    for file in &files {
        let outcomes = calls(file, way, &signers, &envoy);
        let seen = upstream.seen();
        for (outcome, line) in outcomes.iter().zip(envoy.audit_lines(file.name, outcomes.len())) {
            for complaint in complaints(outcome, &line, &seen, way) {
                let _ = writeln!(wrong, "{}: {}: {complaint}", outcome.file, outcome.case.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{way:?}\n{wrong}\n{}", envoy.log());
    gateway::assert_no_trap(&envoy);
}

fn calls(file: &CaseFile, way: Way, signers: &Signers, envoy: &Envoy) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for case in &file.cases {
        if case.call.framing.is_some_and(|only| only != way.frames) {
            continue;
        }
        for _ in 0..case.times {
            let id = format!("{}-{}", file.name, outcomes.len());
            let call = to_call(&case.call, way.frames).header("x-case", &id);
            let reply = signers.send(file, case, call, way, envoy);
            // A refusal may come before the body was sent whole: what counts is that it came.
            let reply = reply.unwrap_or_else(|failure| match failure.received {
                Some(reply) => *reply,
                None => panic!("{way:?} {}: {}: {failure:?}\n{}", file.name, case.name, envoy.log()),
            });
            outcomes.push(Outcome { file: file.name, case: case.clone(), id, reply });
        }
    }
    outcomes
}

fn to_call(call: &toolgate_corpus::Call, frames: Frames) -> Call {
    let plain = Call::new(&call.method, call.path());
    let with_fields = call.fields().into_iter().fold(plain, |sent, (name, value)| sent.header(name, value));
    let Some(body) = call.body() else {
        return with_fields;
    };
    // Envoy leaves a connection on which several empty frames come in a row.
    let pieces = if body.is_empty() { vec![] } else { vec![1, 7, 100] };
    with_fields.body(body).framing(match frames {
        Frames::Length => Framing::ContentLength,
        Frames::Chunked => Framing::Chunked(pieces),
        Frames::Trailers => Framing::ChunkedTrailers(vec![(b"x-end".to_vec(), b"here".to_vec())]),
    })
}

fn complaints(outcome: &Outcome, line: &serde_json::Value, seen: &[Seen], way: Way) -> Vec<String> {
    let Outcome { case, id, reply, .. } = outcome;
    let want = &case.want;
    let mut wrong = Vec::new();
    let mut same = |what: &str, got: String, wanted: String| {
        if got != wanted {
            wrong.push(format!("{what} is {got}, not {wanted}"));
        }
    };
    same("the status", reply.status.to_string(), want.status.to_string());
    let text = |name: &str| line[name].as_str().unwrap_or("(missing)").to_owned();
    same("the audited reason", text("reason"), want.reason.clone());
    same("the audited rule", text("rule"), want.rule.clone());
    same("the audited status", line["status"].to_string(), want.status.to_string());
    same("would_deny", line["would_deny"].to_string(), want.would_deny.to_string());
    same("the event", text("event"), "tool_call".to_owned());
    same(
        "the audited user",
        line["user_id"].as_str().unwrap_or_default().to_owned(),
        want.user.clone().unwrap_or_default(),
    );
    if let Some(arguments) = &want.arguments {
        same("the shown arguments", text("arguments"), arguments.clone());
    }
    for (field, wanted) in [("argument", &want.argument), ("keyword", &want.keyword)] {
        if let Some(wanted) = wanted {
            same(&format!("the shown {field}"), line[field].as_str().unwrap_or_default().to_owned(), wanted.clone());
        }
    }
    let at_tool: Vec<_> = seen.iter().filter(|seen| seen.header_values("x-case") == [id.as_bytes()]).collect();
    if want.status == 200 {
        same("the number of arrivals", at_tool.len().to_string(), "1".to_owned());
        for seen in at_tool {
            same("whether all arrived", seen.complete.to_string(), "true".to_owned());
            same(
                "the body at the tool",
                format!("{:?}", seen.body),
                format!("{:?}", case.call.body().unwrap_or_default()),
            );
            let declared = want.reason != "agent_unknown";
            let agent = case.trusted_agent().filter(|_| declared).map(str::as_bytes).into_iter().collect::<Vec<_>>();
            let user = want.user.as_deref().filter(|_| declared).map(str::as_bytes).into_iter().collect::<Vec<_>>();
            same("the trusted agent", format!("{:?}", seen.header_values("x-forwarded-agent")), format!("{agent:?}"));
            same(
                "the trusted user",
                format!("{:?}", seen.header_values("x-forwarded-agent-user")),
                format!("{user:?}"),
            );
            same("the untrusted twin", format!("{:?}", seen.header_values("x_forwarded_agent")), "[]".to_owned());
        }
        return wrong;
    }
    same("the problem's reason", reply.json()["reason"].as_str().unwrap_or_default().to_owned(), want.reason.clone());
    same("the problem's status", reply.json()["status"].to_string(), want.status.to_string());
    same(
        "the media type",
        reply.header("content-type").unwrap_or_default().to_owned(),
        "application/problem+json".to_owned(),
    );
    let by_body = [
        "body_malformed",
        "body_shape",
        "argument_invalid",
        "argument_costly",
        "argument_too_long",
        "argument_blocked",
        "argument_obscured",
        "rate_exceeded",
        "quota_exceeded",
    ];
    let may_start = way.headers == Headers::SentAhead
        && (by_body.contains(&want.reason.as_str())
            || !matches!(way.frames, Frames::Length)
                && ["body_too_large", "body_missing"].contains(&want.reason.as_str()));
    if may_start {
        same(
            "whether a body arrived",
            at_tool.iter().any(|seen| seen.complete || !seen.body.is_empty()).to_string(),
            "false".to_owned(),
        );
    } else {
        same("the number of arrivals", at_tool.len().to_string(), "0".to_owned());
    }
    wrong
}
