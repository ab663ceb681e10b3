use super::*;

fn ready(pattern: &str, syntax: Syntax) -> ReadyAutomaton {
    let compiled = compile(pattern, syntax, Budget::default()).unwrap_or_else(|why| panic!("{pattern}: {why}"));
    ReadyAutomaton::try_from(&compiled.automaton).unwrap()
}

fn ecma(pattern: &str, text: &str) -> bool {
    ready(pattern, Syntax::Ecma).is_match(text.as_bytes())
}

fn blocked(pattern: &str, text: &str) -> bool {
    ready(pattern, Syntax::Rust).is_match(text.as_bytes())
}

fn refusal(pattern: &str, syntax: Syntax) -> Refusal {
    compile(pattern, syntax, Budget::default()).unwrap_err()
}

#[test]
fn a_schema_pattern_is_searched_for_anywhere() {
    assert!(ecma("a+", "xxaayy"));
    assert!(ecma("", "anything"));
    assert!(!ecma("^a*$", "aab"));
    assert!(ecma("^a*$", ""));
}

#[test]
fn an_end_anchor_is_the_very_end() {
    assert!(ecma("^abc$", "abc"));
    assert!(!ecma("^abc$", "abc\n"));
}

#[test]
fn classes_of_schema_patterns_are_those_of_ecma() {
    assert!(ecma(r"^\d+$", "09"));
    assert!(!ecma(r"^\d$", "߀"));
    assert!(!ecma(r"^\w$", "é"));
    assert!(ecma(r"^\W$", "é"));
    for space in ["\t", "\u{b}", "\u{c}", "\n", "\r", " ", "\u{a0}", "\u{feff}", "\u{2029}", "\u{2003}", "\u{3000}"] {
        assert!(ecma(r"^\s$", space), "{space:?}");
        assert!(!ecma(r"^\S$", space), "{space:?}");
    }
    assert!(!ecma(r"^\s$", "\u{1}") && !ecma(r"^\s$", "\u{2013}") && !ecma(r"^\s$", "\u{85}"));
    assert!(ecma(r"^\p{Letter}+$", "Zażółć") && ecma(r"\p{Script=Greek}", "aα") && !ecma(r"^\P{L}$", "a"));
}

#[test]
fn escapes_of_schema_patterns_are_those_of_ecma() {
    assert!(ecma(r"^\cC$", "\u{3}") && ecma(r"^\cc$", "\u{3}"));
    assert!(ecma(r"^\u00e9\x41\u{1F432}\uD83D\uDC32$", "éA🐲🐲"));
    assert!(ecma(r"^[\b\0]$", "\u{8}") && ecma(r"^\/\-\.$", "/-."));
    assert!(ecma("^🐲*$", "🐲🐲") && !ecma("^🐲{2}$", "🐲"));
    assert!(ecma(r"^.$", "é") && !ecma("^.$", "\u{2028}") && ecma("^[^]$", "\n") && !ecma("[]", "a"));
    assert!(ecma(r"^[a&&b~~\]\[-]+$", "&~[]-ab"));
    assert!(ecma(r"^(?<year>\d{4})-(?:\d\d){1,}?$", "2026-1123"));
}

#[test]
fn what_no_automaton_can_do_is_refused_with_its_place() {
    for (pattern, at) in [("a(?=b)", 1), ("(?<!a)b", 0), (r"(a)\1", 3), (r"(?<n>a)\k<n>", 7)] {
        let refusal = refusal(pattern, Syntax::Ecma);
        assert_eq!(refusal.at, at, "{pattern}");
        assert!(refusal.help.is_some());
    }
    assert_eq!(refusal("a(?=b)", Syntax::Rust).at, 1);
    assert!(refusal(r"(a)\1", Syntax::Rust).message.contains("back-references"));
}

#[test]
fn what_ecma_does_not_know_is_refused() {
    let wrong = [
        r"\Z",
        r"\a",
        "a{",
        "a{,2}",
        "}",
        "]",
        "*a",
        "(",
        ")",
        "a**",
        "[b-a]",
        r"[\d-z]",
        r"\p{Nonsense}",
        r"\u12",
        r"\ud83d",
        "(?i)a",
        r"\c1",
        "(?<1>a)",
        "a{2,1}",
        r"\01",
        "^*",
        "[",
    ];
    for pattern in wrong {
        assert!(compile(pattern, Syntax::Ecma, Budget::default()).is_err(), "{pattern}");
    }
}

#[test]
fn a_blocked_pattern_matches_letters_in_either_case() {
    assert!(blocked("rm -rf", "RM -Rf"));
    assert!(blocked(r"curl\s+.*\|\s*sh", "x CURL http://é | SH"));
    assert!(blocked("(?-i:AKIA)", "AKIA") && !blocked("(?-i:AKIA)", "akia"));
    assert!(blocked("é", "É"));
}

#[test]
fn a_space_stands_for_any_white_space() {
    assert!(blocked("rm -rf", "rm \t\n -rf") && !blocked("rm -rf", "rm-rf"));
    let literal = compile_all(&[Pattern::literal("DROP  TABLE")], Budget::default()).unwrap();
    let literal = ReadyAutomaton::try_from(&literal.automaton).unwrap();
    assert!(literal.is_match(b"x drop\ntable y") && !literal.is_match(b"droptable"));
}

