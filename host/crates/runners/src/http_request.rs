//! The runner `http-request`: makes one HTTP request, as in StackStorm, and returns the answer as the result.
//!
//! `plan.rs` decides what to send, `coding.rs` unpacks the answer, and `answer.rs` turns it into an outcome. This file
//! sends the request within its timeout, and ends it on cancellation. It takes a slot for components, since it runs
//! inside this process and costs a socket, not a process.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::parameters::Parameters;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::output::OutputSink;
use crate::process;
use crate::{Call, End, Outcome, Runner, RunnerType, Slots};

mod answer;
mod coding;
mod plan;

use coding::{Bounds, Coding, UnpackError};
use plan::{Payload, Plan, Route};

/// Number of clients that are kept, one for each combination of TLS, redirects, proxies and hosts.
const CLIENTS: usize = 32;
/// Number of answers that are unpacked at a time. Each takes a processor, and memory in addition to its output. Two, so
/// that a single slow one does not block the others.
const UNPACKED_AT_ONCE: usize = 2;
/// Pause between attempts to connect for which no file is left.
const NEXT_TRY: Duration = Duration::from_millis(200);
/// Largest number of redirects that are followed.
const REDIRECTS: usize = 30;

/// Settings of the runner.
#[derive(Debug, Clone)]
pub struct Options {
    /// Largest body of an answer, in bytes. A larger one fails the request.
    pub body_limit: usize,
}

/// Makes HTTP requests.
#[derive(Debug)]
pub struct HttpRequest {
    runner_type: RunnerType,
    options: Options,
    clients: Mutex<HashMap<Route, reqwest::Client>>,
    /// Permits for unpacking.
    turns: Arc<Semaphore>,
}

impl HttpRequest {
    /// Creates a runner with these options.
    pub fn new(options: Options) -> Self {
        // An error means that a provider is already installed, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runner_type = RunnerType {
            name: "http-request",
            description: "Makes an HTTP request",
            parameters: parameters(),
        };
        let turns = Arc::new(Semaphore::new(UNPACKED_AT_ONCE));
        Self { runner_type, options, clients: Mutex::default(), turns }
    }

    /// The client for a route. Created on first use, since reading the machine's certificates takes time.
    fn client(&self, route: &Route) -> Result<reqwest::Client, Outcome> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(route) {
            return Ok(client.clone());
        }
        let client = build(route).map_err(|error| {
            let hint = "check http_proxy and https_proxy, as in http://10.10.1.10:3128";
            Outcome::failed("http.client", format!("no request can be made: {}", reason(&error)), hint)
        })?;
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        clients.insert(route.clone(), client.clone());
        Ok(client)
    }

    /// As [`client`](Self::client), and waits for its turn while there is no file left to read the certificates with. The
    /// error does not say so.
    async fn client_in_turn(&self, route: &Route) -> Result<reqwest::Client, Outcome> {
        loop {
            match self.client(route) {
                Err(_outcome) if process::has_no_file_left() => tokio::time::sleep(NEXT_TRY).await,
                done => return done,
            }
        }
    }

    async fn carry_out(&self, call: &Call, output: &OutputSink) -> Result<Outcome, Outcome> {
        let plan = plan::of(call)?;
        let limit = plan.timeout;
        let sends = async {
            let client = self.client_in_turn(&plan.route).await?;
            self.exchange(client, plan, output).await
        };
        match tokio::time::timeout(limit, sends).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Outcome::timed_out(
                "http.timeout",
                format!("the request has not ended in {} seconds", limit.as_secs_f64()),
                "give it more with the parameter timeout, or look at the server",
            )),
        }
    }

    async fn exchange(
        &self,
        client: reqwest::Client,
        plan: Plan,
        output: &OutputSink,
    ) -> Result<Outcome, Outcome> {
        let what = plan.name();
        let failed = |error: reqwest::Error| {
            let hint = "check the address, and that the server can be reached from this host";
            Outcome::failed("http.failed", format!("{what} failed: {}", reason(&error)), hint)
        };
        let mut request = client.request(plan.method, plan.url).headers(plan.headers);
        if let Some((user, password)) = plan.credentials {
            request = request.basic_auth(user, Some(password));
        }
        request = match plan.payload {
            Payload::Nothing => request,
            Payload::Bytes(bytes) => request.body(bytes),
            Payload::File { name, content, kind } => {
                let part = reqwest::multipart::Part::text(content).file_name(name.clone());
                let part = match kind {
                    Some(kind) => part.mime_str(&kind).map_err(failed)?,
                    None => part,
                };
                request.multipart(reqwest::multipart::Form::new().part(name, part))
            }
        };
        // After a redirect a connection may be the second one, and the first request was sent.
        let may_repeat = !plan.route.follow_redirects;
        let mut answer = loop {
            let again = if may_repeat { request.try_clone() } else { None };
            match (request.send().await, again) {
                // Nothing was sent: it waits for its turn, within its time.
                (Err(error), Some(again)) if error.is_connect() && is_starved(&error) => request = again,
                (sent, _) => break sent.map_err(failed)?,
            }
            tokio::time::sleep(NEXT_TRY).await;
        };
        let codings = coding::codings(answer.headers());
        let (limit, stored) = (self.options.body_limit, answer::stored_size(answer.headers()));
        let mut body = Body::new(if codings.is_empty() { stored } else { <[u8]>::len }, limit);
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            body.take(&chunk, &what, output)?;
        }
        // An answer without a body, for example to HEAD, may still name the coding that the body would have.
        if !codings.is_empty() && !body.bytes.is_empty() {
            body = self.unpack(codings, body.bytes, Body::new(stored, limit), what, output.clone()).await?;
        }
        Ok(answer::outcome(answer.status().as_u16(), answer.headers(), body.bytes, output))
    }

    /// Unpacks `packed` into `body` on a background thread.
    async fn unpack(
        &self,
        codings: Vec<Coding>,
        packed: Vec<u8>,
        mut body: Body,
        asked: String,
        output: OutputSink,
    ) -> Result<Body, Outcome> {
        let damaged = |asked: &str, why: &dyn std::fmt::Display| {
            let hint = "look at the server, or ask for it as it is with the header Accept-Encoding: identity";
            let message = format!("{asked} was answered with a body that cannot be unpacked: {why}");
            Outcome::failed("http.encoding", message, hint)
        };
        let turn =
            Arc::clone(&self.turns).acquire_owned().await.map_err(|closed| damaged(&asked, &closed))?;
        let name = asked.clone();
        let bounds = Bounds { limit: body.limit, ended: CancellationToken::new() };
        // Ends the unpacking together with the request, on timeout and on cancellation.
        let _waits = bounds.ended.clone().drop_guard();
        let unpacked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let taken = coding::unpack(&codings, packed, &bounds, |piece| body.take(piece, &asked, &output));
            taken.map(|()| body).map_err(|failed| match failed {
                UnpackError::Refused(outcome) => outcome,
                UnpackError::Damaged(error) => damaged(&asked, &error),
            })
        });
        unpacked.await.unwrap_or_else(|gone| Err(damaged(&name, &gone)))
    }
}

