use super::*;
use prost::Message as _;
use prost_types::{ListValue, Struct, Value, value::Kind};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn claims(of: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    Value {
        kind: Some(match of {
            Json::Null => Kind::NullValue(0),
            Json::Bool(value) => Kind::BoolValue(*value),
            Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
            Json::String(text) => Kind::StringValue(text.clone()),
            Json::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(claims).collect() }),
            Json::Object(members) => Kind::StructValue(Struct {
                fields: members.iter().map(|(name, value)| (name.clone(), claims(value))).collect(),
            }),
        }),
    }
}

/// Envoy's metadata with what its JWT filter verified, by provider.
fn metadata(verified: &serde_json::Value) -> Verified {
    let Some(Kind::StructValue(payloads)) = claims(verified).kind else { panic!("providers are an object") };
    let (key, value) = ("envoy.filters.http.jwt_authn".as_bytes(), payloads.encode_to_vec());
    let field = |tag: u8, bytes: &[u8]| {
        let mut field = vec![tag << 3 | 2];
        prost::encode_length_delimiter(bytes.len(), &mut field).unwrap();
        [field, bytes.to_vec()].concat()
    };
    let entry = [field(1, key), field(2, &value)].concat();
    // Another filter's metadata, which nobody reads, is no protocol buffer.
    let other = [field(1, b"other"), field(2, b"\xff\xff")].concat();
    Verified { metadata: Some([field(1, &other), field(1, &entry)].concat()), certificate: None }
}

fn token(provider: &str) -> TokenSource {
    let claim = |path: &str| path.split('/').map(str::to_owned).collect();
    TokenSource { provider: provider.to_owned(), agent: claim("azp"), user: Some(claim("act/sub")), tools: None }
}

fn scoped() -> TokenSource {
    let claim = ToolsClaim { claim: vec!["scope".to_owned()], scope_prefix: Some("tool:".to_owned()) };
    TokenSource { user: None, tools: Some(Ruled { rule: 7, value: claim }), ..token("idp") }
}

fn by(sources: &[IdentitySource], fields: &[(&str, &str)], verified: &Verified) -> Result<String, &'static str> {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    let identity = establish(sources, Head { fields: &fields }, verified);
    let shown = |Identity { agent, user, .. }| user.map_or(agent.clone(), |user| format!("{agent} for {user}"));
    identity.map(shown).map_err(|reason| reason.code())
}

fn by_token(payloads: serde_json::Value) -> Result<String, &'static str> {
    by(&[IdentitySource::Token(token("idp"))], &[], &metadata(&payloads))
}

#[test]
fn a_token_names_the_agent_and_its_user() {
    let payloads = serde_json::json!({"idp": {"azp": "bot", "act": {"sub": "auth0|1"}, "exp": 1.5}});
    assert_eq!(by_token(payloads), Ok("bot for auth0|1".to_owned()));
}

#[test]
fn a_claim_that_is_missing_or_is_no_good_text_is_never_passed_over() {
    for payload in [
        serde_json::json!({}),
        serde_json::json!({"azp": "bot"}),
        serde_json::json!({"azp": "bot", "act": {}}),
        serde_json::json!({"azp": "bot", "act": "alice"}),
        serde_json::json!({"azp": "bot", "act": null}),
        serde_json::json!({"azp": "bot", "act": {"sub": ""}}),
        serde_json::json!({"azp": "bot", "act": {"sub": "a,b"}}),
        serde_json::json!({"azp": "", "act": {"sub": "a"}}),
        serde_json::json!({"azp": "a b", "act": {"sub": "a"}}),
        serde_json::json!({"azp": 2_261_634.509_803_921_4, "act": {"sub": "a"}}),
        serde_json::json!({"azp": true, "act": {"sub": "a"}}),
        serde_json::json!({"azp": ["bot"], "act": {"sub": "a"}}),
        serde_json::json!({"azp": null, "act": {"sub": "a"}}),
        serde_json::json!({"act/sub": "a", "azp": "bot"}),
    ] {
        assert_eq!(by_token(serde_json::json!({ "idp": payload })), Err("identity_malformed"), "{payload}");
    }
    assert_eq!(by_token(serde_json::json!({"idp": "bot"})), Err("identity_malformed"));
    assert_eq!(by_token(serde_json::json!({"idp": null})), Err("identity_malformed"));
}

#[test]
fn a_token_that_no_provider_of_the_policy_verified_names_nobody() {
    let sources = [IdentitySource::Token(token("idp")), IdentitySource::Header("x-agent-id".to_owned())];
    let bearer = ("authorization", "Bearer x");
    let header = ("x-agent-id", "h");
    let nothing = Verified::default();
    assert_eq!(by(&sources, &[header], &nothing), Ok("h".to_owned()));
    assert_eq!(by(&sources, &[], &nothing), Err("identity_missing"));
    assert_eq!(by(&sources, &[bearer], &nothing), Err("identity_unverified"));
    assert_eq!(by(&sources, &[bearer, header], &nothing), Err("identity_unverified"));
    let other = metadata(&serde_json::json!({"other": {"azp": "bot"}}));
    assert_eq!(by(&sources, &[header], &other), Err("identity_unverified"));
}

