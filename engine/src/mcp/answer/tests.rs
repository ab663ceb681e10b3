use super::*;
use serde_json::{Value as Json, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn awaited(version: Version, method: &str) -> Awaited {
    let id = Id::read(Document::read(b"7", Bounds::default()).unwrap().root()).unwrap();
    Awaited { version, request: Some((id, method.to_owned())) }
}

fn listening() -> Awaited {
    Awaited { version: Version::V2025_06_18, request: None }
}

/// The message that goes on, when entries of these names are shown.
fn shown(text: &str, awaited: &Awaited, names: &[&str]) -> Result<(String, Passed), Unfit> {
    let mut is_shown = |said: Said<'_>| matches!(said, Said::Entry(entry) if names.contains(&entry.name));
    let passed = pass(text.as_bytes(), awaited, &mut is_shown)?;
    let bytes = passed.replaced.clone().unwrap_or_else(|| text.as_bytes().to_vec());
    Ok((String::from_utf8(bytes).unwrap(), passed))
}

fn tools(entries: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{ "tools" :{entries}, "nextCursor":"a"}} }}"#)
}

#[test]
fn every_choice_of_entries_leaves_all_other_bytes_as_they_are() {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    for (space, count) in ["", " ", "\n\t"].iter().flat_map(|space| (0..=4).map(move |count| (space, count))) {
        let entries = NAMES[..count].iter().map(|name| format!(r#"{{"name":"{name}","x":[1,{{"y":1e400}}]}}"#));
        let list = format!("[{space}{}{space}]", entries.collect::<Vec<_>>().join(&format!("{space},{space}")));
        let text = tools(&list);
        let (before, behind) = text.split_once(&list).unwrap();
        for mask in 0..1usize << count {
            let names: Vec<_> = (0..count).filter(|at| mask >> at & 1 == 1).map(|at| NAMES[at]).collect();
            let (out, passed) = shown(&text, &awaited(Version::V2025_06_18, "tools/list"), &names).unwrap();
            let middle = out.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind)).unwrap();
            let left: Vec<_> =
                names.iter().map(|name| format!(r#"{{"name":"{name}","x":[1,{{"y":1e400}}]}}"#)).collect();
            let squeezed = |text: &str| text.replace([' ', '\n', '\t'], "");
            assert_eq!(squeezed(middle), format!("[{}]", left.join(",")), "{text} {mask:b}");
            assert_eq!(passed.replaced.is_none(), names.len() == count, "{text} {mask:b}");
            assert_eq!((passed.lists.shown, passed.lists.hidden), (names.len(), count - names.len()));
            assert_eq!(passed.outcome, Some(Outcome::Done));
        }
    }
}

#[test]
fn each_kind_of_list_goes_by_its_own_names() {
    for (method, member, key) in [
        ("tools/list", "tools", "name"),
        ("prompts/list", "prompts", "name"),
        ("resources/list", "resources", "uri"),
        ("resources/templates/list", "resourceTemplates", "uriTemplate"),
    ] {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":7,"result":{{"{member}":[{{"{key}":"\u0061"}},{{"{key}":"b"}},{{"title":"a"}}]}}}}"#
        );
        let (out, passed) = shown(&text, &awaited(Version::V2025_06_18, method), &["a"]).unwrap();
        let want = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"{member}":[{{"{key}":"\u0061"}}]}}}}"#);
        assert_eq!(out, want);
        assert_eq!((passed.lists.shown, passed.lists.hidden, passed.lists.nameless), (1, 2, 1));
    }
}

