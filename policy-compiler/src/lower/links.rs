//! Who refers to whom: names become indexes, and names that nobody declares are reported.
//!
//! In: the file. Out: [`Links`], with what was not found left out.
//! Decides nothing about rules.

use super::index;
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    file::{self, Given, Grants, Named, PolicyFile, Readers},
    guess,
    shape::Names,
};
use std::collections::HashMap;
use toolgate_engine::bundle::Subject;

/// Guessing is for people: after so many unknown names it stops, for it takes time.
const MAX_GUESSES: usize = 100;

/// An entry of a list whose name was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// The key that the list stands under, which is also the key that declares the name.
    pub(crate) key: &'static str,
    /// The entry's place in its list.
    pub(crate) at: usize,
    /// What it refers to.
    pub(crate) index: usize,
}

impl Link {
    pub(crate) fn subject(&self) -> Subject {
        if self.key == Names::Groups.key() {
            Subject::Group(index(self.index))
        } else {
            Subject::Agent(index(self.index))
        }
    }
}

/// All links of a file.
#[derive(Debug, Default)]
pub(crate) struct Links {
    groups_of_agent: Vec<Vec<usize>>,
    members_of_group: Vec<usize>,
    grants_of_tool: Vec<Vec<Link>>,
    grants_of_tool_group: Vec<Vec<Link>>,
    tool_groups_of_tool: Vec<Vec<usize>>,
    /// For each server, of its resources and then of its prompts.
    readers_of_server: Vec<Vec<Vec<Link>>>,
}

impl Links {
    pub(super) fn of(file: &PolicyFile, findings: &mut Findings) -> Self {
        let mut finder = Finder::of(file, findings);
        let mut links = Self {
            groups_of_agent: vec![Vec::new(); file.agents().len()],
            tool_groups_of_tool: vec![Vec::new(); file.tools().len()],
            ..Self::default()
        };
        for (at, group) in file.groups().iter().enumerate() {
            let members = finder.list(Some(&group.agents), Names::Agents);
            links.members_of_group.push(members.len());
            for member in members {
                push(&mut links.groups_of_agent, member.index, at);
            }
        }
        for (at, group) in file.tool_groups.iter().enumerate() {
            for tool in finder.list(group.tools.as_ref(), Names::Tools) {
                push(&mut links.tool_groups_of_tool, tool.index, at);
            }
            links.grants_of_tool_group.push(finder.grants(&group.grants));
        }
        for server in &file.servers {
            let of_resources = server.resources.iter().map(|resource| &resource.readers);
            let readers = of_resources.chain(server.prompts.iter().map(|(_, readers)| readers));
            links.readers_of_server.push(readers.map(|readers| finder.readers(readers)).collect());
        }
        links.grants_of_tool = file.tools().iter().map(|tool| finder.grants(&tool.grants)).collect();
        links
    }

    pub(crate) fn groups_of(&self, agent: usize) -> &[usize] {
        self.groups_of_agent.get(agent).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn member_count(&self, group: usize) -> usize {
        self.members_of_group.get(group).copied().unwrap_or_default()
    }

    pub(crate) fn tool_groups_of(&self, tool: usize) -> &[usize] {
        self.tool_groups_of_tool.get(tool).map_or(&[], Vec::as_slice)
    }

    /// To whom a resource or a prompt of a server is granted; prompts are counted behind the resources.
    pub(crate) fn readers(&self, server: usize, at: usize) -> &[Link] {
        self.readers_of_server.get(server).and_then(|readers| readers.get(at)).map_or(&[], Vec::as_slice)
    }

    /// All grants of resources and prompts.
    pub(crate) fn all_readers(&self) -> impl Iterator<Item = &Link> {
        self.readers_of_server.iter().flatten().flatten()
    }

    pub(crate) fn grants_of_tool(&self, tool: usize) -> &[Link] {
        self.grants_of_tool.get(tool).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn grants_of_tool_group(&self, group: usize) -> &[Link] {
        self.grants_of_tool_group.get(group).map_or(&[], Vec::as_slice)
    }
}

fn push(lists: &mut [Vec<usize>], at: usize, value: usize) {
    if let Some(list) = lists.get_mut(at) {
        list.push(value);
    }
}

/// Names of one kind.
struct Declared<'a> {
    indexes: HashMap<&'a str, usize>,
    /// The declarations could be read, so that a name that is not among them is wrong.
    readable: bool,
}

impl<'a> Declared<'a> {
    fn of(names: impl Iterator<Item = &'a Named>, readable: bool) -> Self {
        let indexes = names.enumerate().map(|(at, named)| (named.name.as_str(), at)).collect();
        Self { indexes, readable }
    }
}

struct Finder<'a, 'f> {
    agents: Declared<'a>,
    groups: Declared<'a>,
    tools: Declared<'a>,
    findings: &'f mut Findings,
    guesses_left: usize,
}

impl<'a, 'f> Finder<'a, 'f> {
    fn of(file: &'a PolicyFile, findings: &'f mut Findings) -> Self {
        let groups_readable = file.groups.as_ref().is_none_or(|given| given.value.is_some());
        Self {
            agents: Declared::of(file.agents().iter().map(|agent| &agent.id), is_readable(file.agents.as_ref())),
            groups: Declared::of(file.groups().iter().map(|group| &group.id), groups_readable),
            tools: Declared::of(file.tools().iter().map(|tool| &tool.id), is_readable(file.tools.as_ref())),
            findings,
            guesses_left: MAX_GUESSES,
        }
    }

