//! Posts natively, with the SDK's stand-in for the host.

use petrel_pack_sdk::testing::Host;
use serde_json::json;

use super::*;

const POST: &str = "https://slack.com/api/chat.postMessage";
const HOOK: &str = "https://hooks.slack.com/services/T0/B0/hush";

fn host() -> Host {
    Host::new().configured("token", "xoxb-hush").configured("webhook_url", HOOK)
}

fn post(host: &Host, parameters: &Value) -> Result<Value, Error> {
    host.run(&petrel_actions()[0], parameters)
}

#[test]
fn a_message_is_posted_with_the_token() {
    let host = host().configured("channel", "#general");
    for (parameters, body) in [
        (json!({"text": "hello"}), json!({"text": "hello", "channel": "#general"})),
        (
            json!({"text": "hello", "channel": "C1", "thread_ts": "1.2", "blocks": [{"type": "divider"}]}),
            json!({"text": "hello", "blocks": [{"type": "divider"}], "channel": "C1", "thread_ts": "1.2"}),
        ),
    ] {
        let host = host.clone().answering("POST", POST, 200, r#"{"ok": true, "channel": "C1", "ts": "1.5"}"#);
        assert_eq!(post(&host, &parameters).unwrap(), json!({"channel": "C1", "ts": "1.5"}));
        let sent = host.requests().pop().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), body);
        assert!(sent.headers.contains(&("authorization".into(), "Bearer xoxb-hush".into())));
    }
}

#[test]
fn the_word_of_a_refusal_is_a_kind_of_error() {
    for (word, kind) in [
        ("channel_not_found", ErrorKind::NotFound),
        ("invalid_auth", ErrorKind::Unauthenticated),
        ("ratelimited", ErrorKind::RateLimited(Some(Duration::from_secs(30)))),
        ("internal_error", ErrorKind::Transient(None)),
        ("msg_too_long", ErrorKind::Permanent),
    ] {
        let host = host().answering("POST", POST, 200, json!({"ok": false, "error": word}).to_string());
        let error = post(&host, &json!({"text": "a", "channel": "C1"})).unwrap_err();
        assert_eq!((error.kind, error.code), (kind, Some(format!("slack.{word}"))));
    }
    let host = host().answering_with("POST", POST, (429, &[("retry-after", "7")]), "");
    let error = post(&host, &json!({"text": "a", "channel": "C1"})).unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited(Some(Duration::from_secs(7))));
}

#[test]
fn what_is_no_word_is_in_no_code() {
    for told in ["", "a b", "\u{1b}[2J", "a.b", &"w".repeat(65)] {
        let host = host().answering("POST", POST, 200, json!({"ok": false, "error": told}).to_string());
        let error = post(&host, &json!({"text": "a", "channel": "C1"})).unwrap_err();
        assert_eq!(error.code.as_deref(), Some("slack.unknown_error"), "{told:?}");
        assert_eq!(error.message, "Slack does not take the message: unknown_error");
    }
}

#[test]
fn a_webhook_takes_a_message_or_says_why_not() {
    let host = host().answering("POST", HOOK, 200, "ok").answering("POST", HOOK, 404, "channel_not_found");
    let post = || host.run(&petrel_actions()[1], &json!({"text": "hello"}));
    assert_eq!(post().unwrap(), json!({"ok": true}));
    assert_eq!(host.requests()[0].body, br#"{"text":"hello"}"#);
    let error = post().unwrap_err();
    assert_eq!(error.message, "Slack does not take the message: channel_not_found");
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[test]
fn what_is_no_answer_of_slack_is_an_error_that_shows_it() {
    let page = "<html>Sign in to the proxy</html>";
    for (answer, says) in [
        (page, "`<html>Sign in"),
        (r#"{"ok": true}"#, "`{\"ok\": true}`"),
        (r#"{"ok": true, "channel": "C1"}"#, "something else"),
        ("[]", "promises"),
        ("", "nothing to see"),
    ] {
        let host = host().answering("POST", POST, 200, answer);
        let error = post(&host, &json!({"text": "a", "channel": "C1"})).unwrap_err();
        assert_eq!(
            (error.kind, error.code.as_deref()),
            (ErrorKind::Permanent, Some("http.answer")),
            "{answer}"
        );
        assert!(error.message.contains(says), "{}", error.message);
    }
    let hook = |status: u16, answer: &str| {
        let host = host().answering("POST", HOOK, status, answer.to_owned());
        host.run(&petrel_actions()[1], &json!({"text": "hello"}))
    };
    for taken in ["ok", "ok\n", r#"{"ok": true}"#] {
        assert_eq!(hook(200, taken).unwrap(), json!({"ok": true}), "{taken}");
    }
    for (answer, says) in
        [(page, "`<html>Sign in"), (r#"{"ok": false}"#, "Slack says `ok`"), ("", "nothing to see")]
    {
        let error = hook(200, answer).unwrap_err();
        assert_eq!(error.code.as_deref(), Some("http.answer"), "{answer}");
        assert!(error.message.contains(says), "{}", error.message);
    }
    let error = hook(403, page).unwrap_err();
    assert_eq!(error.message, "the server answered with the status 403");
    assert_eq!(error.details.as_deref(), Some(&json!({"status": 403, "body": page})));
    // A page may repeat what was asked for.
    for status in [200, 403] {
        let error = hook(status, "cannot reach hooks.slack.com/services/T0/B0/hush").unwrap_err();
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
}

#[test]
fn the_address_of_a_webhook_is_in_no_error() {
    let away = Error::transient(format!("POST {HOOK} failed: nobody answers")).code("http.failed");
    for (host, code, says) in [
        (host(), "denied.http", "to webhook_url is not allowed"),
        (host().failing("POST", HOOK, away), "http.failed", "POST to webhook_url failed: nobody answers"),
    ] {
        let error = host.run(&petrel_actions()[1], &json!({"text": "hello"})).unwrap_err();
        assert_eq!(error.code.as_deref(), Some(code));
        assert!(error.message.contains(says) && !format!("{error:?}").contains("hush"), "{error:?}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let code = |host: Host, action: usize, parameters: Value| {
        host.run(&petrel_actions()[action], &parameters).unwrap_err().code.unwrap()
    };
    assert_eq!(code(host(), 0, json!({"text": "a"})), "slack.no_channel");
    assert_eq!(code(host(), 0, json!({"text": "", "channel": "C1"})), "slack.empty");
    assert_eq!(code(Host::new(), 0, json!({"text": "a", "channel": "C1"})), "slack.not_configured");
    assert_eq!(code(Host::new(), 1, json!({"text": "a"})), "slack.not_configured");
    let empty = || Host::new().configured("token", "").configured("webhook_url", "");
    assert_eq!(code(empty(), 0, json!({"text": "a", "channel": "C1"})), "slack.not_configured");
    assert_eq!(code(empty(), 1, json!({"text": "a"})), "slack.not_configured");
}
