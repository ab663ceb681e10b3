//! Limits over many replicas: the real rate limit service and Redis count by header fields that only the filter sets.

#![cfg(test)]

use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, SystemTime},
};
use toolgate_engine::exchange;
use toolgate_tests::{
    cases::verdict,
    counting::{PATIENT, WithoutAnswer, counting, envoy, limits, rules, service, start},
    gateway::{self, Headers},
    harness::{
        PATIENCE,
        client::{Call, Framing, Protocol, Reply, http1::Http1Connection},
        envoy::Envoy,
        load,
        ratelimit::RateLimitService,
        redis::Redis,
        upstream::{Answer, Upstream},
        wait_for,
    },
};

/// Two agents, and tools with these settings besides.
fn policy(top: &str, search: &str, mail: &str) -> String {
    format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\n{top}\ntools:\n  \
         search: {{ agents: [a, b], arguments: {{ blocked: [bad] }}{search} }}\n  mail: {{ agents: [a, b]{mail} }}\n  \
         secret: {{ agents: [], quota: {{ limit: 9/day, scope: global }} }}\n"
    )
}

const AGENTS: &str = "agents: { a: {}, b: {} }";

/// A limit of so many calls of each agent in a day.
fn each(calls: u32) -> String {
    format!(", quota: {{ limit: {calls}/day, scope: global }}")
}

