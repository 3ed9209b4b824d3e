//! Registries that lie. Each kind of fault that other clients had is a test.

use std::sync::Arc;

use petrel_registry::credentials::Credentials;
use petrel_registry::{Artifact, Digest, Error, Kind, Limits, Progress, Reference, Registry};
use petrel_test_support::{Faults, Registry as Served};
use serde_json::json;

use super::{ADA, Bench, settings};

/// A bench, and another server that must not be sent a login.
async fn with_stranger() -> (Bench, Served, Arc<Registry>) {
    let bench = Bench::new(2000).await;
    let credentials = bench.login(&bench.served.host());
    let client = bench.client_with(&settings(Vec::new()), &credentials);
    (bench, Served::start().unwrap(), client)
}

fn refused(error: &Error, says: &str) {
    assert!(error.kind == Kind::Refused && error.to_string().contains(says), "{error}");
}

#[tokio::test]
async fn what_has_another_digest_or_length_is_not_used() {
    let bench = Bench::new(2000).await;
    let client = bench.client();
    for (faults, says) in [
        (Faults { wrong_bytes: true, ..Faults::default() }, "another content"),
        (Faults { too_long: true, ..Faults::default() }, "and its manifest says"),
        (Faults { manifest: Some("{}".into()), ..Faults::default() }, "not valid"),
        (Faults { manifest: Some("x".repeat(2 << 20)), ..Faults::default() }, "more than 1024 KiB"),
    ] {
        refused(&bench.refused(&client, faults).await, says);
        let left = std::fs::read_dir(bench.place.path().join("blobs")).into_iter().flatten().flatten();
        for file in left.map(|entry| entry.path()).filter(|path| path.extension().is_none()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            assert_eq!(Digest::of(&std::fs::read(&file).unwrap()).hex(), name);
        }
    }
    // Asked for by its digest, another manifest is none.
    bench.served.set(Faults { manifest: Some("{}".into()), ..Faults::default() });
    let by_digest = bench.reference.at(&bench.artifact.digest);
    refused(&client.manifest(&by_digest).await.unwrap_err(), "another content");
    bench.served.set(Faults::default());
    bench.fetch(&client).await.unwrap();
}

#[tokio::test]
async fn a_huge_blob_is_refused_before_it_is_asked_for() {
    let bench = Bench::new(10).await;
    let mut manifest = json!(bench.artifact.manifest);
    manifest["layers"][2]["size"] = json!(1_u64 << 40);
    let error = bench
        .refused(&bench.client(), Faults { manifest: Some(manifest.to_string()), ..Faults::default() })
        .await;
    refused(&error, "at most 512 MiB are fetched");
    assert!(bench.served.came().iter().all(|came| !came.line.contains("/blobs/")));
}

#[tokio::test]
async fn a_redirect_takes_no_login_along() {
    let (bench, stranger, client) = with_stranger().await;
    // The other server has the blobs, and wants no login.
    let copy: Reference = format!("{}/packs/mine:1", stranger.host()).parse().unwrap();
    let there = Registry::open(&stranger.host(), &settings(Vec::new()), &Credentials::default()).unwrap();
    there.push(&bench.artifact, &copy, &Progress::default()).await.unwrap();
    drop(stranger.came());
    bench.served.set(Faults {
        wants: Some(ADA.to_owned()),
        blobs_at: Some(format!("http://{}", stranger.host())),
        ..Faults::default()
    });
    bench.fetch(&client).await.unwrap();
    assert!(bench.served.came().iter().any(|came| came.authorization == ADA));
    let came = stranger.came();
    assert!(!came.is_empty() && came.iter().all(|came| came.authorization.is_empty()), "{came:?}");
    // One that wants a login itself gets none either.
    stranger.set(Faults { wants: Some(ADA.to_owned()), ..Faults::default() });
    std::fs::remove_dir_all(bench.place.path().join("blobs")).unwrap();
    assert_eq!(bench.fetch(&client).await.unwrap_err().kind, Kind::Unauthorized);
    assert!(stranger.came().iter().all(|came| came.authorization.is_empty()));
}

#[tokio::test]
async fn a_token_service_elsewhere_gets_no_login() {
    let (bench, stranger, client) = with_stranger().await;
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"x\"", stranger.host());
    let faults = Faults {
        wants: Some("Bearer of-the-service".into()),
        challenge: Some(challenge),
        ..Faults::default()
    };
    refused(&bench.refused(&client, faults).await, "token service that is not encrypted");
    assert_eq!(stranger.came(), []);
}

#[tokio::test]
async fn an_upload_elsewhere_is_not_sent() {
    let (bench, stranger, client) = with_stranger().await;
    let uploads_at = stranger.host().replace("127.0.0.1", "localhost");
    bench.served.set(Faults { uploads_at: Some(format!("http://{uploads_at}/v2/x")), ..Faults::default() });
    super::pack(&bench.place.path().join("other"), 3000);
    let (other, _) = Artifact::of_directory(&bench.place.path().join("other"), &Limits::default()).unwrap();
    let error =
        client.push(&other, &bench.reference.with_tag("other"), &Progress::default()).await.unwrap_err();
    refused(&error, "to another host");
    assert_eq!(stranger.came(), []);
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let bench = Bench::new(10).await;
    let host = bench.served.host();
    let error = bench
        .refused(&bench.client(), Faults { blobs_at: Some(format!("http://{host}")), ..Faults::default() })
        .await;
    refused(&error, "redirects without end");
}
