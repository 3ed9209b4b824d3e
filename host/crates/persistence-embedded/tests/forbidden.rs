//! Large values that the system does not let this process read, as after a restore by another user: nothing is damaged,
//! nothing else is held up, and all are named.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_model::{Execution, ExecutionId, Object};
use petrel_persistence::{Change, Commit, Error, ExecutionFilter, Store as _};
use petrel_persistence_embedded::check::check;
use petrel_persistence_embedded::repair::repair;
use petrel_persistence_embedded::{EmbeddedStore, Options};
use petrel_store_suite::{at, execution, id};
use serde_json::json;
use tempfile::TempDir;

/// What nobody may read, not even the user who may do anything.
const FORBIDDEN: &str = "/proc/sys/vm/compact_memory";

/// An execution with parameters that are large enough for a file of their own.
fn large(n: u64) -> Execution {
    let text = json!(n.to_string().repeat(200_000));
    Execution { parameters: Arc::new(Object::from_iter([("x".to_owned(), text)])), ..execution(n) }
}

fn blobs(store: &Path) -> Vec<PathBuf> {
    let inside = |directory: &Path| -> Vec<PathBuf> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    inside(&store.join("blobs")).iter().flat_map(|shelf| inside(shelf)).collect()
}

#[tokio::test]
async fn what_may_not_be_read_is_named_and_keeps_nothing_else_from_going_on() {
    if File::open(FORBIDDEN).err().is_none_or(|error| error.kind() != io::ErrorKind::PermissionDenied) {
        // There is no such file on this system.
        return;
    }
    let (place, options) = (TempDir::new().unwrap(), Options::default());
    let path = place.path().join("store");
    let all = [large(1), large(2), execution(3)];
    let store = EmbeddedStore::open(&path, &options).unwrap();
    store.commit(Commit::of(all.clone().map(Change::CreateExecution))).await.unwrap();
    drop(store);
    let blobs = blobs(&path);
    assert_eq!(blobs.len(), 2);
    let kept = |blob: &Path| place.path().join(blob.file_name().unwrap());
    for blob in &blobs {
        fs::rename(blob, kept(blob)).unwrap();
        symlink(FORBIDDEN, blob).unwrap();
    }

    let problems = check(&path, &options).unwrap().problems.join("; ");
    for n in [1, 2] {
        assert!(problems.contains(&id::<ExecutionId>(n).to_string()), "{n}: {problems}");
    }
    assert!(problems.contains("let this user read"), "{problems}");
    let repaired = repair(&path, &options, &place.path().join("aside")).map(|repaired| repaired.set_aside);
    assert!(repaired.is_err(), "nothing is set aside: {repaired:?}");

    let runners = ["shell".to_owned()];
    let store = EmbeddedStore::open(&path, &options).unwrap();
    assert_eq!(store.claim(&runners, at(50), 9).await.unwrap(), [execution(3)], "it is not held up");
    let read = store.execution(id(1)).await;
    assert!(matches!(read, Err(Error::Starved { .. })), "{read:?}");
    let page = store.executions(&ExecutionFilter::default(), None, 9).await.unwrap();
    assert_eq!((page.items.len(), page.unreadable.len()), (1, 2), "{:?}", page.unreadable);
    drop(store);

    for blob in &blobs {
        fs::rename(kept(blob), blob).unwrap();
    }
    assert_eq!(check(&path, &options).unwrap().problems, Vec::<String>::new());
    let store = EmbeddedStore::open(&path, &options).unwrap();
    assert_eq!(store.claim(&runners, at(50), 9).await.unwrap(), all);
}
