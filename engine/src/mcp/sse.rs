//! Event streams, cut into events: what is between two empty lines, whatever ends the lines.
//!
//! In: chunks of a stream, cut anywhere. Out: the bytes to send on. Each event is shown once it is whole, and goes on as it
//! came, with other data, or without; comments between events go on at once. Keeps at most one event, of bounded size.

use std::ops::Range;

/// An event is larger than is kept. What came of it is not sent on, and the stream is to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on as it came.
    Pass,
    /// It goes on with this data.
    Replace(Vec<u8>),
    /// It goes on without data, which clients take for none: its id still counts for where a stream is resumed.
    Drop,
}

/// An event that has data, which should be one JSON text.
pub struct Event {
    /// Its data, lines joined by a line feed.
    pub data: Vec<u8>,
}

/// A stream that is being read.
pub struct EventStream {
    limit: usize,
    /// The lines of the event that is not yet whole.
    kept: Vec<u8>,
    /// Where the line starts that is not yet whole.
    line: usize,
    /// Whether the last byte was a carriage return that ended a line; a line feed would belong to it.
    is_behind_return: bool,
    /// Whether no line was whole before: the stream may begin with a byte order mark.
    is_first: bool,
}

/// What a line is.
enum Line<'l> {
    Empty,
    Data(&'l [u8]),
    Comment,
    /// Another field, that clients know or leave out.
    Field,
    /// A line that another reader may take for two, or for data.
    Odd,
}

const MARK: &[u8] = b"\xef\xbb\xbf";

impl EventStream {
    /// A stream of whose events none is larger than so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: Vec::new(), line: 0, is_behind_return: false, is_first: true }
    }

    /// Takes the next bytes, and writes what can go on. An event that is not whole at the end is one that never was.
    pub fn push(
        &mut self,
        chunk: &[u8],
        out: &mut Vec<u8>,
        judge: &mut dyn FnMut(&Event) -> Fate,
    ) -> Result<(), TooLarge> {
        let mut rest = chunk;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.is_behind_return) && first == b'\n' {
                self.end_line_late(out);
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (piece, behind) =
                rest.split_at_checked(end.map_or(rest.len(), |end| end.saturating_add(1))).unwrap_or((rest, &[]));
            if self.kept.len().saturating_add(piece.len()) > self.limit {
                return Err(TooLarge);
            }
            self.kept.extend_from_slice(piece);
            if end.is_some() {
                self.is_behind_return = piece.last() == Some(&b'\r');
                self.end_line(out, judge);
            }
            rest = behind;
        }
        Ok(())
    }

    /// A line feed behind a carriage return: it belongs to the line before, which may be on its way.
    fn end_line_late(&mut self, out: &mut Vec<u8>) {
        if self.kept.is_empty() {
            out.push(b'\n');
        } else {
            self.kept.push(b'\n');
            self.line = self.kept.len();
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>, judge: &mut dyn FnMut(&Event) -> Fate) {
        let is_alone = self.line == 0;
        let written = self.kept.get(self.line..).unwrap_or_default();
        match line(written, self.is_first && is_alone) {
            Line::Empty => self.end_event(out, judge),
            Line::Comment if is_alone => out.append(&mut self.kept),
            // Nobody misses a comment.
            Line::Odd if is_alone && written.first() == Some(&b':') => self.kept.clear(),
            Line::Data(_) | Line::Comment | Line::Field | Line::Odd => {
                self.line = self.kept.len();
                return;
            }
        }
        (self.line, self.is_first) = (0, false);
    }

    /// All lines of the event are there, and an empty one.
    fn end_event(&mut self, out: &mut Vec<u8>, judge: &mut dyn FnMut(&Event) -> Fate) {
        let kept = std::mem::take(&mut self.kept);
        let lines = lines(&kept, self.is_first);
        let of_data =
            lines.iter().filter_map(|(_, line)| if let Line::Data(value) = line { Some(*value) } else { None });
        let event = Event { data: of_data.collect::<Vec<_>>().join(&b'\n') };
        let is_odd = lines.iter().any(|(_, line)| matches!(line, Line::Odd));
        let fate = match () {
            () if is_odd => Fate::Drop,
            () if event.data.is_empty() => Fate::Pass,
            () => judge(&event),
        };
        match fate {
            Fate::Pass => match without_separators(&event.data) {
                None if !is_one_line_to_some(&kept, &lines) => out.extend_from_slice(&kept),
                data => rewrite(out, &kept, &lines, Some(&data.unwrap_or(event.data))),
            },
            Fate::Replace(data) => rewrite(out, &kept, &lines, Some(&without_separators(&data).unwrap_or(data))),
            Fate::Drop => rewrite(out, &kept, &lines, None),
        }
    }
}

