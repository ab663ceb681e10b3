//! Policies with many tools.
//!
//! In: how many. Out: YAML.

use crate::sample::HEAD;
use std::fmt::Write as _;

/// A policy with so many tools, named `tool-0` and so on.
pub fn policy(count: usize) -> String {
    let mut policy = HEAD.to_owned();
    policy.push_str("tools:\n");
    for number in 0..count {
        let _ = write!(
            policy,
            "  tool-{number}:\n    agents: [dev-agent]\n    groups: [readers]\n    quota: 4294967295/day\n    arguments:\n\
             \x20     max_string_length: 500\n      blocked: ['rm -rf', 'DROP TABLE', os.system, '--job-{number}']\n"
        );
    }
    policy
}
