//! The certificate of the host and its key, checked before the host listens.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use petrel_model::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// The time before its end at which a certificate is worth a warning.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A certificate with its key, ready to encrypt connections.
#[derive(Clone)]
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The end of the certificate.
    pub ends_at: Timestamp,
}

/// The reasons why a certificate or a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or parsed.
    #[error("the {what} {} cannot be read: {reason}", .path.display())]
    Unreadable {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason in the words of the reader.
        reason: String,
    },
    /// The certificate has expired or is not valid yet.
    #[error("the certificate {} {verb} on {at}", .path.display())]
    NotNow {
        /// The file.
        path: PathBuf,
        /// `expired` or `begins only`, as it stands in the message.
        verb: &'static str,
        /// The end or the beginning of the certificate.
        at: Timestamp,
    },
    /// The key does not belong to the certificate.
    #[error("the key {} does not fit the certificate {}", .key.display(), .certificate.display())]
    Mismatch {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
}

impl TlsError {
    /// The remedy, naming the setting to change.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { what: "key", .. } => {
                "tls.key must name a private key in PEM, without a password, that this user can read"
            }
            Self::Unreadable { .. } => {
                "tls.certificate must name certificates in PEM, the host's own first, that this user can read"
            }
            Self::NotNow { verb: "expired", .. } => "renew the certificate, and start the host again",
            Self::NotNow { .. } => "check the clock of this machine, or use another certificate",
            Self::Mismatch { .. } => "name the key that the certificate was made for in tls.key",
        }
    }
}

impl Tls {
    /// Loads a certificate, with its chain behind it, and its key.
    ///
    /// # Errors
    /// When a file cannot be read, the certificate is not valid at `now`, or the key does not fit.
    pub fn load(certificate: &Path, key: &Path, now: Timestamp) -> Result<Self, TlsError> {
        let unreadable = |what: &'static str, path: &Path, reason: String| {
            let reason = reason.trim().to_owned();
            TlsError::Unreadable { what, path: path.to_owned(), reason }
        };
        let of_certificate = |reason: String| unreadable("certificate", certificate, reason);
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| of_certificate(error.to_string()))?;
        let first = chain.first().ok_or_else(|| of_certificate("there is no certificate in it".into()))?;
        let ends_at = check_time(certificate, first, now)?;
        let private =
            PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("key", key, error.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unreadable("key", key, error.to_string()))?;
        let mut config =
            builder.with_no_client_auth().with_single_cert(chain, private).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }
                }
                other => unreadable("key", key, other.to_string()),
            })?;
        // The server speaks no newer version.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if ends_at.since(now) < SOON {
            tracing::warn!(certificate = %certificate.display(), %ends_at, "certificate expires soon; renew it and start the host again");
        }
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ends_at })
    }
}

/// The end of the certificate, if it is valid at `now`.
fn check_time(path: &Path, der: &CertificateDer<'_>, now: Timestamp) -> Result<Timestamp, TlsError> {
    let parsed = Certificate::from_der(der).map_err(|error| TlsError::Unreadable {
        what: "certificate",
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let validity = parsed.tbs_certificate().validity();
    let at = |time: x509_cert::time::Time| Timestamp::default().plus(time.to_unix_duration());
    let (begins_at, ends_at) = (at(validity.not_before), at(validity.not_after));
    let not_now = |verb, at| Err(TlsError::NotNow { path: path.to_owned(), verb, at });
    if ends_at <= now {
        not_now("expired", ends_at)
    } else if begins_at > now {
        not_now("begins only", begins_at)
    } else {
        Ok(ends_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn what_will_not_do_is_named_with_the_file_and_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let ((certificate, key), (_, other)) = (made(), made());
        let (certificate, key, other) =
            (write("a.crt", &certificate), write("a.key", &key), write("other.key", &other));
        let (empty, missing) = (write("empty", "nothing"), directory.path().join("missing"));
        // The certificates that are made here are good from 1975 on.
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let tls = Tls::load(&certificate, &key, now).unwrap();
        assert!(tls.ends_at > now);
        let late = tls.ends_at.plus(Duration::from_secs(1));
        for (certificate, key, now, says, remedy) in [
            (&missing, &key, now, "certificate", "tls.certificate must name"),
            (&empty, &key, now, "certificate", "tls.certificate must name"),
            (&certificate, &missing, now, "the key", "tls.key must name"),
            (&certificate, &empty, now, "the key", "tls.key must name"),
            (&certificate, &other, now, "does not fit the certificate", "tls.key"),
            (&certificate, &key, late, "expired on ", "renew"),
            (&certificate, &key, Timestamp::default(), "begins only on 1975-", "clock"),
        ] {
            let error = Tls::load(certificate, key, now).err().unwrap();
            let message = error.to_string();
            assert!(message.contains(says) && error.hint().contains(remedy), "{message}: {}", error.hint());
            assert!(message.contains(directory.path().to_str().unwrap()), "{message}");
        }
    }
}
