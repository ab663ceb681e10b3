//! Lists of tools, resources, templates and prompts, cut down to what an agent may see.
//!
//! In: a result, and what to show. Out: the places to change in its bytes; all else stays as the server wrote it.
//! Decides on no entry itself, but hides what has no name and what has the name of another.

use super::{Version, lookalike::is_lookalike};
use crate::json::{Kind, Value};
use std::ops::Range;

/// A kind of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// `tools/list`
    Tools,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    Templates,
    /// `prompts/list`
    Prompts,
}

impl ListKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Tools, Self::Resources, Self::Templates, Self::Prompts];

    /// The list that a method asks for.
    pub fn of_method(method: &str) -> Option<Self> {
        match method {
            "tools/list" => Some(Self::Tools),
            "resources/list" => Some(Self::Resources),
            "resources/templates/list" => Some(Self::Templates),
            "prompts/list" => Some(Self::Prompts),
            _ => None,
        }
    }

    /// The member of a result that holds it.
    fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// The member of an entry by which it is called.
    fn name(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
        }
    }
}

/// An entry of a list.
#[derive(Clone, Copy)]
pub struct Entry<'d> {
    /// Of which list.
    pub kind: ListKind,
    /// Its name or URI; no other entry of the list has it.
    pub name: &'d str,
    /// All of it, so that a pin can be computed.
    pub value: Value<'d>,
}

/// What became of the lists of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// How many entries are left.
    pub shown: usize,
    /// How many were taken out, for whatever reason.
    pub hidden: usize,
    /// How many of these had no name, or were no object.
    pub nameless: usize,
    /// Names that stood there more than once: all entries of such a name were taken out.
    pub duplicates: Vec<(ListKind, String)>,
}

/// Why a result cannot be shown: another reader may see a list in it that this one does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadList {
    /// A member is no array.
    NoArray,
    /// A key looks like that of a list.
    Lookalike,
}

/// A change of a text: what is to be put in the place of some bytes.
pub(super) type Edit = (Range<usize>, &'static str);

const SCOPE: &str = "cacheScope";
const LIFETIME: &str = "ttlMs";
const MEMBERS: [&str; 6] = ["tools", "resources", "resourceTemplates", "prompts", SCOPE, LIFETIME];

/// How long a client may go by a list, in milliseconds, as a number and as it is written.
const LONGEST: (f64, &str) = (60_000.0, "60000");

/// Finds what to change in a result, in order of its bytes.
pub(super) fn filter<'d>(
    result: Value<'d>,
    version: Version,
    show: &mut dyn FnMut(Entry<'d>) -> bool,
) -> Result<(Vec<Edit>, Shown), BadList> {
    if result.members().any(|(key, _)| is_lookalike(key, &MEMBERS)) {
        return Err(BadList::Lookalike);
    }
    let (mut edits, mut shown, mut is_list) = (Vec::new(), Shown::default(), false);
    for kind in ListKind::ALL {
        let Some(list) = result.child(kind.member()) else { continue };
        if list.kind() != Kind::Array {
            return Err(BadList::NoArray);
        }
        is_list = true;
        let cuts = cut(list, kind, show, &mut shown);
        edits.extend(cuts.into_iter().map(|cut| (cut, "")));
    }
    edits.extend(privacy(result, version.is_stateless() && is_list));
    edits.extend(lifetime(result).filter(|_| is_list));
    edits.sort_by_key(|(range, _)| range.start);
    Ok((edits, shown))
}

/// What was cut down for one agent is for no other: `cacheScope` becomes "private". No version says what is meant where
/// it is missing, so it is added where the version has it.
pub(super) fn privacy(result: Value<'_>, is_needed: bool) -> Option<Edit> {
    let Some(scope) = result.child(SCOPE) else {
        let behind_brace = result.span().start.saturating_add(1);
        let edit = if result.size() > 1 { "\"cacheScope\":\"private\"," } else { "\"cacheScope\":\"private\"" };
        return is_needed.then_some((behind_brace..behind_brace, edit));
    };
    (scope.as_str() != Some("private")).then(|| (scope.span(), "\"private\""))
}

/// What a server says of its own tools may hold for days; what an agent may use changes with the policy, of which the
/// server knows nothing.
fn lifetime(result: Value<'_>) -> Option<Edit> {
    let (longest, written) = LONGEST;
    let lifetime = result.child(LIFETIME)?;
    let is_long = lifetime.raw().parse().is_ok_and(|milliseconds: f64| milliseconds > longest);
    is_long.then(|| (lifetime.span(), written))
}

/// The bytes of a list that are to be cut out.
fn cut<'d>(
    list: Value<'d>,
    kind: ListKind,
    show: &mut dyn FnMut(Entry<'d>) -> bool,
    shown: &mut Shown,
) -> Vec<Range<usize>> {
    let entries: Vec<_> = list.elements().map(|value| (value, name(value, kind))).collect();
    let duplicates = duplicates(entries.iter().filter_map(|(_, name)| *name).collect());
    let is_shown = |(value, name): &(Value<'d>, Option<&'d str>)| {
        let name = name.filter(|name| duplicates.binary_search(name).is_err());
        let is_shown = name.is_some_and(|name| show(Entry { kind, name, value: *value }));
        (value.span(), is_shown)
    };
    let entries_shown: Vec<_> = entries.iter().map(is_shown).collect();
    let left = entries_shown.iter().filter(|(_, is_shown)| *is_shown).count();
    shown.shown = shown.shown.saturating_add(left);
    shown.hidden = shown.hidden.saturating_add(entries.len().saturating_sub(left));
    shown.nameless = shown.nameless.saturating_add(entries.iter().filter(|(_, name)| name.is_none()).count());
    shown.duplicates.extend(duplicates.into_iter().map(|name| (kind, name.to_owned())));
    cuts(&entries_shown)
}

fn name<'d>(entry: Value<'d>, kind: ListKind) -> Option<&'d str> {
    let has_lookalike = entry.members().any(|(key, _)| is_lookalike(key, &[kind.name()]));
    let name = entry.child(kind.name())?.as_str()?;
    (entry.kind() == Kind::Object && !has_lookalike && !name.is_empty()).then_some(name)
}

/// Names that stand there more than once, in order.
fn duplicates(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    let pairs = names.windows(2).filter_map(|pair| match pair {
        [one, other] if one == other => Some(*one),
        _ => None,
    });
    let mut twice: Vec<_> = pairs.collect();
    twice.dedup();
    twice
}

/// Each hidden entry goes with the comma before it, those before the first that is left with the comma behind.
fn cuts(entries: &[(Range<usize>, bool)]) -> Vec<Range<usize>> {
    let first = entries.iter().position(|(_, is_shown)| *is_shown);
    let Some(first) = first else {
        let ends = entries.first().zip(entries.last());
        return ends.map(|((first, _), (last, _))| first.start..last.end).into_iter().collect();
    };
    let mut cuts = Vec::new();
    if let (Some((start, _)), Some((end, _)), true) = (entries.first(), entries.get(first), first > 0) {
        cuts.push(start.start..end.start);
    }
    let mut before = entries.get(first).map_or(0, |(range, _)| range.end);
    for (range, is_shown) in entries.iter().skip(first) {
        if !is_shown {
            cuts.push(before..range.end);
        }
        before = range.end;
    }
    cuts
}

/// A text with some of its bytes changed. The places are in order and do not overlap.
pub(super) fn edited(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for (Range { start, end }, put) in edits {
        out.extend_from_slice(text.get(at..*start).unwrap_or_default());
        out.extend_from_slice(put.as_bytes());
        at = *end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}
