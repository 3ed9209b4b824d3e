//! Connections to a registry: with its certificates and its proxy, and following no redirects by themselves.

use std::path::Path;
use std::time::Duration;

use petrel_packs::plain_file;
use reqwest::Url;

use crate::settings::{RegistrySettings, is_loopback};

/// The largest file with certificates, in bytes.
const LARGEST_CERTIFICATES: u64 = 16 << 20;

/// The client of HTTP for a registry, which may take `connect` to be reached, and be silent for `silence`.
pub(super) fn client(
    settings: &RegistrySettings,
    base: &Url,
    connect: Duration,
    silence: Option<Duration>,
) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .user_agent("petrel");
    if let Some(silence) = silence {
        builder = builder.read_timeout(silence);
    }
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(|error| format!("proxy: {error}"))?);
    } else if is_loopback(base.host_str().unwrap_or_default()) {
        // A proxy of the environment leads away from this machine.
        builder = builder.no_proxy();
    }
    if let Some(file) = &settings.ca_file {
        builder = builder.tls_certs_merge(certificates(file)?);
    }
    if settings.skip_tls_verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    builder.build().map_err(|error| error.to_string())
}

fn certificates(file: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let told = |error: String| format!("ca_file {}: {error}", file.display());
    let pem = plain_file::read(file, LARGEST_CERTIFICATES).map_err(|error| told(error.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| told(error.to_string()))?;
    if found.is_empty() { Err(told("there is no certificate in it".to_owned())) } else { Ok(found) }
}
