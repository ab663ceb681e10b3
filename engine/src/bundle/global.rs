//! Global limits: those that Envoy's rate limit filter counts, for all Envoys together.
//!
//! In: a limit, an agent and a tool. Out: the header field by which Envoy knows what to count, and the rules of all.
//! Counts nothing. The name of a field is a class, its value says whose calls: so few rules serve any number of tools.

use super::{Bundle, Share};
use crate::{
    digest,
    limits::{LimitKind, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeSet, fmt, format, string::String, vec::Vec};

/// How the name of every such field begins. No client may send one, and no identity is read from one.
pub const GLOBAL_PREFIX: &str = "x-toolgate-";

/// What a group's calls are counted under when all agents share the limit. No id of an agent has a `*`.
const ALL_AGENTS: &str = "*";

/// A limit that is counted outside of the filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalLimit {
    /// Calls of what.
    pub over: Over,
    /// Whose calls are counted together.
    pub share: Share,
    /// What the policy calls it.
    pub kind: LimitKind,
    /// How many calls, in each unit of the calendar; never zero.
    pub requests: u32,
    /// The unit.
    pub unit: Unit,
    /// Index into [`Bundle::rules`].
    pub rule: u32,
}

/// Which calls a global limit counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Over {
    /// Those of one tool; several tools may share an entry, and never a counter.
    Tool,
    /// Those of one agent, whatever the tool.
    Agent,
    /// Those of all tools of the group with this name.
    ToolGroup(String),
}

/// In what the rate limit service counts: windows of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Unit {
    /// From one second to the next.
    Second,
    /// From second 0 on.
    Minute,
    /// From minute 0 on.
    Hour,
    /// From midnight on.
    Day,
}

/// What becomes of a call when the rate limit service gives no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unanswered {
    /// It is refused.
    #[default]
    Refuse,
    /// It passes, and is not counted.
    Allow,
}

/// What the rate limit service must be told: count each value of this field by itself, up to so many in each unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlobalRule {
    /// The name of the field, in lower case.
    pub header: String,
    /// How many calls with one value pass in each unit.
    pub requests: u32,
    /// The unit.
    pub unit: Unit,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        })
    }
}

impl Unit {
    /// How long one lasts.
    pub fn seconds(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// Seconds from a moment to the end of the window that it lies in.
    pub(crate) fn left_at(self, Timestamp(now): Timestamp) -> u64 {
        let (seconds, length) = (now / 1_000_000_000, u64::from(self.seconds()));
        length.saturating_sub(seconds.checked_rem(length).unwrap_or_default())
    }
}

impl GlobalLimit {
    /// The name of the field that carries it.
    pub fn header(&self) -> String {
        let Self { over, requests, unit, share: _, kind: _, rule: _ } = self;
        match over {
            Over::Tool => format!("{GLOBAL_PREFIX}tool-{requests}-{unit}"),
            Over::Agent => format!("{GLOBAL_PREFIX}agent-{requests}-{unit}"),
            Over::ToolGroup(group) => format!("{GLOBAL_PREFIX}group-{}-{requests}-{unit}", short_hash(group)),
        }
    }

    /// The value of that field for a call. Names of agents and tools hold no blank, so no two kinds of value are equal.
    pub fn value<'a>(&self, tool: &'a str, agent: &'a str) -> Cow<'a, str> {
        match (&self.over, self.share) {
            (Over::Tool, Share::EachAgent) => Cow::Owned([tool, " ", agent].concat()),
            (Over::Tool, Share::AllAgents) => Cow::Borrowed(tool),
            (Over::Agent, _) | (Over::ToolGroup(_), Share::EachAgent) => Cow::Borrowed(agent),
            (Over::ToolGroup(_), Share::AllAgents) => Cow::Borrowed(ALL_AGENTS),
        }
    }

    /// The name of the limit for people, as limits that the filter counts are called: `tool-quota`.
    pub fn name(&self) -> String {
        let kind = self.kind.suffix();
        match &self.over {
            Over::Tool => format!("tool{kind}"),
            Over::Agent => format!("agent{kind}"),
            Over::ToolGroup(group) => format!("tool_group.{group}{kind}"),
        }
    }
}

/// Eight digits keep the names of groups short, and hold no letter that the name of a field may not have.
fn short_hash(group: &str) -> String {
    digest::short(group.as_bytes(), 4)
}

impl Bundle {
    /// What the rate limit service must be told for this policy: each rule once, sorted.
    pub fn global_rules(&self) -> Vec<GlobalRule> {
        let rule = |limit: &GlobalLimit| {
            let GlobalLimit { requests, unit, .. } = *limit;
            GlobalRule { header: limit.header(), requests, unit }
        };
        self.globals.iter().map(rule).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn limit(over: Over, share: Share) -> GlobalLimit {
        GlobalLimit { over, share, kind: LimitKind::Quota, requests: 1000, unit: Unit::Day, rule: 0 }
    }

    #[test]
    fn the_field_of_a_tool_names_the_class_and_its_value_the_tool() {
        let each = limit(Over::Tool, Share::EachAgent);
        assert_eq!(each.header(), "x-toolgate-tool-1000-day");
        assert_eq!(each.value("search", "dev"), "search dev");
        assert_eq!(limit(Over::Tool, Share::AllAgents).value("search", "dev"), "search");
    }

    #[test]
    fn the_field_of_an_agent_has_the_agent_alone() {
        let agent = limit(Over::Agent, Share::EachAgent);
        assert_eq!((agent.header().as_str(), &*agent.value("search", "dev")), ("x-toolgate-agent-1000-day", "dev"));
    }

    #[test]
    fn a_group_that_all_share_is_counted_under_no_agents_name() {
        let group = |share| limit(Over::ToolGroup("web".to_string()), share);
        // sha256("web") begins with these bytes.
        assert_eq!(group(Share::AllAgents).header(), "x-toolgate-group-4b5e57f6-1000-day");
        assert_eq!(group(Share::EachAgent).value("search", "dev"), "dev");
        let all = group(Share::AllAgents).value("search", "dev").into_owned();
        assert!(crate::names::agent_id(all.as_bytes()).is_err());
    }

    #[test]
    fn each_rule_is_told_once_and_in_order() {
        let other = GlobalLimit { requests: 60, unit: Unit::Minute, ..limit(Over::Tool, Share::EachAgent) };
        let globals = vec![
            limit(Over::Tool, Share::EachAgent),
            other,
            limit(Over::Tool, Share::AllAgents),
            limit(Over::Agent, Share::EachAgent),
        ];
        let rules = Bundle { globals, ..Bundle::default() }.global_rules();
        let told: Vec<_> =
            rules.iter().map(|rule| (rule.header.as_str(), rule.requests, rule.unit.seconds())).collect();
        assert_eq!(
            told,
            [
                ("x-toolgate-agent-1000-day", 1000, 86_400),
                ("x-toolgate-tool-1000-day", 1000, 86_400),
                ("x-toolgate-tool-60-minute", 60, 60)
            ]
        );
    }
}
