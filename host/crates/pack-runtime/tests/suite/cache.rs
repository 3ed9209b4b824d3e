//! Compiled components on disk are used if they are unchanged, and compiled again otherwise.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use petrel_pack_runtime::{CacheDirectoryError, Options, PackRuntime};
use petrel_runners::Runner as _;
use petrel_test_components::{BARE, CORE, STRANGER};
use serde_json::json;

use crate::support::Subject;

fn caching(directory: &Path) -> Subject {
    let options = Options { cache_directory: Some(directory.to_owned()), ..Options::default() };
    Subject::of(Path::new(BARE), options)
}

async fn runs(directory: &Path) {
    assert_eq!(*caching(directory).call("echo", json!({"a": 1})).await.value(), json!({"a": 1}));
}

fn compiled(directory: &Path) -> PathBuf {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "cwasm")).unwrap()
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[tokio::test]
async fn the_second_start_finds_what_the_first_compiled() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("cache");
    runs(&directory).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = compiled(&directory);
    assert_eq!((mode(&directory), mode(&file)), (0o700, 0o600));
    let first = inode(&file);
    runs(&directory).await;
    assert_eq!(inode(&file), first);
    // Two files, and nothing left over from writing them.
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
}

#[tokio::test]
async fn a_damaged_file_is_compiled_again() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("cache");
    runs(&directory).await;
    let file = compiled(&directory);
    let good = fs::read(&file).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let damages: [(&str, Vec<u8>); 4] = [
        ("flipped", flipped),
        ("truncated", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("foreign", b"not native code at all".to_vec()),
    ];
    for (damage, content) in damages {
        fs::write(&file, content).unwrap();
        let before = inode(&file);
        runs(&directory).await;
        assert_eq!(fs::read(&file).unwrap(), good, "{damage}");
        assert_ne!(inode(&file), before, "{damage}");
    }
}

#[tokio::test]
async fn a_checksum_that_is_missing_or_of_something_else_is_not_trusted() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("cache");
    runs(&directory).await;
    let (file, first) = (compiled(&directory), inode(&compiled(&directory)));
    fs::remove_file(file.with_extension("sha256")).unwrap();
    runs(&directory).await;
    let second = inode(&file);
    assert_ne!(second, first);
    // Compiled code of another component, with a matching checksum: the engine is the same, so only the name shows the
    // difference. Nothing can detect this, which is why the directory must belong to this user alone.
    fs::write(file.with_extension("sha256"), "0".repeat(64)).unwrap();
    runs(&directory).await;
    assert_ne!(inode(&file), second);
}

#[tokio::test]
async fn a_file_that_others_can_change_is_not_trusted() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("cache");
    runs(&directory).await;
    let file = compiled(&directory);
    let first = inode(&file);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    runs(&directory).await;
    assert_ne!(inode(&file), first);
}

#[test]
fn a_directory_that_others_can_change_is_refused() {
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let options = Options { cache_directory: Some(root.path().to_owned()), ..Options::default() };
    let error = PackRuntime::new(options).unwrap_err();
    assert!(matches!(error, CacheDirectoryError::NotPrivate { .. }), "{error}");
    assert!(error.to_string().contains(&root.path().display().to_string()), "{error}");
}

#[tokio::test]
async fn a_changed_component_is_seen_by_the_next_call() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("it.wasm");
    fs::copy(BARE, &path).unwrap();
    let subject = Subject::of(&path, Options::default());
    subject.call("noop", json!({})).await.value();
    fs::copy(STRANGER, &path).unwrap();
    assert_eq!(subject.call("noop", json!({})).await.failure().0, "component.world");
    // A failure is not cached.
    fs::copy(CORE, &path).unwrap();
    subject.call("noop", json!({})).await.value();
    subject.runtime.prepare(&path).await.unwrap();
    subject.runtime.forget(root.path());
    subject.call("noop", json!({})).await.value();
    fs::remove_file(&path).unwrap();
    assert_eq!(subject.call("noop", json!({})).await.failure().0, "component.missing");
}

#[tokio::test]
async fn a_pack_that_is_registered_again_keeps_what_has_not_changed() {
    let root = tempfile::tempdir().unwrap();
    let (pack, name) = (root.path(), "it.wasm");
    let path = pack.join(name);
    fs::copy(BARE, &path).unwrap();
    let subject = Subject::of(&path, Options::default());
    let stays = || {
        subject.runner.refresh(pack);
        subject.runner.is_prepared(pack, name)
    };
    assert!(!stays(), "nobody has asked for it");
    subject.runner.prepare(pack, name).await.unwrap();
    assert!(stays());
    hide_change(&path);
    assert!(!stays(), "it was changed, whatever its time says");
    assert!(subject.runner.prepare(pack, name).await.is_err());
    assert!(!stays(), "a failure is not kept");
    fs::copy(CORE, &path).unwrap();
    subject.call("noop", json!({})).await.value();
    assert!(stays());
    subject.runner.refresh(Path::new("/nowhere"));
    assert!(stays(), "that is another pack");
    fs::remove_file(&path).unwrap();
    assert!(!stays(), "it is gone");
}

/// Makes a file worthless that is as long and as old as it was.
fn hide_change(path: &Path) {
    let before = fs::metadata(path).unwrap();
    let length = usize::try_from(before.len()).unwrap();
    let changed = |now: &fs::Metadata| (now.ctime(), now.ctime_nsec());
    // The clock of a file system has steps of milliseconds.
    while changed(&fs::metadata(path).unwrap()) == changed(&before) {
        fs::write(path, vec![0_u8; length]).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
    }
}

#[tokio::test]
async fn what_is_no_plain_file_is_no_component() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo.wasm");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    for path in [fifo.as_path(), directory.path(), Path::new("/dev/zero")] {
        let subject = Subject::of(path, Options::default());
        let called = subject.call("echo", json!({}));
        let done = tokio::time::timeout(Duration::from_secs(20), called).await.unwrap();
        assert_eq!(done.failure().0, "component.missing", "{done:?}");
    }
}

#[tokio::test]
async fn a_link_that_leads_out_of_the_pack_is_not_followed() {
    let pack = tempfile::tempdir().unwrap();
    let (file, own) = (pack.path().join("a.wasm"), pack.path().join("own.wasm"));
    symlink(BARE, &file).unwrap();
    let done = Subject::of(&file, Options::default()).call("echo", json!({})).await;
    let (code, message) = done.failure();
    assert!(code == "component.missing" && message.contains("outside the pack"), "{done:?}");
    fs::remove_file(&file).unwrap();
    fs::copy(BARE, own).unwrap();
    symlink("own.wasm", &file).unwrap();
    let done = Subject::of(&file, Options::default()).call("echo", json!({"a": 1})).await;
    assert_eq!(*done.value(), json!({"a": 1}));
}
