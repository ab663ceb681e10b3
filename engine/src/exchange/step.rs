//! What the host must do with a request, as the engine says it.
//!
//! In: nothing. Out: the forms of each step. Decides nothing.

use super::counted::Field;
use crate::denial::Reply;

/// The header field that tells a tool who calls.
pub const TRUSTED_AGENT: &str = "x-forwarded-agent";

/// The header field that tells a tool for whom the agent acts. `x-forwarded-user` would be taken for what
/// a sign-on proxy says of a person at a browser.
pub const TRUSTED_USER: &str = "x-forwarded-agent-user";

/// What to do with the request's header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum HeadStep {
    /// Make these changes; then the body is to be shown, or the request goes on without a look at it.
    Proceed {
        /// Changes to the header.
        edits: Edits,
        /// Whether the body is to be shown.
        body: Awaited,
    },
    /// Answer this.
    Reply(Reply),
}

/// Whether the body is still to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// Hold the request until the body was judged.
    Body,
    /// Nothing more is judged: there is no body, or the call is in shadow mode and was already found wanting.
    Nothing,
}

/// Changes to a request's header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Every field of such a name goes, however often it stands there.
    pub remove: Vec<Vec<u8>>,
    /// Who calls. Set after the removals.
    pub agent: Option<String>,
    /// For whom it acts. Set after the removals.
    pub user: Option<String>,
}

/// What to do with the request's body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum BodyStep {
    /// Hold it.
    Wait,
    /// Send the request on as it came, with these fields of the header set first: Envoy counts the call by them.
    Forward(Vec<Field>),
    /// Answer this.
    Reply(Reply),
}
