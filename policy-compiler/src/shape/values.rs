//! The tables of keys of `values.yaml`: what `render` must know besides the policy.
//!
//! In: nothing. Out: [`VALUES`] and the tables it names.
//! The defaults that the sentences speak of stand where the values are read.

use super::{API_VERSION, Key, Shape, Table, VALUES_KIND, Word, forms, words};
use crate::render::Switch;

impl Word for Switch {
    const ALL: &'static [(&'static str, Self)] = &[("true", Self(true)), ("false", Self(false))];
}

const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, required: false, shape, about }
}

const fn required(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, required: true, shape, about }
}

const PORT: Shape = Shape::Integer { least: 1, most: 65_535 };

/// The whole file.
pub(crate) const VALUES: Table = Table {
    title: "The file",
    keys: &[
        required("apiVersion", Shape::Exactly(API_VERSION), "The version of the language."),
        required("kind", Shape::Exactly(VALUES_KIND), "What the file is."),
        optional(
            "namespace",
            Shape::Written(&forms::LABEL),
            "The namespace of all objects that are written; `agents` unless said.",
        ),
        optional("gateway", Shape::Object(&GATEWAY), "The Gateway that agents call."),
        optional("filter", Shape::Object(&FILTER), "Where Envoy Gateway fetches the filter."),
        required("upstreams", Shape::Keyed(&forms::LABEL, &UPSTREAM), "The servers of the tools."),
        optional("agents", Shape::Object(&AGENTS), "The pods that agents run in."),
        optional("identity", Shape::Object(&IDENTITY), "How Envoy verifies the policy's sources of identity."),
        optional(
            "strict",
            Shape::Word(words::<Switch>),
            "`true` holds headers until the body is judged, by an EnvoyPatchPolicy; Envoy Gateway must allow these.",
        ),
        optional(
            "global_limits",
            Shape::Object(&GLOBAL_LIMITS),
            "How limits with `scope: global` are counted. Needs `strict: true`.",
        ),
        optional(
            "monitoring",
            Shape::Object(&MONITORING),
            "Writes alerts for Prometheus' operator and a dashboard for Grafana, too.",
        ),
        optional("envoy", Shape::Object(&ENVOY), "What only `--target envoy` needs."),
    ],
};

const GATEWAY: Table = Table {
    title: "`gateway`",
    keys: &[
        optional(
            "name",
            Shape::Written(&forms::LABEL),
            "Its name, and that of its policies; `tool-gateway` unless said.",
        ),
        optional(
            "class",
            Shape::Written(&forms::LABEL),
            "The GatewayClass that is made for it; `toolgate` unless said.",
        ),
        optional("hostname", Shape::Written(&forms::DNS_NAME), "The host that agents call; `tools.local` unless said."),
        optional("port", PORT, "Its port; 80 unless said, or 443 with a certificate."),
        optional(
            "certificate",
            Shape::Written(&forms::DNS_NAME),
            "The Secret with the server's certificate. Without one, agents call by plain HTTP.",
        ),
        optional(
            "proxies",
            Shape::Written(&forms::LABEL),
            "The namespace in which Envoy Gateway runs the proxies; `envoy-gateway-system` unless said.",
        ),
    ],
};

const FILTER: Table = Table {
    title: "`filter`",
    keys: &[
        optional("image", Shape::Written(&forms::IMAGE), "The OCI image with the filter."),
        optional("url", Shape::Written(&forms::URL), "In place of `image`: the filter on a web server."),
        required("sha256", Shape::Written(&forms::SHA256), "The image's digest, or the SHA-256 of the file at `url`."),
        optional("pull_secret", Shape::Written(&forms::DNS_NAME), "The Secret with which the image is pulled."),
    ],
};

const UPSTREAM: Table = Table {
    title: "An upstream",
    keys: &[
        optional("service", Shape::Written(&forms::LABEL), "The Service in the same namespace."),
        optional("host", Shape::Written(&forms::HOST), "In place of `service`: a host outside of the cluster."),
        required("port", PORT, "The port of the Service or of the host."),
        optional(
            "tls",
            Shape::Word(words::<Switch>),
            "`true` calls the host by TLS and verifies it by the system's CAs.",
        ),
        optional(
            "tools",
            Shape::WrittenList(&forms::TOOL),
            "The tools whose calls go there. One upstream may leave this out: it gets all other calls.",
        ),
        optional(
            "servers",
            Shape::WrittenList(&forms::SERVER),
            "The MCP servers of the policy whose messages go there, by their paths and hosts. Without `tools` beside it, no other call does.",
        ),
        optional(
            "pods",
            Shape::WrittenPairs(&forms::LABEL_KEY, &forms::LABEL_VALUE),
            "Labels of the Service's pods, for the NetworkPolicy; `app` with the Service's name unless said.",
        ),
        optional("pod_port", PORT, "The port on which these pods listen; `port` unless said."),
    ],
};

