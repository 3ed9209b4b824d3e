//! The client of a running host. Every failure has a remedy and an exit code.
//!
//! [`connection`] knows the address of the host, which [`address`] checks, and the credential; [`answer`] decides whether
//! an answer is to be believed, [`waiting`] repeats a question until something has happened.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use petrel_api_types::Token;
use petrel_api_types::execution::Standing;
use petrel_model::quoted::quoted;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Method, Response};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::exit::{Code, Failure};

mod address;
mod answer;
mod connection;
mod waiting;

pub(crate) use answer::{Count, read};
pub(crate) use connection::Connection;
pub(crate) use waiting::Waiting;

use answer::Shape;
use connection::{Credential, TOKEN, trusted, without_credential};

/// A client for one host.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    credential: Option<Credential>,
    /// Whether the host has shown itself to be a Petrel, and may be sent the credential.
    is_known: AtomicBool,
    bounds: Bounds,
}

const JSON: &str = "application/json";
/// The code of the failure when no host answers.
const UNREACHABLE: &str = "unreachable";
/// Messages of the TLS library when the host speaks no TLS.
const PLAIN: [&str; 2] = ["InvalidContentType", "corrupt message"];
/// The limits on time and size of an answer.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// The time for a connection.
    connecting: Duration,
    /// The time until the next part of an answer. The host holds some requests for a while.
    silence: Duration,
    /// The time for an answer from its first byte to its last.
    answer: Duration,
    /// The bytes of an answer.
    bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connecting: Duration::from_secs(10),
            silence: Duration::from_secs(300),
            answer: Duration::from_secs(600),
            bytes: 256 << 20,
        }
    }
}

