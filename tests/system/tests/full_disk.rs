//! A disk that is full: new work is refused, what is there can be read, and it goes on when there is room.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use petrel_system_tests::{Place, assert_says, eventually, skip};
use serde_json::json;
use tempfile::TempDir;

/// A file system of so many MiB. It is unmounted when this is dropped.
struct Disk(TempDir);

impl Disk {
    fn make(mib: u32) -> Result<Self, String> {
        let directory = TempDir::with_prefix("petrel-disk-").map_err(|error| error.to_string())?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(directory.path())
            .output()
            .map_err(|error| format!("mount: {error}"))?;
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr);
            return Err(format!("no disk can be mounted: {}", why.trim()));
        }
        Ok(Self(directory))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Bytes that are left on it.
    fn left(&self) -> u64 {
        let told = Command::new("df").args(["--output=avail", "-B1"]).arg(self.0.path()).output().unwrap();
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        told.lines().last().and_then(|line| line.trim().parse().ok()).unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Should it fail, the mount stays; there is nothing better to do.
        drop(Command::new("umount").arg("--lazy").arg(self.0.path()).status());
    }
}

#[test]
fn a_full_disk_stops_new_work_only() {
    let disk = match Disk::make(192) {
        Ok(disk) => disk,
        Err(why) => return skip(&why),
    };
    let place = Place::with_data(&disk.path("data"));
    let host = place.start(&[]);
    let rule = "name: hook\npack: examples\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: hook}}\naction: {ref: core.noop}\n";
    host.ok(&["rule", "create", &place.write("rule.yaml", rule)]);
    let accepted = host.post("/webhooks/hook", &json!({"n": 1})).with_status(202);
    host.until(accepted.header("x-execution-ids"), "succeeded");
    let running =
        host.shell(&format!("while [ ! -e {} ]; do sleep 0.05; done; echo done", place.path("gate")));
    host.until(&running, "running");

    fill(&disk.path("ballast"), 32);
    let refused = eventually("it is noticed", || {
        Some(host.post("/webhooks/hook", &json!({"n": 2}))).filter(|answer| answer.status != 202)
    });
    let [code, message, hint] = refused.with_status(507).error();
    assert_eq!(code, "no_room");
    assert_says(&message, &["disk", "full", disk.path("data").to_str().unwrap()]);
    assert_says(&hint, &["free some space"]);
    let stored = host.list("/triggerinstances").len();
    assert_says(&host.cli(&["run", "core.noop"]).with_code(8).stderr, &["full", "free some space"]);
    let other = place.write("other.yaml", &rule.replace(": hook", ": other"));
    assert_says(&host.cli(&["rule", "create", &other]).with_code(8).stderr, &["full", "free some space"]);
    host.cli(&["rule", "get", "examples.other"]).with_code(3);
    // What is there can be read, and what has begun is finished.
    assert_eq!(host.get("/executions/last").status, 200);
    place.write("gate", "");
    assert_eq!(host.until(&running, "succeeded")["result"]["stdout"], "done");
    assert_eq!(host.list("/triggerinstances").len(), stored);

    fs::remove_file(disk.path("ballast")).unwrap();
    let accepted = eventually("it goes on", || {
        Some(host.post("/webhooks/hook", &json!({"n": 3}))).filter(|answer| answer.status == 202)
    });
    host.until(accepted.header("x-execution-ids"), "succeeded");
    host.ok(&["rule", "create", &other]);
    host.stop();
    let host = place.start(&[]);
    assert_eq!(host.list("/triggerinstances").len(), stored + 1);
    host.stop();
}