#[test]
fn a_dot_is_one_character_and_not_one_byte() {
    assert!(blocked("^a.b$", "a🐲b") && !blocked("^a..b$", "a🐲b"));
    assert!(blocked(r"^[^x]{2}$", "é🐲") && !blocked(r"^[^x]{3}$", "é🐲"));
    assert!(blocked(r"\bsh\b", "a; sh -c") && !blocked(r"\bsh\b", "push it"));
}

#[test]
fn a_letter_with_a_mark_is_matched_in_both_forms() {
    for pattern in ["löschen", "lo\u{308}schen", "l[öü]schen"] {
        assert!(
            blocked(pattern, "LÖSCHEN") && blocked(pattern, "lo\u{308}schen") && !blocked(pattern, "loschen"),
            "{pattern}"
        );
    }
    assert!(blocked("(?-i:é日)", "e\u{301}日") && !blocked("(?-i:é)", "E\u{301}"));
    let literal = compile_all(&[Pattern::literal("Größe")], Budget::default()).unwrap();
    let literal = ReadyAutomaton::try_from(&literal.automaton).unwrap();
    assert!(literal.is_match("gro\u{308}ße".as_bytes()) && literal.is_match("GRÖẞE".as_bytes()));
}

#[test]
fn equal_states_are_all_found() {
    for pattern in ["ab|cb|db", "(?:a|b)*abb", r"\bx{3,9}y\b", "a.{3}b", "é|日|[à-ü]z", "(?:aa)*b|(?:aaa)*c"] {
        let table =
            determine::determine(&[&Pattern::parse(pattern, Syntax::Rust).unwrap().0], Budget::default()).unwrap();
        let (blocks, count) = partition::partition(&table);
        assert_eq!(told_apart(&table), count, "{pattern}");
        assert_eq!(blocks.len(), table.rows.len());
    }
}

/// How many states can be told apart, by Moore's algorithm: round by round, by what each leads to.
fn told_apart(table: &determine::Table) -> usize {
    use determine::Target;
    let found = |target: &Target| matches!(target, Target::Found(_)).then_some(*target);
    let mut blocks = vec![0; table.rows.len()];
    let mut count = 1;
    loop {
        let mut seen = std::collections::HashMap::new();
        let key = |(row, own): (&Vec<Target>, &usize)| -> (usize, Vec<Result<usize, Target>>, Option<Target>) {
            let leads = |target: &Target| match target {
                Target::State(state) => Ok(blocks[*state]),
                found @ Target::Found(_) => Err(*found),
            };
            (*own, row.iter().take(table.width).map(leads).collect(), row.last().and_then(found))
        };
        let keys: Vec<_> = table.rows.iter().zip(&blocks).map(key).collect();
        blocks = keys
            .into_iter()
            .map(|key| {
                let next = seen.len();
                *seen.entry(key).or_insert(next)
            })
            .collect();
        if seen.len() == count {
            return count;
        }
        count = seen.len();
    }
}

#[test]
fn of_several_patterns_the_one_that_is_complete_first_is_named() {
    let patterns = ["rm -rf", "os.system", "drop table"].map(Pattern::literal);
    let compiled = compile_all(&patterns, Budget::default()).unwrap();
    let ready = ReadyAutomaton::try_from(&compiled.automaton).unwrap();
    let find = |text: &str| ready.find(text.as_bytes()).map(|found| found.0);
    assert_eq!(find("drop table; rm -rf"), Some(2));
    assert_eq!(find("rm -rf; drop table"), Some(0));
    assert_eq!(find("OS.System"), Some(1));
    assert_eq!(find("os system"), None);
    assert_eq!(ready.patterns(), 3);
}

#[test]
fn a_pattern_over_the_budget_is_refused() {
    let refusal = refusal(r"[ab]*a[ab]{20}c", Syntax::Rust);
    assert!(refusal.over_budget, "{refusal}");
    assert!(compile(r"^\p{L}{1,500}$", Syntax::Ecma, Budget::default()).unwrap_err().over_budget);
}

#[test]
fn equal_patterns_give_equal_automata() {
    let bytes = |pattern| compile(pattern, Syntax::Rust, Budget::default()).unwrap().automaton;
    assert_eq!(bytes("ab|ac"), bytes("a[bc]"));
    assert_eq!(bytes("(?:ab)+"), bytes("ab"));
    assert_ne!(bytes("ab"), bytes("ac"));
}

#[test]
fn literals_are_packed_small() {
    let literals =
        ["rm -rf /", "os.system(", "DROP TABLE", "wget http", "/etc/passwd", "<script", "eval(", "base64 -d"];
    let compiled = compile_all(&literals.map(Pattern::literal), Budget::default()).unwrap();
    let letters: usize = literals.iter().map(|literal| literal.len()).sum();
    let packed = compiled.automaton.as_bytes().len();
    assert!(packed < letters * 4, "{packed} bytes for {letters} letters");
}
