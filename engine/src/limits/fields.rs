//! The `RateLimit` and `RateLimit-Policy` fields (draft-ietf-httpapi-ratelimit-headers-10).
//!
//! In: how each limit stands. Out: two structured fields (RFC 9651), or none without a limit.

use super::Standing;
use crate::json::write;

pub(crate) fn fields(standings: &[Standing]) -> Vec<(&'static str, String)> {
    if standings.is_empty() {
        return Vec::new();
    }
    let policy = list(standings, |s| [("\";q=", u64::from(s.count)), (";w=", s.window_secs)]);
    let limit = list(standings, |s| [("\";r=", u64::from(s.remaining)), (";t=", s.reset_secs)]);
    vec![("ratelimit-policy", policy), ("ratelimit", limit)]
}

/// Names of limits have no quote and no backslash, so they need no escaping.
fn list(standings: &[Standing], numbers: fn(&Standing) -> [(&'static str, u64); 2]) -> String {
    let mut list = Vec::with_capacity(standings.len().saturating_mul(48));
    let mut separator = "\"";
    for standing in standings {
        list.extend_from_slice(separator.as_bytes());
        list.extend_from_slice(standing.name.as_bytes());
        for (parameter, number) in numbers(standing) {
            list.extend_from_slice(parameter.as_bytes());
            write::number(&mut list, number, 1);
        }
        separator = ", \"";
    }
    write::text(list)
}
