//! Certificates: one that nobody has signed is refused with the remedy, and accepted where the operator says so.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use petrel_registry::credentials::Credentials;
use petrel_registry::{Kind, Registry, RegistrySettings};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{ADA, settings};

/// A server with a certificate that it has signed itself, which answers each request with 200 and a token; its host, and the
/// certificate.
fn self_signed() -> (String, String) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let mut request = [0; 4096];
            if tls.read(&mut request).is_ok_and(|count| count > 0) {
                drop(tls.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\nConnection: close\r\n\r\n{\"token\": \"of-the-service\"}",
                ));
                drop(tls.flush());
            }
        }
    });
    (format!("localhost:{port}"), made.cert.pem())
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_needs_the_operators_word() {
    let (host, pem) = self_signed();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let plain =
        RegistrySettings { host: host.clone(), plain_http: Some(false), ..RegistrySettings::default() };
    let ping = async |one: RegistrySettings| {
        Registry::open(&host, &settings(vec![one]), &Credentials::default())?.ping().await
    };
    let refused = ping(plain.clone()).await.unwrap_err();
    assert!(refused.kind == Kind::Unreachable && refused.message.contains("is not trusted"), "{refused}");
    assert!(refused.hint.contains("ca_file"), "{refused}");
    ping(RegistrySettings { ca_file: Some(file.clone()), ..plain.clone() }).await.unwrap();
    ping(RegistrySettings { skip_tls_verify: true, ..plain.clone() }).await.unwrap();
    std::fs::write(&file, "none").unwrap();
    let unusable = ping(RegistrySettings { ca_file: Some(file), ..plain }).await.unwrap_err();
    assert!(unusable.kind == Kind::Usage && unusable.message.contains("ca.pem"), "{unusable}");
    // One that speaks no TLS is told as that.
    let served = petrel_test_support::Registry::start().unwrap();
    let host = served.host();
    let encrypted =
        RegistrySettings { host: host.clone(), plain_http: Some(false), ..RegistrySettings::default() };
    let client = Registry::open(&host, &settings(vec![encrypted]), &Credentials::default()).unwrap();
    let plain = client.ping().await.unwrap_err();
    assert!(plain.kind == Kind::Unreachable && plain.hint.contains("plain_http = true"), "{plain}");
}

#[tokio::test]
async fn a_login_that_was_withheld_is_not_called_accepted() {
    let (service, _) = self_signed();
    let served = petrel_test_support::Registry::start().unwrap();
    let challenge = Some(format!("Bearer realm=\"https://{service}/token\",service=\"x\""));
    let wants = |wants: &str| petrel_test_support::Faults {
        wants: Some(wants.to_owned()),
        challenge: challenge.clone(),
        ..petrel_test_support::Faults::default()
    };
    let one = |token_host: Option<&str>| RegistrySettings {
        host: served.host(),
        skip_tls_verify: true,
        token_host: token_host.map(str::to_owned),
        ..RegistrySettings::default()
    };
    let client = |one: RegistrySettings| {
        Registry::open(&served.host(), &settings(vec![one]), &Credentials::default()).unwrap()
    };
    // The service gives a token to anybody, and the registry takes it, or does not.
    for wanted in ["Bearer of-the-service", ADA] {
        served.set(wants(wanted));
        let withheld = client(one(None)).with_login("ada", "secret").ping().await.unwrap_err();
        assert!(withheld.kind == Kind::Unauthorized && withheld.hint.contains("token_host"), "{withheld}");
    }
    served.set(wants("Bearer of-the-service"));
    assert_eq!(client(one(None)).ping().await.unwrap().login, None);
    let named = client(one(Some("localhost"))).with_login("ada", "secret");
    assert_eq!(named.ping().await.unwrap().login.as_deref(), Some("the command line"));
}
