//! Numbers: counts, sizes, rates and quotas, each with what to write if it is wrong.
//!
//! In: a node. Out: the number, or nothing and a finding.
//! Takes one way of writing only, and understands others well enough to correct them.

use super::values::{text, wrong_type};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    guess,
    shape::MAX_COUNT,
    source::{Kind, Node},
};
use std::ops::RangeInclusive;
use toolgate_engine::bundle::{Quota, Rate, Unit, Window};

/// The word for "no limit".
const UNLIMITED: &str = "unlimited";

/// What a rate counts in.
pub(crate) const PERIODS: &[(&str, u32)] = &[("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400)];

/// What a quota counts in.
pub(crate) const WINDOWS: &[(&str, Window)] = &[
    ("minute", Window::Minute),
    ("hour", Window::Hour),
    ("day", Window::Day),
    ("week", Window::Week),
    ("month", Window::Month),
];

/// The unit in which the rate limit service counts a rate.
pub(crate) fn unit_of_period(period_secs: u32) -> Option<Unit> {
    [Unit::Second, Unit::Minute, Unit::Hour, Unit::Day].into_iter().find(|unit| unit.seconds() == period_secs)
}

/// The unit in which it counts a quota. Its week begins on Thursday and its month has 30 days: not our calendar.
pub(crate) fn unit_of_window(window: Window) -> Option<Unit> {
    match window {
        Window::Minute => Some(Unit::Minute),
        Window::Hour => Some(Unit::Hour),
        Window::Day => Some(Unit::Day),
        Window::Week | Window::Month => None,
    }
}

/// Units of a size.
pub(crate) const UNITS: &[(&str, u64)] =
    &[("B", 1), ("KB", 1000), ("KiB", 1 << 10), ("MB", 1_000_000), ("MiB", 1 << 20)];

/// Other ways in which people write units of time.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("s", "second"),
    ("sec", "second"),
    ("secs", "second"),
    ("m", "minute"),
    ("min", "minute"),
    ("mins", "minute"),
    ("h", "hour"),
    ("hr", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("rps", "second"),
    ("rpm", "minute"),
    ("rph", "hour"),
];

/// Reads a whole number.
pub(super) fn integer(node: &Node, range: RangeInclusive<u64>, findings: &mut Findings) -> Option<u32> {
    let Kind::Scalar { text, plain } = &node.kind else {
        wrong_type(node, "a whole number", findings);
        return None;
    };
    if node.is_null() {
        wrong_type(node, "a whole number", findings);
        return None;
    }
    let Some(number) = digits(text) else {
        let finding =
            Finding::new(Code::BadInteger, node.span, format!("{} is not a plain whole number", quoted(text)));
        findings.add(finding.help("write decimal digits only").did_you_mean(plainly(text)));
        return None;
    };
    if !plain {
        quoted_number(node, text, findings);
        return None;
    }
    in_range(node, number, range, findings)
}

/// Reads a number of bytes.
pub(super) fn size(node: &Node, range: RangeInclusive<u64>, findings: &mut Findings) -> Option<u32> {
    let written = text(node, findings)?;
    let (number, unit) = split_number(written);
    let unit_bytes =
        if unit.is_empty() { Some(1) } else { UNITS.iter().find(|(known, _)| *known == unit).map(|&(_, bytes)| bytes) };
    let (Some(number), Some(unit_bytes)) = (digits(number), unit_bytes) else {
        let finding = Finding::new(Code::BadSize, node.span, format!("{} is not a size", quoted(written)));
        let help = "write a number of bytes, or a number with B, KB, KiB, MB or MiB: 64KiB";
        findings.add(finding.help(help).did_you_mean(nearest_size(written)));
        return None;
    };
    if unit.is_empty() && matches!(node.kind, Kind::Scalar { plain: false, .. }) {
        quoted_number(node, written, findings);
        return None;
    }
    in_range(node, number.saturating_mul(unit_bytes), range, findings)
}

/// Reads `60/minute`; `Some(None)` is `unlimited`.
pub(super) fn rate(node: &Node, findings: &mut Findings) -> Option<Option<Rate>> {
    let written = text(node, findings)?;
    if written == UNLIMITED {
        return Some(None);
    }
    let Some((count, period_secs)) = per(written, PERIODS) else {
        let finding = Finding::new(Code::BadRate, node.span, format!("{} is not a rate", quoted(written)));
        let help = match per(written, WINDOWS) {
            Some(_) => "a rate counts per second, minute, hour or day; `quota` counts per week or month",
            None => "write a count and second, minute, hour or day, such as 60/minute, or `unlimited`",
        };
        findings.add(finding.help(help).did_you_mean(nearest_limit(written, PERIODS)));
        return None;
    };
    let count = limit(node, count, findings)?;
    Some(Some(Rate { count, period_secs, burst: count.max(1) }))
}

/// Reads `1000/day`; `Some(None)` is `unlimited`.
pub(super) fn quota(node: &Node, findings: &mut Findings) -> Option<Option<Quota>> {
    let written = text(node, findings)?;
    if written == UNLIMITED {
        return Some(None);
    }
    let Some((count, window)) = per(written, WINDOWS) else {
        let finding = Finding::new(Code::BadQuota, node.span, format!("{} is not a quota", quoted(written)));
        let help = match per(written, PERIODS) {
            Some(_) => "a quota counts per minute, hour, day, week or month; `rate` counts per second",
            None => "write a count and minute, hour, day, week or month, such as 1000/day, or `unlimited`",
        };
        findings.add(finding.help(help).did_you_mean(nearest_limit(written, WINDOWS)));
        return None;
    };
    Some(Some(Quota { count: limit(node, count, findings)?, window }))
}

fn limit(node: &Node, count: u64, findings: &mut Findings) -> Option<u32> {
    let count = in_range(node, count, 0..=MAX_COUNT, findings)?;
    if count == 0 {
        let finding = Finding::new(Code::ZeroLimit, node.span, "a limit of zero lets no call pass");
        findings.add(finding.help("write `unlimited` for no limit"));
    }
    Some(count)
}

fn in_range(node: &Node, number: u64, range: RangeInclusive<u64>, findings: &mut Findings) -> Option<u32> {
    let (least, most) = (range.start(), range.end());
    if !range.contains(&number) {
        let fault = if number < *least { "small" } else { "large" };
        let finding = Finding::new(Code::OutOfRange, node.span, format!("the number is too {fault}"));
        findings.add(finding.help(format!("the range is {least} to {most}")));
        return None;
    }
    u32::try_from(number).ok()
}

fn quoted_number(node: &Node, text: &str, findings: &mut Findings) {
    let finding = Finding::new(Code::WrongType, node.span, "expected a number, found text");
    findings.add(finding.help(format!("take the quotes away: {text}")));
}

/// Decimal digits without a leading zero, which some readers take for octal. Too many digits saturate.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

/// `1_000`, `1,000`, `007` and `+5` without what is too much.
fn plainly(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|letter| !"_,+ ".contains(*letter)).collect();
    let digits = digits.trim_start_matches('0');
    digits.parse::<u64>().ok().filter(|_| !digits.starts_with('+')).map(|number| number.to_string())
}

fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn per<T: Copy>(text: &str, units: &[(&str, T)]) -> Option<(u64, T)> {
    let (count, unit) = text.split_once('/')?;
    let (_, value) = units.iter().find(|(known, _)| *known == unit)?;
    Some((digits(count)?, *value))
}

/// `60/min`, `60 per minute`, `60rpm`, `60 / minutes` as they should be written.
fn nearest_limit<T>(text: &str, units: &[(&str, T)]) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    if guess::meant(&lower, [UNLIMITED]).is_some() || lower == UNLIMITED {
        return Some(UNLIMITED.to_owned());
    }
    let (count, rest) = split_number(&lower);
    let rest = rest.trim_start_matches([' ', '/']).trim_start_matches("per").trim_start_matches([' ', '/']);
    let unit = OTHER_NAMES.iter().find(|(other, _)| *other == rest).map_or(rest, |(_, name)| name);
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    let count = plainly(count)?;
    let known = units.iter().map(|(known, _)| *known);
    let meant =
        if known.clone().any(|known| known == unit) { Some(unit.to_owned()) } else { guess::meant(unit, known) };
    meant.map(|unit| format!("{count}/{unit}"))
}

