//! What a policy means: the bundle that it becomes.
//!
//! In: policies. Out: names, rules, limits and checks as the filter will see them.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use policy_compiler::{
    Packing, compile, compile_with,
    files::{Files, Unread},
    pack, pack_with,
};
use std::collections::BTreeMap;
use toolgate_engine::{
    bundle::{
        AuditArguments, Bundle, CertificateName, Deployment, IdentitySource, Mirror, Mode, Ruled, Share, Subject,
        TokenSource, ToolsClaim, Unanswered, Window, encode,
    },
    policy::{MAX_MIRRORED, Policy},
};

const HEAD: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n";

/// The files of the sample policy.
struct BesideSample;

impl Files for BesideSample {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unread> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy");
        std::fs::read(std::path::Path::new(folder).join(path)).map_err(|_| Unread::Missing)
    }
}

fn bundle(rest: &str) -> Bundle {
    let compiled = compile("p.yaml", format!("{HEAD}{rest}").as_bytes());
    compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

/// Who may call a tool, each with the rule that says so.
fn grants<'a>(bundle: &'a Bundle, tool: &str) -> Vec<(String, &'a str)> {
    let tool = bundle.tools.iter().find(|known| known.name == tool).unwrap();
    let name = |subject| match subject {
        Subject::Agent(at) => bundle.agents[at as usize].name.clone(),
        Subject::Group(at) => format!("@{}", bundle.groups[at as usize]),
    };
    tool.grants.iter().map(|grant| (name(grant.subject), bundle.rules[grant.rule as usize].as_str())).collect()
}

/// The buckets of a tool, each in one line.
fn buckets(bundle: &Bundle, tool: &str) -> Vec<String> {
    let tool = bundle.tools.iter().find(|known| known.name == tool).unwrap();
    tool.buckets.iter().map(|&bucket| shown(bundle, bucket)).collect()
}

fn shown(bundle: &Bundle, bucket: u32) -> String {
    let bucket = &bundle.buckets[bucket as usize];
    let share = match bucket.share {
        Share::EachAgent => "each",
        Share::AllAgents => "all",
    };
    let rate = bucket.rate.map(|rate| {
        let rule = &bundle.rules[rate.rule as usize];
        format!(" rate {}/{}s burst {} {rule}", rate.value.count, rate.value.period_secs, rate.value.burst)
    });
    let quota = bucket.quota.map(|quota| {
        let rule = &bundle.rules[quota.rule as usize];
        format!(" quota {}/{:?} {rule}", quota.value.count, quota.value.window)
    });
    let limits = rate.unwrap_or_default() + &quota.unwrap_or_default();
    format!("{} ({}) {share}{limits}", bucket.key, bucket.label)
}

/// What narrows each grant of a tool, as the rules of its checks.
fn narrowings<'a>(bundle: &'a Bundle, tool: &str) -> Vec<Vec<&'a str>> {
    let tool = bundle.tools.iter().find(|known| known.name == tool).unwrap();
    tool.grants.iter().map(|grant| grant.checks.iter().flat_map(|&at| rules_of(bundle, at)).collect()).collect()
}

/// The checks of a tool, each as its rules.
fn checks<'a>(bundle: &'a Bundle, tool: &str) -> Vec<Vec<&'a str>> {
    let tool = bundle.tools.iter().find(|known| known.name == tool).unwrap();
    tool.checks.iter().map(|&at| rules_of(bundle, at)).collect()
}

fn rules_of(bundle: &Bundle, checks: u32) -> Vec<&str> {
    let checks = &bundle.checks[checks as usize];
    let patterns = checks.blocked.iter().flat_map(|blocked| blocked.rules.clone());
    let schemas = checks.schemas.iter().map(|schema| schema.rule);
    let rules = schemas.chain(checks.max_string_length.iter().map(|max| max.rule)).chain(patterns);
    rules.map(|rule| bundle.rules[rule as usize].as_str()).collect()
}

#[test]
fn names_stay_in_the_order_in_which_they_are_declared() {
    let bundle = bundle("tools: { z: {}, a: {} }\ngroups: { y: [], b: [] }\nagents: { x: {}, c: {} }\n");
    assert_eq!(bundle.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["z", "a"]);
    assert_eq!(bundle.groups, ["y", "b"]);
    assert_eq!(bundle.agents.iter().map(|agent| agent.name.as_str()).collect::<Vec<_>>(), ["x", "c"]);
    assert_eq!(bundle.identity, [IdentitySource::Header("x-agent-id".to_owned())]);
}

