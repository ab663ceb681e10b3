//! Buckets: what counts the calls that rates and quotas hold, in the memory of one Envoy.
//!
//! In: limits of tools, tool groups and agents. Out: entries of the bundle's list, and indexes into it.
//! Keys stay the same over all versions of a policy, so that a reload forgets nothing.

use super::{index, rules::Rules};
use crate::file::{Agent, Allowance, Given, Limited, Limits, PolicyFile, Scope, Tool};
use toolgate_engine::bundle::{Bucket, Quota, Rate, Ruled, Share};

/// A limit with its rule and whose calls it counts.
#[derive(Clone, Copy)]
struct Held<T> {
    limit: Ruled<T>,
    share: Share,
}

pub(super) fn of_agent(agent: &Agent, buckets: &mut Vec<Bucket>, rules: &mut Rules) -> Vec<u32> {
    let Limits { rate, quota } = &agent.limits;
    let path = ["agents", agent.id.name.as_str()];
    let rate = held(rate.as_ref(), &path, "rate", rules);
    let quota = held(quota.as_ref(), &path, "quota", rules);
    add("agent", "agent", rate, quota, buckets)
}

/// The tool's own limits; what it does not say, `defaults` says.
pub(super) fn of_tool(file: &PolicyFile, tool: &Tool, buckets: &mut Vec<Bucket>, rules: &mut Rules) -> Vec<u32> {
    let Limits { rate, quota } = &tool.limits;
    let own = tool.path();
    let rate = match rate {
        Some(rate) => held(Some(rate), &own, "rate", rules),
        None => held(file.defaults.limits.rate.as_ref(), &["defaults"], "rate", rules),
    };
    let quota = match quota {
        Some(quota) => held(Some(quota), &own, "quota", rules),
        None => held(file.defaults.limits.quota.as_ref(), &["defaults"], "quota", rules),
    };
    add(&format!("tool/{}", tool.id.name), "tool", rate, quota, buckets)
}

/// For each tool group, the buckets that all its tools share.
pub(super) fn of_tool_groups(file: &PolicyFile, buckets: &mut Vec<Bucket>, rules: &mut Rules) -> Vec<Vec<u32>> {
    let of_group = |group: &crate::file::ToolGroup| {
        let Limits { rate, quota } = &group.limits;
        let name = group.id.name.as_str();
        let path = ["tool_groups", name];
        let rate = held(rate.as_ref(), &path, "rate", rules);
        let quota = held(quota.as_ref(), &path, "quota", rules);
        add(&format!("tool_group/{name}"), &format!("tool_group.{name}"), rate, quota, buckets)
    };
    file.tool_groups.iter().map(of_group).collect()
}

fn held<T: Copy>(given: Option<&Given<Allowance<T>>>, path: &[&str], key: &str, rules: &mut Rules) -> Option<Held<T>> {
    let given = given?;
    let Allowance::Limited(Limited { value, share, scope: Scope::Local }) = given.value? else { return None };
    let path: Vec<_> = path.iter().copied().chain([key]).collect();
    Some(Held { limit: Ruled { rule: rules.at(&path), value }, share })
}

/// A rate and a quota that count the same calls share a bucket, so that both change at once.
fn add(
    key: &str,
    label: &str,
    rate: Option<Held<Rate>>,
    quota: Option<Held<Quota>>,
    buckets: &mut Vec<Bucket>,
) -> Vec<u32> {
    let mut added = Vec::new();
    for (share, key) in [(Share::EachAgent, key.to_owned()), (Share::AllAgents, format!("{key}/all"))] {
        let rate = rate.filter(|held| held.share == share).map(|held| held.limit);
        let quota = quota.filter(|held| held.share == share).map(|held| held.limit);
        if rate.is_some() || quota.is_some() {
            added.push(index(buckets.len()));
            buckets.push(Bucket { key, label: label.to_owned(), share, rate, quota });
        }
    }
    added
}
