//! The formats by name.

use toolgate_engine::schema::Format;

/// A format that is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    /// Strings can be held to it.
    Assertable(Format),
    /// It can only describe.
    Description,
}

/// What is known of a format. Those that came after draft-07 mean the same there.
pub(super) fn named(name: &str) -> Option<Known> {
    Some(Known::Assertable(match name {
        "date-time" => Format::DateTime,
        "date" => Format::Date,
        "time" => Format::Time,
        "duration" => Format::Duration,
        "email" => Format::Email,
        "idn-email" => Format::IdnEmail,
        "hostname" => Format::Hostname,
        "ipv4" => Format::Ipv4,
        "ipv6" => Format::Ipv6,
        "uri" => Format::Uri,
        "uri-reference" => Format::UriReference,
        "iri" => Format::Iri,
        "iri-reference" => Format::IriReference,
        "uuid" => Format::Uuid,
        "uri-template" => Format::UriTemplate,
        "json-pointer" => Format::JsonPointer,
        "relative-json-pointer" => Format::RelativeJsonPointer,
        "regex" => Format::Regex,
        // IDNA2008 needs tables of all letters, which the filter does not carry.
        "idn-hostname" => return Some(Known::Description),
        _ => return None,
    }))
}

/// Every format, for "did you mean".
pub(super) const NAMES: [&str; 19] = [
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "uri-template",
    "json-pointer",
    "relative-json-pointer",
    "regex",
];