fn call_of(tool: &str, agent: &str) -> Call {
    Call::tool(tool)
        .header("x-agent-id", agent)
        .header("content-type", "application/json")
        .body(r#"{"arguments":{"q":"x"}}"#)
}

fn call(agent: &str) -> Call {
    call_of("search", agent)
}

fn send(envoy: &Envoy, call: &Call) -> Reply {
    call.send(Protocol::Http1, envoy.listener_addr("main")).unwrap()
}

fn statuses<const N: usize>(envoy: &Envoy, call: &Call) -> [u16; N] {
    [(); N].map(|()| send(envoy, call).status)
}

fn load(envoy: &Envoy, calls: usize) -> load::Load {
    let request = call("a").http1_bytes();
    load::run(envoy.listener_addr("main"), 8, calls, move |_| request.clone())
}

/// The last of so many audit lines.
fn last_line(envoy: &Envoy, count: usize) -> Value {
    envoy.audit_lines("main", count).remove(count - 1)
}

/// All fields by which a call can be counted.
fn counted_by(headers: &[(Vec<u8>, Vec<u8>)]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let all = headers.iter().map(|(name, value)| (text(name), text(value)));
    all.filter(|(name, _)| plain(name).starts_with("x-toolgate")).collect()
}

#[test]
fn two_envoys_together_admit_exactly_the_limit() {
    let (tool, redis) = (Upstream::counting(), Redis::start());
    let policy = policy(AGENTS, &each(5_000), "");
    let service = service(&redis, &policy);
    let envoys = [(); 2].map(|()| envoy(&tool, service.address(), &policy, WithoutAnswer::Refuse, PATIENT));
    let loads = thread::scope(|scope| {
        let running = envoys.each_ref().map(|envoy| scope.spawn(|| load(envoy, 10_000)));
        running.map(|load| load.join().unwrap())
    });
    let count = |status: u16| loads.iter().map(|load| load.count(status)).sum::<u64>();
    assert_eq!((count(200), count(429)), (5_000, 15_000), "{loads:?}");
    assert!(loads.iter().all(|load| load.count(200) > 0), "both of them served: {loads:?}");
    assert_eq!((tool.count_complete(), tool.count_started()), (5_000, 5_000));
    assert_eq!(send(&envoys[0], &call("b")).status, 200, "another agent has a limit of its own");
    let keys = redis.ask("KEYS *");
    assert_eq!(keys.matches("tools_x-toolgate-tool-5000-day_search ").count(), 2, "{keys}");
    for envoy in &envoys {
        let lines = envoy.audit_lines("main", 10_000);
        let denied = lines.iter().filter(|line| line["decision"] == "deny");
        assert!(denied.clone().all(|line| verdict(line) == ["deny", "quota_exceeded", "/tools/search/quota"]));
        assert_eq!(denied.count(), lines.iter().filter(|line| line["status"] == 429).count());
        gateway::assert_no_trap(envoy);
    }
}

#[test]
fn a_refusal_of_the_service_is_told_as_one_of_the_filter() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let policy = policy("agents: { a: { rate: { limit: 3/day, scope: global } }, b: {} }", &each(1), "");
    let service = service(&redis, &policy);
    let envoy = envoy(&tool, service.address(), &policy, WithoutAnswer::Refuse, PATIENT);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        assert_eq!(redis.ask("FLUSHALL"), "+OK\r\n");
        let send = |call: Call| call.header("x-request-id", "r-1").send(protocol, envoy.listener_addr("main")).unwrap();
        assert_eq!(send(call("a")).status, 200);
        let refused = send(call("a"));
        let problem = refused.json();
        assert_eq!((refused.status, problem["status"].as_u64()), (429, Some(429)), "{}", refused.text());
        assert_eq!(problem["reason"], "quota_exceeded");
        assert_eq!(problem["type"], "https://toolgate.dev/problems/quota_exceeded");
        assert!(problem["request_id"].as_str().is_some_and(|id| !id.is_empty()));
        let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        let left = 86_400 - SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() % 86_400;
        assert!(after.abs_diff(left) < 60, "{after} {left}");
        assert_eq!(problem["detail"], format!("the quota `tool-quota` is spent, retry after {after} s"));
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
        assert_eq!(refused.header("ratelimit"), Some(format!("\"tool-quota\";r=0;t={after}").as_str()));
        assert_eq!(refused.header("ratelimit-policy"), Some("\"tool-quota\";q=1;w=86400"));
        // The limit of the agent is over all tools, and the refused call has taken from it.
        assert_eq!(send(call_of("mail", "a")).status, 200);
        let refused = send(call_of("mail", "a"));
        assert_eq!((refused.status, refused.json()["reason"].as_str()), (429, Some("rate_exceeded")));
        assert_eq!(send(call_of("mail", "b")).status, 200, "nothing holds it, so nobody is asked");
    }
    let lines = envoy.audit_lines("main", 10);
    let denied: Vec<_> = lines.iter().filter(|line| line["status"] == 429).map(verdict).collect();
    let [quota, rate] =
        [["deny", "quota_exceeded", "/tools/search/quota"], ["deny", "rate_exceeded", "/agents/a/rate"]];
    assert_eq!(denied, [quota, rate, quota, rate]);
    assert!(lines.iter().all(|line| line["unanswered"].is_null()), "{lines:?}");
    assert_eq!(tool.seen().len(), 6);
    gateway::assert_no_trap(&envoy);
}

