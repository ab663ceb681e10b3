//! Which methods of the protocol pass, and by what.
//!
//! In: a method and a server. Out: the rule by which it passes, if it does without a look at what it asks for.

use crate::bundle::Server;

/// Requests that every agent may send to a server that it may use at all: they name nothing that belongs to somebody.
pub(super) const OF_ALL: [&str; 7] = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "prompts/list",
];

/// Notifications that the protocol has for clients.
pub(super) const NOTIFICATIONS: [&str; 4] = [
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
];

/// The rule by which a method passes that names nothing.
pub(super) fn passes(server: &Server, of_all: &[&str], method: &str) -> Option<u32> {
    let written = server.methods.iter().find(|written| written.value == method).map(|written| written.rule);
    written.or_else(|| of_all.contains(&method).then_some(server.rule))
}

/// Methods that are judged by what they ask for, and pass by no other list.
pub fn is_of_target(method: &str) -> bool {
    matches!(
        method,
        "tools/call"
            | "resources/read"
            | "resources/subscribe"
            | "resources/unsubscribe"
            | "prompts/get"
            | "completion/complete"
            | "subscriptions/listen"
    )
}

/// Methods that pass without being named in the policy.
pub fn is_of_protocol(method: &str) -> bool {
    is_of_target(method) || OF_ALL.contains(&method) || NOTIFICATIONS.contains(&method)
}
