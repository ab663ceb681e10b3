//! Who calls: issuers of tokens, an authority of certificates, and the filters by which Envoy verifies both.
//!
//! In: claims and names. Out: signed tokens, certificates, and parts of Envoy's configuration; what a tool was told of callers.
//! Signs what it is told, also what Envoy must refuse.

#![expect(clippy::expect_used, reason = "only tests call this: keys that cannot be made must stop them")]

use crate::harness::{
    client::tls::TlsClient,
    envoy::Listener,
    upstream::{Answer, Seen, Upstream},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
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

    /// A web server that has the public key.
    #[must_use]
    pub fn serve(&self) -> Keys {
        let keys = self.jwks().to_string();
        let answer = move |_: &Seen| Answer::new(200).header("content-type", "application/json").body(&keys);
        Keys(Upstream::answering(answer))
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

    /// The provider in Envoy's configuration; the payload is kept under the issuer's name.
    #[must_use]
    pub fn provider(&self) -> Value {
        json!({
            "issuer": self.name,
            "local_jwks": {"inline_string": self.jwks().to_string()},
            "payload_in_metadata": self.name,
        })
    }
}

/// A web server that has an issuer's public key, until it is dropped.
pub struct Keys(Upstream);

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.url())
    }
}

impl Keys {
    /// Where it has it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/keys", self.0.address())
    }
}

/// Header and claims as they are signed.
#[must_use]
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// Envoy's JWT filter with these providers, by name, and what it requires of every call.
#[must_use]
pub fn jwt_filter(providers: &[(&str, Value)], requires: &Value) -> Value {
    let providers: serde_json::Map<_, _> =
        providers.iter().map(|(name, provider)| ((*name).to_owned(), provider.clone())).collect();
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": providers,
            "rules": [{"match": {"prefix": "/"}, "requires": requires}],
        },
    })
}

/// What is required by an Envoy that lets calls pass without a token or with a bad one.
#[must_use]
pub fn allow_missing_or_failed(providers: &[&str]) -> Value {
    let each = providers.iter().map(|name| json!({"provider_name": name}));
    json!({"requires_any": {"requirements": each.chain([json!({"allow_missing_or_failed": {}})]).collect::<Vec<_>>()}})
}

/// Envoy's API key filter: keys by client, sent in `x-api-key`, and the client's id told in a header.
#[must_use]
pub fn api_key_filter(clients: &[(&str, &str)], forwarded_in: &str) -> Value {
    let credentials: Vec<_> = clients.iter().map(|(client, key)| json!({"client": client, "key": key})).collect();
    json!({
        "name": "envoy.filters.http.api_key_auth",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
            "credentials": credentials,
            "key_sources": [{"header": "x-api-key"}],
            "forwarding": {"header": forwarded_in, "hide_credentials": true},
        },
    })
}

/// The names in a client's certificate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// URIs among the alternative names.
    pub uri_sans: &'a [String],
    /// DNS names among them.
    pub dns_sans: &'a [String],
    /// Common names of the subject.
    pub common_names: &'a [String],
}

/// A CA.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Whether a server asks its clients for a certificate, and what it does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// A certificate, if there is one, must be of the CA.
    Verified,
    /// It may be of any CA.
    Untrusted,
}

impl Authority {
    /// A CA with a fresh key.
    ///
    /// # Panics
    /// When no certificate can be made.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate can be made"))
    }

    /// Its certificate, as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    fn issue(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate can be made");
        (certificate.pem(), key.serialize_pem())
    }

    /// A client that trusts servers of this CA and has no certificate.
    #[must_use]
    pub fn client(&self) -> TlsClient {
        TlsClient::new(&self.pem(), None)
    }

    /// A client that trusts servers of this CA and presents a certificate that `issuer` gave it.
    ///
    /// # Panics
    /// When a name cannot stand in a certificate.
    #[must_use]
    pub fn client_named(&self, issuer: &Self, names: Names<'_>) -> TlsClient {
        let mut params = CertificateParams::default();
        let text = |name: &String| name.as_str().try_into().expect("names are ASCII");
        let uris = names.uri_sans.iter().map(|name| SanType::URI(text(name)));
        params.subject_alt_names = uris.chain(names.dns_sans.iter().map(|name| SanType::DnsName(text(name)))).collect();
        params.distinguished_name = DistinguishedName::new();
        for (at, name) in names.common_names.iter().enumerate() {
            // The library keeps one value for each type; the same type by its number is another one for it.
            let kind = if at == 0 { DnType::CommonName } else { DnType::CustomDnType(vec![2, 5, 4, 3]) };
            params.distinguished_name.push(kind, name.as_str());
        }
        let (certificate, key) = issuer.issue(params, ExtendedKeyUsagePurpose::ClientAuth);
        TlsClient::new(&self.pem(), Some((&certificate, &key)))
    }

    /// The certificate of a server with this name, and its key; both as PEM.
    ///
    /// # Panics
    /// When the name cannot stand in a certificate.
    #[must_use]
    pub fn server(&self, name: &str) -> (String, String) {
        self.server_of(&[name])
    }

    /// The certificate of a server with all these names, and its key; both as PEM.
    ///
    /// # Panics
    /// When a name cannot stand in a certificate.
    #[must_use]
    pub fn server_of(&self, names: &[&str]) -> (String, String) {
        let mut params = CertificateParams::default();
        let name = |name: &&str| SanType::DnsName((*name).try_into().expect("a name of a host"));
        params.subject_alt_names = names.iter().map(name).collect();
        self.issue(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A listener behind TLS, with a server's certificate of this CA.
    #[must_use]
    pub fn secure(&self, listener: Listener, clients: Clients) -> Listener {
        let (certificate, key) = self.server("localhost");
        let trust = match clients {
            Clients::Verified => "VERIFY_TRUST_CHAIN",
            Clients::Untrusted => "ACCEPT_UNTRUSTED",
        };
        listener.transport_socket(json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "tls_certificates": [{
                        "certificate_chain": {"inline_string": certificate},
                        "private_key": {"inline_string": key},
                    }],
                    "validation_context": {
                        "trusted_ca": {"inline_string": self.pem()},
                        "trust_chain_verification": trust,
                    },
                    "alpn_protocols": ["h2", "http/1.1"],
                },
                "require_client_certificate": false,
            },
        }))
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// What the one tool that was called was told of its caller: the agent, and the user for whom it acts. Forgets the call.
///
/// # Panics
/// When not one call came, or a field stands twice.
#[must_use]
pub fn told(upstream: &Upstream) -> (String, String) {
    let mut seen = upstream.seen();
    upstream.clear();
    let call = seen.pop().filter(|_| seen.is_empty()).expect("one call");
    (only(&call, "x-forwarded-agent"), only(&call, "x-forwarded-agent-user"))
}

/// The value of a field of the header that stands there once, or nothing.
///
/// # Panics
/// When it stands there twice.
#[must_use]
pub fn only(seen: &Seen, name: &str) -> String {
    let values: Vec<_> = seen.header_values(name).into_iter().map(String::from_utf8_lossy).collect();
    assert!(values.len() <= 1, "{seen:?}");
    values.concat()
}