#[test]
fn limits_are_for_each_agent_for_all_and_for_tool_groups() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let shared = ", rate: { limit: 3/day, per: all, scope: global }";
    let groups = "agents: { a: {}, b: {} }\ntool_groups:\n  \
        web: { tools: [search, mail], quota: { limit: 6/day, per: all, scope: global } }\n  \
        two: { tools: [search, mail], quota: { limit: 4/day, scope: global } }";
    let policy = policy(groups, shared, &each(2));
    let service = service(&redis, &policy);
    let envoy = envoy(&tool, service.address(), &policy, WithoutAnswer::Refuse, PATIENT);
    assert_eq!(statuses(&envoy, &call("a")), [200, 200]);
    assert_eq!(statuses(&envoy, &call("b")), [200, 429], "all agents share the tool's limit");
    assert_eq!(statuses(&envoy, &call_of("mail", "a")), [200, 200], "another tool has one of its own");
    assert_eq!(verdict(&last_line(&envoy, 4)), ["deny", "rate_exceeded", "/tools/search/rate"]);
    // What one limit refuses has taken from the others: web counts the refused call, too.
    assert_eq!(statuses(&envoy, &call_of("mail", "b")), [429], "all agents share a limit of the group");
    assert_eq!(verdict(&last_line(&envoy, 7)), ["deny", "quota_exceeded", "/tool_groups/web/quota"]);
    let seen = counted_by(&tool.seen()[0].headers);
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let group = |at: usize| rules(&policy)[at].header.clone();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen.contains(&field("x-toolgate-tool-3-day", "search")), "{seen:?}");
    let groups = [(group(0), "a"), (group(1), "*"), (group(0), "*"), (group(1), "a")];
    assert_eq!(groups.iter().filter(|(name, value)| seen.contains(&field(name, value))).count(), 2, "{seen:?}");
    assert!(counted_by(&tool.seen()[4].headers).contains(&field("x-toolgate-tool-2-day", "mail a")));
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_call_that_the_filter_refuses_takes_nothing_from_a_global_limit() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let policy = policy(AGENTS, &format!("{}, rate: 4/day", each(3)), "");
    let service = service(&redis, &policy);
    let envoy = envoy(&tool, service.address(), &policy, WithoutAnswer::Refuse, PATIENT);
    let refused = [
        call("a").method("GET"),
        call_of("secret", "a"),
        call("a").header("x-agent-id", "b"),
        call("a").body("{"),
        call("a").body(r#"{"arguments":{"q":"bad"}}"#),
    ];
    for refused in &refused {
        let status = send(&envoy, refused).status;
        assert!((400..=405).contains(&status), "{status}");
    }
    assert_eq!(redis.ask("KEYS *"), "*0\r\n");
    assert_eq!(statuses(&envoy, &call("a")), [200, 200, 200, 429]);
    assert_eq!(last_line(&envoy, 9)["reason"], "quota_exceeded");
    // The filter's own limit has counted what the service then refused; what it refuses itself is not asked for.
    assert_eq!(statuses(&envoy, &call("a")), [429]);
    assert_eq!(verdict(&last_line(&envoy, 10)), ["deny", "rate_exceeded", "/tools/search/rate"]);
    let keys = redis.ask("KEYS *");
    let key = keys.lines().find(|line| line.starts_with("tools_")).unwrap();
    assert_eq!(redis.ask(&format!("GET \"{key}\"")), "$1\r\n4\r\n", "the fifth call was not counted");
}

