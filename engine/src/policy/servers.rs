//! MCP servers of a policy: checked, and ready to be looked up.
//!
//! In: a bundle; later a path and a host, a name, a URI. Out: which server, and who may do what there.
//! Reads no message.

use super::{AgentIndex, Policy, ToolIndex, granted, index};
use crate::{
    bundle::{Bundle, Grant, Mirror, Prompt, Resource, Ruled, Server, Subject, Uris},
    mcp::Mirrored,
    names,
};
use std::collections::{HashMap, HashSet};

/// Index of a declared server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServerIndex(u32);

/// All servers.
#[derive(Default)]
pub(super) struct Servers {
    list: Vec<ReadyServer>,
    by_path: HashMap<String, Vec<ServerIndex>>,
    /// Of the tools that have any, the arguments that are mirrored in fields.
    mirrored: HashMap<ToolIndex, Vec<Ruled<Mirrored>>>,
}

/// A server, and who may use anything of it.
struct ReadyServer {
    server: Server,
    users: HashSet<Subject>,
    prompts: HashMap<String, Vec<Grant>>,
    /// The largest body of a message for it, by its own limit or a tool's.
    most_bytes: u32,
}

impl Policy {
    /// The server that is called at this path under this authority.
    pub fn server_at(&self, path: &[u8], authority: &[u8]) -> Option<ServerIndex> {
        let servers = self.servers.by_path.get(std::str::from_utf8(path).ok()?)?;
        let is_called = |at: &&ServerIndex| {
            self.server(**at).is_some_and(|server| server.host.as_deref().is_none_or(|host| is_host(authority, host)))
        };
        servers.iter().find(is_called).copied()
    }

    /// The server's name.
    pub fn server_name(&self, at: ServerIndex) -> &str {
        self.server(at).map_or(names::UNKNOWN, |server| &server.name)
    }

    pub(crate) fn server(&self, at: ServerIndex) -> Option<&Server> {
        self.ready_server(at).map(|ready| &ready.server)
    }

    fn ready_server(&self, at: ServerIndex) -> Option<&ReadyServer> {
        self.servers.list.get(index(at.0))
    }

    /// The largest body of any message for the server.
    pub(crate) fn most_bytes(&self, at: ServerIndex) -> u32 {
        self.ready_server(at).map_or(0, |ready| ready.most_bytes)
    }

    /// Whether the agent may do anything at the server.
    pub(crate) fn is_user(&self, agent: AgentIndex, at: ServerIndex) -> bool {
        let users = self.ready_server(at).map(|ready| &ready.users);
        users.is_some_and(|users| self.subjects(agent).any(|subject| users.contains(&subject)))
    }

    /// The server's tool of exactly this name.
    pub(crate) fn tool_of(&self, at: ServerIndex, name: &str) -> Option<ToolIndex> {
        let server = self.server(at)?;
        self.tool_by_name.get(&[&server.name, "/", name].concat()).copied()
    }

    /// The server that has the tool.
    pub fn server_of(&self, tool: ToolIndex) -> Option<ServerIndex> {
        self.tool(tool)?.server.map(ServerIndex)
    }

    /// The tool's pin.
    pub(crate) fn pin(&self, tool: ToolIndex) -> Option<crate::bundle::Ruled<[u8; 32]>> {
        self.tool(tool)?.pin
    }

    /// The arguments of the tool that are mirrored in fields of the header.
    pub(crate) fn mirrored(&self, tool: ToolIndex) -> &[Ruled<Mirrored>] {
        self.servers.mirrored.get(&tool).map_or(&[], Vec::as_slice)
    }

    /// The grant that lets the agent read a resource.
    pub(crate) fn resource(&self, agent: AgentIndex, at: ServerIndex, uri: &str) -> Option<&Grant> {
        self.resource_that(agent, at, |uris| uris.holds(uri))
    }