#[test]
fn sources_of_identity_stay_in_their_order() {
    let compiled = |identity: &str| {
        let policy = format!(
            "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {identity}\nagents: {{ a: {{}} }}\ntools: {{ t: {{ agents: [a] }} }}\n"
        );
        compile("p.yaml", policy.as_bytes()).bundle.unwrap()
    };
    let bundle = compiled(
        "[{ header: x-a }, { jwt: { provider: idp, agent: /a~1b/~0, user: sub, scopes: { claim: scope } } }, \
         { mtls: subject }, { jwt: { provider: two, agent: azp, tools: { claim: t } } }, { api_key: { header: x-b } }]",
    );
    let text = |text: &str| text.to_owned();
    let tools = |rule, claim: &str, scope_prefix: Option<&str>| {
        Some(Ruled { rule, value: ToolsClaim { claim: vec![text(claim)], scope_prefix: scope_prefix.map(text) } })
    };
    let wanted = [
        IdentitySource::Header(text("x-a")),
        IdentitySource::Token(TokenSource {
            provider: text("idp"),
            agent: vec![text("a/b"), text("~")],
            user: Some(vec![text("sub")]),
            tools: tools(0, "scope", Some("")),
        }),
        IdentitySource::Certificate(CertificateName::Subject),
        IdentitySource::Token(TokenSource {
            provider: text("two"),
            agent: vec![text("azp")],
            user: None,
            tools: tools(1, "t", None),
        }),
        IdentitySource::ApiKey(text("x-b")),
    ];
    assert_eq!(bundle.identity, wanted);
    assert_eq!(bundle.rules[..2], ["/identity/1/jwt/scopes", "/identity/3/jwt/tools"]);
    let alone = compiled("{ jwt: { provider: idp, agent: azp, scopes: { claim: scope } } }");
    assert_eq!(alone.rules[0], "/identity/jwt/scopes");
}

#[test]
fn a_grant_names_the_entry_that_it_comes_from() {
    let bundle = bundle(
        "agents: { a: {}, b: {}, c: {} }\ngroups: { g: [a, b] }\n\
         tool_groups: { w: { tools: [t], agents: [c, a], groups: [g] } }\n\
         tools: { t: { agents: [b, a], groups: [g] }, u: {} }\n",
    );
    let owned =
        |grants: Vec<(String, &str)>| grants.into_iter().map(|(who, rule)| format!("{who} {rule}")).collect::<Vec<_>>();
    // Of several grants to one subject, the first is the one that decides.
    let wanted = ["b /tools/t/agents/0", "a /tools/t/agents/1", "@g /tools/t/groups/0", "c /tool_groups/w/agents/0"];
    assert_eq!(owned(grants(&bundle, "t")), wanted);
    assert_eq!(owned(grants(&bundle, "u")), [""; 0]);
    assert_eq!(bundle.agents[0].groups, [0]);
    assert_eq!(bundle.agents[2].groups, [0; 0]);
}

#[test]
fn an_entry_that_stands_twice_keeps_the_place_of_the_first() {
    let bundle = bundle("agents: { a: {}, b: {} }\ntools: { t: { agents: [a, a, b] } }\n");
    let rules: Vec<_> = grants(&bundle, "t").into_iter().map(|(_, rule)| rule.to_owned()).collect();
    assert_eq!(rules, ["/tools/t/agents/0", "/tools/t/agents/2"]);
}

#[test]
fn a_narrowed_grant_has_the_checks_of_its_entry_and_the_tool_keeps_its_own() {
    let bundle = bundle(
        "agents: { a: {}, b: {}, c: {} }\ngroups: { g: [b, c] }\n\
         tools:\n  t:\n    arguments: { max_string_length: 9, blocked: [own] }\n\
         \x20   agents: [b, { agent: a, arguments: { blocked: [x, { literal: y, at: /q }], max_string_length: 5 } }]\n\
         \x20   groups: [{ group: g, arguments: { max_string_length: 3 } }]\n",
    );
    let owned = |grants: Vec<(String, &str)>| grants.into_iter().map(|(who, _)| who).collect::<Vec<_>>();
    assert_eq!(owned(grants(&bundle, "t")), ["b", "a", "@g"]);
    let of_a = [
        "/tools/t/agents/1/arguments/max_string_length",
        "/tools/t/agents/1/arguments/blocked/0",
        "/tools/t/agents/1/arguments/blocked/1",
    ];
    let wanted = [vec![], of_a.to_vec(), vec!["/tools/t/groups/0/arguments/max_string_length"]];
    assert_eq!(narrowings(&bundle, "t"), wanted);
    let own = ["/tools/t/arguments/max_string_length", "/tools/t/arguments/blocked/0"];
    assert_eq!(checks(&bundle, "t"), [own.to_vec()]);
}

#[test]
fn narrowed_grants_of_one_agent_are_alternatives_and_all_are_kept() {
    let bundle = bundle(
        "agents: { a: {} }\ntools:\n  t:\n    agents:\n\
         \x20     - { agent: a, arguments: { blocked: [x] } }\n      - { agent: a, arguments: { blocked: [y] } }\n",
    );
    let rules: Vec<_> = grants(&bundle, "t").into_iter().map(|(_, rule)| rule.to_owned()).collect();
    assert_eq!(rules, ["/tools/t/agents/0", "/tools/t/agents/1"]);
}

#[test]
fn a_narrowed_grant_of_a_tool_group_is_shared_by_its_tools() {
    let bundle = bundle(
        "agents: { a: {} }\ntools: { t: {}, u: {} }\n\
         tool_groups: { w: { tools: [t, u], agents: [{ agent: a, arguments: { blocked: [x] } }] } }\n",
    );
    assert_eq!(narrowings(&bundle, "t"), [["/tool_groups/w/agents/0/arguments/blocked/0"]]);
    assert_eq!(bundle.tools[0].grants, bundle.tools[1].grants);
    assert_eq!((bundle.checks.len(), bundle.automata.len()), (1, 1));
}

