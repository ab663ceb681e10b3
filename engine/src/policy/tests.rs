use super::*;
use crate::{
    bundle::{Checks, Consequence, GlobalLimit, Mirror, Over, Server, Share, Unit, encode},
    limits::LimitKind,
};
use std::{string::ToString, vec};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Two agents and a group of both; a tool with these grants, and one list of checks.
fn bundle(grants: Vec<Grant>) -> Bundle {
    let agent =
        |name: &str| Agent { name: name.to_string(), groups: vec![0], buckets: Vec::new(), globals: Vec::new() };
    let tool = Tool {
        name: "search".to_string(),
        server: None,
        pin: None,
        mirrors: vec![],
        mode: Mode::Enforce,
        body_limit: Ruled { rule: 0, value: 100 },
        grants,
        buckets: Vec::new(),
        globals: Vec::new(),
        checks: Vec::new(),
        audit_arguments: AuditArguments::None,
    };
    Bundle {
        identity: vec![IdentitySource::Header("x-agent-id".to_string())],
        rules: ["/a", "/b", "/c", "/d"].map(ToString::to_string).to_vec(),
        groups: vec!["all".to_string()],
        agents: vec![agent("a"), agent("b")],
        checks: vec![Checks { max_string_length: Some(Ruled { rule: 3, value: 5 }), ..Checks::default() }],
        tools: vec![tool],
        ..Bundle::default()
    }
}

fn load(bundle: &Bundle) -> Result<Policy, BadConfig> {
    Policy::load(encode(bundle, Deployment::default()).unwrap().as_bytes())
}

fn grant(subject: Subject, rule: u32, checks: &[u32]) -> Grant {
    Grant { subject, rule, checks: checks.to_vec() }
}

#[test]
fn a_grant_that_is_narrowed_by_what_is_not_there_is_refused() {
    let with = |checks: &[u32]| load(&bundle(vec![grant(Subject::Agent(0), 0, checks)]));
    assert!(with(&[]).is_ok());
    assert!(with(&[0]).is_ok());
    let refused = BadConfig::Inconsistent("a tool refers to what is not there");
    for checks in [&[1][..], &[0, 1], &[u32::MAX]] {
        assert_eq!(with(checks).err(), Some(refused.clone()), "{checks:?}");
    }
}

#[test]
fn a_grant_to_nobody_or_by_no_rule_is_refused() {
    for grant in
        [grant(Subject::Agent(2), 0, &[0]), grant(Subject::Group(1), 0, &[0]), grant(Subject::Agent(0), 4, &[0])]
    {
        assert!(load(&bundle(vec![grant.clone()])).is_err(), "{grant:?}");
    }
}

#[test]
fn the_grants_of_an_agent_come_before_those_of_its_groups_each_in_their_order() {
    let grants = vec![
        grant(Subject::Group(0), 0, &[]),
        grant(Subject::Agent(1), 1, &[0]),
        grant(Subject::Agent(1), 2, &[]),
        grant(Subject::Group(0), 3, &[0]),
    ];
    let policy = load(&bundle(grants)).ok().unwrap();
    let rules =
        |agent: u32| -> Vec<u32> { policy.grants(AgentIndex(agent), ToolIndex(0)).map(|grant| grant.rule).collect() };
    assert_eq!(rules(0), [0, 3]);
    assert_eq!(rules(1), [1, 2, 0, 3]);
}

#[test]
fn a_grant_has_the_checks_that_it_names_and_no_others() {
    let grants = vec![grant(Subject::Agent(0), 0, &[0]), grant(Subject::Agent(1), 1, &[])];
    let policy = load(&bundle(grants)).ok().unwrap();
    let checks = |agent: u32| -> usize {
        policy.grants(AgentIndex(agent), ToolIndex(0)).map(|grant| policy.checks_of(grant).count()).sum()
    };
    assert_eq!((checks(0), checks(1)), (1, 0));
}

/// What a tool and an agent are held to, by these global limits, with headers that are held.
fn load_globals(globals: &[GlobalLimit], tool: &[u32], agent: &[u32]) -> Result<Policy, BadConfig> {
    let mut bundle = Bundle { globals: globals.to_vec(), ..bundle(Vec::new()) };
    bundle.tools[0].globals = tool.to_vec();
    bundle.agents[0].globals = agent.to_vec();
    Policy::load(encode(&bundle, Deployment { hold_headers: true }).unwrap().as_bytes())
}

