//! The shape of a policy file: which keys stand where and what they take.
//!
//! In: nothing. Out: tables that the reader, the JSON Schema and the reference in `docs/policy.md` share.
//! Reads nothing itself.

pub(crate) mod forms;
mod keys;
mod reference;
mod schema;
mod values;

pub(crate) use keys::*;
pub use reference::{reference, values_reference};
pub use schema::schema;
pub(crate) use values::VALUES;

/// What `apiVersion` must be.
pub const API_VERSION: &str = "toolgate.dev/v1";

/// What `kind` must be.
pub const KIND: &str = "ToolPolicy";

/// What `kind` must be in `values.yaml`.
pub const VALUES_KIND: &str = "RenderValues";

/// Which names stand somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    Agents,
    Groups,
    Tools,
    ToolGroups,
    Servers,
    Schemas,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Exactly this text.
    Exactly(&'static str),
    /// Any text.
    Text,
    /// The name of a request header.
    Header,
    /// A whole number in a range.
    Integer { least: u64, most: u64 },
    /// A number of bytes, perhaps with a unit, in a range.
    Size { least: u64, most: u64 },
    /// One of the words of a [`Word`] type.
    Word(fn() -> Vec<&'static str>),
    /// Calls per time, or a mapping that says more of it.
    Rate(&'static Table),
    /// Calls per calendar window, or a mapping that says more of it.
    Quota(&'static Table),
    /// `60/minute` alone.
    PlainRate,
    /// `1000/day` alone.
    PlainQuota,
    /// A declared name.
    Name(Names),
    /// A list of declared names.
    ListOf(Names),
    /// A list of declared names, and of mappings that narrow what is granted to one.
    Grants(Names, &'static Table),
    /// A list of texts that are not empty.
    Texts,
    /// A text that is not empty.
    Literal,
    /// A regular expression.
    Regex,
    /// The name of a set of patterns.
    Set,
    /// An RFC 6901 pointer to an argument.
    Pointer,
    /// A list of literals, and of mappings that say exactly one of the keys which [`is_alternative`] names.
    Patterns(&'static Table),
    /// A JSON Schema in place.
    Schema,
    /// The path of a file, from the policy's folder on.
    File,
    /// A mapping from names to JSON Schemas.
    Schemas,
    /// A mapping that says exactly one of its keys, or a list of such mappings, none of them empty.
    Sources(&'static Table),
    /// The name under which Envoy keeps the payload of a token.
    Provider,
    /// The name of a claim, or an RFC 6901 pointer to it.
    Claim,
    /// What stands before the name of a tool in a scope.
    ScopePrefix,
    /// A mapping with known keys.
    Object(&'static Table),
    /// A mapping from names to mappings with known keys.
    Named(Names, &'static Table),
    /// A mapping from names to lists of names.
    NamedLists(Names, Names),
    /// A text of a form.
    Written(&'static Form),
    /// A list of texts of a form.
    WrittenList(&'static Form),
    /// A mapping from texts of one form to texts of another.
    WrittenPairs(&'static Form, &'static Form),
    /// A mapping from texts of a form to mappings with known keys.
    Keyed(&'static Form, &'static Table),
    /// A list of mappings that each name a resource, or where many begin.
    Resources(&'static Table),
}

/// How a text must be written.
#[derive(Debug)]
pub(crate) struct Form {
    /// What such a text is, as in "expected …".
    pub(crate) what: &'static str,
    pub(crate) holds: fn(&str) -> bool,
    /// What to write.
    pub(crate) help: &'static str,
}

/// A type whose values are written as words.
pub(crate) trait Word: Copy + 'static {
    const ALL: &'static [(&'static str, Self)];
}

/// The words of a type.
pub(crate) fn words<T: Word>() -> Vec<&'static str> {
    T::ALL.iter().map(|(word, _)| *word).collect()
}

/// The keys of one kind of mapping.
#[derive(Debug)]
pub(crate) struct Table {
    /// How the reference calls it.
    pub(crate) title: &'static str,
    pub(crate) keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
    /// One sentence for editors and the reference.
    pub(crate) about: &'static str,
}

impl Table {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }

    /// The key of this table under which a key of that name may stand.
    pub(crate) fn home_of(&self, name: &str) -> Option<&'static str> {
        self.keys.iter().find_map(|key| match key.shape {
            Shape::Object(table)
            | Shape::Sources(table)
            | Shape::Rate(table)
            | Shape::Quota(table)
            | Shape::Patterns(table)
            | Shape::Grants(_, table) => table.key(name).map(|_| key.name),
            _ => None,
        })
    }
}

/// Whether a key says what a pattern is: a pattern has exactly one of these.
pub(crate) fn is_alternative(key: &Key) -> bool {
    matches!(key.shape, Shape::Literal | Shape::Regex | Shape::Set)
}

impl Names {
    /// The key that declares them.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::Groups => "groups",
            Self::Tools => "tools",
            Self::ToolGroups => "tool_groups",
            Self::Servers => "servers",
            Self::Schemas => "schemas",
        }
    }

    /// What one of them is called.
    pub(crate) fn one(self) -> &'static str {
        match self {
            Self::Agents => "agent",
            Self::Groups => "group",
            Self::Tools => "tool",
            Self::ToolGroups => "tool group",
            Self::Servers => "server",
            Self::Schemas => "schema",
        }
    }

    /// The signs that may stand in such a name besides letters and digits. A test holds it to the engine's rule.
    pub(crate) fn signs(self) -> &'static str {
        match self {
            Self::Agents => "._:/@+=-",
            Self::Groups | Self::Tools | Self::ToolGroups | Self::Servers | Self::Schemas => "_.-",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toolgate_engine::names;

    #[test]
    fn the_signs_are_those_of_the_engine() {
        let allowed = |check: fn(&[u8]) -> Result<&str, names::InvalidName>| -> String {
            (b'!'..=b'~')
                .filter(|byte| !byte.is_ascii_alphanumeric() && check(&[b'a', *byte]).is_ok())
                .map(char::from)
                .collect()
        };
        let sorted = |signs: &str| {
            let mut signs: Vec<char> = signs.chars().collect();
            signs.sort_unstable();
            signs.into_iter().collect::<String>()
        };
        assert_eq!(allowed(names::agent_id), sorted(Names::Agents.signs()));
        assert_eq!(allowed(names::tool_name), sorted(Names::Tools.signs()));
        assert_eq!(allowed(names::group_name), sorted(Names::Groups.signs()));
    }
}
