//! The tables of keys, from the whole file down to one rate.
//!
//! In: nothing. Out: [`FILE`] and the tables it names.
//! A key that stands here and is read nowhere is refused by the reader, not ignored.

use super::{API_VERSION, KIND, Key, Names, Shape, Table, Word, forms, words};
use crate::file::{Formats, Scope};
use toolgate_engine::bundle::{AuditArguments, CertificateName, Consequence, Mode, Share, Unanswered};

/// The largest body that the filter holds for one call.
pub(crate) const MAX_BODY_BYTES: u64 = 4 << 20;

/// The largest count of a rate, a quota or a burst.
pub(crate) const MAX_COUNT: u64 = u32::MAX as u64;

impl Word for Mode {
    const ALL: &'static [(&'static str, Self)] = &[("enforce", Self::Enforce), ("shadow", Self::Shadow)];
}

impl Word for AuditArguments {
    const ALL: &'static [(&'static str, Self)] =
        &[("full", Self::Full), ("redacted", Self::Redacted), ("hashed", Self::Hashed), ("none", Self::None)];
}

impl Word for Share {
    const ALL: &'static [(&'static str, Self)] = &[("agent", Self::EachAgent), ("all", Self::AllAgents)];
}

impl Word for Scope {
    const ALL: &'static [(&'static str, Self)] = &[("local", Self::Local), ("global", Self::Global)];
}

impl Word for Unanswered {
    const ALL: &'static [(&'static str, Self)] = &[("refuse", Self::Refuse), ("allow", Self::Allow)];
}

impl Word for Consequence {
    const ALL: &'static [(&'static str, Self)] = &[("hide", Self::Hide), ("report", Self::Report)];
}

impl Word for CertificateName {
    const ALL: &'static [(&'static str, Self)] =
        &[("uri_san", Self::UriSan), ("dns_san", Self::DnsSan), ("subject", Self::Subject)];
}

impl Word for Formats {
    const ALL: &'static [(&'static str, Self)] = &[("annotation", Self::Annotation), ("assertion", Self::Assertion)];
}

const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, required: false, shape, about }
}

const fn required(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, required: true, shape, about }
}

const DESCRIPTION: Key = optional("description", Shape::Text, "Free text for readers of the policy.");
const RATE: Key =
    optional("rate", Shape::Rate(&RATE_MAP), "Calls per time, evenly. Nothing means no limit of its own.");
const QUOTA: Key = optional("quota", Shape::Quota(&QUOTA_MAP), "Calls per calendar window in UTC.");
const MODE: Key = optional("mode", Shape::Word(words::<Mode>), "Whether denials are enforced, or only recorded.");
const GRANTED_AGENTS: Key = optional(
    "agents",
    Shape::Grants(Names::Agents, &GRANT_TO_AGENT),
    "Agents that may call. An empty list grants nobody.",
);
const GRANTED_GROUPS: Key =
    optional("groups", Shape::Grants(Names::Groups, &GRANT_TO_GROUP), "Groups of agents that may call.");
const NARROWED_BY: Key = required(
    "arguments",
    Shape::Object(&ARGUMENTS_MAP),
    "Checks that the arguments must pass besides the tool's own. All must hold.",
);
const ARGUMENTS: Key = optional("arguments", Shape::Object(&ARGUMENTS_MAP), "Checks that the arguments must pass.");
const BODY_LIMIT: Key = optional(
    "body_limit",
    Shape::Size { least: 1, most: MAX_BODY_BYTES },
    "The largest body of a call, in bytes or with a unit: `64KiB`.",
);

