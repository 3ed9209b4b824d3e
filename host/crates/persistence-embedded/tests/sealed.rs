//! Rows that hold secrets are in no file in clear: what is stored now, and after a first start with keys what an earlier
//! version has stored, which had none. Without its key a row cannot be read, and stays as it is.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use petrel_model::execution::Context;
use petrel_model::output::{OutputLine, Stream};
use petrel_model::{Execution, ExecutionId, PackConfig, Status, StatusEvent, WorkflowEntry};
use petrel_persistence::{
    Change, Commit, CommitError, Error, ExecutionFilter, Expect, Sealer, Store, StoreExt as _, Unreadable,
};
use petrel_persistence_embedded::base::Engine;
use petrel_persistence_embedded::check::check;
use petrel_persistence_embedded::compact::compact;
use petrel_persistence_embedded::{EmbeddedStore, Options};
use petrel_store_suite::{at, execution, id};
use serde_json::{Value, json};

const SECRET: &str = "hush-7f3a91c2-of-all";

/// Turns all bits over, behind the place.
#[derive(Debug)]
struct Turning {
    is_locked: bool,
}

impl Sealer for Turning {
    fn seal(&self, body: &[u8], place: &[u8]) -> Result<Vec<u8>, String> {
        if self.is_locked {
            return Err("the key is gone; put it back".into());
        }
        Ok([place, body].concat().iter().map(|byte| !byte).collect())
    }

    fn open(&self, sealed: &[u8], place: &[u8]) -> Result<Vec<u8>, String> {
        let opened: Vec<u8> = sealed.iter().map(|byte| !byte).collect();
        match opened.strip_prefix(place).filter(|_| !self.is_locked) {
            Some(body) => Ok(body.to_vec()),
            None => Err("the key is gone; put it back".into()),
        }
    }
}

fn options(engine: Engine, sealer: Option<Turning>) -> Options {
    Options { engine, sealer: sealer.map(|sealer| Arc::new(sealer) as Arc<dyn Sealer>), ..Options::default() }
}

fn open(directory: &Path, engine: Engine, sealer: Option<Turning>) -> EmbeddedStore {
    EmbeddedStore::open(directory, &options(engine, sealer)).unwrap()
}

const KEY: Option<Turning> = Some(Turning { is_locked: false });
const LOCKED: Option<Turning> = Some(Turning { is_locked: true });

/// Whether a file below `directory` has the secret.
fn is_told(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return is_told(&path);
        }
        fs::read(&path).unwrap().windows(SECRET.len()).any(|part| part == SECRET.as_bytes())
    })
}

fn secret(n: u64, size: usize) -> Execution {
    let text = format!("{SECRET}{}", "x".repeat(size));
    let mut execution = execution(n);
    execution.parameters = Arc::new(json!({"pin": text}).as_object().unwrap().clone());
    execution.context = Context { secret_places: vec!["/pin".into()], ..execution.context };
    execution
}

fn result(size: usize) -> Arc<Value> {
    Arc::new(json!({"told": format!("{SECRET}{}", "x".repeat(size))}))
}

fn lines() -> Vec<OutputLine> {
    vec![OutputLine { stream: Stream::Stdout, text: SECRET.into() }]
}

fn entries() -> Vec<WorkflowEntry> {
    let entry = json!({"at": at(1), "event": "failed", "message": SECRET});
    vec![serde_json::from_value(entry).unwrap()]
}

fn config(secret: bool) -> PackConfig {
    PackConfig { pack: "safe".into(), values: json!({"token": SECRET}).as_object().unwrap().clone(), secret }
}

/// Stores one execution that has ended and one that runs, each with all that belongs to it, and a configuration.
async fn fill(store: &EmbeddedStore, size: usize, secret_config: bool) {
    for (n, ends) in [(1, true), (2, false)] {
        let mut execution = secret(n, size);
        store.commit(Commit::of([Change::CreateExecution(execution.clone())])).await.unwrap();
        let expect = Expect::ExecutionVersion(execution.id, execution.version);
        execution.apply(StatusEvent::Started, at(2)).unwrap();
        let log = Change::AppendWorkflow { execution: id(n), sequence: 0, entries: entries() };
        let commit = Commit::of([log, Change::UpdateExecution(execution.clone())]);
        store.commit(commit.expecting(expect)).await.unwrap();
        // By itself, so that the row of the execution tells.
        let output = Change::AppendOutput { execution: id(n), sequence: 0, lines: lines() };
        store.commit(Commit::of([output])).await.unwrap();
        if ends {
            let expect = Expect::ExecutionVersion(execution.id, execution.version);
            execution.apply(StatusEvent::Succeeded, at(3)).unwrap();
            execution.result = Some(result(size));
            store.commit(Commit::of([Change::UpdateExecution(execution)]).expecting(expect)).await.unwrap();
        }
    }
    store.commit(Commit::of([Change::put(config(secret_config))])).await.unwrap();
}

