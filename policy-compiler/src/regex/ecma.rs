//! The dialect of JSON Schema: ECMA-262 with the flag `u`.
//!
//! In: a pattern. Out: its meaning, by way of the same pattern in the syntax of regex-syntax.
//! Each construct is written anew, so nothing that only looks alike slips through.

mod class;

use super::{Refusal, parse};
use regex_syntax::hir::{Hir, Look, translate::TranslatorBuilder};

pub(super) fn parse(pattern: &str) -> Result<Hir, Refusal> {
    let mut translation = Translation { pattern, at: 0, out: String::new(), open: Vec::new(), names: Vec::new() };
    translation.pattern()?;
    let ast = parse::ast(&translation.out).map_err(|refusal| Refusal { at: 0, ..refusal })?;
    let settings = &mut TranslatorBuilder::new();
    // `\b` and `\B` mean ASCII in ECMA-262; as bytes they are written, which `utf8` would refuse.
    let hir = parse::hir(&translation.out, &ast, settings.unicode(true).utf8(false));
    let hir = hir.map_err(|refusal| Refusal { at: 0, ..refusal })?;
    let is_empty_between_bytes =
        hir.properties().minimum_len() == Some(0) && hir.properties().look_set().contains(Look::WordAsciiNegate);
    if is_empty_between_bytes {
        return Err(Refusal::new(0, "a pattern that may be nothing but `\\B` is not supported"));
    }
    Ok(hir)
}

/// The pattern, what of it is read, and what it becomes.
struct Translation<'p> {
    pattern: &'p str,
    at: usize,
    out: String,
    /// Offsets of the groups that are open.
    open: Vec<usize>,
    names: Vec<&'p str>,
}

impl<'p> Translation<'p> {
    fn pattern(&mut self) -> Result<(), Refusal> {
        // Whether there is something that a quantifier can repeat.
        let mut repeatable = false;
        while let Some(letter) = self.peek() {
            let start = self.at;
            self.skip(letter);
            repeatable = match letter {
                '(' => self.open_group(start)?,
                ')' => self.close_group(start)?,
                '|' => self.write("|", false),
                '^' => self.write(r"\A", false),
                '$' => self.write(r"\z", false),
                '.' => self.write(r"[^\n\r\x{2028}\x{2029}]", true),
                '[' => self.class(start)?,
                '\\' => self.escape(start)?,
                '*' | '+' | '?' | '{' => self.quantifier(letter, start, repeatable)?,
                '}' | ']' => {
                    let refusal = Refusal::new(start, format!("a lone `{letter}`"));
                    return Err(refusal.help(format!("write `\\{letter}`")));
                }
                letter => self.literal(letter),
            };
        }
        match self.open.last() {
            Some(&at) => Err(Refusal::new(at, "this group is not closed")),
            None => Ok(()),
        }
    }

    fn open_group(&mut self, start: usize) -> Result<bool, Refusal> {
        let rest = self.rest();
        if ["?=", "?!", "?<=", "?<!"].iter().any(|look| rest.starts_with(look)) {
            let refusal = Refusal::new(start, "look-around is not supported");
            return Err(refusal.help("no automaton decides it in linear time; write what must stand there"));
        }
        if rest.starts_with("?:") {
            self.at = self.at.saturating_add(2);
        } else if rest.starts_with("?<") {
            self.at = self.at.saturating_add(2);
            self.group_name()?;
        } else if rest.starts_with('?') {
            return Err(Refusal::new(start, "a group of this kind is not supported").help("write `(?:…)`"));
        }
        self.open.push(start);
        Ok(self.write("(?:", false))
    }

    fn group_name(&mut self) -> Result<(), Refusal> {
        let bad = Refusal::new(self.at, "this is no name of a group");
        let name = self.rest().split_once('>').map(|(name, _)| name).ok_or_else(|| bad.clone())?;
        let mut letters = name.chars();
        let starts = letters.next().is_some_and(|letter| letter.is_alphabetic() || letter == '_' || letter == '$');
        if !starts || !letters.all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$') {
            return Err(bad);
        }
        if self.names.contains(&name) {
            return Err(Refusal::new(self.at, "two groups have this name"));
        }
        self.names.push(name);
        self.at = self.at.saturating_add(name.len()).saturating_add(1);
        Ok(())
    }

    fn close_group(&mut self, start: usize) -> Result<bool, Refusal> {
        if self.open.pop().is_none() {
            return Err(Refusal::new(start, "no group is open").help("write `\\)`"));
        }
        Ok(self.write(")", true))
    }

    fn quantifier(&mut self, letter: char, start: usize, repeatable: bool) -> Result<bool, Refusal> {
        if letter == '{' {
            let bad = || Refusal::new(start, "a lone `{`").help("write `\\{`");
            let counts = self.rest().split_once('}').map(|(counts, _)| counts).ok_or_else(bad)?;
            let (least, most) = counts.split_once(',').unwrap_or((counts, counts));
            let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty();
            if !number(least) || !(number(most) || (most.is_empty() && counts.contains(','))) {
                return Err(bad());
            }
            self.at = self.at.saturating_add(counts.len()).saturating_add(1);
            let out_of_order = || Refusal::new(start, "a repetition whose counts are out of order or too large");
            let least: u32 = least.parse().map_err(|_| out_of_order())?;
            let most: Option<u32> =
                if most.is_empty() { None } else { Some(most.parse().map_err(|_| out_of_order())?) };
            if most.is_some_and(|most| most < least) {
                return Err(out_of_order());
            }
            let most = most.map(|most| most.to_string()).unwrap_or_default();
            self.out.push_str(&format!("{{{least},{most}}}"));
        } else {
            self.out.push(letter);
        }
        if !repeatable {
            return Err(Refusal::new(start, "there is nothing to repeat").help(format!("write `\\{letter}`")));
        }
        if self.peek() == Some('?') {
            self.skip('?');
        }
        Ok(false)
    }

    fn escape(&mut self, start: usize) -> Result<bool, Refusal> {
        let letter = self.peek().ok_or_else(|| Refusal::new(start, "a lone `\\`").help("write `\\\\`"))?;
        match letter {
            'b' | 'B' => {
                self.skip(letter);
                // A group of its own, for regex-syntax has no other way to say ASCII.
                Ok(self.write(if letter == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" }, false))
            }
            '1'..='9' | 'k' => {
                let refusal = Refusal::new(start, "back-references are not supported");
                Err(refusal.help("no automaton decides them in linear time; write the alternatives out"))
            }
            _ => {
                let atom = self.class_escape(start, false)?;
                atom.write(&mut self.out);
                Ok(true)
            }
        }
    }

    fn literal(&mut self, letter: char) -> bool {
        class::write_letter(&mut self.out, letter);
        true
    }

    fn write(&mut self, text: &str, repeatable: bool) -> bool {
        self.out.push_str(text);
        repeatable
    }

    fn rest(&self) -> &'p str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, letter: char) {
        self.at = self.at.saturating_add(letter.len_utf8());
    }
}
