//! A placeholder brings its secret to no host and into no place that is not granted, however it is written.

use serde_json::{Value, json};

use super::attempts::{attempt, granted};
use crate::asking;
use crate::serving::Server;
use crate::support::{Done, Subject};

const SECRET: &str = "hush-hush";

/// A pack that may send its secret to the first server, in a header, and none to the second.
async fn ground() -> (Server, Server, Subject) {
    let (own, other) = (Server::start("own").await, Server::start("other").await);
    let mut asks = asking::sends(&own, &["header"]);
    asks["http"].as_array_mut().unwrap().push(asking::sends(&other, &[])["http"][0].clone());
    asks["http"][1]["id"] = "other".into();
    let subject = asking::subject(granted(&asks), &[], &[("test:token", SECRET)]);
    (own, other, subject)
}

async fn send(subject: &Subject, at: String, (to, form, value): (&str, &str, &str)) -> Done {
    let wish: Value = json!({"at": at, "name": "token", "to": to, "form": form, "value": value});
    attempt(subject, "send secret", wish).await
}

#[tokio::test]
async fn a_placeholder_is_denied_at_another_host_in_each_place() {
    let (own, other, subject) = ground().await;
    for place in [
        ("header", "", "{}"),
        ("header", "", "a {} b"),
        ("cookie", "", "a={}; b=c"),
        ("name", "", "x-{}"),
        ("basic", "", "me:{}"),
        ("basic", "", "{}:me"),
        ("query", "", "{}"),
        ("query", "", "{}&a={}"),
        ("path", "", "{}"),
        ("path", "", "a/{};b?c"),
        ("user", "", "{}"),
        ("user", "", "me:{}"),
        ("method", "", "{}"),
        ("method", "upper", "X{}"),
        ("body", "", "{}"),
        ("body", "", "{\"a\": \"{}\"}"),
        ("chunks", "", "{}"),
        ("chunks", "", "before {} behind"),
    ] {
        let done = send(&subject, other.url("/"), place).await;
        // A method in capital letters is no placeholder any more; that request may be sent.
        if place.1.is_empty() {
            assert_eq!(done.failure().0, "denied.secrets", "{place:?}: {done:?}");
            assert!(done.field("denied").starts_with("secrets: send token in the "), "{done:?}");
            assert!(!done.field("denied").contains("petrel-secret-"), "{done:?}");
        }
    }
    for text in other.texts() {
        assert!(!text.contains(SECRET) && !text.contains("petrel-secret-"), "{text}");
    }
    assert!(own.requests().is_empty());
}

#[tokio::test]
async fn a_placeholder_that_is_encoded_or_cut_stands_for_nothing() {
    let (_own, other, subject) = ground().await;
    for place in [
        ("query", "percent", "{}"),
        ("query", "half", "{}"),
        ("path", "percent", "{}"),
        ("path", "half", "{}"),
        ("header", "percent", "{}"),
        ("header", "upper", "{}"),
        ("body", "percent", "{}"),
        ("chunks", "half", "{}"),
        ("basic", "upper", "{}"),
        ("trailer", "", "{}"),
    ] {
        send(&subject, other.url("/"), place).await.value();
        assert!(!other.last().contains(SECRET), "{place:?}: {}", other.last());
    }
    let encoded = "aHVzaC1odXNo";
    assert!(other.texts().iter().all(|text| !text.contains(encoded)));
}

#[tokio::test]
async fn at_its_own_host_a_secret_goes_into_its_own_place_alone() {
    let (own, _other, subject) = ground().await;
    for place in ["query", "path", "name", "user", "method", "body", "chunks"] {
        let done = send(&subject, own.url("/"), (place, "", "{}")).await;
        assert_eq!(done.failure().0, "denied.secrets", "{place}: {done:?}");
    }
    // The same request has it in the right place and in a wrong one.
    let both = format!("{}?a=b", own.url("/"));
    assert_eq!(
        send(&subject, both.clone(), ("header", "", "{}\r\nx-other: {}")).await.field("code"),
        "action.error"
    );
    assert!(own.requests().is_empty());
    send(&subject, both, ("header", "", "Bearer {}")).await.value();
    assert!(own.last().contains("x-token: Bearer hush-hush\r\n"), "{}", own.last());
    send(&subject, own.url("/"), ("basic", "", "me:{}")).await.value();
    assert!(own.last().contains("authorization: Basic bWU6aHVzaC1odXNo\r\n"), "{}", own.last());
}

#[tokio::test]
async fn a_redirect_takes_no_secret_along() {
    let (own, other) = (Server::start("own").await, Server::start("other").await);
    let leads = Server::leading_to(other.url("/")).await;
    let mut asks = asking::sends(&leads, &["header"]);
    asks["http"].as_array_mut().unwrap().push(asking::sends(&other, &[])["http"][0].clone());
    asks["http"][1]["id"] = "other".into();
    let subject = asking::subject(granted(&asks), &[], &[("test:token", SECRET)]);
    let done = send(&subject, leads.url("/moved"), ("header", "", "{}")).await;
    assert_eq!(*done.value(), json!("302"), "the component is told of it, and nobody follows");
    assert!(leads.last().contains(SECRET) && other.requests().is_empty());
    assert_eq!(send(&subject, other.url("/"), ("header", "", "{}")).await.failure().0, "denied.secrets");
    assert_eq!(send(&subject, own.url("/"), ("header", "", "{}")).await.failure().0, "denied.http");
    assert!(other.requests().is_empty() && own.requests().is_empty());
}

#[tokio::test]
async fn a_placeholder_of_another_call_stands_for_nothing() {
    let (own, _other, subject) = ground().await;
    let before = subject.call("secret", json!({"name": "token"})).await;
    let old = before.value().as_str().unwrap().replace("token ", "");
    send(&subject, own.url("/"), ("header", "", &old)).await.value();
    assert!(own.last().contains(&old) && !own.last().contains(SECRET), "{}", own.last());
}
