//! Plans a request: a pure function from the parameters of a call to a request, by StackStorm's rules.
//! `http_request.rs` sends it.
//!
//! The method is POST if there is a body or a file, and otherwise GET. A body is sent as JSON if the header
//! `Content-Type` says so; text that is JSON or a Python literal is parsed first. Any other body is sent as it is, and
//! an object as a form.

use std::time::Duration;

use petrel_model::{Object, media_type};
use petrel_python::literal;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, RANGE, USER_AGENT,
};
use reqwest::{Method, Url};
use serde_json::Value;

use crate::call_parameters::CallParameters;
use crate::{Call, Outcome};

use super::coding;

/// Default timeout of a request, in seconds.
const TIMEOUT: f64 = 60.0;

/// The properties of a request that decide which client sends it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Route {
    /// Whether the server's certificate is checked.
    pub(super) verify: bool,
    /// Whether redirects are followed.
    pub(super) follow_redirects: bool,
    /// The proxy for http.
    pub(super) http_proxy: Option<String>,
    /// The proxy for https.
    pub(super) https_proxy: Option<String>,
    /// The hosts that requests may go to.
    pub(super) hosts: Hosts,
}

/// The hosts that requests may go to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Hosts {
    /// Any host.
    Any,
    /// Any host but these.
    AllBut(Vec<String>),
    /// These hosts only.
    Only(Vec<String>),
}

impl Hosts {
    /// The reason why no request may go to `url`, if so. Hosts are compared without port and brackets.
    pub(super) fn refusal(&self, url: &Url) -> Option<String> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_in = |hosts: &[String]| hosts.iter().any(|other| other.eq_ignore_ascii_case(host));
        match self {
            Self::AllBut(hosts) if is_in(hosts) => Some(format!("the host {host} is in url_hosts_blacklist")),
            Self::Only(hosts) if !is_in(hosts) => {
                Some(format!("the host {host} is not in url_hosts_whitelist"))
            }
            _ => None,
        }
    }
}

/// The body of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// No body.
    Nothing,
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A form with one part, which is a file.
    File {
        /// The name of the file and of the part.
        name: String,
        /// The content of the file.
        content: String,
        /// The content type of the file.
        kind: Option<String>,
    },
}

/// A request.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// User and password for basic authentication.
    pub(super) credentials: Option<(String, String)>,
    pub(super) payload: Payload,
    pub(super) timeout: Duration,
    pub(super) route: Route,
}

impl Plan {
    /// The request as messages name it: method and address without parts that may be secret.
    pub(super) fn name(&self) -> String {
        let (scheme, path) = (self.url.scheme(), self.url.path());
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{} {scheme}://{}{port}{path}", self.method, self.url.host_str().unwrap_or_default())
    }
}

/// Plans the request of a call.
///
/// # Errors
/// The outcome of a call whose parameters do not describe a request.
pub(super) fn of(call: &Call) -> Result<Plan, Outcome> {
    let given = CallParameters(&call.parameters);
    let route = Route {
        verify: call.parameters.get("verify_ssl_cert").and_then(Value::as_bool).unwrap_or(true),
        follow_redirects: given.flag("allow_redirects"),
        http_proxy: given.text("http_proxy").map(str::to_owned),
        https_proxy: given.text("https_proxy").map(str::to_owned),
        hosts: hosts(&call.parameters)?,
    };
    let url = url(given)?;
    if let Some(refusal) = route.hosts.refusal(&url) {
        return Err(refused("url", &refusal, "use another host, or change the list"));
    }
    let mut headers = headers(call, given)?;
    let payload = payload(given, &mut headers)?;
    let method = match given.text("method") {
        Some(name) => Method::from_bytes(name.to_uppercase().as_bytes())
            .map_err(|_invalid| refused("method", &format!("`{name}` is not a method"), "give GET, say"))?,
        // As in StackStorm: without a method, POST where something is sent.
        None if payload == Payload::Nothing => Method::GET,
        None => Method::POST,
    };
    let timeout = given.timeout(TIMEOUT)?;
    let (user, password) = (given.text("username"), given.text("password"));
    let credentials = (user.is_some() || password.is_some())
        .then(|| (user.unwrap_or_default().to_owned(), password.unwrap_or_default().to_owned()));
    Ok(Plan { method, url, headers, credentials, payload, timeout, route })
}

fn refused(parameter: &str, message: &str, hint: &str) -> Outcome {
    Outcome::failed(&format!("parameters.{parameter}"), message, hint)
}

