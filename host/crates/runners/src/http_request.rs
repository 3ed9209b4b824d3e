//! The runner `http-request`: one HTTP request, as StackStorm's, and its answer as the result.
//!
//! What is sent is decided in `plan.rs`, `coding.rs` unpacks the answer and `answer.rs` says what it means; here the request is carried out,
//! within its time, and is ended when it is canceled. It takes a place among the components, since it runs inside
//! of this process and costs a socket, not a process.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use petrel_model::parameters::Parameters;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::output::OutputSink;
use crate::{Call, End, Outcome, Runner, RunnerType, Slots};

mod answer;
mod coding;
mod plan;

use coding::{Bounds, Coding, Failed};
use plan::{Payload, Plan, Route};

/// How many clients are kept: one for each way in which requests are sent.
const CLIENTS: usize = 32;
/// How many answers are unpacked at a time: each takes a processor, and memory beside what comes out.
/// One alone keeps no other waiting.
const UNPACKED_AT_ONCE: usize = 2;
/// How many redirects are followed.
const REDIRECTS: usize = 30;

/// How requests are made on this host.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many bytes of an answer's body are taken at most; a longer one fails the request.
    pub body_limit: usize,
}

/// Makes requests.
#[derive(Debug)]
pub struct HttpRequest {
    runner_type: RunnerType,
    options: Options,
    clients: Mutex<HashMap<Route, reqwest::Client>>,
    /// Who unpacks.
    turns: Arc<Semaphore>,
}

impl HttpRequest {
    /// A runner that makes requests as `options` say.
    pub fn new(options: Options) -> Self {
        // An error means that a provider is there already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runner_type = RunnerType {
            name: "http-request",
            description: "Makes an HTTP request",
            parameters: parameters(),
            slots: Slots::Component,
        };
        let turns = Arc::new(Semaphore::new(UNPACKED_AT_ONCE));
        Self { runner_type, options, clients: Mutex::default(), turns }
    }

    /// The client for a route; made when it is first needed, since reading the machine's certificates takes time.
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

    async fn carry_out(&self, call: &Call, output: &OutputSink) -> Result<Outcome, Outcome> {
        let plan = plan::of(call)?;
        let client = self.client(&plan.route)?;
        let limit = plan.timeout;
        match tokio::time::timeout(limit, self.exchange(client, plan, output)).await {
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
        let mut answer = request.send().await.map_err(failed)?;
        let codings = coding::codings(answer.headers());
        let (limit, stored) = (self.options.body_limit, answer::stored_size(answer.headers()));
        let mut body = Body::new(if codings.is_empty() { stored } else { <[u8]>::len }, limit);
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            body.take(&chunk, &what, output)?;
        }
        // What has no body, as the answer to HEAD, may say how it would be packed.
        if !codings.is_empty() && !body.bytes.is_empty() {
            body = self.unpack(codings, body.bytes, Body::new(stored, limit), what, output.clone()).await?;
        }
        Ok(answer::outcome(answer.status().as_u16(), answer.headers(), body.bytes, output))
    }

    /// Puts what `packed` holds into `body`, on a thread for work that takes a while.
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
        // It ends with the request, at its timeout and when it is canceled.
        let _waits = bounds.ended.clone().drop_guard();
        let unpacked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let taken = coding::unpack(&codings, packed, &bounds, |piece| body.take(piece, &asked, &output));
            taken.map(|()| body).map_err(|failed| match failed {
                Failed::Refused(outcome) => outcome,
                Failed::Damaged(error) => damaged(&asked, &error),
            })
        });
        unpacked.await.unwrap_or_else(|gone| Err(damaged(&name, &gone)))
    }
}

/// The body of an answer as it comes in.
struct Body {
    bytes: Vec<u8>,
    /// What it takes where it is stored, in bytes.
    stored: usize,
    limit: usize,
    /// How much of that a part of it takes.
    size: fn(&[u8]) -> usize,
}

impl Body {
    fn new(size: fn(&[u8]) -> usize, limit: usize) -> Self {
        Self { bytes: Vec::new(), stored: 0, limit, size }
    }

    /// Takes in more of the answer to what was asked.
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
                format!("the answer to {asked} was not taken: {}", output.refusal()),
                "run it again when less runs, or raise engine.results_mib",
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

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        tokio::select! {
            outcome = self.carry_out(&call, &output) => outcome.unwrap_or_else(|outcome| outcome),
            // What is dropped closes its connection.
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

/// Redirects are followed only to hosts that a request may go to.
fn redirects(route: &Route) -> reqwest::redirect::Policy {
    if !route.follow_redirects {
        return reqwest::redirect::Policy::none();
    }
    let hosts = route.hosts.clone();
    reqwest::redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > REDIRECTS {
            return attempt.error(format!("more than {REDIRECTS} redirects"));
        }
        match hosts.refusal(attempt.url()) {
            Some(refusal) => attempt.error(refusal),
            None => attempt.follow(),
        }
    })
}

/// What an error says, with what caused it. Its address is left out: it may hold a secret.
fn reason(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "timed out" } else { "the request" }.to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
