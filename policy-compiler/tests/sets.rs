//! The named sets, held to their own examples.
//!
//! In: the files of `policy-compiler/src/sets`. Out: whether each pattern blocks what it says, and the set lets pass
//! what it must.

#![cfg(test)]

use policy_compiler::{
    compile,
    sets::{self, Member, Set},
};
use toolgate_engine::{
    automaton::ReadyAutomaton,
    bundle::{self, Deployment},
    json::{Bounds, Document},
    policy::Policy,
    views::{Fold, fold},
};

/// A policy of one tool that blocks these entries.
fn policy(blocked: &serde_json::Value) -> Policy {
    let source = format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\n\
         agents: {{ a: {{}} }}\ntools:\n  t: {{ agents: [a], arguments: {{ blocked: {blocked} }} }}\n"
    );
    let compiled = compile("test", source.as_bytes());
    let bundle = compiled.bundle.unwrap_or_else(|| panic!("{blocked}: {:?}", compiled.diagnostics));
    Policy::load(bundle::encode(&bundle, Deployment::default()).unwrap().as_bytes()).unwrap()
}

fn blocks(policy: &Policy, text: &str) -> bool {
    let body = serde_json::json!({ "a": text }).to_string();
    let document = Document::read(body.as_bytes(), Bounds::default()).unwrap();
    let tool = policy.tool_named(b"t").unwrap();
    policy.checks(tool).any(|checks| checks.run(document.root()).is_err())
}

#[test]
fn every_file_of_a_set_can_be_read_and_compiled() {
    assert_eq!(sets::all().len(), sets::names().count());
    for set in sets::all() {
        let automata = sets::automata(set.name).unwrap_or_else(|why| panic!("{}: {why}", set.name));
        assert!(!automata.is_empty());
        assert!(!set.passes.is_empty() && !set.about.is_empty(), "{}", set.name);
    }
}

