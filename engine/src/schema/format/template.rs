//! URI templates (RFC 6570).

use super::uri::{is_private, is_ucs};

pub(super) fn is_template(text: &str) -> bool {
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (literals, expression) = rest.split_at_checked(open).unwrap_or((rest, ""));
        let Some((expression, behind)) = expression.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
            return false;
        };
        if !are_literals(literals) || !is_expression(expression) {
            return false;
        }
        rest = behind;
    }
    are_literals(rest)
}

fn are_literals(text: &str) -> bool {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let good = match character {
            '%' => is_hex(characters.next()) && is_hex(characters.next()),
            '!' | '#' | '$' | '&' | '('..=';' | '=' | '?'..='[' | ']' | '_' | 'a'..='z' | '~' => true,
            character => is_ucs(character) || is_private(character),
        };
        if !good {
            return false;
        }
    }
    true
}

fn is_hex(digit: Option<char>) -> bool {
    digit.is_some_and(|digit| digit.is_ascii_hexdigit())
}

/// The operators that are reserved for later are none yet.
fn is_expression(expression: &str) -> bool {
    let variables = expression.strip_prefix(['+', '#', '.', '/', ';', '?', '&']).unwrap_or(expression);
    variables.split(',').all(is_variable)
}

fn is_variable(variable: &str) -> bool {
    if let Some(name) = variable.strip_suffix('*') {
        return is_name(name);
    }
    match variable.split_once(':') {
        Some((name, length)) => is_name(name) && is_length(length),
        None => is_name(variable),
    }
}

/// One to 9999.
fn is_length(text: &str) -> bool {
    (1..=4).contains(&text.len()) && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(name: &str) -> bool {
    name.split('.').all(|part| !part.is_empty() && is_name_part(part))
}

fn is_name_part(part: &str) -> bool {
    let mut characters = part.chars();
    while let Some(character) = characters.next() {
        let good = match character {
            '%' => is_hex(characters.next()) && is_hex(characters.next()),
            character => character.is_ascii_alphanumeric() || character == '_',
        };
        if !good {
            return false;
        }
    }
    true
}