/// The body of an answer while it arrives.
struct Body {
    bytes: Vec<u8>,
    /// Bytes that the body takes in the store.
    stored: usize,
    limit: usize,
    /// Measures a part of the body as stored, in bytes.
    size: fn(&[u8]) -> usize,
}

impl Body {
    fn new(size: fn(&[u8]) -> usize, limit: usize) -> Self {
        Self { bytes: Vec::new(), stored: 0, limit, size }
    }

    /// Appends a part of the answer. `asked` names the request in messages.
    fn take(&mut self, chunk: &[u8], asked: &str, output: &OutputSink) -> Result<(), Outcome> {
        let stored = (self.size)(chunk);
        self.stored = self.stored.saturating_add(stored);
        let limit = self.limit;
        if self.stored > limit {
            return Err(Outcome::failed(
                "limit.body",
                format!("{asked} was answered with more than {limit} bytes, which is the limit"),
                "ask for less at a time, or fetch it into a file with core.local and curl",
            ));
        }
        if !output.claim(stored) {
            return Err(Outcome::failed(
                "limit.results",
                format!("the answer to {asked} was not accepted: {}", output.refusal()),
                "run it again when fewer actions run, or raise engine.results_mib",
            ));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

#[async_trait]
impl Runner for HttpRequest {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        tokio::select! {
            outcome = self.carry_out(&call, &output) => outcome.unwrap_or_else(|outcome| outcome),
            // Dropping the other future closes its connection.
            () = cancel.cancelled() => {
                Outcome { end: End::Canceled, result: json!({"error": "the request was ended on request"}) }
            }
        }
    }
}

fn parameters() -> Parameters {
    let parameters = json!({
        "url": {"type": "string", "required": true, "description": "Where the request goes"},
        "headers": {"type": "object", "description": "Headers to send"},
        "cookies": {"type": "object", "description": "Cookies to send"},
        "allow_redirects": {"type": "boolean", "default": false, "description": "Follow redirects"},
        "http_proxy": {"type": "string", "description": "The proxy for http, as in http://10.10.1.10:3128"},
        "https_proxy": {"type": "string", "description": "The proxy for https, as in http://10.10.1.10:3128"},
        "username": {"type": "string", "description": "The user to sign in as, by HTTP's basic authentication"},
        "password": {"type": "string", "secret": true, "description": "The password to sign in with"},
        "verify_ssl_cert": {"type": "boolean", "default": true,
            "description": "Check the server's certificate; without it anybody can pose as the server"},
        "url_hosts_blacklist": {"type": "array", "required": false, "items": {"type": "string"},
            "description": "Hosts that no request goes to"},
        "url_hosts_whitelist": {"type": "array", "required": false, "items": {"type": "string"},
            "description": "The only hosts that requests go to"},
    });
    parameters.as_object().cloned().unwrap_or_default()
}

fn build(route: &Route) -> reqwest::Result<reqwest::Client> {
    let mut builder =
        reqwest::Client::builder().tls_danger_accept_invalid_certs(!route.verify).redirect(redirects(route));
    if let Some(address) = &route.http_proxy {
        builder = builder.proxy(reqwest::Proxy::http(address)?);
    }
    if let Some(address) = &route.https_proxy {
        builder = builder.proxy(reqwest::Proxy::https(address)?);
    }
    builder.build()
}

/// Follows redirects, but only to hosts that requests may go to.
fn redirects(route: &Route) -> reqwest::redirect::Policy {
    if !route.follow_redirects {
        return reqwest::redirect::Policy::none();
    }
    let hosts = route.hosts.clone();
    reqwest::redirect::Policy::custom(move |attempt| {
        // As many as StackStorm's library `requests` follows.
        if attempt.previous().len() > REDIRECTS {
            return attempt.error(format!("more than {REDIRECTS} redirects"));
        }
        // StackStorm compares only the first address with its lists, so that a redirect leads past them.
        match hosts.refusal(attempt.url()) {
            Some(refusal) => attempt.error(refusal),
            None => attempt.follow(),
        }
    })
}

/// Whether there was no file left for a connection, or to look its name up, which is not said then.
fn is_starved(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(process::is_exhausted)
        || process::has_no_file_left()
}

/// The text of an error and its causes. The address is left out, since it may contain a secret.
fn reason(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "timed out" } else { "the request" }.to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