fn limit(over: Over) -> GlobalLimit {
    GlobalLimit { over, share: Share::EachAgent, kind: LimitKind::Rate, requests: 5, unit: Unit::Day, rule: 0 }
}

fn group(name: &str) -> GlobalLimit {
    limit(Over::ToolGroup(name.to_string()))
}

#[test]
fn global_limits_are_those_of_the_tool_then_those_of_the_agent() {
    let policy = load_globals(&[limit(Over::Agent), limit(Over::Tool), group("web")], &[2, 1], &[0]).ok().unwrap();
    let headers = |agent: u32| -> Vec<String> {
        policy.globals(AgentIndex(agent), Some(ToolIndex(0))).map(|global| global.header.clone()).collect()
    };
    let [web, tool, agent] = ["x-toolgate-group-4b5e57f6-5-day", "x-toolgate-tool-5-day", "x-toolgate-agent-5-day"];
    assert_eq!(headers(0), [web, tool, agent]);
    assert_eq!(headers(1), [web, tool]);
}

#[test]
fn global_limits_without_held_headers_are_refused() {
    let counted = Bundle { globals: vec![limit(Over::Tool)], ..bundle(Vec::new()) };
    let refused = BadConfig::Inconsistent("global limits, and headers that are not held");
    assert_eq!(load(&counted).err(), Some(refused));
    assert!(load(&bundle(Vec::new())).is_ok());
}

#[test]
fn a_global_limit_that_makes_no_sense_is_refused() {
    let refused = |limit: GlobalLimit| load_globals(&[limit], &[], &[]).err();
    assert_eq!(refused(limit(Over::Tool)), None);
    for bad in [
        GlobalLimit { requests: 0, ..limit(Over::Tool) },
        GlobalLimit { rule: 4, ..limit(Over::Tool) },
        GlobalLimit { share: Share::AllAgents, ..limit(Over::Agent) },
        group(""),
        group("a b"),
        group("a\r\nx: y"),
    ] {
        assert_eq!(refused(bad.clone()), Some(BadConfig::Inconsistent("a global limit")), "{bad:?}");
    }
}

#[test]
fn groups_whose_calls_would_be_mixed_are_refused() {
    let both = |one: &str, other: &str| load_globals(&[group(one), group(other)], &[0], &[]).err();
    assert_eq!(both("web", "two"), None);
    assert_eq!(both("g19493", "g48715"), Some(BadConfig::Inconsistent("a global limit")));
}

#[test]
fn a_global_limit_at_the_wrong_place_or_twice_is_refused() {
    let all = [limit(Over::Tool), limit(Over::Agent), GlobalLimit { share: Share::AllAgents, ..limit(Over::Tool) }];
    let refused = Some(BadConfig::Inconsistent("the global limits of a tool or an agent"));
    assert_eq!(load_globals(&all, &[0], &[1]).err(), None);
    for (tool, agent) in
        [(&[3][..], &[][..]), (&[], &[u32::MAX]), (&[1], &[]), (&[], &[0]), (&[0, 0], &[]), (&[0, 2], &[])]
    {
        assert_eq!(load_globals(&all, tool, agent).err(), refused, "{tool:?} {agent:?}");
    }
}

/// A server with one tool, which the group may call, one resource and one prompt for the first agent.
fn with_server(change: impl FnOnce(&mut Bundle)) -> Result<Policy, BadConfig> {
    use crate::bundle::{Prompt, Resource, Uris};
    let mut bundle = bundle(Vec::new());
    bundle.servers.push(Server {
        name: "git".to_owned(),
        path: "/mcp/git".to_owned(),
        host: None,
        versions: crate::mcp::Version::ALL.to_vec(),
        origins: Vec::new(),
        methods: Vec::new(),
        changed: Consequence::Hide,
        suspicious: Ruled { rule: 0, value: Consequence::Hide },
        rule: 0,
        body_limit: Ruled { rule: 0, value: 50 },
        checks: vec![0],
        resources: vec![Resource {
            uri: Uris::Below("file:///docs/".to_owned()),
            grants: vec![grant(Subject::Agent(0), 1, &[])],
        }],
        prompts: vec![Prompt { name: "review".to_owned(), grants: vec![grant(Subject::Agent(0), 2, &[])] }],
    });
    let tool = Tool {
        name: "git/search".to_owned(),
        server: Some(0),
        pin: Some(Ruled { rule: 3, value: [7; 32] }),
        grants: vec![grant(Subject::Agent(1), 3, &[0])],
        ..bundle.tools[0].clone()
    };
    bundle.tools.push(tool);
    change(&mut bundle);
    load(&bundle)
}