#[test]
fn what_is_written_as_a_mapping_never_becomes_a_grant_for_any_arguments() {
    for entry in [
        "{ agent: a }",
        "{ agent: a, arguments: }",
        "{ agent: a, arguments: {} }",
        "{ agent: a, arguments: { blocked: [] } }",
        "{ agent: a, arguments: { blocked: x } }",
        "{ agent: a, arguments: { blocked: [''] } }",
        "{ agent: a, arguments: { block: [x] } }",
        "{ agent: a, argument: { blocked: [x] } }",
        "{ agent: a, arguments: [x] }",
        "{ group: a, arguments: { blocked: [x] } }",
        "{ a: { arguments: { blocked: [x] } } }",
        "{ agent: [a], arguments: { blocked: [x] } }",
        "{}",
    ] {
        let source = format!("{HEAD}agents: {{ a: {{}} }}\ntools: {{ t: {{ agents: [{entry}] }} }}\n");
        assert!(compile("p.yaml", source.as_bytes()).bundle.is_none(), "{entry}");
    }
}

#[test]
fn a_tool_without_grants_grants_nobody() {
    for tool in ["t:", "t: {}", "t: { agents: [] }", "t: { agents: [], groups: [] }", "t: ~"] {
        let bundle = bundle(&format!("agents: {{ a: }}\ntools: {{ {tool} }}\n"));
        assert_eq!(bundle.tools[0].grants, [], "{tool}");
    }
}

#[test]
fn a_rate_lets_its_whole_count_come_at_once_unless_it_says_otherwise() {
    let bundle = bundle(
        "agents: { a: {} }\ntools:\n  t: { rate: 60/minute }\n  u: { rate: { limit: 7/second, burst: 3 } }\n  v: { rate: 0/day }\n  w: { rate: 5/hour }\n",
    );
    assert_eq!(buckets(&bundle, "t"), ["tool/t (tool) each rate 60/60s burst 60 /tools/t/rate"]);
    assert_eq!(buckets(&bundle, "u"), ["tool/u (tool) each rate 7/1s burst 3 /tools/u/rate"]);
    assert_eq!(buckets(&bundle, "v"), ["tool/v (tool) each rate 0/86400s burst 1 /tools/v/rate"]);
    assert_eq!(buckets(&bundle, "w"), ["tool/w (tool) each rate 5/3600s burst 5 /tools/w/rate"]);
}

#[test]
fn quotas_count_in_calendar_windows() {
    let bundle = bundle(
        "agents: { a: {} }\ntools: { a: { quota: 1/minute }, b: { quota: 1/hour }, c: { quota: 1/day }, d: { quota: 1/week }, e: { quota: 1/month } }\n",
    );
    let windows: Vec<_> = bundle.buckets.iter().map(|bucket| bucket.quota.unwrap().value.window).collect();
    assert_eq!(windows, [Window::Minute, Window::Hour, Window::Day, Window::Week, Window::Month]);
}

#[test]
fn a_rate_and_a_quota_share_a_bucket_if_they_count_the_same_calls() {
    let bundle = bundle(
        "agents: { a: {} }\ntools:\n  t: { rate: 1/second, quota: 2/day }\n  u: { rate: 1/second, quota: { limit: 2/day, per: all } }\n  v: { rate: { limit: 1/second, per: all }, quota: { limit: 2/day, per: all } }\n",
    );
    let own = "tool/t (tool) each rate 1/1s burst 1 /tools/t/rate quota 2/Day /tools/t/quota";
    assert_eq!(buckets(&bundle, "t"), [own]);
    let two =
        ["tool/u (tool) each rate 1/1s burst 1 /tools/u/rate", "tool/u/all (tool) all quota 2/Day /tools/u/quota"];
    assert_eq!(buckets(&bundle, "u"), two);
    let shared = "tool/v/all (tool) all rate 1/1s burst 1 /tools/v/rate quota 2/Day /tools/v/quota";
    assert_eq!(buckets(&bundle, "v"), [shared]);
}

#[test]
fn a_default_limit_counts_for_each_tool_by_itself() {
    let bundle = bundle(
        "defaults: { rate: 9/minute, quota: { limit: 8/day, per: all } }\nagents: { a: {} }\n\
         tools: { t: {}, u: { rate: unlimited }, v: { quota: 1/day, rate: unlimited } }\n",
    );
    let defaults =
        ["tool/t (tool) each rate 9/60s burst 9 /defaults/rate", "tool/t/all (tool) all quota 8/Day /defaults/quota"];
    assert_eq!(buckets(&bundle, "t"), defaults);
    assert_eq!(buckets(&bundle, "u"), ["tool/u/all (tool) all quota 8/Day /defaults/quota"]);
    assert_eq!(buckets(&bundle, "v"), ["tool/v (tool) each quota 1/Day /tools/v/quota"]);
}

#[test]
fn a_tool_group_has_one_counter_over_all_its_tools() {
    let bundle = bundle(
        "agents: { a: {} }\ntools: { t: { rate: 1/second }, u: {} }\n\
         tool_groups:\n  w: { tools: [u, t], rate: 2/second, quota: { limit: 3/day, per: all } }\n  x: { tools: [t], quota: 4/day }\n",
    );
    let of_w = [
        "tool_group/w (tool_group.w) each rate 2/1s burst 2 /tool_groups/w/rate",
        "tool_group/w/all (tool_group.w) all quota 3/Day /tool_groups/w/quota",
    ];
    let of_x = "tool_group/x (tool_group.x) each quota 4/Day /tool_groups/x/quota";
    let of_t = "tool/t (tool) each rate 1/1s burst 1 /tools/t/rate";
    assert_eq!(buckets(&bundle, "t"), [of_t, of_w[0], of_w[1], of_x]);
    assert_eq!(buckets(&bundle, "u"), of_w);
    assert_eq!(bundle.tools[0].buckets[1..3], bundle.tools[1].buckets[..]);
}

