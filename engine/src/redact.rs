//! How arguments are shown in the audit line.
//!
//! In: arguments as they were read, and what may be shown. Out: one short text.
//! What it takes out it takes out whole: half a secret is still one.

mod secrets;

pub(crate) use secrets::plain_key;

use crate::{
    bundle::{AuditArguments, AuditOptions},
    digest::sha256,
    json::{Kind, Value, write},
};

/// Stands for what was taken out.
const REDACTED: &str = "[redacted]";

/// Shows arguments as the policy allows it, cut to the policy's length.
pub(crate) fn show(arguments: Value<'_>, how: AuditArguments, options: &AuditOptions) -> String {
    let max = usize::try_from(options.max_bytes).unwrap_or(usize::MAX);
    match how {
        AuditArguments::None => String::new(),
        AuditArguments::Hashed => sha256(arguments.raw().as_bytes()),
        AuditArguments::Full => {
            // One byte more than is shown says that something is cut off.
            let raw = arguments.raw().as_bytes();
            cut(raw.get(..max.saturating_add(1)).unwrap_or(raw).to_vec(), max)
        }
        AuditArguments::Redacted => {
            let room = arguments.raw().len().min(max).saturating_add(SLACK);
            let mut shown = Shown { text: Vec::with_capacity(room), max, redact: &options.redact };
            shown.value(arguments);
            cut(shown.text, max)
        }
    }
}

/// Shows which argument a rule refused, as a pointer whose keys the caller chose; as little of it as of the arguments.
pub(crate) fn pointer(pointer: &str, how: AuditArguments, options: &AuditOptions) -> String {
    const MOST: usize = 256;
    let shown = Shown { text: Vec::new(), max: MOST, redact: &options.redact };
    match how {
        AuditArguments::None | AuditArguments::Hashed => String::new(),
        AuditArguments::Full => cut(pointer.as_bytes().to_vec(), MOST),
        AuditArguments::Redacted => cut(shown.pointer(pointer), MOST),
    }
}

/// How far more than is shown is written before it is seen that nothing more is needed.
const SLACK: usize = 64;

/// Cuts at a letter, and says that it did. What is behind the cut need not be whole.
fn cut(mut text: Vec<u8>, max: usize) -> String {
    const MARK: &str = "…";
    if text.len() > max {
        let is_within_letter = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
        let room = max.saturating_sub(MARK.len());
        text.truncate((0..=room).rev().find(|at| !is_within_letter(at)).unwrap_or_default());
        text.extend(if max < MARK.len() { "" } else { MARK }.bytes());
    }
    write::text(text)
}

struct Shown<'a> {
    text: Vec<u8>,
    max: usize,
    redact: &'a [String],
}

