//! Rules for strings and numbers, and equality with given values.

use super::{Run, Verdict};
use crate::{
    json::{Kind, Value},
    schema::{
        MAX_NESTING,
        canonical::canonical,
        decimal::{Decimal, Short},
        format,
        ready::{Limit, Number, Numbers, Strings, Values, wide},
    },
};
use std::cmp::Ordering;

impl Run<'_, '_> {
    pub(super) fn strings(&mut self, rules: &Strings, value: Value<'_>) -> Verdict {
        let text = value.as_bytes().unwrap_or_default();
        if rules.min.is_some_and(|min| is_shorter(text, min)) {
            return self.broken(value, "minLength");
        }
        if rules.max.is_some_and(|max| is_longer(text, max)) {
            return self.broken(value, "maxLength");
        }
        if !rules.patterns.iter().all(|&pattern| self.matches(pattern, text)) {
            return self.broken(value, "pattern");
        }
        match rules.format {
            Some(format) if !format::holds(format, value.as_str().unwrap_or_default()) => self.broken(value, "format"),
            _ => Ok(()),
        }
    }

    /// Whether the pattern is found in the text. A pattern that is not there is found nowhere.
    pub(super) fn matches(&self, pattern: u32, text: &[u8]) -> bool {
        self.schemas.patterns.get(wide(pattern)).is_some_and(|automaton| automaton.is_match(text))
    }

    pub(super) fn numbers(&mut self, rules: &Numbers, value: Value<'_>) -> Verdict {
        let number = Short::read(value.raw());
        for limit in &rules.limits {
            let order = match (number, limit.number.short) {
                (Some(number), Some(limit)) => Some(number.compare(limit)),
                _ => compare(value, limit),
            };
            match order {
                Some(order) if keeps(limit, order) => {
                    if self.admits && limit.is_wide && is_on_the_side_of(limit, value) {
                        self.admit(value);
                    }
                }
                Some(_) => return self.broken(value, limit.keyword),
                None => return self.undecided(value, limit.keyword),
            }
        }
        let Some(divisor) = rules.divisor else {
            return Ok(());
        };
        match Decimal::read(value.raw()) {
            Some(number) if number.is_multiple_of(divisor) => Ok(()),
            Some(_) => self.broken(value, "multipleOf"),
            None => self.undecided(value, "multipleOf"),
        }
    }

    pub(super) fn among(&mut self, values: &Values, value: Value<'_>) -> Verdict {
        self.is_among(values, value)?;
        if self.admits {
            self.admit(value);
        }
        Ok(())
    }

    fn is_among(&mut self, values: &Values, value: Value<'_>) -> Verdict {
        let found = match value.kind() {
            Kind::Null => values.null,
            Kind::True => values.yes,
            Kind::False => values.no,
            Kind::PlainString | Kind::EscapedString => {
                values.strings.find(&self.schemas.texts, value.as_bytes().unwrap_or_default()).is_some()
            }
            Kind::Number => return self.among_numbers(values, value),
            Kind::Array | Kind::Object => return self.among_composites(values, value),
        };
        if found { Ok(()) } else { self.broken(value, values.keyword) }
    }

    fn among_numbers(&mut self, values: &Values, value: Value<'_>) -> Verdict {
        if values.numbers.is_empty() {
            return self.broken(value, values.keyword);
        }
        let Some(number) = Decimal::read(value.raw()) else {
            return self.undecided(value, values.keyword);
        };
        let short = Short::read(value.raw());
        let equal = |other: &Number| match (short, other.short) {
            (Some(number), Some(other)) => number.compare(other) == Ordering::Equal,
            _ => other.decimal().is_some_and(|other| other.compare(&number) == Ordering::Equal),
        };
        if values.numbers.iter().any(equal) { Ok(()) } else { self.broken(value, values.keyword) }
    }

    fn among_composites(&mut self, values: &Values, value: Value<'_>) -> Verdict {
        if values.composites.is_empty() {
            return self.broken(value, values.keyword);
        }
        self.spend(value.size(), value)?;
        match canonical(value, MAX_NESTING) {
            Some(text) if values.composites.find(&self.schemas.texts, text.as_bytes()).is_some() => Ok(()),
            Some(_) => self.broken(value, values.keyword),
            None => self.undecided(value, values.keyword),
        }
    }
}

/// Whether a number has no fraction. One that cannot be computed with has none only if its exponent says so.
pub(super) fn is_integer(value: Value<'_>) -> bool {
    let raw = value.raw();
    !raw.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
        || Decimal::read(raw).map_or_else(|| !raw.contains("e-") && !raw.contains("E-"), |number| number.is_integer())
}

#[cold]
fn compare(value: Value<'_>, limit: &Limit) -> Option<Ordering> {
    Some(Decimal::read(value.raw())?.compare(&limit.number.decimal()?))
}

/// Whether a number is an integer, written with digits alone, on the side of zero that the limit is for.
#[cold]
fn is_on_the_side_of(limit: &Limit, value: Value<'_>) -> bool {
    let digits = value.raw().strip_prefix('-');
    let is_plain = digits.unwrap_or(value.raw()).bytes().all(|byte| byte.is_ascii_digit());
    is_plain && digits.is_some() == limit.below
}

fn keeps(limit: &Limit, order: Ordering) -> bool {
    match (order, limit.below) {
        (Ordering::Equal, _) => !limit.exclusive,
        (Ordering::Greater, below) => below,
        (Ordering::Less, below) => !below,
    }
}

/// A character has one to four bytes, so that most strings need no count.
fn is_shorter(text: &[u8], min: u32) -> bool {
    let min = wide(min);
    text.len() < min || (text.len() / 4 < min && characters(text) < min)
}

fn is_longer(text: &[u8], max: u32) -> bool {
    let max = wide(max);
    text.len() > max && (text.len() / 4 > max || characters(text) > max)
}

/// Each character of UTF-8 has one byte that does not go on with another.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}
