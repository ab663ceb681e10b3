//! The manual entries of findings about who calls.
//!
//! In: nothing. Out: one [`About`] for each code; their numbers stand in `code`, too.
//! Finds nothing itself.

use super::{About, error, note};

pub(super) const UNREACHED_SOURCE: About = error(
    "TG026",
    "a source of identity is never reached",
    "A source before it reads the same place and decides, also when what it finds is no id.",
    "Take one of the two out.",
);

pub(super) const BAD_TOKEN_TEXT: About = error(
    "TG027",
    "a provider, a claim or a prefix is not written as one",
    "A claim that no token can have would refuse every call, and a prefix that no scope can have grants nothing.",
    "Write a claim by its name, or as a JSON Pointer such as `/act/sub`, at most 8 names deep; a prefix without spaces, `\"` and `\\`.",
);

pub(super) const IDENTITY_HEADER: About = note(
    "TG050",
    "whoever can set the identity header is that agent",
    "The filter trusts the header; the hop before it must have proved who calls.",
    "Let the gateway remove the header from what clients send and set it from what it has verified.",
);

pub(super) const CLIENT_ID_HEADER: About = note(
    "TG051",
    "without API key authentication, whoever can set its header is that agent",
    "Envoy's API key filter replaces the header only on routes where it is on.",
    "Turn it on for each route that this policy judges (`SecurityPolicy` with `apiKeyAuth`), with `forwardClientIDHeader` set to this header.",
);

pub(super) const CLIENT_CERTIFICATE: About = note(
    "TG052",
    "whoever has a certificate with that name is that agent",
    "Envoy says which certificate was presented; whether it was verified is up to Envoy's own settings.",
    "Set the CA by which Envoy verifies clients (`trusted_ca`; in Envoy Gateway `clientValidation`), and never `ACCEPT_UNTRUSTED`. Of several names of a kind the first counts.",
);

pub(super) const SUBJECT_NAME: About = note(
    "TG053",
    "of a subject only the common name counts",
    "Many CAs put into a common name what the applicant asks for, and two CAs may give the same one: RFC 9525 calls it no identity.",
    "Prefer `uri_san` or `dns_san`. Otherwise see TG052, and trust only a CA that gives common names to agents alone.",
);
