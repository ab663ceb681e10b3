//! Patterns, held to two other engines of regular expressions and to what a search one by one would find.
//!
//! In: generated patterns and texts, the same in every run. Out: whether all find the same.
//! `regex` and `regex-lite` get the same pattern in their own words; where the dialects differ, see `Item::write`.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use policy_compiler::{
    compile,
    regex::{Budget, Refusal, Syntax},
};
use std::sync::Arc;
use toolgate_dice::Dice;
use toolgate_engine::{
    automaton::ReadyAutomaton,
    bundle::{self, Bundle, Deployment},
    json::{Bounds, Document},
    policy::Policy,
    views::{self, Allowance},
};

/// A part of a pattern.
#[derive(Clone, Debug)]
enum Item {
    Letter(char),
    Space,
    Dot,
    /// `d`, `w`, `s` or their opposites.
    Perl(char),
    /// Members as they are written, and whether it is all others.
    Class(Vec<&'static str>, bool),
    Boundary,
    Start,
    End,
    Group(Vec<Vec<Item>>),
    CaseMatters(Vec<Item>),
    DotIsAll(Vec<Item>),
    Repeat(Box<Item>, usize, Option<usize>, bool),
}

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Ours,
    Regex,
    Lite,
}

const LETTERS: [char; 14] = ['a', 'b', 'c', 'A', 'B', 'x', '0', '1', '.', '-', '_', '/', 'é', '日'];
const MEMBERS: [&str; 8] = ["a-c", "0-9", "x", "-", "_", "é", "A", "/"];
const LONGEST: usize = 6;

impl Item {
    fn new(dice: &mut Dice, depth: usize, is_ascii: bool) -> Self {
        let letter = |dice: &mut Dice| {
            let letter = dice.pick(&LETTERS);
            Self::Letter(if is_ascii && !letter.is_ascii() { 'b' } else { letter })
        };
        match dice.roll(if depth == 0 { 12 } else { 17 }) {
            0..5 => letter(dice),
            5 => Self::Space,
            6 => Self::Dot,
            7 => Self::Perl(dice.pick(&['d', 'w', 's', 'D', 'W', 'S'])),
            8 => {
                let members = (0..=dice.roll(3)).map(|_| dice.pick(&MEMBERS));
                let members = members.filter(|member| !is_ascii || member.is_ascii()).collect::<Vec<_>>();
                if members.is_empty() { Self::Dot } else { Self::Class(members, dice.one_in(3)) }
            }
            9 => Self::Boundary,
            10 if dice.one_in(3) => Self::Start,
            11 if dice.one_in(3) => Self::End,
            10 | 11 => letter(dice),
            12 | 13 => Self::Group((0..=dice.roll(3)).map(|_| sequence(dice, depth - 1, is_ascii)).collect()),
            14 if dice.one_in(3) => Self::CaseMatters(sequence(dice, depth - 1, is_ascii)),
            15 if dice.one_in(3) => Self::DotIsAll(sequence(dice, depth - 1, is_ascii)),
            _ => {
                let least = dice.roll(3);
                let most = (least + dice.roll(4)).max(1);
                let most = if dice.one_in(2) { None } else { Some(most) };
                let item = Self::Group(vec![sequence(dice, depth - 1, is_ascii)]);
                Self::Repeat(Box::new(item), least, most, dice.one_in(3))
            }
        }
    }

