//! Numbers as exact decimals, read from how they are written.
//!
//! In: the text of a JSON number. Out: comparison, "is it whole", "is it a multiple of", without rounding.
//! Borrows the text and keeps no value in binary; any length is exact.

use std::cmp::Ordering;

/// Exponents beyond this are not computed with: what depends on such a number is undecided.
const MAX_EXPONENT: i64 = 1_000_000_000;

/// Whether a number of a schema can be computed with.
pub fn is_number(text: &str) -> bool {
    Decimal::read(text).is_some()
}

/// Whether a number can stand in `multipleOf`: positive, and of at most nineteen digits.
pub fn is_divisor(text: &str) -> bool {
    Decimal::read(text).is_some_and(|number| Divisor::try_from(number).is_ok())
}

/// Compares two numbers of a schema; nothing if one cannot be computed with.
pub fn compare_numbers(one: &str, other: &str) -> Option<Ordering> {
    Some(Decimal::read(one)?.compare(&Decimal::read(other)?))
}

/// Whether a number of a schema has no fraction.
pub fn is_whole(text: &str) -> bool {
    Decimal::read(text).is_some_and(|number| number.is_integer())
}

/// Whether a limit lies beyond ±(2^53 − 1): a lower one below, an upper one above.
pub(super) fn is_wide(text: &str, below: bool) -> bool {
    let edge = if below { "-9007199254740991" } else { "9007199254740991" };
    let wide = if below { Ordering::Less } else { Ordering::Greater };
    matches!((Decimal::read(text), Decimal::read(edge)), (Some(limit), Some(edge)) if limit.compare(&edge) == wide)
}

/// A number as ECMAScript writes the value, but with all the digits that it has; nothing if it cannot be computed with.
pub(crate) fn ecmascript(text: &str) -> Option<String> {
    Some(Decimal::read(text)?.ecmascript())
}

/// A whole number that is not negative. One beyond 32 bits is as good as the largest: no value has so many parts.
pub fn count(text: &str) -> Option<u32> {
    let number = Decimal::read(text)?;
    if number.negative || !number.is_integer() {
        return None;
    }
    let zeros = number.scale.saturating_sub(number.digit_count());
    if number.scale > 10 {
        return Some(u32::MAX);
    }
    let zeros = std::iter::repeat_n(b'0', usize::try_from(zeros).unwrap_or_default());
    let value = number
        .digits()
        .chain(zeros)
        .fold(0u32, |value, digit| value.saturating_mul(10).saturating_add(u32::from(digit.wrapping_sub(b'0'))));
    Some(value)
}

/// `0.d1d2d3… × 10^scale`. Zero has no digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal<'a> {
    negative: bool,
    /// Digits before and behind the point, without zeros at the outer ends.
    whole: &'a [u8],
    fraction: &'a [u8],
    scale: i64,
}

