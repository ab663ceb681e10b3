//! The documents that hold the schemas of a policy: parts of the policy itself, and files.
//!
//! In: schemas in place, paths of files, and what references turn out to need. Out: documents with URIs.
//! A file is read once; why it cannot be read is told where it is first needed.

use super::places;
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    file::Inline,
    files::{Files, MAX_FILES_BYTES, ReadFile, Unread},
    schema::{self, Document, Json, Options},
    source::{Node, Source, Span},
};
use std::collections::HashMap;

/// What the URI of each document begins with. A file has its path behind it; a schema that stands in the policy has
/// its pointer as the query, so that relative references start at the policy's folder.
pub(super) const HOME: &str = "policy:/";

pub(super) struct Documents<'f> {
    files: &'f dyn Files,
    /// The policy's folder, with its last `/`; empty if that is not known.
    folder: String,
    documents: Vec<Document>,
    origins: HashMap<String, Origin>,
    read: Vec<ReadFile>,
    /// Why a file is no document; nothing if that was told already.
    unread: HashMap<String, Option<String>>,
    bytes_left: usize,
}

/// Where a document was read from.
enum Origin {
    Policy(Node),
    File(usize),
}

impl<'f> Documents<'f> {
    pub(super) fn beside(name: &str, files: &'f dyn Files) -> Self {
        let folder = name.rfind(['/', '\\']).map_or("", |at| name.get(..=at).unwrap_or_default());
        Self {
            files,
            folder: folder.to_owned(),
            documents: Vec::new(),
            origins: HashMap::new(),
            read: Vec::new(),
            unread: HashMap::new(),
            bytes_left: MAX_FILES_BYTES,
        }
    }

    pub(super) fn all(&self) -> &[Document] {
        &self.documents
    }

    pub(super) fn into_files(self) -> Vec<ReadFile> {
        self.read
    }

    /// Adds a schema that stands at this pointer of the policy.
    pub(super) fn add_inline(&mut self, pointer: &str, inline: &Inline) -> String {
        let uri = format!("{HOME}?{}", encoded(pointer));
        self.documents.push(Document { uri: uri.clone(), root: inline.json.clone() });
        self.origins.insert(uri.clone(), Origin::Policy(inline.node.clone()));
        uri
    }

    /// Adds the file at a path that stands in the policy.
    pub(super) fn add_file(&mut self, path: &str, span: Span, findings: &mut Findings) -> Option<String> {
        let parts = match parts(path) {
            Ok(parts) => parts,
            Err(why) => {
                let finding = Finding::new(Code::UnreadFile, span, format!("{} {why}", quoted(path)));
                findings.add(finding.help("write the path of a file in the folder of the policy, or below it"));
                return None;
            }
        };
        let path = parts.join("/");
        let uri = format!("{HOME}{}", encoded(&path));
        self.add(&uri, &path, findings);
        if let Some(why) = self.unread(&uri) {
            if let Some(why) = why {
                findings.add(Finding::new(Code::UnreadFile, span, why));
            }
            return None;
        }
        Some(uri)
    }

    /// Reads the files that references lead to, and those that their references lead to.
    pub(super) fn load(&mut self, entries: &[String], options: Options, findings: &mut Findings) {
        loop {
            let reach = schema::reach(&self.documents, entries, options);
            let new = reach.missing.into_iter().filter(|uri| !self.is_tried(uri));
            let paths: Vec<_> =
                new.filter_map(|uri| uri.strip_prefix(HOME).and_then(path).map(|path| (uri.clone(), path))).collect();
            if paths.is_empty() {
                return;
            }
            for (uri, path) in paths {
                self.add(&uri, &path, findings);
            }
        }
    }

    /// Why there is no such document, if it is a file: nothing that is still to be told, or the reason.
    pub(super) fn unread(&self, uri: &str) -> Option<Option<String>> {
        self.unread.get(uri).cloned()
    }

    fn is_tried(&self, uri: &str) -> bool {
        self.unread.contains_key(uri) || self.origins.contains_key(uri)
    }

