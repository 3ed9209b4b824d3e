//! A process that may open no more files: what cannot be read for the moment is not damaged, and is not lost. The limit is
//! the whole program's, which therefore has one test.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;

use petrel_model::Object;
use petrel_persistence::{Change, Commit, Error, ExecutionFilter, Store as _};
use petrel_persistence_embedded::{EmbeddedStore, Options};
use petrel_store_suite::{at, execution, id};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tempfile::TempDir;

#[tokio::test]
async fn what_cannot_be_read_for_want_of_files_is_no_damage_and_is_claimed_later() {
    let place = TempDir::new().unwrap();
    let store = EmbeddedStore::open(place.path(), &Options::default()).unwrap();
    let mut large = execution(1);
    // Large enough for a file of its own.
    large.parameters = Arc::new(Object::from_iter([("x".to_owned(), json!("x".repeat(200_000)))]));
    store.commit(Commit::of([large.clone(), execution(2)].map(Change::CreateExecution))).await.unwrap();
    let runners = ["shell".to_owned()];

    let before = getrlimit(Resource::Nofile);
    let lowest = File::open("/dev/null").unwrap().as_raw_fd();
    let none_left = Rlimit { current: u64::try_from(lowest).ok(), maximum: before.maximum };
    setrlimit(Resource::Nofile, none_left).unwrap();
    let read = store.execution(id(1)).await;
    let listed = store.executions(&ExecutionFilter::default(), None, 9).await;
    let claimed = store.claim(&runners, at(50), 9).await;
    setrlimit(Resource::Nofile, before).unwrap();

    assert!(matches!(read, Err(Error::Starved { .. })), "{read:?}");
    assert!(matches!(listed, Err(Error::Starved { .. })), "{listed:?}");
    assert_eq!(claimed.unwrap(), [execution(2)], "the other is not held up");
    assert_eq!(store.claim(&runners, at(50), 9).await.unwrap(), [], "it rests");
    assert_eq!(store.claim(&runners, at(52), 9).await.unwrap(), [large]);
    assert_eq!(store.unreadable(), []);
}