    /// The grant that lets the agent see a template of URIs: all of it but its variables is granted, or it is named itself.
    pub(crate) fn template(&self, agent: AgentIndex, at: ServerIndex, template: &str) -> Option<&Grant> {
        let fixed = template.split('{').next().unwrap_or_default();
        self.resource_that(agent, at, |uris| match uris {
            Uris::One(one) => one == template,
            Uris::Below(_) => uris.holds(fixed),
        })
    }

    fn resource_that(&self, agent: AgentIndex, at: ServerIndex, is_meant: impl Fn(&Uris) -> bool) -> Option<&Grant> {
        let resources = self.server(at).map_or(&[][..], |server| &server.resources);
        let meant = resources.iter().filter(|resource| is_meant(&resource.uri));
        meant.flat_map(|resource| granted(&resource.grants, self.subjects(agent))).next()
    }

    /// The grant that lets the agent fetch a prompt.
    pub(crate) fn prompt(&self, agent: AgentIndex, at: ServerIndex, name: &str) -> Option<&Grant> {
        granted(self.ready_server(at)?.prompts.get(name)?, self.subjects(agent)).next()
    }
}

/// Whether an authority is this host, whatever its port.
fn is_host(authority: &[u8], host: &str) -> bool {
    let end = authority.iter().rposition(|&byte| byte == b':').unwrap_or(authority.len());
    let (name, port) = authority.split_at_checked(end).unwrap_or((authority, &[]));
    let port = port.get(1..).unwrap_or_default();
    name.eq_ignore_ascii_case(host.as_bytes()) && port.iter().all(u8::is_ascii_digit)
}

/// Makes the servers ready. Their grants must be sorted.
pub(super) fn ready(
    mut servers: Vec<Server>,
    bundle_tools: &mut [crate::bundle::Tool],
) -> Result<Servers, &'static str> {
    let mut ready = Servers::default();
    for (at, tool) in (0u32..).zip(bundle_tools.iter_mut()).filter(|(_, tool)| !tool.mirrors.is_empty()) {
        ready.mirrored.insert(ToolIndex(at), mirrored(std::mem::take(&mut tool.mirrors))?);
    }
    for (at, server) in (0u32..).zip(&mut servers) {
        ready.by_path.entry(server.path.clone()).or_default().push(ServerIndex(at));
        let tools = || bundle_tools.iter().filter(|tool| tool.server == Some(at));
        let of_tools = tools().flat_map(|tool| &tool.grants);
        let of_resources = server.resources.iter().flat_map(|resource| &resource.grants);
        let of_prompts = server.prompts.iter().flat_map(|prompt| &prompt.grants);
        let users = of_tools.chain(of_resources).chain(of_prompts).map(|grant| grant.subject).collect();
        let prompts = std::mem::take(&mut server.prompts).into_iter().map(|Prompt { name, grants }| (name, grants));
        let most_bytes = tools().map(|tool| tool.body_limit.value).chain([server.body_limit.value]).max();
        ready.list.push(ReadyServer {
            prompts: prompts.collect(),
            users,
            most_bytes: most_bytes.unwrap_or_default(),
            server: server.clone(),
        });
    }
    Ok(ready)
}

/// How many arguments of one tool may be mirrored: Envoy takes no more fields in a header, unless it is told to.
pub const MAX_MIRRORED: usize = 100;

/// Makes the arguments ready that are mirrored. Each has a field of its own, also for a reader that takes `_` for `-`.
fn mirrored(mirrors: Vec<Ruled<Mirror>>) -> Result<Vec<Ruled<Mirrored>>, &'static str> {
    let bad = "an argument that is mirrored in a field";
    let mut fields = HashSet::new();
    if mirrors.len() > MAX_MIRRORED {
        return Err(bad);
    }
    let ready = |Ruled { rule, value: Mirror { suffix, pointer } }| {
        let mirrored = Mirrored::new(&suffix, &pointer).filter(|mirrored| fields.insert(mirrored.folded()))?;
        Some(Ruled { rule, value: mirrored })
    };
    mirrors.into_iter().map(ready).collect::<Option<_>>().ok_or(bad)
}