/// Asserts that all of it is read back.
async fn assert_whole(store: &EmbeddedStore, size: usize) {
    for n in [1, 2] {
        let read = store.execution(id(n)).await.unwrap().unwrap();
        assert_eq!(read.parameters, secret(n, size).parameters);
        assert_eq!(read.result, (n == 1).then(|| result(size)));
        assert_eq!(store.output(id(n), 0).await.unwrap(), lines());
        assert_eq!(store.workflow_log(id(n)).await.unwrap(), entries());
    }
    let listed = store.executions(&ExecutionFilter::default(), None, 10).await.unwrap();
    assert_eq!((listed.items.len(), listed.unreadable), (2, Vec::new()));
    assert_eq!(store.all::<PackConfig>().await.unwrap()[0].values, config(true).values);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_hold_secrets_is_in_no_file_and_is_read_back() {
    for engine in [Engine::Sled, Engine::Redb] {
        for size in [0, 2_000, 20_000, 200_000] {
            let place = tempfile::tempdir().unwrap();
            let store = open(place.path(), engine, KEY);
            assert!(!store.holds_sealed());
            fill(&store, size, true).await;
            assert_whole(&store, size).await;
            let mut archive = Vec::new();
            tokio::task::block_in_place(|| store.backup(&[], &mut archive)).unwrap();
            assert!(!archive.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "{engine} {size}");
            drop(store);
            assert!(!is_told(place.path()), "{engine} {size}");
            // Whether somebody has the key is no question of whether it is whole.
            let checked = check(place.path(), &options(engine, None)).unwrap();
            assert_eq!(checked.problems, Vec::<String>::new(), "{engine} {size}");
            let store = open(place.path(), engine, KEY);
            assert!(store.holds_sealed());
            assert_whole(&store, size).await;
            // What is deleted leaves nothing.
            store.commit(Commit::of([Change::DeleteExecution(id(1))])).await.unwrap();
            assert_eq!(store.execution(id(1)).await.unwrap(), None);
            assert_eq!(store.output(id(1), 0).await.unwrap(), Vec::new());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_has_stored_in_clear_is_encrypted_at_the_first_start() {
    for engine in [Engine::Sled, Engine::Redb] {
        for size in [0, 2_000, 20_000, 200_000] {
            let place = tempfile::tempdir().unwrap();
            // It encrypted nothing.
            let store = open(place.path(), engine, None);
            fill(&store, size, false).await;
            assert_whole(&store, size).await;
            drop(store);
            assert!(is_told(place.path()), "{engine} {size}: the search finds what is there");
            // Without a key nothing changes.
            let store = open(place.path(), engine, LOCKED);
            assert_eq!(
                (store.seal_active().await.unwrap(), store.seal_ended(None, 10).await.unwrap()),
                (0, None)
            );
            drop(store);
            let store = open(place.path(), engine, KEY);
            assert_eq!(store.seal_active().await.unwrap(), 1, "{engine} {size}");
            assert_eq!(store.seal_ended(None, 10).await.unwrap(), Some((id(2), 1)), "{engine} {size}");
            assert_eq!(store.seal_ended(Some(id(2)), 10).await.unwrap(), None);
            assert_eq!(store.seal_ended(None, 10).await.unwrap(), None, "once is enough");
            store.commit(Commit::of([Change::put(config(true))])).await.unwrap();
            assert_whole(&store, size).await;
            drop(store);
            compact(place.path(), &options(engine, None)).unwrap();
            assert!(!is_told(place.path()), "{engine} {size}");
            let store = open(place.path(), engine, KEY);
            assert_whole(&store, size).await;
            // It goes on as any other.
            let mut running = store.execution(id(2)).await.unwrap().unwrap();
            let expect = Expect::ExecutionVersion(running.id, running.version);
            running.apply(StatusEvent::Succeeded, at(3)).unwrap();
            running.result = Some(result(size));
            store.commit(Commit::of([Change::UpdateExecution(running)]).expecting(expect)).await.unwrap();
            assert_eq!(store.execution(id(2)).await.unwrap().unwrap().result, Some(result(size)));
            drop(store);
            assert!(!is_told(place.path()), "{engine} {size}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_in_workflows_without_secrets_of_their_own_are_encrypted_with_the_others() {
    for ends in [true, false] {
        let place = tempfile::tempdir().unwrap();
        let store = open(place.path(), Engine::Redb, None);
        let inside = |of: u64, execution: Execution| {
            let parent = json!({"execution": id::<ExecutionId>(of), "task": "t", "number": 0, "root": id::<ExecutionId>(10)});
            Execution { parent: serde_json::from_value(parent).unwrap(), ..execution }
        };
        let plain = |n: u64| Execution { context: Context::default(), ..secret(n, 10) };
        // 10 has 11, which has 12, that has a secret; 13 takes a copy. 20 has nothing to do with it.
        let family = [
            plain(10),
            inside(10, plain(11)),
            inside(11, secret(12, 10)),
            inside(10, plain(13)),
            execution(20),
        ];
        for mut one in family {
            let log = Change::AppendWorkflow { execution: one.id, sequence: 0, entries: entries() };
            let is_family = one.id != id(20);
            store.commit(Commit::of([Change::CreateExecution(one.clone())])).await.unwrap();
            if is_family {
                store.commit(Commit::of([log])).await.unwrap();
            }
            if ends {
                one.apply(StatusEvent::Started, at(2)).unwrap();
                one.apply(StatusEvent::Succeeded, at(3)).unwrap();
                one.result = is_family.then(|| result(10));
                store.commit(Commit::of([Change::UpdateExecution(one)])).await.unwrap();
            }
        }
        drop(store);
        assert!(is_told(place.path()));
        let store = open(place.path(), Engine::Redb, KEY);
        let sealed = if ends {
            store.seal_ended(None, 10).await.unwrap().map(|(_last, count)| count)
        } else {
            Some(store.seal_active().await.unwrap())
        };
        assert_eq!(sealed, Some(4));
        for n in [10, 11, 12, 13] {
            assert_eq!(store.execution(id(n)).await.unwrap().unwrap().parameters, secret(n, 10).parameters);
            assert_eq!(store.workflow_log(id(n)).await.unwrap(), entries());
        }
        drop(store);
        compact(place.path(), &options(Engine::Redb, None)).unwrap();
        assert!(!is_told(place.path()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_it_is_canceled_and_deleted_by_what_can_be_read() {
    for (engine, gone) in [(Engine::Redb, LOCKED), (Engine::Sled, None)] {
        let place = tempfile::tempdir().unwrap();
        let store = open(place.path(), engine, KEY);
        fill(&store, 10, true).await;
        store.commit(Commit::of([Change::CreateExecution(secret(3, 20_000))])).await.unwrap();
        drop(store);
        let store = open(place.path(), engine, gone);
        // Each is open as it was.
        assert_eq!(
            (store.is_active(id(1)), store.is_active(id(2)), store.is_waiting(id(3))),
            (false, true, true)
        );
        for n in [2, 3] {
            assert!(matches!(store.execution(id(n)).await, Err(Error::Sealed { .. })));
            let mut part = store.execution_in_part(id(n)).await.unwrap().unwrap();
            assert!(
                part.parameters.is_empty()
                    && part.context.unread.as_ref().is_some_and(|why| why.contains("key"))
            );
            let expect = Expect::ExecutionVersion(part.id, part.version);
            part.status = Status::Canceled;
            part.version += 1;
            part.ended_at = Some(at(9));
            part.result = Some(Arc::new(json!({"error": "it was canceled unread"})));
            store.commit(Commit::of([Change::UpdateExecution(part)]).expecting(expect)).await.unwrap();
            assert!(!store.is_active(id(n)));
            // It says so, although the rest cannot be read.
            let read = store.execution(id(n)).await.unwrap().unwrap();
            assert_eq!(read.result, Some(Arc::new(json!({"error": "it was canceled unread"}))));
            assert!(read.context.unread.is_some());
        }
        drop(store);
        // Once the key is back, nothing of it is missing.
        let store = open(place.path(), engine, KEY);
        let read = store.execution(id(3)).await.unwrap().unwrap();
        assert_eq!((read.status, &read.context.unread), (Status::Canceled, &None));
        assert_eq!(read.parameters, secret(3, 20_000).parameters);
        drop(store);
        let store = open(place.path(), engine, LOCKED);
        let deletions = [1, 2, 3].map(|n| Change::DeleteExecution(id(n)));
        store.commit(Commit::of(deletions)).await.unwrap();
        assert_eq!(store.execution(id(3)).await.unwrap(), None);
        drop(store);
        assert_eq!(check(place.path(), &options(engine, None)).unwrap().problems, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_it_cannot_be_read_and_stays_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let store = open(place.path(), Engine::Redb, KEY);
    fill(&store, 10, true).await;
    store.commit(Commit::of([Change::CreateExecution(execution(3))])).await.unwrap();
    drop(store);
    for sealer in [LOCKED, None] {
        let store = open(place.path(), Engine::Redb, sealer);
        assert!(store.holds_sealed());
        let refused = store.execution(id(1)).await.unwrap_err();
        assert!(matches!(&refused, Error::Sealed { reason, .. } if reason.contains("key")), "{refused}");
        let listed = store.executions(&ExecutionFilter::default(), None, 10).await.unwrap();
        assert_eq!((listed.items.len(), listed.unreadable.len()), (1, 2), "others are shown");
        assert_eq!(store.all::<PackConfig>().await.unwrap(), []);
        assert_eq!(store.unreadable().len(), 1);
        // Nothing of it is to be repaired.
        let told =
            listed.unreadable.iter().chain(&store.unreadable()).map(Unreadable::remedy).collect::<Vec<_>>();
        assert_eq!(told, [Unreadable::SEALED; 3]);
    }
    let store = open(place.path(), Engine::Redb, LOCKED);
    assert!(store.refuses_secrets().is_some_and(|why| why.contains("put it back")));
    let refused = store.commit(Commit::of([Change::CreateExecution(secret(4, 10))])).await.unwrap_err();
    assert!(
        matches!(&refused, CommitError::Store(error @ Error::Sealed { .. }) if error.to_string().contains("least of all in clear")),
        "{refused}"
    );
    // What has happened is stored all the same, without its values.
    let mut ended = execution(3);
    ended.apply(StatusEvent::Started, at(2)).unwrap();
    ended.status = Status::Succeeded;
    ended.context = Context { result_marks: vec!["/properties/told".into()], ..ended.context };
    ended.result = Some(result(10));
    store.commit(Commit::of([Change::UpdateExecution(ended)])).await.unwrap();
    assert_eq!(
        store.execution(id(3)).await.unwrap().unwrap().result,
        Some(Arc::new(json!({"told": "********"})))
    );
    drop(store);
    assert_whole_of(&open(place.path(), Engine::Redb, KEY)).await;
}

/// Asserts that what was encrypted is there once its key is back.
async fn assert_whole_of(store: &EmbeddedStore) {
    assert_eq!(store.execution(id(1)).await.unwrap().unwrap().parameters, secret(1, 10).parameters);
    assert_eq!(store.all::<PackConfig>().await.unwrap(), [config(true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_listed_without_what_is_large_or_cannot_be_read() {
    let place = tempfile::tempdir().unwrap();
    let store = open(place.path(), Engine::Sled, KEY);
    fill(&store, 200_000, true).await;
    drop(store);
    for (key, whole) in [(KEY, (1, 0)), (LOCKED, (0, 1))] {
        let store = open(place.path(), Engine::Sled, key);
        let listed = store.execution_heads(&ExecutionFilter::default(), None, 10).await.unwrap();
        let found: Vec<_> = listed.items.iter().map(|one| (one.id, one.parameters.is_empty())).collect();
        assert_eq!((found, listed.unreadable), (vec![(id(2), true), (id(1), true)], Vec::new()));
        let succeeded = ExecutionFilter { status: Some(Status::Succeeded), ..ExecutionFilter::default() };
        assert_eq!(store.execution_heads(&succeeded, None, 10).await.unwrap().items.len(), 1);
        // What the filter does not admit is not told as unreadable either.
        let found = store.executions(&succeeded, None, 10).await.unwrap();
        assert_eq!((found.items.len(), found.unreadable.len()), whole);
    }
}