impl<'a> Decimal<'a> {
    /// Reads what the JSON reader took for a number; `None` if the exponent is beyond all measure.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let negative = bytes.first() == Some(&b'-');
        let bytes = bytes.get(usize::from(negative)..)?;
        let (mantissa, exponent) = split(bytes, |byte| matches!(byte, b'e' | b'E'));
        let (whole, fraction) = split(mantissa, |byte| *byte == b'.');
        let exponent = read_exponent(exponent);
        let number = Self { negative, whole, fraction, scale: length(whole) }.without_outer_zeros();
        if number.is_zero() {
            return Some(Self { negative: false, scale: 0, ..number });
        }
        let scale = number.scale.checked_add(exponent?)?;
        (scale.abs() <= MAX_EXPONENT).then_some(Self { scale, ..number })
    }

    fn without_outer_zeros(mut self) -> Self {
        let leading = leading_zeros(self.whole);
        self.scale = self.scale.saturating_sub(signed(leading));
        self.whole = self.whole.get(leading..).unwrap_or_default();
        if self.whole.is_empty() {
            let leading = leading_zeros(self.fraction);
            self.scale = self.scale.saturating_sub(signed(leading));
            self.fraction = self.fraction.get(leading..).unwrap_or_default();
        }
        self.fraction = without_trailing_zeros(self.fraction);
        if self.fraction.is_empty() {
            self.whole = without_trailing_zeros(self.whole);
        }
        self
    }

    fn digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.whole.iter().chain(self.fraction).copied()
    }

    fn digit_count(&self) -> i64 {
        length(self.whole).saturating_add(length(self.fraction))
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    /// Whether it has no fraction: 1.0 and 1e2 have none.
    pub(super) fn is_integer(&self) -> bool {
        self.scale >= self.digit_count()
    }

    /// Compares two values.
    pub(super) fn compare(&self, other: &Decimal<'_>) -> Ordering {
        match (self.sign(), other.sign()) {
            (-1, -1) => other.compare_size(self),
            (1, 1) => self.compare_size(other),
            (sign, other) => sign.cmp(&other),
        }
    }

    fn sign(&self) -> i8 {
        match (self.is_zero(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn compare_size(&self, other: &Decimal<'_>) -> Ordering {
        self.scale.cmp(&other.scale).then_with(|| self.digits().cmp(other.digits()))
    }

    /// Whether it is a whole multiple.
    pub(super) fn is_multiple_of(&self, divisor: Divisor) -> bool {
        if self.is_zero() {
            return true;
        }
        let exponent = self.scale.saturating_sub(self.digit_count());
        // The last digit is no zero, so no power of ten can be divided out of the digits.
        let Ok(shift) = u64::try_from(exponent.saturating_sub(divisor.exponent)) else {
            return false;
        };
        let modulus = u128::from(divisor.mantissa);
        let digits = self.digits().fold(0, |rest: u128, digit| {
            rest.saturating_mul(10).saturating_add(u128::from(digit.wrapping_sub(b'0'))) % modulus
        });
        digits.saturating_mul(power_of_ten(shift, modulus)) % modulus == 0
    }

    /// The one text that all spellings of the value share.
    pub(super) fn write(&self, text: &mut String) {
        if self.negative {
            text.push('-');
        }
        text.extend(self.digits().map(char::from));
        text.push('e');
        text.push_str(&self.scale.to_string());
    }
}

/// How large and how small numbers are that ECMAScript writes without an exponent (Number::toString).
const PLAIN_SCALES: std::ops::RangeInclusive<i64> = -5..=21;

impl Decimal<'_> {
    /// The form that RFC 8785 wants of a double, for any number of digits.
    fn ecmascript(&self) -> String {
        let digits: String = self.digits().map(char::from).collect();
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
        let point = usize::try_from(self.scale).unwrap_or_default();
        let sign = if self.negative { "-" } else { "" };
        if self.is_zero() {
            return "0".to_owned();
        }
        if !PLAIN_SCALES.contains(&self.scale) {
            let (first, rest) = digits.split_at_checked(1).unwrap_or_default();
            let point = if rest.is_empty() { "" } else { "." };
            return format!("{sign}{first}{point}{rest}e{:+}", self.scale.saturating_sub(1));
        }
        match digits.split_at_checked(point) {
            _ if self.scale <= 0 => format!("{sign}0.{}{digits}", zeros(self.scale.saturating_neg())),
            Some((whole, fraction)) if !fraction.is_empty() => format!("{sign}{whole}.{fraction}"),
            _ => format!("{sign}{digits}{}", zeros(self.scale.saturating_sub(self.digit_count()))),
        }
    }
}

/// What `multipleOf` divides by: `mantissa × 10^exponent`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divisor {
    mantissa: u64,
    exponent: i64,
}

impl TryFrom<Decimal<'_>> for Divisor {
    type Error = ();

    /// A divisor is positive, and its digits fit 64 bits.
    fn try_from(number: Decimal<'_>) -> Result<Self, ()> {
        if number.is_zero() || number.negative {
            return Err(());
        }
        let mantissa = number
            .digits()
            .try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0'))));
        let exponent = number.scale.saturating_sub(number.digit_count());
        Ok(Self { mantissa: mantissa.ok_or(())?, exponent })
    }
}

/// A number of up to eighteen digits, written without an exponent: `mantissa / 10^places`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short {
    mantissa: i64,
    places: u32,
}

impl Short {
    /// Reads what most numbers are; the others are a [`Decimal`].
    pub(super) fn read(text: &str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if digits.len() > 18 {
            return None;
        }
        let (mut mantissa, mut places, mut step) = (0i64, 0, 0);
        for &byte in digits {
            match byte.wrapping_sub(b'0') {
                digit @ 0..=9 => {
                    mantissa = mantissa.wrapping_mul(10).wrapping_add(i64::from(digit));
                    places += step;
                }
                // INVARIANT: a JSON number has at most one point.
                _ if byte == b'.' => step = 1,
                _ => return None,
            }
        }
        Some(Self { mantissa: if negative { mantissa.wrapping_neg() } else { mantissa }, places })
    }

    /// Compares two values; eighteen digits times eighteen zeros fit 128 bits.
    pub(super) fn compare(self, other: Self) -> Ordering {
        if self.places == other.places {
            return self.mantissa.cmp(&other.mantissa);
        }
        let places = self.places.max(other.places);
        let scaled = |short: Self| {
            i128::from(short.mantissa).saturating_mul(10i128.saturating_pow(places.saturating_sub(short.places)))
        };
        scaled(self).cmp(&scaled(other))
    }
}