    /// The item in the words of an engine. In ours `\d`, `\w`, `\s` and `\b` are ASCII and a blank is any white space.
    fn write(&self, dialect: Dialect, out: &mut String) {
        let ours = dialect == Dialect::Ours;
        match self {
            Self::Letter(letter) if "./-".contains(*letter) => out.extend(['\\', *letter]),
            Self::Letter(letter) => out.push(*letter),
            Self::Space => out.push_str(if ours { " " } else { r"[\t-\r ]+" }),
            Self::Dot => out.push('.'),
            Self::Perl(class) if ours => out.extend(['\\', *class]),
            Self::Perl(class) => out.push_str(match class {
                'd' => "[0-9]",
                'D' => "[^0-9]",
                'w' => "[0-9A-Za-z_]",
                'W' => "[^0-9A-Za-z_]",
                's' => r"[\t-\r ]",
                _ => r"[^\t-\r ]",
            }),
            Self::Class(members, negated) => {
                out.push_str(if *negated { "[^" } else { "[" });
                members.iter().for_each(|member| out.push_str(if *member == "-" { r"\-" } else { member }));
                out.push(']');
            }
            Self::Boundary => out.push_str(if dialect == Dialect::Regex { r"(?-u:\b)" } else { r"\b" }),
            Self::Start => out.push('^'),
            Self::End => out.push('$'),
            Self::Group(branches) => {
                out.push('(');
                branches.iter().enumerate().for_each(|(at, branch)| {
                    out.push_str(if at == 0 { "" } else { "|" });
                    write(branch, dialect, out);
                });
                out.push(')');
            }
            Self::CaseMatters(items) => group("(?-i:", items, dialect, out),
            Self::DotIsAll(items) => group("(?s:", items, dialect, out),
            Self::Repeat(item, least, most, is_lazy) => {
                item.write(dialect, out);
                let most = most.map(|most| most.to_string()).unwrap_or_default();
                out.push_str(&format!("{{{least},{most}}}"));
                out.push_str(if *is_lazy { "?" } else { "" });
            }
        }
    }

    /// A text that the item may match.
    fn sample(&self, dice: &mut Dice, out: &mut String) {
        match self {
            Self::Letter(letter) if dice.one_in(2) => out.extend(letter.to_uppercase()),
            Self::Letter(letter) => out.push(*letter),
            Self::Space => out.push_str(dice.pick(&[" ", "\t ", "\n", "  "])),
            Self::Dot => out.push(dice.pick(&['a', '\n', 'é', '0'])),
            Self::Perl(class) => out.push(match class {
                'd' | 'W' => dice.pick(&['0', '٣', '-']),
                'w' | 'D' => dice.pick(&['a', '_', 'é']),
                _ => dice.pick(&[' ', '\n', 'b']),
            }),
            Self::Class(..) => out.push(dice.pick(&['a', 'C', '5', 'x', '-', 'É', '日'])),
            Self::Boundary | Self::Start | Self::End => {}
            Self::Group(branches) => branches[dice.roll(branches.len())].iter().for_each(|item| item.sample(dice, out)),
            Self::CaseMatters(items) | Self::DotIsAll(items) => items.iter().for_each(|item| item.sample(dice, out)),
            Self::Repeat(item, least, most, _) => {
                let count = least + dice.roll(most.map_or(3, |most| most.saturating_sub(*least) + 1));
                (0..count).for_each(|_| item.sample(dice, out));
            }
        }
    }
}

fn sequence(dice: &mut Dice, depth: usize, is_ascii: bool) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for _ in 0..=dice.roll(LONGEST) {
        let item = Item::new(dice, depth, is_ascii);
        // Several blanks are one in our dialect, and several of them elsewhere.
        if !matches!((items.last(), &item), (Some(Item::Space), Item::Space)) {
            items.push(item);
        }
    }
    items
}

fn write(items: &[Item], dialect: Dialect, out: &mut String) {
    items.iter().for_each(|item| item.write(dialect, out));
}

fn group(head: &str, items: &[Item], dialect: Dialect, out: &mut String) {
    out.push_str(head);
    write(items, dialect, out);
    out.push(')');
}

fn written(items: &[Item], dialect: Dialect) -> String {
    let mut out = String::new();
    write(items, dialect, &mut out);
    out
}

