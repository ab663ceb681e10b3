//! What is stored of a bucket between two calls, and its 21 bytes.
//!
//! In and out: the state, its bytes. New code reads what old code stored, so the first byte is a version.
//! Knows nothing of limits.

/// How far a bucket is used. All zero means unused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// GCRA's theoretical arrival time of the next call, in nanoseconds since the epoch.
    pub(super) arrival: u64,
    /// Start of the window that `used` counts in, in seconds since the epoch.
    pub(super) window_start: u64,
    /// Calls in that window.
    pub(super) used: u32,
}

const VERSION: u8 = 1;

impl State {
    pub(super) fn encode(self) -> [u8; 21] {
        let Self { arrival, window_start, used } = self;
        let mut bytes = [0; 21];
        let (version, rest) = bytes.split_at_mut(1);
        let (first, rest) = rest.split_at_mut(8);
        let (second, third) = rest.split_at_mut(8);
        version.copy_from_slice(&[VERSION]);
        first.copy_from_slice(&arrival.to_le_bytes());
        second.copy_from_slice(&window_start.to_le_bytes());
        third.copy_from_slice(&used.to_le_bytes());
        bytes
    }

    /// None for what no version of ours wrote: then nobody knows how much is used.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION], rest) = bytes.split_first_chunk::<1>()? else {
            return None;
        };
        let (arrival, rest) = rest.split_first_chunk::<8>()?;
        let (window_start, rest) = rest.split_first_chunk::<8>()?;
        let used: [u8; 4] = rest.try_into().ok()?;
        Some(Self {
            arrival: u64::from_le_bytes(*arrival),
            window_start: u64::from_le_bytes(*window_start),
            used: u32::from_le_bytes(used),
        })
    }
}
