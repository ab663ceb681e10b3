//! Who calls: issuers of tokens.
//!
//! In: claims. Out: signed tokens, and the public key in the form that Envoy reads.
//! Signs what it is told, also what Envoy must refuse.

#![expect(clippy::expect_used, reason = "only tests call this: keys that cannot be made must stop them")]

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

/// Somebody who signs tokens, by ES256. Its name is the issuer and the provider.
#[derive(Debug)]
pub struct Issuer {
    name: String,
    key: EcdsaKeyPair,
}

impl Issuer {
    /// An issuer with a fresh key.
    ///
    /// # Panics
    /// When no key can be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key can be made");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a fresh key can be read");
        Self { name: name.to_owned(), key }
    }

    /// A token with these claims. `iss` is this issuer, if they do not say another.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        let mut claims = claims.clone();
        if let Some(claims) = claims.as_object_mut() {
            claims.entry("iss").or_insert_with(|| json!(self.name));
        }
        self.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": "test"}), &claims)
    }

    /// A token with this header, signed by ES256 whatever the header says.
    ///
    /// # Panics
    /// When nothing can be signed.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).expect("a text can be signed");
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// The public key, as Envoy reads it.
    #[must_use]
    pub fn jwks(&self) -> Value {
        // Uncompressed: 4, then both coordinates.
        let coordinates = self.key.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "test", "x": encode(x), "y": encode(y)}]})
    }
}

/// Header and claims as they are signed.
#[must_use]
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}
