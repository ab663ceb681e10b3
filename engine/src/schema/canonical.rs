//! One text for all spellings of a value: what makes values equal in `const`, `enum` and `uniqueItems`.
//!
//! In: a value. Out: a text that is the same for the order of keys, escapes and spellings of numbers,
//! and another for every other value. `policy-compiler` writes constants in the same way, by this code.

use super::decimal::Decimal;
use crate::json::{Kind, Value};

/// The canonical text; `None` if the value nests too deep, or if a number's exponent is beyond all measure.
pub(super) fn canonical(value: Value<'_>, depth: u32) -> Option<String> {
    let mut text = String::new();
    write(value, depth, &mut text)?;
    Some(text)
}

fn write(value: Value<'_>, depth: u32, text: &mut String) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match value.kind() {
        Kind::Null => text.push('z'),
        Kind::True => text.push('t'),
        Kind::False => text.push('f'),
        Kind::Number => {
            Decimal::read(value.raw())?.write(text);
            text.push(';');
        }
        Kind::PlainString | Kind::EscapedString => string(value.as_str()?, text),
        Kind::Array => {
            text.push('[');
            value.elements().try_for_each(|element| write(element, depth, text))?;
            text.push(']');
        }
        Kind::Object => {
            let mut members: Vec<_> = value.members().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (key, member) in members {
                string(key, text);
                write(member, depth, text)?;
            }
            text.push('}');
        }
    }
    Some(())
}

/// Its length says where it ends, so that nothing in it needs an escape.
fn string(string: &str, text: &mut String) {
    text.push('s');
    text.push_str(&string.len().to_string());
    text.push(':');
    text.push_str(string);
}
