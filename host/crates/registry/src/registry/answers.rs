//! Answers of a registry, read within bounds, and what they mean where they are no success.

use bytes::{Bytes, BytesMut};
use petrel_model::quoted::quoted;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::Registry;
use crate::digest::Digest;
use crate::error::{Error, Kind};

/// The largest answer with a reason that is read, in bytes.
const LARGEST_REASON: u64 = 16 << 10;
/// What the library for TLS says when the other side speaks none.
const PLAIN: [&str; 2] = ["InvalidContentType", "corrupt message"];
/// What it says when it does not trust a certificate.
const UNTRUSTED: [&str; 3] = ["invalid peer certificate", "UnknownIssuer", "certificate"];

impl Registry {
    /// An answer that is a success, or the error that it means. `what` was asked for.
    pub(crate) async fn checked(&self, response: Response, what: &str) -> Result<Response, Error> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let host = self.host().to_owned();
        let reason = self.bounded(response, LARGEST_REASON, "the reason").await.unwrap_or_default();
        let reason = reason_in(&reason);
        let told = if reason.is_empty() { String::new() } else { format!(": {}", quoted(&reason)) };
        Err(match status {
            StatusCode::NOT_FOUND => {
                let message = format!("the registry {host} has no {what}{told}");
                Error::new(Kind::NotFound, message, "check the name")
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.not_allowed(status, what, &told).await,
            StatusCode::TOO_MANY_REQUESTS => Error::new(
                Kind::Unreachable,
                format!("the registry {host} was asked too often{told}"),
                "try again later, or with a login",
            ),
            status if status.is_client_error() => Error::new(
                Kind::Refused,
                format!("the registry {host} refuses {what} ({status}){told}"),
                "if it does not take the type of the artifact, allow OCI artifacts in its settings",
            ),
            status => Error::new(
                Kind::Unreachable,
                format!("the registry {host} is in trouble ({status}){told}"),
                "try again later, and see the log of the registry",
            ),
        })
    }

    /// The body of an answer, if it has at most `limit` bytes.
    pub(crate) async fn bounded(
        &self,
        mut response: Response,
        limit: u64,
        what: &str,
    ) -> Result<Bytes, Error> {
        let too_large = || {
            let message =
                format!("the registry {} gives more than {} KiB for {what}", self.host(), limit >> 10);
            Error::refused(message, "it is no pack, or the registry is broken")
        };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        let reading = async {
            while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
                if (body.len() + chunk.len()) as u64 > limit {
                    return Err(too_large());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(())
        };
        // A registry that sends a byte now and then would hold this up for ever.
        let at_most = self.limits.patience(limit);
        tokio::time::timeout(at_most, reading).await.map_err(|_too_slow| self.too_slow(what))??;
        Ok(body.freeze())
    }

    fn too_slow(&self, what: &str) -> Error {
        let message =
            format!("the registry {} does not give {what} in time: it came too slowly", self.host());
        Error::new(Kind::TimedOut, message, "try again later, and see the log of the registry")
    }

    /// The error for a connection that was not made, or broke.
    pub(crate) fn failed(&self, error: &reqwest::Error) -> Error {
        let host = self.host();
        let mut causes: Vec<String> = Vec::new();
        let mut next = std::error::Error::source(error);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        let all = causes.join(": ");
        let says = |words: &[&str]| words.iter().any(|word| all.contains(word));
        let table = format!("[registries.\"{host}\"] of the configuration");
        let (message, hint) = if error.is_timeout() {
            let message = format!("the registry {host} does not answer in time");
            let hint = "try again; registries.timeout_seconds says how long it may be silent";
            return Error::new(Kind::TimedOut, message, hint);
        } else if says(&PLAIN) {
            (
                format!("the registry {host} speaks no TLS"),
                format!("if it is meant to, say plain_http = true in {table}"),
            )
        } else if says(&UNTRUSTED) {
            (
                format!(
                    "the certificate of the registry {host} is not trusted: {}",
                    causes.last().map_or("", String::as_str)
                ),
                format!("name the certificates of who has signed it with ca_file in {table}"),
            )
        } else {
            let why = causes.last().cloned().unwrap_or_else(|| error.to_string());
            (
                format!("the registry {host} cannot be reached: {why}"),
                format!(
                    "check that it runs; proxy in {table} names a proxy on the way; `petrel registry test {host}` tries it"
                ),
            )
        };
        Error::new(Kind::Unreachable, message, hint)
    }

    /// The error where a login is asked for and none is known.
    pub(super) fn no_login(&self) -> Error {
        let host = self.host();
        let message = format!("the registry {host} asks for a login, and none is known for it");
        Error::new(
            Kind::Unauthorized,
            message,
            format!("`petrel registry login {host} --user NAME`, or `docker login {host}`"),
        )
    }

    /// The error where a login was asked for on behalf of a host that does not get it.
    pub(super) fn withheld(&self, service: &str) -> Error {
        let host = self.host();
        let message = format!(
            "the registry {host} wants the login to be sent to {service}, which is another host; it was not sent"
        );
        let hint = format!(
            "if that is its token service, say token_host = \"{service}\" in [registries.\"{host}\"] of the configuration"
        );
        Error::new(Kind::Unauthorized, message, hint)
    }

    /// The error for an answer that a login, or another one, would change.
    async fn not_allowed(&self, status: StatusCode, what: &str, told: &str) -> Error {
        if let Some(service) = self.withheld_from() {
            return self.withheld(&service);
        }
        let host = self.host();
        let again = format!(
            "`petrel registry login {host} --user NAME` with a user who may do that, and the right password"
        );
        let message = match self.login().await {
            Some(found) => format!(
                "the registry {host} does not allow {what} with the login from {} ({status}){told}",
                found.origin
            ),
            None => {
                return Error { message: format!("{}{told}", self.no_login().message), ..self.no_login() };
            }
        };
        Error::new(Kind::Unauthorized, message, again)
    }

    /// The error for content with another digest.
    pub(crate) fn other_digest(&self, what: &str, expected: &Digest, found: &Digest) -> Error {
        let message = format!(
            "the registry {} gives another content for {what}: its digest is {found}, and must be {expected}",
            self.host()
        );
        Error::refused(
            message,
            "nothing of it was used; fetch it again, and if it stays so do not trust the registry",
        )
    }
}

/// The reason in the answer of a registry.
fn reason_in(body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let first = answer.get("errors").and_then(Value::as_array).and_then(|errors| errors.first());
    let message = first.and_then(|error| error.get("message")).or_else(|| answer.get("details"));
    message.and_then(Value::as_str).unwrap_or_default().to_owned()
}
