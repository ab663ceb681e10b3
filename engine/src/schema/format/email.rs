//! Mailboxes (RFC 5321, section 4.1.2; RFC 6531 for letters beyond ASCII).

use super::address;

/// Which letters a mailbox may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    Ascii,
    Unicode,
}

pub(super) fn is_address(text: &str, letters: Letters) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let local_is_good = match local.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').is_some_and(|quoted| is_quoted(quoted, letters)),
        None => local.split('.').all(|atom| is_atom(atom, letters)),
    };
    // RFC 5321, section 4.5.3.1.1
    local_is_good && local.len() <= 64 && is_domain(domain, letters)
}

fn is_atom(atom: &str, letters: Letters) -> bool {
    !atom.is_empty()
        && atom.chars().all(|character| match character {
            '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~' => true,
            character if character.is_ascii() => character.is_ascii_alphanumeric(),
            _ => letters == Letters::Unicode,
        })
}

/// A backslash quotes what follows it; a bare quote would end the string.
fn is_quoted(text: &str, letters: Letters) -> bool {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let good = match character {
            '\\' => characters.next().is_some_and(|quoted| matches!(quoted, ' '..='~')),
            '"' => false,
            ' '..='~' => true,
            character => !character.is_ascii() && letters == Letters::Unicode,
        };
        if !good {
            return false;
        }
    }
    true
}

fn is_domain(domain: &str, letters: Letters) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match literal.strip_prefix("IPv6:") {
            Some(address) => address::is_ipv6(address),
            None => address::is_ipv4(literal),
        };
    }
    match letters {
        Letters::Ascii => address::is_hostname(domain),
        Letters::Unicode => domain.len() <= 253 && domain.split('.').all(is_unicode_label),
    }
}

/// Loosely: what IDNA2008 makes of the letters is not asked.
fn is_unicode_label(label: &str) -> bool {
    (1..=63).contains(&label.chars().count())
        && label.chars().all(|letter| letter == '-' || letter.is_alphanumeric())
        && !label.starts_with('-')
        && !label.ends_with('-')
}
