//! Writes YAML from values with types.
//!
//! In: a [`Map`]. Out: text that every reader of YAML 1.1 and 1.2 takes for these values.
//! Own code because no writer of YAML puts comments between the keys. A comment is a literal of this program,
//! and a text that is not plainly harmless is written as a JSON string: nothing of a user can end a value.

use std::fmt::Write as _;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Yaml {
    Text(String),
    Number(u64),
    Bool(bool),
    /// Text of several lines, written as such where no reader could take it for something else.
    Lines(String),
    List(Vec<Yaml>),
    Map(Map),
}

/// A mapping. Keys stand in the order in which they were put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Map(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    comments: &'static [&'static str],
    key: String,
    value: Yaml,
}

/// A [`Map`] as it reads when written. Lines with `///` become comments above their key.
macro_rules! map {
    ($($(#[doc = $comment:literal])* $key:literal => $value:expr),* $(,)?) => {
        $crate::render::yaml::Map::default()$(.with_comments(&[$($comment),*], $key, $value))*
    };
}
pub(crate) use map;

impl Map {
    pub(crate) fn with(self, key: impl Into<String>, value: impl Into<Yaml>) -> Self {
        self.with_comments(&[], key, value)
    }

    /// With the key, if there is a value for it.
    pub(crate) fn with_some(self, key: impl Into<String>, value: Option<impl Into<Yaml>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    pub(crate) fn with_comments(
        mut self,
        comments: &'static [&'static str],
        key: impl Into<String>,
        value: impl Into<Yaml>,
    ) -> Self {
        self.0.push(Entry { comments, key: key.into(), value: value.into() });
        self
    }

    /// With the keys of another mapping after its own.
    pub(crate) fn joined(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Yaml> {
        self.0.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The mapping as a document.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        text
    }

    fn write(&self, indent: usize, text: &mut String) {
        for Entry { comments, key, value } in &self.0 {
            for comment in *comments {
                line(indent, &format!("#{comment}"), text);
            }
            start(indent, &scalar(key), text);
            text.push(':');
            value.write(indent, text);
        }
    }
}

impl Yaml {
    /// Writes what stands behind a key and its colon.
    fn write(&self, indent: usize, text: &mut String) {
        let inner = indent.saturating_add(2);
        match self {
            Self::Map(map) if map.0.is_empty() => text.push_str(" {}\n"),
            Self::List(items) if items.is_empty() => text.push_str(" []\n"),
            Self::Map(map) => {
                text.push('\n');
                map.write(inner, text);
            }
            Self::List(items) => {
                text.push('\n');
                for item in items {
                    item.write_item(inner, text);
                }
            }
            Self::Lines(lines) if is_block(lines) => {
                text.push_str(if lines.ends_with('\n') { " |\n" } else { " |-\n" });
                for written in lines.lines() {
                    line(inner, written, text);
                }
            }
            Self::Text(_) | Self::Lines(_) | Self::Number(_) | Self::Bool(_) => {
                text.push(' ');
                text.push_str(&self.inline());
                text.push('\n');
            }
        }
    }

    fn write_item(&self, indent: usize, text: &mut String) {
        start(indent, "-", text);
        match self {
            // The first key stands on the line of the dash.
            Self::Map(map) if !map.0.is_empty() && map.0.first().is_some_and(|entry| entry.comments.is_empty()) => {
                let mut inner = String::new();
                let deeper = indent.saturating_add(2);
                map.write(deeper, &mut inner);
                text.push(' ');
                text.push_str(inner.get(deeper..).unwrap_or_default());
            }
            _ => self.write(indent, text),
        }
    }

    fn inline(&self) -> String {
        match self {
            Self::Text(text) | Self::Lines(text) => scalar(text),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::List(_) | Self::Map(_) => String::new(),
        }
    }
}

fn start(indent: usize, word: &str, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
    text.push_str(word);
}

fn line(indent: usize, written: &str, text: &mut String) {
    if !written.is_empty() {
        start(indent, written, text);
    }
    text.push('\n');
}

/// Whether a literal block gives these very lines back, in any reader.
fn is_block(lines: &str) -> bool {
    let harmless = |byte: u8| byte == b'\n' || (b' '..=b'~').contains(&byte);
    lines.bytes().all(harmless)
        && lines.starts_with(|first: char| first.is_ascii_graphic())
        && !lines.ends_with("\n\n")
        && lines.contains('\n')
}

/// What readers of YAML 1.1 take for something else than a text.
const WORDS: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n", "null"];

/// A text as a scalar: plain where that is safe anywhere, else as a JSON string, which YAML takes too.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            // Controls, and what YAML takes for line breaks or for a byte order mark.
            _ if letter.is_control() || ['\u{2028}', '\u{2029}', '\u{feff}'].contains(&letter) => {
                let _ = write!(written, "\\u{:04x}", u32::from(letter));
            }
            _ => written.push(letter),
        }
    }
    written.push('"');
    written
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Yaml {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Yaml {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<u32> for Yaml {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Yaml {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Yaml {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl<T: Into<Yaml>> From<Vec<T>> for Yaml {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Yaml>, const N: usize> From<[T; N]> for Yaml {
    fn from(items: [T; N]) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saphyr::{LoadableYamlNode as _, YamlOwned};

    /// What an independent reader sees under `key`.
    fn read_back(value: impl Into<Yaml>) -> YamlOwned {
        let text = map! { "before" => "x", "key" => value, "after" => "y" }.to_text();
        let documents = YamlOwned::load_from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(documents.len(), 1, "{text}");
        assert_eq!(documents[0].as_mapping().unwrap().len(), 3, "{text}");
        documents[0]["key"].clone()
    }

    #[test]
    fn no_text_becomes_anything_but_itself() {
        let texts = [
            "",
            " ",
            "a",
            "no",
            "No",
            "NULL",
            "~",
            "y",
            "010",
            "1e3",
            "1_000",
            "0x10",
            ".5",
            "2026-11-24",
            "12:30:00",
            "a: b",
            "a\nb: c",
            "\"",
            "'",
            "\\",
            "a # b",
            "- a",
            "{a}",
            "[a]",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "---",
            "...",
            "a\r\nb",
            "\u{85}",
            "\u{2028}",
            "\u{feff}a",
            "\u{0}",
            "\u{7f}",
            "é",
            "🦀",
            "a ",
            " a",
            "\ta",
            "<<",
            "|",
            ">",
            "?",
            "? a",
            ":",
            "-",
            "=",
            "true\n",
            "x\n---\nkind: Secret\n",
        ];
        for text in texts {
            assert_eq!(read_back(text).as_str(), Some(text), "{text:?}");
            assert_eq!(read_back(Yaml::Lines(text.to_owned())).as_str(), Some(text), "{text:?} as lines");
            let keyed = read_back(Map::default().with(text, 1_u32));
            assert_eq!(keyed.as_mapping().unwrap().keys().next().unwrap().as_str(), Some(text), "{text:?} as a key");
            let listed = read_back([text, "z"]);
            assert_eq!(listed[0].as_str(), Some(text), "{text:?} in a list");
        }
    }

    #[test]
    fn words_that_older_readers_take_for_booleans_are_quoted() {
        for word in ["yes", "No", "ON", "off", "y", "N", "true", "Null"] {
            assert!(scalar(word).starts_with('"'), "{word}");
        }
        assert_eq!(scalar("tool-gateway"), "tool-gateway");
    }

    #[test]
    fn several_lines_stay_readable_where_that_is_safe() {
        let text = map! { "a" => Yaml::Lines("b: c\n\n  d: e\n".to_owned()) }.to_text();
        assert_eq!(text, "a: |\n  b: c\n\n    d: e\n");
    }

    #[test]
    fn comments_stand_above_their_key() {
        let inner = map! {
            "name" => "x",
            /// Why.
            "y" => [map! { "a" => 1_u32, "b" => Vec::<Yaml>::new() }, Map::default()],
        };
        let text = map! { "list" => [inner] }.to_text();
        assert_eq!(text, "list:\n  - name: x\n    # Why.\n    \"y\":\n      - a: 1\n        b: []\n      - {}\n");
    }
}
