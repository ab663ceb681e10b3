//! Regular expressions as ECMA-262 writes them, with the flag `u`: whether a text is one.
//!
//! Reads once from left to right. Names of properties and of groups that are referred to are not looked up.

use std::{iter::Peekable, str::Chars};

pub(super) fn is_regex(text: &str) -> bool {
    let mut reader = Reader { rest: text.chars().peekable(), groups: 0, open: 0, largest_reference: 0 };
    reader.pattern().is_some() && reader.largest_reference <= reader.groups
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    /// Groups that can be referred to by number.
    groups: u32,
    open: u32,
    largest_reference: u32,
}

/// What a quantifier behind would repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Term,
}

impl Reader<'_> {
    fn pattern(&mut self) -> Option<()> {
        let mut before = Before::Nothing;
        // Whether an open group is one of look-around, which nothing may repeat; 64 levels are remembered.
        let mut look_around = 0u64;
        while let Some(character) = self.rest.next() {
            before = match character {
                '^' | '$' | '|' => Before::Nothing,
                '(' => {
                    look_around = (look_around << 1) | u64::from(self.group()?);
                    self.open = self.open.checked_add(1)?;
                    Before::Nothing
                }
                ')' => {
                    self.open = self.open.checked_sub(1)?;
                    let repeatable = look_around & 1 == 0;
                    look_around >>= 1;
                    if repeatable { Before::Term } else { Before::Nothing }
                }
                '[' => self.class()?,
                '\\' => self.escape()?,
                '*' | '+' | '?' | '{' => self.quantifier(character, before)?,
                ']' | '}' => return None,
                _ => Before::Term,
            };
        }
        (self.open == 0).then_some(())
    }

    /// Behind the opening parenthesis. Says whether it is look-around.
    fn group(&mut self) -> Option<bool> {
        if self.rest.next_if_eq(&'?').is_none() {
            self.groups = self.groups.checked_add(1)?;
            return Some(false);
        }
        match self.rest.next()? {
            ':' => Some(false),
            '=' | '!' => Some(true),
            '<' if self.rest.next_if(|next| matches!(next, '=' | '!')).is_some() => Some(true),
            '<' => {
                self.groups = self.groups.checked_add(1)?;
                self.name().map(|()| false)
            }
            _ => None,
        }
    }

    /// A name and its closing bracket.
    fn name(&mut self) -> Option<()> {
        let starts = |first: char| first.is_alphabetic() || matches!(first, '_' | '$');
        self.rest.next_if(|&first| starts(first))?;
        while self.rest.next_if(|&next| starts(next) || next.is_numeric()).is_some() {}
        self.rest.next_if_eq(&'>').map(|_| ())
    }

    fn quantifier(&mut self, character: char, before: Before) -> Option<Before> {
        if before == Before::Nothing {
            return None;
        }
        if character == '{' {
            let min = self.number()?;
            if self.rest.next_if_eq(&',').is_some() && self.rest.peek() != Some(&'}') && self.number()? < min {
                return None;
            }
            self.rest.next_if_eq(&'}')?;
        }
        self.rest.next_if_eq(&'?');
        Some(Before::Nothing)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = u64::from(self.rest.next_if(char::is_ascii_digit)?.to_digit(10)?);
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            number = number.saturating_mul(10).saturating_add(u64::from(digit.to_digit(10)?));
        }
        Some(number)
    }

    /// An escape outside of a class.
    fn escape(&mut self) -> Option<Before> {
        match self.rest.next()? {
            'b' | 'B' => Some(Before::Nothing),
            'k' => {
                self.rest.next_if_eq(&'<')?;
                self.name()?;
                Some(Before::Term)
            }
            first @ '1'..='9' => {
                let mut number = first.to_digit(10)?;
                while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
                    number = number.saturating_mul(10).saturating_add(digit.to_digit(10)?);
                }
                self.largest_reference = self.largest_reference.max(number);
                Some(Before::Term)
            }
            '-' => None,
            other => self.character_escape(other).map(|_| Before::Term),
        }
    }

    /// Behind a backslash; gives the character, if it is one and no set.
    fn character_escape(&mut self, character: char) -> Option<Option<char>> {
        match character {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => Some(None),
            'p' | 'P' => self.property().map(|()| None),
            'f' => Some(Some('\u{c}')),
            'n' => Some(Some('\n')),
            'r' => Some(Some('\r')),
            't' => Some(Some('\t')),
            'v' => Some(Some('\u{b}')),
            '0' => (!self.rest.peek().is_some_and(char::is_ascii_digit)).then_some(Some('\0')),
            'c' => {
                let letter = self.rest.next_if(char::is_ascii_alphabetic)?;
                Some(char::from_u32(u32::from(letter) % 32))
            }
            'x' => Some(char::from_u32(self.hex(2)?)),
            'u' => self.unicode_escape().map(Some),
            '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' => {
                Some(Some(character))
            }
            _ => None,
        }
    }

    fn property(&mut self) -> Option<()> {
        self.rest.next_if_eq(&'{')?;
        let letter = |next: &char| next.is_ascii_alphanumeric() || *next == '_';
        self.rest.next_if(letter)?;
        while self.rest.next_if(letter).is_some() {}
        if self.rest.next_if_eq(&'=').is_some() {
            self.rest.next_if(letter)?;
            while self.rest.next_if(letter).is_some() {}
        }
        self.rest.next_if_eq(&'}').map(|_| ())
    }

    fn hex(&mut self, digits: u32) -> Option<u32> {
        (0..digits).try_fold(0, |value: u32, _| Some((value << 4) | self.rest.next()?.to_digit(16)?))
    }

    /// Half of a pair is allowed; it stands for a character that no text of ours has.
    fn unicode_escape(&mut self) -> Option<char> {
        if self.rest.next_if_eq(&'{').is_none() {
            return Some(char::from_u32(self.hex(4)?).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let mut code = self.rest.next()?.to_digit(16)?;
        while let Some(digit) = self.rest.next_if(char::is_ascii_hexdigit) {
            code = code.checked_mul(16)?.checked_add(digit.to_digit(16)?)?;
        }
        self.rest.next_if_eq(&'}')?;
        (code <= 0x10_ffff).then(|| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// Behind the opening bracket, up to the closing one.
    fn class(&mut self) -> Option<Before> {
        self.rest.next_if_eq(&'^');
        loop {
            if self.rest.next_if_eq(&']').is_some() {
                return Some(Before::Term);
            }
            let low = self.class_atom()?;
            if self.rest.next_if_eq(&'-').is_none() {
                continue;
            }
            if self.rest.next_if_eq(&']').is_some() {
                return Some(Before::Term);
            }
            match (low, self.class_atom()?) {
                (Some(low), Some(high)) if low <= high => {}
                _ => return None,
            }
        }
    }

    fn class_atom(&mut self) -> Option<Option<char>> {
        match self.rest.next()? {
            '\\' => match self.rest.next()? {
                'b' => Some(Some('\u{8}')),
                '-' => Some(Some('-')),
                other => self.character_escape(other),
            },
            character => Some(Some(character)),
        }
    }
}
