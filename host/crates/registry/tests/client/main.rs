//! The client against a registry on loopback: what it pushes and fetches, and that a registry that lies, breaks off or sends
//! it elsewhere gets no login, and leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use petrel_registry::Progress;
use petrel_registry::credentials::{self, Credentials};
use petrel_registry::{
    Artifact, Error, Fetched, Kind, Limits, Reference, Registry, RegistrySettings, Settings,
};
use petrel_test_support::{Faults, Registry as Served};
use tempfile::TempDir;

mod beside;
mod distribution;
mod hostile;
mod openssl;
mod untrusted;

/// The header of a login as ada with the password secret.
const ADA: &str = "Basic YWRhOnNlY3JldA==";

/// A pack in a directory, with a component of so many bytes.
fn pack(root: &Path, size: usize) {
    let component: Vec<u8> = b"\0asm\x0d\0\x01\0"
        .iter()
        .copied()
        .chain((0..size).map(|byte| u8::try_from(byte % 251).unwrap()))
        .collect();
    for (file, content) in [
        (
            "pack.yaml",
            &b"ref: mine\nname: mine\ndescription: Mine.\nversion: 1.2.0\nauthor: me\n\
               wasm: {components: [{name: calls, path: wasm/calls.wasm}]}\n"[..],
        ),
        ("actions/b.yaml", b"name: b\nrunner_type: noop\n"),
        ("README.md", b"Mine."),
        ("wasm/calls.wasm", &component),
    ] {
        let file = root.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
}

/// The settings of tests, which are not patient.
fn settings(registries: Vec<RegistrySettings>) -> Settings {
    let limits = Limits { silence: Duration::from_secs(20), ..Limits::default() };
    Settings { limits, registries }
}

/// A registry with a pack, a client of it and a place for what is fetched.
struct Bench {
    served: Served,
    place: TempDir,
    artifact: Artifact,
    reference: Reference,
}

impl Bench {
    async fn new(size: usize) -> Self {
        let (served, place) = (Served::start().unwrap(), tempfile::tempdir().unwrap());
        pack(&place.path().join("source"), size);
        let (artifact, _) = Artifact::of_directory(&place.path().join("source"), &Limits::default()).unwrap();
        let reference: Reference = format!("{}/packs/mine:1.2.0", served.host()).parse().unwrap();
        let bench = Self { served, place, artifact, reference };
        bench.client().push(&bench.artifact, &bench.reference, &Progress::default()).await.unwrap();
        drop(bench.served.came());
        bench
    }

    fn client(&self) -> Arc<Registry> {
        self.client_with(&settings(Vec::new()), &Credentials::default())
    }

    fn client_with(&self, settings: &Settings, credentials: &Credentials) -> Arc<Registry> {
        Arc::new(Registry::open(&self.served.host(), settings, credentials).unwrap())
    }

    /// The login of ada for a registry.
    fn login(&self, host: &str) -> Credentials {
        let file = self.place.path().join("registries.json");
        credentials::keep(&file, host, "ada", "secret").unwrap();
        Credentials::of_environment(|_| None, Some(file))
    }

    async fn fetch(&self, client: &Arc<Registry>) -> Result<Fetched, Error> {
        let bytes = client.manifest(&self.reference).await?;
        let fetched = Fetched::of(bytes, &self.place.path().join("blobs"), &Limits::default())?;
        client.fill(&self.reference.repository, &fetched, &Progress::default()).await?;
        Ok(fetched)
    }

    /// The error of fetching the pack while the registry does this wrong.
    async fn refused(&self, client: &Arc<Registry>, faults: Faults) -> Error {
        self.served.set(faults);
        let refused = self.fetch(client).await.unwrap_err();
        self.served.set(Faults::default());
        refused
    }
}

#[tokio::test]
async fn a_pack_is_pushed_once_and_fetched_by_tag_and_by_digest() {
    let bench = Bench::new(1000).await;
    let client = bench.client();
    let sent = client
        .push(&bench.artifact, &bench.reference.with_tag("latest"), &Progress::default())
        .await
        .unwrap();
    assert_eq!(sent, 0, "the registry has all of it");
    assert!(bench.served.came().iter().all(|came| !came.line.starts_with("POST")));
    assert_eq!(client.tags("packs/mine").await.unwrap(), ["1.2.0", "latest"]);
    let counted = Arc::new(AtomicI64::new(0));
    let counter = Arc::clone(&counted);
    let progress = Progress::to(move |bytes| {
        counter.fetch_add(bytes, Ordering::SeqCst);
    });
    for reference in [bench.reference.clone(), bench.reference.at(&bench.artifact.digest)] {
        let bytes = client.manifest(&reference).await.unwrap();
        assert_eq!(bytes, bench.artifact.bytes);
        let fetched = Fetched::of(bytes, &bench.place.path().join("blobs"), &Limits::default()).unwrap();
        client.fill("packs/mine", &fetched, &progress).await.unwrap();
        let into = bench.place.path().join(reference.target());
        fetched.lay_out(&into, &Limits::default()).unwrap();
        assert_eq!(std::fs::read_to_string(into.join("README.md")).unwrap(), "Mine.");
    }
    let size = i64::try_from(bench.artifact.manifest.size()).unwrap();
    assert_eq!(counted.load(Ordering::SeqCst), size, "the second time all of it was there");
}

#[tokio::test]
async fn a_tag_that_does_not_exist_is_told_those_that_do() {
    let bench = Bench::new(10).await;
    let client = bench.client();
    let gone = client.manifest(&bench.reference.with_tag("1.2.1")).await.unwrap_err();
    assert_eq!(gone.kind, Kind::NotFound);
    assert!(gone.hint.contains(&format!("did you mean {}?", bench.reference)), "{gone}");
    let gone = client.manifest(&bench.reference.with_tag("stable")).await.unwrap_err();
    assert!(gone.hint.contains("there are the tags 1.2.0"), "{gone}");
    let other: Reference = format!("{}/packs/other:1", bench.served.host()).parse().unwrap();
    assert_eq!(client.manifest_if_any(&other).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_cut_short_is_gone_on_with() {
    let bench = Bench::new(100_000).await;
    for (number, no_ranges) in [false, true].into_iter().enumerate() {
        bench.served.set(Faults { half_blobs: 2, no_ranges, ..Faults::default() });
        // One after the other, so that it is known which are cut.
        let limits = Limits { downloads: 1, ..settings(Vec::new()).limits };
        let client = bench.client_with(&Settings { limits, ..Settings::default() }, &Credentials::default());
        let bytes = client.manifest(&bench.reference).await.unwrap();
        let fetched = Fetched::of(bytes, &bench.place.path().join(number.to_string()), &limits).unwrap();
        client.fill("packs/mine", &fetched, &Progress::default()).await.unwrap();
        fetched.lay_out(&bench.place.path().join(format!("mine{number}")), &limits).unwrap();
        assert!(bench.served.came().iter().any(|came| came.range.starts_with("bytes=")));
    }
    // The next attempt begins where the one before has ended.
    let once = Limits { attempts: 1, downloads: 1, ..settings(Vec::new()).limits };
    let impatient =
        bench.client_with(&Settings { limits: once, ..Settings::default() }, &Credentials::default());
    let cut = bench.refused(&impatient, Faults { half_blobs: 100, ..Faults::default() }).await;
    assert!(cut.message.contains("bytes of the blob") && cut.hint.contains("gone on with"), "{cut}");
    drop(bench.served.came());
    bench.fetch(&bench.client()).await.unwrap();
    assert!(bench.served.came().iter().any(|came| came.range.starts_with("bytes=")));
}

#[tokio::test]
async fn a_registry_that_is_down_or_silent_is_told_with_a_remedy() {
    let bench = Bench::new(10).await;
    let host = Served::start().unwrap().host();
    let client = Registry::open(&host, &settings(Vec::new()), &Credentials::default()).unwrap();
    // The listener of the one that was dropped has gone, or goes at once.
    let down = client.ping().await.unwrap_err();
    assert!(down.kind == Kind::Unreachable && down.hint.contains("petrel registry test"), "{down}");
    bench.served.set(Faults { silent: true, ..Faults::default() });
    let limits = Limits { silence: Duration::from_millis(200), ..Limits::default() };
    let client = bench.client_with(&Settings { limits, ..Settings::default() }, &Credentials::default());
    let silent = client.manifest(&bench.reference).await.unwrap_err();
    assert!(silent.kind == Kind::TimedOut && silent.hint.contains("registries.timeout_seconds"), "{silent}");
    // One that goes on sending, and never comes to an end.
    bench.served.set(Faults { drips: Some(Duration::from_millis(5)), ..Faults::default() });
    let limits = Limits { least_pace: 8 << 20, ..limits };
    let client = bench.client_with(&Settings { limits, ..Settings::default() }, &Credentials::default());
    let slow = client.manifest(&bench.reference).await.unwrap_err();
    assert!(slow.kind == Kind::TimedOut && slow.message.contains("too slowly"), "{slow}");
}

#[tokio::test]
async fn a_server_that_is_no_registry_is_told_as_that() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(std::io::Read::read(&mut stream, &mut [0; 4096]).unwrap() > 0);
        let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        std::io::Write::write_all(&mut stream, answer).unwrap();
    });
    let client = Registry::open(&host, &settings(Vec::new()), &Credentials::default()).unwrap();
    let refused = client.ping().await.unwrap_err();
    assert!(refused.kind == Kind::NotFound && refused.message.contains("is no registry"), "{refused}");
    served.join().unwrap();
}