#[test]
fn limits_of_agents_have_one_key_and_each_its_own_numbers() {
    let bundle =
        bundle("agents: { a: { rate: 1/second, quota: 2/day }, b: { quota: 3/day }, c: {} }\ntools: { t: {} }\n");
    let of = |agent: usize| -> Vec<_> { bundle.agents[agent].buckets.iter().map(|&at| shown(&bundle, at)).collect() };
    assert_eq!(of(0), ["agent (agent) each rate 1/1s burst 1 /agents/a/rate quota 2/Day /agents/a/quota"]);
    assert_eq!(of(1), ["agent (agent) each quota 3/Day /agents/b/quota"]);
    assert_eq!(of(2), [""; 0]);
}

#[test]
fn the_nearest_length_wins_and_blocked_literals_add_up() {
    let bundle = bundle(
        "defaults: { arguments: { max_string_length: 50, blocked: [d] } }\nagents: { a: {} }\n\
         tool_groups: { w: { tools: [t], arguments: { max_string_length: 9, blocked: [g] } } }\n\
         tools:\n  t: { arguments: { max_string_length: 70, blocked: [x, y] } }\n  u: { arguments: { blocked: [z] } }\n  v: {}\n  q: {}\n",
    );
    let default = "/defaults/arguments/blocked/0";
    let of_w = ["/tool_groups/w/arguments/max_string_length", "/tool_groups/w/arguments/blocked/0"];
    let of_t = ["/tools/t/arguments/blocked/0", "/tools/t/arguments/blocked/1"];
    // Of all lengths that hold, the shortest is the one that decides.
    assert_eq!(checks(&bundle, "t"), [vec![of_w[0], of_t[0], of_t[1], default, of_w[1]]]);
    let of_u = ["/defaults/arguments/max_string_length", "/tools/u/arguments/blocked/0"];
    assert_eq!(checks(&bundle, "u"), [vec![of_u[0], of_u[1], default]]);
    assert_eq!(checks(&bundle, "v"), [vec!["/defaults/arguments/max_string_length", default]]);
    assert_eq!(bundle.tools[2].checks, bundle.tools[3].checks, "identical checks are shared");
}

#[test]
fn equal_patterns_are_compiled_once_and_parts_stand_together() {
    let bundle = bundle(
        "agents: { a: {} }\ntool_groups: { w: { tools: [t], arguments: { blocked: [{ literal: drop, at: /sql }, g] } } }\n\
         tools:\n  t: { arguments: { blocked: [{ regex: 'a+b', at: /sql }, x, { set: invisible-unicode }] } }\n\
         \x20 u: { arguments: { blocked: [{ regex: 'aa*b', at: /q }, { set: invisible-unicode }] } }\n",
    );
    let parts = |tool: usize| -> Vec<(&str, u32)> {
        let checks = &bundle.checks[bundle.tools[tool].checks[0] as usize];
        checks.blocked.iter().map(|blocked| (blocked.at.as_str(), blocked.automaton)).collect()
    };
    let (of_t, of_u) = (parts(0), parts(1));
    assert_eq!(of_t.iter().map(|(at, _)| *at).collect::<Vec<_>>(), ["", "", "", "/sql", "/sql"]);
    assert_eq!(of_u.iter().map(|(at, _)| *at).collect::<Vec<_>>(), ["", "/q"]);
    assert_eq!((of_t[1].1, of_t[3].1), (of_u[0].1, of_u[1].1), "the set and the expression are shared");
    assert_eq!(bundle.automata.len(), 5);
}

#[test]
fn a_tool_that_checks_nothing_has_no_checks() {
    let bundle = bundle("agents: { a: {} }\ntools: { t: { arguments: { blocked: [] } }, u: {} }\n");
    assert_eq!(bundle.checks, []);
    assert_eq!(bundle.tools[0].checks, [0; 0]);
}

#[test]
fn the_body_limit_is_the_tools_or_the_default_or_64_kib() {
    let of = |rest: &str| {
        let bundle = bundle(rest);
        let limit = bundle.tools[0].body_limit;
        (limit.value, bundle.rules[limit.rule as usize].clone())
    };
    let built_in = (65_536, "/defaults/body_limit".to_owned());
    assert_eq!(of("agents: { a: {} }\ntools: { t: {} }\n"), built_in);
    let default = (2000, "/defaults/body_limit".to_owned());
    assert_eq!(of("defaults: { body_limit: 2KB }\nagents: { a: {} }\ntools: { t: {}, u: {} }\n"), default);
    let own = (4 << 20, "/tools/t/body_limit".to_owned());
    assert_eq!(
        of("defaults: { body_limit: 2KB }\nagents: { a: {} }\ntools: { t: { body_limit: 4MiB }, u: {} }\n"),
        own
    );
}

