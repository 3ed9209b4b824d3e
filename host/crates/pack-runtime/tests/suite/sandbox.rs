//! Capabilities that were not granted are denied, and the denial is named.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::symlink;

use petrel_model::capabilities::{Access, Mount, Rights};
use petrel_runners::Runner as _;
use serde_json::json;

use crate::support::{Subject, text};

/// A directory for the pack, with a file in it, a secret beside it, and a link to the secret.
fn mounted(access: Access) -> (tempfile::TempDir, Subject) {
    let root = tempfile::tempdir().unwrap();
    let granted = root.path().join("granted");
    fs::create_dir(&granted).unwrap();
    fs::write(granted.join("file"), "content").unwrap();
    fs::write(root.path().join("secret"), "secret").unwrap();
    symlink(root.path().join("secret"), granted.join("link")).unwrap();
    symlink("../secret", granted.join("relative")).unwrap();
    let mount = Mount { host_path: granted, guest_path: "/data".to_owned(), access };
    (root, Subject::behave().entitled(Rights { mounts: vec![mount], ..Rights::default() }))
}

#[tokio::test]
async fn without_a_grant_there_are_no_files() {
    let subject = Subject::behave();
    for path in ["/etc/passwd", "etc/passwd", "../../etc/passwd", "/proc/self/environ", "."] {
        let done = subject.call("open", text(path)).await;
        let (code, message) = done.failure();
        assert_eq!(code, "denied.files", "{path}: {message}");
        assert!(done.field("hint").contains("mount"), "{path}: {}", done.field("hint"));
    }
}

#[tokio::test]
async fn a_granted_directory_can_be_read_and_not_left() {
    let (_root, subject) = mounted(Access::ReadOnly);
    assert_eq!(*subject.call("open", text("/data/file")).await.value(), json!("content"));
    for path in ["/data/../secret", "/data/link", "/data/relative", "/data/../../../../etc/passwd"] {
        let done = subject.call("open", text(path)).await;
        assert_eq!(done.failure().0, "denied.files", "{path}: {done:?}");
        assert_eq!(done.field("kind"), "denied", "{path}");
    }
    assert_eq!(subject.call("open", text("/data/nothing")).await.failure().0, "action.error");
}

#[tokio::test]
async fn a_denial_that_nobody_handles_is_the_reason_of_the_failure() {
    let (_root, subject) = mounted(Access::ReadOnly);
    let done = subject.call("open_carelessly", text("/data/../secret")).await;
    let (code, message) = done.failure();
    assert_eq!(code, "denied.files");
    assert!(message.contains("open ../secret"), "{message}");
}

#[tokio::test]
async fn writing_needs_its_own_grant() {
    let (root, subject) = mounted(Access::ReadOnly);
    assert_eq!(subject.call("create", text("/data/new")).await.failure().0, "denied.files");
    assert!(!root.path().join("granted/new").exists());
    let (root, subject) = mounted(Access::ReadWrite);
    subject.call("create", text("/data/new")).await.value();
    assert_eq!(fs::read_to_string(root.path().join("granted/new")).unwrap(), "written by a component");
}

#[tokio::test]
async fn files_without_end_are_not_opened() {
    let (_root, subject) = mounted(Access::ReadOnly);
    let many = |count: u64| json!({"text": "/data/file", "count": count});
    assert_eq!(*subject.call("open_many", many(100)).await.value(), json!("100 files"));
    let done = subject.call("open_many", many(10_000)).await;
    let (code, message) = done.failure();
    assert_eq!(code, "limit.handles", "{message}");
    assert!(message.contains("256 files"), "{message}");
}

#[tokio::test]
async fn a_grant_is_for_one_pack() {
    let (_root, subject) = mounted(Access::ReadWrite);
    let other = Subject::behave();
    subject.call("open", text("/data/file")).await.value();
    assert_eq!(other.call("open", text("/data/file")).await.failure().0, "denied.files");
}

#[tokio::test]
async fn there_is_no_network_and_a_denial_names_the_address() {
    let subject = Subject::behave();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let address = server.local_addr().unwrap().to_string();
    for action in ["connect", "connect_carelessly"] {
        let done = subject.call(action, text(&address)).await;
        assert_eq!(done.failure().0, "denied.network", "{done:?}");
        assert!(done.outcome.result.to_string().contains(&format!("connect to {address}")), "{done:?}");
    }
    server.accept().unwrap_err();
}

#[tokio::test]
async fn a_denial_that_is_handled_is_no_failure() {
    let done = Subject::behave().call("connect_carefully", text("127.0.0.1:9")).await;
    assert!(done.value().as_str().unwrap().starts_with("without: "), "{done:?}");
}

#[tokio::test]
async fn no_name_is_looked_up() {
    let done = Subject::behave().call("resolve", text("localhost")).await;
    assert_eq!(done.failure().0, "denied.network", "{done:?}");
    assert_eq!(done.field("denied"), "network: look up localhost");
}

#[tokio::test]
async fn nothing_is_listened_on_and_no_datagram_leaves() {
    let subject = Subject::behave();
    for address in ["127.0.0.1:0", "0.0.0.0:0", "0.0.0.0:8099"] {
        let done = subject.call("listen", text(address)).await;
        assert_eq!(done.failure().0, "denied.network", "{address}: {done:?}");
    }
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_nonblocking(true).unwrap();
    let address = receiver.local_addr().unwrap().to_string();
    let done = subject.call("send", text(&address)).await;
    assert_eq!(done.field("denied"), format!("network: send to {address}"));
    receiver.recv(&mut [0; 8]).unwrap_err();
}

#[tokio::test]
async fn environment_arguments_and_input_are_empty() {
    let done = Subject::behave().call("environment", json!({})).await;
    assert_eq!(*done.value(), json!("[] [] \"\""));
}

#[tokio::test]
async fn a_variable_of_the_host_is_there_if_it_is_granted() {
    let subject = Subject::behave()
        .entitled(Rights { env: vec!["PATH".into(), "NOT_SET_ANYWHERE".into()], ..Rights::default() });
    let done = subject.call("environment", json!({})).await;
    let told = done.value().as_str().unwrap();
    assert!(told.contains("PATH") && !told.contains("HOME") && !told.contains("NOT_SET"), "{told}");
}

#[tokio::test]
async fn files_that_are_opened_count_as_used() {
    let (_root, subject) = mounted(Access::ReadOnly);
    assert!(subject.runner.uses("test").is_empty());
    subject.call("open", text("/data/file")).await.value();
    assert_eq!(subject.runner.uses("test").into_iter().collect::<Vec<_>>(), [("files /data".to_owned(), 1)]);
    let subject = subject.entitled(Rights::default());
    assert_eq!(subject.call("open", text("/data/file")).await.failure().0, "denied.files");
}

#[tokio::test]
async fn a_granted_directory_that_is_gone_is_named() {
    let (root, subject) = mounted(Access::ReadOnly);
    fs::remove_dir_all(root.path()).unwrap();
    let done = subject.call("echo", json!({})).await;
    let (code, message) = done.failure();
    assert_eq!(code, "component.mount");
    assert!(message.contains("granted") && message.contains("pack test"), "{message}");
}
