//! Talks to a running host. Every failure says what to do about it and which exit code it means.
//!
//! Where the host is and who signs in is in [`connection`], what an answer must be to be believed in [`answer`], how
//! something is waited for in [`waiting`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use petrel_api_types::Token;
use petrel_api_types::execution::Standing;
use reqwest::redirect::Policy;
use reqwest::{Method, Response};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::exit::{Code, Failure};

mod answer;
mod connection;
mod waiting;

pub(crate) use answer::{Count, read};
pub(crate) use connection::Connection;
pub(crate) use waiting::Waiting;

use answer::Shape;
use connection::{Credential, TOKEN, trusted};

/// A host to talk to.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    credential: Option<Credential>,
    /// Whether what answers may be shown the credential.
    is_known: AtomicBool,
    bounds: Bounds,
}

const JSON: &str = "application/json";
/// The stable word for that nobody answers.
const UNREACHABLE: &str = "unreachable";
/// What the library for TLS says where no TLS is spoken.
const PLAIN: [&str; 2] = ["InvalidContentType", "corrupt message"];
/// How long and how much of an answer is waited for.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// For a connection.
    connecting: Duration,
    /// For the next part of an answer. The host holds some questions for a while.
    silence: Duration,
    /// For an answer from its first byte to its last.
    answer: Duration,
    /// How many bytes it may have.
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
    /// A client for the host that `connection` names, or the one on this machine.
    ///
    /// # Errors
    /// When none is named and the settings of this machine make no sense, or certificates cannot be read.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        Self::with(connection, Bounds::default())
    }

    fn with(connection: &Connection, bounds: Bounds) -> Result<Self, Failure> {
        // An error means that a provider is there already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let url = connection.place()?;
        // Who is sent elsewhere would take the token along.
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
        // Nobody has said that what is in a file goes there: whoever answers is to introduce itself first.
        let is_known = AtomicBool::new(credential.as_ref().is_none_or(Credential::is_given));
        Ok(Self { http, url, credential, is_known, bounds })
    }

    /// Where the host is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How the execution `id` is now; `query` says how it is asked for.
    pub(crate) async fn state_of(&self, id: &str, query: &str) -> Result<Value, Failure> {
        let execution = self.execution(Method::GET, &format!("/executions/{id}?{query}"), None).await?;
        if read::<Standing<'_>>(&execution)?.id == id {
            return Ok(execution);
        }
        Err(answer::not_petrel(&self.url, &format!("the execution {id} was asked for, and another one came")))
    }

    /// A token for a name and a password.
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

    /// Takes `token` back. That it is worth nothing already is as good.
    pub(crate) async fn sign_out(&self, token: &str) -> Result<(), Failure> {
        let request = self.http.delete(format!("{}/auth/v1/tokens", self.url)).header(TOKEN, token);
        match self.answered(request, Shape::Gone).await {
            Err(failure) if failure.code != Code::Unauthorized => Err(failure),
            _ => Ok(()),
        }
    }

    /// One thing.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None, Shape::Object).await
    }

    /// A listing.
    pub(crate) async fn list(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None, Shape::List).await
    }

    /// A listing, and how many items there are in all as far as the host says.
    pub(crate) async fn counted(&self, path: &str) -> Result<(Value, Option<Count>), Failure> {
        let request = self.request(Method::GET, path)?;
        self.counted_answer(request, Shape::List).await.map_err(|failure| self.signed(failure))
    }

    /// An execution: asked for, changed or looked at.
    pub(crate) async fn execution(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.send(method, path, body.map(|body| (JSON, body.to_string())), Shape::Execution).await
    }

    /// The text of an answer, as it is.
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

    /// An answer of any length, given to `take` part by part.
    pub(crate) async fn download(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
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

    /// A request below `/api/v1`, signed.
    fn request(&self, method: Method, path: &str) -> Result<reqwest::RequestBuilder, Failure> {
        let parts = path.split('?').next().unwrap_or_default().split('/').skip(1);
        if let Some(part) = parts.into_iter().find(|part| ["", ".", ".."].contains(part)) {
            let message = format!("`{part}` is no name and no id");
            return Err(Failure::usage(message, "name what is meant; a variable may be empty"));
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

    /// Sends a body of YAML, as it was written.
    pub(crate) async fn send_yaml(&self, method: Method, path: &str, body: String) -> Result<Value, Failure> {
        self.send(method, path, Some(("application/yaml", body)), Shape::Object).await
    }

    /// What the host finds in the text of a workflow.
    pub(crate) async fn inspect(&self, source: String) -> Result<Value, Failure> {
        self.send(Method::POST, "/workflows/inspect", Some(("application/yaml", source)), Shape::List).await
    }

    /// Deletes something; nothing comes back, or what was deleted.
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

    /// What a request that was signed was refused for.
    fn signed(&self, failure: Failure) -> Failure {
        match &self.credential {
            Some(credential) => credential.named_in(failure, &self.url),
            None => failure,
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

    /// Sends a request; the answer is from a Petrel.
    async fn sent(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
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

    /// All of a body, if it has an end.
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
            let hint = "look into the log of the host, and try again";
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

/// What is behind an error.
fn cause(error: &reqwest::Error) -> &dyn std::error::Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

#[cfg(test)]
mod tests;