#[test]
fn a_server_is_found_by_its_exact_path_and_its_host() {
    let policy = with_server(|_| {}).ok().unwrap();
    let found = |path: &str, host: &str| policy.server_at(path.as_bytes(), host.as_bytes()).is_some();
    assert!(found("/mcp/git", "any:80"));
    for other in ["/mcp/git/", "/mcp/Git", "/mcp/gi", "/mcp%2fgit", "/tools/search"] {
        assert!(!found(other, "any"), "{other}");
    }
    let policy = with_server(|bundle| {
        bundle.servers[0].host = Some("a.org".to_owned());
        let other = Server { name: "other".to_owned(), host: Some("b.org".to_owned()), ..bundle.servers[0].clone() };
        bundle.servers.push(other);
    });
    let policy = policy.ok().unwrap();
    let name = |host: &str| policy.server_at(b"/mcp/git", host.as_bytes()).map(|at| policy.server_name(at).to_owned());
    assert_eq!((name("a.org"), name("B.ORG:8080")), (Some("git".to_owned()), Some("other".to_owned())));
    for host in ["", "c.org", "a.org.", "a.org:8o", "x.a.org", "a.org:80:80", "u@a.org"] {
        assert_eq!(name(host), None, "{host}");
    }
}

#[test]
fn the_tool_of_a_server_is_found_there_and_under_no_path() {
    let policy = with_server(|_| {}).ok().unwrap();
    let server = policy.server_at(b"/mcp/git", b"").unwrap();
    let tool = policy.tool_of(server, "search").unwrap();
    assert_eq!(policy.tool_name(tool), "git/search");
    assert_ne!(policy.tool_named(b"search"), Some(tool));
    assert_eq!(policy.tool_named(b"git/search"), None);
    for other in ["", "Search", "git/search", "../search"] {
        assert_eq!(policy.tool_of(server, other), None, "{other}");
    }
}

#[test]
fn resources_and_prompts_have_lists_of_their_own() {
    let policy = with_server(|_| {}).ok().unwrap();
    let server = policy.server_at(b"/mcp/git", b"").unwrap();
    let (one, other) = (AgentIndex(0), AgentIndex(1));
    assert!(policy.is_user(one, server) && policy.is_user(other, server));
    assert!(policy.resource(one, server, "file:///docs/a").is_some());
    assert!(policy.resource(one, server, "file:///docs/../a").is_none());
    assert!(policy.resource(other, server, "file:///docs/a").is_none());
    assert!(policy.template(one, server, "file:///docs/{a}").is_some());
    assert!(policy.template(one, server, "file:///{+path}").is_none());
    assert!(policy.prompt(one, server, "review").is_some() && policy.prompt(one, server, "Review").is_none());
    assert!(policy.prompt(other, server, "review").is_none());
    let nobody = with_server(|bundle| {
        bundle.servers[0].resources.clear();
        bundle.servers[0].prompts.clear();
    });
    assert!(!nobody.ok().unwrap().is_user(one, server));
}

