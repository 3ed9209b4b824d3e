//! The care of the store: backup and restore, export and import, check and compact; and what each refuses.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const RULE: &str = "name: hook\npack: examples\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: hook}}\naction: {ref: core.noop}\n";
const PACK: &str =
    "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
/// Longer than what fits a row, so that it is kept as a file.
const LARGE: &str = "head -c 100000 /dev/zero | tr '\\0' x";

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Accepts an event; gives its id.
fn event(host: &Host<'_>) -> String {
    let answer = host.post("/webhooks/hook", &json!({"n": 1})).with_status(202);
    answer.header("x-trigger-instance-id").to_owned()
}

/// Runs what has a large result; gives the id.
fn large(host: &Host<'_>) -> String {
    let id = host.shell(LARGE);
    host.until(&id, "succeeded");
    id
}

fn large_result(host: &Host<'_>, id: &str) -> usize {
    host.execution(id)["result"]["stdout"].as_str().map_or(0, str::len)
}

fn is_empty(directory: &str) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

#[test]
fn a_host_whose_store_has_gone_does_not_begin_with_an_empty_one() {
    let place = Place::default();
    place.start(&[]).stop();
    let (store, aside) = (place.data().join("store"), place.path("aside"));
    fs::rename(&store, &aside).unwrap();
    let data = place.data().to_str().unwrap().to_owned();
    let refused = place.petrel(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data]);
    assert_ne!(refused.code, 0);
    assert_says(&refused.stderr, &["its store is not there", "petrel store import", "--data-dir"]);
    assert!(!store.exists(), "what was refused leaves nothing behind");
    fs::rename(&aside, &store).unwrap();
    place.start(&[]).stop();
}

