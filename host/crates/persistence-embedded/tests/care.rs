//! Copies and maintenance of a store: an export can be imported with any engine, a backup of a store in use is
//! consistent, a truncated or damaged archive leaves nothing behind, and a compacted or checked store keeps its
//! contents.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use petrel_model::output::{OutputLine, Stream};
use petrel_model::{Id, Rule, Status};
use petrel_persistence::store::ArchivedFile;
use petrel_persistence::{Change, Commit, ExecutionFilter, Store, StoreExt as _};
use petrel_persistence_embedded::archive::ArchiveError;
use petrel_persistence_embedded::check::check;
use petrel_persistence_embedded::compact::compact;
use petrel_persistence_embedded::restore::{InFlight, RestoreError, restore};
use petrel_persistence_embedded::{EmbeddedStore, Engine, Options, backup};
use petrel_store_suite::{execution, id, instance, rule};
use serde_json::json;
use tempfile::TempDir;

fn on(engine: Engine) -> Options {
    Options { engine, ..Options::default() }
}

/// Stores some of everything, in every size.
async fn fill(store: &EmbeddedStore) {
    for (n, size) in [(1, 10), (2, 2_000), (3, 20_000), (4, 200_000), (5, 200_000)] {
        let large = "x".repeat(size);
        let mut ended = execution(n);
        ended.status = if n == 1 { Status::Requested } else { Status::Succeeded };
        ended.result = Some(Arc::new(json!(large)));
        let lines = vec![OutputLine { stream: Stream::Stdout, text: large.clone() }];
        let changes = [
            Change::CreateExecution(ended),
            Change::AppendOutput { execution: id(n), sequence: 0, lines },
            Change::CreateTriggerInstance(instance(n, json!(large))),
            Change::put(rule(n, &format!("pack.rule{n}"))),
        ];
        store.commit(Commit::of(changes)).await.unwrap();
    }
    store.commit(Commit::of([Change::DeleteExecution(id(5))])).await.unwrap();
}

/// Everything that can be read.
async fn all(store: &EmbeddedStore) -> String {
    let executions = store.executions(&ExecutionFilter::default(), None, 100).await.unwrap();
    let instances = store.trigger_instances(None, None, 100).await.unwrap();
    let mut output = Vec::new();
    for n in 1..=5 {
        output.push(store.output(id(n), 0).await.unwrap());
    }
    format!("{executions:?}{instances:?}{output:?}{:?}", store.all::<Rule>().await.unwrap())
}