const AGENTS: Table = Table {
    title: "`agents`",
    keys: &[
        optional("namespace", Shape::Written(&forms::LABEL), "Their namespace; that of all objects unless said."),
        optional(
            "pods",
            Shape::WrittenPairs(&forms::LABEL_KEY, &forms::LABEL_VALUE),
            "Their labels; `toolgate.dev/role` with `agent` unless said.",
        ),
    ],
};

const IDENTITY: Table = Table {
    title: "`identity`",
    keys: &[
        optional("jwt", Shape::Keyed(&forms::PROVIDER, &JWT), "Providers of tokens, by the name that the policy has."),
        optional("mtls", Shape::Object(&MTLS), "The CA of agents' certificates. Needs `gateway.certificate`."),
        optional("api_key", Shape::Object(&API_KEY), "The keys of clients."),
        optional(
            "trusted_headers",
            Shape::WrittenList(&forms::HEADER),
            "Headers that an earlier hop removes and sets. All others that the policy reads are removed from requests.",
        ),
    ],
};

const JWT: Table = Table {
    title: "A provider of tokens",
    keys: &[
        required("issuer", Shape::Written(&forms::WORD), "What tokens have as `iss`."),
        required("audiences", Shape::WrittenList(&forms::WORD), "What tokens may have as `aud`."),
        required("jwks", Shape::Written(&forms::URL), "The URL of its public keys."),
        optional(
            "claims_to_headers",
            Shape::WrittenPairs(&forms::HEADER, &forms::WORD),
            "Headers that the policy reads, each set from a claim. Envoy removes what clients sent.",
        ),
    ],
};

const MTLS: Table = Table {
    title: "`mtls`",
    keys: &[required("ca", Shape::Written(&forms::DNS_NAME), "The ConfigMap with the CA's certificate, as `ca.crt`.")],
};

const API_KEY: Table = Table {
    title: "`api_key`",
    keys: &[
        required(
            "secret",
            Shape::Written(&forms::DNS_NAME),
            "The Secret with a key for each client, by the client's id.",
        ),
        optional("header", Shape::Written(&forms::HEADER), "The header with the key; `x-api-key` unless said."),
    ],
};

const GLOBAL_LIMITS: Table = Table {
    title: "`global_limits`",
    keys: &[
        optional(
            "redis",
            Shape::Written(&forms::REDIS),
            "Where Envoy Gateway's rate limit service counts; with `--target envoy`, that service knows it.",
        ),
        optional(
            "redis_secret",
            Shape::Written(&forms::DNS_NAME),
            "In place of `redis`: the Secret that has it as `url`, in the namespace of Envoy Gateway.",
        ),
        optional(
            "redis_certificate",
            Shape::Written(&forms::DNS_NAME),
            "The Secret with a client's certificate, in that namespace. Redis is then called by TLS.",
        ),
        optional(
            "timeout_milliseconds",
            Shape::Integer { least: 1, most: 60_000 },
            "How long a call waits for an answer of the rate limit service; 100 unless said.",
        ),
    ],
};

const RATE_LIMIT_SERVICE: Table = Table {
    title: "`rate_limit_service`",
    keys: &[
        required("host", Shape::Written(&forms::HOST), "Its host."),
        required("port", PORT, "Its port for gRPC."),
        optional("tls", Shape::Word(words::<Switch>), "`true` calls it by TLS and verifies it by the system's CAs."),
    ],
};

const MONITORING: Table = Table {
    title: "`monitoring`",
    keys: &[
        optional(
            "labels",
            Shape::WrittenPairs(&forms::LABEL_KEY, &forms::LABEL_VALUE),
            "Labels by which Prometheus finds its rules, such as `release`.",
        ),
        optional(
            "namespace",
            Shape::Written(&forms::LABEL),
            "The namespace of rules and dashboard; that of all objects unless said.",
        ),
    ],
};

const ENVOY: Table = Table {
    title: "`envoy`",
    keys: &[
        optional(
            "filter",
            Shape::Written(&forms::PATH),
            "The filter's path; `/etc/toolgate/toolgate_filter.wasm` unless said.",
        ),
        optional("address", Shape::Written(&forms::ADDRESS), "Where Envoy listens; `127.0.0.1` unless said."),
        optional("port", PORT, "Its port; 10000 unless said."),
        optional("admin_port", PORT, "The port of Envoy's own pages, on 127.0.0.1; 9901 unless said."),
        optional(
            "certificate",
            Shape::Written(&forms::PATH),
            "The path of the server's certificate. Without one: plain HTTP.",
        ),
        optional("private_key", Shape::Written(&forms::PATH), "The path of its private key."),
        optional("ca", Shape::Written(&forms::PATH), "The path of the CA of agents' certificates."),
        optional(
            "rate_limit_service",
            Shape::Object(&RATE_LIMIT_SERVICE),
            "The rate limit service, for limits with `scope: global`.",
        ),
    ],
};
