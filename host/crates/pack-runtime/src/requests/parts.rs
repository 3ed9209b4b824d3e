//! What sending a request, answering it in place of the network and putting secrets into it have in common.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use petrel_model::capabilities::{Host, Target};
use petrel_model::quoted::quoted;
use reqwest::Url;
use wasmtime_wasi_http::{Error, WasiBody};

/// Largest body of a request, in bytes.
pub(super) const LARGEST_REQUEST: usize = 8 << 20;
/// The work of sending that goes on after the head of an answer has arrived. There is none: clients do it.
pub(super) type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;
pub(super) type Answer = Result<(http::Response<WasiBody>, Rest), Error>;

/// The request as rights are asked for it.
pub(super) fn target<'a>(method: &'a http::Method, url: &'a Url) -> Option<Target<'a>> {
    Some(Target {
        method: method.as_str(),
        scheme: url.scheme(),
        host: Host::of(url.host_str()?),
        port: url.port_or_known_default()?,
        path: url.path(),
    })
}

/// The method and the address of a request, without its query, which may contain secrets.
pub(super) fn named(method: &http::Method, url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    // A component may name a method and an address of any length.
    let [method, host, path] = [method.as_str(), url.host_str().unwrap_or_default(), url.path()].map(quoted);
    format!("{method} {}://{host}:{port}{path}", url.scheme())
}

/// The body of a request, once the component has written all of it.
pub(super) async fn whole(body: WasiBody) -> Result<Bytes, Error> {
    let collected = Limited::new(body, LARGEST_REQUEST).collect().await;
    let too_large = |_error| Error::HttpRequestBodySize(u64::try_from(LARGEST_REQUEST).ok());
    Ok(collected.map_err(too_large)?.to_bytes())
}

pub(super) fn internal(reason: String) -> Error {
    Error::InternalError(Some(reason))
}
