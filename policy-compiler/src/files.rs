//! The files that a policy names, as whoever calls the compiler gives them.
//!
//! In: a path from the policy's folder on. Out: bytes, or why not.
//! Opens nothing: the command line has an implementation that does.

use std::{collections::BTreeMap, fmt};

/// The largest schema file that is read.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// How large all schema files of a policy may be together.
pub const MAX_FILES_BYTES: usize = 16 << 20;

/// Where the files of a policy come from.
pub trait Files {
    /// The bytes of a file. The path has `/` between its parts, and no part is empty, `.` or `..`.
    fn read(&self, path: &str) -> Result<Vec<u8>, Unread>;
}

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// There is none.
    Missing,
    /// It has more than [`MAX_FILE_BYTES`].
    TooLarge,
    /// A link in its path leads out of the policy's folder.
    Outside,
    /// Nothing that could be read is given at all.
    NoFiles,
    /// The system says why.
    Failed(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "there is no such file"),
            Self::TooLarge => write!(f, "it has more than {MAX_FILE_BYTES} bytes"),
            Self::Outside => write!(f, "a link in its path leads out of the folder of the policy"),
            Self::NoFiles => write!(f, "this policy is read without its files"),
            Self::Failed(why) => write!(f, "{why}"),
        }
    }
}

/// For policies that name no file.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<Vec<u8>, Unread> {
        Err(Unread::NoFiles)
    }
}

/// Files by path, for tests and for places without a file system.
impl Files for BTreeMap<String, String> {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unread> {
        self.get(path).map(|text| text.clone().into_bytes()).ok_or(Unread::Missing)
    }
}

/// A file that was read for a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFile {
    /// What findings call it: its path, with the policy's folder before it.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}