/// The whole file.
pub(crate) const FILE: Table = Table {
    title: "The file",
    keys: &[
        required("apiVersion", Shape::Exactly(API_VERSION), "The version of the language."),
        required("kind", Shape::Exactly(KIND), "What the file is."),
        optional("metadata", Shape::Object(&METADATA), "What the policy is called."),
        required(
            "identity",
            Shape::Sources(&IDENTITY),
            "Where the agent's id comes from. Of several sources, the first whose credential is present decides.",
        ),
        optional("defaults", Shape::Object(&DEFAULTS), "What holds for a tool that does not say it itself."),
        optional(
            "global_limits",
            Shape::Object(&GLOBAL_LIMITS),
            "What all limits with `scope: global` have in common.",
        ),
        optional("audit", Shape::Object(&AUDIT), "What the audit line may show."),
        optional(
            "schema_format",
            Shape::Word(words::<Formats>),
            "Whether `format` in schemas only describes (`annotation`, which holds unless said) or strings are held to it.",
        ),
        optional("schemas", Shape::Schemas, "JSON Schemas that other schemas of this file refer to: `#/schemas/name`."),
        required("agents", Shape::Named(Names::Agents, &AGENT), "The agents that are known, by id."),
        optional("groups", Shape::NamedLists(Names::Groups, Names::Agents), "Groups of agents, by name."),
        optional("tool_groups", Shape::Named(Names::ToolGroups, &TOOL_GROUP), "Settings that several tools share."),
        optional(
            "tools",
            Shape::Named(Names::Tools, &TOOL),
            "The tools that may be called at `/tools/{name}`. Required where there are no `servers`.",
        ),
        optional("servers", Shape::Named(Names::Servers, &SERVER), "The MCP servers that may be called, by name."),
    ],
};

const METADATA: Table = Table {
    title: "`metadata`",
    keys: &[optional("name", Shape::Text, "The name of the policy, shown by `inspect`."), DESCRIPTION],
};

const IDENTITY: Table = Table {
    title: "A source of `identity`",
    keys: &[
        optional("jwt", Shape::Object(&JWT), "Claims of a token that Envoy's JWT filter verified."),
        optional(
            "mtls",
            Shape::Word(words::<CertificateName>),
            "The name in the client's certificate: its first URI, its first DNS name, or the common name of its subject.",
        ),
        optional("api_key", Shape::Object(&API_KEY), "The client's id, as Envoy's API key filter tells it."),
        optional("header", Shape::Header, "A request header that carries the agent's id."),
    ],
};

const JWT: Table = Table {
    title: "`jwt`",
    keys: &[
        required(
            "provider",
            Shape::Provider,
            "The provider's name in Envoy Gateway; in Envoy, its `payload_in_metadata`.",
        ),
        required("agent", Shape::Claim, "The claim that holds the agent's id: `azp`, or a JSON Pointer: `/act/sub`."),
        optional("user", Shape::Claim, "The claim that holds the id of the user for whom the agent acts."),
        optional(
            "scopes",
            Shape::Object(&SCOPES),
            "The token's scopes: a call also needs the one of its tool. A token without them may call nothing.",
        ),
        optional(
            "tools",
            Shape::Object(&TOOLS_CLAIM),
            "In place of `scopes`: a claim that lists the tools that may be called.",
        ),
    ],
};

const SCOPES: Table = Table {
    title: "`scopes`",
    keys: &[
        required("claim", Shape::Claim, "The claim, a list of texts or one text with spaces between them."),
        optional("prefix", Shape::ScopePrefix, "What stands before the name of a tool: `tool:`."),
    ],
};

const TOOLS_CLAIM: Table = Table {
    title: "`tools` of a token",
    keys: &[required("claim", Shape::Claim, "The claim, a list of texts or one text with spaces between them.")],
};

const API_KEY: Table = Table {
    title: "`api_key`",
    keys: &[required("header", Shape::Header, "The header in which Envoy forwards the client's id.")],
};

const DEFAULTS: Table = Table { title: "`defaults`", keys: &[MODE, BODY_LIMIT, RATE, QUOTA, ARGUMENTS] };

const GLOBAL_LIMITS: Table = Table {
    title: "`global_limits`",
    keys: &[optional(
        "unanswered",
        Shape::Word(words::<Unanswered>),
        "What becomes of a call when the rate limit service gives no answer; `refuse` unless said.",
    )],
};

