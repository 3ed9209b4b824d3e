//! The server: its configuration, and requests to it with the reasons of its refusals.

use petrel_pack_sdk::{Error, Request, Services};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The largest answer, in bytes: a result of it stays below the 2 MiB of a host.
const LARGEST_ANSWER: usize = 1 << 20;

/// The configuration of the pack.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    url: String,
    pub(crate) index: Option<String>,
    pub(crate) query: Option<Value>,
    #[serde(default)]
    pub(crate) threshold: u64,
    username: Option<String>,
    password: Option<String>,
    api_key: Option<String>,
}

impl Config {
    /// A request to what is at `path`, with the credentials.
    pub(crate) fn request<'a>(
        &self,
        method: &str,
        path: impl IntoIterator<Item = &'a str>,
    ) -> Result<Request, Error> {
        let request = Request::new(method, self.url.as_str()).at(path)?.largest_answer(LARGEST_ANSWER);
        Ok(match (&self.api_key, &self.username) {
            (Some(key), _) => request.header("authorization", format!("ApiKey {key}")),
            (None, Some(name)) => request.basic(name, self.password.as_deref().unwrap_or_default()),
            (None, None) => request,
        })
    }
}

/// Makes a request. The error of a refusal has the server's reason.
pub(crate) fn send<T: DeserializeOwned>(services: &Services, request: &Request) -> Result<T, Error> {
    let answer = services.fetch(request)?.success_with_details().map_err(|mut error| {
        if let Some(reason) = error.reason("/body/error/reason") {
            error.message = format!("Elasticsearch refuses it: {reason}");
        }
        error
    })?;
    answer.json()
}