/// Whether a line ends where a reader that knows line feeds alone goes on: to it, a field behind is part of the data.
fn is_one_line_to_some(kept: &[u8], lines: &[(Range<usize>, Line<'_>)]) -> bool {
    lines.iter().any(|(range, line)| {
        !matches!(line, Line::Empty) && kept.get(range.clone()).is_some_and(|line| line.ends_with(b"\r"))
    })
}

/// Writes an event with other data, or without. Lines that could be read in two ways go.
fn rewrite(out: &mut Vec<u8>, kept: &[u8], lines: &[(Range<usize>, Line<'_>)], data: Option<&[u8]>) {
    let mut data = data;
    for (range, line) in lines {
        match line {
            Line::Data(_) => {
                for line in data.take().into_iter().flat_map(|data| data.split(|byte| matches!(byte, b'\r' | b'\n'))) {
                    out.extend_from_slice(b"data: ");
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
            }
            Line::Odd => {}
            Line::Empty | Line::Comment | Line::Field => {
                let written = kept.get(range.clone()).unwrap_or_default();
                match written.strip_suffix(b"\r") {
                    // With a line feed that comes behind now it would end one line and no longer two.
                    Some(text) if !text.is_empty() => out.extend(text.iter().chain(b"\n")),
                    _ => out.extend_from_slice(written),
                }
            }
        }
    }
}

/// The lines of an event, each with its end, in order.
fn lines(kept: &[u8], is_first: bool) -> Vec<(Range<usize>, Line<'_>)> {
    let mut lines = Vec::new();
    let mut start = 0;
    while start < kept.len() {
        let rest = kept.get(start..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).map_or(rest.len(), |end| {
            let is_pair = rest.get(end..).is_some_and(|rest| rest.starts_with(b"\r\n"));
            end.saturating_add(if is_pair { 2 } else { 1 })
        });
        let end = start.saturating_add(length);
        lines.push((start..end, line(rest.get(..length).unwrap_or_default(), is_first && start == 0)));
        start = end;
    }
    lines
}

/// What a line is, with or without its end.
fn line(written: &[u8], is_first: bool) -> Line<'_> {
    let text = written.strip_suffix(b"\n").unwrap_or(written);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let text = text.strip_prefix(MARK).filter(|_| is_first).unwrap_or(text);
    if text.is_empty() {
        return Line::Empty;
    }
    let colon = text.iter().position(|&byte| byte == b':');
    let (name, value) = match colon.and_then(|colon| text.split_at_checked(colon)) {
        Some((name, value)) => (name, value.get(1..).unwrap_or_default()),
        None => (text, [].as_slice()),
    };
    match name {
        b"data" => Line::Data(value.strip_prefix(b" ").unwrap_or(value)),
        _ if separators(text).next().is_some() || is_like_data(name) => Line::Odd,
        b"" => Line::Comment,
        _ => Line::Field,
    }
}

/// Whether a less exact reader takes a field for data.
fn is_like_data(name: &[u8]) -> bool {
    let letters = name.iter().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase);
    letters.eq(*b"data")
}

/// Where characters stand that end a line in some readers (Python's `splitlines`), and their lengths.
fn separators(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    (0..text.len()).filter_map(|at| {
        let rest = text.get(at..)?;
        match rest {
            [0x0b | 0x0c | 0x1c..=0x1e, ..] => Some((at, 1)),
            [0xc2, 0x85, ..] => Some((at, 2)),
            [0xe2, 0x80, 0xa8 | 0xa9, ..] => Some((at, 3)),
            _ => None,
        }
    })
}

/// JSON with such characters escaped; nothing if it has none. They can only stand in its strings.
fn without_separators(json: &[u8]) -> Option<Vec<u8>> {
    let mut separators = separators(json).peekable();
    separators.peek()?;
    let (mut out, mut from) = (Vec::with_capacity(json.len()), 0);
    for (at, length) in separators {
        out.extend_from_slice(json.get(from..at).unwrap_or_default());
        let escape = match json.get(at..).unwrap_or_default() {
            [0xc2, ..] => "\\u0085",
            [_, _, 0xa8, ..] => "\\u2028",
            [_, _, 0xa9, ..] => "\\u2029",
            // No JSON has it; it becomes a blank.
            _ => " ",
        };
        out.extend_from_slice(escape.as_bytes());
        from = at.saturating_add(length);
    }
    out.extend_from_slice(json.get(from..).unwrap_or_default());
    Some(out)
}

#[cfg(test)]
mod tests;
