//! Damage only hides what it hit: unreadable rows are named, listed as such and set aside, and flipped or truncated
//! files of an engine give errors with a name, never a panic.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use petrel_model::{ExecutionId, Id, Rule, Status, User};
use petrel_persistence::{Change, Commit, Error, ExecutionFilter, Page, Store, StoreExt as _};
use petrel_persistence_embedded::archive::{Reader, Record, Writer};
use petrel_persistence_embedded::check::{Checked, check};
use petrel_persistence_embedded::repair::repair;
use petrel_persistence_embedded::restore::{InFlight, restore};
use petrel_persistence_embedded::{EmbeddedStore, Engine, Options, backup};
use petrel_store_suite::{at, execution, id, instance, rule};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest duration of any operation on a damaged store.
const PATIENCE: Duration = Duration::from_secs(120);

fn on(engine: Engine) -> Options {
    Options { engine, ..Options::default() }
}

/// Executions 1 (waiting) to 9, of which 8 has a large result and 9 one in pieces; events, rules and users 1 to 3.
async fn fill(directory: &Path, engine: Engine) {
    let store = EmbeddedStore::open(directory, &on(engine)).unwrap();
    for n in 1..=9 {
        let mut one = execution(n);
        if n > 1 {
            one.status = Status::Succeeded;
            let size =
                [(8, 100_000), (9, 20_000)].iter().find(|(of, _)| *of == n).map_or(10, |(_, size)| *size);
            one.result = Some(Arc::new(json!("x".repeat(size))));
        }
        store.commit(Commit::of([Change::CreateExecution(one)])).await.unwrap();
    }
    for n in 1..=3 {
        let user = User {
            name: format!("user{n}"),
            password_hash: String::new(),
            is_admin: true,
            created_at: at(0),
        };
        let changes = [
            Change::CreateTriggerInstance(instance(n, json!(n))),
            Change::put(rule(n, &format!("pack.rule{n}"))),
            Change::put(user),
        ];
        store.commit(Commit::of(changes)).await.unwrap();
    }
}

/// The key of a row, by an id or a name.
fn key(prefix: u8, of: &[u8]) -> Vec<u8> {
    [&[prefix], of].concat()
}

fn id_bytes(n: u64) -> [u8; 12] {
    *id::<Id>(n).as_bytes()
}

/// A value with a valid checksum.
fn sealed(key: &[u8], body: &[u8]) -> Vec<u8> {
    let mut value = [&[1, 0], body].concat();
    let crc = crc32c::crc32c_append(crc32c::crc32c(key), &value);
    value.extend_from_slice(&crc.to_le_bytes());
    value
}

/// Creates the store `to` from the contents of `from`, with other values under some keys.
fn planted(from: &Path, to: &Path, engine: Engine, values: &[(Vec<u8>, Vec<u8>)]) {
    let (mut exported, mut changed) = (Vec::new(), Vec::new());
    backup::export(from, &on(engine), &mut exported).unwrap();
    let mut exported = exported.as_slice();
    let mut reader = Reader::begin(&mut exported).unwrap();
    let mut writer = Writer::begin(&mut changed).unwrap();
    let mut planted = 0;
    while let Some(mut record) = reader.read().unwrap() {
        if let Record::Rows(writes) = &mut record {
            for (key, value) in writes {
                if let Some((_, other)) = values.iter().find(|(of, _)| *of == *key) {
                    *value = Some(other.clone());
                    planted += 1;
                }
            }
        }
        writer.add(&record).unwrap();
    }
    writer.end().unwrap();
    assert_eq!(planted, values.len(), "every key is one that there is");
    restore(&mut changed.as_slice(), to, engine, InFlight::AsItWas, |_, _, _| Ok(())).unwrap();
}

/// Makes a bad value for a key.
type Bad = fn(&[u8]) -> Vec<u8>;

