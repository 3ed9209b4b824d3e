//! Requests, events and the configuration of actions.

use std::collections::HashMap;
use std::sync::Arc;

use petrel_pack_runtime::grants::UrlGrant;
use petrel_pack_runtime::{Grants, Options};
use petrel_runners::sensors::{Emitter, NotEmitted};
use petrel_runners::{Outlet, OutputSink, Runner as _};
use petrel_test_components::BEHAVE;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::sensors::Events;
use crate::serving::Server;
use crate::support::{Done, Subject, call, text};

/// A subject whose pack is granted these addresses.
fn granted(urls: &[&str]) -> Subject {
    let urls: Vec<_> = urls.iter().map(|url| UrlGrant::parse(url).unwrap()).collect();
    let urls = HashMap::from([("test".to_owned(), Arc::from(urls))]);
    Subject::with(Options { grants: Grants { urls, ..Grants::default() }, ..Options::default() })
}

#[tokio::test]
async fn a_granted_address_is_reached_and_a_redirect_is_not_followed() {
    let server = Server::start("hello").await;
    let subject = granted(&[&server.url("/")]);
    assert_eq!(*subject.call("fetch", text(&server.url("/a?b=c"))).await.value(), json!("200 hello"));
    let sent = subject.call("fetch", json!({"text": server.url("/b"), "count": 300_000})).await;
    assert_eq!(*sent.value(), json!("200 hello"));
    assert_eq!(*subject.call("fetch", text(&server.url("/moved"))).await.value(), json!("302 hello"));
    assert_eq!(server.requests(), ["GET /a?b=c HTTP/1.1", "POST /b HTTP/1.1", "GET /moved HTTP/1.1"]);
}

#[tokio::test]
async fn what_is_not_granted_is_denied_and_named_without_its_query() {
    let server = Server::start("hello").await;
    for subject in [Subject::behave(), granted(&["https://a.example/"]), granted(&[&server.url("/public")])] {
        for path in ["/secret?token=x", "/public/../secret?token=x"] {
            let done = subject.call("fetch", text(&server.url(path))).await;
            assert_eq!(done.failure().0, "denied.http", "{done:?}");
            assert_eq!(done.field("denied"), format!("http: GET {}", server.url("/secret")));
            assert!(done.field("hint").contains("runners.grant_urls"), "{done:?}");
        }
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn what_cannot_be_reached_says_why() {
    let subject = granted(&["http://127.0.0.1:9/"]);
    let done = subject.call("fetch", text("http://127.0.0.1:9/?token=x")).await;
    let (code, message) = done.failure();
    assert_eq!(code, "http.failed");
    assert!(message.contains("GET http://127.0.0.1:9/ failed: ") && !message.contains("token"), "{message}");
    let done = subject.call("fetch", text("ftp://127.0.0.1:9/")).await;
    assert_eq!(done.failure().0, "http.request");
}

#[tokio::test]
async fn a_call_emits_so_many_events_of_its_own_pack() {
    let never = CancellationToken::new();
    let emits = |events: Option<Arc<Events>>, trigger: &'static str, count: u64| async move {
        let subject = Subject::behave();
        let mut call = call(std::path::Path::new(BEHAVE), "emit", json!({"text": trigger, "count": count}));
        if let Some(events) = events {
            let emitter: Arc<dyn Emitter> = events;
            call.outlet = Outlet::to(emitter);
        }
        let sink = OutputSink::new(1000);
        let outcome = subject.runner.run(call, sink.clone(), CancellationToken::new()).await;
        Done { outcome, lines: sink.take() }
    };
    let events = Events::until(usize::MAX, &never);
    let done = emits(Some(Arc::clone(&events)), "test.done", 2).await;
    assert_eq!(done.value().as_str().map(str::len), Some(24));
    assert_eq!(events.taken.lock().unwrap()[1].2.payload, json!({"text": "done"}));
    assert_eq!(emits(Some(Arc::clone(&events)), "done", 10_001).await.failure().0, "limit.events");
    assert_eq!(events.taken.lock().unwrap().len(), 10_002);
    for (events, trigger, code) in [
        (None, "done", "denied.emit"),
        (Some(events), "other.done", "denied.emit"),
        (Some(Events::refusing(NotEmitted::Invalid("no such type".into()))), "done", "event.invalid"),
        (Some(Events::refusing(NotEmitted::Denied("no".into()))), "done", "denied.emit"),
    ] {
        let done = emits(events, trigger, 1).await;
        assert_eq!(done.failure().0, code, "{done:?}");
        assert_ne!(done.field("hint"), "", "{done:?}");
    }
}

#[tokio::test]
async fn an_action_reads_the_configuration_of_its_pack() {
    let subject = Subject::behave();
    let mut call = call(std::path::Path::new(BEHAVE), "config", text("name"));
    let Value::Object(config) = json!({"name": "value"}) else { panic!() };
    call.pack_config = Arc::new(config);
    let outcome = subject.runner.run(call, OutputSink::new(1000), CancellationToken::new()).await;
    assert_eq!(outcome.result, json!("value"));
}
