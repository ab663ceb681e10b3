//! The packed form of JSON Schemas: what `policy-compiler` writes and the filter loads.
//!
//! In and out: plain data for serde. All schemas of a policy stand in one pool, and equal parts of them stand
//! there once. Indexes are not checked here; [`super::Schemas`] does that.

use crate::automaton::Automaton;
use serde::{Deserialize, Serialize};

/// All schemas of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Property names, numbers and canonical values, one after the other.
    pub text: String,
    /// How long each of them is, in bytes.
    pub text_lengths: Vec<u32>,
    /// Compiled regular expressions.
    pub patterns: Vec<Automaton>,
    /// Schemas and subschemas; they refer to each other by index.
    pub nodes: Vec<Node>,
    /// The rules of all nodes, one node after the other.
    pub rules: Vec<Rule>,
    /// The schemas that values are judged by.
    pub entries: Vec<Entry>,
}

impl Program {
    /// How many bytes of a bundle it takes.
    pub fn packed_bytes(&self) -> usize {
        // Plain data always serialises.
        postcard::to_allocvec(self).map(|bytes| bytes.len()).unwrap_or_default()
    }
}

/// A schema that values are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its node.
    pub node: u32,
    /// No value takes more steps than this for each value and key that it is made of.
    pub steps_per_value: u32,
}

/// A schema or subschema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Node {
    /// Which types of values it takes at all.
    pub types: Types,
    /// How many of [`Program::rules`] are its own.
    pub rules: u32,
}

/// A set of the types of JSON Schema, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Types(pub u8);

impl Types {
    /// No value at all.
    pub const NONE: Self = Self(0);
    /// `null`
    pub const NULL: Self = Self(1);
    /// `true` and `false`
    pub const BOOLEAN: Self = Self(1 << 1);
    /// Numbers without a fraction.
    pub const INTEGER: Self = Self(1 << 2);
    /// Numbers with a fraction.
    pub const FRACTION: Self = Self(1 << 3);
    /// All numbers.
    pub const NUMBER: Self = Self(Self::INTEGER.0 | Self::FRACTION.0);
    /// Strings.
    pub const STRING: Self = Self(1 << 4);
    /// Arrays.
    pub const ARRAY: Self = Self(1 << 5);
    /// Objects.
    pub const OBJECT: Self = Self(1 << 6);
    /// Every value.
    pub const ALL: Self = Self((1 << 7) - 1);

    /// Both sets together.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the sets have a type in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// One keyword of a schema. A `u32` that is no count is an index: of a node, a text or a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// `$ref`
    Ref(u32),
    /// `$dynamicRef`, resolved when it was compiled.
    DynamicRef(u32),
    /// `allOf`
    AllOf(Vec<u32>),
    /// `anyOf`
    AnyOf(Vec<u32>),
    /// `oneOf`
    OneOf(Vec<u32>),
    /// `not`
    Not(u32),
    /// `if` with its `then` and `else`
    If {
        /// What decides.
        condition: u32,
        /// Must hold if the condition does.
        then: Option<u32>,
        /// Must hold if the condition does not.
        otherwise: Option<u32>,
    },
    /// `const`
    Const(Constant),
    /// `enum`
    Enum(Vec<Constant>),
    /// `minLength`
    MinLength(u32),
    /// `maxLength`
    MaxLength(u32),
    /// `pattern`
    Pattern(u32),
    /// `format`
    Format(Format),
    /// `minimum`
    Minimum(u32),
    /// `exclusiveMinimum`
    ExclusiveMinimum(u32),
    /// `maximum`
    Maximum(u32),
    /// `exclusiveMaximum`
    ExclusiveMaximum(u32),
    /// `multipleOf`
    MultipleOf(u32),
    /// `prefixItems`
    PrefixItems(Vec<u32>),
    /// `items` with a list of schemas (draft-07)
    ItemsInTurn(Vec<u32>),
    /// `items` with one schema
    Items(u32),
    /// `additionalItems`
    AdditionalItems(u32),
    /// `contains` with `minContains` and `maxContains`
    Contains {
        /// What is looked for.
        node: u32,
        /// `minContains`, one if it is not written.
        min: Option<u32>,
        /// `maxContains`
        max: Option<u32>,
        /// Whether found elements count as evaluated (since 2020-12).
        evaluates: bool,
    },
    /// `minItems`
    MinItems(u32),
    /// `maxItems`
    MaxItems(u32),
    /// `uniqueItems`
    UniqueItems,
    /// `unevaluatedItems`
    UnevaluatedItems(u32),
    /// `properties`
    Properties(Vec<Named>),
    /// `patternProperties`
    PatternProperties(Vec<Matched>),
    /// `additionalProperties`
    AdditionalProperties(u32),
    /// `propertyNames`
    PropertyNames(u32),
    /// `minProperties`
    MinProperties(u32),
    /// `maxProperties`
    MaxProperties(u32),
    /// `required`
    Required(Vec<u32>),
    /// `dependentRequired`
    DependentRequired(Vec<Requires>),
    /// `dependentSchemas`
    DependentSchemas(Vec<Named>),
    /// `dependencies` with lists of names
    DependenciesRequired(Vec<Requires>),
    /// `dependencies` with schemas
    DependenciesSchemas(Vec<Named>),
    /// `unevaluatedProperties`
    UnevaluatedProperties(u32),
}

/// A node under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Named {
    /// Index of the text.
    pub name: u32,
    /// Index of the node.
    pub node: u32,
}

/// A node for the names that a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Matched {
    /// The pattern as it was written, for pointers into the schema only.
    pub name: u32,
    /// Index of the pattern.
    pub pattern: u32,
    /// Index of the node.
    pub node: u32,
}

/// A property that wants others beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Requires {
    /// Its name.
    pub name: u32,
    /// The others' names.
    pub others: Vec<u32>,
}

/// A value that instances are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Constant {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, by its text.
    Number(u32),
    /// A string, by its text.
    String(u32),
    /// An array or an object, by its canonical text.
    Composite(u32),
}

/// A format that strings are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Format {
    /// RFC 3339, section 5.6
    DateTime,
    /// RFC 3339, `full-date`
    Date,
    /// RFC 3339, `full-time`
    Time,
    /// RFC 3339, appendix A
    Duration,
    /// RFC 5321, section 4.1.2
    Email,
    /// RFC 6531
    IdnEmail,
    /// RFC 1123, section 2.1, with A-labels as of RFC 5891
    Hostname,
    /// RFC 2673, section 3.2
    Ipv4,
    /// RFC 4291, section 2.2
    Ipv6,
    /// RFC 3986
    Uri,
    /// RFC 3986
    UriReference,
    /// RFC 3987
    Iri,
    /// RFC 3987
    IriReference,
    /// RFC 4122
    Uuid,
    /// RFC 6570
    UriTemplate,
    /// RFC 6901
    JsonPointer,
    /// Relative JSON Pointers
    RelativeJsonPointer,
    /// ECMA-262
    Regex,
}