/// The planted rows: kind in listings, name in listings, key and value.
fn bad_rows() -> Vec<(&'static str, String, Vec<u8>, Vec<u8>)> {
    let not_json = |key: &[u8]| sealed(key, b"{\"id\": ");
    let wrong_shape = |key: &[u8]| sealed(key, b"{\"context\": {\"rule\": {}}}");
    let torn = |key: &[u8]| sealed(key, b"{}")[..5].to_vec();
    let rows: [(&str, String, Vec<u8>, Bad); 6] = [
        ("execution", id::<Id>(2).to_string(), key(0x10, &id_bytes(2)), |_| Vec::new()),
        ("execution", id::<Id>(3).to_string(), key(0x10, &id_bytes(3)), |_| vec![7; 40]),
        ("trigger instance", id::<Id>(1).to_string(), key(0x14, &id_bytes(1)), |_| vec![1]),
        ("rule", "pack.rule2".into(), key(0x05, b"pack.rule2"), |_| vec![1, 0]),
        ("user", "user2".into(), key(0x70, b"user2"), |_| b"\x00".to_vec()),
        ("active execution", id::<Id>(1).to_string(), key(0x13, &id_bytes(1)), |_| vec![1, 0, 9, 9, 9, 9]),
    ];
    let mut all: Vec<_> =
        rows.into_iter().map(|(kind, name, key, value)| (kind, name, key.clone(), value(&key))).collect();
    for (n, value) in [(4, not_json as fn(&[u8]) -> Vec<u8>), (5, wrong_shape), (6, torn)] {
        let key = key(0x10, &id_bytes(n));
        all.push(("execution", id::<Id>(n).to_string(), key.clone(), value(&key)));
    }
    all
}

async fn executions(store: &EmbeddedStore) -> Page<petrel_model::Execution, ExecutionId> {
    store.executions(&ExecutionFilter::default(), None, 100).await.unwrap()
}

fn ids(page: &Page<petrel_model::Execution, ExecutionId>) -> Vec<ExecutionId> {
    page.items.iter().map(|one| one.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_are_named_and_keep_nothing_else_from_being_read() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        let (whole, store) = (place.path().join("whole"), place.path().join("store"));
        fill(&whole, engine).await;
        let bad = bad_rows();
        let values: Vec<_> = bad.iter().map(|(_, _, key, value)| (key.clone(), value.clone())).collect();
        planted(&whole, &store, engine, &values);

        let opened = EmbeddedStore::open(&store, &on(engine)).unwrap();
        let page = executions(&opened).await;
        assert_eq!(ids(&page), [9, 8, 7, 1].map(id), "{engine}");
        let lost: Vec<_> = page.unreadable.iter().map(|one| one.id.clone()).collect();
        assert_eq!(lost, [6, 5, 4, 3, 2].map(|n| id::<Id>(n).to_string()), "{engine}");
        let events = opened.trigger_instances(None, None, 10).await.unwrap();
        assert_eq!((events.items.len(), events.unreadable.len()), (2, 1), "{engine}");
        assert_eq!(
            (opened.all::<Rule>().await.unwrap().len(), opened.all::<User>().await.unwrap().len()),
            (2, 2)
        );
        let named: Vec<_> = opened.unreadable().into_iter().map(|one| (one.kind.name(), one.id)).collect();
        assert_eq!(named, [("rule", "pack.rule2".to_owned()), ("user", "user2".to_owned())], "{engine}");
        let error = opened.execution(id(4)).await.unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        let expected = format!("execution {} cannot be read: ", id::<Id>(4));
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(error.to_string().contains("`petrel store check --repair`"), "{error}");
        // Work continues.
        let claimed = opened.claim(&["shell".into()], at(100), 9).await.unwrap();
        assert_eq!(claimed.iter().map(|one| one.id).collect::<Vec<_>>(), [id(1)], "{engine}");
        opened.commit(Commit::of([Change::CreateExecution(execution(20))])).await.unwrap();
        drop(opened);
        named_then_set_aside(&store, engine, &bad).await;
    }
}

