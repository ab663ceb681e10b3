//! SHA-256 as text.
//!
//! In: bytes. Out: their digest in hexadecimal digits, whole or its beginning. The standard library's formatting would be a
//! lot of code for each call to run through.

use sha2::{Digest as _, Sha256};
use std::string::String;

/// What stands before a whole digest.
pub(crate) const PREFIX: &str = "sha256:";

/// The whole digest, with what it is.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    named(&Sha256::digest(bytes).into())
}

/// The text of a digest that is there already.
pub(crate) fn named(digest: &[u8; 32]) -> String {
    [PREFIX, &hex(digest)].concat()
}

/// The digits of so many bytes of the digest.
pub(crate) fn short(bytes: &[u8], count: usize) -> String {
    let digest = Sha256::digest(bytes);
    hex(digest.get(..count).unwrap_or(&digest))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-4, the example of one block.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), format!("sha256:{abc}"));
        assert_eq!(short(b"abc", 4), "ba7816bf");
        assert_eq!(short(b"abc", 33), abc);
    }
}
