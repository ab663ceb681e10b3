//! Forms of texts in values: what Kubernetes, Envoy and the policy take as names, addresses and digests.
//!
//! In: a text. Out: whether it has the form.
//! Stricter than they are where that costs nobody anything: no form takes quotes, spaces or control characters.

use super::Form;
use std::net::IpAddr;
use toolgate_engine::{
    identity::is_provider,
    mcp::{Pin, Version},
    names, policy,
};

/// RFC 1123, as names of namespaces and Services are.
pub(crate) const LABEL: Form = Form {
    what: "a DNS label",
    holds: is_label,
    help: "write 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
};

pub(crate) const DNS_NAME: Form = Form {
    what: "a DNS name",
    holds: is_dns_name,
    help: "write DNS labels with dots between them, in lower case, at most 253 characters",
};

pub(crate) const HOST: Form = Form {
    what: "a host",
    holds: |text| is_dns_name(text) || text.parse::<IpAddr>().is_ok(),
    help: "write a DNS name in lower case, at most 253 characters, or an IP address",
};

pub(crate) const IMAGE: Form = Form {
    what: "the name of an image",
    holds: |text| {
        is_visible(text, 512) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte))
    },
    help: "write a registry, a path and a tag: registry.example.org/toolgate:0.1.0",
};

pub(crate) const URL: Form = Form {
    what: "a URL",
    holds: |text| {
        is_visible(text, 253)
            && text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).is_some_and(|rest| {
                let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
                let name = host
                    .rsplit_once(':')
                    .filter(|(_, port)| port.parse::<u16>().is_ok())
                    .map_or(host, |(name, _)| name);
                is_dns_name(name)
            })
    },
    help: "write https:// or http://, a host, and a path, at most 253 characters",
};

pub(crate) const REDIS: Form = Form {
    what: "the URL of a Redis",
    holds: |text| {
        let server = text.strip_prefix("redis://").and_then(|server| server.rsplit_once(':'));
        server.is_some_and(|(host, port)| is_dns_name(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
    },
    help: "write redis://, a host, `:` and a port: redis://redis.redis-system.svc.cluster.local:6379; a password has its place in a Secret, with `redis_secret`",
};

pub(crate) const SHA256: Form = Form {
    what: "a SHA-256 digest",
    holds: |text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)),
    help: "write 64 hexadecimal digits in lower case, without `sha256:`",
};

pub(crate) const LABEL_KEY: Form = Form {
    what: "the key of a label",
    holds: |text| match text.split_once('/') {
        Some((prefix, name)) => is_dns_name(prefix) && is_label_name(name),
        None => is_label_name(text),
    },
    help: "write letters, digits, `-`, `_` and `.`, at most 63, perhaps after a DNS name and `/`",
};

pub(crate) const LABEL_VALUE: Form = Form {
    what: "the value of a label",
    holds: is_label_name,
    help: "write letters, digits, `-`, `_` and `.`, at most 63, with a letter or digit at both ends",
};

pub(crate) const TOOL: Form = Form {
    what: "the name of a tool",
    holds: |text| names::tool_name(text.as_bytes()).is_ok(),
    help: "write a name that stands under `tools` in the policy",
};

pub(crate) const SERVER: Form = Form {
    what: "the name of a server",
    holds: |text| names::group_name(text.as_bytes()).is_ok(),
    help: "write a name that stands under `servers` in the policy",
};

pub(crate) const SERVER_PATH: Form = Form {
    what: "the path of a server",
    holds: names::is_server_path,
    help: "write a path such as /mcp/github, not below /tools/, of letters, digits and `.` `_` `~` `-`, without a query",
};

pub(crate) const SERVER_HOST: Form = Form {
    what: "a host without a port",
    holds: names::is_host,
    help: "write a DNS name in lower case, or an IPv4 address",
};

pub(crate) const VERSION: Form = Form {
    what: "a version of the protocol",
    holds: |text| Version::read(text.as_bytes()).is_some(),
    help: "write 2025-03-26, 2025-06-18, 2025-11-25 or 2026-07-28",
};

pub(crate) const ORIGIN: Form = Form {
    what: "an origin",
    holds: is_origin,
    help: "write https:// or http://, a host in lower case, and a port if it is not the usual one: https://chat.acme.org",
};

pub(crate) const METHOD: Form = Form {
    what: "a method of the protocol",
    holds: policy::is_method,
    help: "write a method as it stands in messages: logging/setLevel",
};