/// `64kb`, `64 KiB` and `64K` as they should be written.
fn nearest_size(text: &str) -> Option<String> {
    let (count, rest) = split_number(text.trim());
    let unit = match rest.trim().to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => "B",
        "kb" => "KB",
        "k" | "ki" | "kib" => "KiB",
        "mb" => "MB",
        "m" | "mi" | "mib" => "MiB",
        _ => return None,
    };
    plainly(count).map(|count| format!("{count}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_ways_to_write_a_rate_are_corrected() {
        let near = |text| nearest_limit(text, PERIODS);
        for text in ["60/min", "60 per minute", "60rpm", "60 / minutes", "60/Minute", "060/minute", "60/minut"] {
            assert_eq!(near(text), Some("60/minute".to_owned()), "{text}");
        }
        assert_eq!(near("Unlimited"), Some("unlimited".to_owned()));
        assert_eq!(near("60/fortnight"), None);
        assert_eq!(near("fast"), None);
    }

    #[test]
    fn other_ways_to_write_a_size_are_corrected() {
        assert_eq!(nearest_size("64 kb"), Some("64KB".to_owned()));
        assert_eq!(nearest_size("64Ki"), Some("64KiB".to_owned()));
        assert_eq!(nearest_size("big"), None);
    }

    #[test]
    fn a_number_that_readers_disagree_on_is_no_number() {
        for text in ["010", "1_000", "0x10", "1e3", "+5", "-1", "", " 1", "1.0"] {
            assert_eq!(digits(text), None, "{text}");
        }
        assert_eq!(digits("0"), Some(0));
        assert_eq!(digits("99999999999999999999999"), Some(u64::MAX));
    }

    #[test]
    fn numbers_are_put_plainly() {
        assert_eq!(plainly("1_000"), Some("1000".to_owned()));
        assert_eq!(plainly("007"), Some("7".to_owned()));
        assert_eq!(plainly("-1"), None);
    }
}
