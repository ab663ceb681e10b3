//! Every kind of finding, with its number, severity and manual entry.
//!
//! In: nothing. Out: [`Code`] and [`About`]; `docs/diagnostics.md` is written from this table.
//! A code never changes its meaning and is never used again.

mod globals;
mod grants;
mod identity;
mod patterns;
mod render;
mod schemas;
mod servers;

use super::Severity;
use serde::{Serialize, Serializer};

/// The manual entry of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// `TG` and three digits.
    pub id: &'static str,
    /// How bad it is, always.
    pub severity: Severity,
    /// What is found.
    pub title: &'static str,
    /// Why that is a finding.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the titles of `about` say it")]
pub enum Code {
    NotUtf8,
    TooLarge,
    Syntax,
    Documents,
    YamlFeature,
    TooDeep,
    DuplicateKey,
    TextDirection,
    TooManyFindings,
    UnknownKey,
    MissingKey,
    WrongType,
    OtherVersion,
    UnknownWord,
    BadInteger,
    BadSize,
    BadRate,
    BadQuota,
    OutOfRange,
    BadName,
    ReservedHeader,
    UnknownAgent,
    UnknownGroup,
    UnknownTool,
    RepeatedEntry,
    UnreachedSource,
    BadTokenText,
    EmptyLiteral,
    DeadLiteral,
    BadPattern,
    CostlyPattern,
    MatchesAll,
    NeverMatches,
    EncodedPattern,
    UnknownSet,
    BadPointer,
    PatternCost,
    ZeroLimit,
    NobodyMayCall,
    MayCallNothing,
    UnusedGroup,
    EmptyGroup,
    IdleToolGroup,
    ShadowMode,
    UnusedDefault,
    NoEffect,
    NothingDeclared,
    IdentityHeader,
    ClientIdHeader,
    ClientCertificate,
    SubjectName,
    NotGlobal,
    GlobalTwice,
    GlobalInShadow,
    HeadersNotHeld,
    TwoServers,
    IdleServer,
    NearlyTooLarge,
    PackedTooLarge,
    Unfolds,
    BadSchema,
    UnknownKeyword,
    LostReference,
    UnreadFile,
    NotJson,
    AmbiguousScalar,
    SchemaExtension,
    IdleKeyword,
    NeverHolds,
    FormatUnsaid,
    CostlySchema,
    UnusedSchema,
    NotMirrored,
    UnderscoredField,
    EmptyNarrowing,
    PointlessNarrowing,
    PartialNarrowing,
    RepeatedCheck,
    ImpossibleGrant,
    BadForm,
    RoutedTwice,
    NotRouted,
    IdleValue,
    UnsetSource,
    TrustedHeader,
    KeyForEveryCall,
    NotStatic,
    TooManyRules,
}

impl Code {
    /// Every code, in the order of the numbers.
    pub const ALL: &[Self] = &[
        Self::NotUtf8,
        Self::TooLarge,
        Self::Syntax,
        Self::Documents,
        Self::YamlFeature,
        Self::TooDeep,
        Self::DuplicateKey,
        Self::TextDirection,
        Self::TooManyFindings,
        Self::UnknownKey,
        Self::MissingKey,
        Self::WrongType,
        Self::OtherVersion,
        Self::UnknownWord,
        Self::BadInteger,
        Self::BadSize,
        Self::BadRate,
        Self::BadQuota,
        Self::OutOfRange,
        Self::BadName,
        Self::ReservedHeader,
        Self::UnknownAgent,
        Self::UnknownGroup,
        Self::UnknownTool,
        Self::RepeatedEntry,
        Self::UnreachedSource,
        Self::BadTokenText,
        Self::EmptyLiteral,
        Self::DeadLiteral,
        Self::BadPattern,
        Self::CostlyPattern,
        Self::MatchesAll,
        Self::NeverMatches,
        Self::EncodedPattern,
        Self::UnknownSet,
        Self::BadPointer,
        Self::PatternCost,
        Self::ZeroLimit,
        Self::NobodyMayCall,
        Self::MayCallNothing,
        Self::UnusedGroup,
        Self::EmptyGroup,
        Self::IdleToolGroup,
        Self::ShadowMode,
        Self::UnusedDefault,
        Self::NoEffect,
        Self::NothingDeclared,
        Self::IdentityHeader,
        Self::ClientIdHeader,
        Self::ClientCertificate,
        Self::SubjectName,
        Self::NotGlobal,
        Self::GlobalTwice,
        Self::GlobalInShadow,
        Self::HeadersNotHeld,
        Self::TwoServers,
        Self::IdleServer,
        Self::NearlyTooLarge,
        Self::PackedTooLarge,
        Self::Unfolds,
        Self::BadSchema,
        Self::UnknownKeyword,
        Self::LostReference,
        Self::UnreadFile,
        Self::NotJson,
        Self::AmbiguousScalar,
        Self::SchemaExtension,
        Self::IdleKeyword,
        Self::NeverHolds,
        Self::FormatUnsaid,
        Self::CostlySchema,
        Self::UnusedSchema,
        Self::NotMirrored,
        Self::UnderscoredField,
        Self::EmptyNarrowing,
        Self::PointlessNarrowing,
        Self::PartialNarrowing,
        Self::RepeatedCheck,
        Self::ImpossibleGrant,
        Self::BadForm,
        Self::RoutedTwice,
        Self::NotRouted,
        Self::IdleValue,
        Self::UnsetSource,
        Self::TrustedHeader,
        Self::KeyForEveryCall,
        Self::NotStatic,
        Self::TooManyRules,
    ];