/// A text that may hold a match: at the start, at the end or between others, sometimes with one letter changed.
fn text(dice: &mut Dice, patterns: &[Vec<Item>]) -> String {
    let noise = |dice: &mut Dice| -> String {
        (0..dice.roll(24)).map(|_| dice.pick(&['a', 'B', 'c', ' ', '1', '.', '-', 'é', '日', '\n', 'z'])).collect()
    };
    let mut text = if dice.one_in(3) { String::new() } else { noise(dice) };
    if !dice.one_in(6) {
        let pattern = &patterns[dice.roll(patterns.len())];
        pattern.iter().for_each(|item| item.sample(dice, &mut text));
    }
    if !dice.one_in(3) {
        text.push_str(&noise(dice));
    }
    if dice.one_in(4) && !text.is_empty() {
        let mut letters: Vec<char> = text.chars().collect();
        let at = dice.roll(letters.len());
        letters[at] = dice.pick(&['a', ' ', '0', 'é']);
        text = letters.into_iter().collect();
    }
    text
}

/// A pattern that our compiler takes; a few are over its budget.
fn automaton(items: &[Item]) -> Option<ReadyAutomaton> {
    let pattern = written(items, Dialect::Ours);
    match policy_compiler::regex::compile(&pattern, Syntax::Rust, Budget { states: 2000, ..Budget::default() }) {
        Ok(compiled) => Some(ReadyAutomaton::try_from(&compiled.automaton).unwrap()),
        Err(Refusal { over_budget: true, .. }) => None,
        Err(refusal) => panic!("{pattern}: {refusal}"),
    }
}

fn engine(items: &[Item]) -> regex::Regex {
    let pattern = written(items, Dialect::Regex);
    regex::RegexBuilder::new(&pattern).case_insensitive(true).build().unwrap_or_else(|why| panic!("{pattern}: {why}"))
}

/// Holds automata to another engine, over generated patterns and texts, and says how many patterns were over the budget.
fn hold_to<E: Fn(&str) -> bool>(seed: u64, is_ascii: bool, engine: impl Fn(&[Item]) -> E) -> u32 {
    let mut dice = Dice(seed);
    let (mut pairs, mut found, mut over_budget) = (0, 0, 0);
    for _ in 0..1500 {
        let pattern = sequence(&mut dice, 2, is_ascii);
        let Some(automaton) = automaton(&pattern) else {
            over_budget += 1;
            continue;
        };
        let is_match = engine(&pattern);
        for _ in 0..20 {
            let text = text(&mut dice, std::slice::from_ref(&pattern));
            let ours = automaton.is_match(text.as_bytes());
            assert_eq!(ours, is_match(&text), "{} in {text:?}", written(&pattern, Dialect::Ours));
            pairs += 1;
            found += usize::from(ours);
        }
    }
    assert!(pairs >= 28_000 && found > pairs / 4 && found < pairs * 9 / 10, "{found} of {pairs}");
    over_budget
}

#[test]
fn regex_finds_the_same() {
    let over_budget = hold_to(1, false, |pattern| {
        let engine = engine(pattern);
        move |text| engine.is_match(text)
    });
    assert!(over_budget < 75, "{over_budget}");
}

/// `regex-lite` knows the two cases of ASCII only, so patterns are ASCII here; texts are not.
#[test]
fn regex_lite_finds_the_same() {
    hold_to(2, true, |pattern| {
        let lite = written(pattern, Dialect::Lite);
        let engine = regex_lite::RegexBuilder::new(&lite).case_insensitive(true).build().unwrap();
        move |text| engine.is_match(text)
    });
}

/// A policy of one tool that blocks these entries.
fn bundle_of(blocked: &serde_json::Value) -> Option<Bundle> {
    let source = format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\n\
         agents: {{ a: {{}} }}\ntools:\n  t: {{ agents: [a], arguments: {{ blocked: {blocked} }} }}\n"
    );
    compile("test", source.as_bytes()).bundle
}

