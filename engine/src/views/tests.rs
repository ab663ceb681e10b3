#![expect(clippy::cast_possible_truncation, reason = "numbers of tests are small")]

use super::*;
use toolgate_dice::Dice;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// All views of a text, itself included, and whether the allowance was enough.
fn views(text: &str) -> (Vec<String>, bool) {
    let mut views = Vec::new();
    let end = look_through(text.as_bytes(), &mut Allowance::of(text.len()), |view| {
        views.push(String::from_utf8_lossy(view).into_owned());
        None::<()>
    });
    (views, end.is_ok())
}

/// Whether a view holds a text, as a pattern would look for it: letters in either case, any white space for a blank.
fn shows(text: &str, wanted: &str) -> Result<bool, TooLayered> {
    let plain = |text: &str| {
        let words: Vec<_> =
            text.split([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).filter(|word| !word.is_empty()).collect();
        words.join(" ").to_ascii_lowercase()
    };
    let wanted = plain(wanted);
    let found = look_through(text.as_bytes(), &mut Allowance::of(text.len()), |view| {
        plain(&String::from_utf8_lossy(view)).contains(&wanted).then_some(())
    });
    found.map(|found| found.is_some())
}

/// How many bytes of views there are for each byte of the text.
fn cost(text: &str) -> f64 {
    let mut bytes = 0;
    let end = look_through(text.as_bytes(), &mut Allowance::of(text.len()), |view| {
        bytes += view.len();
        None::<()>
    });
    assert_eq!(end, Ok(None), "refused: {}", text.chars().take(100).collect::<String>());
    (bytes - text.len()) as f64 / text.len() as f64
}

/// A way to hide a text that some reader undoes.
type Disguise = (&'static str, fn(&mut Dice, &str) -> String);

const DISGUISES: [Disguise; 12] = [
    ("percent", percent),
    ("percent_u", percent_u),
    ("entities", entities),
    ("escapes", escaped),
    ("octal", octal),
    ("quotes", quoted),
    ("backslashes", backslashed),
    ("base64", base64),
    ("base64 in lines", base64_in_lines),
    ("utf-16 in base64", base64_of_utf16),
    ("look-alikes", look_alikes),
    ("invisible", invisible),
];

/// Each letter hidden or not; those in `always` are, since they would be read as something else.
fn each(dice: &mut Dice, text: &str, always: &str, hide: impl Fn(&mut Dice, char) -> String) -> String {
    let one_in = 1 + dice.roll(3);
    let mut hidden = String::new();
    for letter in text.chars() {
        if always.contains(letter) || dice.one_in(one_in) {
            hidden.push_str(&hide(dice, letter));
        } else {
            hidden.push(letter);
        }
    }
    hidden
}

fn percent(dice: &mut Dice, text: &str) -> String {
    each(dice, text, "%", |dice, letter| {
        let byte = |byte: &u8| if dice.one_in(2) { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
        letter.encode_utf8(&mut [0; 4]).as_bytes().iter().map(byte).collect()
    })
}

fn percent_u(dice: &mut Dice, text: &str) -> String {
    each(dice, text, "%", |dice, letter| match u32::from(letter) {
        code @ 0..0x10000 if dice.one_in(2) => format!("%u{code:04x}"),
        _ => letter.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02x}")).collect(),
    })
}

fn entities(dice: &mut Dice, text: &str) -> String {
    each(dice, text, "&", |dice, letter| {
        let code = u32::from(letter);
        let named = super::names::NAMES.iter().find(|(_, text)| text.chars().eq([letter]));
        match (dice.roll(4), named) {
            (0, _) => format!("&#{code};"),
            (1, _) => format!("&#X{code:X};"),
            (2, Some((name, _))) => format!("&{name};"),
            _ => format!("&#x000{code:x};"),
        }
    })
}

fn escaped(dice: &mut Dice, text: &str) -> String {
    each(dice, text, "\\", |dice, letter| match (u32::from(letter), dice.roll(5)) {
        (92, 0) => "\\\\".to_owned(),
        (code @ 0..0x80, 1) => format!("\\x{code:02x}"),
        (code @ 0..0x10000, 2) => format!("\\u{code:04x}"),
        (code, 3) => format!("\\U{code:08x}"),
        (code, _) => format!("\\u{{{code:x}}}"),
    })
}

fn octal(dice: &mut Dice, text: &str) -> String {
    each(dice, text, "\\", |dice, letter| match u32::from(letter) {
        // `echo -e` takes a zero more.
        code @ 0x20..0x80 if dice.one_in(2) => format!("\\0{code:03o}"),
        code @ 0x20..0x80 => format!("\\{code:03o}"),
        _ if letter == '\\' => "\\\\".to_owned(),
        _ => letter.to_string(),
    })
}

fn quoted(dice: &mut Dice, text: &str) -> String {
    each(dice, text, "", |dice, letter| {
        let quotes = dice.pick(&["''", "\"\"", "``", "^"]);
        format!("{quotes}{letter}")
    })
}

fn backslashed(dice: &mut Dice, text: &str) -> String {
    // A shell takes a backslash before a line's end for no line's end at all.
    each(
        dice,
        text,
        "\\'\"`^",
        |_, letter| if "\r\n".contains(letter) { letter.to_string() } else { format!("\\{letter}") },
    )
}

fn base64_of(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        let digit = |at: u32| char::from(alphabet[(bits >> (18 - 6 * at) & 63) as usize]);
        text.extend((0..=group.len() as u32).map(digit));
    }
    text
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64(dice: &mut Dice, text: &str) -> String {
    let digits = base64_of(text.as_bytes(), dice.pick(&[STANDARD, FOR_URLS]));
    let padding = "=".repeat(if dice.one_in(2) { (4 - digits.len() % 4) % 4 } else { 0 });
    let before = dice.pick(&["", "x", "data:text/plain;base64,", "echo ", "a/", "key_"]);
    let behind = dice.pick(&["", " | base64 -d", ".", " x"]);
    format!("{before}{digits}{padding}{behind}")
}

fn base64_in_lines(dice: &mut Dice, text: &str) -> String {
    let digits = base64_of(text.as_bytes(), STANDARD);
    let (width, end) = dice.pick(&[(4, "\n"), (5, "\r\n"), (19, "\n"), (16, "\n    "), (64, "\r\n\t"), (20, " ")]);
    let lines: Vec<_> = digits.as_bytes().chunks(width).map(|line| str::from_utf8(line).unwrap()).collect();
    lines.join(end)
}

/// Of text that is mostly ASCII; other text is known by nothing.
fn base64_of_utf16(dice: &mut Dice, text: &str) -> String {
    if text.chars().filter(char::is_ascii).count() * 3 < text.encode_utf16().count() {
        return base64(dice, text);
    }
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    base64_of(&bytes, STANDARD)
}

fn look_alikes(dice: &mut Dice, text: &str) -> String {
    each(dice, text, "", |dice, letter| {
        let shifted = |start: u32, first: char| char::from_u32(start + u32::from(letter) - u32::from(first));
        let other = match (letter, dice.roll(3)) {
            ('K', 2) => Some('\u{212a}'),
            ('s', 2) => Some('\u{17f}'),
            ('!'..='~', 0) => shifted(0xff01, '!'),
            ('a'..='z', 1) => shifted(0x1d41a, 'a'),
            ('A'..='Z', 1) => shifted(0x1d400, 'A'),
            ('0'..='9', 1) => shifted(0x1d7ce, '0'),
            (' ', 0) => Some('\u{3000}'),
            (' ', 1) => Some('\u{a0}'),
            _ => None,
        };
        other.unwrap_or(letter).to_string()
    })
}

fn invisible(dice: &mut Dice, text: &str) -> String {
    each(dice, text, "", |dice, letter| {
        let nothing = dice.pick(&['\u{200b}', '\u{ad}', '\u{2060}', '\u{feff}', '\u{fe00}', '\u{e0041}', '\u{e01ef}']);
        format!("{nothing}{letter}")
    })
}

/// What is hidden in the tests, with text around it.
const PAYLOADS: [&str; 5] =
    ["rm -rf /", "127.0.0.1:8080", "<script>alert", "../../etc/shadow", "union select password from users"];

fn surrounded(dice: &mut Dice, text: &str) -> String {
    let before = dice.pick(&["", "x", "see: ", "\n", "Grüße; "]);
    let behind = dice.pick(&["", "y", " and so on", "\n", " 日本"]);
    let mut text = format!("{before}{text}{behind}");
    // Base64 that says less is not looked into.
    while text.len() < 2 * kinds::SHORTEST_BASE64 {
        text.push_str(" and so on");
    }
    text
}

/// Whether one disguise can follow another without a loss that a reader would have, too.
fn hidden(dice: &mut Dice, disguises: &[Disguise], payload: &str) -> (String, Vec<String>) {
    let mut text = surrounded(dice, payload);
    let mut steps = vec![text.clone()];
    for (name, disguise) in disguises {
        text = disguise(dice, &text);
        steps.push(format!("{name}: {text:?}"));
    }
    (text, steps)
}

/// How many of the texts are refused because they hide too much.
fn check(dice: &mut Dice, disguises: &[Disguise], rounds: usize) -> usize {
    let mut refused = 0;
    for _ in 0..rounds {
        let payload = dice.pick(&PAYLOADS);
        let (text, steps) = hidden(dice, disguises, payload);
        match shows(&text, payload) {
            Ok(found) => assert!(found, "{payload} is lost\n{}\n{:#?}", steps.join("\n"), views(&text)),
            Err(TooLayered) => refused += 1,
        }
    }
    refused
}

#[test]
fn no_disguise_hides_a_text() {
    let mut dice = Dice(1);
    for disguise in DISGUISES {
        assert_eq!(check(&mut dice, &[disguise], 400), 0);
    }
}

#[test]
fn no_two_disguises_hide_a_text() {
    let mut dice = Dice(2);
    for first in DISGUISES {
        for second in DISGUISES {
            assert_eq!(check(&mut dice, &[first, second], 30), 0);
        }
    }
}

#[test]
fn no_three_disguises_hide_a_text() {
    let mut dice = Dice(3);
    let mut refused = 0;
    for first in DISGUISES {
        for second in DISGUISES {
            for third in DISGUISES {
                refused += check(&mut dice, &[first, second, third], 2);
            }
        }
    }
    // A text of nothing but signs may be refused before it is found.
    assert!(refused < 10, "{refused} of 3456");
}

/// A text of so many bytes or a little more, from lines that are repeated with another number in each.
fn long(bytes: usize, lines: &[&str]) -> String {
    let mut text = String::new();
    for (at, line) in lines.iter().cycle().enumerate() {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&line.replace('#', &at.to_string()));
        text.push('\n');
    }
    text
}

fn image(bytes: usize) -> String {
    let mut dice = Dice(9);
    let noise: Vec<u8> = (0..bytes).map(|_| dice.roll(256) as u8).collect();
    base64_of(&noise, STANDARD)
}

/// Ordinary texts, and how many bytes of views they may need for each byte.
fn ordinary() -> Vec<(&'static str, String, f64)> {
    let prose = [
        "The deploy of build # failed at the second step; the health check got no answer within 10 seconds.",
        "We don't know why — \"it worked yesterday\" isn't an answer… Prices rose by 5% & more, didn't they?",
        "Der Kunde fragt, ob die Rückzahlung (Auftrag #) schon unterwegs ist; er hätte „gern“ eine Antwort. 😀❤️",
    ];
    let code = [
        include_str!("decode.rs"),
        include_str!("escapes.rs"),
        include_str!("entities.rs"),
        include_str!("../denial.rs"),
        "const PATH = /^[\\w.\\-]+\\\\(?:[\\w ]+\\\\)*\\d{1,3}\\.(?:js|\\u0041)$/; // #",
        "printf(\"%s\\t%d\\n\\x1b[0m\", argv[#], \"C:\\\\Users\\\\me\\\\#\"); char nul = '\\0'; let re = r'\\b\\x41\\b';",
    ];
    let html = [
        "<a href=\"/search?q=caf%C3%A9%20%26%20bar&amp;page=#\" onclick='go(\"x\\n\")'>Fish &amp; chips &lt;#&gt;</a>",
        "<p>It&#39;s 100% safe, &quot;really&quot;&nbsp;&mdash; see <code>a[\\\"b\\\"] &amp;&amp; c</code>&hellip;</p>",
    ];
    let json = "{\"id\":#,\"path\":\"C:\\\\temp\\\\#\",\"html\":\"<b class=\\\"x\\\">A &amp; B<\\/b>\",\"note\":\"line\\nline\\u00e9\"}";
    let twice = serde_json::Value::from(long(40_000, &[json])).to_string();
    let log = [
        "2026-11-23T22:36:08.263Z INFO 10.2.3.# \"GET /a/b?c=%7B%22d%22%3A#%7D HTTP/1.1\" 200 12 \"-\" \"curl/8.5.0\"",
        "\u{1b}[31merror\u{1b}[0m at /usr/lib/python3/dist-packages/module_name/file_name.py:# in <module>",
    ];
    let csv = ["#,\"Müller, Jörg\",mueller@example.com,\"12,50 €\",2026-11-23,,TRUE,\"said \"\"hi\"\"\""];
    let words = ["international", "understanding", "configuration#", "a-long-identifier_with/parts"];
    let plain_json =
        "{\"id\":#,\"name\":\"Anna \\\"A\\\" Roth\",\"url\":\"https://example.org/a/#\",\"note\":\"line\\nline\"}";
    let dump = ["INSERT INTO `users` VALUES (#,'O\\'Neill','a\\\\b','{\\\"k\\\":\\\"v\\\"}','2026-11-23');"];
    let chinese =
        ["这个文本没有任何危险的内容，只是一些普通的汉字（＃#）。", "ﾃｽﾄ　ＡＢＣ１２３、日本語のテキスト「#」"];
    let digests = ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  release-#.tar.gz"];
    let inner = base64_of(long(48_000, &code).as_bytes(), STANDARD);
    let k = 64 << 10;
    vec![
        ("prose", long(k, &prose), 2.5),
        ("source code", long(k, &code), 32.0),
        ("HTML", long(k, &html), 16.0),
        ("plain JSON", long(k, &[plain_json]), 5.0),
        ("JSON in a string", long(k, &[json]), 24.0),
        ("JSON in a string, twice", twice, 24.0),
        ("a log", long(k, &log), 6.0),
        ("a table", long(k, &csv), 1.5),
        ("words", long(k, &words), 0.5),
        ("a dump of a database", long(k, &dump), 6.0),
        ("Chinese and Japanese", long(k, &chinese), 1.5),
        ("digests", long(k, &digests), 0.5),
        ("an image of 1 MB in base64", image(1 << 20), 0.5),
        ("source code in base64", inner, 28.0),
        ("nothing but one letter", "A".repeat(k), 0.5),
        ("nothing but quotes", "'".repeat(k), 1.5),
        ("nothing but backslashes", "\\".repeat(k), 1.5),
        ("nothing but percent signs", "%".repeat(k), 0.5),
    ]
}

#[test]
fn ordinary_texts_are_looked_through_to_the_end() {
    for (what, text, most) in ordinary() {
        let cost = cost(&text);
        assert!(cost <= most, "{what}: {cost}");
    }
}

/// Whether a view is exactly this text.
fn has_view(text: &str, wanted: &str) -> bool {
    views(text).0.iter().any(|view| view == wanted)
}

#[test]
fn an_escape_that_another_encoding_hides_is_undone() {
    assert!(has_view("%5cx72m", "rm") && has_view("&#92;x72m", "rm") && has_view("\\%78%372m", "rm"));
    assert!(has_view("r%5cu200bm", "rm") && has_view("\\u0025\\u0037\\u0032m", "rm"));
}

#[test]
fn a_sign_that_another_one_cuts_is_undone() {
    assert!(has_view("%7''2m", "rm") && has_view("'\\x7''2'm", "rm") && has_view("&#1''1''4;m", "rm"));
    assert!(has_view("&#1%31%34;m", "rm") && has_view("&#x%37\\x32;m", "rm") && has_view("%&#55;2m", "rm"));
}

#[test]
fn a_caret_behind_a_backslash_cuts_an_escape() {
    assert!(has_view(r#"r\^01""55"#, "rm") && has_view(r#"r\^x6""d"#, "rm"));
    assert!(has_view(r#"127.\^006""0.\061"#, "127.0.1"));
}

#[test]
fn a_wide_digit_is_no_part_of_the_number_before_it() {
    assert!(has_view("&#49２7", "127") && has_view("\\61２7", "127"));
    // And is, where it was folded first.
    assert!(has_view("&#1１4;m", "rm") && has_view("＆#114；m", "rm") && has_view("%７2m", "rm"));
}

#[test]
fn a_backslash_is_shown_as_an_escape_as_a_quote_and_as_itself() {
    let (views, _) = views(r"\\rm ..\..\x");
    for wanted in [r"rm ....x", r"\rm ..\..\x".replace(r"\\", r"\").as_str()] {
        assert!(views.iter().any(|view| view.contains(wanted)), "{wanted}: {views:?}");
    }
    assert!(has_view(r"\rm", "rm") && has_view(r"r\m", "rm") && has_view("r\\\nm", "rm") && has_view("r^\r\nm", "rm"));
    assert!(has_view("..%5c..%5c", r"..\..\"));
}

#[test]
fn quotes_are_shown_gone_and_as_they_are() {
    assert!(has_view("r''m", "rm") && has_view("\"r\"m", "rm") && has_view("$'r'm", "rm") && has_view("r`m", "rm"));
    assert!(has_view("%27 or %271%27=%271", "' or '1'='1") && has_view(r"\' or \'1", "' or '1"));
}

#[test]
fn names_of_letters_that_fold_to_ascii_are_undone() {
    assert!(has_view("&rscr;&mscr;", "rm") && has_view("&lbrack;x&rbrack;", "[x]") && has_view("a&nldr;/b", "a../b"));
    assert!(has_view("a&ltb", "a<b") && has_view("a&amp;lt;b", "a<b") && !has_view("a&lx;b", "a<b"));
}

#[test]
fn what_is_no_utf_8_is_left_out() {
    assert!(has_view("r%FFm", "rm") && has_view("r%E2%80m", "rm") && has_view("..%c0%af", "../"));
    assert!(has_view("r%00m", "rm") && has_view("r%ED%A0%80m", "rm"));
}

#[test]
fn invisible_letters_are_shown_before_they_go() {
    assert!(has_view("r%E2%80%8Bm", "r\u{200b}m") && has_view("r%E2%80%8Bm", "rm"));
    assert!(has_view("hi\u{e0072}\u{e006d}", "rm") && has_view("x\u{e0162}\u{e015d}", "rm"));
}

#[test]
fn numbers_of_escapes_end_where_their_languages_say() {
    for text in [r"\162\155", r"\0162\0155", r"\x72\x6d", r"\u0072\u006D", r"\u{72}\u{0000006d}", r"\U00000072m"] {
        assert!(has_view(text, "rm"), "{text}");
    }
    assert!(has_view(r"127\0560\0560\0561", "127.0.0.1") && has_view(r"\ud83d\ude00", "😀"));
}

#[test]
fn base64_is_found_in_lines_behind_letters_and_in_itself() {
    let short = "cm0gLXJmIC8=";
    assert_eq!(shows(short, "rm -rf /"), Ok(false), "what has fewer letters than a long word is none");
    let lines = "c3VkbyBy\nbSAtcmYg\r\nLw==";
    for text in [
        "c3VkbyBybSAtcmYgLw==",
        "c3VkbyBybSAtcmYgLw",
        "x/c3VkbyBybSAtcmYgLw==",
        "echo c3VkbyBybSAtcmYgLw== | base64 -d",
        lines,
    ] {
        assert_eq!(shows(text, "rm -rf /"), Ok(true), "{text}");
    }
    assert_eq!(shows("run: YWJjL2MzVmtieUJ5YlNBdGNtWWdMdz09", "rm -rf /"), Ok(true));
    let indented = "    c3Vkbzsgcm0gLXJm\n    IC8=\n";
    assert_eq!(shows(indented, "rm -rf /"), Ok(true));
    assert_eq!(shows("cwB1AGQAbwAgAHIAbQAgAC0AcgBmACAALwA=", "rm -rf /"), Ok(true));
}

#[test]
fn a_text_that_hides_in_more_layers_is_refused() {
    let deep = format!("\\x5c{}", "x5c".repeat(40));
    assert!(!views(&deep).1);
    assert!(views(&format!("%{}41", "25".repeat(1000))).1);
}

#[test]
fn signs_without_an_end_cost_no_more_than_others() {
    // Each of these was looked at again from every place before it.
    for sign in ["\\u{", "&#0000", "&", "\\", "%u00", "&#x", "%"] {
        assert!(cost(&sign.repeat(20_000)) < 8.0, "{sign}");
    }
}