/// Neither factor has more than 64 bits, so no product overflows.
fn power_of_ten(mut exponent: u64, modulus: u128) -> u128 {
    let mut power = 1 % modulus;
    let mut square = 10 % modulus;
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power.saturating_mul(square) % modulus;
        }
        square = square.saturating_mul(square) % modulus;
        exponent >>= 1;
    }
    power
}

fn split(bytes: &[u8], is_border: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    match bytes.iter().position(is_border) {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at.saturating_add(1)..).unwrap_or_default()),
        None => (bytes, &[]),
    }
}

/// An absent exponent is zero.
fn read_exponent(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn leading_zeros(digits: &[u8]) -> usize {
    digits.iter().take_while(|&&digit| digit == b'0').count()
}

fn without_trailing_zeros(digits: &[u8]) -> &[u8] {
    let end = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last.saturating_add(1));
    digits.get(..end).unwrap_or_default()
}

fn length(digits: &[u8]) -> i64 {
    signed(digits.len())
}

/// The reader refuses texts whose length does not fit 32 bits.
fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn decimal(text: &str) -> Decimal<'_> {
        Decimal::read(text).unwrap()
    }

    fn is_multiple(number: &str, divisor: &str) -> bool {
        decimal(number).is_multiple_of(Divisor::try_from(decimal(divisor)).unwrap())
    }

    #[test]
    fn a_number_is_written_as_ecmascript_writes_it() {
        for (text, want) in [
            ("0", "0"),
            ("-0.0e7", "0"),
            ("1.0", "1"),
            ("-120e-1", "-12"),
            ("4.50", "4.5"),
            ("2e-3", "0.002"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("-0.00000012", "-1.2e-7"),
            ("1E30", "1e+30"),
            ("123456789012345678901", "123456789012345678901"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("1234567890123456789012", "1.234567890123456789012e+21"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("1e400", "1e+400"),
        ] {
            assert_eq!(ecmascript(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(ecmascript("1e9999999999"), None);
    }

    #[test]
    fn one_value_has_many_spellings() {
        for same in [["1", "1.0"], ["1", "10e-1"], ["1", "0.001E+3"], ["-0", "0.0"], ["0e999999999999", "0"]] {
            assert_eq!(decimal(same[0]).compare(&decimal(same[1])), Ordering::Equal, "{same:?}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value_and_not_by_spelling() {
        let order = [
            "-1e400",
            "-100.5",
            "-100.25",
            "-1",
            "-0.1",
            "-1e-400",
            "0",
            "1e-400",
            "0.09",
            "0.1",
            "0.10000000000000000001",
            "2",
            "10",
            "9007199254740993",
            "9007199254740993.5",
            "1e17",
        ];
        for (at, smaller) in order.iter().enumerate() {
            for (other, larger) in order.iter().enumerate() {
                assert_eq!(decimal(smaller).compare(&decimal(larger)), at.cmp(&other), "{smaller} {larger}");
                if let (Some(smaller), Some(larger)) = (Short::read(smaller), Short::read(larger)) {
                    assert_eq!(smaller.compare(larger), at.cmp(&other), "{smaller:?} {larger:?}");
                }
            }
        }
    }

    #[test]
    fn whole_numbers_are_known_in_any_spelling() {
        for whole in ["0", "-3", "1.0", "1e2", "12.50e1", "100e-2", "0.0"] {
            assert!(decimal(whole).is_integer(), "{whole}");
        }
        for broken in ["0.5", "1.01", "125e-1", "1e-1"] {
            assert!(!decimal(broken).is_integer(), "{broken}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (number, divisor) in [
            ("0", "7"),
            ("0.3", "0.1"),
            ("4.5", "1.5"),
            ("1e308", "0.5"),
            ("-21", "7"),
            ("75", "2.5e1"),
            ("9007199254740993", "3"),
            ("1e30", "1e28"),
            ("0.0075", "0.0001"),
        ] {
            assert!(is_multiple(number, divisor), "{number} of {divisor}");
        }
        for (number, divisor) in [
            ("0.35", "0.1"),
            ("35", "1.5"),
            ("1e308", "0.123456789"),
            ("9007199254740993", "2"),
            ("0.00751", "0.0001"),
            ("5", "10"),
        ] {
            assert!(!is_multiple(number, divisor), "{number} of {divisor}");
        }
    }

    #[test]
    fn an_exponent_beyond_all_measure_is_not_computed_with() {
        assert!(Decimal::read("1e99999999999").is_none());
        assert!(Decimal::read("1e99999999999999999999999999").is_none());
        assert!(Decimal::read("0e99999999999999999999999999").is_some());
        assert!(Decimal::read("1e1000").is_some());
    }

    #[test]
    fn a_divisor_is_positive_and_of_sane_length() {
        for bad in ["0", "-1", "0.1234567890123456789012345"] {
            assert!(Divisor::try_from(decimal(bad)).is_err(), "{bad}");
        }
    }
}
