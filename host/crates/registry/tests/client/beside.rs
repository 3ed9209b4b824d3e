//! Signatures and statements beside a pack in a registry.

use petrel_registry::beside::Kind;
use petrel_registry::signature::sign;
use petrel_registry::statement::state;
use petrel_registry::{Digest, PrivateKey, Progress, Signature, Statement};
use petrel_test_support::Faults;
use serde_json::json;

use super::Bench;

#[tokio::test]
async fn what_stands_beside_a_pack_is_found_by_its_digest() {
    let bench = Bench::new(10).await;
    let (client, key) = (bench.client(), PrivateKey::made().unwrap());
    let digest = bench.artifact.digest.clone();
    for kind in Kind::ALL {
        assert!(client.beside(&bench.reference, &digest, kind).await.unwrap().is_none());
    }
    let asked = bench.served.came();
    assert!(asked.iter().all(|came| !came.line.contains("/tags/")), "nothing is suggested: {asked:?}");
    let signed = sign(&key, Some(&bench.reference), &digest, None).unwrap();
    let stated = state(&key, &bench.reference, &digest, br#"{"builder": {"id": "ci"}}"#, None).unwrap();
    for (kind, made) in [(Kind::Signatures, &signed), (Kind::Statements, &stated)] {
        let tag = bench.reference.with_tag(&kind.tag(&digest));
        client.push(made, &tag, &Progress::default()).await.unwrap();
        let found = client.beside(&bench.reference, &digest, kind).await.unwrap().unwrap();
        assert_eq!((&found.bytes, &found.digest), (&made.bytes, &made.digest));
    }
    let tag = format!("sha256-{}.sig", digest.hex());
    assert!(bench.served.manifests("packs/mine").contains(&tag));
    // However the pack is named.
    let by_digest = bench.reference.at(&digest);
    let found = client.beside(&by_digest, &digest, Kind::Signatures).await.unwrap().unwrap();
    assert!(Signature::all(&found).unwrap().iter().any(|one| one.is_by(&key.public(), &digest)));
    let found = client.beside(&by_digest, &digest, Kind::Statements).await.unwrap().unwrap();
    assert!(Statement::all(&found).unwrap().iter().any(|one| one.is_by(&key.public(), &digest)));
    assert!(client.beside(&by_digest, &Digest::of(b"x"), Kind::Signatures).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_too_large_or_another_content_is_not_used() {
    let bench = Bench::new(10).await;
    let (client, key) = (bench.client(), PrivateKey::made().unwrap());
    let digest = bench.artifact.digest.clone();
    let signed = sign(&key, None, &digest, None).unwrap();
    let tag = bench.reference.with_tag(&Kind::Signatures.tag(&digest));
    client.push(&signed, &tag, &Progress::default()).await.unwrap();
    let mut large = json!(signed.manifest);
    large["layers"][0]["size"] = json!(40_u64 << 20);
    let mut many = json!(signed.manifest);
    many["layers"] = json!(vec![signed.manifest.layers[0].clone(); 60]);
    for (faults, says) in [
        (Faults { wrong_bytes: true, ..Faults::default() }, "another content"),
        (Faults { too_long: true, ..Faults::default() }, "gives more than"),
        (Faults { manifest: Some(large.to_string()), ..Faults::default() }, "at most 32 MiB"),
        (Faults { manifest: Some(many.to_string()), ..Faults::default() }, "60 layers"),
        (Faults { manifest: Some("{}".to_owned()), ..Faults::default() }, "not valid"),
    ] {
        bench.served.set(faults);
        let refused = client.beside(&bench.reference, &digest, Kind::Signatures).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{says}: {refused}");
    }
    bench.served.set(Faults::default());
    assert!(client.beside(&bench.reference, &digest, Kind::Signatures).await.unwrap().is_some());
}
