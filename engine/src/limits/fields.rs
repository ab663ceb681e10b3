//! The `RateLimit` and `RateLimit-Policy` fields (draft-ietf-httpapi-ratelimit-headers-10).
//!
//! In: how each limit stands. Out: two structured fields (RFC 9651), or none without a limit.

use super::Standing;

pub(crate) fn fields(standings: &[Standing]) -> Vec<(&'static str, String)> {
    if standings.is_empty() {
        return Vec::new();
    }
    let policy = list(standings, |s| format!("\"{}\";q={};w={}", s.name, s.count, s.window_secs));
    let limit = list(standings, |s| format!("\"{}\";r={};t={}", s.name, s.remaining, s.reset_secs));
    vec![("ratelimit-policy", policy), ("ratelimit", limit)]
}

/// Names of limits have no quote and no backslash, so they need no escaping.
fn list(standings: &[Standing], item: fn(&Standing) -> String) -> String {
    standings.iter().map(item).collect::<Vec<_>>().join(", ")
}