#[test]
fn every_pattern_of_a_set_blocks_its_examples_by_itself() {
    let mut wrong = Vec::new();
    for set in sets::all() {
        for member in &set.patterns {
            assert!(!member.blocks.is_empty() && !member.why.is_empty(), "{}", member.regex);
            let policy = policy(&serde_json::json!([{ "regex": member.regex }]));
            let passed = member.blocks.iter().filter(|text| !blocks(&policy, text));
            wrong.extend(passed.map(|text| format!("{}: {text:?} passes {}", set.name, member.regex)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_set_blocks_its_examples_and_lets_pass_what_it_must() {
    let mut wrong = Vec::new();
    for set in sets::all() {
        let policy = policy(&serde_json::json!([{ "set": set.name }]));
        let examples = set.patterns.iter().flat_map(|member| &member.blocks);
        wrong.extend(
            examples.filter(|text| !blocks(&policy, text)).map(|text| format!("{}: {text:?} passes", set.name)),
        );
        wrong.extend(set.passes.iter().filter(|text| blocks(&policy, text)).map(|text| {
            let by = set
                .patterns
                .iter()
                .find(|member| blocks(&self::policy(&serde_json::json!([{ "regex": member.regex }])), text));
            format!("{}: {text:?} is blocked by {:?}", set.name, by.map(|member| &member.regex))
        }));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Addresses of IPv4 that only the inside reaches: one or two of each block, its ends included.
const INSIDE: [[u8; 4]; 21] = [
    [127, 0, 0, 1],
    [127, 255, 255, 254],
    [127, 1, 2, 3],
    [10, 0, 0, 0],
    [10, 255, 255, 255],
    [10, 20, 30, 40],
    [172, 16, 0, 1],
    [172, 31, 255, 254],
    [172, 20, 10, 2],
    [192, 168, 0, 1],
    [192, 168, 255, 255],
    [169, 254, 169, 254],
    [169, 254, 0, 1],
    [100, 64, 0, 1],
    [100, 127, 255, 254],
    [100, 100, 100, 200],
    [0, 0, 0, 0],
    [192, 0, 0, 192],
    [198, 18, 0, 1],
    [198, 19, 255, 254],
    [255, 255, 255, 255],
];

/// Addresses that everybody reaches, close to those.
const OUTSIDE: [[u8; 4]; 15] = [
    [8, 8, 8, 8],
    [1, 1, 1, 1],
    [93, 184, 216, 34],
    [11, 0, 0, 1],
    [9, 255, 255, 255],
    [126, 255, 255, 255],
    [128, 0, 0, 1],
    [172, 15, 255, 255],
    [172, 32, 0, 1],
    [192, 167, 255, 255],
    [192, 169, 0, 1],
    [169, 253, 1, 1],
    [100, 63, 255, 255],
    [100, 128, 0, 1],
    [198, 20, 0, 1],
];

/// A number as `inet_aton` reads it: in each base, with zeros and in either case.
fn spellings(number: u32) -> Vec<String> {
    vec![
        format!("{number}"),
        format!("0{number:o}"),
        format!("000{number:o}"),
        format!("0x{number:x}"),
        format!("0X{number:X}"),
        format!("0x000{number:x}"),
    ]
}

/// An address with one to four numbers, each in every base.
fn notations(address: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = address.map(u32::from);
    let parts: [Vec<u32>; 4] =
        [vec![u32::from_be_bytes(address)], vec![a, b << 16 | c << 8 | d], vec![a, b, c << 8 | d], vec![a, b, c, d]];
    let mut notations = Vec::new();
    for numbers in parts {
        let spelt: Vec<Vec<String>> = numbers.iter().map(|number| spellings(*number)).collect();
        // All in one base, and each in another one than the rest.
        for base in 0..6 {
            for odd in 0..6 {
                for at in 0..spelt.len() {
                    let part =
                        |(part, of_part): (usize, &Vec<String>)| of_part[if part == at { odd } else { base }].clone();
                    notations.push(spelt.iter().enumerate().map(part).collect::<Vec<_>>().join("."));
                }
            }
        }
    }
    notations.sort();
    notations.dedup();
    notations
}

/// What `inet_aton` makes of a text.
fn inet_aton(text: &str) -> Option<[u8; 4]> {
    let number = |part: &str| {
        let hex = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
        match hex {
            Some(hex) => u64::from_str_radix(hex, 16),
            None if part.len() > 1 && part.starts_with('0') => u64::from_str_radix(part, 8),
            None => part.parse(),
        }
    };
    let numbers: Vec<u64> = text.split('.').map(number).collect::<Result<_, _>>().ok()?;
    let (last, first) = numbers.split_last()?;
    let mut address: u64 = *last;
    for (at, number) in first.iter().enumerate() {
        address |= number << (24 - 8 * at);
    }
    u32::try_from(address).ok().map(u32::to_be_bytes)
}

/// Where a host can stand in a text.
const AROUND_HOSTS: [(&str, &str); 13] = [
    ("http://", "/"),
    ("https://", ""),
    ("http://", ":8080/x?y=z"),
    ("http://user:pw@", "/x"),
    ("see http://", " and more"),
    ("\"http://", "\""),
    ("(ftp://", ")"),
    ("HTTP://", "#x"),
    ("http:\\\\", "\\x"),
    ("//", "/x"),
    ("http:/", "/x"),
    ("http://", "./"),
    ("u=ws://", "?x"),
];

#[test]
fn inner_addresses_are_blocked_in_every_notation() {
    let policy = policy(&serde_json::json!([{ "set": "ssrf" }]));
    let (mut passed, mut count) = (Vec::new(), 0);
    for address in INSIDE {
        for (at, notation) in notations(address).into_iter().enumerate() {
            assert_eq!(inet_aton(&notation), Some(address), "{notation}");
            let (before, behind) = AROUND_HOSTS[at % AROUND_HOSTS.len()];
            let text = format!("{before}{notation}{behind}");
            count += 1;
            if !blocks(&policy, &text) {
                passed.push(text);
            }
        }
        let plain = std::net::Ipv4Addr::from(address).to_string();
        for (before, behind) in
            AROUND_HOSTS.into_iter().chain([("", ""), ("at ", ", please"), ("[", "]"), ("host=", ".")])
        {
            let text = format!("{before}{plain}{behind}");
            if !blocks(&policy, &text) {
                passed.push(text);
            }
        }
    }
    assert!(count > 5_000, "{count}");
    assert!(passed.is_empty(), "{} of {count}: {:#?}", passed.len(), &passed.iter().take(60).collect::<Vec<_>>());
}

#[test]
fn outer_addresses_are_let_pass() {
    let policy = policy(&serde_json::json!([{ "set": "ssrf" }]));
    let texts = OUTSIDE.iter().flat_map(|address| {
        let plain = std::net::Ipv4Addr::from(*address).to_string();
        AROUND_HOSTS.into_iter().chain([("", "")]).map(move |(before, behind)| format!("{before}{plain}{behind}"))
    });
    let blocked: Vec<_> = texts.filter(|text| blocks(&policy, text)).collect();
    assert_eq!(blocked, Vec::<String>::new());
}

/// An address of IPv6 in each way to write it: long, with zeros, each run of zeros left out, the end as IPv4.
fn notations6(address: std::net::Ipv6Addr) -> Vec<String> {
    let groups = address.segments();
    let [.., g, h] = groups;
    let [[a, b], [c, d]] = [g.to_be_bytes(), h.to_be_bytes()];
    let tails = [vec![format!("{g:x}"), format!("{h:x}")], vec![format!("{a}.{b}.{c}.{d}")]];
    let mut notations = Vec::new();
    for tail in tails {
        for digits in [1, 4] {
            let head = groups.iter().take(6).map(|group| format!("{group:0digits$x}"));
            let all: Vec<String> = head.chain(tail.iter().cloned()).collect();
            notations.push(all.join(":"));
            for from in 0..all.len() {
                let is_zero = |part: &&String| part.chars().all(|digit| digit == '0');
                let run = all[from..].iter().take_while(is_zero).count();
                for length in 1..=run {
                    let rest = &all[from + length..];
                    notations.push(format!("{}::{}", all[..from].join(":"), rest.join(":")));
                }
            }
        }
    }
    notations.retain(|notation| notation.parse() == Ok(address));
    notations.extend(notations.iter().map(|notation| notation.to_uppercase()).collect::<Vec<_>>());
    notations.sort();
    notations.dedup();
    notations
}

#[test]
fn inner_addresses_of_ipv6_are_blocked_in_every_notation() {
    let policy = policy(&serde_json::json!([{ "set": "ssrf" }]));
    let mut inside: Vec<std::net::Ipv6Addr> = [
        "::",
        "::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff:ffff::1",
        "fe80::1",
        "febf::a:b",
        "fec0::1",
        "ff02::1",
        "64:ff9b:1::a00:1",
        "2001:0:7f00:1::",
        "100::1",
    ]
    .map(|address| address.parse().unwrap())
    .to_vec();
    for address in INSIDE {
        let [a, b, c, d] = address;
        let tail = format!("{:x}:{:x}", u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for head in ["::ffff:", "::", "::ffff:0:", "64:ff9b::"] {
            inside.push(format!("{head}{tail}").parse().unwrap());
        }
        inside.push(format!("2002:{tail}::1").parse().unwrap());
    }
    let (mut passed, mut count) = (Vec::new(), 0);
    for address in inside {
        for notation in notations6(address) {
            for text in [
                format!("http://[{notation}]/"),
                format!("https://u@[{notation}]:8443/x"),
                format!("see http://[{notation}%25eth0]/ now"),
                format!("//[{notation}%1]"),
                notation.clone(),
                format!("host: {notation}"),
            ] {
                // `::` is a sign of many languages, so that alone is blocked only where it is the whole text.
                if address.is_unspecified() && text.starts_with("host: ") {
                    continue;
                }
                count += 1;
                if !blocks(&policy, &text) {
                    passed.push(text);
                }
            }
        }
    }
    assert!(count > 5_000, "{count}");
    assert!(passed.is_empty(), "{} of {count}: {:#?}", passed.len(), &passed.iter().take(80).collect::<Vec<_>>());
}

#[test]
fn outer_addresses_of_ipv6_are_let_pass() {
    let policy = policy(&serde_json::json!([{ "set": "ssrf" }]));
    let outside =
        ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001:80b::200e", "2400:cb00:2049:1::a29f:1"];
    for address in outside.map(|address| address.parse::<std::net::Ipv6Addr>().unwrap()) {
        for notation in notations6(address) {
            for text in [format!("http://[{notation}]/"), notation.clone(), format!("host: {notation}, port 80")] {
                assert!(!blocks(&policy, &text), "{text}");
            }
        }
    }
}

/// Ordinary text of this repository: prose, code of two languages, settings and a licence.
const ORDINARY: [(&str, &str); 15] = [
    ("LICENSE", include_str!("../../LICENSE")),
    ("docs/metrics.md", include_str!("../../docs/metrics.md")),
    ("docs/audit.md", include_str!("../../docs/audit.md")),
    ("docs/measurements.md", include_str!("../../docs/measurements.md")),
    ("docs/architecture.md", include_str!("../../docs/architecture.md")),
    ("docs/decisions/0001-layout.md", include_str!("../../docs/decisions/0001-layout.md")),
    ("docs/decisions/0003-packed-policy.md", include_str!("../../docs/decisions/0003-packed-policy.md")),
    ("engine/src/policy.rs", include_str!("../../engine/src/policy.rs")),
    ("engine/src/limits/bucket.rs", include_str!("../../engine/src/limits/bucket.rs")),
    ("engine/src/json/number.rs", include_str!("../../engine/src/json/number.rs")),
    ("filter/src/http.rs", include_str!("../../filter/src/http.rs")),
    ("tests/src/harness/load.rs", include_str!("../../tests/src/harness/load.rs")),
    ("tests/loki/main.go", include_str!("../../tests/loki/main.go")),
    ("Cargo.toml", include_str!("../../Cargo.toml")),
    ("rustfmt.toml", include_str!("../../rustfmt.toml")),
];

/// Mail, chat and data as agents send them.
const SENT: [&str; 14] = [
    "Hi Anna, thanks for your mail! I'll be in Zürich from 10:30 to 12:00; let's meet at the station (platform 9). Best, Jörg",
    "The invoice no. 2024-10-0127 over 1.234,56 € is due on 31.12.2024. Please select the right account and update your records.",
    "Could you drop the old table from the meeting room and order a new one? We'd like to union both groups from where they sit.",
    "{\"name\":\"O'Neill\",\"tags\":[\"a\",\"b\"],\"version\":\"10.0.19045\",\"price\":\"5%\",\"note\":\"x = 1 or y = 2\"}",
    "SELECT id, name FROM users WHERE name LIKE '%ann%' AND age > 30 ORDER BY name LIMIT 10",
    "git checkout -b fix/login && git push -u origin fix/login",
    "def add(a, b):\n    \"\"\"Adds two numbers.\"\"\"\n    return a + b  # that's it\n",
    "const re = /^[\\w.-]+@[\\w-]+\\.[a-z]{2,}$/i; console.log(`matched ${re.test(x)}`);",
    "https://www.example.com/path/to/page?utm_source=mail&q=caf%C3%A9%20bar#section-2",
    "Error: connection to db.example.com:5432 timed out after 30000 ms (attempt 3/5)",
    "家族会議は１０時からです。資料を忘れないでください。👨‍👩‍👧",
    "2024-11-23T10:15:30Z INFO request id=9f86d081884c7d659a2feaa0c55ad015 took 17 ms",
    "Rm 204, the shutdown of line 3 is planned; halt the belt now and then. Format: A4, 2 copies.",
    "mail,phone\nann@example.com,+49 30 901820\nbob@example.com,+1 212 555 0100\n",
];

#[test]
fn ordinary_text_is_let_pass_by_every_set() {
    let mut blocked = Vec::new();
    for set in sets::all() {
        let policy = policy(&serde_json::json!([{ "set": set.name }]));
        let lines = ORDINARY.iter().flat_map(|(name, text)| text.lines().map(move |line| (*name, line)));
        let whole = ORDINARY.iter().filter(|(_, text)| !text.contains("../"));
        for (name, text) in lines.chain(whole.copied()).chain(SENT.map(|text| ("sent", text))) {
            // Links to other folders go up, which is what this set is about.
            let goes_up = set.name == "path-traversal" && text.contains("../");
            if !goes_up && blocks(&policy, text) {
                blocked.push(format!("{} blocks {name}: {}", set.name, text.chars().take(160).collect::<String>()));
            }
        }
    }
    assert_eq!(blocked, Vec::<String>::new());
}

/// A text as code in Markdown, on one line: what cannot be seen is written as an escape.
fn code(text: &str) -> String {
    let shown: String = text
        .chars()
        .map(|letter| match letter {
            '\n' | '\t' => letter.escape_default().to_string(),
            _ if letter.is_control() || matches!(fold(letter), Fold::Gone) => letter.escape_unicode().to_string(),
            _ => letter.to_string(),
        })
        .collect();
    let longest = shown.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let blank = if longest > 0 { " " } else { "" };
    format!("{fence}{blank}{shown}{blank}{fence}")
}

/// The page of a set.
fn page(set: &Set) -> String {
    let automata = sets::automata(set.name).unwrap();
    let ready: Vec<_> = automata.iter().map(|joined| ReadyAutomaton::try_from(&joined.automaton).unwrap()).collect();
    let states: usize = ready.iter().map(ReadyAutomaton::states).sum();
    let bytes: usize = ready.iter().map(ReadyAutomaton::bytes).sum();
    let packed: usize = automata.iter().map(|joined| joined.automaton.as_bytes().len()).sum();
    let list = |items: Vec<String>| items.iter().map(|item| format!("- {item}\n")).collect::<String>();
    let patterns: String = set
        .patterns
        .iter()
        .map(|Member { regex, why, blocks }| {
            let blocks = list(blocks.iter().map(|text| code(text)).collect());
            format!("### {}\n\n```text\n{regex}\n```\n\nBlocks, for example:\n\n{blocks}\n", why.trim_end_matches('.'))
        })
        .collect();
    format!(
        "# The set `{}`\n\n<!-- written from policy-compiler/src/sets/{}.yaml by the tests with UPDATE=1 -->\n\n{}\n\n\
         ```yaml\nblocked: [{{ set: {} }}]\n```\n\nIts patterns are searched for in all [views of a text]\
         (../policy.md#views), so encoded texts are found as well. It costs {} automata with {states} states: {} KiB in \
         each worker, once for all tools, and {:.1} KiB in the policy before it is compressed.\n\n\
         ## What it lets pass\n\n{}\n## What it does not find\n\n{}\n## What it blocks, and why\n\n{}",
        set.name,
        set.name,
        set.about,
        set.name,
        automata.len(),
        bytes.div_ceil(1024),
        packed as f64 / 1024.0,
        list(set.passes.iter().map(|text| code(text)).collect()),
        list(set.misses.clone()),
        patterns.trim_end().to_owned() + "\n",
    )
}

#[test]
fn every_set_has_its_page() {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/sets");
    for set in sets::all() {
        let path = folder.join(format!("{}.md", set.name));
        let page = page(&set);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &page).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), page, "run the tests with UPDATE=1");
    }
    let pages = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(pages, sets::names().count());
}
