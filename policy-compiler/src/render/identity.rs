//! Who verifies whom.
//!
//! In: a [`Plan`]. Out: a SecurityPolicy for tokens and API keys, if the policy has such sources; certificates are asked
//! for by the ClientTrafficPolicy.
//! Trusts nothing that it does not verify.

use super::{
    gateway::{ENVOY_GATEWAY_API, gateway_reference, object},
    plan::Plan,
    values::{ApiKey, Provider},
    yaml::{Map, map},
};

pub(super) fn security(plan: &Plan) -> Vec<Map> {
    let tokens = plan.sources.tokens.then(|| tokens(plan));
    let keys = plan.values.identity.api_key.as_ref().zip(plan.sources.api_key.as_ref()).map(keys);
    if tokens.is_none() && keys.is_none() {
        return Vec::new();
    }
    let spec =
        map! { "targetRefs" => [gateway_reference(plan)] }.with_some("jwt", tokens).with_some("apiKeyAuth", keys);
    let version = format!("{ENVOY_GATEWAY_API}/v1alpha1");
    vec![object(plan, &version, "SecurityPolicy", &plan.values.gateway.name).with("spec", spec)]
}

fn tokens(plan: &Plan) -> Map {
    let providers: Vec<Map> = plan.values.identity.providers.iter().map(provider).collect();
    let optional = map! {
        /// A call without a token may have another credential. One with a bad token is refused all the same.
        "optional" => true,
    };
    let providers = map! {
        /// The filter finds a verified token by the name of its provider.
        "providers" => providers,
    };
    if plan.sources.several() { optional.joined(providers) } else { providers }
}

fn provider(provider: &Provider) -> Map {
    let Provider { id, issuer, audiences, jwks, claims } = provider;
    let claims: Vec<Map> =
        claims.iter().map(|(header, claim)| map! { "header" => &header.name, "claim" => claim }).collect();
    map! {
        "name" => &id.name,
        "issuer" => issuer,
        "audiences" => audiences.clone(),
        "remoteJWKS" => map! { "uri" => jwks },
    }
    .with_some("claimToHeaders", Some(claims).filter(|claims| !claims.is_empty()))
}

fn keys((key, client_id_header): (&ApiKey, &String)) -> Map {
    map! {
        "credentialRefs" => [map! { "kind" => "Secret", "name" => &key.secret }],
        "extractFrom" => [map! { "headers" => [&key.header] }],
        /// Envoy writes the client's id there, whatever the client sent.
        "forwardClientIDHeader" => client_id_header,
        /// No tool sees the key.
        "sanitize" => true,
    }
}
