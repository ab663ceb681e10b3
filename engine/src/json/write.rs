//! Writes strings, sixteen bytes at a time, and whole numbers.
//!
//! In: text or a number. Out: its JSON behind what was written before. Escapes what the grammar wants escaped, and no more.

use super::plain::{self, LANES, Specials};

/// Writes a string with its quotes. Stops once there are more than `most` bytes: what follows would be cut off.
pub(crate) fn string(out: &mut Vec<u8>, text: &str, most: usize) {
    let (blocks, tail) = text.as_bytes().as_chunks();
    out.push(b'"');
    for block in blocks {
        if out.len() > most {
            return;
        }
        match plain::specials(*block) {
            Specials::None => out.extend_from_slice(block),
            Specials::Doubled(lanes) => doubled(out, *block, lanes),
            Specials::Control => block.iter().for_each(|byte| character(out, *byte)),
        }
    }
    tail.iter().for_each(|byte| character(out, *byte));
    out.push(b'"');
}

/// The same for a string that has nothing to escape.
pub(crate) fn plain_string(out: &mut Vec<u8>, text: &str, most: usize) {
    let room = most.saturating_add(1).saturating_sub(out.len());
    let bytes = text.as_bytes();
    out.push(b'"');
    out.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    out.push(b'"');
}

/// Writes a block in which nothing but quotes and backslashes is to be escaped, in the given lanes.
///
/// A backslash is stored before every byte, and kept where the lane says so: no branch has to be foreseen.
fn doubled(out: &mut Vec<u8>, block: [u8; LANES], lanes: u32) {
    let mut written = [0; 2 * LANES];
    let (mut length, mut lanes) = (0, lanes);
    let mut put = |at: usize, byte: u8| {
        if let Some(place) = written.get_mut(at) {
            *place = byte;
        }
    };
    for byte in block {
        put(length, b'\\');
        length += usize::from(lanes & 1 == 1);
        put(length, byte);
        (length, lanes) = (length + 1, lanes >> 1);
    }
    // All of it is stored at once, and what is not used is taken back.
    out.extend_from_slice(&written);
    out.truncate(out.len() - written.len() + length);
}

#[inline(always)]
fn character(out: &mut Vec<u8>, byte: u8) {
    if plain::is_special(byte) { escaped(out, byte) } else { out.push(byte) }
}

/// The short escape, where there is one.
fn escaped(out: &mut Vec<u8>, byte: u8) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x8 => b'b',
        0xc => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)]),
    };
    out.extend_from_slice(&[b'\\', letter]);
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + (value - 10) }
}

/// Writes a whole number with at least so many digits.
pub(crate) fn number(out: &mut Vec<u8>, value: u64, digits: usize) {
    const MOST: usize = 20;
    let mut written = [b'0'; MOST];
    let (mut rest, mut first) = (value, MOST);
    for digit in written.iter_mut().rev() {
        if rest == 0 && MOST - first >= digits {
            break;
        }
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        (rest, first) = (rest / 10, first - 1);
    }
    // Byte by byte, for a copy of a few is a call of the host's in wasm.
    for digit in written.get(first..).unwrap_or_default() {
        out.push(*digit);
    }
}

/// What was written, as text: only text was. Should it ever not be, what can be read of it is kept.
pub(crate) fn text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn written(text: &str, most: usize) -> String {
        let mut out = b"before".to_vec();
        string(&mut out, text, most);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn every_character_is_written_as_serde_writes_it_at_every_offset() {
        for character in (0..0x100).chain([0x2028, 0x2029, 0xfeff, 0x1f600]).filter_map(char::from_u32) {
            for (before, behind) in [(0, 0), (0, 20), (1, 17), (7, 40), (15, 1), (16, 0), (31, 16)] {
                let text = format!("{}{character}{}", "x".repeat(before), "y".repeat(behind));
                assert_eq!(written(&text, usize::MAX), format!("before{}", serde_json::to_string(&text).unwrap()));
            }
        }
        let mixed = "\"\\\n\u{1}ä".repeat(20);
        assert_eq!(written(&mixed, usize::MAX), format!("before{}", serde_json::to_string(&mixed).unwrap()));
    }

    #[test]
    fn what_would_be_cut_off_is_not_written() {
        for most in 0..60 {
            let whole = written(&"ab\n".repeat(1000), usize::MAX);
            let cut = written(&"ab\n".repeat(1000), most);
            assert!(cut.len() > most && cut.len() <= most.max(6) + 3 * LANES, "{most}: {cut}");
            assert_eq!(cut.get(..most.min(6)), whole.get(..most.min(6)));
        }
    }

    #[test]
    fn a_number_has_as_many_digits_as_it_needs_and_at_least_as_many_as_it_should() {
        let written = |value, digits| {
            let mut out = Vec::new();
            number(&mut out, value, digits);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([written(0, 1), written(7, 1), written(1970, 1)], ["0", "7", "1970"]);
        assert_eq!([written(0, 3), written(7, 3), written(1970, 3)], ["000", "007", "1970"]);
        assert_eq!(written(u64::MAX, 1), u64::MAX.to_string());
    }
}