/// Sorts all grants, as look-ups need them.
pub(super) fn sort(servers: &mut [Server]) {
    for server in servers {
        let of_resources = server.resources.iter_mut().map(|resource| &mut resource.grants);
        for grants in of_resources.chain(server.prompts.iter_mut().map(|prompt| &mut prompt.grants)) {
            grants.sort_by_key(|grant| grant.subject);
        }
    }
}

/// Checks the servers of a bundle, whoever made it.
pub(super) fn consistent(bundle: &Bundle, grant: impl Fn(&Grant) -> bool) -> Result<(), &'static str> {
    let rule = |at: u32| index(at) < bundle.rules.len();
    let mut names = HashSet::new();
    let mut places: HashMap<&str, Vec<Option<&str>>> = HashMap::new();
    for server in &bundle.servers {
        let Server { name, path, host, versions, origins, methods, suspicious, rule: own, body_limit, .. } = server;
        if names::group_name(name.as_bytes()).is_err() || !names.insert(name) {
            return Err("the name of a server");
        }
        if !names::is_server_path(path) || !host.as_deref().is_none_or(names::is_host) {
            return Err("the path or the host of a server");
        }
        let hosts = places.entry(path).or_default();
        hosts.push(host.as_deref());
        if hosts.len() > 1 && (hosts.contains(&None) || has_twice(hosts)) {
            return Err("two servers at one path");
        }
        let has_methods = methods.iter().all(|method| rule(method.rule) && is_method(&method.value));
        if versions.is_empty() || origins.iter().any(String::is_empty) || !has_methods {
            return Err("what of the protocol passes to a server");
        }
        let has_checks = server.checks.iter().all(|&at| index(at) < bundle.checks.len());
        if !rule(*own) || !rule(suspicious.rule) || !rule(body_limit.rule) || !has_checks || !are_lists(server, &grant)
        {
            return Err("a server refers to what is not there");
        }
    }
    of_tools(bundle)
}

/// The name of a tool says whose it is.
fn of_tools(bundle: &Bundle) -> Result<(), &'static str> {
    for tool in &bundle.tools {
        let Some(at) = tool.server else {
            if tool.pin.is_some() || !tool.mirrors.is_empty() {
                return Err("a pin or a field of a tool that no server has");
            }
            continue;
        };
        let server = bundle.servers.get(index(at)).ok_or("a tool refers to a server that is not there")?;
        let name = tool.name.strip_prefix(server.name.as_str()).and_then(|rest| rest.strip_prefix('/'));
        let has_name = name.is_some_and(|name| names::tool_name(name.as_bytes()).is_ok());
        let rules = tool.pin.iter().map(|pin| pin.rule).chain(tool.mirrors.iter().map(|mirror| mirror.rule));
        if !has_name || rules.into_iter().any(|rule| index(rule) >= bundle.rules.len()) {
            return Err("the name, the pin or a field of a server's tool");
        }
    }
    Ok(())
}

fn has_twice(hosts: &[Option<&str>]) -> bool {
    hosts.iter().collect::<HashSet<_>>().len() < hosts.len()
}

/// Whether it can be the name of a method.
pub fn is_method(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn are_lists(server: &Server, grant: impl Fn(&Grant) -> bool) -> bool {
    let is_plain = |given: &Grant| grant(given) && given.checks.is_empty();
    let mut prompts = HashSet::new();
    let is_uri = |Resource { uri, grants }: &Resource| {
        let has_form = match uri {
            Uris::One(uri) => !uri.is_empty(),
            Uris::Below(start) => is_prefix(start),
        };
        has_form && grants.iter().all(is_plain)
    };
    server.resources.iter().all(is_uri)
        && server
            .prompts
            .iter()
            .all(|prompt| !prompt.name.is_empty() && prompts.insert(&prompt.name) && prompt.grants.iter().all(is_plain))
}

/// Whether URIs can be granted by how they begin: up to where a part of them ends.
pub fn is_prefix(start: &str) -> bool {
    start.len() > 1 && start.ends_with(['/', ':']) && !start.contains(['{', '\\', '\0'])
}
