//! Pins: a digest of all that a server says of a tool, so that a change of it is seen.
//!
//! In: an entry of a list, unknown members included. Out: its canonical text (RFC 8785) and the SHA-256 of that. Numbers
//! keep all their digits: where a double would be rounded, two definitions would have one pin.

use crate::{
    digest::{self, PREFIX},
    json::{Kind, Value, write},
    schema::ecmascript,
};
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

/// How deep an entry may nest.
const MAX_DEPTH: u32 = 200;

/// The digest of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin([u8; 32]);

/// A text that is no pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPin;

impl Pin {
    /// The pin of an entry; nothing if it has no canonical text, so that it equals no pin.
    pub fn of(entry: Value<'_>) -> Option<Self> {
        Some(Self(Sha256::digest(canonical(entry)?).into()))
    }

    /// A pin as it is packed.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// As it is packed.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digest::named(&self.0))
    }
}

impl fmt::Display for NoPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pin is `sha256:` and 64 hexadecimal digits in lower case")
    }
}

impl std::error::Error for NoPin {}

impl FromStr for Pin {
    type Err = NoPin;

    fn from_str(text: &str) -> Result<Self, NoPin> {
        let digits = text.strip_prefix(PREFIX).ok_or(NoPin)?.as_bytes();
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(NoPin) };
        let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
        let bytes = pairs.iter().map(byte).collect::<Option<Vec<_>>>().ok_or(NoPin)?;
        bytes.try_into().map(Self).map_err(|_| NoPin)
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => byte.checked_sub(b'0'),
        b'a'..=b'f' => byte.checked_sub(b'a' - 10),
        _ => None,
    }
}

/// The one text for all spellings of a value; nothing if it nests too deep or a number is beyond all measure.
pub fn canonical(value: Value<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write(value, MAX_DEPTH, &mut out)?;
    Some(out)
}

fn write(value: Value<'_>, depth: u32, out: &mut Vec<u8>) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match value.kind() {
        Kind::Null | Kind::True | Kind::False => out.extend_from_slice(value.raw().as_bytes()),
        Kind::Number => out.extend_from_slice(ecmascript(value.raw())?.as_bytes()),
        Kind::PlainString | Kind::EscapedString => write::string(out, value.as_str()?, usize::MAX),
        Kind::Array => {
            out.push(b'[');
            for (at, element) in value.elements().enumerate() {
                separate(out, at);
                write(element, depth, out)?;
            }
            out.push(b']');
        }
        Kind::Object => {
            let mut members: Vec<_> = value.members().collect();
            members.sort_unstable_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            out.push(b'{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                separate(out, at);
                write::string(out, key, usize::MAX);
                out.push(b':');
                write(member, depth, out)?;
            }
            out.push(b'}');
        }
    }
    Some(())
}

fn separate(out: &mut Vec<u8>, at: usize) {
    if at > 0 {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Bounds, Document, Numbers};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read<T>(text: &str, look: impl FnOnce(Value<'_>) -> T) -> T {
        let bounds = Bounds { depth: 1000, numbers: Numbers::Any, ..Bounds::default() };
        look(Document::read(text.as_bytes(), bounds).unwrap().root())
    }

    fn text(json: &str) -> Option<String> {
        read(json, |value| canonical(value).map(|text| String::from_utf8(text).unwrap()))
    }

    fn pin(json: &str) -> Option<String> {
        read(json, |value| Pin::of(value).map(|pin| pin.to_string()))
    }

    #[test]
    fn the_canonical_text_is_that_of_rfc_8785() {
        let sample = r#"{"numbers":[333333333.3333333,1E30,4.50,2e-3,0.000000000000000000000000001],
            "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
        let want = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(text(sample).as_deref(), Some(want));
        let keys = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let want = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}";
        assert_eq!(text(keys).as_deref(), Some(want));
        assert_eq!(text(r#" [ { } , [ ] , "" , -0 , 1.0 ] "#).as_deref(), Some(r#"[{},[],"",0,1]"#));
    }

    #[test]
    fn numbers_that_a_double_rounds_to_the_same_stay_apart() {
        assert_eq!(text("9007199254740993").as_deref(), Some("9007199254740993"));
        assert_ne!(pin("9007199254740993"), pin("9007199254740992"));
        assert_ne!(pin("0.10000000000000001"), pin("0.1"));
        assert_eq!(pin("1e99999999999"), None);
    }

    #[test]
    fn a_pin_is_the_same_for_every_spelling_and_no_other_for_every_change() {
        let one = r#"{"name":"a","description":"d","inputSchema":{"type":"object","maximum":10}}"#;
        let other = r#"{ "inputSchema":{"maximum":1e1, "type":"\u006fbject"}, "name":"a","description":"d" }"#;
        assert_eq!(pin(one), pin(other));

        for changed in [
            one.replace("\"d\"", "\"D\""),
            one.replace("\"d\"", "\"d \""),
            one.replace("10", "11"),
            one.replace("\"name\"", "\"annotations\":{},\"name\""),
            one.replace("\"name\"", "\"x\":null,\"name\""),
        ] {
            assert_ne!(pin(one), pin(&changed), "{changed}");
        }
    }

    #[test]
    fn a_pin_is_the_digest_of_the_canonical_text() {
        // As `printf '{}' | sha256sum` says.
        let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(pin(" { } ").as_deref(), Some(empty));
        let read: Pin = empty.parse().unwrap();
        assert_eq!((read.to_string().as_str(), Pin::from_bytes(*read.as_bytes())), (empty, read));
    }

    #[test]
    fn only_a_whole_pin_is_read() {
        let good = format!("sha256:{}", "0a".repeat(32));
        assert!(good.parse::<Pin>().is_ok());
        for bad in
            ["", "sha256:", good.get(..70).unwrap(), &format!("{good}0"), &format!("{good}00"), &good.to_uppercase()]
        {
            assert_eq!(bad.parse::<Pin>(), Err(NoPin), "{bad}");
        }
        assert_eq!(good.replace("0a", "0A").parse::<Pin>(), Err(NoPin));
        assert_eq!(good.replace("sha256", "sha512").parse::<Pin>(), Err(NoPin));
        assert_eq!(good.replace("0a", "0g").parse::<Pin>(), Err(NoPin));
    }

    #[test]
    fn what_nests_too_deep_has_no_pin() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(pin(&nested(200)).is_some());
        assert_eq!(pin(&nested(201)), None);
    }
}
