//! YAML as a tree in which every key and value has its span.
//!
//! In: text. Out: a [`Node`], with all that the language does not take from YAML reported.
//! Gives scalars no type: an agent may be called `no` or `123`.

use super::{MAX_DEPTH, Span};
use crate::diagnostic::{Code, Finding, Findings, quoted};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};
use std::collections::HashMap;

/// A value of the file.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar {
        text: String,
        /// Neither quoted nor a block: YAML would guess a type from the text.
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something that was reported when it was read.
    Refused,
}

/// One key of a mapping with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) key: Span,
    pub(crate) value: Node,
}

impl Node {
    /// Nothing was written, or one of YAML's words for nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// Reading ends here; the findings say why.
struct Stopped;

struct Reader<'t, 'f> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    offsets: Offsets,
    findings: &'f mut Findings,
    /// Brackets that are not closed yet, for the words about a syntax error.
    open: Vec<Span>,
}

pub(super) fn read(text: &str, findings: &mut Findings) -> Option<Node> {
    let mut reader =
        Reader { text, parser: Parser::new_from_str(text), offsets: Offsets::of(text), findings, open: Vec::new() };
    reader.document().ok()
}

impl<'t> Reader<'t, '_> {
    fn document(&mut self) -> Result<Node, Stopped> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(_) if root.is_some() => {
                    let finding = Finding::new(Code::Documents, span, "a second document starts here");
                    self.findings.add(finding.help("a file holds one policy: take out this `---` and what follows"));
                    return Err(Stopped);
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                Event::StreamEnd => break,
                // A value outside of a document cannot come.
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => return self.stop(span, "a value stands outside of the document"),
            }
        }
        root.filter(|root| !root.is_null()).ok_or_else(|| {
            let finding = Finding::of_file(Code::Documents, "the file is empty");
            self.findings.add(finding.help("`policy-compiler init` writes a first policy"));
            Stopped
        })
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Stopped> {
        if depth > MAX_DEPTH {
            let message = format!("lists and mappings stand more than {MAX_DEPTH} deep in each other");
            self.findings.add(Finding::new(Code::TooDeep, span, message));
            return Err(Stopped);
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let decorated = self.refuse_decoration(span, anchor, tag.is_some());
                let plain = style == ScalarStyle::Plain;
                let span = match style {
                    ScalarStyle::Plain if text.is_empty() && !decorated => Span { end: span.start, ..span },
                    ScalarStyle::SingleQuoted => self.closed(span, '\''),
                    ScalarStyle::DoubleQuoted => self.closed(span, '"'),
                    ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => span,
                };
                Ok(Node { span, kind: Kind::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_decoration(span, anchor, tag.is_some());
                self.open.push(span);
                self.list(span, depth)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_decoration(span, anchor, tag.is_some());
                self.open.push(span);
                self.map(span, depth)
            }
            Event::Alias(_) => {
                self.refuse_alias(span);
                Ok(Node { span, kind: Kind::Refused })
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => self.stop(span, "a value is missing here"),
        }
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Node, Stopped> {
        let start = self.with_dash(start);
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                self.open.pop();
                let last = items.last().map(|item: &Node| item.span);
                return Ok(Node { span: whole(start, last, span), kind: Kind::List(items) });
            }
            items.push(self.node(event, span, depth.saturating_add(1))?);
        }
    }

    fn map(&mut self, start: Span, depth: usize) -> Result<Node, Stopped> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        let mut last = None;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                self.open.pop();
                return Ok(Node { span: whole(start, last, span), kind: Kind::Map(entries) });
            }
            let key = self.node(event, span, depth.saturating_add(1))?;
            let (event, span) = self.next()?;
            let mut value = self.node(event, span, depth.saturating_add(1))?;
            if value.span.start == value.span.end && value.is_null() {
                value.span = key.span;
            }
            last = Some(value.span);
            let Some(name) = self.key_name(&key) else { continue };
            if let Some(&first) = seen.get(&name) {
                let finding =
                    Finding::new(Code::DuplicateKey, key.span, format!("the key {} stands twice", quoted(&name)));
                self.findings.add(finding.label(first, "first written here"));
                continue;
            }
            seen.insert(name.clone(), key.span);
            entries.push(Entry { name, key: key.span, value });
        }
    }

    /// The key's text, unless it was refused.
    fn key_name(&mut self, key: &Node) -> Option<String> {
        match &key.kind {
            Kind::Scalar { text, plain: true } if text == "<<" => {
                let finding =
                    Finding::new(Code::YamlFeature, key.span, "merge keys are not part of the policy language");
                self.findings.add(finding.help("write the keys out, or use `defaults` or `tool_groups`"));
                None
            }
            Kind::Scalar { text, .. } => Some(text.clone()),
            Kind::Refused => None,
            Kind::List(_) | Kind::Map(_) => {
                self.findings.add(Finding::new(Code::WrongType, key.span, "a key must be text"));
                None
            }
        }
    }

    /// Reports an anchor or a tag; says whether there was one.
    fn refuse_decoration(&mut self, span: Span, anchor: usize, tag: bool) -> bool {
        if anchor == 0 && !tag {
            return false;
        }
        let what = if anchor > 0 { "anchors" } else { "tags" };
        let written = self.text.get(span.start..).unwrap_or_default();
        let end = written.find(|letter: char| letter.is_whitespace() || ",[]{}".contains(letter));
        let span = Span { start: span.start, end: span.start.saturating_add(end.unwrap_or(written.len())) };
        let finding = Finding::new(Code::YamlFeature, span, format!("{what} are not part of the policy language"));
        self.findings.add(finding.help("take it out; text that starts with `&` or `!` needs quotes"));
        true
    }

    fn refuse_alias(&mut self, span: Span) {
        let finding = Finding::new(Code::YamlFeature, span, "aliases are not part of the policy language");
        self.findings.add(finding.help("write the value out; text that starts with `*` needs quotes"));
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Stopped> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let span = Span {
                    start: self.offsets.byte(self.text, span.start.index()),
                    end: self.offsets.byte(self.text, span.end.index()),
                };
                Ok((event, self.trimmed(span)))
            }
            Some(Err(error)) => Err(self.syntax(&error)),
            None => self.stop(Span { start: self.text.len(), end: self.text.len() }, "the text ends too early"),
        }
    }

    /// The parser's spans may run over blanks and lines that follow the value.
    fn trimmed(&self, span: Span) -> Span {
        let written = self.text.get(span.start..span.end).unwrap_or_default();
        Span { end: span.start.saturating_add(written.trim_end().len()), ..span }
    }

    /// The parser's spans of quoted text may run over a comment that follows it.
    fn closed(&self, span: Span, quote: char) -> Span {
        let written = self.text.get(span.start..span.end).unwrap_or_default();
        let mut letters = written.char_indices().skip_while(|&(_, letter)| letter != quote).skip(1).peekable();
        while let Some((at, letter)) = letters.next() {
            let doubled = letter == '\'' && quote == '\'' && letters.peek().is_some_and(|&(_, next)| next == quote);
            if doubled || (letter == '\\' && quote == '"') {
                letters.next();
            } else if letter == quote {
                return Span { end: span.start.saturating_add(at).saturating_add(1), ..span };
            }
        }
        span
    }

    /// A list that is not indented starts at its first dash; the parser says at its first value.
    fn with_dash(&self, span: Span) -> Span {
        let before = self.text.get(..span.start).unwrap_or_default().trim_end_matches([' ', '\t']);
        let bare = !self.text.get(span.start..).unwrap_or_default().starts_with(['-', '[', '&', '!']);
        if bare && before.ends_with('-') { Span { start: before.len().saturating_sub(1), ..span } } else { span }
    }

    fn syntax(&mut self, error: &ScanError) -> Stopped {
        let start = self.offsets.byte(self.text, error.marker().index());
        let (before, rest) = self.text.split_at_checked(start).unwrap_or((self.text, ""));
        let letter = rest.chars().next().filter(|letter| *letter != '\n');
        let span = Span { start, end: start.saturating_add(letter.map_or(0, char::len_utf8)) };
        if letter == Some('*') {
            // An alias of nothing, most often a literal such as `*.exe` without quotes.
            self.refuse_alias(span);
            return Stopped;
        }
        let finding = Finding::new(Code::Syntax, span, format!("this is not YAML: {}", error.info()));
        let indent = before.rsplit('\n').next().filter(|indent| indent.trim_start().is_empty());
        let bracket = self.open.iter().rfind(|open| open.start != open.end);
        self.findings.add(match (letter, indent, bracket) {
            (Some('@' | '`' | '%'), ..) => finding.help("text that starts with this character needs quotes"),
            (Some(']' | '}'), Some(_), _) => finding.help("indent the closing bracket more than the key it belongs to"),
            (_, _, Some(&bracket)) => finding.label(bracket, "not closed"),
            (_, Some(indent), None) if indent.contains('\t') => finding.help("indent with spaces, not with tabs"),
            (Some(_), Some(_), None) => finding.help("does this line start in the same column as its neighbours?"),
            (_, _, None) => finding,
        });
        Stopped
    }

    fn stop<T>(&mut self, span: Span, message: &str) -> Result<T, Stopped> {
        self.findings.add(Finding::new(Code::Syntax, span, message));
        Err(Stopped)
    }
}

/// From the start of a collection to its closing bracket, or to its last value if it has none.
fn whole(start: Span, last: Option<Span>, end: Span) -> Span {
    let closed = end.start != end.end;
    let end = if closed { end.end } else { last.map_or(start.end, |last| last.end) };
    Span { start: start.start, end: end.max(start.end) }
}

/// Byte offsets of characters. The parser counts characters; every 64th is noted, the rest are walked.
struct Offsets(Vec<usize>);

impl Offsets {
    const STEP: usize = 64;

    fn of(text: &str) -> Self {
        Self(text.char_indices().step_by(Self::STEP).map(|(at, _)| at).collect())
    }

    fn byte(&self, text: &str, character: usize) -> usize {
        let Some(&near) = self.0.get(character / Self::STEP) else { return text.len() };
        let rest = text.get(near..).unwrap_or_default();
        rest.char_indices().nth(character % Self::STEP).map_or(text.len(), |(at, _)| near.saturating_add(at))
    }
}