pub(crate) const PIN: Form = Form {
    what: "a pin",
    holds: |text| text.parse::<Pin>().is_ok(),
    help: "write `sha256:` and 64 hexadecimal digits in lower case",
};

pub(crate) const RESOURCE: Form = Form {
    what: "a URI",
    holds: |text| is_visible(text, 2048) && text.contains(':'),
    help: "write the URI, or the template of URIs, as the server lists it",
};

pub(crate) const RESOURCES_BELOW: Form = Form {
    what: "where URIs begin",
    holds: |text| is_visible(text, 2048) && text.contains(':') && policy::is_prefix(text),
    help: "write the beginning of a URI up to a `/` or a `:`, and no variable: file:///docs/",
};

pub(crate) const PROMPT: Form = Form {
    what: "the name of a prompt",
    holds: |text| (1..=256).contains(&text.len()) && !text.chars().any(char::is_control),
    help: "write the name as the server lists it, at most 256 bytes",
};

/// A scheme, a host and perhaps a port, as browsers write them.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| match rest.split_once(':') {
        None => names::is_host(rest),
        Some((host, port)) => names::is_host(host) && port.parse::<u16>().is_ok() && !port.starts_with(['0', '+']),
    })
}

pub(crate) const HEADER: Form = Form {
    what: "the name of a header",
    holds: |text| names::header_name(text.as_bytes()).is_ok(),
    help: "write lower-case letters, digits and hyphens",
};

pub(crate) const PROVIDER: Form = Form {
    what: "the name of a provider",
    holds: |text| is_provider(text) && is_dns_name(text),
    help: "write the name that `identity` has in the policy, in lower case",
};

pub(crate) const WORD: Form = Form {
    what: "a word of visible characters",
    holds: |text| is_visible(text, 253) && !text.contains(['"', '\\']),
    help: "write 1 to 253 visible ASCII characters without quotes, backslashes and spaces",
};

pub(crate) const PATH: Form = Form {
    what: "the path of a file",
    holds: |text| text.starts_with('/') && text.len() <= 4096 && !text.contains(char::is_control),
    help: "write an absolute path, at most 4096 bytes",
};

pub(crate) const ADDRESS: Form = Form {
    what: "an IP address",
    holds: |text| text.parse::<IpAddr>().is_ok(),
    help: "write an address such as 127.0.0.1, 0.0.0.0 or ::1",
};

fn is_label(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 63
        && text.bytes().all(|byte| sign(byte) || byte == b'-')
        && text.bytes().next().is_some_and(sign)
        && text.bytes().last().is_some_and(sign)
}

fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_label_name(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric())
}

fn is_visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_takes_what_is_good_and_refuses_what_is_not() {
        let cases: &[(&Form, &[&str], &[&str])] = &[
            (&LABEL, &["a", "tools-2", "1a"], &["", "A", "a_b", "-a", "a-", "a.b", "a\nb"]),
            (&DNS_NAME, &["a", "tools.local"], &["", ".", "a..b", "*.a", "a b"]),
            (&IMAGE, &["registry.example.org:5000/toolgate:0.1.0"], &["", "a b", "a\"b", "a\nb"]),
            (
                &URL,
                &["https://a.example/x.wasm", "http://a:8080/x?y=z"],
                &["", "ftp://a", "https://", "https://a b/", "a"],
            ),
            (
                &REDIS,
                &["redis://redis.limits.svc:6379", "redis://192.0.2.1:1"],
                &[
                    "",
                    "redis:6379",
                    "redis://redis",
                    "redis://:x@redis:6379",
                    "redis://redis:0",
                    "redis://redis:6379/1",
                ],
            ),
            (&LABEL_KEY, &["app", "app.kubernetes.io/name"], &["", "/a", "a/", "a/b/c", "a b"]),
            (&LABEL_VALUE, &["a", "A_b.c"], &["", "-a", "a-", "a b", "a\n"]),
            (&WORD, &["azp", "https://issuer.example"], &["", "a b", "a\"", "a\\", "é"]),
            (&PATH, &["/etc/x y"], &["x", "", "/a\nb"]),
            (&ADDRESS, &["127.0.0.1", "::1"], &["localhost", "1.2.3", ""]),
        ];
        for (form, good, bad) in cases {
            assert!(good.iter().all(|text| (form.holds)(text)), "{}: {good:?}", form.what);
            assert!(bad.iter().all(|text| !(form.holds)(text)), "{}: {bad:?}", form.what);
        }
        assert!((SHA256.holds)(&"0a".repeat(32)) && !(SHA256.holds)(&"0A".repeat(32)) && !(SHA256.holds)("0a"));
    }
}
