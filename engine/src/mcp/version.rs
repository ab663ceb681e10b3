//! The versions of the protocol that are spoken, and what each has.
//!
//! In: a text. Out: the version that is written exactly so. Knows nothing of requests.

use serde::{Deserialize, Serialize};

/// A version of the protocol. Later ones are larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Version {
    /// 2025-03-26: the first with streamable HTTP, and what a request without the field is taken for.
    V2025_03_26,
    /// 2025-06-18
    V2025_06_18,
    /// 2025-11-25
    V2025_11_25,
    /// 2026-07-28: without sessions; each request says all that it needs.
    V2026_07_28,
}

impl Version {
    /// All of them, the newest first, as a refusal lists them.
    pub const ALL: [Self; 4] = [Self::V2026_07_28, Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The version that is written so, byte for byte.
    pub fn read(text: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str().as_bytes() == text)
    }

    /// Whether each request names its version in its body, and mirrors what it asks for in header fields.
    pub fn is_stateless(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Whether there are sessions, which GET listens to and DELETE ends. Where there are none, both are a 405.
    pub fn has_sessions(self) -> bool {
        !self.is_stateless()
    }

    /// Whether a client may POST the answer to a request of the server's.
    pub fn takes_responses(self) -> bool {
        !self.is_stateless()
    }

    /// Whether bad arguments are told to the model, as a result with `isError`, and not to the program.
    pub fn tells_bad_arguments_as_result(self) -> bool {
        self >= Self::V2025_11_25
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_version_is_known_by_its_exact_text() {
        for version in Version::ALL {
            assert_eq!(Version::read(version.as_str().as_bytes()), Some(version));
        }
        for text in ["", "2024-11-05", "2025-6-18", " 2025-06-18", "2025-06-18 ", "2025-06-18\0", "DRAFT-2026-v1"] {
            assert_eq!(Version::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn each_version_has_what_its_specification_says() {
        let has = |version: Version| {
            (version.has_sessions(), version.takes_responses(), version.is_stateless(), {
                version.tells_bad_arguments_as_result()
            })
        };
        assert_eq!(has(Version::V2025_03_26), (true, true, false, false));
        assert_eq!(has(Version::V2025_06_18), (true, true, false, false));
        assert_eq!(has(Version::V2025_11_25), (true, true, false, true));
        assert_eq!(has(Version::V2026_07_28), (false, false, true, true));
    }
}