#[test]
fn the_whole_entry_is_there_to_be_judged() {
    let text = tools(r#"[{"name":"a","description":"d"}]"#);
    let mut seen = Vec::new();
    let list = awaited(Version::V2025_06_18, "tools/list");
    pass(text.as_bytes(), &list, &mut |said| {
        if let Said::Entry(entry) = said {
            seen.push((entry.kind, entry.name.to_owned(), entry.value.raw().to_owned()));
        }
        true
    })
    .unwrap();
    assert_eq!(seen, [(ListKind::Tools, "a".to_owned(), r#"{"name":"a","description":"d"}"#.to_owned())]);
}

#[test]
fn a_name_that_stands_there_twice_is_hidden_and_told() {
    let text = tools(r#"[{"name":"a","x":1},{"name":"b"},{"name":"\u0061","x":2},{"name":"A"}]"#);
    let (out, passed) = shown(&text, &awaited(Version::V2025_06_18, "tools/list"), &["a", "b", "A"]).unwrap();
    assert_eq!(out, tools(r#"[{"name":"b"},{"name":"A"}]"#));
    assert_eq!(passed.lists.duplicates, [(ListKind::Tools, "a".to_owned())]);
}

#[test]
fn an_entry_without_one_exact_name_is_hidden() {
    let list = r#"[null,1,"a",[],{},{"name":1},{"name":""},{"Name":"a"},{"name":"a","NAME":"b"},{"name":"ok"}]"#;
    let (out, passed) = shown(&tools(list), &awaited(Version::V2025_06_18, "tools/list"), &["a", "ok", ""]).unwrap();
    assert_eq!(out, tools(r#"[{"name":"ok"}]"#));
    assert_eq!(passed.lists.nameless, 9);
}

#[test]
fn a_list_is_filtered_wherever_it_may_be_read_as_one() {
    let text = tools(r#"[{"name":"a"},{"name":"b"}]"#);
    let cut = tools(r#"[{"name":"a"}]"#);
    assert_eq!(shown(&text, &listening(), &["a"]).unwrap().0, cut, "a stream that belongs to no request");
    let other = text.replace("\"id\":7", "\"id\":8");
    let (out, passed) = shown(&other, &awaited(Version::V2025_06_18, "tools/call"), &["a"]).unwrap();
    assert_eq!((out, passed.outcome), (cut.replace("\"id\":7", "\"id\":8"), None), "an answer to another request");
    let prompts = awaited(Version::V2025_06_18, "prompts/list");
    assert_eq!(shown(&text, &prompts, &["a"]).unwrap().0, cut, "an answer to a request of another list");
}

#[test]
fn other_answers_go_on_as_they_are() {
    let call = awaited(Version::V2026_07_28, "tools/call");
    for text in [
        tools(r#"[{"name":"a"},{"name":"a"}]"#).as_str(),
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[],"cacheScope":"public","structuredContent":1e999}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"tools":[{"name":"a"}]}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"tools":[{"name":"a"}]}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}"#,
    ] {
        assert_eq!(shown(text, &call, &[]).unwrap().1.replaced, None, "{text}");
    }
}

#[test]
fn what_was_cut_down_for_one_agent_is_for_no_other() {
    for (version, scope, want) in [
        (Version::V2026_07_28, r#","cacheScope": "public" "#, r#"{"tools":[],"cacheScope": "private" }"#),
        (Version::V2026_07_28, r#","cacheScope":"\u0070rivate""#, r#"{"tools":[],"cacheScope":"\u0070rivate"}"#),
        (Version::V2026_07_28, r#","cacheScope":["public"]"#, r#"{"tools":[],"cacheScope":"private"}"#),
        (Version::V2026_07_28, "", r#"{"cacheScope":"private","tools":[]}"#),
        (Version::V2025_11_25, "", r#"{"tools":[]}"#),
        (Version::V2025_11_25, r#","cacheScope":"public""#, r#"{"tools":[],"cacheScope":"private"}"#),
    ] {
        let text = format!(r#"{{"id":7,"result":{{"tools":[]{scope}}}}}"#);
        let (out, _) = shown(&text, &awaited(version, "tools/list"), &[]).unwrap();
        assert_eq!(out, format!(r#"{{"id":7,"result":{want}}}"#));
    }
    let both = r#"{"id":7,"result":{"cacheScope":"public","tools":[{"name":"a"}]}}"#;
    let (out, _) = shown(both, &awaited(Version::V2026_07_28, "tools/list"), &[]).unwrap();
    assert_eq!(out, r#"{"id":7,"result":{"cacheScope":"private","tools":[]}}"#);
}

#[test]
fn a_list_holds_for_a_minute_at_most() {
    for (lifetime, want) in [
        ("0", "0"),
        ("0.5", "0.5"),
        ("60000", "60000"),
        ("6e4", "6e4"),
        ("-1", "-1"),
        ("60001", "60000"),
        ("86400000", "60000"),
        ("1e999", "60000"),
        ("\"60001\"", "60000"),
        ("\"a while\"", "\"a while\""),
        ("null", "null"),
    ] {
        let text = |lifetime: &str| format!(r#"{{"id":7,"result":{{"tools":[],"ttlMs":{lifetime}}}}}"#);
        let (out, _) = shown(&text(lifetime), &awaited(Version::V2025_11_25, "tools/list"), &[]).unwrap();
        assert_eq!(out, text(want));
    }
    let read = r#"{"id":7,"result":{"contents":[],"ttlMs":86400000,"cacheScope":"private"}}"#;
    let passed = shown(read, &awaited(Version::V2026_07_28, "resources/read"), &[]).unwrap().1;
    assert_eq!(passed.replaced, None, "no list");
}

#[test]
fn what_one_agent_may_read_is_cached_for_no_other() {
    let text = r#"{"id":7,"result":{"contents":[],"tools":[{"name":"a"}],"cacheScope":"public"}}"#;
    let (out, _) = shown(text, &awaited(Version::V2026_07_28, "resources/read"), &[]).unwrap();
    assert_eq!(out, text.replace("public", "private"));
}

#[test]
fn what_cannot_be_read_in_one_way_only_does_not_go_on() {
    let list = awaited(Version::V2025_06_18, "tools/list");
    let unfit = |text: &str| shown(text, &list, &["a"]).err();
    for text in ["", "{", "{}{}", r#"{"id":7,"id":8}"#, r#"{"result":{"tools":[],"tools":[]}}"#, "\u{feff}{}"] {
        assert!(matches!(unfit(text), Some(Unfit::Malformed(_))), "{text}");
    }
    assert!(matches!(unfit(&format!("{}{}", "[".repeat(200), "]".repeat(200))), Some(Unfit::Malformed(_))));
    for text in ["[]", "1", "null", r#"[{"id":7,"result":{"tools":[]}}]"#, r#"{"Result":{"tools":[]}}"#] {
        assert_eq!(unfit(text), Some(Unfit::NoMessage), "{text}");
    }
    for key in ["Tools", "tool\\u017f", "TOOLS", "resource_templates", "resourcetemplates", "Cachescope", "prompts "] {
        assert_eq!(
            unfit(&format!(r#"{{"id":7,"result":{{"{key}":[]}}}}"#)),
            Some(Unfit::List(BadList::Lookalike)),
            "{key}"
        );
    }
    for value in ["{}", "null", "\"a\"", "1"] {
        let text = format!(r#"{{"id":7,"result":{{"tools":{value}}}}}"#);
        assert_eq!(unfit(&text), Some(Unfit::List(BadList::NoArray)), "{value}");
    }
}

#[test]
fn an_answer_tells_what_became_of_the_request() {
    let call = awaited(Version::V2026_07_28, "tools/call");
    let outcome = |text: &str| shown(text, &call, &[]).unwrap().1.outcome;
    for (rest, want) in [
        (r#""result":{"content":[]}"#, Outcome::Done),
        (r#""result":{"content":[],"isError":false}"#, Outcome::Done),
        (r#""result":{"content":[],"isError":true,"resultType":"complete"}"#, Outcome::ToolError),
        (r#""result":{"resultType":"input_required","inputRequests":{}}"#, Outcome::InputRequired),
        (r#""result":{"resultType":"other"}"#, Outcome::Done),
        (r#""result":[]"#, Outcome::Done),
        (r#""error":{"code":-32602,"message":"x"}"#, Outcome::ProtocolError(Some(-32602))),
        (r#""error":{"code":1.5}"#, Outcome::ProtocolError(None)),
        (r#""error":null"#, Outcome::ProtocolError(None)),
    ] {
        assert_eq!(outcome(&format!(r#"{{"jsonrpc":"2.0","id":7,{rest}}}"#)), Some(want), "{rest}");
        assert_eq!(outcome(&format!(r#"{{"jsonrpc":"2.0","id":"7",{rest}}}"#)), None, "{rest}");
        assert_eq!(outcome(&format!(r#"{{"jsonrpc":"2.0",{rest}}}"#)), None, "{rest}");
    }
    assert_eq!(outcome(r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}"#), None);
    assert_eq!(outcome(r#"{"jsonrpc":"2.0","id":7}"#), None);
    let names = [Outcome::Done, Outcome::ToolError, Outcome::InputRequired, Outcome::ProtocolError(None)];
    assert_eq!(names.map(Outcome::as_str), ["ok", "tool_error", "input_required", "protocol_error"]);
}

#[test]
fn what_is_left_is_what_another_reader_leaves() {
    let entry =
        |at: usize| json!({"name": format!("t{}", at % 17), "inputSchema": {"x": [at, null, "ä\"\\"]}, "n": at});
    for count in [0, 1, 2, 16, 17, 18, 40] {
        let list: Vec<_> = (0..count).map(entry).collect();
        let message = json!({"jsonrpc": "2.0", "id": 7, "result": {"nextCursor": "c", "tools": list, "ttlMs": 5}});
        for text in [message.to_string(), serde_json::to_string_pretty(&message).unwrap()] {
            let is_shown = |name: &str| name.len() == 2;
            let list = awaited(Version::V2025_11_25, "tools/list");
            let mut show = |said: Said<'_>| matches!(said, Said::Entry(entry) if is_shown(entry.name));
            let passed = pass(text.as_bytes(), &list, &mut show).unwrap();
            let out: Json = serde_json::from_slice(passed.replaced.as_deref().unwrap_or(text.as_bytes())).unwrap();
            let mut want = message.clone();
            let tools = want["result"]["tools"].as_array_mut().unwrap();
            let names: Vec<_> = tools.iter().map(|tool| tool["name"].clone()).collect();
            tools.retain(|tool| {
                let once = names.iter().filter(|name| **name == tool["name"]).count() == 1;
                once && is_shown(tool["name"].as_str().unwrap())
            });
            assert_eq!(out, want, "{count}");
        }
    }
}

#[test]
fn instructions_that_do_not_go_on_are_emptied_wherever_a_client_looks_for_them() {
    let told = |result: &str| format!(r#"{{"jsonrpc":"2.0","id":7,"result":{result}}}"#);
    let text = told(r#"{"serverInfo":{},"instructions" : "a\nb", "x":1}"#);
    let emptied = told(r#"{"serverInfo":{},"instructions" : "", "x":1}"#);
    for awaited in
        [awaited(Version::V2025_11_25, "initialize"), awaited(Version::V2026_07_28, "server/discover"), listening()]
    {
        assert_eq!(shown(&text, &awaited, &[]).unwrap().0, emptied);
        assert_eq!(pass(text.as_bytes(), &awaited, &mut |_| true).unwrap().replaced, None);
        let other = told(r#"{"Instructions":"a"}"#);
        assert_eq!(shown(&other, &awaited, &[]), Err(Unfit::List(BadList::Lookalike)));
        let none = told(r#"{"serverInfo":{"instructions":"a"}}"#);
        assert_eq!(shown(&none, &awaited, &[]).unwrap().0, none);
    }
    assert_eq!(shown(&text, &awaited(Version::V2025_11_25, "tools/call"), &[]).unwrap().0, text);
    let both = told(r#"{"tools":[{"name":"a"}],"instructions":["x"]}"#);
    assert_eq!(shown(&both, &listening(), &[]).unwrap().0, told(r#"{"tools":[],"instructions":""}"#));
}