#[test]
fn a_backup_of_a_busy_host_brings_back_everything_that_was_acknowledged_before() {
    let place = Place::default();
    let host = place.start(&[]);
    let own = place.data().join("packs/mine");
    fs::create_dir_all(own.join("actions")).unwrap();
    fs::write(own.join("pack.yaml"), PACK).unwrap();
    fs::write(
        own.join("actions/run.yaml"),
        "name: run\nrunner_type: local-shell-script\nentry_point: run.sh\nenabled: true\n",
    )
    .unwrap();
    fs::write(own.join("actions/run.sh"), "#!/bin/sh\necho mine\n").unwrap();
    fs::set_permissions(own.join("actions/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    host.ok(&["pack", "register", text(&own)]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let kept = large(&host);
    let before: Vec<_> = (0..30).map(|_| event(&host)).collect();
    let file = place.path("petrel.backup");
    let is_over = AtomicBool::new(false);
    let (made, meanwhile) = std::thread::scope(|scope| {
        let events = scope.spawn(|| {
            let mut count = 0;
            while !is_over.load(Ordering::SeqCst) {
                event(&host);
                count += 1;
            }
            count
        });
        let made = host.ok(&["backup", &file]);
        is_over.store(true, Ordering::SeqCst);
        (made, events.join().unwrap())
    });
    assert!(meanwhile > 0);
    assert_says(&made.stdout, &["petrel.backup", "rows", "large values", "4 files"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let token = host.token.clone();
    drop(host);
    fs::remove_dir_all(place.data()).unwrap();

    let restored = place.petrel(&["restore", &file]).with_code(0);
    assert_says(&restored.stdout, &[text(place.data()), "4 files", "`petrel serve`"]);
    assert_says(&place.petrel(&["store", "check"]).with_code(0).stdout, &["trigger instance", "no problems"]);
    let host = place.start(&[]);
    assert_eq!(host.token, token);
    for id in &before {
        host.get(&format!("/triggerinstances/{id}")).with_status(200);
    }
    assert_eq!(large_result(&host, &kept), 100_000);
    assert_eq!(host.ok(&["run", "mine.run", "-j"]).json()["result"]["stdout"], "mine");
    assert!(!event(&host).is_empty());
    host.stop();
}

/// The backup of a small host, as a file and as bytes.
fn small_backup(place: &Place) -> (String, Vec<u8>) {
    let host = place.start(&[]);
    large(&host);
    let file = place.path("petrel.backup");
    let made = host.ok(&["backup", &file, "--json"]).json();
    host.stop();
    let bytes = fs::read(&file).unwrap();
    // The large result, and the output with the same text.
    assert_eq!((&made["files"], &made["blobs"]), (&json!(1), &json!(2)), "{made}");
    assert_eq!(made["bytes"], bytes.len());
    (file, bytes)
}

#[test]
fn what_cannot_be_restored_leaves_nothing_and_what_is_there_stays() {
    let place = Place::default();
    let (file, bytes) = small_backup(&place);
    let elsewhere = Place::default();
    fs::create_dir(elsewhere.path("empty")).unwrap();
    let new = elsewhere.path("empty/new/data");
    let attempt = |file: &str, code: i32, says: &[&str]| {
        for verb in [&["restore"][..], &["store", "import"]] {
            let refused = elsewhere.petrel(&[verb, &[file, "--data-dir", &new]].concat()).with_code(code);
            assert_says(&refused.stderr, says);
            assert!(is_empty(&elsewhere.path("empty")), "{verb:?} {file} has left something behind");
        }
    };
    let bad = elsewhere.path("bad");
    for length in [0, 10, 1000, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&bad, bytes.get(..length).unwrap()).unwrap();
        attempt(&bad, 2, &["bad: the archive is cut short", "make another one"]);
    }
    let mut damaged = bytes.clone();
    *damaged.get_mut(bytes.len() / 2).unwrap() ^= 1;
    fs::write(&bad, damaged).unwrap();
    attempt(&bad, 2, &["the archive is damaged at byte", "take another copy"]);
    fs::write(&bad, "something that is long enough to be one").unwrap();
    attempt(&bad, 2, &["this is not an archive of petrel", "`petrel backup`"]);
    attempt(&elsewhere.path("missing"), 2, &["missing cannot be read", "try:"]);

    // A store that is there.
    let token = fs::read(place.data().join("admin-token")).unwrap();
    for verb in [&["restore"][..], &["store", "import"]] {
        let refused = place.petrel(&[verb, &[&file]].concat()).with_code(6);
        assert_says(&refused.stderr, &["there is a store in", "empty directory"]);
    }
    assert_eq!(fs::read(place.data().join("admin-token")).unwrap(), token);
    place.petrel(&["store", "check"]).with_code(0);
    // No store, and somebody else's token.
    fs::create_dir(elsewhere.data()).unwrap();
    fs::write(elsewhere.data().join("admin-token"), "another").unwrap();
    let refused = elsewhere.petrel(&["restore", &file]).with_code(6);
    assert_says(&refused.stderr, &["admin-token", "is there already", "move it away"]);
    assert_eq!(fs::read(elsewhere.data().join("admin-token")).unwrap(), b"another");
    assert!(!elsewhere.data().join("store").exists());
    // Standard input; and only the store.
    let imported = elsewhere.petrel(&["store", "import", &file]).with_code(0);
    assert_says(&imported.stderr, &["left out 1 file", "`petrel restore`"]);
    assert_eq!(fs::read(elsewhere.data().join("admin-token")).unwrap(), b"another");
}

#[test]
fn backup_restore_and_check_count_alike_and_nothing_may_follow_the_end() {
    let place = Place::default();
    let host = place.start(&[]);
    large(&host);
    let file = place.path("petrel.backup");
    let made = host.ok(&["backup", &file, "--json"]).json();
    host.stop();
    let other = Place::default();
    let restored = other.petrel(&["restore", &file, "--json"]).with_code(0).json();
    for count in ["rows", "blobs", "files", "bytes"] {
        assert_eq!(restored[count], made[count], "{count}");
    }
    assert_eq!(restored["in_flight"], json!({"waiting": 0, "begun": 0, "held": true}));
    let checked = other.petrel(&["store", "check", "--json"]).with_code(0).json();
    let rows: u64 = checked["rows"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!((json!(rows), &checked["blobs"]), (made["rows"].clone(), &made["blobs"]));
    let blobs = made["blobs"].as_u64().unwrap();
    let said = format!("{rows} rows, {blobs} large value{}", if blobs == 1 { "" } else { "s" });
    for verb in [&["store", "check"][..], &["store", "export", &place.path("archive")]] {
        assert_says(&other.petrel(verb).with_code(0).stdout, &[&said]);
    }

    let appended = [fs::read(&file).unwrap().as_slice(), b"\n"].concat();
    fs::write(&file, appended).unwrap();
    let new = place.path("new");
    for verb in [&["restore"][..], &["store", "import"]] {
        let refused = place.petrel(&[verb, &[&file, "--data-dir", &new]].concat()).with_code(2);
        assert_says(&refused.stderr, &["goes on after its end at byte", "take another copy"]);
        assert!(!Path::new(&new).exists());
    }
}

/// Answers one request with `answer`, as a host that is no host.
fn answer_once(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(stream.read(&mut [0; 4096]));
        drop(stream.write_all(&answer));
    });
    url
}

#[test]
fn a_backup_that_breaks_off_or_is_not_whole_makes_no_file() {
    let place = Place::default();
    let (_, bytes) = small_backup(&place);
    let half = bytes.get(..bytes.len() / 2).unwrap();
    let head = |rest: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nPetrel-Version: 0.1.0\r\nContent-Type: application/octet-stream\r\n{rest}\r\n"
        )
        .into_bytes()
    };
    let chunk = [format!("{:x}\r\n", half.len()).as_bytes(), half, b"\r\n"].concat();
    let chunked = head("Transfer-Encoding: chunked\r\n");
    let whole = [chunked.as_slice(), &chunk, b"0\r\n\r\n"].concat();
    let broken = [chunked.as_slice(), &chunk].concat();
    fs::create_dir(place.path("backups")).unwrap();
    let file = place.path("backups/new");
    for (answer, code, says) in [
        (broken, 8, &["broke off before the end", "log of the host"][..]),
        (whole, 2, &["the archive is cut short", "make another one"]),
    ] {
        let url = answer_once(answer);
        let refused = place.petrel(&["backup", &file, "--url", &url, "--token", "x"]).with_code(code);
        assert_says(&refused.stderr, says);
        assert!(is_empty(&place.path("backups")));
    }
}

