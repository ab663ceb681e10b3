//! What looks like a secret: the names of keys, and the shapes of tokens.
//!
//! In: a key or a text. Out: whether it is one. Knows names and shapes, not meanings.

/// How well-known tokens start.
const TOKEN_STARTS: [&[u8]; 16] = [
    b"sk-",
    b"sk_live_",
    b"rk_live_",
    b"ghp_",
    b"gho_",
    b"ghu_",
    b"ghs_",
    b"ghr_",
    b"github_pat_",
    b"glpat-",
    b"xoxb-",
    b"xoxp-",
    b"AKIA",
    b"ASIA",
    b"AIza",
    b"eyJ",
];

/// The shortest text that is taken for a token.
const TOKEN_LENGTH: usize = 16;

/// How a private key starts in the form that files have.
const KEY_BLOCK: &[u8] = b"-----BEGIN ";

/// How many dashes it starts with.
const DASHES: usize = 5;

/// The longest key that needs no memory of its own to be looked at.
const SHORT: usize = 64;

/// Names of secrets in their plain form, by their first letter; longer keys that hold one count too.
fn secrets_starting_with(letter: u8) -> &'static [&'static [u8]] {
    match letter {
        b'a' => &[b"apikey", b"accesskey", b"authorization"],
        b'b' => &[b"bearer"],
        b'c' => &[b"credential", b"cookie"],
        b'p' => &[b"password", b"passwd", b"passphrase", b"pwd", b"privatekey"],
        b's' => &[b"secret", b"sessionid"],
        b't' => &[b"token"],
        _ => &[],
    }
}

/// Whether a key names a secret, by itself or because the policy says so. `also` holds keys in their plain form.
pub(super) fn is_secret_key(key: &str, also: &[String]) -> bool {
    let is_secret = |plain: &[u8]| names_secret(plain) || also.iter().any(|other| other.as_bytes() == plain);
    let mut buffer = [0; SHORT];
    match plain_ascii(key, &mut buffer) {
        Some(plain) => is_secret(plain),
        None => is_secret(plain_key(key).as_bytes()),
    }
}

/// A key in the form that keys are compared in: in lower case without `-`, `_`, `.` and spaces.
pub(crate) fn plain_key(key: &str) -> String {
    key.chars().filter(|c| !"-_. ".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// The same for a short key in ASCII.
fn plain_ascii<'a>(key: &str, buffer: &'a mut [u8; SHORT]) -> Option<&'a [u8]> {
    if key.len() > SHORT || !key.is_ascii() {
        return None;
    }
    let mut length = 0;
    for byte in key.bytes().filter(|byte| !b"-_. ".contains(byte)) {
        *buffer.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    buffer.get(..length)
}

fn names_secret(plain: &[u8]) -> bool {
    // `max_tokens` counts and is no secret.
    let counts = plain.ends_with(b"tokens");
    plain.iter().enumerate().any(|(at, letter)| {
        let rest = plain.get(at..).unwrap_or_default();
        let starts = |secret: &&[u8]| rest.starts_with(secret) && !(counts && *secret == b"token");
        secrets_starting_with(*letter).iter().any(starts)
    })
}

/// Whether a text holds a token or a private key.
pub(super) fn holds_token(text: &str) -> bool {
    let text = text.as_bytes();
    if text.len() < KEY_BLOCK.len() {
        return false;
    }
    let mut from = 0;
    while let Some(word) = long_word(text, &mut from) {
        if TOKEN_STARTS.iter().any(|start| word.starts_with(start)) {
            return true;
        }
    }
    holds_key_block(text)
}

/// The next run of [`TOKEN_LENGTH`] or more characters of tokens behind `from`, which moves behind it.
///
/// No such run fits between two bytes so far apart, so most bytes of a text need no look.
fn long_word<'a>(text: &'a [u8], from: &mut usize) -> Option<&'a [u8]> {
    let is_word = |byte: &&u8| is_of_token(**byte);
    loop {
        let probe = *from + TOKEN_LENGTH - 1;
        let (before, behind) = (text.get(*from..probe)?, text.get(probe..)?);
        let length = behind.iter().take_while(is_word).count();
        // A byte between two words, or the one behind this word.
        *from = probe + length + 1;
        if length > 0 {
            let start = probe - before.iter().rev().take_while(is_word).count();
            let word = text.get(start..probe + length)?;
            if word.len() >= TOKEN_LENGTH {
                return Some(word);
            }
        }
    }
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'/' | b'=')
}

