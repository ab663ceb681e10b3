//! Entities of HTML: all numbers, and the names of ASCII's signs.
//!
//! In: what follows an ampersand. Out: how much of it, and what it stands for.
//! Names of letters beyond ASCII are left as they are: no pattern hides behind them.

use super::decode::{Change, Instead, hex};

/// Names as HTML spells them, with the sign that each stands for.
const NAMES: [(&[u8], u8); 44] = [
    (b"AMP", b'&'),
    (b"GT", b'>'),
    (b"Hat", b'^'),
    (b"LT", b'<'),
    (b"NewLine", b'\n'),
    (b"QUOT", b'"'),
    (b"Tab", b'\t'),
    (b"UnderBar", b'_'),
    (b"VerticalLine", b'|'),
    (b"amp", b'&'),
    (b"apos", b'\''),
    (b"ast", b'*'),
    (b"bsol", b'\\'),
    (b"colon", b':'),
    (b"comma", b','),
    (b"commat", b'@'),
    (b"dollar", b'$'),
    (b"ensp", b' '),
    (b"equals", b'='),
    (b"excl", b'!'),
    (b"grave", b'`'),
    (b"gt", b'>'),
    (b"lbrace", b'{'),
    (b"lbrack", b'['),
    (b"lcub", b'{'),
    (b"lowbar", b'_'),
    (b"lpar", b'('),
    (b"lsqb", b'['),
    (b"lt", b'<'),
    (b"midast", b'*'),
    (b"nbsp", b' '),
    (b"num", b'#'),
    (b"percnt", b'%'),
    (b"period", b'.'),
    (b"plus", b'+'),
    (b"quest", b'?'),
    (b"quot", b'"'),
    (b"rbrace", b'}'),
    (b"rcub", b'}'),
    (b"rpar", b')'),
    (b"rsqb", b']'),
    (b"semi", b';'),
    (b"sol", b'/'),
    (b"verbar", b'|'),
];

/// Names that browsers take without a semicolon.
const BARE: [&[u8]; 9] = [b"AMP", b"GT", b"LT", b"QUOT", b"amp", b"gt", b"lt", b"nbsp", b"quot"];

/// Names that stand for nothing that is seen.
const INVISIBLE: [&[u8]; 6] = [b"ZeroWidthSpace", b"InvisibleTimes", b"NoBreak", b"shy", b"zwj", b"zwnj"];

/// The longest number: `x10FFFF` and a few zeros.
const LONGEST: usize = 8;

pub(super) fn entity(rest: &[u8]) -> Change {
    match rest {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 2, 16),
        [b'#', digits @ ..] => number(digits, 1, 10),
        _ => name(rest),
    }
}

/// A number, with a semicolon or, as browsers take it, without.
fn number(rest: &[u8], before: usize, radix: u32) -> Change {
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let zeros = rest.iter().take_while(|&&byte| byte == b'0').count();
    let digits = rest.get(zeros..)?;
    let length = digits.iter().take(LONGEST).take_while(is_digit).count();
    let digits = digits.get(..length)?;
    let code = if radix == 16 { hex(digits)? } else { decimal(digits)? };
    let letter = char::from_u32(code).filter(|letter| *letter != '\0')?;
    let length = before.saturating_add(zeros).saturating_add(length);
    Some((with_semicolon(rest, length, before), Instead::Letter(letter)))
}

fn with_semicolon(rest: &[u8], length: usize, before: usize) -> usize {
    let has_semicolon = rest.get(length.saturating_sub(before)) == Some(&b';');
    length.saturating_add(usize::from(has_semicolon))
}

fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    let value = |value: u32, digit: &u8| value.checked_mul(10)?.checked_add(u32::from(digit.wrapping_sub(b'0')));
    digits.iter().try_fold(0u32, value)
}

fn name(rest: &[u8]) -> Change {
    let longest = NAMES.iter().map(|(name, _)| name.len()).max()?.max(14);
    let length = rest.iter().take(longest).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let name = rest.get(..length)?;
    if rest.get(length) == Some(&b';') {
        if INVISIBLE.contains(&name) {
            return Some((length.saturating_add(1), Instead::Nothing));
        }
        let at = NAMES.binary_search_by(|(known, _)| known.cmp(&name)).ok()?;
        return NAMES.get(at).map(|(_, sign)| (length.saturating_add(1), Instead::Byte(*sign)));
    }
    let bare = BARE.iter().find(|bare| rest.starts_with(bare))?;
    let at = NAMES.binary_search_by(|(known, _)| known.cmp(bare)).ok()?;
    NAMES.get(at).map(|(_, sign)| (bare.len(), Instead::Byte(*sign)))
}
