//! Checks of arguments: one list for each tool and each narrowed grant, shared by all that have the same.
//!
//! In: the checks of tools, tool groups, defaults and grants. Out: the bundle's list, and indexes into it.
//! Judges no arguments.

use super::{index, links::Link, patterns::Patterns, rules::Rules};
use crate::{
    diagnostic::Findings,
    file::{self, Arguments, Grants, Narrowing, PolicyFile, Tool},
    shape::Names,
};
use std::collections::HashMap;
use toolgate_engine::{
    automaton::Automaton,
    bundle::{Blocked, Checks, Ruled},
};

/// What narrows the grants of a tool or a tool group, by the key of the list and the entry's place in it.
#[derive(Default)]
pub(super) struct Narrowings(HashMap<(&'static str, usize), Option<u32>>);

impl Narrowings {
    /// The checks of a grant. Nothing for a grant for any arguments; no index, if its `arguments` check nothing.
    #[expect(clippy::option_option, reason = "the two kinds of nothing differ")]
    pub(super) fn of(&self, link: &Link) -> Option<Option<u32>> {
        self.0.get(&(link.key, link.at)).copied()
    }
}

/// The lists so far.
pub(super) struct AllChecks {
    list: Vec<Checks>,
    known: HashMap<Checks, u32>,
    patterns: Patterns,
    /// What all tools check.
    of_defaults: Vec<Blocked>,
    of_tool_groups: Vec<Checks>,
}

impl AllChecks {
    pub(super) fn of(file: &PolicyFile, rules: &mut Rules, findings: &mut Findings) -> Self {
        let mut patterns = Patterns::default();
        let of_defaults = patterns.list(&file.defaults.arguments, &["defaults"], rules, findings);
        let of_group = |group: &crate::file::ToolGroup| Checks {
            max_string_length: longest(&group.arguments, &["tool_groups", &group.id.name], rules),
            blocked: patterns.list(&group.arguments, &["tool_groups", &group.id.name], rules, findings),
        };
        let of_tool_groups = file.tool_groups.iter().map(of_group).collect();
        Self { list: Vec::new(), known: HashMap::new(), patterns, of_defaults, of_tool_groups }
    }

    /// The tool's own checks, those of the defaults and those of its tool groups. Patterns add up. Of lengths, the
    /// tool's own takes the place of the default, and then the shortest counts.
    pub(super) fn of_tool(
        &mut self,
        file: &PolicyFile,
        tool: &Tool,
        tool_groups: &[usize],
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Vec<u32> {
        let path = ["tools", &tool.id.name];
        let own = longest(&tool.arguments, &path, rules);
        let own = own.or_else(|| longest(&file.defaults.arguments, &["defaults"], rules));
        let mut blocked = self.patterns.list(&tool.arguments, &path, rules, findings);
        blocked.extend_from_slice(&self.of_defaults);
        let mut lengths: Vec<Ruled<u32>> = own.into_iter().collect();
        for group in tool_groups.iter().filter_map(|&group| self.of_tool_groups.get(group)) {
            lengths.extend(group.max_string_length);
            blocked.extend_from_slice(&group.blocked);
        }
        // What is for one part of the arguments stands together; what is for all of them, with no pointer, comes first.
        blocked.sort_by(|left, right| left.at.cmp(&right.at));
        let max_string_length = lengths.into_iter().min_by_key(|length| length.value);
        self.add(Checks { max_string_length, blocked }).into_iter().collect()
    }

    /// What narrows each of the grants, as an index into the list of checks.
    pub(super) fn of_grants(
        &mut self,
        path: [&str; 2],
        grants: &Grants,
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Narrowings {
        let mut narrowings = Narrowings::default();
        for (names, list) in [(Names::Agents, &grants.agents), (Names::Groups, &grants.groups)] {
            for granted in file::granted(list.as_ref()) {
                let Some(Narrowing { span: _, arguments }) = &granted.narrowing else { continue };
                let [place, name] = path;
                let at = granted.who.at.to_string();
                let path = [place, name, names.key(), &at];
                let max_string_length = longest(arguments, &path, rules);
                let checks =
                    Checks { max_string_length, blocked: self.patterns.list(arguments, &path, rules, findings) };
                narrowings.0.insert((names.key(), granted.who.at), self.add(checks));
            }
        }
        narrowings
    }

    pub(super) fn into_lists(self) -> (Vec<Automaton>, Vec<Checks>) {
        (self.patterns.into_automata(), self.list)
    }

    fn add(&mut self, checks: Checks) -> Option<u32> {
        if checks == Checks::default() {
            return None;
        }
        if let Some(&known) = self.known.get(&checks) {
            return Some(known);
        }
        let at = index(self.list.len());
        self.list.push(checks.clone());
        self.known.insert(checks, at);
        Some(at)
    }
}

fn longest(arguments: &Arguments, path: &[&str], rules: &mut Rules) -> Option<Ruled<u32>> {
    let given = arguments.max_string_length.as_ref()?;
    let path: Vec<_> = path.iter().copied().chain(["arguments", "max_string_length"]).collect();
    Some(Ruled { rule: rules.at(&path), value: given.value? })
}
