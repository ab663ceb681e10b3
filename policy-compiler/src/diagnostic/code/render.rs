//! The manual entries of findings about values, and about values and policy together.
//!
//! In: nothing. Out: one [`About`] for each code; their numbers stand in `code`, too.
//! Finds nothing itself.

use super::{About, error, warning};

pub(super) const BAD_FORM: About = error(
    "TG120",
    "a value does not have the form that its key takes",
    "Kubernetes or Envoy would refuse it, or read it in another way.",
    "Write what the message asks for.",
);

pub(super) const ROUTED_TWICE: About = error(
    "TG121",
    "two upstreams get the same calls",
    "Only one of them could.",
    "Name each tool and each server at one upstream, and leave `tools` out at one upstream at most.",
);

pub(super) const NOT_ROUTED: About = error(
    "TG122",
    "a tool or a server has no upstream",
    "Its calls would end at the gateway.",
    "Name it at an upstream. One that leaves `tools` and `servers` out gets all other calls of tools.",
);

pub(super) const IDLE_VALUE: About = error(
    "TG123",
    "nothing in the policy uses a value",
    "It was meant for another policy, or a name is misspelt; Envoy would do something for it that counts for nothing.",
    "Correct the name, or take the value out.",
);

pub(super) const UNSET_SOURCE: About = warning(
    "TG124",
    "the values do not set up a source of identity",
    "Envoy verifies nothing for it and removes its header, so no call has an identity from it.",
    "Set it up under `identity` in the values, or take the source out of the policy.",
);

pub(super) const TRUSTED_HEADER: About = warning(
    "TG125",
    "a header is trusted as it comes",
    "Whoever reaches the gateway and sends it is that agent.",
    "Let only a hop that removes and sets the header reach the gateway; or set it from a claim, with `claims_to_headers`.",
);

pub(super) const KEY_FOR_EVERY_CALL: About = warning(
    "TG126",
    "every call needs an API key, whatever else it has",
    "Envoy's API key filter refuses calls without a key, also those with a token or a certificate.",
    "Serve those who have keys by a gateway and a policy of their own.",
);

pub(super) const NOT_STATIC: About = warning(
    "TG127",
    "a value has no place in a static configuration of Envoy",
    "It names an object of Kubernetes, which Envoy alone cannot read.",
    "Set it up in Envoy's configuration by hand; docs/render.md says how.",
);

pub(super) const TOO_MANY_RULES: About = error(
    "TG128",
    "the policy's global limits need more rules than Envoy Gateway takes",
    "A rule is one count in one unit: for tools, for agents, or for one tool group. Kubernetes refuses more than 256 of them.",
    "Let more of them have the same count and unit, write `scope: local` where that will do, or split the policy over several gateways.",
);
