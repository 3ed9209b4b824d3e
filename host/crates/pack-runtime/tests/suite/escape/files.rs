//! A mounted directory is not left: neither by paths, nor by links, nor by links that somebody changes meanwhile.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use petrel_model::capabilities::{Access, Mount, Rights};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use super::attempts::{answer, attempt};
use crate::support::{Subject, table};

/// A directory with what is mounted, and a secret beside that.
struct Ground {
    root: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("data/sub")).unwrap();
        fs::create_dir_all(root.path().join("read")).unwrap();
        fs::create_dir_all(root.path().join("outside")).unwrap();
        fs::write(root.path().join("data/file"), "content").unwrap();
        fs::write(root.path().join("data/sub/file"), "content").unwrap();
        fs::write(root.path().join("read/file"), "read only").unwrap();
        fs::write(root.path().join("outside/file"), "secret").unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn secret(&self) -> String {
        fs::read_to_string(self.path("outside/file")).unwrap()
    }

    /// A subject that has these directories, each under its own name.
    fn subject(&self, mounts: &[(&str, Access)]) -> Subject {
        let mount = |(name, access): &(&str, Access)| Mount {
            host_path: self.path(name),
            guest_path: format!("/{name}"),
            access: *access,
        };
        let mounts = mounts.iter().map(mount).collect();
        Subject::behave().entitled(Rights { mounts, ..Rights::default() })
    }
}

#[tokio::test]
async fn no_path_leads_out() {
    let ground = Ground::new();
    let subject = ground.subject(&[("data", Access::ReadWrite)]);
    symlink(ground.path("outside"), ground.path("data/absolute")).unwrap();
    symlink("../outside", ground.path("data/relative")).unwrap();
    symlink("relative", ground.path("data/twice")).unwrap();
    symlink("again", ground.path("data/again")).unwrap();
    symlink("/proc/self/environ", ground.path("data/environ")).unwrap();
    let outside = ground.path("outside/file").display().to_string();
    let long = "x".repeat(1 << 20);
    for (name, expected) in [
        ("file", "content"),
        ("sub/../file", "content"),
        ("../outside/file", "not-permitted"),
        ("sub/../../outside/file", "not-permitted"),
        ("./.././outside/file", "not-permitted"),
        ("missing/../../outside/file", "no-entry"),
        (outside.as_str(), "not-permitted"),
        ("/etc/passwd", "not-permitted"),
        ("//etc/passwd", "not-permitted"),
        ("/proc/self/environ", "not-permitted"),
        ("absolute/file", "not-permitted"),
        ("relative/file", "not-permitted"),
        ("twice/file", "not-permitted"),
        ("environ", "not-permitted"),
        ("again", "loop"),
        ("file\0/../../outside/file", "invalid"),
        ("..\\outside\\file", "no-entry"),
        ("%2e%2e/outside/file", "no-entry"),
        ("", "no-entry"),
        (long.as_str(), "name-too-long"),
    ] {
        let told = answer(&subject, "file read", json!({"at": "/data", "name": name})).await;
        let short = name.get(..40).unwrap_or(name);
        assert_eq!(told, expected, "{short}");
    }
    for name in ["../outside/file", "absolute/file", "relative/file", "relative/new", "/tmp/petrel-escaped"] {
        let wish = json!({"at": "/data", "name": name, "value": "overwritten"});
        assert_eq!(answer(&subject, "file write", wish).await, "not-permitted", "{name}");
    }
    for way in ["stat", "make", "remove", "unlink", "touch", "where", "rename", "link"] {
        for name in ["../outside/file", "relative/file", "/etc/passwd"] {
            let wish = json!({"at": "/data", "name": name, "value": "taken"});
            assert_eq!(answer(&subject, &format!("file {way}"), wish).await, "not-permitted", "{way} {name}");
        }
    }
    assert_eq!(answer(&subject, "file up", json!({"at": "/data"})).await, "not-permitted");
    assert_eq!(ground.secret(), "secret");
    assert!(!ground.path("data/taken").exists() && !ground.path("outside/new").exists());
}

#[tokio::test]
async fn no_link_that_a_component_makes_leads_out() {
    let ground = Ground::new();
    let subject = ground.subject(&[("data", Access::ReadWrite), ("read", Access::ReadOnly)]);
    let tried = |what: &'static str, name: &'static str, value: &'static str, to: &'static str| {
        let subject = subject.clone();
        async move {
            let wish = json!({"at": "/data", "name": name, "value": value, "to": to});
            answer(&subject, &format!("file {what}"), wish).await
        }
    };
    assert_eq!(tried("symlink", "absolute", "/etc", "").await, "not-permitted");
    assert_eq!(tried("symlink", "relative", "../outside", "").await, "done");
    assert_eq!(tried("read", "relative/file", "", "").await, "not-permitted");
    assert_eq!(tried("rename", "relative", "sub/moved", "").await, "done");
    assert_eq!(
        tried("read", "sub/moved/file", "", "").await,
        "no-entry",
        "it leads to data/outside from there"
    );
    assert_eq!(tried("symlink", "through", "sub/../../outside/file", "").await, "done");
    assert_eq!(tried("link what it leads to", "through", "hard", "").await, "invalid");
    assert_eq!(tried("link", "through", "hard", "").await, "done", "that is a link to a link");
    assert_eq!(tried("read", "hard", "", "").await, "not-permitted");
    // What is mounted to be read is not changed by way of a directory that may be written.
    assert_eq!(tried("rename", "file", "file", "/read").await, "not-permitted");
    for what in ["link", "rename"] {
        let wish = json!({"at": "/read", "name": "file", "to": "/data", "value": "mine"});
        assert_eq!(answer(&subject, &format!("file {what}"), wish).await, "not-permitted", "{what}");
    }
    for what in ["write", "touch", "unlink", "make", "symlink"] {
        let wish = json!({"at": "/read", "name": "file", "value": "mine"});
        assert_eq!(answer(&subject, &format!("file {what}"), wish).await, "not-permitted", "{what}");
    }
    assert_eq!(fs::read_to_string(ground.path("read/file")).unwrap(), "read only");
    assert_eq!(ground.secret(), "secret");
}

