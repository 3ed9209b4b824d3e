//! The component of the pack `http`: a request to an address that the operator has granted.
//!
//! An address that begins with `/` goes on from that of the configuration, whose credentials it gets. No other address does.

use std::collections::BTreeMap;
use std::time::Duration;

use petrel_pack_sdk::{Action, Context, Error, ErrorKind, Request, Response, export_actions, info};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest body that a result has, in bytes: with the rest it stays below the 2 MiB of a host.
const LARGEST_BODY: usize = 1 << 20;

/// The methods of requests.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads the head alone.
    Head,
    /// Gives something.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
    /// Asks what is possible.
    Options,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// The input of `request`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Asked {
    /// The address; from a `/` on it follows that of the configuration.
    pub url: String,
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The query. Its values are texts, numbers or booleans.
    #[serde(default)]
    pub query: BTreeMap<String, Value>,
    /// The body as text.
    pub body: Option<String>,
    /// The body as a value, which is sent as JSON.
    pub json: Option<Value>,
    /// The name to sign in with.
    pub username: Option<String>,
    /// The password to sign in with.
    #[schemars(extend("secret" = true))]
    pub password: Option<String>,
    /// The token to send in the header `Authorization`.
    #[schemars(extend("secret" = true))]
    pub token: Option<String>,
    /// The longest time until the answer begins, in seconds.
    #[serde(default = "thirty")]
    #[schemars(range(min = 1, max = 30))]
    pub wait: u64,
    /// Whether a status that is none of success fails the action.
    #[serde(default = "yes")]
    pub must_succeed: bool,
}

fn thirty() -> u64 {
    30
}

fn yes() -> bool {
    true
}

/// The output of `request`.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answered {
    /// The status.
    pub status_code: u16,
    /// The headers, with names in lower case. Several of one name are joined by commas.
    pub headers: BTreeMap<String, String>,
    /// The body: a value if it is JSON, and else a text.
    pub body: Value,
    /// Whether the body was JSON.
    pub parsed: bool,
}

/// The configuration of the pack.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    base_url: Option<String>,
    token: Option<String>,
    headers: BTreeMap<String, String>,
}

/// Makes a request.
///
/// # Errors
///
/// If the parameters contradict each other, the address is not granted, nobody answers, or the status is none of success.
pub fn request(ctx: &Context, asked: Asked) -> Result<Answered, Error> {
    let must_succeed = asked.must_succeed;
    let config: Config = ctx.config()?;
    let answer = ctx.fetch(&built(&config, asked)?)?;
    let answer = if must_succeed { answer.success_with_details()? } else { answer };
    info!(ctx, status = answer.status, "answered");
    answered(answer)
}

/// The request that is meant.
fn built(config: &Config, asked: Asked) -> Result<Request, Error> {
    refuse_contradictions(&asked)?;
    let mut request = Request::new(asked.method.name(), asked.url.as_str());
    if asked.url.starts_with('/') {
        request = below_base(request, config, &asked)?;
    }
    for (name, value) in &asked.query {
        request = match value {
            Value::String(text) => request.query(name, text),
            Value::Number(_) | Value::Bool(_) => request.query(name, value),
            _ => {
                let message =
                    format!("the value of {name} in query is neither a text, a number nor a boolean");
                return Err(Error::invalid_input(message).code("http.query").hint("write it as a text"));
            }
        };
    }
    for (name, value) in asked.headers {
        request = request.header(name, value);
    }
    request = match (asked.username, asked.token) {
        (Some(name), _) => request.basic(&name, asked.password.as_deref().unwrap_or_default()),
        (None, Some(token)) => request.bearer(&token),
        (None, None) => request,
    };
    request = match (asked.body, asked.json) {
        (Some(text), _) => request.body(text),
        (None, Some(value)) => request.json(&value)?,
        (None, None) => request,
    };
    Ok(request.timeout(Duration::from_secs(asked.wait)).largest_answer(LARGEST_BODY))
}

/// The request below the address of the configuration, with what that has it sent with.
fn below_base(mut request: Request, config: &Config, asked: &Asked) -> Result<Request, Error> {
    let base = config.base_url.as_deref().ok_or_else(|| {
        Error::new(ErrorKind::Misconfigured, format!("{} has no server before it", asked.url))
            .code("http.no_base_url")
            .hint("give the whole address, or set base_url by `petrel pack configure http -`")
    })?;
    if leads_out(&asked.url) {
        return Err(Error::invalid_input(format!("{} leads out of the configured address", asked.url))
            .code("http.address")
            .hint("give a path without `..`, or the whole address"));
    }
    request.url = format!("{}{}", base.trim_end_matches('/'), asked.url);
    for (name, value) in &config.headers {
        if !has(&asked.headers, name) {
            request = request.header(name, value);
        }
    }
    let has_own = asked.token.is_some() || asked.username.is_some() || has(&asked.headers, "authorization");
    Ok(match &config.token {
        Some(token) if !has_own => request.bearer(token),
        _ => request,
    })
}

/// Whether a path has a part that means the one above it, in any form in which servers take it for that.
fn leads_out(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let plain = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    plain.split(['/', '\\']).any(|part| part.split(';').next() == Some(".."))
}

/// Refuses parameters of which one would be left out.
fn refuse_contradictions(asked: &Asked) -> Result<(), Error> {
    let said = has(&asked.headers, "authorization");
    for (one, is_given, other, is_other_given) in [
        ("username", asked.username.is_some(), "token", asked.token.is_some()),
        ("username", asked.username.is_some(), "authorization of headers", said),
        ("token", asked.token.is_some(), "authorization of headers", said),
        ("body", asked.body.is_some(), "json", asked.json.is_some()),
    ] {
        if is_given && is_other_given {
            return Err(Error::invalid_input(format!("{one} and {other} are both given"))
                .code("http.contradiction")
                .hint(format!("leave out {one} or {other}")));
        }
    }
    if asked.password.is_some() && asked.username.is_none() {
        return Err(Error::invalid_input("password is given without username")
            .code("http.contradiction")
            .hint("give username too"));
    }
    Ok(())
}

fn has(headers: &BTreeMap<String, String>, name: &str) -> bool {
    headers.keys().any(|known| known.eq_ignore_ascii_case(name))
}

fn answered(answer: Response) -> Result<Answered, Error> {
    let status_code = answer.status;
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value);
        headers
            .entry(name.clone())
            .and_modify(|before| before.push_str(&format!(", {value}")))
            .or_insert_with(|| value.to_string());
    }
    let is_json = answer.header("content-type").is_some_and(is_json);
    let text = answer.text()?;
    let value = if is_json { serde_json::from_str(&text).ok() } else { None };
    let parsed = value.is_some();
    Ok(Answered { status_code, headers, body: value.unwrap_or(Value::String(text)), parsed })
}

/// Whether this type of a body is JSON: `application/json`, `application/problem+json; charset=utf-8` and so on.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

export_actions![
    Action::new("request", request).description("Makes a request over HTTP, and returns its answer."),
];

#[cfg(test)]
mod tests;