    fn add(&mut self, uri: &str, path: &str, findings: &mut Findings) {
        if self.is_tried(uri) {
            return;
        }
        let bytes = match self.bytes(path) {
            Ok(bytes) => bytes,
            Err(why) => {
                let why = format!("the file {} cannot be read: {why}", quoted(path));
                self.unread.insert(uri.to_owned(), Some(why));
                return;
            }
        };
        let document = Json::read(&bytes);
        let file = self.read.len();
        self.read.push(ReadFile { name: format!("{}{path}", self.folder), bytes });
        match document {
            Ok(root) => {
                self.documents.push(Document { uri: uri.to_owned(), root });
                self.origins.insert(uri.to_owned(), Origin::File(file));
            }
            Err(malformed) => {
                let span = Span { start: malformed.at, end: malformed.at.saturating_add(1) };
                let message = format!("this is not strict JSON: {}", malformed.problem);
                let finding = self.in_file(Code::NotJson, file, Some(span), message);
                findings.add(finding.help("a schema file is JSON; a schema in YAML stands in the policy itself"));
                self.unread.insert(uri.to_owned(), None);
            }
        }
    }

    fn bytes(&mut self, path: &str) -> Result<Vec<u8>, Unread> {
        let bytes = self.files.read(path)?;
        if bytes.len() > crate::files::MAX_FILE_BYTES {
            return Err(Unread::TooLarge);
        }
        let left = self.bytes_left.checked_sub(bytes.len());
        let too_many = || Unread::Failed(format!("all schema files have more than {MAX_FILES_BYTES} bytes"));
        self.bytes_left = left.ok_or_else(too_many)?;
        Ok(bytes)
    }

    /// A finding about what a pointer leads to in a document.
    pub(super) fn finding(&self, code: Code, uri: &str, pointer: &str, of_key: bool, message: String) -> Finding {
        match self.origins.get(uri) {
            None => Finding::of_file(code, message),
            Some(Origin::Policy(node)) => Finding::new(code, places::in_yaml(node, pointer, of_key), message),
            Some(Origin::File(file)) => {
                let bytes = self.read.get(*file).map(|file| file.bytes.as_slice()).unwrap_or_default();
                self.in_file(code, *file, places::in_json(bytes, pointer, of_key), message)
            }
        }
    }

    fn in_file(&self, code: Code, file: usize, span: Option<Span>, message: String) -> Finding {
        match self.read.get(file) {
            None => Finding::of_file(code, message),
            Some(ReadFile { name, bytes }) => Finding::of_file(code, message).in_other(&Source::new(name, bytes), span),
        }
    }
}

/// The parts of a path that stays in the policy's folder.
fn parts(path: &str) -> Result<Vec<&str>, &'static str> {
    let is_drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with('/') || is_drive {
        return Err("is not relative to the folder of the policy");
    }
    if path.contains('\\') || path.contains(char::is_control) {
        return Err("is no path with `/` between its parts");
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" => return Err("is no path of a file"),
            "." => {}
            ".." => {
                parts.pop().ok_or("leads out of the folder of the policy")?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { Err("is no path of a file") } else { Ok(parts) }
}

/// The path that the rest of a URI stands for.
fn path(uri: &str) -> Option<String> {
    if uri.contains(['?', '#']) {
        return None;
    }
    let path = decoded(uri)?;
    Some(parts(&path).ok()?.join("/"))
}

/// Percent-encodes what may not stand in a URI, or means something there.
fn encoded(text: &str) -> String {
    let mut uri = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

fn decoded(uri: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high.saturating_mul(16).saturating_add(low)).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_the_folder() {
        assert_eq!(parts("schemas/./a/../b.json"), Ok(vec!["schemas", "b.json"]));
        for path in ["/etc/passwd", "../a.json", "a/../../b.json", "C:/a", "a\\b", "a//b", "a/", ".", "", "a\0b"] {
            assert!(parts(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_path_survives_the_way_through_a_uri() {
        for name in ["schemas/a.json", "with spaces/ä#?%41.json", "a@b:c.json"] {
            assert_eq!(path(&encoded(name)).as_deref(), Some(name), "{name}");
        }
        for uri in ["a%2F..%2F..%2Fb", "a%zz", "a%ff", "a?b"] {
            assert_eq!(path(uri), None, "{uri}");
        }
    }
}