/// A bad row is named by a check and set aside by a repair, and the next check finds nothing.
async fn named_then_set_aside(
    store: &Path,
    engine: Engine,
    bad: &[(&'static str, String, Vec<u8>, Vec<u8>)],
) {
    let checked = check(store, &on(engine)).unwrap();
    for (kind, name, ..) in bad {
        let said = format!("{kind} {name}: ");
        assert!(
            checked.problems.iter().any(|problem| problem.starts_with(&said)),
            "{said} {:?}",
            checked.problems
        );
    }
    assert_eq!(checked.problem_count, bad.len() as u64, "{engine}: {:?}", checked.problems);
    let file = store.with_extension("jsonl");
    let repaired = repair(store, &on(engine), &file).unwrap();
    assert_eq!(repaired.file.as_deref(), Some(file.as_path()));
    assert_eq!(repaired.checked.problems, Vec::<String>::new(), "{engine}");
    assert_eq!(check(store, &on(engine)).unwrap(), repaired.checked, "{engine}");
    let lines = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as u64, repaired.set_aside, "{engine}");
    for (kind, name, key, value) in bad {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let line = lines.iter().find(|line| line["key"] == hex(key)).unwrap();
        assert_eq!((&line["kind"], &line["id"]), (&json!(kind), &json!(name)));
        assert_eq!(line["value"], hex(value), "as it was");
        assert!(!line["reason"].as_str().unwrap().is_empty());
    }
    let opened = EmbeddedStore::open(store, &on(engine)).unwrap();
    let page = executions(&opened).await;
    assert_eq!((ids(&page), page.unreadable), ([20, 9, 8, 7, 1].map(id).to_vec(), vec![]), "{engine}");
    // The row that marks it as waiting was derived from the execution.
    let claimed = opened.claim(&["shell".into()], at(100), 9).await.unwrap();
    assert_eq!(claimed.iter().map(|one| one.id).collect::<Vec<_>>(), [id(1), id(20)], "{engine}");
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_apart_may_be_lost_and_the_rest_stays() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        let store = place.path().join("store");
        fill(&store, engine).await;
        let [blob]: [PathBuf; 1] = files(&store.join("blobs")).try_into().unwrap();
        fs::write(blob, "something else").unwrap();
        let opened = EmbeddedStore::open(&store, &on(engine)).unwrap();
        let page = executions(&opened).await;
        assert_eq!((page.items.len(), page.unreadable.len()), (8, 1), "{engine}");
        assert!(page.unreadable[0].reason.contains("does not match its name"), "{:?}", page.unreadable);
        drop(opened);
        let repaired = repair(&store, &on(engine), &place.path().join("aside")).unwrap();
        assert_eq!((repaired.set_aside, repaired.checked.problem_count), (1, 0), "{engine}: {repaired:?}");
        let line: Value =
            serde_json::from_str(&fs::read_to_string(place.path().join("aside")).unwrap()).unwrap();
        assert_eq!(line["large_value"], "736f6d657468696e6720656c7365", "what was left of it");
        let opened = EmbeddedStore::open(&store, &on(engine)).unwrap();
        let mended = opened.execution(id(8)).await.unwrap().unwrap();
        assert_eq!(
            (mended.status, &mended.result.unwrap()["code"]),
            (Status::Succeeded, &json!("store.set_aside"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_whole_is_left_as_it_is_by_a_repair() {
    let place = TempDir::new().unwrap();
    let store = place.path().join("store");
    fill(&store, Engine::Sled).await;
    let before = check(&store, &on(Engine::Sled)).unwrap();
    let aside = place.path().join("aside");
    let repaired = repair(&store, &on(Engine::Sled), &aside).unwrap();
    assert_eq!((repaired.set_aside, repaired.mended, repaired.file), (0, 0, None));
    assert_eq!(repaired.checked, before);
    assert!(!aside.exists());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.ends_with("reserve") {
            // Large, and nothing is in it.
            continue;
        }
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Damage to the file of an engine.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// Some bytes at this position, in thousandths of the file, are changed.
    Flip(usize),
    /// The file ends at this position, in thousandths.
    Cut(usize),
}

impl Harm {
    fn all() -> impl Iterator<Item = Self> {
        let flips = (0..1000).step_by(83).map(Self::Flip);
        flips.chain([0, 1, 250, 500, 750, 990].into_iter().map(Self::Cut))
    }

    fn do_to(self, file: &Path) {
        let mut bytes = fs::read(file).unwrap();
        match self {
            Self::Flip(part) => {
                let begin = bytes.len() * part / 1000;
                bytes.iter_mut().skip(begin).take(8).for_each(|byte| *byte ^= 0x55);
            }
            Self::Cut(part) => bytes.truncate(bytes.len() * part / 1000),
        }
        fs::write(file, bytes).unwrap();
    }
}

/// Opens a damaged store, reads all of it, and repairs it. Returns the result of the last check, or the error.
fn used(store: &Path, engine: Engine) -> Result<Checked, String> {
    check(store, &on(engine)).map_err(|error| error.to_string())?;
    let opened = EmbeddedStore::open(store, &on(engine)).map_err(|error| {
        let message = error.to_string();
        assert!(message.contains("restore from a backup"), "it says what to do: {message}");
        message
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        executions(&opened).await;
        opened.trigger_instances(None, None, 100).await.unwrap();
        opened.all::<Rule>().await.unwrap();
        opened.all::<User>().await.unwrap();
    });
    drop(opened);
    let repaired =
        repair(store, &on(engine), &store.with_extension("jsonl")).map_err(|error| error.to_string())?;
    Ok(repaired.checked)
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_and_cut_files_of_an_engine_give_errors_by_name() {
    for (engine, file, other) in [(Engine::Sled, "sled/db", "redb"), (Engine::Redb, "redb/rows.redb", "sled")]
    {
        let place = TempDir::new().unwrap();
        let whole = place.path().join("whole");
        fill(&whole, engine).await;
        for (number, harm) in Harm::all().enumerate() {
            let store = place.path().join(format!("store{number}"));
            copy(&whole, &store);
            harm.do_to(&store.join(file));
            let harmed = store.clone();
            let using = tokio::task::spawn_blocking(move || used(&harmed, engine));
            let outcome = tokio::time::timeout(PATIENCE, using).await.unwrap().unwrap();
            match outcome {
                Ok(checked) => assert_eq!(checked.problems, Vec::<String>::new(), "{engine} {harm:?}"),
                Err(message) => {
                    assert!(message.contains("the store"), "{engine} {harm:?} names what it is: {message}");
                    assert!(!message.contains(other), "{engine} {harm:?} tells of another engine: {message}");
                }
            }
            fs::remove_dir_all(&store).unwrap();
        }
    }
}

/// The files of a small store of sled, by their names in messages.
fn small_files(store: &Path) -> Vec<(String, PathBuf)> {
    let mut files = vec![("/format".to_owned(), store.join("format"))];
    for entry in fs::read_dir(store.join("sled")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "conf" || name.starts_with("snap.") {
            files.push((format!("sled/{name}"), store.join("sled").join(name)));
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_file_that_was_damaged_is_named_with_what_to_do() {
    let place = TempDir::new().unwrap();
    let whole = place.path().join("whole");
    fill(&whole, Engine::Sled).await;
    // Opened once more, so that the engine writes a snapshot of the file.
    drop(EmbeddedStore::open(&whole, &on(Engine::Sled)).unwrap());
    let names: Vec<_> = small_files(&whole).into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().any(|name| name == "sled/conf"), "{names:?}");
    let mut told = 0;
    for (number, name) in names.iter().enumerate() {
        for part in [0, 300, 600, 990] {
            let store = place.path().join(format!("store{number}-{part}"));
            copy(&whole, &store);
            let file = small_files(&store).into_iter().find(|(other, _)| other == name).unwrap().1;
            Harm::Flip(part).do_to(&file);
            let harmed = store.clone();
            let checked = tokio::task::spawn_blocking(move || check(&harmed, &on(Engine::Sled)));
            let checked = tokio::time::timeout(PATIENCE, checked).await.unwrap().unwrap();
            match checked {
                Ok(checked) => assert_eq!(checked.problems, Vec::<String>::new(), "{name} {part}"),
                Err(error) => {
                    let message = error.to_string();
                    // A flipped version number looks like another version.
                    let is_newer = message.contains("and this version of petrel reads");
                    assert!(is_newer || message.contains(name), "{name} {part}: {message}");
                    assert!(
                        is_newer || message.contains("restore from a backup"),
                        "{name} {part}: {message}"
                    );
                    told += 1;
                }
            }
            if name.starts_with("sled/") {
                // The advice helps.
                fs::remove_file(&file).unwrap();
                let harmed = store.clone();
                let checked = tokio::task::spawn_blocking(move || check(&harmed, &on(Engine::Sled)).unwrap());
                let checked = tokio::time::timeout(PATIENCE, checked).await.unwrap().unwrap();
                assert_eq!((checked.problems.len(), checked.rows["execution"]), (0, 9), "{name} {part}");
            }
        }
    }
    assert!(told > 0);
}

/// A store whose rows are all in the base, of which the engine can read nothing; with the contents of its file.
async fn of_nothing(place: &Path) -> (PathBuf, Vec<u8>) {
    let whole = place.join("whole");
    fill(&whole, Engine::Sled).await;
    let harmed = |part: usize| {
        let store = place.join(format!("store{part}"));
        copy(&whole, &store);
        let file = store.join("sled/db");
        Harm::Flip(part).do_to(&file);
        let harmed = fs::read(&file).unwrap();
        let refused = EmbeddedStore::open(&store, &on(Engine::Sled)).err()?.to_string();
        refused.contains("the file was left as it was").then_some((store, harmed))
    };
    // Which byte the engine depends on differs from run to run.
    (0..200).step_by(7).find_map(harmed).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_sled_file_that_cannot_be_read_is_put_back_as_it_was() {
    let place = TempDir::new().unwrap();
    let (store, harmed) = of_nothing(place.path()).await;
    let file = store.join("sled/db");
    for _ in 0..2 {
        assert!(fs::read(&file).unwrap() == harmed, "the file is as it was");
        let message = check(&store, &on(Engine::Sled)).unwrap_err().to_string();
        for says in ["sled/db is damaged", "left as it was", "--accept-loss", "restore from a backup"] {
            assert!(message.contains(says), "{message}");
        }
    }
    // With `accept_loss` the store continues with the journal, reports the loss, and keeps a copy of the file.
    let options = Options { accept_loss: true, ..on(Engine::Sled) };
    let opened = EmbeddedStore::open(&store, &options).unwrap();
    let lost = opened.opened().lost.join("\n");
    for says in ["all rows in sled/db", "how many they were is not known", "what the journal holds is whole"]
    {
        assert!(lost.contains(says), "{lost}");
    }
    let kept = store.join("sled-db.damaged");
    assert!(lost.contains(kept.to_str().unwrap()), "{lost}");
    assert!(fs::read(&kept).unwrap() == harmed);
    opened.commit(Commit::of([Change::CreateExecution(execution(20))])).await.unwrap();
    drop(opened);
    // The loss is reported once.
    assert_eq!(check(&store, &on(Engine::Sled)).unwrap().lost, Vec::<String>::new());
    let store = EmbeddedStore::open(&store, &on(Engine::Sled)).unwrap();
    assert!(store.execution(id(20)).await.unwrap().is_some());
}
