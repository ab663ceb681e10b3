//! URIs (RFC 3986) and IRIs (RFC 3987).

use super::address;

/// Which letters may stand unescaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    Ascii,
    Unicode,
}

/// Has a scheme, a fragment or none.
pub(super) fn is_absolute(text: &str, letters: Letters) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && is_behind_scheme(rest, letters))
}

/// With or without a scheme. In the first segment of a path, a colon would be taken for the end of a scheme.
pub(super) fn is_reference(text: &str, letters: Letters) -> bool {
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    if first.contains(':') { is_absolute(text, letters) } else { is_behind_scheme(text, letters) }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn is_behind_scheme(text: &str, letters: Letters) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let behind_path = |character| is_path_character(character, letters) || matches!(character, '/' | '?');
    let in_query = |character| behind_path(character) || (letters == Letters::Unicode && is_private(character));
    if !is_made_of(fragment, behind_path) || !is_made_of(query, in_query) {
        return false;
    }
    let path = match text.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
            if !is_authority(authority, letters) {
                return false;
            }
            path
        }
        None => text,
    };
    is_made_of(path, |character| is_path_character(character, letters) || character == '/')
}

fn is_authority(authority: &str, letters: Letters) -> bool {
    let (user, rest) = match authority.rsplit_once('@') {
        Some((user, rest)) => (user, rest),
        None => ("", authority),
    };
    let (host, port) = match rest.rfind(']') {
        Some(end) => rest.split_at_checked(end.saturating_add(1)).unwrap_or((rest, "")),
        None => rest.split_at_checked(rest.find(':').unwrap_or(rest.len())).unwrap_or((rest, "")),
    };
    let in_name = |character| is_unreserved(character, letters) || is_sub_delimiter(character);
    let host_is_good = match host.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']').is_some_and(is_literal),
        None => is_made_of(host, in_name),
    };
    let port_is_good = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    host_is_good && port_is_good && is_made_of(user, |character| in_name(character) || character == ':')
}

fn is_literal(literal: &str) -> bool {
    if address::is_ipv6(literal) {
        return true;
    }
    let Some((version, rest)) = literal.strip_prefix(['v', 'V']).and_then(|future| future.split_once('.')) else {
        return false;
    };
    !version.is_empty()
        && version.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !rest.is_empty()
        && rest.chars().all(|character| {
            is_unreserved(character, Letters::Ascii) || is_sub_delimiter(character) || character == ':'
        })
}

/// Every character is allowed, or an escape of two digits.
fn is_made_of(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let good = match character {
            '%' => [characters.next(), characters.next()]
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())),
            character => allowed(character),
        };
        if !good {
            return false;
        }
    }
    true
}

fn is_path_character(character: char, letters: Letters) -> bool {
    is_unreserved(character, letters) || is_sub_delimiter(character) || matches!(character, ':' | '@')
}

fn is_sub_delimiter(character: char) -> bool {
    matches!(character, '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | ';' | '=')
}

fn is_unreserved(character: char, letters: Letters) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_' | '~');
    }
    letters == Letters::Unicode && is_ucs(character)
}

/// `ucschar`: all but surrogates, private use, non-characters and tags.
pub(super) fn is_ucs(character: char) -> bool {
    match u32::from(character) {
        0xa0..=0xd7ff | 0xf900..=0xfdcf | 0xfdf0..=0xffef => true,
        code @ 0x1_0000..=0xe_fffd => code & 0xffff <= 0xfffd && !(0xe_0000..0xe_1000).contains(&code),
        _ => false,
    }
}

/// `iprivate`
pub(super) fn is_private(character: char) -> bool {
    matches!(u32::from(character), 0xe000..=0xf8ff | 0xf_0000..=0xf_fffd | 0x10_0000..=0x10_fffd)
}
