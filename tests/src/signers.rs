//! Who signs the tokens and certificates of the cases, and the Envoy that verifies them.
//!
//! In: case files. Out: listeners that verify, and calls sent with what each case says.

#![expect(clippy::indexing_slicing, reason = "only tests call this: a provider that no file names must stop them")]

use crate::{
    harness::{
        client::{Call, Failure, Protocol, Reply},
        envoy::Listener,
    },
    identity::{Authority, Clients, Issuer, Names, allow_missing_or_failed, jwt_filter},
};
use std::{collections::BTreeMap, net::SocketAddr};
use toolgate_corpus::{Case, CaseFile};

/// Who signs the tokens and certificates of the calls.
#[derive(Debug)]
pub struct Signers {
    issuers: BTreeMap<String, Issuer>,
    authority: Authority,
}

impl Signers {
    /// All that sign for these files, with fresh keys.
    #[must_use]
    pub fn of(files: &[CaseFile]) -> Self {
        let providers = files.iter().flat_map(CaseFile::providers);
        let issuers = providers.map(|name| (name.to_owned(), Issuer::new(name))).collect();
        Self { issuers, authority: Authority::new() }
    }

    /// The file's listener, with the filter that verifies its tokens and the TLS that verifies its certificates.
    #[must_use]
    pub fn verified(&self, file: &CaseFile, listener: Listener) -> Listener {
        let names = file.providers();
        let providers: Vec<_> = names.iter().map(|name| (*name, self.issuers[*name].provider())).collect();
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
                let token = self.issuers[&token.provider].token(&token.claims.clone().into());
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
        call.send_over(&client, protocol, address)
    }
}
