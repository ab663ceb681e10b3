//! What the last list said of a tool, kept for the calls of it.
//!
//! In: an entry of a list; later a call. Out: the entry's digest, and what is suspicious in it, by way of shared data.
//! Keeps nothing of a tool that has no pin and of which nothing bad was ever said.

use super::NO_DEFINITION;
use crate::{
    json::Value,
    limits::Store,
    mcp::{self, Pin, Suspicion},
    policy::{Policy, ToolIndex},
};

/// What a list says of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) suspicion: Option<Suspicion>,
    /// The digest of its definition, or that it has none; nothing if nobody needs to know.
    pub(super) digest: Option<[u8; 32]>,
}

impl Seen {
    /// Looks at an entry. One that is as pinned is not searched: who pinned it has read it.
    pub(super) fn of(policy: &Policy, tool: ToolIndex, entry: Value<'_>) -> Self {
        let digest = || Some(Pin::of(entry).map_or(NO_DEFINITION, |pin| *pin.as_bytes()));
        let pinned = Self { suspicion: None, digest: policy.pin(tool).and_then(|_| digest()) };
        if pinned.is_pinned(policy, tool) {
            return pinned;
        }
        match mcp::scan(entry, policy.instructions()) {
            None => pinned,
            // With its digest, so that a policy that pins it lets it pass at once.
            Some(finding) => Self { suspicion: Some(finding.into()), digest: pinned.digest.or_else(digest) },
        }
    }

    /// Whether the tool is pinned, and this is its pin.
    pub(super) fn is_pinned(&self, policy: &Policy, tool: ToolIndex) -> bool {
        policy.pin(tool).is_some_and(|pin| self.digest == Some(pin.value))
    }

    /// Whether the tool is pinned, and this is another one.
    pub(super) fn is_changed(&self, policy: &Policy, tool: ToolIndex) -> bool {
        policy.pin(tool).is_some_and(|pin| self.digest.is_some_and(|digest| digest != pin.value))
    }

    /// Keeps it. Whoever is faster saw a later list, or one at the same time.
    pub(super) fn remember<S: Store>(&self, policy: &Policy, tool: ToolIndex, store: &mut S) {
        let key = key(policy, tool);
        let Ok((stored, version)) = store.read(&key) else { return };
        let (bytes, is_plain) = (self.to_bytes(), self.suspicion.is_none() && self.digest.is_none());
        if stored.as_ref() != Some(&bytes) && !(stored.is_none() && is_plain) {
            // A store that fails has told so; the list itself is cut all the same.
            let _is_told_by_the_store = store.swap(&key, &bytes, version);
        }
    }

    /// What the last list said; nothing if none was seen.
    pub(super) fn recall<S: Store>(policy: &Policy, tool: ToolIndex, store: &mut S) -> Result<Option<Self>, S::Error> {
        let (stored, _) = store.read(&key(policy, tool))?;
        Ok(stored.as_deref().map(Self::from_bytes))
    }

    /// One letter for the suspicion, then the digest.
    fn to_bytes(self) -> Vec<u8> {
        let letter = match self.suspicion {
            None => NOTHING,
            Some(Suspicion::Hidden) => HIDDEN,
            Some(Suspicion::Instructions) => INSTRUCTIONS,
        };
        std::iter::once(letter).chain(self.digest.into_iter().flatten()).collect()
    }

    /// What cannot be read is suspicious.
    fn from_bytes(bytes: &[u8]) -> Self {
        let (letter, digest) = bytes.split_first().unwrap_or((&INSTRUCTIONS, &[]));
        let suspicion = match *letter {
            NOTHING => None,
            HIDDEN => Some(Suspicion::Hidden),
            _ => Some(Suspicion::Instructions),
        };
        Self { suspicion, digest: digest.try_into().ok() }
    }
}

const NOTHING: u8 = b'-';
const HIDDEN: u8 = b'h';
const INSTRUCTIONS: u8 = b'i';

/// Names come from the policy only, so the number of keys is bounded.
fn key(policy: &Policy, tool: ToolIndex) -> Vec<u8> {
    [b"toolgate\0seen\0", policy.tool_name(tool).as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_kept_is_read_again_and_what_cannot_be_read_is_suspicious() {
        for suspicion in [None, Some(Suspicion::Hidden), Some(Suspicion::Instructions)] {
            for digest in [None, Some([7; 32])] {
                let seen = Seen { suspicion, digest };
                assert_eq!(Seen::from_bytes(&seen.to_bytes()), seen);
            }
        }
        for bytes in [&b""[..], b"x", b"\0", &[7; 32]] {
            assert_eq!(Seen::from_bytes(bytes).suspicion, Some(Suspicion::Instructions), "{bytes:?}");
        }
    }
}
