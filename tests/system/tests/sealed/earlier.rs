//! A store that was begun by a version that encrypted nothing: the rows are made through the interface of the storage, without
//! a key. The first start encrypts them, and compacting removes what is left of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use petrel_model::execution::Context;
use petrel_model::output::{OutputLine, Stream};
use petrel_model::{Execution, ExecutionId, Id, PackConfig, StatusEvent, Timestamp};
use petrel_persistence::{Change, Commit, Expect, Store as _};
use petrel_persistence_embedded::{EmbeddedStore, Options};
use petrel_store_suite::execution;
use petrel_system_tests::{Place, assert_says, eventually};
use serde_json::{Value, json};

use super::{CONFIGURED, GIVEN, MADE, clear, pack, telling};

/// The line of the log when what has ended is encrypted.
const SEALED: &str = "encrypted executions with secrets that an earlier version stored in clear";

/// An execution with a secret parameter, as it was stored then.
fn secret(n: u64, now: Timestamp) -> Execution {
    let made = execution(n);
    Execution {
        id: Id::from_parts(now.as_millis(), n).into(),
        parameters: Arc::new(json!({"pin": GIVEN}).as_object().unwrap().clone()),
        context: Context { secret_places: vec!["/pin".into()], ..made.context },
        requested_at: now,
        ..made
    }
}

/// Stores an execution that has ended and one that runs, both with output, and a configuration. Gives their ids.
async fn fill(store: &EmbeddedStore) -> [ExecutionId; 2] {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Timestamp::from_micros(elapsed.as_micros().try_into().unwrap());
    let mut ids = Vec::new();
    for (n, ends) in [(1, true), (2, false)] {
        let mut execution = secret(n, now);
        ids.push(execution.id);
        store.commit(Commit::of([Change::CreateExecution(execution.clone())])).await.unwrap();
        let mut moves = vec![StatusEvent::Started];
        moves.extend(ends.then_some(StatusEvent::Succeeded));
        for event in moves {
            let expect = Expect::ExecutionVersion(execution.id, execution.version);
            execution.apply(event, now).unwrap();
            // Without a host it would never have begun anywhere.
            execution.host = Some(store.fence().epoch);
            if event == StatusEvent::Succeeded {
                execution.result = Some(Arc::new(json!({"token": MADE})));
            }
            let moved = Commit::of([Change::UpdateExecution(execution.clone())]);
            store.commit(moved.expecting(expect)).await.unwrap();
            if event == StatusEvent::Started {
                let lines = vec![OutputLine { stream: Stream::Stdout, text: GIVEN.into() }];
                let output = Change::AppendOutput { execution: execution.id, sequence: 0, lines };
                store.commit(Commit::of([output])).await.unwrap();
            }
        }
    }
    let values = json!({"token": CONFIGURED}).as_object().unwrap().clone();
    let config = PackConfig { pack: "safe".into(), values, secret: false };
    store.commit(Commit::of([Change::put(config)])).await.unwrap();
    ids.try_into().unwrap()
}

#[test]
fn a_store_that_was_begun_in_clear_tells_nothing_after_a_start_and_compacting() {
    let place = Place::default();
    pack(&place);
    // No host of today has had the store: it would have noted that it holds nothing in clear.
    fs::create_dir_all(place.data()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = EmbeddedStore::open(&place.data().join("store"), &Options::default()).unwrap();
    let ids = runtime.block_on(fill(&store));
    drop(store);
    assert!(!telling(place.data()).is_empty(), "the search finds what is there");
    let host = place.start_with(&[], &[("PETREL_LOG", "info")]);
    eventually("what has ended is encrypted", || place.read("log").contains(SEALED).then_some(()));
    // The configuration is of a pack that says only now which of its values are secret.
    host.ok(&["pack", "register", &place.path("safe")]);
    host.stop();
    place.petrel(&["store", "compact"]).with_code(0);
    // What a host had no time for before it was stopped is done by the next one.
    eventually("nothing tells of the secrets", || {
        if telling(place.data()).is_empty() {
            return Some(());
        }
        place.start(&[]).stop();
        place.petrel(&["store", "compact"]).with_code(0);
        telling(place.data()).is_empty().then_some(())
    });
    let host = place.start(&[]);
    let backup = place.path("all.backup");
    host.ok(&["backup", &backup]);
    assert_eq!(telling(Path::new(&backup)), Vec::<String>::new());
    for (id, status, result) in [(ids[0], "succeeded", json!(MADE)), (ids[1], "abandoned", Value::Null)] {
        let shown = clear(&host, &id.to_string());
        assert_eq!((&shown["status"], &shown["parameters"]["pin"]), (&json!(status), &json!(GIVEN)));
        assert_eq!(shown["result"]["token"], result, "{shown}");
        let output = host.get(&format!("/executions/{id}/output?show_secrets=true")).with_status(200).body;
        assert_says(&output, &[GIVEN]);
    }
    assert_says(&host.get("/configs/safe?show_secrets=true").with_status(200).body, &[CONFIGURED]);
    host.stop();
    assert_eq!(telling(place.data()), Vec::<String>::new());
}
