//! Checks of arguments, shared by all tools that have the same.
//!
//! In: the checks of tools, tool groups and defaults. Out: the bundle's list, and indexes into it.
//! Judges no arguments.

use super::{index, rules::Rules};
use crate::file::{self, Arguments, PolicyFile, Tool};
use toolgate_engine::bundle::{Checks, Ruled};

/// The list so far, and where the shared ones are in it.
pub(super) struct AllChecks {
    list: Vec<Checks>,
    /// The literals that all tools check.
    defaults: Option<u32>,
    /// The default length without literals, which tools that say nothing share.
    bare: Option<u32>,
    tool_groups: Vec<Option<u32>>,
}

impl AllChecks {
    pub(super) fn of(file: &PolicyFile, rules: &mut Rules) -> Self {
        let mut all = Self { list: Vec::new(), defaults: None, bare: None, tool_groups: Vec::new() };
        let blocked = blocked(&file.defaults.arguments, &["defaults"], rules);
        all.defaults = all.add(Checks { max_string_length: None, blocked });
        for group in &file.tool_groups {
            let checks = own(&group.arguments, &["tool_groups", &group.id.name], rules);
            let added = all.add(checks);
            all.tool_groups.push(added);
        }
        all
    }

    /// The tool's own checks with the default length, the defaults' literals, then its tool groups' checks.
    pub(super) fn of_tool(
        &mut self,
        file: &PolicyFile,
        tool: &Tool,
        tool_groups: &[usize],
        rules: &mut Rules,
    ) -> Vec<u32> {
        let mut checks = own(&tool.arguments, &["tools", &tool.id.name], rules);
        if tool.arguments.max_string_length.is_none() {
            checks.max_string_length = longest(&file.defaults.arguments, &["defaults"], rules);
        }
        let nothing_of_its_own = tool.arguments.max_string_length.is_none() && checks.blocked.is_empty();
        let own = match self.bare {
            Some(bare) if nothing_of_its_own => Some(bare),
            _ => self.add(checks),
        };
        if nothing_of_its_own {
            self.bare = own;
        }
        let of_groups = tool_groups.iter().filter_map(|&group| self.tool_groups.get(group).copied().flatten());
        own.into_iter().chain(self.defaults).chain(of_groups).collect()
    }

    pub(super) fn into_list(self) -> Vec<Checks> {
        self.list
    }

    fn add(&mut self, checks: Checks) -> Option<u32> {
        if checks == Checks::default() {
            return None;
        }
        let at = index(self.list.len());
        self.list.push(checks);
        Some(at)
    }
}

fn own(arguments: &Arguments, path: &[&str], rules: &mut Rules) -> Checks {
    Checks { max_string_length: longest(arguments, path, rules), blocked: blocked(arguments, path, rules) }
}

fn longest(arguments: &Arguments, path: &[&str], rules: &mut Rules) -> Option<Ruled<u32>> {
    let given = arguments.max_string_length.as_ref()?;
    let path: Vec<_> = path.iter().copied().chain(["arguments", "max_string_length"]).collect();
    Some(Ruled { rule: rules.at(&path, given.span), value: given.value? })
}

fn blocked(arguments: &Arguments, path: &[&str], rules: &mut Rules) -> Vec<Ruled<String>> {
    let literal = |literal: &file::Named| {
        let at = literal.at.to_string();
        let path: Vec<_> = path.iter().copied().chain(["arguments", "blocked", &at]).collect();
        Ruled { rule: rules.at(&path, literal.span), value: literal.name.clone() }
    };
    file::entries(arguments.blocked.as_ref()).iter().map(literal).collect()
}
