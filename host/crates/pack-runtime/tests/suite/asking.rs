//! Keys, secrets and runs of other actions: each works when it is granted, and is denied with the command that grants it when
//! not.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::capabilities::{Given, Granted, PackGrant, Request, Rights, Wanted};
use petrel_model::{ExecutionId, Id, Object, Ref, Timestamp};
use petrel_pack_runtime::Limits;
use petrel_runners::asked::{Actions, Done as Ended, KeyEntry, KeyState, KeyValues, NewKey, Unserved, Why};
use petrel_runners::sensors::Emitter;
use petrel_runners::{End, Outlet, OutputSink, Runner as _};
use petrel_test_components::{BEHAVE, PUBLISHED_1_0_0};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::sensors::Events;
use crate::serving::Server;
use crate::support::{Done, Subject, call, table};

/// Keys in memory; a secret one has no version.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<BTreeMap<String, (String, Option<u64>)>>);

impl Shelf {
    pub(crate) fn with(keys: &[(&str, &str)], secrets: &[(&str, &str)]) -> Arc<dyn KeyValues> {
        let open = keys.iter().map(|(name, text)| ((*name).to_owned(), ((*text).to_owned(), Some(1))));
        let secret = secrets.iter().map(|(name, text)| ((*name).to_owned(), ((*text).to_owned(), None)));
        Arc::new(Self(Mutex::new(open.chain(secret).collect())))
    }
}

fn is_secret() -> Unserved {
    Unserved::new(Why::Denied, "it is secret", "ask for it as a secret")
}

#[async_trait]
impl KeyValues for Shelf {
    fn get(&self, name: &str) -> Result<Option<KeyEntry>, Unserved> {
        match self.0.lock().unwrap().get(name) {
            None => Ok(None),
            Some((_, None)) => Err(is_secret()),
            Some((value, Some(version))) => {
                Ok(Some(KeyEntry { value: value.clone(), version: version.to_string(), expires_at: None }))
            }
        }
    }

    async fn set(&self, key: NewKey) -> Result<String, Unserved> {
        let mut keys = self.0.lock().unwrap();
        let found = keys.get(&key.name).and_then(|(_, version)| *version);
        let is_expected = match key.expected {
            KeyState::Any => true,
            KeyState::Absent => found.is_none(),
            KeyState::Version(version) => found.is_some_and(|found| found.to_string() == version),
        };
        if !is_expected {
            return Err(Unserved::new(Why::Conflict, "it was changed", "look again"));
        }
        if key.bounds.is_some_and(|bounds| key.value.len() > bounds.value) {
            return Err(Unserved::new(Why::Full, "the value is too large", "store less"));
        }
        let version = found.unwrap_or_default() + 1;
        keys.insert(key.name, (key.value, Some(version)));
        Ok(version.to_string())
    }

    async fn delete(&self, name: &str) -> Result<bool, Unserved> {
        Ok(self.0.lock().unwrap().remove(name).is_some())
    }

    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
        is_shown: &dyn Fn(&str) -> bool,
    ) -> Vec<String> {
        let keys = self.0.lock().unwrap();
        let own = keys.keys().filter(|name| name.starts_with(prefix) && is_shown(name));
        own.filter(|name| after.is_none_or(|after| name.as_str() > after)).take(most).cloned().collect()
    }

    fn secret(&self, name: &str) -> Result<String, Unserved> {
        match self.0.lock().unwrap().get(name) {
            Some((text, None)) => Ok(text.clone()),
            _ => Err(Unserved::new(Why::NotFound, format!("{name} does not exist"), "set it")),
        }
    }
}

/// The rights of a pack that asks for this, and is granted these words of it.
pub(crate) fn rights(asks: &Value, words: &[&str]) -> Rights {
    let asks: Request = serde_json::from_value(asks.clone()).unwrap();
    let mut granted = Granted::default();
    for word in words {
        for one in asks.named(&Wanted::parse(word).unwrap()).unwrap() {
            granted.add(one).unwrap();
        }
    }
    let grant = PackGrant {
        pack: "test".into(),
        granted,
        hash: String::new(),
        granted_by: String::new(),
        granted_at: Timestamp::from_micros(0),
    };
    Rights::of("test", Some(&asks), Some(&grant), &Given::default())
}

/// A subject with these keys and secrets, whose pack has these rights.
pub(crate) fn subject(rights: Rights, keys: &[(&str, &str)], secrets: &[(&str, &str)]) -> Subject {
    let subject = Subject::behave().entitled(rights);
    subject.runtime.take_keys(&Shelf::with(keys, secrets));
    subject
}

async fn kv(subject: &Subject, action: &str, at: &str, name: &str, value: &str) -> Done {
    subject.call(action, json!({"at": at, "name": name, "value": value})).await
}

