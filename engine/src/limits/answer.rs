//! What Envoy's rate limit filter says of a call, told from the answer that passes it.
//!
//! In: Envoy's own details of the answer, and its header. Out: whether the call was counted, refused, or neither.
//! Goes by no status: a tool can send any. Knows nothing of the policy.

use crate::bundle::GlobalLimit;

/// Details of the answer with which the filter refuses, because a limit is spent.
const REFUSED: &[u8] = b"request_rate_limited";

/// Details of the answer with which it refuses, because it got no answer from the rate limit service.
const NO_ANSWER: &[u8] = b"rate_limiter_error";

/// What became of a call at the rate limit filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Each of its limits was looked up, and none is spent.
    Yes,
    /// It passed, and of some limit nobody says that it was looked up.
    No,
    /// A limit is spent.
    Spent(Told),
    /// Nobody could say, and so it was refused.
    Unknown,
}

/// What is told of the limit that is spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Its count.
    pub(crate) requests: Option<u32>,
    /// Seconds until its window ends.
    pub(crate) reset_secs: Option<u64>,
}

/// Reads the fields `x-ratelimit-limit: 5, 5;w=60, 100;w=3600` and `x-ratelimit-reset: 12`
/// (draft-polli-ratelimit-headers-03): of the limit with the least left, its count and its end; then all limits.
pub(crate) fn counted<'a>(
    details: &[u8],
    fields: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
    mut limits: impl Iterator<Item = &'a GlobalLimit>,
) -> Counted {
    let all = |name: &'static str| {
        let named = fields.iter().filter(move |(other, _)| other.as_ref().eq_ignore_ascii_case(name.as_bytes()));
        named.filter_map(|(_, value)| std::str::from_utf8(value.as_ref()).ok()).flat_map(|value| value.split(','))
    };
    let number = |name| all(name).next().map(str::trim);
    match details {
        REFUSED => Counted::Spent(Told {
            requests: number("x-ratelimit-limit").and_then(|text| text.parse().ok()),
            reset_secs: number("x-ratelimit-reset").and_then(|text| text.parse().ok()),
        }),
        NO_ANSWER => Counted::Unknown,
        _ if limits.all(|limit| all("x-ratelimit-limit").any(|item| is_of(item.trim(), limit))) => Counted::Yes,
        _ => Counted::No,
    }
}

/// Whether `5;w=60`, perhaps with more parameters, is this limit.
fn is_of(item: &str, limit: &GlobalLimit) -> bool {
    let mut parts = item.split(';');
    let count = parts.next().and_then(|count| count.parse().ok());
    let window = parts.next().and_then(|window| window.strip_prefix("w=")?.parse().ok());
    (count, window) == (Some(limit.requests), Some(limit.unit.seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bundle::{Over, Share, Unit},
        limits::LimitKind,
    };
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn limits() -> [GlobalLimit; 2] {
        [(5, Unit::Minute), (100, Unit::Hour)].map(|(requests, unit)| GlobalLimit {
            over: Over::Tool,
            share: Share::EachAgent,
            kind: LimitKind::Rate,
            requests,
            unit,
            rule: 0,
        })
    }

    fn read(details: &str, fields: &[(&str, &str)]) -> Counted {
        counted(details.as_bytes(), fields, limits().iter())
    }

    #[test]
    fn a_call_is_counted_if_each_of_its_limits_was_looked_up() {
        let passed = |value: &str| read("via_upstream", &[("x-ratelimit-limit", value)]);
        for good in ["5, 5;w=60, 100;w=3600", "100, 100;w=3600;name=\"b\", 7;w=1, 5;w=60;name=\"a\""] {
            assert_eq!(passed(good), Counted::Yes, "{good}");
        }
        for bad in ["5, 5;w=60", "", "5", "5, 5;w=3600, 100;w=60", "5, 15;w=60, 1000;w=3600"] {
            assert_eq!(passed(bad), Counted::No, "{bad}");
        }
        assert_eq!(read("via_upstream", &[]), Counted::No);
        let apart = [("x-ratelimit-limit", "5, 5;w=60"), ("X-RateLimit-Limit", "100, 100;w=3600")];
        assert_eq!(read("via_upstream", &apart), Counted::Yes);
    }

    #[test]
    fn a_refusal_is_told_by_its_details_and_never_by_what_a_tool_can_send() {
        let fields =
            [(":status", "429"), ("x-envoy-ratelimited", "true"), ("x-ratelimit-limit", "5, 5;w=60, 100;w=3600")];
        assert_eq!(read("via_upstream", &fields), Counted::Yes);
        assert_eq!(read("rate_limiter_error", &fields), Counted::Unknown);
        let told = Told { requests: Some(5), reset_secs: None };
        assert_eq!(read("request_rate_limited", &fields), Counted::Spent(told));
    }

    #[test]
    fn what_a_refusal_does_not_say_is_not_guessed_here() {
        let read =
            |limit, reset| read("request_rate_limited", &[("x-ratelimit-limit", limit), ("x-ratelimit-reset", reset)]);
        assert_eq!(
            read("100, 5;w=60, 100;w=3600", "12"),
            Counted::Spent(Told { requests: Some(100), reset_secs: Some(12) })
        );
        assert_eq!(read("-1", "soon"), Counted::Spent(Told::default()));
    }
}
