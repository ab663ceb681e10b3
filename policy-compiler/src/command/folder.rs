//! The files beside a policy.
//!
//! In: the policy's path, and paths from its folder on. Out: bytes, or why not.
//! Follows links only as far as they stay in the folder.

use policy_compiler::files::{Files, MAX_FILE_BYTES, Unread};
use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

/// The folder of a policy.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// That of the policy at a path; for standard input, the current one.
    pub(super) fn of(policy: &Path) -> Self {
        let folder = policy.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self(folder.unwrap_or(Path::new(".")).to_owned())
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unread> {
        let folder = self.0.canonicalize().map_err(unread)?;
        let file = folder.join(path).canonicalize().map_err(unread)?;
        if !file.starts_with(&folder) {
            return Err(Unread::Outside);
        }
        // A pipe would wait to be opened, and a device never end.
        if !file.metadata().map_err(unread)?.is_file() {
            return Err(Unread::Failed("it is no file".to_owned()));
        }
        let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let file = File::open(file).map_err(unread)?;
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(unread)?;
        if bytes.len() > MAX_FILE_BYTES { Err(Unread::TooLarge) } else { Ok(bytes) }
    }
}

fn unread(error: io::Error) -> Unread {
    match error.kind() {
        ErrorKind::NotFound => Unread::Missing,
        _ => Unread::Failed(error.to_string()),
    }
}