impl Client {
    /// A client for the host in `connection`, or for the one on this machine.
    ///
    /// # Errors
    /// When no host is named and the settings of this machine are invalid, or certificates cannot be read.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        Self::with(connection, Bounds::default())
    }

    fn with(connection: &Connection, bounds: Bounds) -> Result<Self, Failure> {
        // An error means that a provider is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let url = connection.place()?;
        // Redirections are not followed: they would take the token along.
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(bounds.connecting)
            .read_timeout(bounds.silence);
        if url.starts_with("https:")
            && let Some(file) = connection.certificates(&url)
        {
            builder = builder.tls_certs_merge(trusted(&file)?);
        }
        let http = builder.build().map_err(|error| {
            Failure::new(Code::Server, "client", format!("no connection can be made: {error}"), "")
        })?;
        let credential = connection.credential(&url);
        // A credential from a file was not given for this host by anybody, so the host has to identify itself first.
        let is_known = AtomicBool::new(credential.as_ref().is_none_or(Credential::is_given));
        Ok(Self { http, url, credential, is_known, bounds })
    }

    /// The URL of the host.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The present state of the execution `id`; `query` chooses its attributes.
    pub(crate) async fn state_of(&self, id: &str, query: &str) -> Result<Value, Failure> {
        let execution = self.execution(Method::GET, &format!("/executions/{id}?{query}"), None).await?;
        if read::<Standing<'_>>(&execution)?.id == id {
            return Ok(execution);
        }
        Err(answer::not_petrel(&self.url, &format!("the execution {id} was asked for, and another one came")))
    }

    /// Requests a token for a name and a password.
    pub(crate) async fn sign_in(
        &self,
        user: &str,
        password: &str,
        ttl: Option<u64>,
    ) -> Result<Token<'static>, Failure> {
        let body = ttl.map_or_else(|| json!({}), |ttl| json!({"ttl": ttl}));
        let request = self.http.post(format!("{}/auth/v1/tokens", self.url)).basic_auth(user, Some(password));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = self.answered(request, Shape::Object).await?;
        let token = Token::deserialize(&answer).ok().filter(|token| !token.token.is_empty());
        token.ok_or_else(|| answer::not_petrel(&self.url, "a token was asked for, and none came"))
    }

    /// Revokes `token`. A token that is not valid any more counts as revoked.
    pub(crate) async fn sign_out(&self, token: &str) -> Result<(), Failure> {
        let request = self.http.delete(format!("{}/auth/v1/tokens", self.url)).header(TOKEN, token);
        match self.answered(request, Shape::Gone).await {
            Err(failure) if failure.code != Code::Unauthorized => Err(failure),
            _ => Ok(()),
        }
    }

    /// Gets an object.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None, Shape::Object).await
    }

    /// Gets a listing.
    pub(crate) async fn list(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None, Shape::List).await
    }

    /// Gets a listing, and the number of items in all if the host tells it.
    pub(crate) async fn counted(&self, path: &str) -> Result<(Value, Option<Count>), Failure> {
        let request = self.request(Method::GET, path)?;
        self.counted_answer(request, Shape::List).await.map_err(|failure| self.signed(failure))
    }

    /// Requests, changes or gets an execution.
    pub(crate) async fn execution(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.send(method, path, body.map(|body| (JSON, body.to_string())), Shape::Execution).await
    }

    /// Gets text as it stands.
    pub(crate) async fn get_text(&self, path: &str) -> Result<String, Failure> {
        let response = self.sent(self.request(Method::GET, path)?.timeout(self.bounds.answer)).await?;
        let (status, is_json) = (response.status(), answer::is_of_kind(&response, JSON));
        let is_text = answer::is_of_kind(&response, "text/plain");
        let body = self.body(response).await?;
        if !status.is_success() {
            let refused = answer::value(&self.url, status, is_json, &body, Shape::Object);
            return refused.map(|_| String::new()).map_err(|failure| self.signed(failure));
        }
        let text = String::from_utf8(body).ok().filter(|_| is_text);
        text.ok_or_else(|| answer::not_petrel(&self.url, "a text was asked for, and something else came"))
    }

    /// Gets an answer of any length, and passes its parts to `take`.
    pub(crate) async fn download(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        // Only silence has a limit, since a backup may take any time.
        let mut response = self.sent(self.request(Method::GET, path)?).await?;
        let (status, is_json) = (response.status(), answer::is_of_kind(&response, JSON));
        if !status.is_success() {
            let body = self.body(response).await?;
            let refused = answer::value(&self.url, status, is_json, &body, Shape::Object);
            return refused.map(drop).map_err(|failure| self.signed(failure));
        }
        if !answer::is_of_kind(&response, "application/octet-stream") {
            return Err(answer::not_petrel(&self.url, "a file was asked for, and something else came"));
        }
        loop {
            match response.chunk().await {
                Ok(Some(part)) => take(&part)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    let message = format!("{} broke off before the end: {}", self.url, cause(&error));
                    let hint = "the log of the host says why; try again";
                    return Err(Failure::new(Code::Server, "cut_short", message, hint));
                }
            }
        }
    }

    /// Builds an authenticated request below `/api/v1`.
    fn request(&self, method: Method, path: &str) -> Result<reqwest::RequestBuilder, Failure> {
        // The library would resolve such a part, and the path would name something else.
        let parts = path.split('?').next().unwrap_or_default().split('/').skip(1);
        if let Some(part) = parts.into_iter().find(|part| ["", ".", ".."].contains(part)) {
            let message = format!("`{part}` is neither a name nor an id");
            return Err(Failure::usage(message, "give a name or an id; perhaps a shell variable is empty"));
        }
        let request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        Ok(match &self.credential {
            Some(Credential { header, secret, .. }) => request.header(*header, secret),
            None => request,
        })
    }

    /// Sends a body of JSON.
    pub(crate) async fn send_json(&self, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(method, path, Some((JSON, body.to_string())), Shape::Object).await
    }

    /// As [`send_json`](Self::send_json), with the tag of a trace if there is one.
    pub(crate) async fn send_tagged(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        tag: Option<&str>,
    ) -> Result<Value, Failure> {
        let mut request = self.request(method, path)?.header("content-type", JSON).body(body.to_string());
        if let Some(tag) = tag {
            let value = HeaderValue::from_bytes(tag.as_bytes()).map_err(|_no_header| {
                Failure::usage(
                    format!("`{}` is no tag of a trace", quoted(tag)),
                    "leave out control characters",
                )
            })?;
            request = request.header("st2-trace-tag", value);
        }
        self.answered(request, Shape::Object).await.map_err(|failure| self.signed(failure))
    }

    /// Sends a body of YAML, as it was written.
    pub(crate) async fn send_yaml(&self, method: Method, path: &str, body: String) -> Result<Value, Failure> {
        self.send(method, path, Some(("application/yaml", body)), Shape::Object).await
    }

    /// Has the host inspect the text of a workflow.
    pub(crate) async fn inspect(&self, source: String) -> Result<Value, Failure> {
        self.send(Method::POST, "/workflows/inspect", Some(("application/yaml", source)), Shape::List).await
    }

    /// Deletes an object. The answer is empty, or has the deleted object.
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::DELETE, path, None, Shape::Gone).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
        shape: Shape,
    ) -> Result<Value, Failure> {
        let mut request = self.request(method, path)?;
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        self.answered(request, shape).await.map_err(|failure| self.signed(failure))
    }

    /// Adds the source of the credential to a failure that refuses it, or the ways to one if there is none.
    fn signed(&self, failure: Failure) -> Failure {
        match &self.credential {
            Some(credential) => credential.named_in(failure, &self.url),
            None => without_credential(failure, &self.url),
        }
    }

    async fn answered(&self, request: reqwest::RequestBuilder, shape: Shape) -> Result<Value, Failure> {
        self.counted_answer(request, shape).await.map(|(value, _)| value)
    }

    async fn counted_answer(
        &self,
        request: reqwest::RequestBuilder,
        shape: Shape,
    ) -> Result<(Value, Option<Count>), Failure> {
        let response = self.sent(request.timeout(self.bounds.answer)).await?;
        let (status, is_json) = (response.status(), answer::is_of_kind(&response, JSON));
        let count = Count::said_by(&response);
        let body = self.body(response).await?;
        Ok((answer::value(&self.url, status, is_json, &body, shape)?, count))
    }

    /// Sends a request, and checks that the answer comes from a Petrel.
    async fn sent(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
        // `/healthz` needs no credential, so it is safe to ask anybody.
        if !self.is_known.load(Ordering::Relaxed) {
            let asked = self.http.get(format!("{}/healthz", self.url)).timeout(self.bounds.silence);
            let response = asked.send().await.map_err(|error| self.unreachable(&error))?;
            answer::check_identity(&self.url, &response)?;
            self.is_known.store(true, Ordering::Relaxed);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        answer::check_identity(&self.url, &response)?;
        Ok(response)
    }

    /// Reads a whole body, within the limits.
    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + part.len() > self.bounds.bytes {
                let limit = self.bounds.bytes >> 20;
                let message = format!("the answer of {} has more than {limit} MiB", self.url);
                let hint = "ask for less, with a smaller --limit for example";
                return Err(Failure::new(Code::Server, "too_large", message, hint));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() && !error.is_connect() {
            let message = format!("the answer of {} takes too long", self.url);
            let hint = "see the log of the host, and try again";
            return Failure::new(Code::Server, "too_slow", message, hint);
        }
        let message = format!("no host answers at {}: {}", self.url, cause(error));
        let hint = if message.contains("certificate") {
            "name the certificate of its issuer with --ca-file, or correct the name in --url"
        } else if self.url.starts_with("https:") && PLAIN.iter().any(|sign| message.contains(sign)) {
            "the host there speaks plain HTTP: write http:// in --url or PETREL_URL"
        } else {
            "start one with `petrel serve`, or say where it is with --url"
        };
        Failure::new(Code::Server, UNREACHABLE, message, hint)
    }
}

/// The cause of an error.
fn cause(error: &reqwest::Error) -> &dyn std::error::Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

#[cfg(test)]
mod tests;