#[expect(clippy::unnecessary_wraps, reason = "what is done with files may fail elsewhere")]
fn no_files(_: &str, _: u32, _: &[u8]) -> std::io::Result<()> {
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_engine_exports_every_engine_imports() {
    for from in Engine::ALL {
        let directory = TempDir::new().unwrap();
        let store = EmbeddedStore::open(directory.path(), &on(from)).unwrap();
        fill(&store).await;
        let held = all(&store).await;
        drop(store);
        let mut archive = Vec::new();
        let exported = backup::export(directory.path(), &on(from), &mut archive).unwrap();
        assert!(exported.rows > 10 && exported.blobs >= 1, "{exported:?}");
        for to in Engine::ALL {
            let place = TempDir::new().unwrap();
            let target = place.path().join("store");
            let restored =
                restore(&mut archive.as_slice(), &target, to, InFlight::AsItWas, no_files).unwrap();
            assert_eq!(restored.archived, exported, "{from} to {to}");
            assert_eq!((restored.waiting, restored.begun), (1, 0));
            let checked = check(&target, &on(to)).unwrap();
            assert_eq!(
                (checked.rows.values().sum::<u64>(), checked.blobs),
                (exported.rows, exported.blobs),
                "{from} to {to}: the same words for the same counts"
            );
            assert_eq!(checked.problems, Vec::<String>::new(), "{from} to {to}");
            let store = EmbeddedStore::open(&target, &on(to)).unwrap();
            assert_eq!(all(&store).await, held, "{from} to {to}");
        }
    }
}

/// Each commit adds an execution and an event and deletes the two before, so that there is always one of each.
async fn replace_until(store: Arc<EmbeddedStore>, is_over: Arc<AtomicBool>) -> u64 {
    let mut n = 1;
    while !is_over.load(Ordering::SeqCst) {
        let mut ended = execution(n);
        ended.status = Status::Succeeded;
        let size = if n % 7 == 0 { 70_000 } else { 100 };
        ended.result = Some(Arc::new(json!("x".repeat(size) + &n.to_string())));
        let event = instance(n, json!(n));
        let mut changes = vec![Change::CreateExecution(ended), Change::CreateTriggerInstance(event)];
        if n > 1 {
            changes.extend([Change::DeleteExecution(id(n - 1)), Change::DeleteTriggerInstance(id(n - 1))]);
        }
        store.commit(Commit::of(changes)).await.unwrap();
        n += 1;
    }
    n
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_store_in_use_is_that_of_one_moment() {
    let directory = TempDir::new().unwrap();
    // A small layer, so that checkpoints happen during the backup.
    let options = Options { layer_bytes: 4_000, ..Options::default() };
    let store = Arc::new(EmbeddedStore::open(directory.path(), &options).unwrap());
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(replace_until(Arc::clone(&store), Arc::clone(&is_over)));
    for round in 0..20 {
        let mut archive = Vec::new();
        let file = ArchivedFile { path: "admin-token".into(), mode: 0o600, content: b"secret".to_vec() };
        let source = Arc::clone(&store);
        let archive = tokio::task::spawn_blocking(move || {
            source.backup(&[file], &mut archive).unwrap();
            archive
        })
        .await
        .unwrap();
        let place = TempDir::new().unwrap();
        let mut files = Vec::new();
        let target = place.path().join("store");
        let on_file = |path: &str, mode: u32, content: &[u8]| {
            files.push((path.to_owned(), mode, content.to_vec()));
            Ok(())
        };
        let restored =
            restore(&mut archive.as_slice(), &target, Engine::Redb, InFlight::Held, on_file).unwrap();
        assert_eq!(
            (restored.archived.files, files),
            (1, vec![("admin-token".to_owned(), 0o600, b"secret".to_vec())])
        );
        assert_eq!(
            check(&target, &on(Engine::Redb)).unwrap().problems,
            Vec::<String>::new(),
            "round {round}"
        );
        let restored = EmbeddedStore::open(&target, &on(Engine::Redb)).unwrap();
        let executions = restored.executions(&ExecutionFilter::default(), None, 10).await.unwrap().items;
        let instances = restored.trigger_instances(None, None, 10).await.unwrap().items;
        let executions: Vec<Id> = executions.iter().map(|one| one.id.0).collect();
        let instances: Vec<Id> = instances.iter().map(|one| one.id.0).collect();
        assert!(executions.len() <= 1, "round {round}: {executions:?}");
        assert_eq!(executions, instances, "round {round}");
    }
    is_over.store(true, Ordering::SeqCst);
    assert!(writer.await.unwrap() > 20, "something happened meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_restored_leaves_nothing_behind() {
    let directory = TempDir::new().unwrap();
    let store = EmbeddedStore::open(directory.path(), &Options::default()).unwrap();
    fill(&store).await;
    drop(store);
    let mut archive = Vec::new();
    backup::export(directory.path(), &Options::default(), &mut archive).unwrap();
    let place = TempDir::new().unwrap();
    let target = place.path().join("store");
    let attempt =
        |mut bytes: &[u8]| restore(&mut bytes, &target, Engine::Redb, InFlight::Held, no_files).unwrap_err();
    let is_empty = || fs::read_dir(place.path()).unwrap().next().is_none();
    for at in (0..archive.len()).step_by(archive.len() / 40) {
        let error = attempt(&archive[..at]);
        let RestoreError::Archive(ArchiveError::CutShort { ends_at, wanted }) = error else {
            panic!("cut at {at}: {error}")
        };
        assert!(ends_at == at as u64 && wanted > ends_at, "cut at {at}: it ends at {ends_at}, not {wanted}");
        assert!(is_empty(), "cut at {at}");
        let mut damaged = archive.clone();
        damaged[at] ^= 1;
        let error = attempt(&damaged);
        assert!(matches!(error, RestoreError::Archive(_)), "flipped at {at}: {error}");
        assert!(is_empty(), "flipped at {at}");
    }
    for appended in [&b"\n"[..], archive.as_slice()] {
        let error = attempt(&[archive.as_slice(), appended].concat());
        assert!(matches!(error, RestoreError::Archive(ArchiveError::GoesOn(_))), "{error}");
        assert!(is_empty(), "appended");
    }
    let error = attempt(b"something that is long enough to be one");
    assert!(matches!(error, RestoreError::Archive(ArchiveError::Foreign)), "{error}");
    assert!(is_empty());
    fs::create_dir(&target).unwrap();
    let error = attempt(&archive).to_string();
    assert!(error.contains("there is a store in") && error.contains("empty directory"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_store_holds_what_it_held_and_is_smaller() {
    for engine in Engine::ALL {
        let directory = TempDir::new().unwrap();
        let store = EmbeddedStore::open(directory.path(), &on(engine)).unwrap();
        fill(&store).await;
        for n in 10..2_000 {
            let mut ended = execution(n);
            ended.status = Status::Succeeded;
            store.commit(Commit::of([Change::CreateExecution(ended)])).await.unwrap();
        }
        drop(store);
        let store = EmbeddedStore::open(directory.path(), &on(engine)).unwrap();
        let delete = (10..2_000).map(|n| Change::DeleteExecution(id(n)));
        store.commit(Commit::of(delete)).await.unwrap();
        let held = all(&store).await;
        drop(store);
        let compacted = compact(directory.path(), &on(engine)).unwrap();
        assert!(compacted.after < compacted.before, "{engine}: {compacted:?}");
        assert_eq!(check(directory.path(), &on(engine)).unwrap().problems, Vec::<String>::new());
        let store = EmbeddedStore::open(directory.path(), &on(engine)).unwrap();
        assert_eq!(all(&store).await, held, "{engine}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_that_was_interrupted_is_ended() {
    let directory = TempDir::new().unwrap();
    let open = || EmbeddedStore::open(directory.path(), &Options::default()).unwrap();
    let store = open();
    fill(&store).await;
    let held = all(&store).await;
    drop(store);
    let path = |name: &str| directory.path().join(name);
    // Between the two renames: the old base is moved aside, the new one is not in its place yet.
    fs::rename(path("sled"), path("sled.old")).unwrap();
    fs::create_dir_all(path("sled.new").join("scratch/sled")).unwrap();
    assert_eq!(all(&open()).await, held);
    assert!(!path("sled.old").exists() && !path("sled.new").exists());
    // After both renames: the old base is left over.
    fs::create_dir(path("sled.old")).unwrap();
    assert_eq!(all(&open()).await, held);
    assert!(!path("sled.old").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_what_is_missing_or_damaged() {
    let directory = TempDir::new().unwrap();
    let store = EmbeddedStore::open(directory.path(), &Options::default()).unwrap();
    fill(&store).await;
    drop(store);
    let checked = check(directory.path(), &Options::default()).unwrap();
    assert_eq!(checked.problem_count, 0, "{checked:?}");
    assert_eq!(
        (checked.rows.get("execution"), checked.rows.get("rule")),
        (Some(&4), Some(&5)),
        "{checked:?}"
    );
    let blob = first_file(&directory.path().join("blobs"));
    fs::write(&blob, "something else").unwrap();
    let checked = check(directory.path(), &Options::default()).unwrap();
    assert!(checked.problem_count > 0);
    assert!(
        checked.problems.iter().any(|problem| problem.contains("does not match its name")),
        "{:?}",
        checked.problems
    );
}

fn first_file(directory: &Path) -> std::path::PathBuf {
    let path = fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
    if path.is_dir() { first_file(&path) } else { path }
}

#[test]
fn what_is_no_store_or_an_older_one_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let attempts = || {
        let (path, options) = (directory.path(), Options::default());
        [
            check(path, &options).unwrap_err().to_string(),
            compact(path, &options).unwrap_err().to_string(),
            backup::export(path, &options, &mut Vec::new()).unwrap_err().to_string(),
        ]
    };
    for message in attempts() {
        assert!(message.contains("there is no store in") && message.contains("--data-dir"), "{message}");
    }
    assert_eq!(Engine::of(directory.path()).unwrap(), None);
    assert!(fs::read_dir(directory.path()).unwrap().next().is_none(), "nothing is made");
    // Format 1 had no rows for references, without which unused blobs cannot be recognized.
    fs::write(directory.path().join("format"), "petrel-store 1\n").unwrap();
    for message in attempts() {
        assert!(message.contains("format 1") && message.contains("`petrel serve`"), "{message}");
    }
    fs::write(directory.path().join("format"), "petrel-store 2\nengine redb\n").unwrap();
    assert_eq!(Engine::of(directory.path()).unwrap(), Some(Engine::Redb));
}