fn stores() -> Value {
    json!({
        "kv": ["pack", "cache", "log"], "datastore_read": ["system.shared.*"], "datastore_write": ["system.shared.b"],
        "stores": {"log": {"writes": false, "keys": 10, "bytes": 100, "value": 10}},
    })
}

#[tokio::test]
async fn keys_of_granted_stores_are_kept_below_the_name_of_the_pack() {
    let subject = subject(rights(&stores(), &["kv"]), &[], &[]);
    assert_eq!(*kv(&subject, "kv_get", "pack", "a", "").await.value(), json!("none"));
    assert_eq!(*kv(&subject, "kv_set", "pack", "a", "one").await.value(), json!("1"));
    assert_eq!(*kv(&subject, "kv_set", "cache", "a", "other").await.value(), json!("1"));
    assert_eq!(*kv(&subject, "kv_get", "pack", "a", "").await.value(), json!("1 one"));
    for (expected, outcome) in [("none", Err("kv.conflict")), ("7", Err("kv.conflict")), ("1", Ok("2"))] {
        let asked = json!({"at": "pack", "name": "a", "value": "two", "expected": expected});
        let done = subject.call("kv_set", asked).await;
        match outcome {
            Ok(version) => assert_eq!(*done.value(), json!(version)),
            Err(code) => assert_eq!(done.failure().0, code, "{done:?}"),
        }
    }
    kv(&subject, "kv_set", "pack", "b", "").await.value();
    assert_eq!(*kv(&subject, "kv_list", "pack", "", "").await.value(), json!("a b"));
    assert_eq!(*kv(&subject, "kv_list", "pack", "b", "").await.value(), json!("b"));
    assert_eq!(*kv(&subject, "kv_delete", "pack", "a", "").await.value(), json!("true"));
    assert_eq!(*kv(&subject, "kv_delete", "pack", "a", "").await.value(), json!("false"));
    let uses = subject.runner.uses("test");
    assert_eq!(uses.get("kv cache"), Some(&1), "{uses:?}");
}

#[tokio::test]
async fn keys_are_denied_with_what_grants_them() {
    let keys = [("shared.a", "1"), ("shared.b", "2"), ("other", "3")];
    let subject = subject(rights(&stores(), &["kv=log", "datastore_read", "datastore_write"]), &keys, &[]);
    assert_eq!(*kv(&subject, "kv_get", "system", "shared.a", "").await.value(), json!("1 1"));
    assert_eq!(*kv(&subject, "kv_set", "system", "shared.b", "4").await.value(), json!("2"));
    assert_eq!(*kv(&subject, "kv_list", "system", "", "").await.value(), json!("shared.a shared.b"));
    for (action, at, name, code, says) in [
        ("kv_get", "pack", "a", "denied.kv", "`petrel pack grant test 'kv=pack'`"),
        ("kv_list", "pack", "", "denied.kv", "`petrel pack grant test 'kv=pack'`"),
        ("kv_get", "unknown", "a", "denied.kv", "its author adds unknown to kv.stores"),
        ("kv_set", "log", "a", "denied.kv", "access: [read, write]"),
        ("kv_get", "system", "other", "denied.datastore_read", "adds system.other to kv.datastore_read"),
        ("kv_set", "system", "shared.a", "denied.datastore_write", "asks for system.shared.b"),
        ("kv_delete", "system", "shared.a", "denied.datastore_write", "asks for system.shared.b"),
        ("kv_get", "log", "", "kv.invalid", "a name"),
    ] {
        let done = kv(&subject, action, at, name, "").await;
        assert_eq!(done.failure().0, code, "{done:?}");
        assert!(done.field("hint").contains(says), "{done:?} does not say {says}");
    }
    subject.runtime.take_rights(&table(Rights::default()));
    let done = kv(&subject, "kv_get", "system", "shared.a", "").await;
    assert_eq!(done.failure().0, "denied.datastore_read", "what is revoked is denied at the next call");
}

pub(crate) fn sends(server: &Server, places: &[&str]) -> Value {
    let rule: petrel_model::capabilities::HttpRule = server.url("/").parse().unwrap();
    let mut wish = json!(rule);
    wish["id"] = "api".into();
    wish["secrets"] = places.iter().map(|place| json!({"name": "token", "place": place})).collect();
    json!({"http": [wish], "secrets": ["token"], "reveal": ["token"]})
}