#[test]
fn modes_and_audit_options_fall_back_to_the_safe_ones() {
    let bundle = bundle(
        "audit: { redact: [IBAN, x-Y] }\nagents: { a: {} }\ntools: { t: {}, u: { mode: shadow, audit: { arguments: full } } }\n",
    );
    assert_eq!((bundle.tools[0].mode, bundle.tools[0].audit_arguments), (Mode::Enforce, AuditArguments::Redacted));
    assert_eq!((bundle.tools[1].mode, bundle.tools[1].audit_arguments), (Mode::Shadow, AuditArguments::Full));
    assert_eq!(bundle.audit.redact, ["iban", "x-y"]);
    assert_eq!(bundle.audit.max_bytes, 2048);
}

#[test]
fn defaults_hold_where_a_tool_says_nothing() {
    let bundle = bundle(
        "defaults: { mode: shadow }\naudit: { arguments: hashed, max_bytes: 0 }\nagents: { a: {} }\ntools: { t: {}, u: { mode: enforce } }\n",
    );
    assert_eq!((bundle.tools[0].mode, bundle.tools[0].audit_arguments), (Mode::Shadow, AuditArguments::Hashed));
    assert_eq!(bundle.tools[1].mode, Mode::Enforce);
    assert_eq!(bundle.audit.max_bytes, 0);
}

#[test]
fn names_that_yaml_takes_for_something_else_are_names() {
    let bundle = bundle("agents: { 123: {}, no: {}, 1e3: {} }\ntools: { 1.50: { agents: [123, no, 1e3] } }\n");
    assert_eq!(bundle.agents.iter().map(|agent| agent.name.as_str()).collect::<Vec<_>>(), ["123", "no", "1e3"]);
    assert_eq!(bundle.tools[0].name, "1.50");
    assert_eq!(bundle.tools[0].grants.len(), 3);
}

#[test]
fn slashes_of_an_agents_id_are_escaped_in_its_rules() {
    let bundle = bundle("agents: { spiffe://a/b: { quota: 5/day } }\ntools: { t: {} }\n");
    assert!(bundle.rules.contains(&"/agents/spiffe:~1~1a~1b/quota".to_owned()), "{:?}", bundle.rules);
}

#[test]
fn every_rule_points_at_a_value_of_the_file() {
    let source = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy/policy.yaml")).unwrap();
    let bundle = compile_with("policy.yaml", &source, &BesideSample).bundle.unwrap();
    let text = String::from_utf8(source).unwrap();
    for rule in &bundle.rules {
        for key in rule.split('/').skip(1).filter(|key| key.parse::<usize>().is_err()) {
            assert!(text.contains(&format!("{key}:")), "{rule}");
        }
    }
    let unique: std::collections::HashSet<_> = bundle.rules.iter().collect();
    assert_eq!(unique.len(), bundle.rules.len());
}

#[test]
fn packing_gives_the_same_bytes_each_time_and_the_engine_takes_them() {
    let source = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy/policy.yaml")).unwrap();
    let packed = |hold_headers| {
        let Packing { config, .. } =
            pack_with("policy.yaml", &source, &BesideSample, Deployment { hold_headers }).unwrap();
        config.unwrap()
    };
    assert_eq!(packed(false), packed(false));
    let (free, held) =
        (Policy::load(packed(false).as_bytes()).unwrap(), Policy::load(packed(true).as_bytes()).unwrap());
    assert_eq!(free.digest(), held.digest());
    assert!(held.deployment().hold_headers && !free.deployment().hold_headers);
    assert!(!packed(false).contains('\n'));
}

#[test]
fn comments_and_layout_do_not_change_what_is_packed() {
    let block = format!("{HEAD}agents:\n  a: {{}} # who\ntools:\n  t:\n    agents: [a]\n    rate: 5/minute\n");
    let flow = format!("{HEAD}agents: {{\"a\": }}\ntools: {{t: {{rate: '5/minute', agents: [\"a\"]}}}}\n");
    let packed = |source: &str| pack("p", source.as_bytes(), Deployment::default()).unwrap().config.unwrap();
    assert_eq!(packed(&block), packed(&flow));
}

/// The bundle of a policy with files.
fn bundle_with(rest: &str, files: &[(&str, &str)]) -> Bundle {
    let files: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let compiled = compile_with("folder/p.yaml", format!("{HEAD}{rest}").as_bytes(), &files);
    compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

/// The schemas of a tool: the rule of each and its entry.
fn schemas<'a>(bundle: &'a Bundle, tool: &str) -> Vec<(&'a str, u32)> {
    let tool = bundle.tools.iter().find(|known| known.name == tool).unwrap();
    let checks = tool.checks.iter().map(|&at| &bundle.checks[at as usize]);
    checks
        .flat_map(|checks| &checks.schemas)
        .map(|schema| (bundle.rules[schema.rule as usize].as_str(), schema.value))
        .collect()
}