const AUDIT: Table = Table {
    title: "`audit`",
    keys: &[
        optional("arguments", Shape::Word(words::<AuditArguments>), "How arguments are shown."),
        optional("redact", Shape::Texts, "Further keys whose values are redacted, in any case."),
        optional("max_bytes", Shape::Integer { least: 0, most: 65_536 }, "The longest `arguments` field, in bytes."),
    ],
};

const AGENT: Table = Table {
    title: "An agent",
    keys: &[
        DESCRIPTION,
        optional("rate", Shape::Rate(&AGENT_RATE_MAP), "Calls per time over all tools of this agent."),
        optional("quota", Shape::Quota(&AGENT_QUOTA_MAP), "Calls per calendar window over all tools of this agent."),
    ],
};

const TOOL_GROUP: Table = Table {
    title: "A tool group",
    keys: &[
        DESCRIPTION,
        required("tools", Shape::ListOf(Names::Tools), "The tools of the group; of a server, as `{server}/{tool}`."),
        GRANTED_AGENTS,
        GRANTED_GROUPS,
        RATE,
        QUOTA,
        ARGUMENTS,
    ],
};

const TOOL: Table = Table {
    title: "A tool",
    keys: &[
        DESCRIPTION,
        GRANTED_AGENTS,
        GRANTED_GROUPS,
        MODE,
        BODY_LIMIT,
        RATE,
        QUOTA,
        ARGUMENTS,
        optional("audit", Shape::Object(&TOOL_AUDIT), "What the audit line may show of this tool's calls."),
    ],
};

const SERVER: Table = Table {
    title: "A server",
    keys: &[
        DESCRIPTION,
        required("path", Shape::Written(&forms::SERVER_PATH), "The exact path of the server's endpoint."),
        optional(
            "host",
            Shape::Written(&forms::SERVER_HOST),
            "The only host under which it is called, whatever the port. Under any, if not said.",
        ),
        optional(
            "versions",
            Shape::WrittenList(&forms::VERSION),
            "The versions of the protocol that are spoken; all that the gateway knows unless said.",
        ),
        optional(
            "origins",
            Shape::WrittenList(&forms::ORIGIN),
            "Origins of web pages that may call it. A request with another `Origin` is refused.",
        ),
        optional(
            "methods",
            Shape::WrittenList(&forms::METHOD),
            "Methods that pass besides those that every agent of the server may use.",
        ),
        optional(
            "changed",
            Shape::Word(words::<Consequence>),
            "What becomes of a tool that is not as pinned: hidden and refused (default), or only told of.",
        ),
        optional(
            "suspicious",
            Shape::Word(words::<Consequence>),
            "What becomes of a tool of which the server says what is hidden or reads like an order: the same two.",
        ),
        optional("tools", Shape::Named(Names::Tools, &SERVER_TOOL), "The server's tools that may be called."),
        optional("resources", Shape::Resources(&RESOURCE), "The server's resources that may be read."),
        optional("prompts", Shape::Keyed(&forms::PROMPT, &PROMPT), "The server's prompts that may be fetched."),
    ],
};

const SERVER_TOOL: Table = Table {
    title: "A tool of a server",
    keys: &[
        DESCRIPTION,
        GRANTED_AGENTS,
        GRANTED_GROUPS,
        MODE,
        BODY_LIMIT,
        RATE,
        QUOTA,
        ARGUMENTS,
        optional("audit", Shape::Object(&TOOL_AUDIT), "What the audit line may show of this tool's calls."),
        optional("pin", Shape::Written(&forms::PIN), "The digest of the definition that the tool must have in lists."),
    ],
};

const READING_AGENTS: Key = optional("agents", Shape::ListOf(Names::Agents), "Agents to which it is granted.");
const READING_GROUPS: Key =
    optional("groups", Shape::ListOf(Names::Groups), "Groups of agents to which it is granted.");