#[test]
fn a_field_that_a_client_sends_counts_for_nobody_and_never_arrives() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let policy = policy(AGENTS, &each(1_000), "");
    let service = service(&redis, &policy);
    let envoy = envoy(&tool, service.address(), &policy, WithoutAnswer::Refuse, PATIENT);
    let name = "x-toolgate-tool-1000-day";
    let trailers = [name, "x_toolgate-tool-1000-day", "X-Toolgate-Agent-5-Day", "x-toolgate-", "x-kept"];
    let trailers = trailers.map(|name| (name.to_ascii_lowercase().into_bytes(), b"search b".to_vec())).to_vec();
    let ways: [(&str, Call); 7] = [
        ("alone", call("a").header(name, "search b")),
        ("twice", call("a").header(name, "search b").header(name, "search b")),
        ("with underscores", call("a").header("x_toolgate_tool_1000_day", "search b")),
        ("in another case", call("a").header("X-Toolgate-TOOL-1000-day", "search b")),
        ("of another class", call("a").header("x-toolgate-agent-5-day", "b").header("x-toolgate-anything", "b")),
        ("in trailers", call("a").framing(Framing::ChunkedTrailers(trailers))),
        ("with a space behind its name", call("a").header("x-toolgate-tool-1000-day ", "search b")),
    ];
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (what, spoofed) in &ways {
            // In HTTP/2 a name is written in lower case, or Envoy resets the stream.
            tool.clear();
            match spoofed.send(protocol, envoy.listener_addr("main")) {
                Ok(reply) if reply.status == 200 => {
                    let seen = tool.seen().remove(0);
                    assert_eq!(counted_by(&seen.headers), [(name.to_owned(), "search a".to_owned())], "{what}");
                    assert_eq!(counted_by(&seen.trailers), [], "{what}");
                }
                Ok(reply) => assert_eq!((reply.status, tool.seen().len()), (400, 0), "{what}: {}", reply.text()),
                Err(_) => assert!(tool.seen().is_empty(), "{what}"),
            }
        }
        // A tool without a limit is told of none.
        tool.clear();
        let sent = call_of("mail", "a").header(name, "search b").send(protocol, envoy.listener_addr("main"));
        assert_eq!((sent.unwrap().status, counted_by(&tool.seen()[0].headers)), (200, Vec::new()));
    }
    let keys = redis.ask("KEYS *");
    assert!(keys.contains("_search a_") && !keys.contains("_search b_"), "{keys}");
    assert_eq!(keys.matches("tools_").count(), 1, "{keys}");
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_tool_that_answers_as_the_limit_would_keeps_its_answer() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let policy = policy(AGENTS, &each(1_000), "");
    let service = service(&redis, &policy);
    let envoy = envoy(&tool, service.address(), &policy, WithoutAnswer::Refuse, PATIENT);
    for status in [429, 500, 503] {
        tool.answer(move |_| {
            Answer::json(status, &json!({"own": true}))
                .header("x-envoy-ratelimited", "true")
                .header("x-ratelimit-limit", "7, 7;w=60")
                .header("retry-after", "7")
        });
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let reply = call("a").send(protocol, envoy.listener_addr("main")).unwrap();
            assert_eq!((reply.status, reply.json()), (status, json!({"own": true})));
            assert_eq!(reply.header("retry-after"), Some("7"));
        }
    }
    for line in envoy.audit_lines("main", 6) {
        assert_eq!(verdict(&line)[..2], ["allow", "granted"]);
        assert!(line["unanswered"].is_null(), "it was counted: {line}");
    }
}

#[test]
fn a_refusal_by_a_limit_of_the_gateways_own_is_no_rule_of_the_policy() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let policy = policy(AGENTS, &each(1_000), "");
    let rules = rules(&policy);
    let more = "  - key: own\n    rate_limit: { unit: day, requests_per_unit: 2 }\n";
    let service = RateLimitService::with_limits(redis.address(), &format!("{}{more}", limits(&rules)));
    let mut fields: Vec<_> = rules.iter().map(|rule| (rule.header.as_str(), rule.header.as_str())).collect();
    fields.push((exchange::TRUSTED_AGENT, "own"));
    let listener = counting(gateway::listener("main", &policy, Headers::Held), &fields, WithoutAnswer::Refuse, PATIENT);
    let envoy = start(&tool, service.address(), listener);
    assert_eq!(statuses(&envoy, &call("a")), [200, 200, 429]);
    assert_eq!(verdict(&last_line(&envoy, 3)), ["deny", "rate_exceeded", ""]);
    // A call that has no global limit is not the filter's to explain.
    let refused = send(&envoy, &call_of("mail", "a"));
    assert_eq!((refused.status, refused.body.len()), (429, 0));
    assert_eq!(verdict(&last_line(&envoy, 4)), ["allow", "granted", "/tools/mail/agents/0"]);
}

/// What the filter says of a call without an answer of the service.
fn assert_undecided(refused: &Reply) {
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.json()["reason"], "undecided_limits");
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
}

fn unanswered(envoy: &Envoy) -> u64 {
    let name = "tool_gateway_unanswered_limits_total{agent_id=\"a\",tool=\"search\"} ";
    let count = |text: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|count| count.parse().unwrap());
    count(&envoy.prometheus()).unwrap_or_default()
}