#[tokio::test]
async fn a_secret_is_sent_where_that_is_granted_and_never_seen() {
    let (server, secrets) = (Server::start("hello").await, [("test:token", "hush hush")]);
    let asks = sends(&server, &["header", "query", "body"]);
    let subject = subject(rights(&asks, &["http", "secrets"]), &[], &secrets);
    let seen = subject.call("secret", json!({"name": "token"})).await;
    let seen = seen.value().as_str().unwrap().to_owned();
    assert!(seen.starts_with("token petrel-secret-") && !seen.contains("hush"), "{seen}");
    for (place, part) in [
        ("header", "x-token: Bearer hush hush\r\n"),
        ("query", "/?q=Bearer%20hush%20hush HTTP"),
        ("body", "\r\n\r\nBearer hush hush"),
    ] {
        let value = if place == "query" { "Bearer%20{}" } else { "Bearer {}" };
        let asked = json!({"at": server.url("/"), "name": "token", "value": value, "place": place});
        assert_eq!(*subject.call("send_secret", asked).await.value(), json!("200 hello"));
        assert!(server.last().contains(part), "{}", server.last());
    }
}

#[tokio::test]
async fn a_secret_is_smuggled_nowhere() {
    let (server, other) = (Server::start("hello").await, Server::start("other").await);
    let mut asks = sends(&server, &["header"]);
    asks["http"].as_array_mut().unwrap().push(sends(&other, &[])["http"][0].clone());
    let secrets = [("test:token", "hush")];
    let subject = subject(rights(&asks, &["http", "secrets"]), &[], &secrets);
    for (at, place, says) in [
        (other.url("/"), "header", "in: [header]"),
        (server.url("/"), "body", "in: [body]"),
        (server.url("/"), "query", "in: [query]"),
        (server.url("/x"), "path", "in the value of a header"),
    ] {
        let asked = json!({"at": at, "name": "token", "value": "{}", "place": place});
        let done = subject.call("send_secret", asked).await;
        assert_eq!(done.failure().0, "denied.secrets", "{done:?}");
        assert!(done.field("hint").contains(says), "{done:?}");
    }
    assert!(server.requests().is_empty() && other.requests().is_empty());
}

#[tokio::test]
async fn a_secret_is_denied_or_revealed_by_its_own_right() {
    let server = Server::start("hello").await;
    let (asks, secrets) = (sends(&server, &["header"]), [("test:token", "hush")]);
    for (words, action, name, outcome) in [
        (&[][..], "secret", "token", Err(("denied.secrets", "`petrel pack grant test 'secrets=token'`"))),
        (&["secrets"], "secret", "other", Err(("denied.secrets", "adds other to secrets.use"))),
        (&["secrets"], "reveal", "token", Err(("denied.reveal", "`petrel pack grant test 'reveal=token'`"))),
        (&["secrets", "reveal"], "reveal", "token", Ok("hush")),
    ] {
        let subject = subject(rights(&asks, words), &[], &secrets);
        let done = subject.call(action, json!({"name": name})).await;
        match outcome {
            Ok(text) => assert_eq!(*done.value(), json!(text)),
            Err((code, says)) => {
                assert_eq!(done.failure().0, code, "{done:?}");
                assert!(done.field("hint").contains(says), "{done:?}");
            }
        }
    }
    let without = subject(rights(&asks, &["secrets"]), &[], &[]);
    let done = without.call("secret", json!({"name": "token"})).await;
    assert_eq!(done.failure().0, "secrets.not_found", "{done:?}");
}

/// What runs actions, and tells what it was asked for, and whether a secret was told.
#[derive(Default)]
struct Others(Mutex<Vec<(String, Object)>>, AtomicBool);

fn id(number: u64) -> ExecutionId {
    ExecutionId::from(Id::from_parts(1, number))
}

#[async_trait]
impl Actions for Others {
    async fn run(&self, action: &Ref, parameters: Object) -> Result<Ended, Unserved> {
        self.0.lock().unwrap().push((action.to_string(), parameters));
        match action.name() {
            "fails" => {
                let failed = Unserved::new(Why::Ended, "it has failed", "look at it");
                Err(Unserved { details: Some(Box::new(json!({"status": "failed"}))), ..failed })
            }
            "waits" => std::future::pending().await,
            _ => Ok(Ended { execution: id(7), result: Arc::new(json!({"a": 1})) }),
        }
    }

    fn note_secret(&self) {
        self.1.store(true, Ordering::Relaxed);
    }
}

async fn called(subject: &Subject, others: Option<Arc<Others>>, at: &str, value: &str) -> Done {
    let mut call = call(Path::new(BEHAVE), "call", json!({"at": at, "value": value, "timeout": 5}));
    call.around.actions = others.map(|others| others as Arc<dyn Actions>);
    let sink = OutputSink::new(1000);
    let outcome = subject.runner.run(call, sink.clone(), CancellationToken::new()).await;
    Done { outcome, lines: sink.take() }
}

