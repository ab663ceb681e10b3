use super::*;
use toolgate_dice::Dice;

fn find(schemas: &[&str], longest: u32) -> Option<String> {
    let schemas: Vec<Json> = schemas.iter().map(|text| Json::read(text.as_bytes()).unwrap()).collect();
    let found = of_arguments(&schemas.iter().collect::<Vec<_>>(), longest)?;
    Some(format!("{} {}", found.pointer, found.why))
}

#[test]
fn what_no_arguments_can_fulfil_is_found() {
    for (schemas, wanted) in [
        (&["false"][..], " is forbidden"),
        (&[r#"{"type":"array"}"#], " would have to be of two types at once"),
        (&[r#"{"required":["a"],"properties":{"a":false}}"#], "/a is forbidden"),
        (&[r#"{"required":["a"]}"#, r#"{"additionalProperties":false}"#], "/a is forbidden"),
        (
            &[
                r#"{"required":["a"],"properties":{"a":{"type":"string"}}}"#,
                r#"{"properties":{"a":{"type":["null","integer"]}}}"#,
            ],
            "/a would have to be of two types at once",
        ),
        (
            &[
                r#"{"allOf":[{"required":["a/b"]},{"properties":{"a/b":{"const":"x"}}}]}"#,
                r#"{"properties":{"a/b":{"enum":["y","z"]}}}"#,
            ],
            "/a~1b has no value that `const`, `enum` and `type` allow",
        ),
        (
            &[r#"{"required":["a"],"properties":{"a":{"const":"x","type":"number"}}}"#],
            "/a has no value that `const`, `enum` and `type` allow",
        ),
        (
            &[
                r#"{"required":["a"],"properties":{"a":{"type":"string","minLength":5}}}"#,
                r#"{"properties":{"a":{"maxLength":4}}}"#,
            ],
            "/a would have to be longer than it may be",
        ),
        (
            &[r#"{"required":["a"],"properties":{"a":{"type":"array","minItems":2,"maxItems":1}}}"#],
            "/a would have to be longer than it may be",
        ),
        (
            &[
                r#"{"required":["a"],"properties":{"a":{"type":"integer","minimum":5}}}"#,
                r#"{"properties":{"a":{"maximum":4}}}"#,
            ],
            "/a would have to be greater than it may be",
        ),
        (&[r#"{"required":["a","b"]}"#, r#"{"maxProperties":1}"#], " would have to have more members than it may"),
        (
            &[
                r#"{"required":["a"],"properties":{"a":{"type":"object","required":["b"],"properties":{"b":{"not":{}}}}}}"#,
                r#"{"properties":{"a":{"properties":{"b":false}}}}"#,
            ],
            "/a/b is forbidden",
        ),
    ] {
        assert_eq!(find(schemas, u32::MAX).as_deref(), Some(wanted), "{schemas:?}");
    }
}

#[test]
fn what_strings_may_be_long_is_a_demand_too() {
    let required = r#"{"required":["name"],"properties":{"name":{"type":"string","minLength":6}}}"#;
    assert_eq!(find(&[required], 3).as_deref(), Some("/name must be there, and no key may be as long"));
    assert_eq!(find(&[required], 5).as_deref(), Some("/name would have to be longer than it may be"));
    assert_eq!(find(&[required], 6), None);
    assert!(find(&[r#"{"required":["n"],"properties":{"n":{"enum":["long"]}}}"#], 3).is_some());
    assert_eq!(find(&[r#"{"properties":{"name":{"minLength":6}}}"#], 0), None);
}

#[test]
fn what_may_be_fulfilled_is_not_found() {
    for schemas in [
        &["true", "{}"][..],
        &[r#"{"properties":{"a":false}}"#],
        &[r#"{"required":["a"]}"#, r#"{"additionalProperties":false,"patternProperties":{"^a":{}}}"#],
        &[r#"{"required":["a"],"properties":{"a":{"const":1}}}"#, r#"{"properties":{"a":{"enum":[1.0]}}}"#],
        &[r#"{"required":["a"],"properties":{"a":{"const":1.0,"type":"integer"}}}"#],
        &[r#"{"required":["a"],"properties":{"a":{"const":[1]}}}"#, r#"{"properties":{"a":{"const":[1e0]}}}"#],
        &[r#"{"required":["a"],"properties":{"a":{"type":"number"}}}"#, r#"{"properties":{"a":{"type":"integer"}}}"#],
        &[r#"{"required":["a"],"properties":{"a":{"minLength":5,"maxLength":4}}}"#],
        &[r#"{"required":["a"],"properties":{"a":{"minimum":5,"maximum":4}}}"#],
        &[r##"{"$ref":"#/$defs/x","type":"array","$defs":{"x":{}}}"##],
        &[r#"{"not":{"required":["a"]},"required":["a"]}"#],
        &[r#"{"anyOf":[false]}"#],
        &[r#"{"required":["a"],"properties":{"a":{"type":"integer","minimum":5,"maximum":5}}}"#],
        &[r#"{"required":["a"],"properties":{"a":{"type":"integer","minimum":5.5,"maximum":5}}}"#],
    ] {
        assert_eq!(find(schemas, u32::MAX), None, "{schemas:?}");
    }
}

/// A keyword of a small language, in which schemas contradict each other often.
fn keyword(dice: &mut Dice, depth: usize) -> String {
    const PLAIN: &[&str] = &[
        r#""type":"object""#,
        r#""type":"string""#,
        r#""type":"integer""#,
        r#""type":["number","null"]"#,
        r#""type":["object","array"]"#,
        r#""const":"ab""#,
        r#""const":1.0"#,
        r#""const":[1]"#,
        r#""enum":["ab","abc",1]"#,
        r#""enum":[null,{"a":1},[1.0]]"#,
        r#""minLength":3"#,
        r#""maxLength":2"#,
        r#""minimum":2"#,
        r#""maximum":1"#,
        r#""minItems":2"#,
        r#""maxItems":1"#,
        r#""minProperties":2"#,
        r#""maxProperties":1"#,
        r#""required":["a"]"#,
        r#""required":["b","a"]"#,
        r#""additionalProperties":false"#,
        r#""patternProperties":{"^a":true}"#,
        r#""not":{"type":"string"}"#,
    ];
    match dice.roll(if depth == 0 { 3 } else { 6 }) {
        3 => format!(r#""properties":{{"a":{}}}"#, schema(dice, depth - 1)),
        4 => format!(r#""additionalProperties":{}"#, schema(dice, depth - 1)),
        5 => format!(r#""allOf":[{}]"#, schema(dice, depth - 1)),
        _ => dice.pick(PLAIN).to_owned(),
    }
}

fn schema(dice: &mut Dice, depth: usize) -> String {
    if dice.roll(8) == 0 {
        return dice.pick(&["true", "false"]).to_owned();
    }
    let mut keywords: Vec<String> = (0..=dice.roll(3)).map(|_| keyword(dice, depth)).collect();
    let name = |keyword: &String| keyword.split(':').next().unwrap().to_owned();
    keywords.sort_by_key(name);
    keywords.dedup_by_key(|keyword| name(keyword));
    format!("{{{}}}", keywords.join(","))
}

fn value(dice: &mut Dice, depth: usize) -> serde_json::Value {
    const PLAIN: &[&str] = &[
        "null",
        "true",
        "1",
        "1.0",
        "2.5",
        "-3",
        r#""""#,
        r#""ab""#,
        r#""abc""#,
        "[]",
        "[1]",
        "[1,2]",
        "{}",
        r#"{"a":1}"#,
    ];
    if depth == 0 || dice.roll(3) > 0 {
        return serde_json::from_str(dice.pick(PLAIN)).unwrap();
    }
    object(dice, depth - 1)
}

fn object(dice: &mut Dice, depth: usize) -> serde_json::Value {
    ["a", "b", "ab"]
        .into_iter()
        .filter_map(|name| if dice.roll(2) == 0 { Some((name.to_owned(), value(dice, depth))) } else { None })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn where_a_contradiction_is_found_an_independent_validator_takes_nothing() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut found, mut taken) = (0, 0);
    for _ in 0..2000 {
        let texts = [schema(&mut dice, 2), schema(&mut dice, 2)];
        let longest = if dice.roll(2) == 0 { 2 } else { u32::MAX };
        let is_found = find(&[&texts[0], &texts[1]], longest).is_some();
        found += u32::from(is_found);
        let length = if longest == 2 { r#"{"propertyNames":{"maxLength":2}}"# } else { "true" };
        let all: serde_json::Value =
            serde_json::from_str(&format!(r#"{{"allOf":[{},{},{length}]}}"#, texts[0], texts[1])).unwrap();
        let validator = jsonschema::draft202012::new(&all).unwrap();
        for _ in 0..30 {
            let arguments = object(&mut dice, 2);
            let is_short = longest == u32::MAX || !arguments.to_string().contains("abc");
            let is_taken = is_short && validator.is_valid(&arguments);
            taken += u32::from(is_taken);
            assert!(!(is_found && is_taken), "{texts:?} {longest} {arguments}");
        }
    }
    // Otherwise the schemas are too wide or too narrow to prove anything.
    assert!(found > 200 && taken > 200, "{found} found, {taken} taken");
}