fn load(bundle: &Bundle) -> Policy {
    Policy::load(bundle::encode(bundle, Deployment::default()).unwrap().as_bytes()).unwrap()
}

/// The rule that refuses arguments, if one does.
fn refusal(policy: &Policy, body: &str) -> Option<u32> {
    let document = Document::read(body.as_bytes(), Bounds::default()).unwrap();
    let tool = policy.tool_named(b"t").unwrap();
    policy.checks(tool).find_map(|checks| checks.run(document.root()).err()).map(|offence| offence.rule)
}

/// The key is empty, since keys are searched, too.
fn blocks(policy: &Policy, text: &str) -> bool {
    refusal(policy, &serde_json::json!({ "": text }).to_string()).is_some()
}

/// Whether one of them finds something in a view of the text.
fn in_a_view(text: &str, mut finds: impl FnMut(&[u8]) -> bool) -> bool {
    let found = views::look_through(text.as_bytes(), &mut Allowance::of(text.len()), |view| finds(view).then_some(()));
    found.unwrap().is_some()
}

#[test]
fn the_scanner_finds_what_each_automaton_and_another_engine_find() {
    let mut dice = Dice(3);
    let (mut texts, mut found) = (0, 0);
    for _ in 0..120 {
        let count = 1 + dice.roll(12);
        // What matches nothing is refused, and patterns over the budget are as well.
        let patterns: Vec<_> = (0..count).map(|_| sequence(&mut dice, 1, false)).collect();
        let entries: Vec<_> =
            patterns.iter().map(|pattern| serde_json::json!({ "regex": written(pattern, Dialect::Ours) })).collect();
        let usable = entries.iter().map(|entry| bundle_of(&serde_json::json!([entry])).is_some());
        let (patterns, entries): (Vec<_>, Vec<_>) = usable
            .collect::<Vec<_>>()
            .into_iter()
            .zip(patterns.into_iter().zip(entries))
            .filter_map(|(is_usable, both)| is_usable.then_some(both))
            .unzip();
        let Some(bundle) = (!patterns.is_empty()).then(|| bundle_of(&entries.into())).flatten() else { continue };
        let policy = load(&bundle);
        let automata: Vec<_> = bundle.automata.iter().map(|one| ReadyAutomaton::try_from(one).unwrap()).collect();
        let engines: Vec<_> = patterns
            .iter()
            .map(|pattern| {
                let pattern = written(pattern, Dialect::Regex);
                regex::bytes::RegexBuilder::new(&pattern).case_insensitive(true).build().unwrap()
            })
            .collect();
        for _ in 0..60 {
            let text = text(&mut dice, &patterns);
            let scanner = blocks(&policy, &text);
            let one_by_one = in_a_view(&text, |view| automata.iter().any(|automaton| automaton.is_match(view)));
            let other = in_a_view(&text, |view| engines.iter().any(|engine| engine.is_match(view)));
            assert_eq!((scanner, one_by_one), (other, other), "{text:?}: {patterns:?}");
            texts += 1;
            found += usize::from(scanner);
        }
    }
    assert!(texts > 4_000 && found > texts / 4 && found < texts * 19 / 20, "{found} of {texts}");
}

