//! What nobody may be believed: tokens that are bad in one way each, and fields that only a gateway may set.
//!
//! In: an issuer, or a field. Out: tokens and calls. Tokens expire by the clock that Envoy reads.
//! Says nothing of what must become of them.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "only tests call this: what cannot be forged must stop them, and tokens expire by the clock"
)]

use crate::{
    harness::client::{Call, Framing},
    identity::{Issuer, unsigned},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::SystemTime;

/// Seconds since the epoch.
///
/// # Panics
/// When the clock stands before it.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the epoch is long ago").as_secs()
}

/// Claims that are good in every way, with changes.
#[must_use]
pub fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "idp", "aud": "tools", "azp": "a", "sub": "alice", "scope": "openid tool:search", "exp": now() + 3600,
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    claims
}

/// Tokens that no Envoy may verify, each with what is wrong with it.
///
/// # Panics
/// When the issuer signs no token.
#[must_use]
pub fn bad_tokens(issuer: &Issuer) -> Vec<(&'static str, String)> {
    let good = claims(&json!({}));
    let header = json!({"alg": "ES256", "kid": "test"});
    let none = unsigned(&json!({"alg": "none"}), &good);
    let signed = issuer.token(&good);
    let (payload, signature) = signed.rsplit_once('.').expect("a token has a signature");
    let other_claims = unsigned(&header, &claims(&json!({"azp": "spiffe://acme.org/a"})));
    // An HMAC whose key is the public key, which everybody knows.
    let public = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, issuer.jwks().to_string().as_bytes());
    let hmac_text = unsigned(&json!({"alg": "HS256", "kid": "test"}), &good);
    let tag = BASE64_URL_SAFE_NO_PAD.encode(ring::hmac::sign(&public, hmac_text.as_bytes()));
    vec![
        ("expired", issuer.token(&claims(&json!({"exp": now() - 3600})))),
        ("not yet valid", issuer.token(&claims(&json!({"nbf": now() + 3600})))),
        ("of another key", Issuer::new("idp").token(&good)),
        ("of another issuer", issuer.token(&claims(&json!({"iss": "other"})))),
        ("for another audience", issuer.token(&claims(&json!({"aud": "mail"})))),
        ("for no audience", issuer.token(&claims(&json!({"aud": []})))),
        ("without a signature", format!("{none}.")),
        ("with a signature that none needs", format!("{none}.{signature}")),
        ("that says it has no signature", issuer.sign(&json!({"alg": "none", "kid": "test"}), &good)),
        ("by an HMAC of the public key", format!("{hmac_text}.{tag}")),
        ("with another token's signature", format!("{other_claims}.{signature}")),
        ("cut", payload.to_owned()),
        ("no token", "x".to_owned()),
        ("empty", String::new()),
    ]
}

/// The call with a field that it must not set, in every way to write it that a client may try.
#[must_use]
pub fn spoofed(call: &Call, name: &str, value: &str) -> Vec<Call> {
    let twins = [name.replace('-', "_"), name.replacen('-', "_", 1), name.to_owned()];
    let with = |name: &str, value: &str| call.clone().header(name, value);
    let mut calls: Vec<_> = twins.iter().map(|name| with(name, value)).collect();
    calls.push(with(name, value).header(name, "again"));
    calls.push(with(name, &format!("{value} ")));
    calls.push(with(name, &format!(" {value}")));
    calls.push(with(name, ""));
    let trailers = twins.iter().map(|name| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    calls.push(call.clone().framing(Framing::ChunkedTrailers(trailers)));
    calls
}
