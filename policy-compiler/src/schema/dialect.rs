//! The dialects of JSON Schema, their vocabularies and their keywords.
//!
//! In: the name of a keyword. Out: what its value must be, where schemas stand in it, and who knows it.

/// A dialect that is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Draft {
    /// Draft-07
    Draft7,
    /// 2020-12
    #[default]
    Draft202012,
}

impl Draft {
    /// The dialect that a `$schema` names.
    pub fn named(uri: &str) -> Option<Self> {
        match uri.strip_suffix('#').unwrap_or(uri) {
            "https://json-schema.org/draft/2020-12/schema" => Some(Self::Draft202012),
            "http://json-schema.org/draft-07/schema" | "https://json-schema.org/draft-07/schema" => Some(Self::Draft7),
            _ => None,
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft7 => "draft-07",
            Self::Draft202012 => "2020-12",
        }
    }
}

/// A set of vocabularies, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vocabularies(u16);

impl Vocabularies {
    pub(super) const CORE: Self = Self(1);
    pub(super) const APPLICATOR: Self = Self(1 << 1);
    pub(super) const UNEVALUATED: Self = Self(1 << 2);
    pub(super) const VALIDATION: Self = Self(1 << 3);
    pub(super) const META_DATA: Self = Self(1 << 4);
    pub(super) const FORMAT: Self = Self(1 << 5);
    pub(super) const CONTENT: Self = Self(1 << 6);
    /// Formats are held to, not only noted. Comes with [`Self::FORMAT`].
    pub(super) const FORMAT_ASSERTION: Self = Self(1 << 7);
    /// What a dialect has without a word.
    pub(super) const USUAL: Self = Self((1 << 7) - 1);

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The vocabulary of this URI.
    pub(super) fn named(uri: &str) -> Option<Self> {
        Some(match uri.strip_prefix("https://json-schema.org/draft/2020-12/vocab/")? {
            "core" => Self::CORE,
            "applicator" => Self::APPLICATOR,
            "unevaluated" => Self::UNEVALUATED,
            "validation" => Self::VALIDATION,
            "meta-data" => Self::META_DATA,
            "format-annotation" => Self::FORMAT,
            "format-assertion" => Self::FORMAT.or(Self::FORMAT_ASSERTION),
            "content" => Self::CONTENT,
            _ => return None,
        })
    }
}

/// What the value of a keyword must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Any,
    Text,
    Boolean,
    Count,
    Number,
    Divisor,
    Types,
    Values,
    Array,
    /// Names, each once.
    Names,
    /// Lists of names under names.
    NamesByName,
    Regex,
    Format,
    Vocabularies,
    Reference,
    Anchor,
    Schema,
    /// At least one.
    Schemas,
    SchemaOrSchemas,
    SchemasByName,
    SchemasByPattern,
    /// Schemas or lists of names, under names.
    Dependencies,
}

/// A keyword that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyword {
    pub(super) shape: Shape,
    pub(super) vocabulary: Vocabularies,
    /// The only dialect that has it, if not both have.
    pub(super) only: Option<Draft>,
}

const NEW: Option<Draft> = Some(Draft::Draft202012);
const OLD: Option<Draft> = Some(Draft::Draft7);

/// What is known of a keyword in any dialect.
pub(super) fn keyword(name: &str) -> Option<Keyword> {
    let (shape, vocabulary, only) =
        core(name).or_else(|| applicator(name)).or_else(|| validation(name)).or_else(|| annotation(name))?;
    Some(Keyword { shape, vocabulary, only })
}

type Row = (Shape, Vocabularies, Option<Draft>);

fn core(name: &str) -> Option<Row> {
    let (shape, only) = match name {
        "$schema" | "$comment" => (Shape::Text, None),
        "$id" | "$ref" => (Shape::Reference, None),
        "$dynamicRef" => (Shape::Reference, NEW),
        "$anchor" | "$dynamicAnchor" => (Shape::Anchor, NEW),
        "$vocabulary" => (Shape::Vocabularies, NEW),
        "$defs" => (Shape::SchemasByName, NEW),
        "definitions" => (Shape::SchemasByName, None),
        _ => return None,
    };
    Some((shape, Vocabularies::CORE, only))
}

fn applicator(name: &str) -> Option<Row> {
    let (shape, only) = match name {
        "allOf" | "anyOf" | "oneOf" => (Shape::Schemas, None),
        "not" | "if" | "then" | "else" | "contains" | "additionalProperties" | "propertyNames" => (Shape::Schema, None),
        "items" => (Shape::SchemaOrSchemas, None),
        "prefixItems" => (Shape::Schemas, NEW),
        "additionalItems" => (Shape::Schema, OLD),
        "properties" => (Shape::SchemasByName, None),
        "dependentSchemas" => (Shape::SchemasByName, NEW),
        "patternProperties" => (Shape::SchemasByPattern, None),
        "dependencies" => (Shape::Dependencies, None),
        "unevaluatedItems" | "unevaluatedProperties" => {
            return Some((Shape::Schema, Vocabularies::UNEVALUATED, NEW));
        }
        _ => return None,
    };
    Some((shape, Vocabularies::APPLICATOR, only))
}

fn validation(name: &str) -> Option<Row> {
    let (shape, only) = match name {
        "type" => (Shape::Types, None),
        "const" => (Shape::Any, None),
        "enum" => (Shape::Values, None),
        "multipleOf" => (Shape::Divisor, None),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => (Shape::Number, None),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => (Shape::Count, None),
        "minContains" | "maxContains" => (Shape::Count, NEW),
        "pattern" => (Shape::Regex, None),
        "uniqueItems" => (Shape::Boolean, None),
        "required" => (Shape::Names, None),
        "dependentRequired" => (Shape::NamesByName, NEW),
        _ => return None,
    };
    Some((shape, Vocabularies::VALIDATION, only))
}

fn annotation(name: &str) -> Option<Row> {
    let (shape, vocabulary, only) = match name {
        "title" | "description" => (Shape::Text, Vocabularies::META_DATA, None),
        "default" => (Shape::Any, Vocabularies::META_DATA, None),
        "deprecated" | "readOnly" | "writeOnly" => (Shape::Boolean, Vocabularies::META_DATA, None),
        "examples" => (Shape::Array, Vocabularies::META_DATA, None),
        "format" => (Shape::Format, Vocabularies::FORMAT, None),
        "contentEncoding" | "contentMediaType" => (Shape::Text, Vocabularies::CONTENT, None),
        "contentSchema" => (Shape::Schema, Vocabularies::CONTENT, NEW),
        _ => return None,
    };
    Some((shape, vocabulary, only))
}

/// Every keyword, for "did you mean".
pub(super) const NAMES: [&str; 60] = [
    "$schema",
    "$comment",
    "$id",
    "$ref",
    "$dynamicRef",
    "$anchor",
    "$dynamicAnchor",
    "$vocabulary",
    "$defs",
    "definitions",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "additionalProperties",
    "propertyNames",
    "items",
    "prefixItems",
    "additionalItems",
    "properties",
    "dependentSchemas",
    "patternProperties",
    "dependencies",
    "unevaluatedItems",
    "unevaluatedProperties",
    "type",
    "const",
    "enum",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
    "pattern",
    "uniqueItems",
    "required",
    "dependentRequired",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
];
