//! What Envoy would hand over of a token and a certificate.
//!
//! In: a call and what the policy wants. Out: that, in Envoy's form. Signs and verifies nothing.

use crate::{Call, Certificate, Token};
use prost::{Message, alloc::collections::BTreeMap};
use prost_types::{ListValue, Struct, Value, value::Kind};
use toolgate_engine::{
    bundle::CertificateName,
    identity::{Verified, Wanted},
};

/// `envoy.config.core.v3.Metadata`.
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, Struct>,
}

pub(crate) fn verified(call: &Call, wanted: Wanted) -> Verified {
    Verified {
        metadata: wanted.metadata.then(|| metadata(call.token.as_ref())),
        certificate: wanted.certificate.zip(call.certificate.as_ref()).map(|(name, of)| name_in(of, name)),
    }
}

fn metadata(token: Option<&Token>) -> Vec<u8> {
    let payload = |token: &Token| {
        // As on Envoy, where each provider is known by its issuer.
        let mut claims = token.claims.clone();
        claims.entry("iss").or_insert_with(|| token.provider.clone().into());
        let payload = value(&serde_json::Value::Object(claims));
        let payloads = Struct { fields: BTreeMap::from([(token.provider.clone(), payload)]) };
        ("envoy.filters.http.jwt_authn".to_owned(), payloads)
    };
    Metadata { filter_metadata: token.into_iter().map(payload).collect() }.encode_to_vec()
}

fn value(of: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    let kind = match of {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(*value),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(value).collect() }),
        Json::Object(members) => Kind::StructValue(Struct {
            fields: members.iter().map(|(name, member)| (name.clone(), value(member))).collect(),
        }),
    };
    Value { kind: Some(kind) }
}

fn name_in(certificate: &Certificate, name: CertificateName) -> Vec<u8> {
    let Certificate { uri_sans, dns_sans, common_names } = certificate;
    let first = |names: &[String]| names.first().cloned().unwrap_or_default();
    match name {
        CertificateName::UriSan => first(uri_sans),
        CertificateName::DnsSan => first(dns_sans),
        CertificateName::Subject => subject(common_names),
    }
    .into_bytes()
}

/// RFC 4514, as Envoy writes it.
fn subject(common_names: &[String]) -> String {
    let escaped = |name: &String| {
        name.chars().fold(String::new(), |text, sign| match sign {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => format!("{text}\\{sign}"),
            _ => format!("{text}{sign}"),
        })
    };
    common_names.iter().rev().map(|name| format!("CN={}", escaped(name))).collect::<Vec<_>>().join(",")
}
