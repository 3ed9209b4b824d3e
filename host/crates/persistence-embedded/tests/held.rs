//! Executions in flight at a backup are held after a restore, over restarts, until they are released.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::path::Path;

use petrel_model::{Execution, ExecutionId, Status};
use petrel_persistence::{Change, Commit, Store};
use petrel_persistence_embedded::check::check;
use petrel_persistence_embedded::restore::{InFlight, Restored, restore};
use petrel_persistence_embedded::{EmbeddedStore, Engine, Options, backup};
use petrel_store_suite::{at, execution, id};
use tempfile::TempDir;

fn on(engine: Engine) -> Options {
    Options { engine, ..Options::default() }
}

fn open(directory: &Path, engine: Engine) -> EmbeddedStore {
    EmbeddedStore::open(directory, &on(engine)).unwrap()
}

async fn create(store: &EmbeddedStore, execution: Execution) {
    store.commit(Commit::of([Change::CreateExecution(execution)])).await.unwrap();
}

/// An archive of a store with 1 waiting, 2 running and 3 done.
async fn archive(engine: Engine) -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path(), engine);
    create(&store, execution(1)).await;
    create(&store, Execution { status: Status::Running, host: Some(1), ..execution(2) }).await;
    create(&store, Execution { status: Status::Succeeded, ..execution(3) }).await;
    drop(store);
    let mut archive = Vec::new();
    backup::export(directory.path(), &on(engine), &mut archive).unwrap();
    archive
}

fn restored(archive: &[u8], to: &Path, engine: Engine, in_flight: InFlight) -> Restored {
    restore(&mut &*archive, to, engine, in_flight, |_, _, _| Ok(())).unwrap()
}

/// The executions that can be claimed, and those that had begun.
async fn goes_on(store: &EmbeddedStore) -> (Vec<ExecutionId>, Vec<ExecutionId>) {
    let ids = |executions: Vec<Execution>| executions.iter().map(|one| one.id).collect();
    (ids(store.claim(&["shell".into()], at(1000), 9).await.unwrap()), ids(store.orphans().await.unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_flight_is_held_until_it_is_let_go_on() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        let directory = place.path().join("store");
        let restored = restored(&archive(engine).await, &directory, engine, InFlight::Held);
        assert_eq!((restored.waiting, restored.begun), (1, 1), "{engine}");
        let store = open(&directory, engine);
        create(&store, execution(10)).await;
        assert_eq!((store.held(), store.waiting()), (2, 1), "{engine}");
        assert_eq!(goes_on(&store).await, (vec![id(10)], vec![]), "{engine}: new work runs");
        drop(store);
        assert_eq!(check(&directory, &on(engine)).unwrap().held, 2, "{engine}");
        assert_eq!(check(&directory, &on(engine)).unwrap().problems, Vec::<String>::new(), "{engine}");

        let store = open(&directory, engine);
        assert_eq!(
            goes_on(&store).await,
            (vec![id(10)], vec![]),
            "{engine}: it is held by the next process too"
        );
        store.commit(Commit::of([Change::LiftHold])).await.unwrap();
        assert_eq!((store.held(), store.is_held(id(1))), (0, false), "{engine}");
        assert_eq!(goes_on(&store).await, (vec![id(1)], vec![id(2)]), "{engine}");
        drop(store);
        let store = open(&directory, engine);
        assert_eq!(goes_on(&store).await, (vec![id(1), id(10)], vec![id(2)]), "{engine}: and so it stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_restores_may_let_it_go_on_and_a_move_changes_nothing() {
    let place = TempDir::new().unwrap();
    let path = |name: &str| place.path().join(name);
    restored(&archive(Engine::Sled).await, &path("held"), Engine::Sled, InFlight::Held);
    let mut held = Vec::new();
    backup::export(&path("held"), &on(Engine::Sled), &mut held).unwrap();
    for (name, in_flight, expected) in [
        ("moved", InFlight::AsItWas, (2, vec![], vec![])),
        ("runs", InFlight::GoesOn, (0, vec![id(1)], vec![id(2)])),
    ] {
        let counted = restored(&held, &path(name), Engine::Redb, in_flight);
        assert_eq!((counted.waiting, counted.begun), (1, 1), "{name}");
        let store = open(&path(name), Engine::Redb);
        let (waiting, begun) = goes_on(&store).await;
        assert_eq!((store.held(), waiting, begun), expected, "{name}");
    }
}
