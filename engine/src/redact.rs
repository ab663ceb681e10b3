//! How arguments are shown in the audit line.
//!
//! In: arguments as they were read, and what may be shown. Out: one short text.
//! What it takes out it takes out whole: half a secret is still one.

use crate::{
    bundle::{AuditArguments, AuditOptions},
    json::{Kind, Value},
};
use sha2::{Digest as _, Sha256};

/// Stands for what was taken out.
const REDACTED: &str = "[redacted]";

/// Keys whose values are secrets, in lower case without `-`, `_` and `.`; longer keys that hold one count too.
const SECRET_KEYS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "cookie",
    "sessionid",
    "bearer",
];

/// How well-known tokens start.
const SECRET_STARTS: [&str; 16] = [
    "sk-",
    "sk_live_",
    "rk_live_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
];

/// The shortest text that is taken for a token.
const SECRET_LENGTH: usize = 16;

/// Shows arguments as the policy allows it, cut to the policy's length.
pub(crate) fn show(arguments: Value<'_>, how: AuditArguments, options: &AuditOptions) -> String {
    let max = usize::try_from(options.max_bytes).unwrap_or(usize::MAX);
    match how {
        AuditArguments::None => String::new(),
        AuditArguments::Hashed => {
            format!("sha256:{:x}", Sha256::digest(arguments.raw().as_bytes()))
        }
        AuditArguments::Full => cut(arguments.raw(), max),
        AuditArguments::Redacted => {
            let mut shown = Shown { text: String::new(), max, redact: &options.redact };
            shown.value(arguments);
            cut(&shown.text, max)
        }
    }
}

/// Shows which argument a rule refused, as a pointer whose keys the caller chose; as little of it as of the arguments.
pub(crate) fn pointer(pointer: &str, how: AuditArguments, options: &AuditOptions) -> String {
    const MOST: usize = 256;
    let shown = Shown { text: String::new(), max: MOST, redact: &options.redact };
    match how {
        AuditArguments::None | AuditArguments::Hashed => String::new(),
        AuditArguments::Full => cut(pointer, MOST),
        AuditArguments::Redacted => cut(&shown.pointer(pointer), MOST),
    }
}

/// Cuts at a letter, and says that it did.
fn cut(text: &str, max: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= max {
        return text.to_owned();
    }
    let room = max.saturating_sub(MARK.len());
    let end = text.char_indices().map(|(at, _)| at).take_while(|&at| at <= room).last().unwrap_or(0);
    let mark = if max < MARK.len() { "" } else { MARK };
    format!("{}{mark}", text.get(..end).unwrap_or_default())
}

struct Shown<'a> {
    text: String,
    max: usize,
    redact: &'a [String],
}

impl Shown<'_> {
    /// The reader bounds the depth, so the recursion is bounded.
    fn value(&mut self, value: Value<'_>) {
        if self.text.len() > self.max {
            return; // what follows would be cut off
        }
        match value.kind() {
            Kind::PlainString | Kind::EscapedString => self.string(value.as_str().unwrap_or_default()),
            Kind::Array => self.array(value),
            Kind::Object => self.object(value),
            Kind::Null | Kind::True | Kind::False | Kind::Number => self.text.push_str(value.raw()),
        }
    }

    fn array(&mut self, array: Value<'_>) {
        self.text.push('[');
        for (index, element) in array.elements().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.value(element);
        }
        self.text.push(']');
    }

    fn object(&mut self, object: Value<'_>) {
        self.text.push('{');
        for (index, (key, value)) in object.members().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.string(key);
            self.text.push(':');
            if self.is_secret_key(key) { self.quoted(REDACTED) } else { self.value(value) }
        }
        self.text.push('}');
    }

    /// The pointer with the keys that may be seen; what stands under a secret's key is no more seen than its value.
    fn pointer(mut self, pointer: &str) -> String {
        for token in pointer.split('/').skip(1) {
            let key = token.replace("~1", "/").replace("~0", "~");
            self.text.push('/');
            self.text.push_str(if holds_token(&key) { REDACTED } else { token });
            if self.is_secret_key(&key) && pointer.len() > self.text.len() {
                self.text.push_str("/…");
                break;
            }
        }
        self.text
    }

    fn string(&mut self, text: &str) {
        if holds_token(text) { self.quoted(REDACTED) } else { self.quoted(text) }
    }

    fn quoted(&mut self, text: &str) {
        // A string always serialises.
        self.text.push_str(&serde_json::to_string(text).unwrap_or_default());
    }

    fn is_secret_key(&self, key: &str) -> bool {
        let plain = plain_key(key);
        // `max_tokens` counts and is no secret.
        let counts = plain.ends_with("tokens");
        SECRET_KEYS.iter().any(|secret| plain.contains(secret) && !(counts && *secret == "token"))
            || self.redact.contains(&plain)
    }
}

/// A key in the form that keys are compared in.
pub(crate) fn plain_key(key: &str) -> String {
    key.chars().filter(|c| !"-_. ".contains(*c)).flat_map(char::to_lowercase).collect()
}

fn holds_token(text: &str) -> bool {
    let word = |c: char| !(c.is_ascii_alphanumeric() || "-_.+/=".contains(c));
    text.contains("-----BEGIN ")
        || text
            .split(word)
            .any(|word| word.len() >= SECRET_LENGTH && SECRET_STARTS.iter().any(|start| word.starts_with(start)))
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