#[test]
fn the_first_source_whose_credential_is_present_decides() {
    let sources = [
        IdentitySource::Token(token("one")),
        IdentitySource::Token(token("two")),
        IdentitySource::Certificate(CertificateName::UriSan),
        IdentitySource::ApiKey("x-client-id".to_owned()),
        IdentitySource::Header("x-agent-id".to_owned()),
    ];
    let payload = |agent: &str| serde_json::json!({"azp": agent, "act": {"sub": "u"}});
    let all = [("x-agent-id", "h"), ("x-client-id", "k")];
    let both = metadata(&serde_json::json!({"one": payload("1"), "two": payload("2")}));
    let certificate = Some(b"c".to_vec());
    let second = Verified { certificate, ..metadata(&serde_json::json!({"two": payload("2")})) };
    assert_eq!(by(&sources, &all, &both), Ok("1 for u".to_owned()));
    assert_eq!(by(&sources, &all, &second), Ok("2 for u".to_owned()));
    assert_eq!(by(&sources, &all, &Verified { metadata: None, ..second }), Ok("c".to_owned()));
    let nameless = Verified { certificate: Some(Vec::new()), metadata: None };
    assert_eq!(by(&sources, &all, &nameless), Err("identity_malformed"));
    assert_eq!(by(&sources, &all, &Verified::default()), Ok("k".to_owned()));
    assert_eq!(by(&sources, &all[..1], &Verified::default()), Ok("h".to_owned()));
    assert_eq!(by(&sources, &[("x-client-id", ""), all[0]], &Verified::default()), Err("identity_malformed"));
}

#[test]
fn metadata_that_is_none_decides_nothing() {
    let sources = [IdentitySource::Token(token("idp")), IdentitySource::Header("x-agent-id".to_owned())];
    let broken = Verified { metadata: Some(b"\xff".to_vec()), certificate: None };
    assert_eq!(by(&sources, &[("x-agent-id", "h")], &broken), Err("undecided_host"));
}

fn requires(claims: serde_json::Value, tool: &str) -> Result<(), String> {
    let sources = [IdentitySource::Token(scoped())];
    let verified = metadata(&serde_json::json!({ "idp": claims }));
    let identity = establish(&sources, Head { fields: &[] }, &verified).map_err(|reason| reason.code().to_owned())?;
    identity.tools.require(tool).map_err(|(reason, rule)| format!("{reason:?} {rule}"))
}

#[test]
fn a_token_is_for_the_tools_that_it_lists_and_for_no_other() {
    let refused = Err("ScopeInsufficient { scope: Some(\"tool:search\") } 7".to_owned());
    for scope in [
        serde_json::json!("openid tool:search"),
        serde_json::json!("tool:search"),
        serde_json::json!(["x", "tool:search"]),
    ] {
        assert_eq!(requires(serde_json::json!({"azp": "a", "scope": scope}), "search"), Ok(()), "{scope}");
    }
    for scope in [
        serde_json::json!(""),
        serde_json::json!([]),
        serde_json::json!("search"),
        serde_json::json!("tool:searching"),
        serde_json::json!("tool: search"),
        serde_json::json!("tool:search,tool:fetch"),
        serde_json::json!("TOOL:search"),
        serde_json::json!("tool:*"),
        serde_json::json!(["tool:search tool:fetch"]),
    ] {
        assert_eq!(requires(serde_json::json!({"azp": "a", "scope": scope}), "search"), refused, "{scope}");
    }
    assert_eq!(requires(serde_json::json!({"azp": "a"}), "search"), refused);
    for scope in [serde_json::json!(null), serde_json::json!(1), serde_json::json!({}), serde_json::json!(["a", 1])] {
        let found = requires(serde_json::json!({"azp": "a", "scope": scope}), "search");
        assert_eq!(found, Err("identity_malformed".to_owned()), "{scope}");
    }
}

#[test]
fn a_bundle_with_sources_that_mean_nothing_is_refused() {
    let header = |name: &str| IdentitySource::Header(name.to_owned());
    let certificate = IdentitySource::Certificate;
    let of_token = |change: fn(&mut TokenSource)| {
        let mut source = scoped();
        change(&mut source);
        IdentitySource::Token(source)
    };
    assert_eq!(consistent(&[of_token(|_| {}), certificate(CertificateName::DnsSan), header("x-a")], 8), Ok(()));
    for bad in [
        vec![],
        vec![header("X-A")],
        vec![header("x-forwarded-agent")],
        vec![header("x-a"), IdentitySource::ApiKey("x-a".to_owned())],
        vec![certificate(CertificateName::DnsSan), certificate(CertificateName::UriSan)],
        vec![of_token(|_| {}), of_token(|source| source.user = None)],
        vec![of_token(|source| source.provider.clear())],
        vec![of_token(|source| source.agent.clear())],
        vec![of_token(|source| source.agent = vec!["a".to_owned(); 9])],
        vec![of_token(|source| source.user = Some(vec![String::new()]))],
        vec![of_token(|source| source.tools.as_mut().unwrap().rule = 8)],
        vec![of_token(|source| source.tools.as_mut().unwrap().value.claim.clear())],
        vec![of_token(|source| source.tools.as_mut().unwrap().value.scope_prefix = Some("a\"b".to_owned()))],
    ] {
        assert!(consistent(&bad, 8).is_err(), "{bad:?}");
    }
}

#[test]
fn only_what_a_source_needs_is_wanted() {
    let header = IdentitySource::Header("x-a".to_owned());
    assert_eq!(wanted(&[header.clone(), IdentitySource::ApiKey("x-b".to_owned())]), Wanted::default());
    let all = wanted(&[header, IdentitySource::Certificate(CertificateName::Subject), IdentitySource::Token(scoped())]);
    assert_eq!(all, Wanted { metadata: true, certificate: Some(CertificateName::Subject) });
}
