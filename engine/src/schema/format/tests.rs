use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn check(format: Format, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(holds(format, text), "{format:?} {text}");
    }
    for text in bad {
        assert!(!holds(format, text), "{format:?} {text}");
    }
}

#[test]
fn dates_are_days_that_exist() {
    check(
        Format::Date,
        &["2024-02-29", "2000-02-29", "0001-01-01"],
        &["2023-02-29", "1900-02-29", "2024-04-31", "2024-00-01", "2024-1-1", "+024-01-01"],
    );
}

#[test]
fn times_have_an_offset_and_leap_seconds_end_a_day() {
    check(
        Format::Time,
        &["00:00:00Z", "23:59:60Z", "01:29:60+01:30", "12:00:00.123456789-00:00"],
        &["24:00:00Z", "12:00:00", "12:00:60Z", "12:00:00.Z", "12:00:00+24:00", "12:00Z"],
    );
    check(
        Format::DateTime,
        &["2024-01-01t00:00:00z"],
        &["2024-01-01 00:00:00Z", "2024-01-01T", "2024-01-0éT00:00:00Z"],
    );
}

#[test]
fn durations_name_units_in_order_without_gaps() {
    check(
        Format::Duration,
        &["P1Y2M3DT4H5M6S", "P3W", "PT1H", "P2M1D"],
        &["P1Y1D", "PT1H1S", "P", "PT", "P1W1D", "P1S", "1D", "P1D "],
    );
}

#[test]
fn mailboxes_are_a_local_part_and_a_domain() {
    check(
        Format::Email,
        &["a@b", "a.b+c@d.example", "\"a b\\\"\"@c", "a@[127.0.0.1]", "a@[IPv6:::1]"],
        &["a", "@b", "a@", "a..b@c", "a b@c", "\"a\"b@c", "a@-b", "ä@b", "a@[::1]", "a@b@c"],
    );
    check(Format::IdnEmail, &["ä@ö.example"], &["ä", "a b@c"]);
}

#[test]
fn hosts_are_letters_digits_and_inner_hyphens() {
    check(Format::Hostname, &["a", "a-b.c9", "xn--4gbwdl"], &["", ".", "a.", "-a", "a-", "a_b", "ä"]);
    check(Format::Ipv4, &["0.0.0.0", "255.1.2.3"], &["1.2.3", "256.1.1.1", "01.1.1.1", "1.1.1.1 "]);
    check(Format::Ipv6, &["::", "1::8", "::ffff:1.2.3.4"], &["1::2::3", "::1%eth0", "::1/64", ":::", "12345::"]);
}

#[test]
fn uris_keep_to_their_letters() {
    check(
        Format::Uri,
        &["a:", "http://u:p@h:1/p?q#f", "http://[::1]:80/", "urn:x:y", "mailto:a@b", "http://h/%20"],
        &[
            "",
            "a",
            "//h",
            "1a:b",
            "http://h/%2",
            "http://h /",
            "http://[::1",
            "http://h:x/",
            "http://ä/",
            "a:b#c#d",
            "a:[x]",
        ],
    );
    check(Format::UriReference, &["", "a/b:c", "//h", "?q", "#f"], &["1a:b", "\\", "a b"]);
    check(Format::Iri, &["http://ä/ö?\u{e000}#ü"], &["http://h/\u{e000}", "ä"]);
    check(Format::IriReference, &["ä"], &["\u{e000}"]);
}

#[test]
fn templates_close_what_they_open() {
    check(
        Format::UriTemplate,
        &["", "{a}", "x{+a,b:3,c*}y", "{?a.b,c%20}", "ä"],
        &["{", "}", "{}", "{a", "{a}}", "{=a}", "{a:0}", "{a:10000}", "a b", "%2"],
    );
}

#[test]
fn pointers_escape_their_tildes() {
    check(Format::JsonPointer, &["", "/", "/a~0~1", "/ä b"], &["a", "/~", "/~2", "/a~"]);
    check(Format::RelativeJsonPointer, &["0", "1/a", "0#", "2+1/b", "0-1#"], &["", "/a", "01", "-1", "0##", "1+0/a"]);
    check(
        Format::Uuid,
        &["00000000-0000-0000-0000-000000000000"],
        &["", "0000000-00000-0000-0000-000000000000", "g0000000-0000-0000-0000-000000000000"],
    );
}

#[test]
fn regular_expressions_are_those_of_ecma_262() {
    check(
        Format::Regex,
        &[
            "",
            "a|b",
            "^(?:a)(?<n>b)\\k<n>\\1$",
            "[^\\d\\-a-z]",
            "\\p{Script=Greek}",
            "a{1,2}?",
            "\\u{1F600}",
            "(?=a)",
            "[]",
            "\\cJ",
            "(?<!a)b",
            "[a-]",
            "[\\b]",
        ],
        &[
            "(",
            ")",
            "[",
            "a**",
            "*",
            "\\",
            "\\a",
            "\\Z",
            "a{2,1}",
            "{1}",
            "\\2(a)",
            "(?<n",
            "[b-a]",
            "\\p",
            "(?=a)*",
            "\\u{110000}",
            "}",
            "(?a)",
            "[\\d-z]",
            "\\c1",
        ],
    );
}
