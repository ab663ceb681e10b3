//! JSON Pointers, relative ones too, and UUIDs.

/// RFC 6901: a tilde stands only in `~0` and `~1`.
pub(super) fn is_json_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/'))
        && text.split('~').skip(1).all(|behind_tilde| behind_tilde.starts_with(['0', '1']))
}

/// A count of levels, an offset in an array or none, then a pointer or `#`.
pub(super) fn is_relative_json_pointer(text: &str) -> bool {
    let Some(mut rest) = without_count(text) else {
        return false;
    };
    if let Some(offset) = rest.strip_prefix(['+', '-']) {
        match without_count(offset) {
            Some(behind) if !offset.starts_with('0') => rest = behind,
            _ => return false,
        }
    }
    rest == "#" || is_json_pointer(rest)
}

/// What follows a number without leading zeros.
fn without_count(text: &str) -> Option<&str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, rest) = text.split_at_checked(digits)?;
    (!count.is_empty() && (count == "0" || !count.starts_with('0'))).then_some(rest)
}

/// RFC 4122, any version.
pub(super) fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
