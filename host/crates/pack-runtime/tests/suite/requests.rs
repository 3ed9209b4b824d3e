//! Requests, events and the configuration of actions.

use std::path::Path;
use std::sync::Arc;

use petrel_model::Timestamp;
use petrel_model::capabilities::{Given, Granted, PackGrant, Request, Rights};
use petrel_pack_runtime::{Answered, AskedFor, ComponentRunner, Options, PackRuntime, StandIn};
use petrel_runners::sensors::{Emitter, NotEmitted};
use petrel_runners::{Outlet, OutputSink, Runner as _};
use petrel_test_components::BEHAVE;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::sensors::Events;
use crate::serving::Server;
use crate::support::{Done, Subject, call, reaching, table, text};

/// A subject whose pack is granted these addresses.
fn granted(addresses: &[&str]) -> Subject {
    Subject::behave().entitled(reaching(addresses))
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

/// The rights of a pack that asks for these requests, of which these are granted.
pub(crate) fn asking(asked: &str, granted: &str) -> Rights {
    let mut wish = json!(asked.parse::<petrel_model::capabilities::HttpRule>().unwrap());
    wish["id"] = "api".into();
    let asks: Request = serde_json::from_value(json!({"http": [wish]})).unwrap();
    let grant = PackGrant {
        pack: "test".into(),
        granted: Granted { http: vec![granted.parse().unwrap()], ..Granted::default() },
        hash: String::new(),
        granted_by: String::new(),
        granted_at: Timestamp::from_micros(0),
    };
    Rights::of("test", Some(&asks), Some(&grant), &Given::default())
}

#[tokio::test]
async fn a_request_must_be_asked_for_and_granted() {
    let server = Server::start("hello").await;
    let (any, here) = (server.url("/"), format!("GET {}", server.url("/api")));
    let subject = Subject::behave().entitled(asking(&any, &here));
    assert_eq!(*subject.call("fetch", text(&server.url("/api/1"))).await.value(), json!("200 hello"));
    let command = format!("`petrel pack grant test 'http=GET {}'`", server.url("/other"));
    let posted = format!("`petrel pack grant test 'http=POST {}'`", server.url("/api"));
    for (path, count, says) in [("/other", 0, command), ("/api", 1, posted)] {
        let done = subject.call("fetch", json!({"text": server.url(path), "count": count})).await;
        assert_eq!(done.failure().0, "denied.http", "{done:?}");
        assert!(done.field("hint").contains(&says), "{done:?} does not say {says}");
    }
    let narrow = Subject::behave().entitled(asking(&here, &any));
    let done = narrow.call("fetch", text(&server.url("/other"))).await;
    assert!(done.field("hint").contains("of its capabilities"), "{done:?}");
    assert_eq!(server.requests(), ["GET /api/1 HTTP/1.1"]);
    assert_eq!(subject.runner.uses("test").into_iter().collect::<Vec<_>>(), [("http api".to_owned(), 1)]);
    assert!(narrow.runner.uses("test").is_empty());
}

#[tokio::test]
async fn a_private_network_needs_its_own_word_wherever_it_is_named() {
    let server = Server::start("hello").await;
    let port = server.url("/").rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let by_name = format!("http://localhost:{port}/");
    for (asked, address) in [("http://*:*", server.url("/")), ("http://*:*", by_name.clone())] {
        let subject = Subject::behave().entitled(asking(asked, "private+http://*:*"));
        let done = subject.call("fetch", text(&address)).await;
        assert_eq!(done.failure().0, "denied.http", "{done:?}");
        assert!(done.field("hint").contains("private: true"), "{done:?}");
        let subject = Subject::behave().entitled(asking("private+http://*:*", asked));
        let done = subject.call("fetch", text(&address)).await;
        assert!(done.field("hint").contains("petrel pack grant test"), "{done:?}");
    }
    assert!(server.requests().is_empty());
    let subject = Subject::behave().entitled(asking("private+http://*:*", "private+http://*:*"));
    assert_eq!(*subject.call("fetch", text(&server.url("/"))).await.value(), json!("200 hello"));
}

#[tokio::test]
async fn a_redirect_is_checked_as_any_other_request() {
    let server = Server::start("hello").await;
    let subject = Subject::behave().entitled(asking(&server.url("/"), &server.url("/moved")));
    assert_eq!(*subject.call("fetch", text(&server.url("/moved"))).await.value(), json!("302 hello"));
    let done = subject.call("fetch", text(&server.url("/elsewhere"))).await;
    assert_eq!(done.failure().0, "denied.http", "{done:?}");
}

#[tokio::test]
async fn what_is_revoked_is_denied_at_the_next_call() {
    let server = Server::start("hello").await;
    let subject = granted(&[&server.url("/")]);
    subject.call("fetch", text(&server.url("/"))).await.value();
    subject.runtime.take_rights(&table(Rights::default()));
    let done = subject.call("fetch", text(&server.url("/"))).await;
    assert_eq!(done.failure().0, "denied.http", "{done:?}");
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
        let mut call = call(Path::new(BEHAVE), "emit", json!({"text": trigger, "count": count}));
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
    let mut call = call(Path::new(BEHAVE), "config", text("name"));
    let Value::Object(config) = json!({"name": "value"}) else { panic!() };
    call.pack_config = Arc::new(config);
    let outcome = subject.runner.run(call, OutputSink::new(1000), CancellationToken::new()).await;
    assert_eq!(outcome.result, json!("value"));
}

/// Answers with what it is asked for.
#[derive(Debug)]
struct Echo;

impl StandIn for Echo {
    fn answer(&self, asked: &AskedFor<'_>) -> Result<Answered, String> {
        if asked.url.ends_with("/none") {
            return Err("there is no answer".to_owned());
        }
        let body = format!("{} {} {}", asked.method, asked.url, asked.body.len());
        let headers = vec![("x-stand-in".to_owned(), "yes".to_owned())];
        Ok(Answered { status: 203, headers, body: body.into_bytes() })
    }
}

#[tokio::test]
async fn a_stand_in_answers_in_the_place_of_the_network_what_may_be_asked_for() {
    let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let options = Options { cache_directory: Some(compiled), ..Options::default() };
    let runtime = PackRuntime::with_stand_in(options, Arc::new(Echo)).unwrap();
    runtime.take_rights(&table(reaching(&["https://nowhere.example/"])));
    let runner = ComponentRunner::new(runtime);
    let fetch = async |parameters: Value| {
        let call = call(Path::new(BEHAVE), "fetch", parameters);
        runner.run(call, OutputSink::new(1 << 20), CancellationToken::new()).await.result
    };
    assert_eq!(fetch(text("https://nowhere.example/a?b=c")).await, "203 GET https://nowhere.example/a?b=c 0");
    let sent = json!({"text": "https://nowhere.example/b", "count": 3});
    assert_eq!(fetch(sent).await, "203 POST https://nowhere.example/b 3");
    let refused = fetch(text("https://nowhere.example/none")).await;
    assert!(refused["error"].as_str().is_some_and(|error| error.contains("there is no answer")), "{refused}");
    assert_eq!(fetch(text("https://other.example/")).await["code"], "denied.http");
}
