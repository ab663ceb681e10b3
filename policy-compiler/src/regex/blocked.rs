//! The dialect of what is blocked: Rust's `regex`, read so that small changes to a text do not hide it.
//!
//! In: a regular expression or a literal. Out: its meaning, for texts that are valid UTF-8.
//! Whatever views of a text undo (see `docs/policy.md`), a pattern need not match itself.

use super::{Refusal, parse};
use regex_syntax::{
    ast::{Ast, ClassAscii, ClassAsciiKind, ClassBracketed, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem},
    hir::{
        Capture, Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition,
        translate::TranslatorBuilder,
    },
};

use unicode_normalization::UnicodeNormalization as _;

/// Classes of fewer letters also match these letters as Unicode takes them apart.
const MOST_LETTERS: usize = 256;

/// The first character that is not ASCII.
const BEYOND_ASCII: char = '\u{80}';

pub(super) fn parse(pattern: &str) -> Result<Hir, Refusal> {
    let pattern = &pattern.nfc().collect::<String>();
    let mut ast = parse::ast(pattern)?;
    ascii_classes(&mut ast);
    // Bytes that are no text could cut letters in halves: `utf8` refuses them.
    let hir = parse::hir(pattern, &ast, TranslatorBuilder::new().case_insensitive(true).unicode(true).utf8(true))?;
    let looks = hir.properties().look_set();
    if looks.contains(Look::WordUnicodeNegate) || looks.contains(Look::WordAsciiNegate) {
        let at = pattern.find("\\B").unwrap_or_default();
        return Err(Refusal::new(at, "`\\B` is not supported").help("write the letters that must stand there: `\\w`"));
    }
    Ok(adapt(&hir))
}

pub(super) fn literal(text: &str) -> Hir {
    let mut parts = Vec::new();
    let mut in_space = false;
    for letter in text.nfc() {
        let is_space = letter.is_whitespace();
        if !is_space {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(letter, letter)]);
            // Total with Unicode's tables, which are linked.
            class.case_fold_simple();
            parts.push(adapt_class(&class));
        } else if !in_space {
            parts.push(white_space());
        }
        in_space = is_space;
    }
    Hir::concat(parts)
}

/// `\d`, `\s` and `\w` mean ASCII: their Unicode forms are large, and views map most of them to ASCII.
fn ascii_classes(ast: &mut Ast) {
    match ast {
        Ast::Empty(_) | Ast::Flags(_) | Ast::Literal(_) | Ast::Dot(_) | Ast::Assertion(_) | Ast::ClassUnicode(_) => {}
        Ast::ClassPerl(class) => {
            let ascii = ClassSetItem::Ascii(ascii(class));
            let kind = ClassSet::Item(ascii);
            *ast = Ast::class_bracketed(ClassBracketed { span: class.span, negated: false, kind });
        }
        Ast::ClassBracketed(class) => ascii_set(&mut class.kind),
        Ast::Repetition(repetition) => ascii_classes(&mut repetition.ast),
        Ast::Group(group) => ascii_classes(&mut group.ast),
        Ast::Alternation(alternation) => alternation.asts.iter_mut().for_each(ascii_classes),
        Ast::Concat(concat) => concat.asts.iter_mut().for_each(ascii_classes),
    }
}

fn ascii_set(set: &mut ClassSet) {
    match set {
        ClassSet::Item(item) => ascii_item(item),
        ClassSet::BinaryOp(operation) => {
            ascii_set(&mut operation.lhs);
            ascii_set(&mut operation.rhs);
        }
    }
}

fn ascii_item(item: &mut ClassSetItem) {
    match item {
        ClassSetItem::Empty(_)
        | ClassSetItem::Literal(_)
        | ClassSetItem::Range(_)
        | ClassSetItem::Ascii(_)
        | ClassSetItem::Unicode(_) => {}
        ClassSetItem::Perl(class) => *item = ClassSetItem::Ascii(ascii(class)),
        ClassSetItem::Bracketed(class) => ascii_set(&mut class.kind),
        ClassSetItem::Union(union) => union.items.iter_mut().for_each(ascii_item),
    }
}

fn ascii(class: &ClassPerl) -> ClassAscii {
    let kind = match class.kind {
        ClassPerlKind::Digit => ClassAsciiKind::Digit,
        ClassPerlKind::Space => ClassAsciiKind::Space,
        ClassPerlKind::Word => ClassAsciiKind::Word,
    };
    ClassAscii { span: class.span, kind, negated: class.negated }
}

