//! Bodies of calls for the benchmarks, the same for all of them.
//!
//! In: a size. Out: a body of exactly that size, the same each time, that looks like what an agent sends: a
//! question, filters, and passages of text with some escapes and some letters beyond ASCII.
//! Holds nothing that the sample policy blocks, and no string of more than 500 characters.

/// What the benchmarks send: a short call, a usual one, and the largest that the sample policy takes.
pub const SIZES: [usize; 3] = [1_280, 7_168, 65_536];

/// The longest string that the sample policy takes, in characters.
const LONGEST: usize = 500;

/// As they stand in JSON: serialisers differ in what they escape, so some letters are escaped and some are not.
const TEXTS: [&str; 6] = [
    "The deploy of build 4711 failed at the second step: the health check got no answer within ten seconds, and the \
     rollout went back to the version before. No customer saw an error, since the old pods were still serving.",
    "Two of the three replicas restarted during the night.\\n\\n- memory stood at 91 percent\\n- the cache held 40,000 \
     entries\\n- nobody was paged, because the alert waits for \\\"five minutes in a row\\\"",
    "Der Kunde fragt, ob die Rückzahlung für die Bestellung schon unterwegs ist; er hätte sie gern bis Freitag auf dem \
     Konto und schließt nicht aus, dass die Überweisung an der falschen Bankverbindung scheiterte.",
    "Le caf\\u00e9 de la gare ouvre \\u00e0 six heures. Les horaires d'\\u00e9t\\u00e9 ne sont pas encore \
     affich\\u00e9s, mais le site les donne d\\u00e9j\\u00e0 (voir la page du 3 juin).",
    "See https://docs.example.org/guides/retries?lang=en#backoff for the rules of retries: the first comes after one \
     second, each further one waits twice as long, and after the fifth the job is put aside for a person to look at.",
    "fn main() {\\n    let total: u64 = orders.iter().map(|order| order.cents).sum();\\n    println!(\\\"{total} \
     cents in {} orders\\\", orders.len());\\n}",
];

/// A body of exactly `size` bytes; of the shortest that there is, if `size` is too small.
#[must_use]
pub fn body(size: usize) -> Vec<u8> {
    const END: &str = "\"}}";
    let mut body = "{\"arguments\":{\"query\":\"why did the deploy of build 4711 fail?\",\"limit\":20,\"filters\":\
                    {\"team\":\"payments\",\"since\":\"2026-11-01T00:00:00Z\",\"archived\":false,\"owner\":null},\
                    \"passages\":["
        .to_owned();
    let note = "],\"note\":\"";
    let mut separator = "";
    for (number, text) in TEXTS.iter().cycle().enumerate() {
        let next = format!("{separator}{}", passage(number, text));
        if body.len() + next.len() + note.len() + END.len() > size {
            break;
        }
        body.push_str(&next);
        separator = ",";
    }
    body.push_str(note);
    let room = size.saturating_sub(body.len() + END.len());
    body.extend("and what was done about it, in a few words; ".chars().cycle().take(room));
    body.push_str(END);
    body.into_bytes()
}

/// Bodies of 64 KiB that are made to cost as much as they can, and what they play upon.
#[must_use]
pub fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let of = |text: &str| {
        let mut body = "{\"arguments\":{\"q\":[\"".to_owned();
        let string = text.repeat(LONGEST / text.chars().count());
        while body.len() + string.len() + "\",\"\"]}}".len() <= 65_536 {
            body.push_str(&string);
            body.push_str("\",\"");
        }
        body.push_str("\"]}}");
        body.into_bytes()
    };
    vec![
        // Each begins as a pattern does, and none goes on as one.
        ("nearly found", of("rm -r.drop tabl.union al.curl x.wget y.delete fro.bash z.akia.")),
        // What looks encoded, and what is: each layer has to be undone.
        ("every sign", of("%2&#x'`^é%25%32\\u0041\\\\x41&amp;\\\"")),
        ("invisible letters", of("a\u{200b}b\u{ad}c\u{ff41}")),
        ("base64", of("aGVsbG8gd29ybGQsIHRoaXMgaXMgYSB0ZXh0IGluIGJhc2U2NC4g")),
        ("short strings", of("a b\",\"")),
    ]
}

fn passage(number: usize, text: &str) -> String {
    let score = 9_731usize.saturating_sub(number * 37 % 9_000);
    let pinned = number.is_multiple_of(7);
    format!(
        "{{\"id\":\"doc-{number:06}\",\"source\":\"tickets/2026/{number}\",\"text\":\"{text}\",\"score\":0.{score},\
         \"tags\":[\"deploy\",\"build-4711\"],\"pinned\":{pinned},\"parent\":null,\"position\":{{\"line\":{number},\
         \"column\":1}}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_size_that_was_asked_for() {
        for size in (1_000..1_800).chain(SIZES) {
            assert_eq!(body(size).len(), size);
        }
    }

    #[test]
    fn hostile_bodies_are_as_large_as_they_may_be() {
        for (name, body) in hostile() {
            assert!((64_000..=65_536).contains(&body.len()), "{name}: {}", body.len());
            assert!(str::from_utf8(&body).is_ok(), "{name}");
        }
    }

    #[test]
    fn no_string_is_longer_than_the_sample_policy_allows() {
        for size in (1_000..1_800).chain(SIZES) {
            let body = String::from_utf8(body(size)).unwrap();
            let longest = body.replace("\\\"", "'").split('"').map(|part| part.chars().count()).max();
            assert!(longest <= Some(500), "{size}: {longest:?}");
        }
    }
}
