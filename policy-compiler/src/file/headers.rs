//! Headers that cannot carry an identity because they carry something else.
//!
//! In: a header's name. Out: whether it is taken.
//! Does not check the letters of the name.

use toolgate_engine::bundle::GLOBAL_PREFIX;

/// Meaning given by HTTP, by browsers, by tracing or by Envoy, which sets or removes them on its own.
pub(crate) const RESERVED: &[&str] = &[
    "age",
    "allow",
    "alt-svc",
    "authorization",
    "baggage",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "grpc-timeout",
    "host",
    "http2-settings",
    "keep-alive",
    "last-modified",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "te",
    "trace",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-client-trace-id",
    "x-http-method-override",
    "x-ot-span-context",
    "x-real-ip",
    "x-request-id",
];

/// Families of such headers.
pub(crate) const RESERVED_PREFIXES: &[&str] = &[
    "accept",
    "access-control-",
    "if-",
    "sec-",
    "x-b3-",
    "x-envoy-",
    "x-forwarded-",
    "x-ratelimit-",
    GLOBAL_PREFIX,
    "ratelimit",
];

pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_http_and_of_the_proxy_are_taken() {
        for name in [
            "host",
            "x-toolgate-tool-5-day",
            "x-forwarded-agent",
            "x-forwarded-for",
            "x-request-id",
            "accept-encoding",
            "cookie",
        ] {
            assert!(is_reserved(name), "{name}");
        }
    }

    #[test]
    fn headers_of_ones_own_are_free() {
        for name in ["x-agent-id", "agent", "x-spiffe-id", "client-id", "x-user"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
