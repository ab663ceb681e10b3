//! A bundle as a plugin config: deflated, in base64, with its digest.
//!
//! In: a [`Bundle`], or the bytes of a config. Out: the config, or the bundle with its digest.
//! Checks form and integrity only.

use super::Bundle;
use crate::digest::sha256;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use std::{fmt, format, string::String, vec::Vec};

/// The form that this build writes and reads. Raised with every change to the types below.
pub const FORMAT: u32 = 5;

/// The largest bundle that is read, inflated. Guards the filter against a small string that inflates without end.
pub const MAX_BUNDLE_BYTES: usize = 32 << 20;

/// Inflated, a bundle is two to seven times as large. One that is so many times as large was made to take memory.
const MAX_RATIO: usize = 64;

/// Up to this size the ratio is no matter.
const SMALL_BUNDLE_BYTES: usize = 1 << 20;

/// The plugin config. The policy is one string, because Envoy Gateway re-orders keys and rounds numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginConfig {
    /// Form of `policy`.
    format: u32,
    /// `sha256:` and the hex digest of the bundle.
    digest: String,
    /// Whether Envoy holds the headers until the body is judged (`allow_on_headers_stop_iteration`).
    #[serde(default)]
    hold_headers: bool,
    /// The bundle: postcard, zlib, base64.
    policy: String,
}

/// Settings of one deployment, which are no part of the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Whether Envoy's plugin has `allow_on_headers_stop_iteration: true`. Both must agree.
    pub hold_headers: bool,
}

/// A plugin config that was read and is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The policy.
    pub bundle: Bundle,
    /// `sha256:…` of the bundle.
    pub digest: String,
    /// The deployment's settings.
    pub deployment: Deployment,
    /// Size of the bundle, inflated.
    pub bundle_bytes: usize,
}

/// Why a plugin config cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadConfig {
    /// Not the JSON object that `pack` writes.
    NotPacked(String),
    /// Written by another version of the compiler.
    OtherFormat(u32),
    /// The policy string is cut, altered or too large.
    Corrupt(&'static str),
    /// The digest is not that of the policy string.
    OtherDigest,
    /// The bundle is whole but contradicts itself.
    Inconsistent(&'static str),
}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPacked(why) => write!(f, "this is not a packed policy: {why}"),
            Self::OtherFormat(found) => {
                write!(f, "the policy is packed in format {found}, this build reads format {FORMAT}")
            }
            Self::Corrupt(what) => write!(f, "the packed policy is damaged: {what}"),
            Self::OtherDigest => write!(f, "the digest is not that of the packed policy"),
            Self::Inconsistent(what) => write!(f, "the packed policy contradicts itself: {what}"),
        }
    }
}

impl std::error::Error for BadConfig {}

/// Packs a bundle. The same bundle gives the same bytes.
pub fn encode(bundle: &Bundle, deployment: Deployment) -> Result<String, BadConfig> {
    let bytes = postcard::to_allocvec(bundle).map_err(|_| BadConfig::Corrupt("it cannot be serialised"))?;
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(BadConfig::Corrupt("it is too large"));
    }
    let deflated = miniz_oxide::deflate::compress_to_vec_zlib(&bytes, 9);
    if bytes.len() > most_bytes(deflated.len()) {
        return Err(BadConfig::Corrupt("it repeats itself too often"));
    }
    let config = PluginConfig {
        format: FORMAT,
        digest: sha256(&bytes),
        hold_headers: deployment.hold_headers,
        policy: BASE64_STANDARD.encode(deflated),
    };
    serde_json::to_string(&config).map_err(|_| BadConfig::Corrupt("it cannot be serialised"))
}

/// Reads a plugin config.
pub fn decode(config: &[u8]) -> Result<Packed, BadConfig> {
    let config = parse(config)?;
    if config.format != FORMAT {
        return Err(BadConfig::OtherFormat(config.format));
    }
    let PluginConfig { format: _, digest: claimed, hold_headers, policy } = config;
    let deflated = BASE64_STANDARD.decode(policy).map_err(|_| BadConfig::Corrupt("it is not base64"))?;
    let bytes = inflate(&deflated).ok_or(BadConfig::Corrupt("it does not inflate"))?;
    if sha256(&bytes) != claimed {
        return Err(BadConfig::OtherDigest);
    }
    let (bundle, rest) = postcard::take_from_bytes(&bytes).map_err(|_| BadConfig::Corrupt("it is not a bundle"))?;
    if !rest.is_empty() {
        return Err(BadConfig::Corrupt("bytes follow the bundle"));
    }
    Ok(Packed { bundle, digest: claimed, deployment: Deployment { hold_headers }, bundle_bytes: bytes.len() })
}