    fn grants(&mut self, grants: &Grants) -> Vec<Link> {
        let Grants { agents, groups } = grants;
        let lists = [(agents, Names::Agents), (groups, Names::Groups)];
        let entries = lists
            .into_iter()
            .flat_map(|(list, names)| file::granted(list.as_ref()).iter().map(move |granted| (&granted.who, names)));
        entries.filter_map(|(named, names)| self.link(named, names)).collect()
    }

    fn readers(&mut self, readers: &Readers) -> Vec<Link> {
        let Readers { agents, groups } = readers;
        let mut links = self.list(agents.as_ref(), Names::Agents);
        links.extend(self.list(groups.as_ref(), Names::Groups));
        links
    }

    fn list(&mut self, given: Option<&Given<Vec<Named>>>, names: Names) -> Vec<Link> {
        file::entries(given).iter().filter_map(|named| self.link(named, names)).collect()
    }

    fn link(&mut self, named: &Named, names: Names) -> Option<Link> {
        let declared = match names {
            Names::Agents => &self.agents,
            Names::Groups => &self.groups,
            Names::Tools | Names::ToolGroups | Names::Servers | Names::Schemas => &self.tools,
        };
        if let Some(&index) = declared.indexes.get(named.name.as_str()) {
            return Some(Link { key: names.key(), at: named.at, index });
        }
        if declared.readable {
            self.report(named, names);
        }
        None
    }

    fn report(&mut self, named: &Named, names: Names) {
        let (code, declared) = match names {
            Names::Agents => (Code::UnknownAgent, &self.agents),
            Names::Groups => (Code::UnknownGroup, &self.groups),
            Names::Tools | Names::ToolGroups | Names::Servers | Names::Schemas => (Code::UnknownTool, &self.tools),
        };
        let message = format!("the {} {} is not declared", names.one(), quoted(&named.name));
        let finding = Finding::new(code, named.span, message);
        let mut meant = None;
        if self.guesses_left > 0 {
            self.guesses_left = self.guesses_left.saturating_sub(1);
            // Sorted, so that of two names that are equally near the same one is always shown.
            let mut known: Vec<_> = declared.indexes.keys().copied().collect();
            known.sort_unstable();
            meant = guess::meant(&named.name, known);
        }
        self.findings.add(match self.other_kind(named, names) {
            Some(other) if meant.is_none() => finding.help(other),
            _ if meant.is_some() => finding.did_you_mean(meant),
            _ => finding.help(format!("declare it under `{}`", names.key())),
        });
    }

    /// A group among agents, or an agent among groups, is a common slip.
    fn other_kind(&self, named: &Named, names: Names) -> Option<String> {
        let name = named.name.as_str();
        match names {
            Names::Agents if self.groups.indexes.contains_key(name) => {
                Some(format!("{} is a group: list it under `groups`", quoted(name)))
            }
            Names::Groups if self.agents.indexes.contains_key(name) => {
                Some(format!("{} is an agent: list it under `agents`", quoted(name)))
            }
            Names::Agents | Names::Groups | Names::Tools | Names::ToolGroups | Names::Servers | Names::Schemas => None,
        }
    }
}

fn is_readable<T>(given: Option<&Given<Vec<T>>>) -> bool {
    given.is_some_and(|given| given.value.is_some())
}
