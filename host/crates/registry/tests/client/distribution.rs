//! The client against a registry that others wrote: `docker-registry` of Debian, on PATH or named by `PETREL_TEST_REGISTRY`.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use petrel_registry::beside::Kind;
use petrel_registry::credentials::{self, Credentials};
use petrel_registry::signature::sign;
use petrel_registry::{
    Artifact, Fetched, Kind as ErrorKind, Limits, PrivateKey, Progress, Reference, Registry, RegistrySettings,
};
use petrel_test_support::{PATIENCE, docker_registry, skip, until};
use tempfile::TempDir;

use super::{pack, settings};

/// The user ada with the password secret, as `htpasswd -B` writes them.
const ADA: &str = "ada:$2a$05$xy1uea/hlQDBMksSCGlLQOXEVBWv0hkrdg87//hPBP4me6oAwm4qq\n";

/// A registry in a process of its own, which is killed on drop.
struct Distribution {
    child: Child,
    place: TempDir,
    host: String,
}

impl Drop for Distribution {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Distribution {
    /// Starts a registry with more lines of configuration; those of `http` first.
    fn start(program: &Path, place: TempDir, http: &str, more: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (root, file) = (place.path().join("blobs"), place.path().join("registry.yml"));
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http:\n  addr: 127.0.0.1:{port}\n  secret: tests\n{http}{more}",
            root.display()
        );
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(program);
        let command = command.arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let host = format!("localhost:{port}");
        let come = || Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        until("docker-registry listens", PATIENCE, come).unwrap();
        Self { child, place, host }
    }

    /// Pushes a pack, fetches it by tag and by digest, and compares.
    async fn round(&self, client: &Arc<Registry>) {
        let source = self.place.path().join("source");
        pack(&source, 200_000);
        let (artifact, card) = Artifact::of_directory(&source, &Limits::default()).unwrap();
        let reference: Reference = format!("{}/packs/mine:1.2.0", self.host).parse().unwrap();
        let sent = client.push(&artifact, &reference, &Progress::default()).await.unwrap();
        assert_eq!(sent, artifact.manifest.size());
        assert_eq!(client.push(&artifact, &reference, &Progress::default()).await.unwrap(), 0);
        assert_eq!(client.tags("packs/mine").await.unwrap(), ["1.2.0"]);
        for (name, reference) in [("tag", reference.clone()), ("digest", reference.at(&artifact.digest))] {
            let bytes = client.manifest(&reference).await.unwrap();
            assert_eq!(bytes, artifact.bytes);
            let blobs = self.place.path().join(format!("of-{name}"));
            let fetched = Fetched::of(bytes, &blobs, &Limits::default()).unwrap();
            client.fill("packs/mine", &fetched, &Progress::default()).await.unwrap();
            assert_eq!(fetched.lay_out(&self.place.path().join(name), &Limits::default()).unwrap(), card);
        }
        let key = PrivateKey::made().unwrap();
        let signed = sign(&key, Some(&reference), &artifact.digest, None).unwrap();
        let tag = reference.with_tag(&Kind::Signatures.tag(&artifact.digest));
        client.push(&signed, &tag, &Progress::default()).await.unwrap();
        let found = client.beside(&reference, &artifact.digest, Kind::Signatures).await.unwrap().unwrap();
        assert_eq!(found.bytes, signed.bytes);
        let gone = client.manifest(&reference.with_tag("1.2.1")).await.unwrap_err();
        assert!(gone.kind == ErrorKind::NotFound && gone.hint.contains("did you mean"), "{gone}");
    }
}

#[tokio::test]
async fn debians_registry_takes_a_pack_and_gives_it_back() {
    let Some(program) = docker_registry() else {
        return skip("there is no docker-registry; PETREL_TEST_REGISTRY may name one");
    };
    let served = Distribution::start(&program, tempfile::tempdir().unwrap(), "", "");
    let client = Registry::open(&served.host, &settings(Vec::new()), &Credentials::default()).unwrap();
    served.round(&Arc::new(client)).await;
}

#[tokio::test]
async fn debians_registry_takes_a_pack_with_a_login_over_tls() {
    let Some(program) = docker_registry() else {
        return skip("there is no docker-registry; PETREL_TEST_REGISTRY may name one");
    };
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(at("htpasswd"), ADA).unwrap();
    std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let http =
        format!("  tls: {{certificate: {}, key: {}}}\n", at("cert.pem").display(), at("key.pem").display());
    let more = format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", at("htpasswd").display());
    let (file, ca_file) = (at("registries.json"), Some(at("cert.pem")));
    let served = Distribution::start(&program, place, &http, &more);
    let one = RegistrySettings {
        host: served.host.clone(),
        plain_http: Some(false),
        ca_file,
        ..RegistrySettings::default()
    };
    let settings = settings(vec![one]);
    let stranger = Registry::open(&served.host, &settings, &Credentials::default()).unwrap();
    assert_eq!(stranger.ping().await.unwrap_err().kind, ErrorKind::Unauthorized);
    let wrong =
        Registry::open(&served.host, &settings, &Credentials::default()).unwrap().with_login("ada", "other");
    assert_eq!(wrong.ping().await.unwrap_err().kind, ErrorKind::Unauthorized);
    credentials::keep(&file, &served.host, "ada", "secret").unwrap();
    let credentials = Credentials::of_environment(|_| None, Some(file));
    let client = Registry::open(&served.host, &settings, &credentials).unwrap();
    assert!(client.ping().await.unwrap().login.is_some());
    served.round(&Arc::new(client)).await;
}