#[test]
fn without_redis_calls_are_refused_or_pass_as_it_is_set_and_it_is_said() {
    let (tool, mut redis) = (Upstream::counting(), Redis::start());
    let policy = policy(AGENTS, &each(1_000_000), "");
    let service = service(&redis, &policy);
    // The service waits for its Redis without end, so that every call lasts as long as Envoy's patience.
    let patience = Duration::from_millis(200);
    let [closed, open] =
        [WithoutAnswer::Refuse, WithoutAnswer::Pass].map(|to| envoy(&tool, service.address(), &policy, to, patience));
    let loads = thread::scope(|scope| {
        let running = [&closed, &open].map(|envoy| scope.spawn(|| (load(envoy, 400), load(envoy, 40))));
        wait_for(PATIENCE, || (tool.count_complete() > 100).then_some(())).expect("calls pass");
        redis.kill();
        running.map(|load| load.join().unwrap())
    });
    for (what, (during, after)) in ["closed", "open"].into_iter().zip(&loads) {
        assert_eq!((during.broken, after.broken), (0, 0), "{what}: {during:?} {after:?}");
        let known = during.count(200) + during.count(if what == "closed" { 503 } else { 200 });
        assert!(known >= 400, "{what}: {during:?}");
    }
    assert_eq!(loads.each_ref().map(|(_, after)| (after.count(503), after.count(200))), [(40, 0), (0, 40)]);
    // Each call that nobody counted is told of, in its audit line and in a counter; none of those that were counted.
    let counted = |envoy: &Envoy| wait_for(PATIENCE, || Some(unanswered(envoy)).filter(|count| *count >= 40));
    let lines = open.audit_lines("main", 440);
    let silent = lines.iter().filter(|line| line["unanswered"] == true).count();
    assert_eq!(counted(&open), Some(u64::try_from(silent).unwrap()));
    assert!((40..440).contains(&silent) && lines.iter().all(|line| verdict(line)[..2] == ["allow", "granted"]));
    let lines = closed.audit_lines("main", 440);
    let refused: Vec<_> = lines.iter().filter(|line| line["status"] == 503).map(verdict).collect();
    assert!(refused.iter().all(|told| *told == ["deny", "undecided_limits", "/tools/search/quota"]), "{refused:?}");
    assert_eq!(unanswered(&closed), 0);
    assert_undecided(&send(&closed, &call("a")));
    // It comes back empty: a Redis that keeps nothing forgets what was taken.
    let redis = Redis::start_on(redis.address());
    let healed = wait_for(PATIENCE, || (send(&closed, &call("a")).status == 200).then_some(()));
    assert!(healed.is_some(), "{}", service.log());
    assert!(redis.ask("KEYS *").contains("_search a_"));
}

#[test]
fn without_the_service_calls_are_refused_or_pass_as_it_is_set_and_it_is_said() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let policy = policy(AGENTS, &each(100), "");
    let mut service = service(&redis, &policy);
    let [closed, open] =
        [WithoutAnswer::Refuse, WithoutAnswer::Pass].map(|to| envoy(&tool, service.address(), &policy, to, PATIENT));
    assert_eq!([&closed, &open].map(|envoy| send(envoy, &call("a")).status), [200, 200]);
    service.kill();
    assert_undecided(&send(&closed, &call("a")));
    assert_eq!(send(&open, &call("a")).status, 200);
    assert_eq!([&closed, &open].map(|envoy| send(envoy, &call_of("mail", "a")).status), [200, 200]);
    assert_eq!(tool.seen().len(), 5);
    let line = &closed.audit_lines("main", 3)[1];
    assert_eq!(verdict(line), ["deny", "undecided_limits", "/tools/search/quota"]);
    assert_eq!((line["status"].as_u64(), line["unanswered"].is_null()), (Some(503), true));
    let lines = open.audit_lines("main", 3);
    let silent: Vec<_> = lines.iter().map(|line| line["unanswered"] == true).collect();
    assert_eq!(silent, [false, true, false], "{lines:?}");
    let counted = wait_for(PATIENCE, || (unanswered(&open) == 1).then_some(()));
    assert!(counted.is_some(), "{}", open.prometheus());
    for envoy in [&closed, &open] {
        gateway::assert_no_trap(envoy);
    }
}

