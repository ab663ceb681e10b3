//! Dates, times and durations (RFC 3339, section 5.6 and appendix A).

pub(super) fn is_date_time(text: &[u8]) -> bool {
    match text.split_at_checked(10) {
        Some((date, [b'T' | b't', time @ ..])) => is_date(date) && is_time(time),
        _ => false,
    }
}

pub(super) fn is_date(text: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return false;
    };
    let (Some(century), Some(year)) = (number(*y1, *y2), number(*y3, *y4)) else {
        return false;
    };
    let (Some(month), Some(day)) = (number(*m1, *m2), number(*d1, *d2)) else {
        return false;
    };
    let leap = if year == 0 { century % 4 == 0 } else { year % 4 == 0 };
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// A leap second is one only at the end of a day in UTC.
pub(super) fn is_time(text: &[u8]) -> bool {
    let [h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = text else {
        return false;
    };
    let (Some(hour @ 0..=23), Some(minute @ 0..=59), Some(second @ 0..=60)) =
        (number(*h1, *h2), number(*m1, *m2), number(*s1, *s2))
    else {
        return false;
    };
    let Some(offset) = without_fraction(rest).and_then(offset_in_minutes) else {
        return false;
    };
    let utc = (hour * 60 + minute - offset).rem_euclid(24 * 60);
    second < 60 || utc == 23 * 60 + 59
}

fn without_fraction(text: &[u8]) -> Option<&[u8]> {
    let [b'.', rest @ ..] = text else {
        return Some(text);
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 { None } else { rest.get(digits..) }
}

fn offset_in_minutes(text: &[u8]) -> Option<i32> {
    let (sign, h1, h2, m1, m2) = match text {
        [b'Z' | b'z'] => return Some(0),
        [b'+', h1, h2, b':', m1, m2] => (1, h1, h2, m1, m2),
        [b'-', h1, h2, b':', m1, m2] => (-1, h1, h2, m1, m2),
        _ => return None,
    };
    match (number(*h1, *h2)?, number(*m1, *m2)?) {
        (hours @ 0..=23, minutes @ 0..=59) => Some(sign * (hours * 60 + minutes)),
        _ => None,
    }
}

fn number(ten: u8, one: u8) -> Option<i32> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i32::from(byte) - i32::from(b'0'));
    Some(digit(ten)? * 10 + digit(one)?)
}

/// Weeks stand alone; all other units follow in their order, without a gap between the first and the last.
pub(super) fn is_duration(text: &[u8]) -> bool {
    let [b'P', rest @ ..] = text else {
        return false;
    };
    let (date, time) = match rest.iter().position(|&byte| byte == b'T') {
        Some(at) => (rest.get(..at), rest.get(at.saturating_add(1)..)),
        None => (Some(rest), None),
    };
    let Some(date) = date else {
        return false;
    };
    match time {
        None => has_units(date, b"YMD") || has_units(date, b"W"),
        Some(time) => (date.is_empty() || has_units(date, b"YMD")) && has_units(time, b"HMS"),
    }
}

/// Digits and a unit, at least once; each unit is the one behind the unit before.
fn has_units(mut text: &[u8], mut units: &[u8]) -> bool {
    let mut first = true;
    loop {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (true, Some((unit, rest))) = (digits > 0, text.get(digits..).and_then(<[u8]>::split_first)) else {
            return false;
        };
        match units.iter().position(|other| other == unit) {
            Some(at) if first || at == 0 => units = units.get(at.saturating_add(1)..).unwrap_or_default(),
            _ => return false,
        }
        first = false;
        text = rest;
        if text.is_empty() {
            return true;
        }
    }
}
