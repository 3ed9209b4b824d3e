//! Makes requests natively, with the SDK's stand-in for the host.

use petrel_pack_sdk::testing::Host;
use serde_json::json;

use super::*;

const URL: &str = "https://api.example/things";

fn run(host: &Host, parameters: &Value) -> Result<Value, Error> {
    host.run(&petrel_actions()[0], parameters)
}

/// The code of the error with these parameters.
fn refused(host: &Host, parameters: &Value) -> String {
    run(host, parameters).unwrap_err().code.unwrap()
}

#[test]
fn json_is_a_value_and_everything_else_a_text() {
    for (kind, body, expected, parsed) in [
        ("application/json", r#"{"a": 1}"#, json!({"a": 1}), true),
        ("Application/Problem+JSON; charset=utf-8", "[]", json!([]), true),
        ("application/json", "<html>", json!("<html>"), false),
        ("text/plain", "1", json!("1"), false),
    ] {
        let headers = [("content-type", kind), ("set-cookie", "a"), ("set-cookie", "b")];
        let host = Host::new().answering_with("GET", URL, (200, &headers), body);
        let answer = run(&host, &json!({"url": URL})).unwrap();
        assert_eq!(answer["body"], expected, "{kind}");
        assert_eq!((&answer["parsed"], &answer["status_code"]), (&json!(parsed), &json!(200)));
        assert_eq!(answer["headers"], json!({"content-type": kind, "set-cookie": "a, b"}));
    }
}

#[test]
fn a_request_is_as_its_parameters_say() {
    let host = Host::new().answering("PATCH", "https://api.example/things?n=3&q=a%26b", 200, "");
    let parameters = json!({
        "url": URL, "method": "PATCH", "query": {"q": "a&b", "n": 3}, "headers": {"x-a": "1"},
        "json": {"k": "v"}, "username": "ann", "password": "hush", "wait": 5,
    });
    run(&host, &parameters).unwrap();
    let sent = host.requests().remove(0);
    let expected =
        [("x-a", "1"), ("authorization", "Basic YW5uOmh1c2g="), ("content-type", "application/json")];
    assert_eq!(sent.headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(sent.body, br#"{"k":"v"}"#);
    assert_eq!((sent.timeout, sent.largest_answer), (Some(Duration::from_secs(5)), LARGEST_BODY));
}

#[test]
fn credentials_of_the_configuration_go_to_its_server_alone() {
    let host = Host::new()
        .configured("base_url", "https://api.example/")
        .configured("token", "hush")
        .configured("headers", json!({"x-a": "1"}));
    for (parameters, url, expected) in [
        (json!({"url": "/things"}), URL, vec![("x-a", "1"), ("authorization", "Bearer hush")]),
        (json!({"url": "/things", "token": "own"}), URL, vec![("x-a", "1"), ("authorization", "Bearer own")]),
        (
            json!({"url": "/things", "headers": {"X-A": "2", "Authorization": "b"}}),
            URL,
            vec![("Authorization", "b"), ("X-A", "2")],
        ),
        (json!({"url": "https://other.example"}), "https://other.example", vec![]),
    ] {
        let host = host.clone().answering("GET", url, 200, "");
        run(&host, &parameters).unwrap();
        let sent = host.requests().pop().unwrap();
        let headers: Vec<_> =
            sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, expected, "{parameters}");
    }
}

#[test]
fn a_status_that_is_none_of_success_fails_unless_it_may_be() {
    let host =
        Host::new().answering("GET", URL, 404, r#"{"message": "none"}"#).answering("GET", URL, 404, "none");
    let error = run(&host, &json!({"url": URL})).unwrap_err();
    assert_eq!((error.kind.clone(), error.detail("/body/message")), (ErrorKind::NotFound, Some("none")));
    let answer = run(&host, &json!({"url": URL, "must_succeed": false})).unwrap();
    assert_eq!((&answer["status_code"], &answer["body"]), (&json!(404), &json!("none")));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let host = Host::new();
    for (parameters, code) in [
        (json!({"url": URL, "body": "a", "json": 1}), "http.contradiction"),
        (json!({"url": URL, "username": "a", "token": "b"}), "http.contradiction"),
        (json!({"url": URL, "headers": {"Authorization": "a"}, "token": "b"}), "http.contradiction"),
        (json!({"url": URL, "password": "b"}), "http.contradiction"),
        (json!({"url": URL, "query": {"a": []}}), "http.query"),
        (json!({"url": "/things"}), "http.no_base_url"),
        (json!({"url": URL, "method": "STEAL"}), "input.invalid"),
    ] {
        assert_eq!(refused(&host, &parameters), code, "{parameters}");
    }
    let below = Host::new().configured("base_url", "https://api.example/v1").configured("token", "hush");
    for url in ["/../v2", "/a/%2E%2e/../b", "/a/..%2fb", "/..;x/b", "/a\\..\\b", "/.."] {
        assert_eq!(refused(&below, &json!({"url": url})), "http.address", "{url}");
    }
    assert!(host.requests().is_empty() && below.requests().is_empty());
    let named = below.answering("GET", "https://api.example/v1/..a/b..c?x=../y", 200, "");
    run(&named, &json!({"url": "/..a/b..c?x=../y"})).unwrap();
    let large = Host::new().answering("GET", URL, 200, "x".repeat(LARGEST_BODY + 1));
    assert_eq!(refused(&large, &json!({"url": URL})), "http.too_large");
}
