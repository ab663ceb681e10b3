//! Files and standard input.
//!
//! In: a path, or `-`. Out: bytes with the name that findings call them.
//! Reads no more than a policy or a packed policy can have.

use super::{CouldNotRun, folder::Folder};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Above this, nothing that is read here can be right; what is above the policy's own bound is a finding.
const MAX_BYTES: u64 = 64 << 20;

/// What was read.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// Where the files that it names are; of standard input, the current folder.
    pub(super) folder: Folder,
}

pub(super) fn read(path: &Path) -> Result<Input, CouldNotRun> {
    let (name, read) = if path == Path::new("-") {
        ("<stdin>".to_owned(), bytes(io::stdin().lock()))
    } else {
        (path.display().to_string(), File::open(path).and_then(bytes))
    };
    match read {
        Ok(bytes) => Ok(Input { name, bytes, folder: Folder::of(path) }),
        Err(error) => Err(CouldNotRun(format!("cannot read `{name}`: {error}"))),
    }
}

fn bytes(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(io::Error::other(format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}