/// How large a bundle may be, inflated. Each byte can ask for fifty in memory, so few bytes may not become many.
fn most_bytes(deflated: usize) -> usize {
    deflated.saturating_mul(MAX_RATIO).clamp(SMALL_BUNDLE_BYTES, MAX_BUNDLE_BYTES)
}

/// Inflates all of a zlib stream, with nothing behind it.
fn inflate(deflated: &[u8]) -> Option<Vec<u8>> {
    use miniz_oxide::inflate::{TINFLStatus, core};
    let flags = core::inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER
        | core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut inflator = Box::<core::DecompressorOxide>::default();
    let most = most_bytes(deflated.len());
    let mut inflated = vec![0; deflated.len().saturating_mul(4).min(most)];
    let (mut read, mut written) = (0usize, 0usize);
    loop {
        let (status, more_read, more_written) =
            core::decompress(&mut inflator, deflated.get(read..)?, &mut inflated, written, flags);
        read = read.saturating_add(more_read);
        written = written.saturating_add(more_written);
        match status {
            TINFLStatus::Done if read == deflated.len() => {
                inflated.truncate(written);
                return Some(inflated);
            }
            TINFLStatus::HasMoreOutput if inflated.len() < most => {
                inflated.resize(inflated.len().saturating_mul(2).clamp(1024, most), 0);
            }
            _ => return None,
        }
    }
}

/// The format is looked at first, so that a newer config is called newer and not malformed.
fn parse(config: &[u8]) -> Result<PluginConfig, BadConfig> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    if let Ok(Format { format }) = serde_json::from_slice(config)
        && format != FORMAT
    {
        return Err(BadConfig::OtherFormat(format));
    }
    serde_json::from_slice(config).map_err(|error| BadConfig::NotPacked(format!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::IdentitySource;
    use std::{string::ToString, vec};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn bundle() -> Bundle {
        Bundle {
            name: "sample".to_string(),
            identity: vec![IdentitySource::Header("x-agent-id".to_string())],
            rules: vec!["/tools/search/agents/0".to_string()],
            ..Bundle::default()
        }
    }

    fn packed() -> String {
        encode(&bundle(), Deployment { hold_headers: true }).unwrap()
    }

    #[test]
    fn what_was_packed_is_what_is_loaded() {
        let back = decode(packed().as_bytes()).unwrap();
        assert_eq!(back.bundle, bundle());
        assert!(back.deployment.hold_headers);
        assert!(back.digest.starts_with("sha256:"));
    }

    #[test]
    fn the_same_bundle_gives_the_same_bytes() {
        assert_eq!(packed(), packed());
    }

    #[test]
    fn re_ordered_keys_and_spaces_change_nothing() {
        let value: serde_json::Value = serde_json::from_str(&packed()).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        assert_eq!(decode(pretty.as_bytes()), decode(packed().as_bytes()));
    }

    #[test]
    fn a_config_of_another_format_is_named_so() {
        let other = packed().replace("\"format\":5", "\"format\":6,\"new\":true");
        assert_eq!(decode(other.as_bytes()), Err(BadConfig::OtherFormat(6)));
    }

    /// A config whose bundle is so many zeros: in most places, an empty text or an empty list for each.
    fn zeros(count: usize) -> String {
        let bytes = vec![0; count];
        let policy = BASE64_STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(&bytes, 9));
        format!(r#"{{"format":{FORMAT},"digest":"{}","policy":"{policy}"}}"#, sha256(&bytes))
    }

    #[test]
    fn a_small_config_does_not_become_a_large_bundle() {
        let read = |count| decode(zeros(count).as_bytes());
        assert_eq!(read(SMALL_BUNDLE_BYTES), Err(BadConfig::Corrupt("bytes follow the bundle")));
        assert_eq!(read(SMALL_BUNDLE_BYTES + 1), Err(BadConfig::Corrupt("it does not inflate")));
        assert_eq!(read(MAX_BUNDLE_BYTES), Err(BadConfig::Corrupt("it does not inflate")));
    }

    #[test]
    fn a_bundle_that_could_not_be_read_again_is_not_packed() {
        let with_rules = |count| Bundle { rules: vec![String::new(); count], ..bundle() };
        assert!(encode(&with_rules(1000), Deployment::default()).is_ok());
        assert!(encode(&with_rules(SMALL_BUNDLE_BYTES), Deployment::default()).is_err());
    }

    #[test]
    fn every_changed_letter_is_noticed() {
        let good = packed();
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(decode(&bytes).is_err(), "byte {at} of {good}");
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        let good = packed();
        for cut in 0..good.len() {
            assert!(decode(&good.as_bytes()[..cut]).is_err(), "cut at {cut}");
        }
    }
}