#[tokio::test]
async fn a_login_is_sent_where_it_is_asked_for() {
    let bench = Bench::new(10).await;
    let wants = |challenge: Option<String>, wants: &str| Faults {
        wants: Some(wants.to_owned()),
        challenge,
        ..Faults::default()
    };
    let refused = bench.refused(&bench.client(), wants(None, ADA)).await;
    assert_eq!(refused.kind, Kind::Unauthorized);
    assert!(refused.hint.contains(&format!("petrel registry login {}", bench.served.host())), "{refused}");
    let credentials = bench.login(&bench.served.host());
    let client = bench.client_with(&settings(Vec::new()), &credentials);
    bench.served.set(wants(None, ADA));
    bench.fetch(&client).await.unwrap();
    assert!(client.ping().await.unwrap().login.unwrap().ends_with("registries.json"));
    // Some say only at `/v2/` that they want one.
    bench.served.set(wants(Some(String::new()), ADA));
    bench.fetch(&bench.client_with(&settings(Vec::new()), &credentials)).await.unwrap();
    // By a token of the registry's own service.
    let realm = format!("Bearer realm=\"http://{}/token\",service=\"tests\"", bench.served.host());
    bench.served.set(wants(Some(realm), "Bearer of-the-service"));
    drop(bench.served.came());
    let client = bench.client_with(&settings(Vec::new()), &credentials);
    client.push(&bench.artifact, &bench.reference.with_tag("new"), &Progress::default()).await.unwrap();
    let came = bench.served.came();
    let asked: Vec<_> = came.iter().filter(|came| came.line.starts_with("GET /token")).collect();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].line.contains("service=tests&scope=repository%3Apacks%2Fmine%3Apull%2Cpush"),
        "{asked:?}"
    );
    assert_eq!(asked[0].authorization, ADA);
    // Another password.
    let wrong = bench
        .refused(&bench.client_with(&settings(Vec::new()), &credentials), wants(None, "Basic other"))
        .await;
    assert!(wrong.message.contains("registries.json") && wrong.kind == Kind::Unauthorized, "{wrong}");
}
