//! Without a grant nothing is in reach, and with one nothing of others.

use serde_json::json;

use super::attempts::granted;
use crate::asking;
use crate::support::{Subject, text};

#[tokio::test]
async fn who_is_granted_nothing_has_nothing() {
    let subject = Subject::behave();
    for (action, parameters, code) in [
        ("fetch", text("http://a.example/"), "denied.http"),
        ("open", text("/etc/passwd"), "denied.files"),
        ("kv_get", json!({"at": "pack", "name": "a"}), "denied.kv"),
        ("kv_get", json!({"at": "system", "name": "a"}), "denied.datastore_read"),
        ("kv_set", json!({"at": "system", "name": "a"}), "denied.datastore_write"),
        ("secret", json!({"name": "token"}), "denied.secrets"),
        ("call", json!({"at": "core.local", "value": "{}"}), "denied.call"),
        ("emit", json!({"text": "done", "count": 1}), "denied.emit"),
        ("connect", text("192.0.2.1:80"), "denied.network"),
        ("send", text("192.0.2.1:80"), "denied.network"),
        ("listen", text("0.0.0.0:8099"), "denied.network"),
        ("resolve", text("a.example"), "denied.network"),
    ] {
        let done = subject.call(action, parameters).await;
        assert_eq!(done.failure().0, code, "{action}: {done:?}");
    }
    let environment = subject.call("environment", json!({})).await;
    assert_eq!(*environment.value(), json!("[] [] \"\""), "no variable, no argument, no input");
    subject.call("echo", json!({})).await.value();
}

#[tokio::test]
async fn keys_of_other_packs_are_out_of_reach() {
    let asks = json!({"kv": ["pack", "cache"], "datastore_read": ["system.shared.*"], "datastore_write": ["system.shared.*"]});
    let keys = [("other:a", "theirs"), ("other.cache:a", "theirs"), ("test:a", "ours"), ("shared.a", "all")];
    let subject = asking::subject(granted(&asks), &keys, &[("other:token", "hush"), ("test:token", "hush")]);
    for (at, name, answer) in [
        ("pack", "a", Ok("1 ours")),
        ("system", "shared.a", Ok("1 all")),
        ("pack", "../other:a", Ok("none")),
        ("pack", "other:a", Ok("none")),
        ("cache", "a", Ok("none")),
        ("pack", "token", Err("kv.denied")),
        ("other", "a", Err("denied.kv")),
        ("", "a", Err("denied.kv")),
        ("pack:", "a", Err("denied.kv")),
        ("../other", "a", Err("denied.kv")),
        ("other:a", "", Err("kv.invalid")),
        ("system", "other:a", Err("denied.datastore_read")),
        ("system", "test:token", Err("denied.datastore_read")),
        ("system", "other:token", Err("denied.datastore_read")),
        ("system", "shared", Err("denied.datastore_read")),
        ("system", "SHARED.a", Err("denied.datastore_read")),
    ] {
        let done = subject.call("kv_get", json!({"at": at, "name": name})).await;
        match answer {
            Ok(told) => assert_eq!(*done.value(), json!(told), "{at} {name}"),
            Err(code) => assert_eq!(done.failure().0, code, "{at} {name}: {done:?}"),
        }
    }
    for (at, code) in [("other", "denied.kv"), ("system", "denied.datastore_write")] {
        for action in ["kv_set", "kv_delete"] {
            let done = subject.call(action, json!({"at": at, "name": "other:a", "value": "x"})).await;
            assert_eq!(done.failure().0, code, "{action} {at}: {done:?}");
        }
    }
    let listed = |at: &'static str, prefix: &'static str| {
        let subject = subject.clone();
        async move { subject.call("kv_list", json!({"at": at, "name": prefix})).await.value().clone() }
    };
    assert_eq!(listed("system", "").await, json!("shared.a"));
    assert_eq!(listed("system", "other").await, json!(""));
    assert_eq!(listed("pack", "").await, json!("a token"));
}

#[tokio::test]
async fn a_name_of_any_length_or_sign_is_refused_and_shown_in_one_short_line() {
    let asks = json!({"kv": ["pack"], "secrets": ["token"], "call": ["core.*"]});
    let subject = asking::subject(granted(&asks), &[], &[]);
    let long = "x".repeat(1 << 20);
    for name in ["a\nb", "a\u{1b}[31mb", "a\0b", long.as_str()] {
        for (action, parameters) in [
            ("kv_get", json!({"at": name, "name": "a"})),
            ("kv_get", json!({"at": "system", "name": name})),
            ("secret", json!({"name": name})),
            ("call", json!({"at": name, "value": "{}"})),
            ("emit", json!({"text": name, "count": 1})),
        ] {
            let done = subject.call(action, parameters).await;
            let (code, message) = done.failure();
            assert!(
                code.starts_with("denied.") || code == "action.invalid" || code == "action.error",
                "{code}"
            );
            let is_plain = !message.contains(['\n', '\u{1b}', '\0']);
            assert!(is_plain && message.len() < 2000, "{action}: {} bytes", message.len());
        }
    }
    subject.call("echo", json!({})).await.value();
}
