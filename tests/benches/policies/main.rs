//! Writes the packed policies that the benchmarks judge by, each into a file of its own.
//!
//! In: a folder. Out: plugin configs in it, packed as a user would. Programs that measure the engine in wasm
//! cannot make them: only the compiler can, and it is no part of what is measured.

#![expect(clippy::panic, reason = "a benchmark without its policies has no result")]

mod many;
mod real;
mod sample;

use sample::Arguments;
use std::{env, fs, path::Path};
use toolgate_tests::gateway::{Headers, pack};

/// How many tools the policies have that show what grows with a policy.
const COUNTS: [usize; 4] = [1, 100, 1_000, 10_000];

/// All sets that come with the compiler.
const ALL_SETS: Arguments = Arguments {
    blocked: &[
        "{set: destructive-shell}",
        "{set: sql}",
        "{set: path-traversal}",
        "{set: ssrf}",
        "{set: secrets}",
        "{set: invisible-unicode}",
    ],
    schema: None,
};

fn main() {
    let Some(folder) = env::args().nth(1) else {
        panic!("name the folder: run this with `tests/bench`");
    };
    let folder = Path::new(&folder);
    write(folder, "plain", &sample::policy(&Arguments::default()));
    write(folder, "ten-patterns", &sample::policy(&sample::TEN_PATTERNS));
    write(folder, "all-sets", &sample::policy(&ALL_SETS));
    write(folder, "schema", &sample::policy(&Arguments { schema: Some(sample::SCHEMA), ..Arguments::default() }));
    write(folder, "usual", &sample::policy(&sample::USUAL));
    write(folder, "real-1000", &real::policy(1_000));
    for count in COUNTS {
        write(folder, &format!("tools-{count}"), &many::policy(count));
    }
}

fn write(folder: &Path, name: &str, policy: &str) {
    let packed = pack(policy, Headers::Held);
    if let Err(error) = fs::write(folder.join(format!("{name}.json")), packed) {
        panic!("{name} cannot be written: {error}");
    }
}
