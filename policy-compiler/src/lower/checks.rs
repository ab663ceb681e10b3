//! Checks of arguments: one list for each tool and each narrowed grant, shared by all that have the same.
//!
//! In: the checks of tools, tool groups, defaults and grants. Out: the bundle's list, and indexes into it.
//! Judges no arguments.

use super::{
    index,
    links::Link,
    patterns::Patterns,
    rules::Rules,
    schemas::{Finished, Schemas},
};
use crate::{
    diagnostic::Findings,
    file::{self, Arguments, Grants, Narrowing, PolicyFile, Tool},
    files::{Files, ReadFile},
    shape::Names,
};
use std::collections::HashMap;
use toolgate_engine::{
    automaton::Automaton,
    bundle::{Checks, Mirror, Ruled},
    schema::Program,
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
pub(super) struct AllChecks<'f> {
    list: Vec<Checks>,
    known: HashMap<Checks, u32>,
    patterns: Patterns,
    schemas: Schemas<'f>,
    of_defaults: Checks,
    of_tool_groups: Vec<Checks>,
    /// For each tool so far, the schema that it has for itself, if a server has it.
    of_server_tools: Vec<Option<Ruled<u32>>>,
}

/// All that checks refer to.
pub(super) struct Parts {
    pub(super) automata: Vec<Automaton>,
    pub(super) schemas: Program,
    pub(super) checks: Vec<Checks>,
    /// Files that were read for schemas.
    pub(super) files: Vec<ReadFile>,
    /// For each tool, the arguments that are mirrored in fields.
    pub(super) mirrors: Vec<Vec<Ruled<Mirror>>>,
}

impl<'f> AllChecks<'f> {
    pub(super) fn of(
        file: &PolicyFile,
        name: &str,
        files: &'f dyn Files,
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Self {
        let mut all = Self {
            list: Vec::new(),
            known: HashMap::new(),
            patterns: Patterns::default(),
            schemas: Schemas::of(file, name, files),
            of_defaults: Checks::default(),
            of_tool_groups: Vec::new(),
            of_server_tools: Vec::new(),
        };
        all.of_defaults = all.written(&file.defaults.arguments, &["defaults"], rules, findings);
        for group in &file.tool_groups {
            let checks = all.written(&group.arguments, &["tool_groups", &group.id.name], rules, findings);
            all.of_tool_groups.push(checks);
        }
        all
    }

    /// What one `arguments` says by itself; `path` leads to the mapping that it stands in.
    pub(super) fn written(
        &mut self,
        arguments: &Arguments,
        path: &[&str],
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Checks {
        Checks {
            schemas: self.schemas.entry(arguments, path, rules, findings).into_iter().collect(),
            max_string_length: longest(arguments, path, rules),
            blocked: self.patterns.list(arguments, path, rules, findings),
        }
    }

    /// The tool's own checks, those of the defaults and those of its tool groups. Schemas and patterns add up. Of
    /// lengths, the tool's own takes the place of the default, and then the shortest counts.
    pub(super) fn of_tool(
        &mut self,
        tool: &Tool,
        tool_groups: &[usize],
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Vec<u32> {
        let mut checks = self.written(&tool.arguments, &tool.path(), rules, findings);
        self.of_server_tools.push(checks.schemas.first().copied().filter(|_| tool.server.is_some()));
        checks.max_string_length = checks.max_string_length.or(self.of_defaults.max_string_length);
        let of_groups = tool_groups.iter().filter_map(|&group| self.of_tool_groups.get(group));
        checks.schemas.extend_from_slice(&self.of_defaults.schemas);
        checks.blocked.extend_from_slice(&self.of_defaults.blocked);
        let mut lengths: Vec<Ruled<u32>> = checks.max_string_length.into_iter().collect();
        for group in of_groups {
            checks.schemas.extend_from_slice(&group.schemas);
            checks.blocked.extend_from_slice(&group.blocked);
            lengths.extend(group.max_string_length);
        }
        // What is for one part of the arguments stands together; what is for all of them, with no pointer, comes first.
        checks.blocked.sort_by(|left, right| left.at.cmp(&right.at));
        checks.max_string_length = lengths.into_iter().min_by_key(|length| length.value);
        self.add(checks).into_iter().collect()
    }

    /// What holds for all that is filled in besides the arguments of tools: of the defaults, what is for no argument by
    /// its name.
    pub(super) fn of_server(&mut self) -> Vec<u32> {
        let Checks { schemas: _, max_string_length, blocked } = &self.of_defaults;
        let blocked = blocked.iter().filter(|blocked| blocked.at.is_empty()).cloned().collect();
        let checks = Checks { schemas: Vec::new(), max_string_length: *max_string_length, blocked };
        self.add(checks).into_iter().collect()
    }

    /// That nothing holds what a set blocks.
    pub(super) fn of_set(&mut self, name: &str, rule: u32, findings: &mut Findings) -> Option<u32> {
        let blocked = self.patterns.of_set(name, "", rule, findings);
        self.add(Checks { blocked, ..Checks::default() })
    }

    /// What narrows each of the grants, as an index into the list of checks.
    pub(super) fn of_grants(
        &mut self,
        path: &[&str],
        grants: &Grants,
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Narrowings {
        let mut narrowings = Narrowings::default();
        for (names, list) in [(Names::Agents, &grants.agents), (Names::Groups, &grants.groups)] {
            for granted in file::granted(list.as_ref()) {
                let Some(Narrowing { span: _, arguments }) = &granted.narrowing else { continue };
                let at = granted.who.at.to_string();
                let path = [path, &[names.key(), &at]].concat();
                let checks = self.written(arguments, &path, rules, findings);
                narrowings.0.insert((names.key(), granted.who.at), self.add(checks));
            }
        }
        narrowings
    }

    pub(super) fn into_parts(self, findings: &mut Findings) -> Parts {
        let Finished { program, files, mirrors } = self.schemas.finish(&self.of_server_tools, findings);
        Parts { automata: self.patterns.into_automata(), schemas: program, checks: self.list, files, mirrors }
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
