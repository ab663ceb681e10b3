//! Named sets of patterns that come with the compiler.
//!
//! In: the files of `sets`. Out: the automata of each, and all that its page and its tests need.
//! A set is blocked as one pattern: the audit line names the entry of the policy that names the set.

use crate::{
    diagnostic::Findings,
    regex::{Joined, Pattern, Prepared, Refusal, Syntax, join},
    source::{self, Kind, Node, Source},
};
use std::sync::OnceLock;

/// A set.
#[derive(Clone, Debug)]
pub struct Set {
    /// Its name.
    pub name: &'static str,
    /// What it blocks, in a sentence.
    pub about: String,
    /// Its patterns.
    pub patterns: Vec<Member>,
    /// Texts that it must let pass.
    pub passes: Vec<String>,
    /// What it lets pass although a reader might think that it is blocked, and the other way round.
    pub not_covered: Vec<String>,
}

/// A pattern of a set.
#[derive(Clone, Debug)]
pub struct Member {
    /// The regular expression.
    pub regex: String,
    /// Why it is there.
    pub why: String,
    /// Texts that it must block by itself.
    pub blocks: Vec<String>,
}

/// Names and files.
const FILES: [(&str, &str); 7] = [
    ("destructive-shell", include_str!("sets/destructive-shell.yaml")),
    ("invisible-unicode", include_str!("sets/invisible-unicode.yaml")),
    ("path-traversal", include_str!("sets/path-traversal.yaml")),
    ("prompt-injection", include_str!("sets/prompt-injection.yaml")),
    ("secrets", include_str!("sets/secrets.yaml")),
    ("sql", include_str!("sets/sql.yaml")),
    ("ssrf", include_str!("sets/ssrf.yaml")),
];

/// What a set is compiled to.
struct Compiled {
    alone: Vec<Prepared>,
    joined: Vec<Joined>,
}

/// Where that is kept.
type Slot = OnceLock<Result<Compiled, String>>;

/// The names of all sets.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// All sets. Those of a file that cannot be read are left out; a test holds that all can.
pub fn all() -> Vec<Set> {
    FILES.iter().filter_map(|(name, text)| read(name, text).ok()).collect()
}

/// The automata of a set, in which every pattern stands for the set.
pub fn automata(name: &str) -> Result<&'static [Joined], String> {
    compiled(name).map(|compiled| compiled.joined.as_slice())
}

/// The patterns of a set, each compiled alone, in their order.
pub fn alone(name: &str) -> Result<&'static [Prepared], String> {
    compiled(name).map(|compiled| compiled.alone.as_slice())
}

/// A set is compiled once, however many policies and tools name it.
fn compiled(name: &str) -> Result<&'static Compiled, String> {
    static SLOTS: [Slot; FILES.len()] = [const { Slot::new() }; FILES.len()];
    let (slot, (name, text)) =
        SLOTS.iter().zip(FILES).find(|(_, (known, _))| *known == name).ok_or("there is no such set")?;
    let compiled = slot.get_or_init(|| compile(&read(name, text)?).map_err(|refusal| refusal.to_string()));
    compiled.as_ref().map_err(Clone::clone)
}

fn compile(set: &Set) -> Result<Compiled, Refusal> {
    let prepared = set.patterns.iter().map(|member| Prepared::of(&Pattern::parse(&member.regex, Syntax::Rust)?));
    let alone = prepared.collect::<Result<Vec<_>, _>>()?;
    Ok(Compiled { joined: join(&alone), alone })
}

fn read(name: &'static str, text: &str) -> Result<Set, String> {
    let mut findings = Findings::default();
    let source = Source::new(name, text.as_bytes());
    let root = source::read(&source, text.as_bytes(), &mut findings).ok_or("it is not YAML")?;
    let patterns = list(&root, "patterns")?.iter().map(member).collect::<Result<_, _>>()?;
    let [passes, not_covered] = [texts(&root, "passes")?, texts(&root, "not_covered")?];
    Ok(Set { name, about: scalar(&root, "about")?, patterns, passes, not_covered })
}

fn member(node: &Node) -> Result<Member, String> {
    Ok(Member { regex: scalar(node, "regex")?, why: scalar(node, "why")?, blocks: texts(node, "blocks")? })
}

fn texts(node: &Node, key: &str) -> Result<Vec<String>, String> {
    list(node, key)?.iter().map(|item| text(item).ok_or_else(|| format!("`{key}` has no texts"))).collect()
}

fn scalar(node: &Node, key: &str) -> Result<String, String> {
    value(node, key).and_then(text).ok_or_else(|| format!("`{key}` is no text"))
}

fn list<'n>(node: &'n Node, key: &str) -> Result<&'n [Node], String> {
    match value(node, key).map(|value| &value.kind) {
        Some(Kind::List(items)) => Ok(items),
        _ => Err(format!("`{key}` is no list")),
    }
}

fn value<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.kind {
        Kind::Map(entries) => entries.iter().find(|entry| entry.name == key).map(|entry| &entry.value),
        _ => None,
    }
}

fn text(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    }
}