#[tokio::test]
async fn an_action_that_is_granted_is_called_and_waited_for() {
    let (asks, others) = (json!({"call": ["core.*", "other.fails"]}), Arc::new(Others::default()));
    let subject = subject(rights(&asks, &["call"]), &[], &[]);
    let done = called(&subject, Some(Arc::clone(&others)), "core.local", "{\"cmd\": \"{{ x }}\"}").await;
    assert_eq!(*done.value(), json!(format!("{} {{\"a\":1}}", id(7))));
    assert_eq!(others.0.lock().unwrap()[0].0, "core.local");
    assert_eq!(others.0.lock().unwrap()[0].1["cmd"], "{{ x }}");
    for (at, value, code) in [
        ("other.fails", "{}", "action.failed"),
        ("core.local", "[1]", "action.invalid"),
        ("core", "{}", "action.invalid"),
        ("other.local", "{}", "denied.call"),
    ] {
        let done = called(&subject, Some(Arc::clone(&others)), at, value).await;
        assert_eq!(done.failure().0, code, "{done:?}");
    }
    assert_eq!(called(&subject, None, "core.local", "{}").await.failure().0, "action.denied");
    subject.runtime.take_rights(&table(rights(&asks, &[])));
    let done = called(&subject, Some(others), "core.local", "{}").await;
    assert_eq!(done.failure().0, "denied.call", "{done:?}");
    assert!(done.field("hint").contains("`petrel pack grant test 'call=core.*'`"), "{done:?}");
}

#[tokio::test]
async fn so_many_calls_wait_for_others_and_no_more() {
    let asks = json!({"call": ["core.waits", "core.local"]});
    let limits = Limits { concurrency: 2, ..Limits::default() };
    let subject = Subject::limited(limits).entitled(rights(&asks, &["call"]));
    let (others, one) = (Arc::new(Others::default()), subject.clone());
    let waits = Arc::clone(&others);
    let waiting = tokio::spawn(async move { called(&one, Some(waits), "core.waits", "{}").await });
    while others.0.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let done = called(&subject, Some(Arc::clone(&others)), "core.local", "{}").await;
    assert_eq!(done.failure().0, "action.busy", "{done:?}");
    assert_eq!(waiting.await.unwrap().failure().0, "limit.time");
    // The place is free once the call that was stopped is gone, which may be a moment later.
    let mut last = None;
    for _ in 0..2000 {
        let done = called(&subject, Some(Arc::clone(&others)), "core.local", "{}").await;
        if done.outcome.end == End::Succeeded {
            return;
        }
        last = Some(done);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the place was not given back: {last:?}");
}

#[tokio::test]
async fn an_action_is_told_what_is_around_it() {
    let subject = Subject::behave();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (parent, expected) in [(None, "none".to_owned()), (Some(id(3)), id(3).to_string())] {
        let mut call = call(Path::new(BEHAVE), "around", json!({}));
        call.around.parent = parent;
        call.around.trace = trace.parse().ok();
        let outcome = subject.runner.run(call, OutputSink::new(1000), CancellationToken::new()).await;
        assert_eq!(outcome.result, json!(format!("{expected} {trace}")));
    }
}

/// What an action of a component for version 1.0.0 of the contract gives back.
async fn published(action: &str, events: &Arc<Events>) -> Value {
    let asks = json!({"kv": ["pack"], "secrets": ["token"], "reveal": ["token"], "call": ["core.noop"]});
    let subject = Subject::of(Path::new(PUBLISHED_1_0_0), petrel_pack_runtime::Options::default())
        .entitled(rights(&asks, &["kv", "secrets", "reveal", "call"]));
    subject.runtime.take_keys(&Shelf::with(&[], &[("test:token", "hush")]));
    let mut call = call(Path::new(PUBLISHED_1_0_0), action, json!({}));
    let others = Arc::new(Others::default());
    call.around.actions = Some(Arc::clone(&others) as Arc<dyn Actions>);
    call.around.trace = "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok();
    call.outlet = Outlet::to(Arc::clone(events) as Arc<dyn Emitter>);
    let Value::Object(config) = json!({"name": "value"}) else { panic!() };
    call.pack_config = Arc::new(config);
    let sink = OutputSink::new(1000);
    let outcome = subject.runner.run(call, sink.clone(), CancellationToken::new()).await;
    let done = Done { outcome, lines: sink.take() };
    assert_eq!(done.texts(), ["INFO published", "PROGRESS 50 % half"], "{done:?}");
    assert_eq!(others.1.load(Ordering::Relaxed), action == "secret", "the execution knows what it was told");
    done.value().clone()
}

#[tokio::test]
async fn a_component_of_each_published_version_runs() {
    let events = Events::until(usize::MAX, &CancellationToken::new());
    for (action, expected) in [
        ("kv", "2 true a token true"),
        ("secret", "token hush"),
        ("call", "{\"a\":1}"),
        ("config", "\"value\""),
        ("around", "None 4bf92f3577b34da6a3ce929d0e0e4736"),
    ] {
        assert_eq!(published(action, &events).await, json!(expected), "{action}");
    }
    assert_eq!(published("emit", &events).await.as_str().map(str::len), Some(24));
}