#[test]
fn a_server_that_makes_no_sense_is_refused() {
    use crate::bundle::{Prompt, Resource, Uris};
    let bad: [fn(&mut Bundle); 20] = [
        |bundle| bundle.servers[0].name = "a/b".to_owned(),
        |bundle| bundle.servers[0].path = "/tools/a".to_owned(),
        |bundle| bundle.servers[0].path = "/a?b".to_owned(),
        |bundle| bundle.servers[0].host = Some("A.org".to_owned()),
        |bundle| bundle.servers[0].versions.clear(),
        |bundle| bundle.servers[0].methods.push(Ruled { rule: 9, value: "a".to_owned() }),
        |bundle| bundle.servers[0].methods.push(Ruled { rule: 0, value: String::new() }),
        |bundle| bundle.servers[0].rule = 4,
        |bundle| bundle.servers[0].body_limit.rule = 4,
        |bundle| bundle.servers[0].suspicious.rule = 4,
        |bundle| bundle.instructions = Some(1),
        |bundle| bundle.servers[0].checks.push(1),
        |bundle| bundle.servers[0].resources.push(Resource { uri: Uris::Below("a".to_owned()), grants: Vec::new() }),
        |bundle| bundle.servers[0].resources[0].grants.push(grant(Subject::Agent(2), 0, &[])),
        |bundle| bundle.servers[0].prompts[0].grants.push(grant(Subject::Agent(0), 0, &[0])),
        |bundle| bundle.servers[0].prompts.push(Prompt { name: "review".to_owned(), grants: Vec::new() }),
        |bundle| bundle.tools[1].server = Some(1),
        |bundle| bundle.tools[1].name = "search2".to_owned(),
        |bundle| bundle.tools[1].pin = Some(Ruled { rule: 4, value: [0; 32] }),
        |bundle| bundle.tools[0].pin = Some(Ruled { rule: 0, value: [0; 32] }),
    ];
    assert!(with_server(|_| {}).is_ok());
    for (at, change) in bad.into_iter().enumerate() {
        assert!(matches!(with_server(change).err(), Some(BadConfig::Inconsistent(_))), "{at}");
    }
    let twice = |host: Option<&str>| {
        with_server(|bundle| {
            let other = Server { name: "b".to_owned(), host: host.map(str::to_owned), ..bundle.servers[0].clone() };
            bundle.servers.push(other);
        })
    };
    assert_eq!(twice(None).err(), Some(BadConfig::Inconsistent("two servers at one path")));
    assert_eq!(twice(Some("a.org")).err(), Some(BadConfig::Inconsistent("two servers at one path")));
}

/// A tool of a server, with these fields for its arguments.
fn mirroring(mirrors: &[(&str, &str)]) -> Bundle {
    let mut bundle = bundle(Vec::new());
    let tool = &mut bundle.tools[0];
    (tool.name, tool.server) = ("git/search".to_string(), Some(0));
    let mirror = |(suffix, pointer): &(&str, &str)| Mirror { suffix: suffix.to_string(), pointer: pointer.to_string() };
    tool.mirrors = mirrors.iter().map(|one| Ruled { rule: 3, value: mirror(one) }).collect();
    bundle.servers = vec![Server {
        name: "git".to_string(),
        path: "/mcp".to_string(),
        host: None,
        versions: crate::mcp::Version::ALL.to_vec(),
        origins: vec![],
        methods: vec![],
        changed: Consequence::Hide,
        suspicious: Ruled { rule: 0, value: Consequence::Hide },
        rule: 0,
        body_limit: Ruled { rule: 0, value: 1 },
        checks: vec![],
        resources: vec![],
        prompts: vec![],
    }];
    bundle
}

#[test]
fn an_argument_is_mirrored_in_a_field_of_its_own() {
    let good = [("Region", "/a"), ("Tenant-Id", "/b/c"), ("x", "/a")];
    let policy = load(&mirroring(&good)).ok().unwrap();
    assert_eq!(policy.mirrored(ToolIndex(0)).len(), 3);
    assert_eq!(policy.mirrored(ToolIndex(1)).len(), 0);
    let refused = Some(BadConfig::Inconsistent("an argument that is mirrored in a field"));
    for bad in [("REGION", "/z"), ("tenant_id", "/z"), ("", "/z"), ("a b", "/z"), ("y", ""), ("y", "z"), ("y", "/~2")] {
        assert_eq!(load(&mirroring(&[&good[..], &[bad]].concat())).err(), refused, "{bad:?}");
    }
    let names: Vec<String> = (0..=MAX_MIRRORED).map(|at| format!("f{at}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "/a")).collect();
    assert!(load(&mirroring(&many[1..])).is_ok());
    assert_eq!(load(&mirroring(&many)).err(), refused);
}

#[test]
fn only_a_servers_tool_mirrors_arguments_and_by_a_rule() {
    let mut by_no_rule = mirroring(&[("Region", "/a")]);
    by_no_rule.tools[0].mirrors[0].rule = 4;
    let refused = BadConfig::Inconsistent("the name, the pin or a field of a server's tool");
    assert_eq!(load(&by_no_rule).err(), Some(refused));
    let mut of_no_server = mirroring(&[("Region", "/a")]);
    (of_no_server.tools[0].name, of_no_server.tools[0].server) = ("search".to_string(), None);
    let refused = BadConfig::Inconsistent("a pin or a field of a tool that no server has");
    assert_eq!(load(&of_no_server).err(), Some(refused));
}