const RESOURCE: Table = Table {
    title: "An entry of `resources`",
    keys: &[
        optional("uri", Shape::Written(&forms::RESOURCE), "The URI of the resource, or the template as it is listed."),
        optional(
            "prefix",
            Shape::Written(&forms::RESOURCES_BELOW),
            "In place of `uri`: where the URIs of all resources that are meant begin. No `..` leads out of it.",
        ),
        READING_AGENTS,
        READING_GROUPS,
    ],
};

const PROMPT: Table = Table { title: "A prompt", keys: &[READING_AGENTS, READING_GROUPS] };

const GRANT_TO_AGENT: Table = Table {
    title: "A grant to an agent as a mapping",
    keys: &[required("agent", Shape::Name(Names::Agents), "The agent that may call."), NARROWED_BY],
};

const GRANT_TO_GROUP: Table = Table {
    title: "A grant to a group as a mapping",
    keys: &[required("group", Shape::Name(Names::Groups), "The group of agents that may call."), NARROWED_BY],
};

const TOOL_AUDIT: Table = Table {
    title: "`audit` of a tool",
    keys: &[optional("arguments", Shape::Word(words::<AuditArguments>), "How this tool's arguments are shown.")],
};

const ARGUMENTS_MAP: Table = Table {
    title: "`arguments`",
    keys: &[
        optional("schema", Shape::Schema, "A JSON Schema that the arguments must hold to."),
        optional("schema_file", Shape::File, "In place of `schema`: the path of a JSON file with the schema."),
        optional(
            "max_string_length",
            Shape::Integer { least: 0, most: MAX_BODY_BYTES },
            "The longest string, key or value, at any depth, in Unicode characters.",
        ),
        optional(
            "blocked",
            Shape::Patterns(&PATTERN),
            "What no key and no value may hold, at any depth and however it is encoded. A text is a literal.",
        ),
    ],
};

const PATTERN: Table = Table {
    title: "A pattern as a mapping",
    keys: &[
        optional(
            "literal",
            Shape::Literal,
            "A text. Letters match in either case, white space matches any white space.",
        ),
        optional("regex", Shape::Regex, "A regular expression in the syntax of Rust's `regex`, searched for anywhere."),
        optional("set", Shape::Set, "A named set of patterns."),
        optional(
            "at",
            Shape::Pointer,
            "The argument that it holds for, and all below it, as a JSON Pointer: `/sql`. Everywhere if not said.",
        ),
    ],
};

const PER: Key =
    optional("per", Shape::Word(words::<Share>), "Whether each agent has its own counter (default) or all share one.");
const SCOPE: Key = optional(
    "scope",
    Shape::Word(words::<Scope>),
    "Whether each Envoy counts by itself (default), or the rate limit service for all.",
);
const BURST: Key = optional(
    "burst",
    Shape::Integer { least: 1, most: MAX_COUNT },
    "How many calls may come at once; the whole count if not said.",
);

const RATE_MAP: Table = Table {
    title: "A rate as a mapping",
    keys: &[required("limit", Shape::PlainRate, "Calls per time: `60/minute`, or `unlimited`."), BURST, PER, SCOPE],
};

const AGENT_RATE_MAP: Table = Table {
    title: "A rate of an agent as a mapping",
    keys: &[required("limit", Shape::PlainRate, "Calls per time: `60/minute`, or `unlimited`."), BURST, SCOPE],
};

const QUOTA_MAP: Table = Table {
    title: "A quota as a mapping",
    keys: &[required("limit", Shape::PlainQuota, "Calls per window: `1000/day`, or `unlimited`."), PER, SCOPE],
};

const AGENT_QUOTA_MAP: Table = Table {
    title: "A quota of an agent as a mapping",
    keys: &[required("limit", Shape::PlainQuota, "Calls per window: `1000/day`, or `unlimited`."), SCOPE],
};
