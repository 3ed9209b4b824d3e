//! Files that are not components for this host, and components that end with a fault.

use std::fs;
use std::path::Path;

use petrel_pack_runtime::{ComponentRunner, Options, PackRuntime};
use petrel_runners::{End, OutputSink, Runner as _, Upkeep};
use petrel_test_components::{BARE, STRANGER};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Subject, call, text};

#[tokio::test]
async fn a_component_of_another_world_is_told_apart() {
    let done = Subject::of(Path::new(STRANGER), Options::default()).call("sell", json!({})).await;
    let (code, message) = done.failure();
    assert_eq!(code, "component.world");
    for part in ["no export petrel:pack/action", "bakery:shop/counter@2.0.0", "bakery:shop/oven@2.0.0"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn what_is_no_component_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8], &str); 4] = [
        ("text.wasm", b"#!/bin/sh\necho hi\n", "does not begin with the bytes of WebAssembly"),
        ("empty.wasm", b"", "does not begin with the bytes of WebAssembly"),
        ("module.wasm", b"\0asm\x01\0\0\0", "core WebAssembly module"),
        ("broken.wasm", b"\0asm\x0d\0\x01\0\xff\xff\xff", "is not a component: "),
    ];
    for (name, content, expected) in files {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        let done = Subject::of(&path, Options::default()).call("echo", json!({})).await;
        let (code, message) = done.failure();
        assert_eq!(code, "component.invalid", "{name}");
        assert!(message.contains(expected) && message.contains(name), "{message}");
    }
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let done = Subject::of(Path::new("/nowhere/wasm.wasm"), Options::default()).call("echo", json!({})).await;
    let (code, message) = done.failure();
    assert_eq!(code, "component.missing");
    assert!(message.contains("/nowhere/wasm.wasm"), "{message}");
}

#[tokio::test]
async fn a_missing_file_of_the_host_is_laid_out_before_it_is_loaded() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("bare.wasm");
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let options = Options { cache_directory: Some(shared), ..Options::default() };
    let upkeep = Upkeep::by(|missing| fs::copy(BARE, missing).is_ok());
    let runner = ComponentRunner::new(PackRuntime::new(options).unwrap()).kept_by(upkeep);
    for _ in 0..2 {
        let call = call(&path, "noop", json!({}));
        let outcome = runner.run(call, OutputSink::new(100), CancellationToken::new()).await;
        assert_eq!(outcome.end, End::Succeeded, "{:?}", outcome.result);
        fs::remove_file(&path).unwrap();
    }
    runner.prepare(place.path(), "bare.wasm").await.unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn an_entry_point_cannot_leave_its_pack() {
    let runner = ComponentRunner::new(PackRuntime::new(Options::default()).unwrap());
    for entry_point in ["", "../components/x.wasm", "/etc/passwd", "wasm/../../x.wasm"] {
        let mut call = call(Path::new(STRANGER), "echo", json!({}));
        let mut action = (*call.action).clone();
        entry_point.clone_into(&mut action.entry_point);
        call.action = action.into();
        let outcome = runner.run(call, OutputSink::new(100), CancellationToken::new()).await;
        assert_eq!(outcome.result["code"], "component.missing", "{entry_point}");
    }
}

#[tokio::test]
async fn a_trap_shows_where_it_happened_and_a_panic_leaves_its_message() {
    let subject = Subject::behave();
    let done = subject.call("trap", json!({})).await;
    let (code, message) = done.failure();
    assert_eq!(code, "component.trap");
    assert!(message.contains("unreachable") && message.contains(" (in "), "{message}");
    let done = subject.call("panic", text("what now?")).await;
    let (code, message) = done.failure();
    assert_eq!(code, "component.trap");
    // The message has the place of the panic, without the machinery that carries it, and with readable names.
    assert!(message.starts_with("the component panicked: ") && message.contains("what now?"), "{message}");
    assert!(
        message.contains("behave") && !message.contains("_ZN") && !message.contains("core::panicking"),
        "{message}"
    );
    assert!(done.texts().iter().any(|line| line.contains("what now?")), "{:?}", done.texts());
    let done = subject.call("panic", text(&"long ".repeat(10_000))).await;
    assert!(done.failure().1.len() < 2500, "{}", done.failure().1.len());
}

#[tokio::test]
async fn a_component_that_exits_has_failed() {
    let subject = Subject::behave();
    for code in [0, 3] {
        let done = subject.call("exit", json!({"count": code})).await;
        assert_eq!(done.failure().0, "component.exit");
    }
}

#[tokio::test]
async fn a_result_that_is_no_json_is_a_failure() {
    let done = Subject::of(Path::new(BARE), Options::default()).call("prose", json!({})).await;
    assert_eq!(done.failure().0, "component.result");
}
