use super::*;
use crate::mcp::Message;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The target, the arguments and what is checked besides, as JSON.
fn call(method: &str, params: &str) -> Result<(String, String, Vec<String>), Invalid> {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let document = Document::read(text.as_bytes(), Bounds::default()).unwrap();
    let message = Message::read(document.root()).map_err(|flaw| flaw.problem)?;
    let Message::Request(request) = message else { panic!("no request") };
    let Call { target, arguments, besides } = request.call()?;
    let besides = besides.into_iter().map(|value| value.raw().to_owned()).collect();
    Ok((format!("{target:?}"), arguments.raw().to_owned(), besides))
}

fn right(method: &str, params: &str, target: &str, arguments: &str, besides: &[&str]) {
    let besides = besides.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(call(method, params), Ok((target.to_owned(), arguments.to_owned(), besides)), "{method} {params}");
}

#[test]
fn a_call_of_a_tool_has_a_name_and_all_values_that_the_client_filled_in() {
    right("tools/call", r#"{"name":"a","arguments":{"q":1}}"#, r#"Tool("a")"#, r#"{"q":1}"#, &[]);
    right("tools/call", r#"{"name":"\u0061 ","requestState":"{}"}"#, r#"Tool("a ")"#, "{}", &[]);
    let retried = r#"{"name":"a","inputResponses":{"login":{"action":"accept"}},"requestState":"x","task":{}}"#;
    right("tools/call", retried, r#"Tool("a")"#, "{}", &[r#"{"login":{"action":"accept"}}"#]);
}

#[test]
fn a_call_of_a_tool_that_has_no_name_or_no_objects_is_refused() {
    for (params, want) in [
        ("{}", "name"),
        (r#"{"name":""}"#, "name"),
        (r#"{"name":null}"#, "name"),
        (r#"{"name":["a"]}"#, "name"),
        (r#"{"name":"a","arguments":null}"#, "arguments"),
        (r#"{"name":"a","arguments":[]}"#, "arguments"),
        (r#"{"name":"a","arguments":"{}"}"#, "arguments"),
        (r#"{"name":"a","inputResponses":[]}"#, "inputResponses"),
    ] {
        assert_eq!(call("tools/call", params), Err(Invalid::Param(want)), "{params}");
    }
    let document = Document::read(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, Bounds::default()).unwrap();
    let Ok(Message::Request(request)) = Message::read(document.root()) else { panic!("no request") };
    assert_eq!(request.call().err(), Some(Invalid::Param("name")));
}

#[test]
fn resources_and_prompts_have_names_of_their_own() {
    let uri = r#"{"uri":"file:///a","inputResponses":{}}"#;
    right("resources/read", uri, r#"Resource("file:///a")"#, "{}", &["{}"]);
    right("resources/subscribe", r#"{"uri":"x:y"}"#, r#"Resource("x:y")"#, "{}", &[]);
    right("resources/unsubscribe", r#"{"uri":"x:y"}"#, r#"Resource("x:y")"#, "{}", &[]);
    right("prompts/get", r#"{"name":"p","arguments":{"a":"b"}}"#, r#"Prompt("p")"#, r#"{"a":"b"}"#, &[]);
    for method in ["resources/read", "resources/subscribe", "resources/unsubscribe"] {
        assert_eq!(call(method, r#"{"name":"x:y"}"#), Err(Invalid::Param("uri")), "{method}");
        assert_eq!(call(method, r#"{"uri":""}"#), Err(Invalid::Param("uri")), "{method}");
    }
}

#[test]
fn a_completion_is_for_one_prompt_or_one_resource() {
    let context =
        r#"{"ref":{"type":"ref/prompt","name":"p","title":"t"},"argument":{"value":"v"},"context":{"arguments":{}}}"#;
    right("completion/complete", context, r#"Prompt("p")"#, "{}", &[r#"{"value":"v"}"#, r#"{"arguments":{}}"#]);
    right("completion/complete", r#"{"ref":{"type":"ref/resource","uri":"f:{x}"}}"#, r#"Template("f:{x}")"#, "{}", &[]);
    for wrong in [
        "{}",
        r#"{"ref":"p"}"#,
        r#"{"ref":{"type":"ref/tool","name":"p"}}"#,
        r#"{"ref":{"type":"ref/prompt","name":"p","uri":"x"}}"#,
        r#"{"ref":{"type":"ref/resource","name":"p","uri":"x"}}"#,
        r#"{"ref":{"name":"p"}}"#,
    ] {
        assert_eq!(call("completion/complete", wrong), Err(Invalid::Param("ref")), "{wrong}");
    }
    let lookalike = r#"{"ref":{"type":"ref/prompt","name":"p","Name":"q"}}"#;
    assert_eq!(call("completion/complete", lookalike), Err(Invalid::Lookalike));
}

#[test]
fn a_subscription_names_all_its_resources() {
    let listen = "subscriptions/listen";
    let two = r#"{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:b","c:d"]}}"#;
    right(listen, two, r#"Resources(["a:b", "c:d"])"#, "{}", &[]);
    right(listen, r#"{"notifications":{"toolsListChanged":true}}"#, "Resources([])", "{}", &[]);
    right(listen, "{}", "Resources([])", "{}", &[]);
    for wrong in ["[]", r#"{"resourceSubscriptions":"a"}"#, r#"{"resourceSubscriptions":[1]}"#] {
        let params = format!(r#"{{"notifications":{wrong}}}"#);
        assert_eq!(call(listen, &params), Err(Invalid::Param("notifications")), "{params}");
    }
    let lookalike = r#"{"notifications":{"resource_subscriptions":["a"]}}"#;
    assert_eq!(call(listen, lookalike), Err(Invalid::Lookalike));
}

#[test]
fn other_methods_have_no_target_and_their_values_are_checked_all_the_same() {
    right("ping", "{}", "Nothing", "{}", &[]);
    right("tools/list", r#"{"cursor":"x"}"#, "Nothing", "{}", &[]);
    let other = r#"{"arguments":{"a":1},"inputResponses":{"b":2}}"#;
    right("com.example/do", other, "Nothing", r#"{"a":1}"#, &[r#"{"b":2}"#]);
}