/// Rewrites what a parsed pattern means: see the functions below.
fn adapt(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => adapt_literal(&literal.0),
        HirKind::Class(Class::Unicode(class)) => adapt_class(class),
        HirKind::Class(Class::Bytes(class)) => Hir::class(Class::Bytes(class.clone())),
        HirKind::Look(look) => Hir::look(adapt_look(*look)),
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(adapt(&repetition.sub)), ..repetition.clone() })
        }
        HirKind::Capture(Capture { sub, .. }) => adapt(sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(adapt).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(adapt).collect()),
    }
}

/// Each run of spaces becomes one run of white space of any length.
fn adapt_literal(bytes: &[u8]) -> Hir {
    let mut parts = Vec::new();
    for run in bytes.chunk_by(|left, right| (*left == b' ') == (*right == b' ')) {
        match str::from_utf8(run) {
            _ if run.first() == Some(&b' ') => parts.push(white_space()),
            Ok(text) if !text.is_ascii() => parts.extend(text.chars().map(adapt_letter)),
            _ => parts.push(Hir::literal(run)),
        }
    }
    Hir::concat(parts)
}

fn adapt_letter(letter: char) -> Hir {
    if letter.is_ascii() {
        return Hir::literal(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    with_marks(Hir::literal(letter.encode_utf8(&mut [0; 4]).as_bytes()), [letter])
}

/// A letter also as Unicode takes it apart: `é` as `e` and a mark. Views leave both as they are.
fn with_marks(letters: Hir, each: impl IntoIterator<Item = char>) -> Hir {
    let apart = each.into_iter().map(|letter| letter.nfd().collect::<String>());
    let apart = apart.filter(|letters| letters.chars().nth(1).is_some());
    let forms: Vec<_> = apart.map(|letters| Hir::literal(letters.into_bytes())).collect();
    if forms.is_empty() { letters } else { Hir::alternation(std::iter::once(letters).chain(forms).collect()) }
}

/// All non-ASCII characters together need two states in place of eight, for the text is known to be valid UTF-8.
/// The Kelvin sign and the long s, which fold to `k` and `s`, are left to the views, which map them.
fn adapt_class(class: &ClassUnicode) -> Hir {
    let has_all_others = class.ranges().iter().any(|range| range.start() <= BEYOND_ASCII && range.end() == char::MAX);
    if has_all_others {
        let ascii = class.ranges().iter().filter(|range| range.start() < BEYOND_ASCII);
        let ascii = ascii.map(|range| byte_range(range.start(), range.end().min('\u{7f}')));
        let lead = Hir::class(Class::Bytes(ClassBytes::new([ClassBytesRange::new(0xc0, 0xff)])));
        let rest = Hir::class(Class::Bytes(ClassBytes::new([ClassBytesRange::new(0x80, 0xbf)])));
        let rest = Hir::repetition(Repetition { min: 0, max: None, greedy: true, sub: Box::new(rest) });
        let ascii = Hir::class(Class::Bytes(ClassBytes::new(ascii)));
        return Hir::alternation(vec![ascii, Hir::concat(vec![lead, rest])]);
    }
    let mut class = class.clone();
    for (letter, folded) in [('k', '\u{212a}'), ('s', '\u{17f}')] {
        let holds = |letter: char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&letter));
        if holds(letter) && holds(folded) {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new(folded, folded)]));
        }
    }
    if class.ranges().iter().all(|range| (range.start(), range.end()) == (' ', ' ')) && !class.ranges().is_empty() {
        return white_space();
    }
    // Of large classes, such as properties, the letters that are taken apart are left out.
    let few: Vec<char> = class.iter().flat_map(|range| range.start()..=range.end()).take(MOST_LETTERS).collect();
    let letters = Hir::class(Class::Unicode(class));
    if few.len() == MOST_LETTERS {
        letters
    } else {
        with_marks(letters, few.into_iter().filter(|letter| !letter.is_ascii()))
    }
}

/// Words end where ASCII words end, as everywhere in this dialect.
fn adapt_look(look: Look) -> Look {
    match look {
        Look::WordUnicode => Look::WordAscii,
        Look::WordUnicodeNegate => Look::WordAsciiNegate,
        Look::WordStartUnicode => Look::WordStartAscii,
        Look::WordEndUnicode => Look::WordEndAscii,
        Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
        Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
        other => other,
    }
}

/// The views turn all other white space into these.
fn white_space() -> Hir {
    let class = ClassBytes::new([ClassBytesRange::new(b'\t', b'\r'), ClassBytesRange::new(b' ', b' ')]);
    let sub = Box::new(Hir::class(Class::Bytes(class)));
    Hir::repetition(Repetition { min: 1, max: None, greedy: true, sub })
}

fn byte_range(start: char, end: char) -> ClassBytesRange {
    let byte = |letter: char| u8::try_from(letter).unwrap_or(0x7f);
    ClassBytesRange::new(byte(start), byte(end))
}
