//! The grants of a tool that let pass what one of them refuses.
//!
//! In: all grants with their conditions. Out: for a narrowed grant, who is not held to it and by which other grant.
//! Reports nothing, and stops after so many steps as it was given.

use super::{
    conditions::{self, Condition},
    schemas::Readable,
};
use crate::{
    file::{self, Granted, Grants, PolicyFile},
    lower::{Link, Links},
    source::Span,
};
use std::{collections::BTreeMap, ops::Range};
use toolgate_engine::bundle::Subject;

/// A grant whose name was found.
pub(super) struct Entry<'f> {
    pub(super) subject: Subject,
    pub(super) name: &'f str,
    pub(super) span: Span,
    /// Whether it was written as a mapping.
    pub(super) is_narrowed: bool,
    pub(super) conditions: Vec<Condition<'f>>,
}

/// All grants of a file: those of tools, then those of tool groups.
pub(super) struct AllGrants<'f> {
    pub(super) entries: Vec<Entry<'f>>,
    of_tool: Vec<Range<usize>>,
    of_tool_group: Vec<Range<usize>>,
}

impl<'f> AllGrants<'f> {
    pub(super) fn of(file: &'f PolicyFile, links: &Links, schemas: &'f Readable) -> Self {
        let mut all = Self { entries: Vec::new(), of_tool: Vec::new(), of_tool_group: Vec::new() };
        for (at, tool) in file.tools().iter().enumerate() {
            let range = all.add(&tool.grants, links.grants_of_tool(at), schemas);
            all.of_tool.push(range);
        }
        for (at, group) in file.tool_groups.iter().enumerate() {
            let range = all.add(&group.grants, links.grants_of_tool_group(at), schemas);
            all.of_tool_group.push(range);
        }
        all
    }

    fn add(&mut self, grants: &'f Grants, links: &[Link], schemas: &'f Readable) -> Range<usize> {
        let start = self.entries.len();
        self.entries.extend(links.iter().filter_map(|link| entry(grants, link, schemas)));
        start..self.entries.len()
    }

    /// The places of a tool's grants among the entries, with those of its tool groups.
    pub(super) fn of_tool(&self, tool: usize, links: &Links) -> Vec<usize> {
        let own = self.of_tool.get(tool).cloned();
        let of_groups = links.tool_groups_of(tool).iter().filter_map(|&group| self.of_tool_group.get(group).cloned());
        own.into_iter().chain(of_groups).flatten().collect()
    }

    /// Whether the grant stands in a tool group.
    pub(super) fn is_of_tool_group(&self, at: usize) -> bool {
        self.of_tool.last().is_none_or(|last| last.end <= at)
    }
}

fn entry<'f>(grants: &'f Grants, link: &Link, schemas: &'f Readable) -> Option<Entry<'f>> {
    let subject = link.subject();
    let list = match subject {
        Subject::Agent(_) => &grants.agents,
        Subject::Group(_) => &grants.groups,
    };
    let list = file::granted(list.as_ref());
    let Granted { who, narrowing } = list.get(list.binary_search_by_key(&link.at, |granted| granted.who.at).ok()?)?;
    Some(Entry {
        subject,
        name: &who.name,
        span: narrowing.as_ref().map_or(who.span, |narrowing| narrowing.span),
        is_narrowed: narrowing.is_some(),
        conditions: narrowing
            .as_ref()
            .map(|narrowing| conditions::of(&narrowing.arguments, schemas))
            .unwrap_or_default(),
    })
}

/// Another grant that lets pass all that a narrowed one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wider {
    /// Its place among the entries.
    pub(super) at: usize,
    /// Whether it lets pass more.
    pub(super) is_strictly: bool,
}

/// Who is not held to a narrowed grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotHeld {
    Nobody,
    /// This agent, because of the other grant; other agents are.
    Agent {
        agent: usize,
        by: Wider,
    },
    /// Every agent; the first one because of the other grant.
    Everybody {
        by: Wider,
    },
}

/// The grants of one tool.
pub(super) struct OfTool<'a, 'f> {
    pub(super) grants: &'a AllGrants<'f>,
    pub(super) links: &'a Links,
    /// Places of grants among the entries, by whom they are for.
    pub(super) by_subject: BTreeMap<Subject, Vec<usize>>,
    /// What every call of the tool is held to.
    pub(super) checked: Vec<Condition<'f>>,
}

impl OfTool<'_, '_> {
    /// Who is not held to the narrowed grant. Takes from `steps_left`; at zero, what it says is not certain.
    pub(super) fn not_held(&self, at: usize, members: &[usize], steps_left: &mut usize) -> NotHeld {
        let mut all_by = None;
        let mut one = None;
        let mut is_held = members.is_empty();
        for &agent in members {
            match self.wider(agent, at, steps_left) {
                None => is_held = true,
                Some(by) => {
                    all_by.get_or_insert(by);
                    one = one.or(by.is_strictly.then_some(NotHeld::Agent { agent, by }));
                }
            }
            if *steps_left == 0 || is_held && one.is_some() {
                break;
            }
        }
        match all_by {
            Some(by) if !is_held => NotHeld::Everybody { by },
            _ => one.unwrap_or(NotHeld::Nobody),
        }
    }

    /// Another grant of the agent that lets pass all that this one does; rather one that lets pass more.
    fn wider(&self, agent: usize, at: usize, steps_left: &mut usize) -> Option<Wider> {
        let narrow = self.grants.entries.get(at)?;
        let groups = self.links.groups_of(agent).iter().map(|&group| Subject::Group(index(group)));
        let mut equal = None;
        for subject in std::iter::once(Subject::Agent(index(agent))).chain(groups) {
            let others = self.by_subject.get(&subject).map(Vec::as_slice).unwrap_or_default();
            for &other in others.iter().filter(|&&other| other != at) {
                let Some(wide) = self.grants.entries.get(other) else { continue };
                let pairs = wide
                    .conditions
                    .len()
                    .saturating_add(1)
                    .saturating_mul(narrow.conditions.len().saturating_add(self.checked.len()).saturating_add(1));
                *steps_left = steps_left.saturating_sub(pairs);
                if *steps_left == 0 {
                    return None;
                }
                if !self.covers(wide, narrow) {
                    continue;
                }
                if !self.covers(narrow, wide) {
                    return Some(Wider { at: other, is_strictly: true });
                }
                // Of two that say the same to the same, the second one is the one too many.
                if wide.subject != narrow.subject || other < at {
                    equal = equal.or(Some(Wider { at: other, is_strictly: false }));
                }
            }
        }
        equal
    }

    /// Whether all calls of the tool that the narrow grant lets pass, the wide one lets pass, too. Not counted are
    /// numbers that a double does not hold, which only a schema allows: they make no grant narrower.
    fn covers(&self, wide: &Entry<'_>, narrow: &Entry<'_>) -> bool {
        let is_implied =
            |wanted: &Condition<'_>| narrow.conditions.iter().chain(&self.checked).any(|given| given.implies(wanted));
        wide.conditions.iter().all(is_implied)
    }
}

fn index(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
