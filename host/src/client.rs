//! Talks to a running host. Every failure says what to do about it and which exit code it means.

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::config::DEFAULT_LISTEN;
use crate::data_directory;
use crate::exit::{Code, Failure};

/// A host to talk to.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// Where the host is, and who we are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Connection {
    /// Where the host is [default: the one on this machine, port 9101]
    #[arg(long, global = true, env = "PETREL_URL", value_name = "URL", help_heading = "Connection")]
    pub(crate) url: Option<String>,

    /// The token to sign in with [default: the file admin-token in the data directory]
    #[arg(
        long,
        global = true,
        env = "PETREL_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    pub(crate) token: Option<String>,
}

impl Client {
    /// A client for the host that `connection` names, or the one on this machine.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        // An error means that a provider is there already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().build().map_err(|error| {
            Failure::new(Code::Server, "client", format!("no connection can be made: {error}"), "")
        })?;
        let url = connection.url.clone().unwrap_or_else(|| format!("http://{DEFAULT_LISTEN}"));
        let data_dir =
            std::env::var_os("PETREL_DATA_DIR").map_or_else(data_directory::default, PathBuf::from);
        let from_file = || std::fs::read_to_string(data_directory::token_file(&data_dir)).ok();
        let token = connection.token.clone().or_else(from_file).map(|token| token.trim().to_owned());
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), token })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None).await
    }

    /// Sends a body of JSON.
    pub(crate) async fn send_json(&self, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(method, path, Some(("application/json", body.to_string()))).await
    }

    /// Sends a body of YAML, as it was written.
    pub(crate) async fn send_yaml(&self, method: Method, path: &str, body: String) -> Result<Value, Failure> {
        self.send(method, path, Some(("application/yaml", body))).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::DELETE, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<(&str, String)>) -> Result<Value, Failure> {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("x-auth-token", token);
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        // An object that is nothing but an error is one, whatever the status: StackStorm answers so.
        if status.is_success() && value.get("faultstring").is_none() {
            return Ok(value);
        }
        Err(refused(status, &value))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Failure::new(
            Code::Server,
            "unreachable",
            format!("no host answers at {}: {cause}", self.url),
            "start one with `petrel serve`, or say where it is with --url",
        )
    }
}

fn refused(status: StatusCode, answer: &Value) -> Failure {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Code::Unauthorized,
        StatusCode::CONFLICT => Code::Conflict,
        status if status.is_success() => Code::Conflict,
        status if status.is_client_error() => Code::Usage,
        _ => Code::Server,
    };
    let message = match text("faultstring") {
        message if message.is_empty() => format!("the host answered {status}"),
        message => message,
    };
    Failure { code, kind: text("code"), message, hint: text("hint") }
}