#[test]
fn more_patterns_than_one_scanner_leads_are_all_found() {
    // Few patterns that hold on to a match are joined, so these need more automata than the 32 of one scanner.
    let patterns: Vec<String> = (0..100).map(|at| format!("start{at:03}.*end{at:03}")).collect();
    let entries: Vec<_> = patterns.iter().map(|pattern| serde_json::json!({ "regex": pattern })).collect();
    let bundle = bundle_of(&entries.into()).unwrap();
    assert!(bundle.automata.len() > 40, "{}", bundle.automata.len());
    let policy = load(&bundle);
    for at in 0..patterns.len() {
        let rule = refusal(&policy, &format!(r#"{{"a":"x start{at:03} and END{at:03}"}}"#)).unwrap();
        assert_eq!(bundle.rules[rule as usize], format!("/tools/t/arguments/blocked/{at}"));
        assert_eq!(refusal(&policy, &format!(r#"{{"a":"x start{at:03} and end{:03}"}}"#, (at + 1) % 100)), None);
    }
}

/// A string of JSON with letters escaped or not.
fn spelt(dice: &mut Dice, text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        if dice.one_in(2) || matches!(letter, '"' | '\\' | '\0'..' ') {
            let mut units = [0; 2];
            out.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04X}")));
        } else {
            out.push(letter);
        }
    }
    out.push('"');
}

#[test]
fn spelling_order_and_neighbours_change_no_verdict() {
    let mut dice = Dice(4);
    let entries = serde_json::json!(["rm -rf", { "regex": r"\bunion\s+select\b" }, { "regex": "a.{3}z" }, "é日"]);
    let policy = load(&bundle_of(&entries).unwrap());
    let pieces =
        ["rm -rf", "rm  -", "UNION SELECT", "reunion select", "a123z", "a\\u00z", "É日", "e", "\"", "😀", "\\"];
    let mut found = 0;
    for _ in 0..4_000 {
        let values: Vec<String> = (0..1 + dice.roll(4))
            .map(|_| {
                (0..dice.roll(4)).map(|_| dice.pick(&pieces)).collect::<Vec<_>>().join(dice.pick(&["", " ", "\n"]))
            })
            .collect();
        let plain = serde_json::json!({ "a": values }).to_string();
        let mut members: Vec<_> = values.iter().enumerate().collect();
        for at in (1..members.len()).rev() {
            members.swap(at, dice.roll(at + 1));
        }
        let mut other = "{\"quiet\": 17".to_owned();
        for (at, value) in members {
            other.push_str(&format!(" ,\n\"k{at}\":[null, {{\"deep\":"));
            spelt(&mut dice, value, &mut other);
            other.push_str("}]");
        }
        other.push('}');
        let verdicts = [plain, other].map(|body| refusal(&policy, &body).is_some());
        assert_eq!(verdicts[0], verdicts[1], "{values:?}");
        found += usize::from(verdicts[0]);
    }
    assert!((1_000..3_500).contains(&found), "{found}");
}

#[test]
fn compiler_and_filter_agree_on_what_compiles() {
    // Hopeless patterns are refused before they take long; all others are loaded by the engine itself.
    let costly = [
        r"[ab]*a[ab]{20}c",
        r"\w{1,5000}@",
        r"a.{25}b",
        r"\p{L}{1,500}",
        r"(?:(?:(?:a{20}){20}){20}){20}",
        r"(?:\p{L}\p{N}){100}",
        r"x.{0,300}y.{0,300}z",
        r"[\p{L}--a]{200}",
        r"(?:[^a]*a){30}[^b]{100}b",
        r"(?:(?:a|b)*c|(?:a|c)*b|(?:b|c)*a){40}",
        r"\b(?:foo|bar|baz)\b.{0,40}\b(?:rm|mv)\b",
    ];
    for pattern in costly {
        let refusal = policy_compiler::regex::compile(pattern, Syntax::Rust, Budget::default()).unwrap_err();
        assert!(refusal.over_budget, "{pattern}: {refusal}");
    }
    let harmless =
        [r".*.*.*.*=.*", r"(.*a){12}", r"(?:a?){50}a{50}", r"(?:[a-z]{1,30}\.){1,30}com", r"(a|b|c|d|e){50}(.*x){10}"];
    for pattern in harmless {
        let compiled = policy_compiler::regex::compile(pattern, Syntax::Rust, Budget::default()).unwrap();
        let loaded = Arc::new(ReadyAutomaton::try_from(&compiled.automaton).unwrap());
        assert_eq!((loaded.states(), loaded.bytes()), (compiled.cost.states, compiled.cost.bytes));
    }
}