#[test]
fn schemas_of_tools_defaults_and_groups_add_up() {
    let bundle = bundle(
        "defaults: { arguments: { schema: { maxProperties: 9 } } }\nagents: { a: {} }\n\
         tool_groups:\n  g: { tools: [t, u], arguments: { schema: { minProperties: 1 } } }\n  h: { tools: [t], arguments: { schema: true } }\n\
         tools: { t: { arguments: { schema: { required: [q] } } }, u: {}, v: {} }\n",
    );
    let rules = |tool: &str| schemas(&bundle, tool).into_iter().map(|(rule, _)| rule).collect::<Vec<_>>();
    let of_t = [
        "/tools/t/arguments/schema",
        "/defaults/arguments/schema",
        "/tool_groups/g/arguments/schema",
        "/tool_groups/h/arguments/schema",
    ];
    assert_eq!(rules("t"), of_t);
    assert_eq!(rules("u"), ["/defaults/arguments/schema", "/tool_groups/g/arguments/schema"]);
    assert_eq!(rules("v"), ["/defaults/arguments/schema"]);
    assert_eq!(bundle.schemas.entries.len(), 4);
}

#[test]
fn a_file_that_several_tools_name_is_one_entry_however_its_path_is_written() {
    let bundle = bundle_with(
        "agents: { a: {} }\ntools:\n  t: { arguments: { schema_file: schemas/a.json } }\n  u: { arguments: { schema_file: ./schemas/b/../a.json } }\n  v: { arguments: { schema_file: b.json } }\n",
        &[
            (
                "schemas/a.json",
                r##"{"properties": {"q": {"$ref": "../b.json"}, "r": {"$ref": "#/$defs/r"}}, "$defs": {"r": true}}"##,
            ),
            ("b.json", r#"{"type": "object", "additionalProperties": {"$ref": "schemas/a.json"}}"#),
        ],
    );
    assert_eq!(schemas(&bundle, "t"), [("/tools/t/arguments/schema_file", 0)]);
    assert_eq!(schemas(&bundle, "u"), [("/tools/u/arguments/schema_file", 0)]);
    assert_eq!(schemas(&bundle, "v"), [("/tools/v/arguments/schema_file", 1)]);
}

#[test]
fn equal_schemas_share_what_they_are_made_of() {
    let schema = "{ type: object, properties: { q: { type: string, maxLength: 9 } } }";
    let one = bundle(&format!("agents: {{ a: {{}} }}\ntools: {{ t: {{ arguments: {{ schema: {schema} }} }} }}\n"));
    let two = bundle(&format!(
        "agents: {{ a: {{}} }}\ntools: {{ t: {{ arguments: {{ schema: {schema} }} }}, u: {{ arguments: {{ schema: {schema} }} }} }}\n"
    ));
    assert_eq!(one.schemas.nodes, two.schemas.nodes);
    assert_eq!(two.schemas.entries.len(), 2);
}

#[test]
fn an_absolute_id_of_a_file_is_a_name_for_it() {
    let bundle = bundle_with(
        "schemas: { common: { $ref: common.json } }\nagents: { a: {} }\ntools:\n  t: { arguments: { schema: { properties: { a: { $ref: '#/schemas/common' }, b: { $ref: 'https://acme.example/common#/$defs/b' } } } } }\n",
        &[("common.json", r#"{"$id": "https://acme.example/common", "$defs": {"b": {"type": "string"}}}"#)],
    );
    assert_eq!(schemas(&bundle, "t").len(), 1);
}

/// The global limits of a tool and of an agent, each in one line.
fn globals(bundle: &Bundle, tool: &str, agent: &str) -> Vec<String> {
    let of_tool = &bundle.tools.iter().find(|known| known.name == tool).unwrap().globals;
    let of_agent = &bundle.agents.iter().find(|known| known.name == agent).unwrap().globals;
    let shown = |&at: &u32| {
        let limit = &bundle.globals[at as usize];
        format!("{}: {} {}", limit.header(), limit.value(tool, agent), bundle.rules[limit.rule as usize])
    };
    of_tool.iter().chain(of_agent).map(shown).collect()
}

#[test]
fn a_global_limit_stands_beside_the_buckets_of_the_filter() {
    let bundle = bundle(
        "global_limits: { unanswered: allow }\n\
         defaults: { rate: { limit: 60/minute, scope: global }, quota: 9/week }\n\
         agents: { a: { quota: { limit: 5/day, scope: global } }, b: {} }\n\
         tool_groups: { web: { tools: [s, f], rate: { limit: 7/second, scope: global, per: all }, quota: 8/hour } }\n\
         tools: { s: {}, f: { rate: { limit: 60/minute, per: all, scope: global }, quota: { limit: 3/hour, scope: local } } }\n",
    );
    assert_eq!(bundle.unanswered, Unanswered::Allow);
    let web = "x-toolgate-group-4b5e57f6-7-second: * /tool_groups/web/rate";
    let agent = "x-toolgate-agent-5-day: a /agents/a/quota";
    assert_eq!(globals(&bundle, "s", "a"), ["x-toolgate-tool-60-minute: s a /defaults/rate", web, agent]);
    assert_eq!(globals(&bundle, "f", "b"), ["x-toolgate-tool-60-minute: f /tools/f/rate", web]);
    assert_eq!(
        buckets(&bundle, "s"),
        [
            "tool/s (tool) each quota 9/Week /defaults/quota",
            "tool_group/web (tool_group.web) each quota 8/Hour /tool_groups/web/quota"
        ]
    );
    assert!(bundle.agents.iter().all(|agent| agent.buckets.is_empty()));
    let rules: Vec<_> = bundle.global_rules().into_iter().map(|rule| rule.header).collect();
    assert_eq!(rules, ["x-toolgate-agent-5-day", "x-toolgate-group-4b5e57f6-7-second", "x-toolgate-tool-60-minute"]);
}

#[test]
fn a_limit_of_zero_is_never_counted_elsewhere() {
    let bundle = bundle(
        "agents: { a: { quota: { limit: 0/month, scope: global } } }\ntools: { t: { rate: { limit: 0/day, scope: global } } }\n",
    );
    assert_eq!(bundle.unanswered, Unanswered::Refuse);
    assert!(bundle.globals.is_empty());
    assert_eq!(buckets(&bundle, "t"), ["tool/t (tool) each rate 0/86400s burst 1 /tools/t/rate"]);
    assert_eq!(shown(&bundle, bundle.agents[0].buckets[0]), "agent (agent) each quota 0/Month /agents/a/quota");
}

#[test]
fn what_counts_globally_is_packed_for_held_headers_only() {
    let policy = format!(
        "{HEAD}agents: {{ a: {{}} }}\ntools: {{ t: {{ agents: [a], rate: {{ limit: 5/day, scope: global }} }} }}\n"
    );
    let packed = |hold_headers| pack("p.yaml", policy.as_bytes(), Deployment { hold_headers }).unwrap();
    assert!(packed(true).config.is_some());
    assert!(packed(false).config.is_none());
}

#[test]
fn a_server_and_its_tools_are_what_the_policy_says_of_them() {
    let policy = "agents: { a: {}, b: {} }\ngroups: { g: [b] }\n\
        defaults: { rate: 5/minute, arguments: { max_string_length: 9, blocked: [x, { literal: y, at: /q }] } }\n\
        tool_groups: { both: { tools: [git/t, t], quota: 7/day } }\ntools: { t: { agents: [a] } }\n\
        servers:\n  git:\n    path: /mcp/git\n    methods: [logging/setLevel]\n    tools: { t: { agents: [a], quota: 9/day } }\n\
    \x20   resources: [{ uri: 'a:b', agents: [a] }, { prefix: 'c:', groups: [g] }]\n    prompts: { p: { agents: [a, b] } }\n";
    let bundle = bundle(policy);
    let [path_tool, server_tool] = bundle.tools.as_slice() else { panic!("{:?}", bundle.tools) };
    assert_eq!((path_tool.name.as_str(), path_tool.server), ("t", None));
    assert_eq!((server_tool.name.as_str(), server_tool.server), ("git/t", Some(0)));
    assert_eq!(grants(&bundle, "git/t"), [("a".to_owned(), "/servers/git/tools/t/agents/0")]);
    let keys = |held: &[u32]| held.iter().map(|&at| bundle.buckets[at as usize].key.as_str()).collect::<Vec<_>>();
    assert_eq!(keys(&path_tool.buckets), ["tool/t", "tool_group/both"]);
    assert_eq!(keys(&server_tool.buckets), ["tool/git/t", "tool_group/both"]);
    let server = &bundle.servers[0];
    let rule = |at: u32| bundle.rules[at as usize].as_str();
    assert_eq!((rule(server.rule), rule(server.methods[0].rule)), ("/servers/git", "/servers/git/methods/0"));
    let of_resources: Vec<_> = server.resources.iter().map(|resource| rule(resource.grants[0].rule)).collect();
    assert_eq!(of_resources, ["/servers/git/resources/0/agents/0", "/servers/git/resources/1/groups/0"]);
    let of_prompt: Vec<_> = server.prompts[0].grants.iter().map(|grant| rule(grant.rule)).collect();
    assert_eq!(of_prompt, ["/servers/git/prompts/p/agents/0", "/servers/git/prompts/p/agents/1"]);
    let checks = &bundle.checks[server.checks[0] as usize];
    assert_eq!(checks.max_string_length.unwrap().value, 9);
    assert_eq!(checks.blocked.iter().map(|blocked| blocked.at.as_str()).collect::<Vec<_>>(), [""]);
    assert_eq!((server.versions.len(), server.checks.len()), (4, 1));
}

/// Files by name.
struct Given(&'static [(&'static str, &'static str)]);

impl Files for Given {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unread> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or(Unread::Missing)
    }
}

/// What is mirrored of the arguments of the tool `git/t`, whose `arguments` are these: rules, suffixes and pointers; or codes.
fn mirrored(arguments: &str) -> Result<Vec<String>, Vec<&'static str>> {
    let files = Given(&[
        ("t.json", r#"{"properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}"#),
        (
            "all.json",
            r#"{"$defs": {"t": {"properties": {"region": {"type": "string", "x-mcp-header": "Region"}}},
                "u": {"properties": {"user": {"type": "number", "x-mcp-header": "User"}}}}}"#,
        ),
    ]);
    let policy = format!(
        "{HEAD}agents: {{ a: {{}} }}\nschemas:\n  t: {{ properties: {{ q: {{ type: integer, x-mcp-header: Q }} }} }}\n  \
         u: {{ $ref: '#/schemas/t' }}\n  word: {{ type: string }}\n\
         servers: {{ git: {{ path: /mcp, tools: {{ t: {{ agents: [a], arguments: {arguments} }} }} }} }}\n"
    );
    let compiled = compile_with("p.yaml", policy.as_bytes(), &files);
    let Some(bundle) = compiled.bundle else {
        return Err(compiled.diagnostics.iter().map(|found| found.code.id()).filter(|id| *id != "TG081").collect());
    };
    let packed = encode(&bundle, Deployment::default()).unwrap();
    assert!(Policy::load(packed.as_bytes()).is_ok(), "what the compiler writes is loaded");
    let shown = |mirror: &Ruled<Mirror>| {
        let Mirror { suffix, pointer } = &mirror.value;
        format!("{} {suffix} {pointer}", bundle.rules[mirror.rule as usize])
    };
    Ok(bundle.tools[0].mirrors.iter().map(shown).collect())
}

#[test]
fn arguments_are_mirrored_as_the_schema_of_the_servers_tool_says() {
    let at = |schema: &str, mirrors: &[&str]| {
        Ok(mirrors.iter().map(|mirror| format!("/servers/git/tools/t/arguments/{schema} {mirror}")).collect())
    };
    let in_place = |schema: &str| mirrored(&format!("{{ schema: {schema} }}"));
    assert_eq!(
        in_place(
            "{ properties: { b: { type: boolean, x-mcp-header: B-1 }, a/b: { properties: { c: { type: string, x-mcp-header: C } } } } }"
        ),
        at("schema", &["B-1 /b", "C /a~1b/c"])
    );
    assert_eq!(mirrored("{ schema_file: t.json }"), at("schema_file", &["Region /region"]));
    assert_eq!(in_place("{ $ref: t.json }"), at("schema", &["Region /region"]));
    assert_eq!(in_place("{ $ref: 'all.json#/$defs/t' }"), at("schema", &["Region /region"]));
    assert_eq!(in_place("{ $ref: '#/schemas/t' }"), at("schema", &["Q /q"]));
    assert_eq!(in_place("{ $ref: '#/schemas/u' }"), at("schema", &["Q /q"]), "through another one");
    let both = "{ $ref: '#/schemas/t', properties: { q: { type: integer, x-mcp-header: Q }, r: { type: string, x-mcp-header: R } } }";
    assert_eq!(in_place(both), at("schema", &["Q /q", "R /r"]));
    let twice = "{ $ref: '#/schemas/t', properties: { q: { type: integer, x-mcp-header: q } } }";
    assert_eq!(in_place(twice), at("schema", &["q /q"]));
    let beside = "{ properties: { a: { $ref: '#/schemas/word', type: string, x-mcp-header: A } } }";
    assert_eq!(in_place(beside), at("schema", &["A /a"]));
    for without in ["{ properties: { x-mcp-header: { type: string } } }", "{ default: { x-mcp-header: A } }", "true"] {
        assert_eq!(in_place(without), Ok(vec![]), "{without}");
    }
}

#[test]
fn what_no_client_would_mirror_is_refused() {
    let in_place = |schema: &str| mirrored(&format!("{{ schema: {schema} }}"));
    let property = "properties: { a: { type: string, x-mcp-header: A } }";
    for schema in [
        format!("{{ allOf: [{{ {property} }}] }}"),
        format!("{{ properties: {{ a: {{ not: {{ {property} }} }} }} }}"),
        format!("{{ $ref: '#/$defs/a', $defs: {{ a: {{ {property} }} }} }}"),
        format!("{{ $defs: {{ a: {{ {property} }} }} }}"),
        format!("{{ if: {{ {property} }}, then: false }}"),
        format!("{{ patternProperties: {{ b: {{ {property} }} }} }}"),
        "{ properties: { a: { $ref: '#/schemas/t' } } }".to_owned(),
        "{ $ref: 'all.json' }".to_owned(),
        "{ $ref: 'all.json#/$defs/u' }".to_owned(),
        "{ $ref: '#/schemas/t', properties: { r: { type: string, x-mcp-header: q } } }".to_owned(),
        "{ type: object, x-mcp-header: A }".to_owned(),
        "{ properties: { a: { type: 'null', x-mcp-header: A } } }".to_owned(),
        "{ properties: { a-b: { type: string, x-mcp-header: A-B }, c: { type: string, x-mcp-header: a_b } } }"
            .to_owned(),
    ] {
        let codes = in_place(&schema).err().unwrap_or_default();
        assert!(codes.contains(&"TG082"), "{schema}: {codes:?}");
    }
    let many = |count: usize| {
        let property = |at: usize| format!("p{at}: {{ type: string, x-mcp-header: P{at} }}");
        in_place(&format!("{{ properties: {{ {} }} }}", (0..count).map(property).collect::<Vec<_>>().join(", ")))
    };
    assert_eq!(many(MAX_MIRRORED).map(|mirrored| mirrored.len()), Ok(MAX_MIRRORED));
    assert!(many(MAX_MIRRORED + 1).is_err_and(|codes| codes.contains(&"TG082")));
}

#[test]
fn tools_with_a_path_and_checks_of_others_mirror_nothing() {
    let schema = "{ schema: { properties: { q: { type: string, x-mcp-header: Q } } } }";
    let bundle = bundle(&format!(
        "agents: {{ a: {{}} }}\ndefaults: {{ arguments: {schema} }}\ntool_groups: {{ g: {{ tools: [git/t], arguments: {schema} }} }}\n\
         tools: {{ t: {{ agents: [a], arguments: {schema} }} }}\n\
         servers: {{ git: {{ path: /mcp, tools: {{ t: {{ agents: [{{ agent: a, arguments: {schema} }}] }} }} }} }}\n"
    ));
    assert!(bundle.tools.iter().all(|tool| tool.mirrors.is_empty()));
}
