//! The formats of JSON Schema, each as the document says that defines it.
//!
//! In: a format and a decoded string. Out: whether the string has that format.
//! Takes time in proportion to the string, and no memory.

mod address;
mod email;
mod instant;
mod pointer;
mod regex;
mod template;
#[cfg(test)]
mod tests;
mod uri;

use super::wire::Format;

/// Whether the text has the format.
pub(super) fn holds(format: Format, text: &str) -> bool {
    match format {
        Format::DateTime => instant::is_date_time(text.as_bytes()),
        Format::Date => instant::is_date(text.as_bytes()),
        Format::Time => instant::is_time(text.as_bytes()),
        Format::Duration => instant::is_duration(text.as_bytes()),
        Format::Email => email::is_address(text, email::Letters::Ascii),
        Format::IdnEmail => email::is_address(text, email::Letters::Unicode),
        Format::Hostname => address::is_hostname(text),
        Format::Ipv4 => address::is_ipv4(text),
        Format::Ipv6 => address::is_ipv6(text),
        Format::Uri => uri::is_absolute(text, uri::Letters::Ascii),
        Format::UriReference => uri::is_reference(text, uri::Letters::Ascii),
        Format::Iri => uri::is_absolute(text, uri::Letters::Unicode),
        Format::IriReference => uri::is_reference(text, uri::Letters::Unicode),
        Format::Uuid => pointer::is_uuid(text.as_bytes()),
        Format::UriTemplate => template::is_template(text),
        Format::JsonPointer => pointer::is_json_pointer(text),
        Format::RelativeJsonPointer => pointer::is_relative_json_pointer(text),
        Format::Regex => regex::is_regex(text),
    }
}
