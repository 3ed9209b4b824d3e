//! Damage to the files of a host: it is told by name, keeps nothing else from being used, and is set aside.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::fs;
use std::path::{Path, PathBuf};

use petrel_system_tests::{Place, assert_says, eventually};
use serde_json::{Value, json};

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_damaged_value_is_shown_as_such_and_set_aside() {
    for engine in ["sled", "redb"] {
        let place = Place::default();
        let host = place.start(&["--store-engine", engine]);
        let large =
            host.request(&json!({"action": "core.echo", "parameters": {"message": "x".repeat(100_000)}}));
        host.until(&large, "succeeded");
        let small = host.shell("echo small");
        host.until(&small, "succeeded");
        host.stop();
        for blob in files(&place.data().join("store/blobs")) {
            fs::write(blob, "something else").unwrap();
        }
        let host = place.start(&[]);
        let listed = host.list("/executions");
        assert_eq!(listed.iter().map(|one| &one["id"]).collect::<Vec<_>>(), [&small, &large], "{engine}");
        let lost = listed[1].clone();
        assert_says(lost["error"].as_str().unwrap(), &["cannot be read: ", "does not match its name"]);
        assert_says(lost["hint"].as_str().unwrap(), &["`petrel store check --repair`"]);
        let [code, message, hint] = host.get(&format!("/executions/{large}")).with_status(500).error();
        assert_eq!(code, "unreadable");
        assert_says(&message, &[&large, "cannot be read"]);
        assert_says(&hint, &["`petrel store check --repair`"]);
        assert_says(&host.ok(&["execution", "list"]).stderr, &[&large, "cannot be read: ", "--repair"]);
        host.ok(&["run", "core.noop"]);
        host.stop();

        let checked = place.petrel(&["store", "check"]).with_code(1);
        assert_says(&checked.stdout, &["problem: execution ", &large, "--repair"]);
        let repaired: Value = place.petrel(&["store", "check", "--repair", "--json"]).with_code(0).json();
        assert!(repaired["set_aside"].as_u64().unwrap() > 0, "{repaired}");
        let file = fs::read_to_string(repaired["set_aside_file"].as_str().unwrap()).unwrap();
        assert_says(&file, &["does not match its name", "\"key\":", "\"value\":"]);
        assert_says(&place.petrel(&["store", "check"]).with_code(0).stdout, &["no problems"]);
        let host = place.start(&[]);
        assert_eq!(host.list("/executions").len(), 3, "{engine}");
        assert_eq!(host.execution(&large)["status"], "succeeded");
        host.stop();
    }
}

#[test]
fn a_damaged_engine_is_told_in_a_line() {
    for (engine, file, other) in [("sled", "sled/db", "redb"), ("redb", "redb/rows.redb", "snap.")] {
        let place = Place::default();
        let host = place.start(&["--store-engine", engine]);
        host.ok(&["run", "core.noop"]);
        host.stop();
        let file = place.data().join("store").join(file);
        let length = fs::metadata(&file).unwrap().len();
        fs::write(&file, vec![0x55; usize::try_from(length).unwrap()]).unwrap();
        for verb in
            [&["serve", "--listen", "127.0.0.1:0"][..], &["store", "check"], &["store", "export", "-"]]
        {
            let refused = place.petrel(verb).with_code(8);
            assert_says(&refused.stderr, &["the store in ", "restore from a backup"]);
            for word in ["panicked", "backtrace", other] {
                assert!(!refused.stderr.contains(word), "{engine} {verb:?}: {}", refused.stderr);
            }
        }
    }
}

#[test]
fn what_a_host_has_laid_out_and_somebody_deletes_is_laid_out_again() {
    let place = Place::default();
    let host = place.start(&[]);
    host.until(&host.shell("true"), "succeeded");
    let parts = ["work", "python/petrel_action.py", "packs/core/pack.yaml", "packs/core/wasm/core.wasm"];
    for gone in ["work", "python", "packs", "packs/core/wasm"] {
        // In one step: the host may lay out again what is being deleted.
        let aside = place.data().join("aside");
        fs::rename(place.data().join(gone), &aside).unwrap();
        fs::remove_dir_all(aside).unwrap();
        // At the moment of need, before anything has looked.
        host.until(&host.shell("true"), "succeeded");
        host.until(&host.request(&json!({"action": "core.uuid"})), "succeeded");
        host.until(
            &host.request(&json!({"action": "core.echo", "parameters": {"message": gone}})),
            "succeeded",
        );
        eventually("it is there again", || {
            parts.iter().all(|part| place.data().join(part).exists()).then_some(())
        });
        host.until(&host.shell("true"), "succeeded");
        host.until(
            &host.request(&json!({"action": "core.echo", "parameters": {"message": gone}})),
            "succeeded",
        );
    }
    assert_says(&place.read("log"), &["it was deleted under the host, and is laid out again"]);
    let work = place.data().join("work");
    eventually("something else stands in its place", || {
        // The host may be faster.
        drop(fs::remove_dir(&work));
        fs::write(&work, "").ok()
    });
    let failed = host.until(&host.shell("true"), "failed");
    assert_says(
        failed["result"]["error"].as_str().unwrap(),
        &["work, where it is to start, is not a directory"],
    );
    eventually("the log says that something is in the way", || {
        place.read("log").contains("cannot be laid out again").then_some(())
    });
    fs::remove_file(&work).unwrap();
    host.until(&host.shell("true"), "succeeded");
    host.stop();
}

#[test]
fn a_host_whose_data_directory_is_moved_under_it_ends_itself_and_says_where_it_is() {
    let place = Place::default();
    let host = place.start(&[]);
    let id = host.shell("echo done");
    host.until(&id, "succeeded");
    // Nothing is written beside the store any more.
    host.until_prepared();
    let moved = place.path("moved");
    fs::rename(place.data(), &moved).unwrap();
    assert_eq!(host.stopped(), 8);
    assert_says(&place.read("log"), &["was moved to", &moved, "--data-dir"]);
    assert!(!place.data().exists(), "nothing is made in its place");
    fs::rename(&moved, place.data()).unwrap();
    let host = place.start(&[]);
    assert_eq!(host.execution(&id)["status"], "succeeded");
    host.stop();
}

#[test]
fn a_host_whose_store_is_deleted_under_it_ends_itself_and_loses_nothing() {
    for engine in ["sled", "redb"] {
        for (deleted, says) in [("journal", "is saved in the base"), (engine, "petrel store import")] {
            let place = Place::default();
            let host = place.start(&["--store-engine", engine]);
            let id = host.shell("echo done");
            host.until(&id, "succeeded");
            let store = place.data().join("store");
            fs::remove_dir_all(store.join(deleted)).unwrap();
            assert_eq!(host.stopped(), 8, "{engine} without {deleted}");
            let log = place.read("log");
            assert_says(&log, &["deleted, moved or replaced", deleted, says]);
            if deleted == engine {
                let archive = files(&store)
                    .into_iter()
                    .find(|file| file.extension().is_some_and(|end| end == "archive"));
                let archive = archive.unwrap();
                let kept = place.path("kept.archive");
                fs::copy(archive, &kept).unwrap();
                fs::rename(&store, place.path("lost")).unwrap();
                place.petrel(&["store", "import", &kept, "--engine", engine]).with_code(0);
            }
            let host = place.start(&[]);
            assert_eq!(host.execution(&id)["status"], "succeeded", "{engine} without {deleted}");
            host.stop();
        }
    }
}
