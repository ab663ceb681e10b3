//! Classes of characters and escapes of ECMA-262.
//!
//! In: a pattern behind `[` or `\`. Out: the same in the syntax of regex-syntax, letters as code points.
//! An escape that ECMA-262 does not know is refused, except of punctuation, where it can mean one thing only.

use super::{Refusal, Translation, parse};
use regex_syntax::hir::translate::TranslatorBuilder;
use std::fmt::Write as _;

/// What an escape stands for.
pub(super) enum Atom {
    Letter(char),
    /// A class, in brackets or as a property.
    Class(String),
}

impl Atom {
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Letter(letter) => write_letter(out, *letter),
            Self::Class(class) => out.push_str(class),
        }
    }
}

/// Always as a code point, so that no letter has a meaning.
pub(super) fn write_letter(out: &mut String, letter: char) {
    // Writing into a string cannot fail.
    let _ = write!(out, "\\x{{{:x}}}", u32::from(letter));
}

/// `\s`: all that ECMA-262 calls white space or a line terminator.
const WHITE_SPACE: &str = r"\t\n\v\f\r\x{feff}\x{2028}\x{2029}\p{Zs}";

impl Translation<'_> {
    pub(super) fn class(&mut self, start: usize) -> Result<bool, Refusal> {
        let is_negated = self.peek() == Some('^');
        if is_negated {
            self.skip('^');
        }
        let mut items = String::new();
        loop {
            let at = self.at;
            match self.peek() {
                None => return Err(Refusal::new(start, "this class is not closed")),
                Some(']') => break,
                Some(_) => self.class_item(at, &mut items)?,
            }
        }
        self.skip(']');
        match (items.is_empty(), is_negated) {
            (true, true) => self.out.push_str("(?s:.)"),
            // Nothing at all: what regex-syntax takes for an empty class.
            (true, false) => self.out.push_str(r"[a&&b]"),
            (false, true) => self.out.push_str(&format!("[^{items}]")),
            (false, false) => self.out.push_str(&format!("[{items}]")),
        }
        Ok(true)
    }

    fn class_item(&mut self, at: usize, items: &mut String) -> Result<(), Refusal> {
        let first = self.class_atom()?;
        let is_range = self.rest().starts_with('-') && !self.rest().starts_with("-]");
        if !is_range {
            first.write(items);
            return Ok(());
        }
        self.skip('-');
        if self.peek().is_none() {
            return Err(Refusal::new(at, "this class is not closed"));
        }
        match (first, self.class_atom()?) {
            (Atom::Letter(least), Atom::Letter(most)) if least <= most => {
                write_letter(items, least);
                items.push('-');
                write_letter(items, most);
                Ok(())
            }
            (Atom::Letter(_), Atom::Letter(_)) => Err(Refusal::new(at, "a range whose ends are out of order")),
            _ => Err(Refusal::new(at, "a range cannot end in a class").help("write the hyphen as `\\-`")),
        }
    }

    fn class_atom(&mut self) -> Result<Atom, Refusal> {
        let start = self.at;
        let letter = self.peek().ok_or_else(|| Refusal::new(start, "this class is not closed"))?;
        self.skip(letter);
        if letter == '\\' { self.class_escape(start, true) } else { Ok(Atom::Letter(letter)) }
    }

    /// An escape that stands for a letter or a class.
    pub(super) fn class_escape(&mut self, start: usize, in_class: bool) -> Result<Atom, Refusal> {
        let letter = self.peek().ok_or_else(|| Refusal::new(start, "a lone `\\`").help("write `\\\\`"))?;
        self.skip(letter);
        let class = |text: &str| Ok(Atom::Class(text.to_owned()));
        match letter {
            'd' => class("[0-9]"),
            'D' => class("[^0-9]"),
            'w' => class("[0-9A-Za-z_]"),
            'W' => class("[^0-9A-Za-z_]"),
            's' => Ok(Atom::Class(format!("[{WHITE_SPACE}]"))),
            'S' => Ok(Atom::Class(format!("[^{WHITE_SPACE}]"))),
            'p' | 'P' => self.property(letter, start),
            't' => Ok(Atom::Letter('\t')),
            'n' => Ok(Atom::Letter('\n')),
            'v' => Ok(Atom::Letter('\u{b}')),
            'f' => Ok(Atom::Letter('\u{c}')),
            'r' => Ok(Atom::Letter('\r')),
            'b' if in_class => Ok(Atom::Letter('\u{8}')),
            '0' if !self.rest().starts_with(|next: char| next.is_ascii_digit()) => Ok(Atom::Letter('\0')),
            'c' => self.control(start),
            'x' => self.digits(2, start).and_then(|code| letter_of(code, start)),
            'u' => self.code_point(start),
            letter if letter.is_ascii_punctuation() => Ok(Atom::Letter(letter)),
            letter => Err(Refusal::new(start, format!("`\\{letter}` is no escape of ECMA-262"))),
        }
    }

    fn property(&mut self, letter: char, start: usize) -> Result<Atom, Refusal> {
        let bad = || Refusal::new(start, "there is no such Unicode property").help("write for example `\\p{Letter}`");
        let rest = self.rest().strip_prefix('{').ok_or_else(bad)?;
        let (name, _) = rest.split_once('}').ok_or_else(bad)?;
        if name.is_empty() || !name.chars().all(|sign| sign.is_ascii_alphanumeric() || "_=".contains(sign)) {
            return Err(bad());
        }
        let class = format!("\\{letter}{{{name}}}");
        let ast = parse::ast(&class).map_err(|_| bad())?;
        parse::hir(&class, &ast, TranslatorBuilder::new().unicode(true)).map_err(|_| bad())?;
        self.at = self.at.saturating_add(name.len()).saturating_add(2);
        Ok(Atom::Class(class))
    }

    /// `\cJ`: a letter without its upper bits.
    fn control(&mut self, start: usize) -> Result<Atom, Refusal> {
        let letter = self.peek().filter(char::is_ascii_alphabetic);
        let letter = letter.ok_or_else(|| Refusal::new(start, "`\\c` needs a letter"))?;
        self.skip(letter);
        letter_of(u32::from(letter) % 32, start)
    }

    /// `\uXXXX`, two of them for a character beyond the basic plane, or `\u{X…}`.
    fn code_point(&mut self, start: usize) -> Result<Atom, Refusal> {
        if let Some((digits, _)) = self.rest().strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            let is_hex = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
            let code = code.ok_or_else(|| Refusal::new(start, "`\\u{…}` needs a code point in hexadecimal"))?;
            self.at = self.at.saturating_add(digits.len()).saturating_add(2);
            return letter_of(code, start);
        }
        let high = self.digits(4, start)?;
        let is_pair = (0xd800..0xdc00).contains(&high) && self.rest().starts_with("\\u");
        if !is_pair {
            return letter_of(high, start);
        }
        self.at = self.at.saturating_add(2);
        let low = self.digits(4, start)?;
        let code = 0x1_0000_u32.saturating_add((high & 0x3ff) << 10 | (low & 0x3ff));
        letter_of(if (0xdc00..0xe000).contains(&low) { code } else { high }, start)
    }

    fn digits(&mut self, count: usize, start: usize) -> Result<u32, Refusal> {
        let digits = self.rest().get(..count).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| Refusal::new(start, format!("{count} hexadecimal digits must follow")))?;
        self.at = self.at.saturating_add(count);
        Ok(code)
    }
}

fn letter_of(code: u32, start: usize) -> Result<Atom, Refusal> {
    let refusal = || {
        let refusal = Refusal::new(start, format!("U+{code:04X} is no character"));
        refusal.help("half a surrogate pair never stands in a text; write the whole character")
    };
    char::from_u32(code).map(Atom::Letter).ok_or_else(refusal)
}
