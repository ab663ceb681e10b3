//! What is said against a message, or the answer to one, that no call by a tool's path can have.
//!
//! In: what was found. Out: its stable code and its text. The shape of the refusal is made elsewhere.

use super::{Disagreement, Invalid};
use std::fmt;

/// Why a message or its answer does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// It is no message, or lacks what its method needs.
    Invalid(Invalid),
    /// Its header says something else.
    Disagreement(Disagreement),
    /// A method that does not pass.
    Method,
    /// It comes from a web page that is not allowed.
    Origin,
    /// The agent may do nothing at this server.
    Server,
    /// No grant lets the agent read the resource.
    Resource,
    /// No grant lets the agent fetch the prompt.
    Prompt,
    /// A GET or a DELETE with a body.
    Body,
    /// The tool's definition is not the pinned one.
    Changed,
    /// What its server says of the tool is hidden, or reads like an order.
    Suspicious,
    /// The server's answer is not one that can be shown.
    Answer,
}

impl Objection {
    /// The stable, machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(invalid) => invalid.code(),
            Self::Disagreement(disagreement) => disagreement.code(),
            Self::Method => "method_not_passed",
            Self::Origin => "origin_not_allowed",
            Self::Server => "server_not_granted",
            Self::Resource => "resource_not_granted",
            Self::Prompt => "prompt_not_granted",
            Self::Body => "body_not_taken",
            Self::Changed => "tool_changed",
            Self::Suspicious => "tool_suspicious",
            Self::Answer => "answer_unfit",
        }
    }

    /// The HTTP status in most versions; [`refuse`](super::refuse) knows that of each.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) | Self::Disagreement(_) | Self::Body => 400,
            Self::Method | Self::Origin | Self::Server | Self::Resource | Self::Prompt => 403,
            Self::Changed | Self::Suspicious => 403,
            Self::Answer => 502,
        }
    }

    /// Whether it is about what a tool is called with, so that shadow mode has a say.
    pub(crate) fn can_be_shadowed(&self) -> bool {
        matches!(self, Self::Changed | Self::Suspicious)
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => write!(f, "{invalid}"),
            Self::Disagreement(disagreement) => write!(f, "{disagreement}"),
            Self::Method => write!(f, "Method not found"),
            Self::Origin => write!(f, "This web page may not call this server"),
            Self::Server => write!(f, "The agent may not use this server"),
            Self::Resource => write!(f, "no grant lets this agent read this resource"),
            Self::Prompt => write!(f, "no grant lets this agent fetch this prompt"),
            Self::Body => write!(f, "a request of this method has no body"),
            Self::Changed => write!(f, "what the server says of this tool has changed, list the tools again"),
            Self::Suspicious => write!(f, "what the server says of this tool is not fit to be shown"),
            Self::Answer => write!(f, "the server's answer cannot be read"),
        }
    }
}
