//! A plugin config from any bytes is refused or loaded, also if its wrapping is whole.

#![no_main]

use base64::{Engine as _, prelude::BASE64_STANDARD};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};
use toolgate_engine::{bundle::FORMAT, policy::Policy};

fuzz_target!(|bytes: &[u8]| {
    let _ = Policy::load(bytes);
    let packed = BASE64_STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(bytes, 1));
    let digest = Sha256::digest(bytes);
    let config = format!(r#"{{"format":{FORMAT},"digest":"sha256:{digest:x}","policy":"{packed}"}}"#);
    let _ = Policy::load(config.as_bytes());
});
