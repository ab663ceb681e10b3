//! The manual entries of findings about JSON Schemas.
//!
//! In: nothing. Out: one [`About`] for each code; their numbers stand in `code`, too.
//! Finds nothing itself.

use super::{About, error, warning};

pub(super) const BAD_SCHEMA: About = error(
    "TG070",
    "a JSON Schema cannot be compiled",
    "A keyword whose value means nothing would hold no argument to anything.",
    "Correct what the message names.",
);

pub(super) const UNKNOWN_KEYWORD: About = error(
    "TG071",
    "a keyword or a format is not known",
    "JSON Schema ignores what it does not know, so that a misspelt rule would be no rule.",
    "Correct it, or take it out; what only describes may begin with `x-`. `$schema` decides which dialect's keywords are known.",
);

pub(super) const LOST_REFERENCE: About = error(
    "TG072",
    "a reference leads nowhere",
    "Nothing is read from the network, and nothing outside of the policy's folder.",
    "Refer to `#/$defs/…` of the same schema, to `#/schemas/…` of the policy, or to a file by its relative path.",
);

pub(super) const UNREAD_FILE: About = error(
    "TG073",
    "a schema file cannot be read",
    "What it says would not be enforced.",
    "Put the file into the folder of the policy, or below it, and name it by its relative path.",
);

pub(super) const NOT_JSON: About = error(
    "TG074",
    "a schema file is not strict JSON",
    "Two readers could read two schemas in it.",
    "Correct the place that the message names. Keys stand once, and comments are no JSON.",
);

pub(super) const AMBIGUOUS_SCALAR: About = error(
    "TG075",
    "a value in a schema is one that readers of YAML disagree on",
    "`010`, `0x10`, `True` and `.5` are numbers, words or texts, depending on who reads them.",
    "Write numbers and `true`, `false` and `null` as JSON does, and put texts into quotes.",
);

pub(super) const SCHEMA_EXTENSION: About = warning(
    "TG076",
    "an extension in a schema is not enforced",
    "A keyword that begins with `x-` is for other programs; it holds no argument to anything.",
    "Nothing, if it only describes. Otherwise say the same in keywords of JSON Schema.",
);

pub(super) const IDLE_KEYWORD: About = warning(
    "TG077",
    "a keyword in a schema says nothing",
    "It needs another keyword that is not there, or one beside it makes it void.",
    "Add what is missing, or take it out.",
);

pub(super) const NEVER_HOLDS: About = warning(
    "TG078",
    "no value can hold to a schema",
    "Its keywords contradict each other, so that each call that comes to it is refused.",
    "Correct the keywords. To forbid a value, write `false` as its schema.",
);

pub(super) const FORMAT_UNSAID: About = warning(
    "TG079",
    "the policy does not say whether `format` is enforced",
    "JSON Schema leaves it open; many expect that a string with `format: email` must be an address.",
    "Write `schema_format: assertion` to enforce formats in all schemas, or `schema_format: annotation`.",
);

pub(super) const COSTLY_SCHEMA: About = warning(
    "TG080",
    "judging by a schema can take many steps",
    "A call that takes more than four million is refused, so that large arguments may be refused for their size.",
    "Lower `body_limit`, or shorten lists in `allOf`, `anyOf`, `oneOf` and `patternProperties`.",
);

pub(super) const UNUSED_SCHEMA: About = warning(
    "TG081",
    "no schema refers to a shared schema",
    "It holds no argument to anything.",
    "Refer to it as `#/schemas/name`, or take it out.",
);

pub(super) const NOT_MIRRORED: About = error(
    "TG082",
    "an argument of a server's tool cannot be mirrored as `x-mcp-header` says",
    "Clients leave out a tool whose schema has it so, and a field that none of them sends cannot be compared.",
    "Write it at a string, an integer or a boolean to which only `properties` lead, with a name of its own that a header field may have; or take it out.",
);

pub(super) const UNDERSCORED_FIELD: About = warning(
    "TG083",
    "an argument is mirrored in a field with an underscore in its name",
    "Many servers read `_` as `-`, so that Envoy, as it is rendered, refuses a request with such a field.",
    "Let the server name the field with `-`, or tell Envoy to take underscores.",
);
