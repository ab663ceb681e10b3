//! Global limits: what Envoy's rate limit filter counts.
//!
//! In: limits of tools, tool groups and agents. Out: entries of the bundle's list, and indexes into it.
//! Finds what would be counted as one although it was written as two.

use super::{index, rules::Rules};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    file::{Agent, Allowance, Given, Limited, Limits, PolicyFile, Scope, Tool, amounts},
    source::Span,
};
use std::collections::{HashMap, HashSet};
use toolgate_engine::{
    bundle::{GlobalLimit, Over, Quota, Rate, Share, Unit},
    limits::LimitKind,
};

/// All global limits so far.
#[derive(Debug, Default)]
pub(super) struct Globals {
    limits: Vec<GlobalLimit>,
    by_rule: HashMap<u32, u32>,
    told: HashSet<(u32, u32)>,
}

/// A limit as it was written, and where.
#[derive(Clone, Copy)]
struct Written {
    kind: LimitKind,
    requests: u32,
    unit: Unit,
    share: Share,
    span: Span,
}

impl Globals {
    pub(super) fn into_limits(self) -> Vec<GlobalLimit> {
        self.limits
    }

    pub(super) fn of_agent(&mut self, agent: &Agent, rules: &mut Rules, findings: &mut Findings) -> Vec<u32> {
        let path = ["agents", agent.id.name.as_str()];
        self.add(&Over::Agent, [(&path, rate(&agent.limits)), (&path, quota(&agent.limits))], rules, findings)
    }

    /// The tool's own limits; what it does not say, `defaults` says.
    pub(super) fn of_tool(
        &mut self,
        file: &PolicyFile,
        tool: &Tool,
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Vec<u32> {
        let own: &[&str] = &tool.path();
        let (defaults, limits): (&[&str], _) = (&["defaults"], &file.defaults.limits);
        let rate = if tool.limits.rate.is_some() { (own, rate(&tool.limits)) } else { (defaults, rate(limits)) };
        let quota = if tool.limits.quota.is_some() { (own, quota(&tool.limits)) } else { (defaults, quota(limits)) };
        self.add(&Over::Tool, [rate, quota], rules, findings)
    }

    /// For each tool group, the limits that all its tools share.
    pub(super) fn of_tool_groups(
        &mut self,
        file: &PolicyFile,
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Vec<Vec<u32>> {
        let mut group_of: HashMap<String, &str> = HashMap::new();
        let mut of_groups = Vec::new();
        for group in &file.tool_groups {
            let name = group.id.name.as_str();
            let path = ["tool_groups", name];
            let over = Over::ToolGroup(name.to_owned());
            let added = self.add(&over, [(&path, rate(&group.limits)), (&path, quota(&group.limits))], rules, findings);
            for limit in added.iter().filter_map(|&at| self.limits.get(usize::try_from(at).ok()?)) {
                let other = group_of.entry(limit.header()).or_insert(name);
                if *other != name {
                    let message =
                        format!("the tool groups {} and {} would be counted as one", quoted(other), quoted(name));
                    let finding = Finding::new(Code::GlobalTwice, group.id.span, message);
                    findings.add(finding.help("call one of them another name: the short hashes of the two are equal"));
                }
            }
            of_groups.push(added);
        }
        of_groups
    }

    fn add(
        &mut self,
        over: &Over,
        written: [(&[&str], Option<Written>); 2],
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Vec<u32> {
        let mut added: Vec<(u32, Written)> = Vec::new();
        for (path, written) in written {
            let Some(written) = written else { continue };
            let at = self.at(over, path, written, rules);
            let same = |(_, other): &&(u32, Written)| (other.requests, other.unit) == (written.requests, written.unit);
            if let Some((other, first)) = added.iter().find(same)
                && self.told.insert((*other, at))
            {
                findings.add(twice(*first, written));
            }
            added.push((at, written));
        }
        added.into_iter().map(|(at, _)| at).collect()
    }

    /// The entry of a limit: one for each rule, so that all tools that a default holds for share it.
    fn at(&mut self, over: &Over, path: &[&str], written: Written, rules: &mut Rules) -> u32 {
        let Written { kind, requests, unit, share, span: _ } = written;
        let key = match kind {
            LimitKind::Rate => "rate",
            LimitKind::Quota => "quota",
        };
        let path: Vec<_> = path.iter().copied().chain([key]).collect();
        let rule = rules.at(&path);
        *self.by_rule.entry(rule).or_insert_with(|| {
            self.limits.push(GlobalLimit { over: over.clone(), share, kind, requests, unit, rule });
            index(self.limits.len().saturating_sub(1))
        })
    }
}

fn twice(first: Written, second: Written) -> Finding {
    let message = format!("rate and quota would be counted as one: both are {}/{}", second.requests, second.unit);
    let finding = Finding::new(Code::GlobalTwice, second.span, message).label(first.span, "the other one");
    finding.help("take one out, or write `scope: local` in it: globally, a rate is counted as a quota is")
}

fn rate(limits: &Limits) -> Option<Written> {
    let (Limited { value: Rate { count, period_secs, burst: _ }, share, scope: _ }, span) =
        global(limits.rate.as_ref())?;
    let unit = amounts::unit_of_period(period_secs)?;
    Some(Written { kind: LimitKind::Rate, requests: count, unit, share, span })
}

fn quota(limits: &Limits) -> Option<Written> {
    let (Limited { value: Quota { count, window }, share, scope: _ }, span) = global(limits.quota.as_ref())?;
    let unit = amounts::unit_of_window(window)?;
    Some(Written { kind: LimitKind::Quota, requests: count, unit, share, span })
}

fn global<T: Copy>(given: Option<&Given<Allowance<T>>>) -> Option<(Limited<T>, Span)> {
    let given = given?;
    match given.value? {
        Allowance::Limited(limited) if limited.scope == Scope::Global => Some((limited, given.span)),
        Allowance::Limited(_) | Allowance::Unlimited => None,
    }
}
