//! Who signs the tokens and certificates of the cases, and the Envoy that verifies them.
//!
//! In: case files. Out: listeners that verify, parts of values for `render`, and calls sent with what each case says.

#![expect(clippy::indexing_slicing, reason = "only tests call this: a provider that no file names must stop them")]

use crate::{
    harness::{
        client::{Call, Failure, Protocol, Reply},
        envoy::Listener,
    },
    identity::{Authority, Clients, Issuer, Keys, Names, allow_missing_or_failed, jwt_filter},
};
use std::{collections::BTreeMap, net::SocketAddr};
use toolgate_corpus::{Case, CaseFile};

/// Who signs the tokens and certificates of the calls.
#[derive(Debug)]
pub struct Signers {
    issuers: BTreeMap<String, (Issuer, Keys)>,
    authority: Authority,
    server: String,
}

/// For whom all tokens are, where somebody asks.
const AUDIENCE: &str = "tools";

/// Whether the file's policy takes this provider's tokens.
#[must_use]
pub fn is_asked(file: &CaseFile, provider: &str) -> bool {
    file.policy.contains(&format!("provider: {provider},"))
}

impl Signers {
    /// All that sign for these files, with fresh keys.
    #[must_use]
    pub fn of(files: &[CaseFile]) -> Self {
        let providers = files.iter().flat_map(CaseFile::providers);
        let with_keys = |issuer: Issuer| {
            let keys = issuer.serve();
            (issuer, keys)
        };
        let issuers = providers.map(|name| (name.to_owned(), with_keys(Issuer::new(name)))).collect();
        Self { issuers, authority: Authority::new(), server: "localhost".to_owned() }
    }

    /// Calls a server of this name, where the calls are encrypted.
    #[must_use]
    pub fn for_server(mut self, name: &str) -> Self {
        name.clone_into(&mut self.server);
        self
    }

    /// Who signs certificates.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Those of the file's providers that its policy asks, as the values of `render` have them: others it does not take.
    #[must_use]
    pub fn values(&self, file: &CaseFile) -> String {
        let provider = |name: &&str| {
            let keys = self.issuers[*name].1.url();
            format!("{name}: {{ issuer: {name}, audiences: [{AUDIENCE}], jwks: \"{keys}\" }}")
        };
        let asked = file.providers().into_iter().filter(|name| is_asked(file, name));
        asked.map(|name| provider(&name)).collect::<Vec<_>>().join(", ")
    }

    /// The file's listener, with the filter that verifies its tokens and the TLS that verifies its certificates.
    #[must_use]
    pub fn verified(&self, file: &CaseFile, listener: Listener) -> Listener {
        let names = file.providers();
        let providers: Vec<_> = names.iter().map(|name| (*name, self.issuers[*name].0.provider())).collect();
        let listener = match providers.as_slice() {
            [] => listener,
            providers => listener.first_filter(jwt_filter(providers, &allow_missing_or_failed(&names))),
        };
        if file.has_certificates() { self.authority.secure(listener, Clients::Verified) } else { listener }
    }

    /// Sends a call with its token and its certificate.
    ///
    /// # Errors
    /// When there is no whole reply.
    pub fn send(
        &self,
        file: &CaseFile,
        case: &Case,
        call: Call,
        protocol: Protocol,
        address: SocketAddr,
    ) -> Result<Reply, Failure> {
        let call = match &case.call.token {
            None => call,
            Some(token) => {
                let mut claims = token.claims.clone();
                claims.entry("aud").or_insert_with(|| AUDIENCE.into());
                let token = self.issuers[&token.provider].0.token(&claims.into());
                call.header("authorization", format!("Bearer {token}"))
            }
        };
        if !file.has_certificates() {
            return call.send(protocol, address);
        }
        let client = match &case.call.certificate {
            None => self.authority.client(),
            Some(toolgate_corpus::Certificate { uri_sans, dns_sans, common_names }) => {
                self.authority.client_named(&self.authority, Names { uri_sans, dns_sans, common_names })
            }
        };
        call.send_over(&client.to_server(&self.server), protocol, address)
    }
}
