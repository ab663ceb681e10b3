//! Asks Envoy's admin interface.
//!
//! In: the address. Out: readiness, listeners, statistics. Changes nothing in Envoy.

use crate::harness::client::{Call, Protocol, Reply};
use serde_json::Value;
use std::{collections::BTreeMap, net::SocketAddr};

#[derive(Clone, Copy, Debug)]
pub(in crate::harness) struct Admin(SocketAddr);

impl Admin {
    pub(in crate::harness) fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    pub(in crate::harness) fn is_ready(&self) -> bool {
        let reply = Call::new("GET", "/ready").send(Protocol::Http1, self.0);
        reply.is_ok_and(|reply| reply.status == 200)
    }

    pub(in crate::harness) fn get(&self, path: &str) -> Reply {
        let reply = Call::new("GET", path).send(Protocol::Http1, self.0);
        let reply = reply.unwrap_or_else(|failure| panic!("admin {path}: {failure:?}"));
        assert_eq!(reply.status, 200, "admin {path}: {}", reply.text());
        reply
    }

    /// Counters and gauges; histograms and texts are no single number.
    pub(in crate::harness) fn stats(&self) -> BTreeMap<String, u64> {
        let stats = self.get("/stats?format=json").json();
        let stats = stats.get("stats").and_then(Value::as_array);
        stats
            .expect("the admin interface lists statistics")
            .iter()
            .filter_map(|stat| {
                let name = stat.get("name")?.as_str()?;
                Some((name.to_owned(), stat.get("value")?.as_u64()?))
            })
            .collect()
    }

    pub(in crate::harness) fn listener(&self, name: &str) -> Option<SocketAddr> {
        let listeners = self.get("/listeners?format=json").json();
        let statuses = listeners.get("listener_statuses")?.as_array()?;
        let status = statuses.iter().find(|status| status.get("name").and_then(Value::as_str) == Some(name))?;
        let address = status.pointer("/local_address/socket_address")?;
        let ip = address.get("address")?.as_str()?.parse().ok()?;
        let port = u16::try_from(address.get("port_value")?.as_u64()?).ok()?;
        Some(SocketAddr::new(ip, port))
    }
}