/// Replaces a directory by a link that leads out, and puts it back, until this is dropped.
struct Swapping {
    ends: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Swapping {
    fn begin(root: &Path) -> Self {
        let ends = Arc::<AtomicBool>::default();
        let (until, root) = (Arc::clone(&ends), root.to_owned());
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                fs::rename(root.join("data/sub"), root.join("data/aside")).unwrap();
                symlink("../outside", root.join("data/sub")).unwrap();
                fs::remove_file(root.join("data/sub")).unwrap();
                fs::rename(root.join("data/aside"), root.join("data/sub")).unwrap();
            }
        });
        Self { ends, thread: Some(thread) }
    }
}

impl Drop for Swapping {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_link_that_changes_meanwhile_leads_out() {
    let ground = Ground::new();
    let subject = ground.subject(&[("data", Access::ReadWrite)]);
    let swapping = Swapping::begin(ground.root.path());
    for (what, name) in
        [("race to read", "sub/file"), ("race to write", "sub/file"), ("race to write", "sub/new")]
    {
        let wish = json!({"at": "/data", "name": name, "value": "content", "count": 300});
        let told = answer(&subject, &format!("file {what}"), wish).await;
        // What came depends on the moment: the content, or the name of an error. The secret never comes.
        assert!(told.split(' ').all(|one| one != "secret"), "{what} {name}: {told}");
    }
    drop(swapping);
    assert_eq!(ground.secret(), "secret");
    assert!(!ground.path("outside/new").exists());
    assert_eq!(answer(&subject, "file read", json!({"at": "/data", "name": "sub/file"})).await, "content");
}

/// A directory that is mounted is opened at each call. One that lies in another one that is written to must not be replaced
/// by a link, which the host would follow.
#[tokio::test]
async fn a_mounted_directory_cannot_be_replaced_by_a_link_from_within_another_one() {
    let ground = Ground::new();
    let subject = ground.subject(&[("data", Access::ReadWrite), ("data/sub", Access::ReadOnly)]);
    let read = json!({"at": "/data/sub", "name": "file"});
    assert_eq!(answer(&subject, "file read", read.clone()).await, "content");
    // A pack that has the outer directory alone is enough for that.
    let outer = ground.subject(&[("data", Access::ReadWrite)]);
    let aside = json!({"at": "/data", "name": "sub", "value": "aside"});
    assert_eq!(answer(&outer, "file rename", aside).await, "done");
    let link = json!({"at": "/data", "name": "sub", "value": "../outside"});
    assert_eq!(answer(&outer, "file symlink", link).await, "done");
    let done = subject.call("escape", json!({"what": "file read", "at": "/data/sub", "name": "file"})).await;
    let (code, message) = done.failure();
    assert_eq!(code, "component.mount", "{message}");
    assert!(message.contains("sub in it is a link") && message.contains("mount the directory"), "{message}");
    fs::remove_file(ground.path("data/sub")).unwrap();
    fs::rename(ground.path("data/aside"), ground.path("data/sub")).unwrap();
    assert_eq!(answer(&subject, "file read", read).await, "content");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_a_directory_that_was_taken_back_is_neither_changed_nor_looked_at() {
    for (what, name) in [("touch", "file"), ("where", "link"), ("stat", "file"), ("hash", "file")] {
        let ground = Ground::new();
        let subject = ground.subject(&[("data", Access::ReadWrite)]);
        symlink("file", ground.path("data/link")).unwrap();
        let revoke = async {
            while !ground.path("data/begun").exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            subject.runtime.take_rights(&table(Rights::default()));
        };
        let wish = json!({"what": format!("file again {what}"), "at": "/data", "name": name});
        let both = async { tokio::join!(subject.call("escape", wish), revoke) };
        let (done, ()) = tokio::time::timeout(Duration::from_mins(1), both).await.unwrap();
        let told = done.value().as_str().unwrap();
        assert!(told.ends_with(", then not-permitted"), "{what}: {told}");
    }
}

#[tokio::test]
async fn what_would_never_be_opened_is_refused() {
    let ground = Ground::new();
    let subject = ground.subject(&[("data", Access::ReadWrite)]);
    let pipe = ground.path("data/pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    symlink("pipe", ground.path("data/link")).unwrap();
    for name in ["pipe", "link"] {
        let done = attempt(&subject, "file read", json!({"at": "/data", "name": name, "timeout": 60})).await;
        assert_eq!(*done.value(), json!("not-permitted"), "{name}");
    }
}