/// What was accepted prints more than the disk holds; and then somebody else takes what is left.
#[test]
fn a_host_that_has_filled_its_own_disk_stops_starting_and_is_started_again() {
    let disk = match Disk::make(160) {
        Ok(disk) => disk,
        Err(why) => return skip(&why),
    };
    let place = Place::with_data(&disk.path("data"));
    let flags = ["--store-reserve-mib", "32", "--process-slots", "4"];
    let host = place.start(&flags);
    // Each something else: the same is stored once.
    let cmd = "head -c 300000 /dev/urandom | base64 -w 0";
    let prints = json!({"action": "core.local", "parameters": {"cmd": cmd}});
    let is_ready =
        |host: &petrel_system_tests::Host<'_>| host.send_plain("GET", "/readyz", "", b"").status == 200;
    // Far more than fit.
    let accepted: Vec<_> = (0..600)
        .map(|_| host.post("/executions", &prints))
        .take_while(|answer| answer.status == 201)
        .collect();
    assert!(accepted.len() > 20, "{}", accepted.len());
    eventually("it is short of room", || (!is_ready(&host)).then_some(()));
    // What waits would go on to be started, and use up the reserve.
    let quiet = eventually("nothing runs any more", || {
        host.list("/executions?status=running&limit=1").is_empty().then(|| disk.left())
    });
    assert!(quiet > 4 << 20, "the reserve is used up: {quiet} bytes are left");
    // As a kill leaves it.
    drop(host);
    fill_up(&disk.path("ballast"));
    place.petrel(&["store", "check"]).with_code(0);
    for number in 0..3 {
        let host = place.start(&flags);
        assert!(!is_ready(&host));
        let refused = host.post("/executions", &prints).with_status(507);
        assert_eq!(refused.error()[0], "no_room");
        assert_eq!(host.list("/executions?status=succeeded&limit=1").len(), 1);
        // Whatever the start was given goes, too.
        fill_up(&disk.path(&format!("more-{number}")));
        drop(host);
    }
    let host = place.start(&flags);
    host.stop();
}

#[test]
fn without_a_reserve_a_full_disk_is_told_all_the_same() {
    let disk = match Disk::make(192) {
        Ok(disk) => disk,
        Err(why) => return skip(&why),
    };
    let place = Place::with_data(&disk.path("data"));
    let host = place.start(&["--store-reserve-mib", "0"]);
    let rule = "name: hook\npack: examples\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: hook}}\naction: {ref: core.noop}\n";
    host.ok(&["rule", "create", &place.write("rule.yaml", rule)]);
    assert_eq!(host.send_plain("GET", "/readyz", "", b"").status, 200);

    // Room for small events, and none for a large one.
    fill(&disk.path("ballast"), 8);
    let large = json!({"text": "x".repeat(9 << 20)});
    let [code, message, _] = host.post("/webhooks/hook", &large).with_status(507).error();
    assert_eq!(code, "no_room");
    assert_says(&message, &["disk", "full"]);
    host.post("/webhooks/hook", &json!({"n": 1})).with_status(202);

    fill(&disk.path("more"), 2);
    eventually("it is noticed", || {
        Some(host.post("/webhooks/hook", &json!({"n": 2}))).filter(|answer| answer.status == 507)
    });
    let ready = host.send_plain("GET", "/readyz", "", b"").with_status(503);
    assert_says(&ready.json()["reasons"].to_string(), &["the disk is full"]);
    fs::remove_file(disk.path("ballast")).unwrap();
    eventually("it goes on", || {
        Some(()).filter(|()| host.send_plain("GET", "/readyz", "", b"").status == 200)
    });
    host.stop();
}

/// Takes all the room but so many MiB.
fn fill(file: &Path, left: u32) {
    let filled = Command::new("sh")
        .args(["-c", "free=$(df --output=avail -m \"$(dirname \"$0\")\" | tail -1); fallocate -l $((free - $1))M \"$0\""])
        .arg(file)
        .arg(left.to_string())
        .status();
    assert!(filled.is_ok_and(|status| status.success()));
}

/// Takes all the room there is.
fn fill_up(file: &Path) {
    let mut ballast = fs::File::create(file).unwrap();
    for block in [64 << 10, 1 << 10, 1] {
        while ballast.write_all(&vec![0; block]).is_ok() {}
    }
}