#[test]
fn a_backup_needs_who_has_signed_in_and_is_made_once_at_a_time() {
    let place = Place::default();
    let host = place.start(&[]);
    host.send_plain("GET", "/api/v1/backup", "", b"").with_status(401);
    // More than fits between a host and who reads nothing.
    let id = host.shell("head -c 15000000 /dev/zero | tr '\\0' x");
    host.until(&id, "succeeded");
    let mut stalled = TcpStream::connect(&host.address).unwrap();
    let request =
        format!("GET /api/v1/backup HTTP/1.1\r\nHost: petrel\r\nX-Auth-Token: {}\r\n\r\n", host.token);
    stalled.write_all(request.as_bytes()).unwrap();
    // It has begun when the first byte is here.
    stalled.read_exact(&mut [0]).unwrap();
    let file = place.path("petrel.backup");
    let refused = host.cli(&["backup", &file]).with_code(6);
    assert_says(&refused.stderr, &["another backup is being made", "try again"]);
    drop(stalled);
    eventually("the one that nobody reads has ended", || {
        (host.cli(&["backup", &file]).code == 0).then_some(())
    });
    // One that is there is replaced, and that is said; what is no archive stays.
    assert_says(&host.ok(&["backup", &file]).stderr, &[&file, "was replaced"]);
    let notes = place.write("notes", "mine");
    assert_says(
        &host.cli(&["backup", &notes]).with_code(6).stderr,
        &[&notes, "not an archive", "name another"],
    );
    assert_eq!(place.read("notes"), "mine");
    let refused = host.cli(&["backup", &place.path("missing/file")]).with_code(2);
    assert_says(&refused.stderr, &["missing/file cannot be written", "try:"]);
    host.stop();
}