fn hosts(parameters: &Object) -> Result<Hosts, Outcome> {
    let list = |name: &str| -> Vec<String> {
        let items = parameters.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (refused_hosts, only) = (list("url_hosts_blacklist"), list("url_hosts_whitelist"));
    match (refused_hosts.is_empty(), only.is_empty()) {
        (true, true) => Ok(Hosts::Any),
        (false, true) => Ok(Hosts::AllBut(refused_hosts)),
        (true, false) => Ok(Hosts::Only(only)),
        (false, false) => Err(refused(
            "url_hosts_blacklist",
            "url_hosts_blacklist and url_hosts_whitelist exclude each other",
            "give one of them",
        )),
    }
}

fn url(given: CallParameters<'_>) -> Result<Url, Outcome> {
    let text =
        given.text("url").ok_or_else(|| refused("url", "there is no address", "give the parameter url"))?;
    let wrong =
        |why: &str| refused("url", &format!("the url {why}"), "give one as in https://example.com/path");
    let mut url = Url::parse(text).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(wrong(&format!("is of the scheme {}, which is neither http nor https", url.scheme())));
    }
    if let Some(Value::Object(parameters)) = given.0.get("params")
        && !parameters.is_empty()
    {
        let mut query = url.query_pairs_mut();
        for (name, value) in parameters {
            match value {
                Value::Null => {}
                Value::Array(items) => items.iter().for_each(|item| {
                    query.append_pair(name, &text_of(item));
                }),
                value => {
                    query.append_pair(name, &text_of(value));
                }
            }
        }
    }
    Ok(url)
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn headers(call: &Call, given: CallParameters<'_>) -> Result<HeaderMap, Outcome> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &str| {
        let wrong = |what: &str| {
            refused("headers", &format!("the header {name:?} {what}"), "correct it, or leave it out")
        };
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_invalid| wrong("is not a name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_invalid| wrong("has a value with a line end or a control character"))?;
        headers.insert(parsed, value);
        Ok(())
    };
    // Lets operators of the server trace the request back to Petrel. The caller may set another one.
    add(USER_AGENT.as_str(), concat!("petrel/", env!("CARGO_PKG_VERSION")))?;
    add("x-stanley-action", call.action.reference.name())?;
    add(ACCEPT_ENCODING.as_str(), coding::ACCEPTED)?;
    let given_headers = given.0.get("headers").and_then(Value::as_object);
    for (name, value) in given_headers.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        add(name, &text_of(value))?;
    }
    let cookies = given.0.get("cookies").and_then(Value::as_object);
    let cookies: Vec<_> =
        cookies.into_iter().flatten().map(|(name, value)| format!("{name}={}", text_of(value))).collect();
    if !cookies.is_empty() {
        add(COOKIE.as_str(), &cookies.join("; "))?;
    }
    if let Some(auth) = given.text("auth") {
        let (name, value) = auth.split_once('=').ok_or_else(|| {
            refused("auth", "auth is not NAME=VALUE", "give a header, as in x-auth-token=XYZ")
        })?;
        add(name.trim(), value.trim())?;
    }
    if headers.contains_key(RANGE) && !given_headers.is_some_and(|given| names(given, &ACCEPT_ENCODING)) {
        // A part (of a range request) of a compressed body could not be unpacked.
        headers.remove(ACCEPT_ENCODING);
    }
    Ok(headers)
}

/// Whether `given` contains this header, in any case.
fn names(given: &Object, header: &HeaderName) -> bool {
    given.keys().any(|name| name.eq_ignore_ascii_case(header.as_str()))
}

fn payload(given: CallParameters<'_>, headers: &mut HeaderMap) -> Result<Payload, Outcome> {
    let body = given.0.get("body").filter(|body| !body.is_null() && body.as_str() != Some(""));
    if let (Some(name), Some(content)) = (given.text("file_name"), given.text("file_content")) {
        if body.is_some() {
            return Err(refused("body", "a request carries a body or a file, not both", "leave one out"));
        }
        let kind = given.text("file_content_type").map(str::to_owned);
        return Ok(Payload::File { name: name.into(), content: content.into(), kind });
    }
    let Some(body) = body else { return Ok(Payload::Nothing) };
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_json = media_type::is_json(kind);
    Ok(Payload::Bytes(match (is_json, body) {
        (true, Value::String(text)) => {
            let value = serde_json::from_str(text).or_else(|_no_json| literal::parse(text)).map_err(|_neither| {
                refused(
                    "body",
                    "the body is neither JSON nor a literal of Python, and its Content-Type is application/json",
                    "correct it, for example with | to_json_string",
                )
            })?;
            Value::to_string(&value).into_bytes()
        }
        (true, value) => value.to_string().into_bytes(),
        (false, Value::Object(form)) => {
            let pairs = form.iter().map(|(name, value)| (name, text_of(value)));
            headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/x-www-form-urlencoded"));
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
        }
        (false, value) => text_of(value).into_bytes(),
    }))
}