impl Shown<'_> {
    /// What follows would be cut off.
    fn is_full(&self) -> bool {
        self.text.len() > self.max
    }

    /// The reader bounds the depth, so the recursion is bounded.
    fn value(&mut self, value: Value<'_>) {
        match value.kind() {
            Kind::PlainString | Kind::EscapedString => self.string(value),
            Kind::Array => self.array(value),
            Kind::Object => self.object(value),
            Kind::Null | Kind::True | Kind::False | Kind::Number => self.text.extend(value.raw().bytes()),
        }
    }

    fn array(&mut self, array: Value<'_>) {
        let mut before = b'[';
        for element in array.elements() {
            if self.is_full() {
                return;
            }
            self.text.push(before);
            before = b',';
            self.value(element);
        }
        self.close(before, *b"[]");
    }

    fn object(&mut self, object: Value<'_>) {
        let mut before = b'{';
        for (key, value) in object.entries() {
            if self.is_full() {
                return;
            }
            self.text.push(before);
            before = b',';
            self.string(key);
            self.text.push(b':');
            if secrets::is_secret_key(key.as_str().unwrap_or_default(), self.redact) {
                self.redacted();
            } else {
                self.value(value);
            }
        }
        self.close(before, *b"{}");
    }

    /// The pointer with the keys that may be seen; what stands under a secret's key is no more seen than its value.
    fn pointer(mut self, pointer: &str) -> Vec<u8> {
        for token in pointer.split('/').skip(1) {
            let key = token.replace("~1", "/").replace("~0", "~");
            self.text.push(b'/');
            self.text.extend_from_slice(if secrets::holds_token(&key) { REDACTED } else { token }.as_bytes());
            if secrets::is_secret_key(&key, self.redact) && pointer.len() > self.text.len() {
                self.text.extend_from_slice("/…".as_bytes());
                break;
            }
        }
        self.text
    }

    /// An empty container was not opened yet.
    fn close(&mut self, before: u8, [open, close]: [u8; 2]) {
        if before == open {
            self.text.push(open);
        }
        self.text.push(close);
    }

    fn string(&mut self, string: Value<'_>) {
        let text = string.as_str().unwrap_or_default();
        match string.kind() {
            _ if secrets::holds_token(text) => self.redacted(),
            Kind::PlainString => write::plain_string(&mut self.text, text, self.max),
            _ => write::string(&mut self.text, text, self.max),
        }
    }

    fn redacted(&mut self) {
        write::plain_string(&mut self.text, REDACTED, self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Bounds, Document};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn shown(how: AuditArguments, max_bytes: u32, text: &str) -> String {
        let document = Document::read(text.as_bytes(), Bounds::default()).unwrap();
        show(document.root(), how, &AuditOptions { redact: vec!["iban".to_owned()], max_bytes })
    }

    fn redacted(text: &str) -> String {
        shown(AuditArguments::Redacted, 1000, text)
    }

    #[test]
    fn what_is_no_secret_stays() {
        let text = r#"{"q":"rust \"wasm\"","n":[1,2.5,true,null],"max_tokens":5}"#;
        assert_eq!(redacted(text), text);
    }

    #[test]
    fn values_under_secret_keys_are_taken_out_whole() {
        assert_eq!(
            redacted(r#"{"API-Key":"x","db_password":{"a":1},"IBAN":"DE","auth":{"access_token":["t"]}}"#),
            r#"{"API-Key":"[redacted]","db_password":"[redacted]","IBAN":"[redacted]","auth":{"access_token":"[redacted]"}}"#
        );
    }

    #[test]
    fn strings_that_hold_a_token_are_taken_out_whole() {
        for secret in [
            "use ghp_0123456789abcdefghij please",
            "-----BEGIN RSA PRIVATE KEY-----",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
            "\\u0041KIAIOSFODNN7EXAMPLE",
        ] {
            assert_eq!(redacted(&format!(r#"{{"q":"{secret}"}}"#)), r#"{"q":"[redacted]"}"#, "{secret}");
        }
    }

    #[test]
    fn a_pointer_shows_no_more_than_the_arguments_do() {
        let shown =
            |how, text: &str| pointer(text, how, &AuditOptions { redact: vec!["iban".to_owned()], max_bytes: 0 });
        use AuditArguments::{Full, Hashed, None, Redacted};
        assert_eq!(shown(Redacted, "/filters/0/a~1b"), "/filters/0/a~1b");
        assert_eq!(shown(Redacted, "/a/ghp_0123456789abcdefghij/b"), "/a/[redacted]/b");
        assert_eq!(shown(Redacted, "/password"), "/password");
        assert_eq!(shown(Redacted, "/db-password/hunter2/x"), "/db-password/…");
        assert_eq!(shown(Redacted, "/IBAN/DE12"), "/IBAN/…");
        assert_eq!(shown(Full, "/password/hunter2"), "/password/hunter2");
        assert_eq!(shown(Full, &"/ä".repeat(200)).len(), 256);
        assert_eq!((shown(Hashed, "/q").as_str(), shown(None, "/q").as_str()), ("", ""));
    }

    #[test]
    fn the_cut_falls_between_letters_and_is_marked() {
        assert_eq!(shown(AuditArguments::Full, 8, r#"{"ä":"ö"}"#), "{\"ä\"…");
        for max in 0..40 {
            let text = shown(AuditArguments::Redacted, max, r#"{"äöü":["ß",{"key":"läng"}]}"#);
            assert!(text.len() <= max as usize, "{max}: {text}");
        }
    }

    #[test]
    fn hashed_and_none_show_nothing() {
        let hash = shown(AuditArguments::Hashed, 5, r#"{"q":1}"#);
        assert_eq!((hash.len(), hash.starts_with("sha256:")), (71, true));
        assert_eq!(shown(AuditArguments::None, 5, r#"{"q":1}"#), "");
    }
}
