//! Which version a message is of, and whether it is spoken with the server.
//!
//! In: a server and a message. Out: the version, or why it is not spoken.

use super::Mcp;
use crate::{
    bundle::Server,
    json::Value,
    mcp::{self, Disagreement, Invalid, Message, Request, Version},
    request::Head,
};

impl Mcp {
    /// The version of a message. Clients that open a session name it in the body, and in no field.
    pub(super) fn agree(&self, server: &Server, message: &Message<'_>) -> Result<Version, Disagreement> {
        let head = Head { fields: &self.fields };
        let version = mcp::agreed_version(head, message)?;
        let opening = match message {
            Message::Request(Request { method: "initialize", params, .. }) => {
                let named = params.and_then(|params| params.child("protocolVersion")).and_then(Value::as_str);
                let named = named.ok_or(Disagreement::Invalid(Invalid::Param("protocolVersion")))?;
                Some(mcp::known(named.as_bytes()).map_err(|unknown| only(server, unknown))?)
            }
            _ => None,
        };
        let has_field = mcp::version_of_head(head).is_ok() && self.fields.iter().any(|(name, _)| is_version(name));
        let version = opening.filter(|_| !has_field).unwrap_or(version);
        opening.into_iter().chain([version]).try_for_each(|version| require_spoken(server, version))?;
        Ok(version)
    }
}

fn is_version(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"mcp-protocol-version")
}

pub(super) fn require_spoken(server: &Server, version: Version) -> Result<(), Disagreement> {
    if server.versions.contains(&version) {
        return Ok(());
    }
    let requested = version.as_str().to_owned();
    Err(Disagreement::UnsupportedVersion { requested, supported: server.versions.clone() })
}

/// The same, naming only what is spoken with this server.
pub(super) fn only(server: &Server, disagreement: Disagreement) -> Disagreement {
    match disagreement {
        Disagreement::UnsupportedVersion { requested, supported: _ } => {
            Disagreement::UnsupportedVersion { requested, supported: server.versions.clone() }
        }
        other => other,
    }
}
