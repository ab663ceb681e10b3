//! Resolves references to absolute URIs (RFC 3986).
//!
//! In: a base and a reference, as text. Out: the URI without its fragment, and the fragment, decoded.

use fluent_uri::{Uri, UriRef};

/// Where a reference leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Absolute and without a fragment.
    pub(super) uri: String,
    /// Decoded; empty if there is none.
    pub(super) fragment: String,
}

/// Resolves a reference against an absolute URI.
pub(super) fn resolve(base: &str, reference: &str) -> Result<Target, String> {
    let reference = UriRef::parse(reference).map_err(|error| format!("`{reference}` is no URI reference: {error}"))?;
    let base = Uri::parse(base).map_err(|error| format!("`{base}` is no absolute URI: {error}"))?;
    let uri = reference
        .resolve_against(&base)
        .map_err(|error| format!("`{reference}` does not resolve against `{base}`: {error}"))?;
    Ok(target(&uri))
}

/// Whether a reference names a place above the root of its base, which resolving it would silently cut off.
pub(super) fn leaves(base: &str, reference: &str) -> bool {
    let Ok(reference) = UriRef::parse(reference) else { return false };
    if reference.scheme().is_some() {
        return false;
    }
    let path = reference.path().as_str();
    if reference.authority().is_some() || path.starts_with('/') {
        return true;
    }
    let Ok(base) = Uri::parse(base) else { return false };
    let folders = base.path().as_str().matches('/').count().saturating_sub(1);
    let mut above = path.split('/').scan(folders, |depth, segment| {
        let next = match segment.replace("%2e", ".").replace("%2E", ".").as_str() {
            ".." => depth.checked_sub(1),
            "." | "" => Some(*depth),
            _ => Some(depth.saturating_add(1)),
        };
        *depth = next.unwrap_or_default();
        Some(next.is_none())
    });
    above.any(|leaves| leaves)
}

/// Takes an absolute URI apart.
pub(super) fn absolute(uri: &str) -> Result<Target, String> {
    let uri = Uri::parse(uri).map_err(|error| format!("`{uri}` is no absolute URI: {error}"))?;
    Ok(target(&uri.to_owned()))
}

fn target(uri: &Uri<String>) -> Target {
    let uri = uri.normalize();
    let fragment = uri.fragment().map(|fragment| fragment.decode().to_string_lossy().into_owned());
    Target { uri: uri.strip_fragment().as_str().to_owned(), fragment: fragment.unwrap_or_default() }
}