#[test]
fn an_envoy_that_counts_nothing_or_not_all_is_not_silent() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let policy = policy("agents: { a: { rate: { limit: 50/day, scope: global } }, b: {} }", &each(100), "");
    let service = service(&redis, &policy);
    let alone = start(&tool, service.address(), gateway::listener("main", &policy, Headers::Held));
    let half = [("x-toolgate-tool-100-day", "x-toolgate-tool-100-day")];
    let listener = counting(gateway::listener("main", &policy, Headers::Held), &half, WithoutAnswer::Refuse, PATIENT);
    let half = start(&tool, service.address(), listener);
    for envoy in [&alone, &half] {
        assert_eq!(send(envoy, &call("a")).status, 200);
        assert_eq!(last_line(envoy, 1)["unanswered"], true);
    }
    assert_eq!(send(&half, &call("b")).status, 200);
    assert!(last_line(&half, 2)["unanswered"].is_null(), "all limits of this agent are counted");
}

/// A policy without global limits of its own.
const POLICY: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
    agents: { a: {}, b: {} }\ntools:\n  search: { agents: [a, b], arguments: { blocked: [bad] } }\n  mail: { agents: [] }\n";

/// A limit of the gateway's own.
const OF_EACH_AGENT: &str =
    "domain: tools\ndescriptors:\n  - key: agent\n    rate_limit: { unit: month, requests_per_unit: 1000 }\n";

/// While the limit waits for its answer, it holds the header; when it lets go, it sends on what Envoy's buffer holds.
#[test]
fn no_part_of_a_body_passes_a_limit_before_all_of_it_is_judged() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let service = RateLimitService::with_limits(redis.address(), OF_EACH_AGENT);
    // Judged alone, the second piece would pass; some servers read no further than the first.
    let pieces = [r#"{"arguments":{"q":"bad"}}"#, r#" {"arguments":{"q":"x"}}"#];
    let good = [r#"{"arguments":"#, r#"{"q":"x"}}"#];
    for headers in [Headers::SentAhead, Headers::Held] {
        let listener = gateway::listener("main", POLICY, headers);
        let by_agent = [(exchange::TRUSTED_AGENT, "agent")];
        let envoy = start(&tool, service.address(), counting(listener, &by_agent, WithoutAnswer::Refuse, PATIENT));
        for end in ["0\r\n\r\n", "0\r\nx-end: here\r\n\r\n"] {
            tool.clear();
            let reply = in_pieces(&envoy, pieces, end);
            assert_eq!(reply.json()["reason"], "body_malformed", "{headers:?}");
            let arrived: Vec<_> =
                tool.seen().into_iter().filter(|seen| !seen.body.is_empty() || seen.complete).collect();
            assert!(arrived.is_empty(), "{headers:?}: {arrived:?}");
            tool.clear();
            assert_eq!(in_pieces(&envoy, good, end).status, 200, "{headers:?}");
            assert_eq!(tool.seen()[0].body, good.concat().as_bytes(), "{headers:?}");
        }
        gateway::assert_no_trap(&envoy);
    }
}

/// Sends the second piece when the first has long been seen by all filters.
fn in_pieces(envoy: &Envoy, pieces: [&str; 2], end: &str) -> Reply {
    let chunk = |piece: &str| format!("{:x}\r\n{piece}\r\n", piece.len());
    let mut connection = Http1Connection::open(envoy.listener_addr("main")).unwrap();
    let head = "POST /tools/search HTTP/1.1\r\nhost: tools\r\nx-agent-id: a\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n";
    connection.write(format!("{head}{}", chunk(pieces[0])).as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(300));
    connection.write(format!("{}{end}", chunk(pieces[1])).as_bytes()).unwrap();
    connection.read_reply().unwrap()
}