    /// `TG` and three digits.
    pub fn id(self) -> &'static str {
        self.about().id
    }

    /// The manual entry.
    pub fn about(self) -> About {
        match self {
            Self::NotUtf8 => error(
                "TG001",
                "the file is not UTF-8",
                "A name could be read in two ways.",
                "Save the file as UTF-8; a byte order mark is fine.",
            ),
            Self::TooLarge => error(
                "TG002",
                "the file is larger than 8 MiB",
                "Nothing that the filter can hold needs so much text.",
                "Split the policy over several gateways.",
            ),
            Self::Syntax => error(
                "TG003",
                "the text is not YAML",
                "Nothing after this point can be trusted, so reading stops here.",
                "Most often quotes, a bracket or an indent are missing.",
            ),
            Self::Documents => error(
                "TG004",
                "the file does not hold exactly one document",
                "A second document would be ignored, and an empty one allows nothing.",
                "Keep one policy in one file.",
            ),
            Self::YamlFeature => error(
                "TG005",
                "anchors, aliases, tags and merge keys are not part of the language",
                "What a reviewer sees must be what is enforced; these change a value from far away.",
                "Write the value out, or use `defaults`, `groups` and `tool_groups`. Quote text that starts with `&`, `*` or `!`.",
            ),
            Self::TooDeep => error(
                "TG006",
                "lists and mappings stand too deep in each other",
                "No key of the language stands that deep, and no argument does.",
                "Look for a bracket that is not closed. A schema that is deeper belongs in a file.",
            ),
            Self::DuplicateKey => error(
                "TG007",
                "a key stands twice in one mapping",
                "YAML readers keep the first or the last; both hide a rule.",
                "Merge the two, or rename one.",
            ),
            Self::TextDirection => warning(
                "TG008",
                "an invisible character changes the direction of text",
                "The policy may look like another one in an editor (CVE-2021-42574).",
                "Take it out; in a literal, write it as an escape: `\"\\u202E\"`.",
            ),
            Self::TooManyFindings => error(
                "TG009",
                "there are more than 100000 findings",
                "Nobody reads so many, and they would need more memory than the policy.",
                "Correct those that are told, then check again.",
            ),
            Self::UnknownKey => error(
                "TG010",
                "the language has no such key here",
                "A misspelt rule would be no rule.",
                "Use one of the known keys; [policy.md](policy.md) lists them.",
            ),
            Self::MissingKey => error(
                "TG011",
                "a key that must be there is missing",
                "There is no safe default for it.",
                "Add the key.",
            ),
            Self::WrongType => error(
                "TG012",
                "a value is of another type than its key needs",
                "Guessing what was meant could let calls pass.",
                "Write the type that the message asks for.",
            ),
            Self::OtherVersion => error(
                "TG013",
                "`apiVersion` or `kind` is another one",
                "The file may mean something else than this compiler would read.",
                "Write `apiVersion: toolgate.dev/v1` and `kind: ToolPolicy`.",
            ),
            Self::UnknownWord => error(
                "TG014",
                "a word is none of those that the key takes",
                "See TG010.",
                "Use one of the words that the message lists.",
            ),
            Self::BadInteger => error(
                "TG015",
                "a number is not a plain whole number",
                "`010`, `1_000`, `0x10` and `1e3` mean different things to different readers.",
                "Write decimal digits only.",
            ),
            Self::BadSize => error(
                "TG016",
                "a size is not written as one",
                "See TG015.",
                "Write bytes, or a number with `B`, `KB`, `KiB`, `MB` or `MiB`: `64KiB`.",
            ),
            Self::BadRate => error(
                "TG017",
                "a rate is not written as one",
                "See TG015.",
                "Write `60/minute` (second, minute, hour or day), or `unlimited`.",
            ),
            Self::BadQuota => error(
                "TG018",
                "a quota is not written as one",
                "See TG015.",
                "Write `1000/day` (minute, hour, day, week or month), or `unlimited`.",
            ),
            Self::OutOfRange => error(
                "TG019",
                "a number is smaller or larger than its key allows",
                "Outside of this range the setting would not do what it says.",
                "Use a number in the range that the message gives.",
            ),
            Self::BadName => error(
                "TG020",
                "a name has letters that names may not have",
                "Names travel in paths, headers, metrics and keys of counters, and must be read in one way only.",
                "Use ASCII letters, digits and the signs that the message lists, at most 128.",
            ),
            Self::ReservedHeader => error(
                "TG021",
                "the identity header already means something else",
                "Proxies and clients set or remove such headers on their own.",
                "Use a header of your own, such as `x-agent-id`.",
            ),
            Self::UnknownAgent => error(
                "TG022",
                "an agent is not declared under `agents`",
                "A misspelt name would grant nobody, or the wrong one.",
                "Correct the name, or declare the agent.",
            ),
            Self::UnknownGroup => error(
                "TG023",
                "a group is not declared under `groups`",
                "See TG022.",
                "Correct the name, or declare the group.",
            ),
            Self::UnknownTool => error(
                "TG024",
                "a tool is not declared under `tools`",
                "See TG022.",
                "Correct the name, or declare the tool.",
            ),
            Self::RepeatedEntry => warning(
                "TG025",
                "an entry stands twice in one list",
                "It has no effect, and something else may have been meant.",
                "Take one out.",
            ),
            Self::UnreachedSource => identity::UNREACHED_SOURCE,
            Self::BadTokenText => identity::BAD_TOKEN_TEXT,
            Self::EmptyLiteral => patterns::EMPTY_LITERAL,
            Self::DeadLiteral => patterns::DEAD_LITERAL,
            Self::BadPattern => patterns::BAD_PATTERN,
            Self::CostlyPattern => patterns::COSTLY_PATTERN,
            Self::MatchesAll => patterns::MATCHES_ALL,
            Self::NeverMatches => patterns::NEVER_MATCHES,
            Self::EncodedPattern => patterns::ENCODED_PATTERN,
            Self::UnknownSet => patterns::UNKNOWN_SET,
            Self::BadPointer => patterns::BAD_POINTER,
            Self::PatternCost => patterns::PATTERN_COST,
            Self::ZeroLimit => warning(
                "TG040",
                "a limit of zero lets nothing pass",
                "Zero means zero. It is a way to switch something off, but seldom meant.",
                "Write `unlimited` for no limit, or take the grants away to switch a tool off.",
            ),
            Self::NobodyMayCall => warning(
                "TG041",
                "no agent may call a tool",
                "Without a grant every call is refused.",
                "List agents or groups at the tool or at one of its tool groups.",
            ),
            Self::MayCallNothing => warning(
                "TG042",
                "an agent may call no tool",
                "It is known, and every call of it is refused.",
                "Grant it a tool, or take it out.",
            ),
            Self::UnusedGroup => warning(
                "TG043",
                "no tool and no tool group names a group",
                "It grants nothing.",
                "Use it, or take it out.",
            ),
            Self::EmptyGroup => warning(
                "TG044",
                "a group has no agents",
                "A grant to it is a grant to nobody.",
                "Add agents, or take it out.",
            ),
            Self::IdleToolGroup => warning(
                "TG045",
                "a tool group changes nothing",
                "It has no tools, or gives its tools no grants, limits or checks.",
                "Complete it, or take it out.",
            ),
            Self::ShadowMode => warning(
                "TG046",
                "denials are recorded, not enforced",
                "In `shadow` mode each call is forwarded, whatever the rules say.",
                "Write `mode: enforce` once the audit lines show what you expect.",
            ),
            Self::UnusedDefault => {
                warning("TG047", "no tool uses a default", "Every tool says it for itself.", "Take the default out.")
            }
            Self::NoEffect => {
                warning("TG048", "a setting has no effect", "What it belongs to is switched off.", "Take it out.")
            }
            Self::NothingDeclared => {
                warning("TG049", "there are no agents or no tools", "Every call is refused.", "Declare some.")
            }
            Self::IdentityHeader => identity::IDENTITY_HEADER,
            Self::ClientIdHeader => identity::CLIENT_ID_HEADER,
            Self::ClientCertificate => identity::CLIENT_CERTIFICATE,
            Self::SubjectName => identity::SUBJECT_NAME,
            Self::NotGlobal => globals::NOT_GLOBAL,
            Self::GlobalTwice => globals::GLOBAL_TWICE,
            Self::GlobalInShadow => globals::GLOBAL_IN_SHADOW,
            Self::HeadersNotHeld => globals::HEADERS_NOT_HELD,
            Self::TwoServers => servers::TWO_SERVERS,
            Self::IdleServer => servers::IDLE_SERVER,
            Self::NearlyTooLarge => warning(
                "TG060",
                "the packed policy nears what a Kubernetes object holds",
                "An object holds 1 MiB, and its other fields need some of it.",
                "Use groups and tool groups instead of long lists, or split the policy.",
            ),
            Self::PackedTooLarge => error(
                "TG061",
                "the packed policy is larger than a Kubernetes object",
                "It could not be applied.",
                "See TG060.",
            ),
            Self::Unfolds => error(
                "TG062",
                "the policy unfolds to more than the filter holds",
                "A tool group grants each of its agents each of its tools: long lists multiply.",
                "Grant groups of agents instead of single agents.",
            ),
            Self::BadSchema => schemas::BAD_SCHEMA,
            Self::UnknownKeyword => schemas::UNKNOWN_KEYWORD,
            Self::LostReference => schemas::LOST_REFERENCE,
            Self::UnreadFile => schemas::UNREAD_FILE,
            Self::NotJson => schemas::NOT_JSON,
            Self::AmbiguousScalar => schemas::AMBIGUOUS_SCALAR,
            Self::SchemaExtension => schemas::SCHEMA_EXTENSION,
            Self::IdleKeyword => schemas::IDLE_KEYWORD,
            Self::NeverHolds => schemas::NEVER_HOLDS,
            Self::FormatUnsaid => schemas::FORMAT_UNSAID,
            Self::CostlySchema => schemas::COSTLY_SCHEMA,
            Self::UnusedSchema => schemas::UNUSED_SCHEMA,
            Self::NotMirrored => schemas::NOT_MIRRORED,
            Self::UnderscoredField => schemas::UNDERSCORED_FIELD,
            Self::EmptyNarrowing => grants::EMPTY_NARROWING,
            Self::PointlessNarrowing => grants::POINTLESS_NARROWING,
            Self::PartialNarrowing => grants::PARTIAL_NARROWING,
            Self::RepeatedCheck => grants::REPEATED_CHECK,
            Self::ImpossibleGrant => grants::IMPOSSIBLE_GRANT,
            Self::BadForm => render::BAD_FORM,
            Self::RoutedTwice => render::ROUTED_TWICE,
            Self::NotRouted => render::NOT_ROUTED,
            Self::IdleValue => render::IDLE_VALUE,
            Self::UnsetSource => render::UNSET_SOURCE,
            Self::TrustedHeader => render::TRUSTED_HEADER,
            Self::KeyForEveryCall => render::KEY_FOR_EVERY_CALL,
            Self::NotStatic => render::NOT_STATIC,
            Self::TooManyRules => render::TOO_MANY_RULES,
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

const fn error(id: &'static str, title: &'static str, why: &'static str, remedy: &'static str) -> About {
    About { id, severity: Severity::Error, title, why, remedy }
}

const fn warning(id: &'static str, title: &'static str, why: &'static str, remedy: &'static str) -> About {
    About { id, severity: Severity::Warning, title, why, remedy }
}

const fn note(id: &'static str, title: &'static str, why: &'static str, remedy: &'static str) -> About {
    About { id, severity: Severity::Note, title, why, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_codes_stand_in_order_and_none_stands_twice() {
        let ids: Vec<_> = Code::ALL.iter().map(|code| code.id()).collect();
        assert!(ids.is_sorted_by(|left, right| left < right), "{ids:?}");
    }
}