#[test]
fn a_store_moves_from_one_engine_to_the_other() {
    let place = Place::default();
    let host = place.start(&[]);
    let id = large(&host);
    host.stop();
    let file = place.path("petrel.archive");
    assert_says(
        &place.petrel(&["store", "export", &file]).with_code(0).stdout,
        &["petrel.archive: ", "rows"],
    );
    let piped = place.petrel(&["store", "export", "-"]).with_code(0);
    assert_says(&piped.stdout, &["petrel-archive 1\n"]);
    assert_says(&piped.stderr, &["rows"]);

    let other = Place::default();
    let wrong = other.petrel(&["store", "import", &file, "--engine", "rocks"]).with_code(2);
    assert_says(&wrong.stderr, &["store.engine is \"rocks\"", "\"sled\" or \"redb\""]);
    assert!(!other.data().exists());
    let imported = other.petrel(&["store", "import", &file, "--engine", "redb"]).with_code(0);
    assert_says(&imported.stdout, &["kept by redb", "petrel serve"]);
    // What was asked for is refused where it is not what is there; what nobody asked for is not.
    let refused = other.petrel(&["serve", "--listen", "127.0.0.1:0", "--store-engine", "sled"]).with_code(8);
    assert_says(&refused.stderr, &["kept by the engine redb", "asks for sled", "`petrel store export`"]);
    for verb in [&["store", "check"][..], &["store", "compact"], &["store", "export", "-"]] {
        let refused = other.petrel(&[verb, &["--store-engine", "sled"]].concat()).with_code(8);
        assert_says(&refused.stderr, &["kept by the engine redb"]);
        other.petrel(verb).with_code(0);
    }
    for arguments in [&["--store-engine", "redb"][..], &[]] {
        let host = other.start(arguments);
        assert_eq!(large_result(&host, &id), 100_000);
        host.ok(&["run", "core.noop"]);
        host.stop();
    }
    assert_eq!(other.petrel(&["store", "check", "-j"]).with_code(0).json()["engine"], "redb");
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_store_is_checked_and_compacted_while_nobody_has_it() {
    let place = Place::default();
    for verb in [&["store", "check"][..], &["store", "compact"], &["store", "export", &place.path("export")]]
    {
        let missing = place.petrel(verb).with_code(3);
        assert_says(&missing.stderr, &["there is no store in", "--data-dir"]);
        assert!(!place.data().exists() && !Path::new(&place.path("export")).exists(), "nothing is made");
    }
    let host = place.start(&[]);
    let id = large(&host);
    let process = fs::read_to_string(place.data().join("store/lock")).unwrap();
    for verb in [&["store", "check"][..], &["store", "compact"], &["store", "export", "-"]] {
        let refused = place.petrel(verb).with_code(8);
        assert_says(&refused.stderr, &[&format!("in use by process {process}"), "stop that one"]);
    }
    host.stop();
    let compacted = place.petrel(&["store", "compact", "--json"]).with_code(0).json();
    let bytes = |name: &str| compacted[name].as_u64().unwrap();
    assert!(bytes("after_bytes") < bytes("before_bytes"), "{compacted}");
    let checked = place.petrel(&["store", "check", "--json"]).with_code(0).json();
    assert_eq!((&checked["problem_count"], &checked["rows"]["execution"]), (&json!(0), &json!(1)));
    let host = place.start(&[]);
    assert_eq!(large_result(&host, &id), 100_000);
    host.ok(&["run", "core.noop"]);
    host.stop();

    let blob = files(&place.data().join("store/blobs")).into_iter().next().unwrap();
    fs::write(&blob, "something else").unwrap();
    let checked = place.petrel(&["store", "check"]).with_code(1);
    assert_says(&checked.stdout, &["problem: ", "does not match its name", "restore from a backup"]);
    let checked: Value = place.petrel(&["store", "check", "--json"]).with_code(1).json();
    assert!(checked["problem_count"].as_u64().unwrap() > 0, "{checked}");
}