/// One of the dashes stands on every fifth byte, so only those need a look.
fn holds_key_block(text: &[u8]) -> bool {
    let starts =
        |probe: usize| (0..DASHES).any(|back| text.get(probe - back..).unwrap_or_default().starts_with(KEY_BLOCK));
    let mut probes = text.iter().enumerate().skip(DASHES - 1).step_by(DASHES);
    probes.any(|(probe, byte)| *byte == b'-' && starts(probe))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

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

    fn is_secret(key: &str) -> bool {
        is_secret_key(key, &["iban".to_owned(), "straße".to_owned()])
    }

    #[test]
    fn every_name_of_a_secret_counts_in_every_spelling() {
        for name in SECRET_KEYS {
            let dashed: String = name.chars().map(|letter| format!("{letter}-")).collect();
            let long = format!("{}{name}{}", "x".repeat(100), "y".repeat(100));
            for key in [name, &name.to_uppercase(), &dashed, &format!("my_{name}.2"), &format!("ä{name}"), &long] {
                assert!(is_secret(key), "{key}");
            }
            for cut in [name.get(1..), name.get(..name.len() - 1)] {
                assert!(!is_secret(cut.unwrap()), "{name}");
            }
        }
        // The Kelvin sign is a `k` in lower case.
        assert!(is_secret("to\u{212a}en"));
    }

    #[test]
    fn the_keys_of_the_policy_count_only_as_they_are() {
        assert!(is_secret("IBAN") && is_secret("i-b_a.n") && is_secret("STRAßE"));
        assert!(!is_secret("iban2") && !is_secret("myiban") && !is_secret("strasse") && !is_secret(""));
    }

    #[test]
    fn a_count_of_tokens_is_no_secret_unless_it_holds_another() {
        for (key, secret) in [
            ("max_tokens", false),
            ("tokens", false),
            ("token_tokens", false),
            ("tokens2", true),
            ("secret_tokens", true),
        ] {
            assert_eq!(is_secret(key), secret, "{key}");
        }
    }

    /// What a token is, said slowly.
    fn slowly(text: &str) -> bool {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || "-_.+/=".contains(letter);
        let is_token = |word: &str| {
            word.len() >= TOKEN_LENGTH && TOKEN_STARTS.iter().any(|start| word.as_bytes().starts_with(start))
        };
        text.contains("-----BEGIN ") || text.split(|letter| !is_word(letter)).any(is_token)
    }

    #[test]
    fn tokens_are_found_at_every_offset_and_of_every_length() {
        for start in TOKEN_STARTS {
            let start = std::str::from_utf8(start).unwrap();
            for (before, length) in (0..40).flat_map(|before| (0..24).map(move |length| (before, length))) {
                for fill in [" ", "x", "ab ", "ä", "-"] {
                    let fill: String = fill.chars().cycle().take(before).collect();
                    for text in [
                        format!("{fill}{start}{}", "7".repeat(length)),
                        format!("{fill} {start}{} end", "7".repeat(length)),
                    ] {
                        assert_eq!(holds_token(&text), slowly(&text), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn private_keys_are_found_at_every_offset() {
        for before in 0..30 {
            for fill in ["x", " ", "-", "x-", "---- "] {
                let fill: String = fill.chars().cycle().take(before).collect();
                for rest in ["-----BEGIN RSA", "-----BEGIN", "----BEGIN ", "-----BEGIN "] {
                    let text = format!("{fill}{rest}");
                    assert_eq!(holds_token(&text), slowly(&text), "{text}");
                }
            }
        }
    }
}
