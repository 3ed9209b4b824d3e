//! `/webhooks`: the webhooks that rules listen to. `POST /webhooks/{url}` takes an event. The answer, 202 with the
//! body of the request, comes when the event and its consequences are stored.
//!
//! The payload is StackStorm's `{headers, headers_lower, body}`, without credentials. The answer has the ids of what
//! was stored in `X-Trigger-Instance-Id` and, if executions were requested, `X-Execution-Ids`. A client that wants to
//! wait for the outcome sends `Prefer: wait=SECONDS`. An event that came before with the same key ([`delivery`]) is answered
//! as the first one, with `Idempotent-Replayed: true`.

mod generic;

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use petrel_engine::triggers::{Accepted, Event, LargeEvent, SMALL};
use petrel_model::{Object, Payload, size};
use serde_json::Value;

use crate::admission;
use crate::body::{self, Held};
use crate::extensions::Admitted;
use crate::extract::{Secrets, Segment, json};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError, form, traceparent, views};

mod delivery;

/// Headers that carry credentials.
const CREDENTIALS: [&str; 4] = ["st2-api-key", "x-auth-token", "cookie", "authorization"];
/// The number of headers of an answer, those that are added on its way out included.
const HEADERS: usize = 8;
/// The longest time that a client may wait for the outcome.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(crate) async fn receive(
    State(api): State<Api>,
    Extension(held): Extension<Held>,
    Segment(url): Segment,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let admitted = request.extensions().get::<Admitted>().map(|Admitted(guarded)| guarded);
    let guarded = admitted.or_else(|| api.guards.of(&url)).cloned();
    let bytes = match &guarded {
        Some(guarded) => admission::let_in(&api, &held, guarded, request).await?,
        None => body::read(&api, &held, request).await?,
    };
    let guarded = guarded.as_deref();
    let tag = traceparent::tag_of(&headers)?;
    let known = api.engine.catalog().content().webhook(&url).map(drop);
    let (sent, accepted) = match known {
        // As in StackStorm; but a rule that listens to a webhook of this name goes first.
        Err(_unknown) if generic::is_at(&url) => generic::take(&api, &held, guarded, &headers, bytes).await?,
        // An unknown webhook is refused first, since its body does not matter.
        Err(unknown) => return Err(unknown.into()),
        Ok(()) => {
            let once = delivery::once(guarded, &url, &headers, &bytes).await?;
            let signature = guarded.and_then(|guarded| guarded.guard.signature_header());
            let sent = read(&api, &held, &url, (&headers, signature), bytes).await?;
            let event = sent.event.clone().in_trace(traceparent::of(&headers)).tagged(tag).taken_once(once);
            let accepted = api.engine.triggers().accept_webhook(&url, event).await?;
            (sent, accepted)
        }
    };
    if sent.length.is_none() {
        // The answer of a small body needs no claim, so a client that waits takes no memory from others.
        held.release();
    }
    let waited = match patience(&headers) {
        // The event is accepted, even if waiting for it fails.
        Some(patience) => wait(&api, &accepted, patience).await.unwrap_or_default(),
        None => None,
    };
    let mut answer = sent.into_response();
    let mut put = |name: &'static str, text: String| {
        if let Ok(value) = HeaderValue::try_from(text) {
            answer.headers_mut().insert(HeaderName::from_static(name), value);
        }
    };
    put("x-trigger-instance-id", accepted.id.to_string());
    if !accepted.executions.is_empty() {
        let ids: Vec<_> = accepted.executions.iter().map(ToString::to_string).collect();
        put("x-execution-ids", ids.join(","));
    }
    if accepted.is_repeat {
        put("idempotent-replayed", "true".into());
    }
    if let Some(statuses) = waited {
        put("preference-applied", "wait".into());
        put("x-execution-statuses", statuses);
    }
    Ok(answer)
}

/// The payload of an event, with the part of it that the answer repeats.
struct Sent {
    event: Event,
    /// The length of the body at the end of the payload, if the payload is kept as text.
    length: Option<usize>,
    /// The claim on memory of the payload.
    held: Held,
}

/// Reads the event. A large one is read on a thread of its own.
async fn read(
    api: &Api,
    held: &Held,
    url: &str,
    (headers, signature): (&HeaderMap, Option<&str>),
    bytes: Bytes,
) -> Result<Sent, ApiError> {
    let (title_cased, lower) = header_maps(headers, signature);
    let kind = content_type(headers);
    // `curl -d` sends JSON under the type of a form unless told otherwise; such a body is not parsed as a form.
    let is_form = form::is_multipart(kind) || (form::is_urlencoded(kind) && !looks_like_json(&bytes));
    if bytes.len() <= SMALL || is_form {
        held.grow(api, bytes.len() + size::parsed(&bytes))?;
        let body = if bytes.len() <= SMALL {
            body(kind, &bytes)?
        } else {
            // Parsing takes milliseconds, which would hold up other requests on this worker.
            let kind = kind.to_owned();
            tokio::task::spawn_blocking(move || body(&kind, &bytes)).await??
        };
        let mut whole = Object::new();
        whole.insert("headers".into(), title_cased.into());
        whole.insert("headers_lower".into(), lower.into());
        whole.insert("body".into(), body);
        return Ok(Sent { event: Value::Object(whole).into(), length: None, held: Held::default() });
    }
    // Memory for the text of the payload, and once more while it is put together.
    held.grow(api, 2 * bytes.len())?;
    let (claim, length) = (held.take(api)?, bytes.len());
    let large = LargeEvent { headers: title_cased, headers_lower: lower, body: bytes.into() };
    let (event, claim) = api.engine.triggers().read_large(url, large, claim).await?;
    held.put(claim);
    Ok(Sent { event, length: Some(length), held: held.clone() })
}

/// The answer repeats the body of the request.
impl IntoResponse for Sent {
    fn into_response(self) -> Response {
        let body = match self.length {
            // Serializing a value cannot fail.
            None => Bytes::from(serde_json::to_vec(&self.event.values().get("body")).unwrap_or_default()),
            Some(length) => {
                let payload = self.event.payload().clone();
                Bytes::from_owner(Tail { payload, length, _held: self.held })
            }
        };
        let mut headers = HeaderMap::with_capacity(HEADERS);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = StatusCode::ACCEPTED;
        *answer.headers_mut() = headers;
        answer
    }
}

/// The body within the text of a payload, where it stands before the last bracket.
struct Tail {
    payload: Payload,
    length: usize,
    /// The claim on memory, held until the answer is sent, so that a slow reader pays for it.
    _held: Held,
}

impl AsRef<[u8]> for Tail {
    fn as_ref(&self) -> &[u8] {
        let text = self.payload.text().as_bytes();
        let end = text.len().saturating_sub(1);
        text.get(end.saturating_sub(self.length)..end).unwrap_or_default()
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn looks_like_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| matches!(byte, b'{' | b'['))
}

/// The body as a value: a form by its type, and anything else as JSON whatever its type.
fn body(content_type: &str, bytes: &[u8]) -> Result<Value, ApiError> {
    if form::is_urlencoded(content_type) {
        // `curl -d '{...}'` without a header claims to be a form; what parses as JSON is taken as such.
        return match serde_json::from_slice(bytes) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
            _ => Ok(Value::Object(form::urlencoded(bytes))),
        };
    }
    if form::is_multipart(content_type) {
        return form::multipart(content_type, bytes).map(Value::Object);
    }
    match json(bytes)? {
        body @ (Value::Object(_) | Value::Array(_)) => Ok(body),
        _ => Err(ApiError::invalid("the body is neither an object nor a list", "send a JSON object")),
    }
}

/// Headers by their names in title case, and in lower case. Credentials are left out, and so is the header with the signature.
fn header_maps(headers: &HeaderMap, signature: Option<&str>) -> (Object, Object) {
    let count = headers.keys_len();
    let (mut title_cased, mut lower) = (Object::with_capacity(count), Object::with_capacity(count));
    for (name, value) in headers {
        let name = name.as_str();
        if CREDENTIALS.contains(&name) || signature == Some(name) {
            continue;
        }
        let value = Value::from(String::from_utf8_lossy(value.as_bytes()));
        title_cased.insert(title_case(name), value.clone());
        lower.insert(name.to_owned(), value);
    }
    (title_cased, lower)
}

fn title_case(name: &str) -> String {
    let (mut cased, mut at_start) = (String::with_capacity(name.len()), true);
    for char in name.chars() {
        cased.push(if at_start { char.to_ascii_uppercase() } else { char });
        at_start = char == '-';
    }
    cased
}

/// The seconds of `Prefer: wait=SECONDS` (RFC 7240).
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("prefer")?.to_str().ok()?;
    let seconds = text.split([',', ';']).find_map(|part| part.trim().strip_prefix("wait="))?;
    Some(Duration::from_secs(seconds.parse().ok()?).min(LONGEST_WAIT))
}

/// The statuses of the requested executions, once all have ended or the time is up.
async fn wait(api: &Api, accepted: &Accepted, patience: Duration) -> Result<Option<String>, ApiError> {
    let until = Instant::now() + patience;
    let mut statuses = Vec::new();
    for id in &accepted.executions {
        let left = until.saturating_duration_since(Instant::now());
        let execution = api.engine.executions().wait(*id, left).await?;
        statuses.extend(execution.map(|execution| execution.status.to_string()));
    }
    Ok(Some(statuses.join(",")))
}

/// The webhooks that rules listen to.
pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let mut asked = asked.of(&lists::WEBHOOKS)?;
    let _glance = asked.glance(&api).await?;
    let content = api.engine.catalog().content();
    // StackStorm's client asks for the attribute `url` and reads it within `parameters`.
    asked.page = asked.page.with_whole("url", "parameters");
    asked.answer(&api, content.webhooks(), |(reference, trigger)| {
        views::trigger(reference, trigger, &content, secrets)
    })
}

/// The trigger behind a webhook.
pub(crate) async fn one(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(url): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let (reference, trigger) = content.webhook(&url)?;
    Ok(Json(views::trigger(reference, trigger, &content, secrets)).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn bodies_are_read_as_stackstorm_reads_them() {
        let parts = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n";
        for (kind, text, expected) in [
            ("application/x-www-form-urlencoded", "a=1&b=2&a=3", Some(json!({"a": ["1", "3"], "b": ["2"]}))),
            ("Application/X-WWW-Form-urlencoded ; charset=utf-8", "a=1", Some(json!({"a": ["1"]}))),
            ("application/x-www-form-urlencoded", "{\"a\": 1}", Some(json!({"a": 1}))),
            ("multipart/form-data; boundary=x", parts, Some(json!({"a": ["1"]}))),
            ("multipart/form-data; boundary=y", parts, None),
            ("application/cloudevents+json", "{\"a\": 1}", Some(json!({"a": 1}))),
            ("", "", Some(json!({}))),
            ("", "[1]", Some(json!([1]))),
            ("", "1", None),
            ("", "{", None),
        ] {
            assert_eq!(body(kind, text.as_bytes()).ok(), expected, "{kind}: {text}");
        }
    }

    #[test]
    fn headers_are_kept_without_credentials() {
        let given = headers(&[("x-github-event", "push"), ("x-auth-token", "secret"), ("cookie", "a=b")]);
        let (title_cased, lower) = header_maps(&given, None);
        assert_eq!(Value::Object(title_cased), json!({"X-Github-Event": "push"}));
        assert_eq!(Value::Object(lower), json!({"x-github-event": "push"}));
        assert_eq!(header_maps(&given, Some("x-github-event")).0, Object::new());
    }

    #[test]
    fn a_client_may_wait() {
        let prefer = |text| patience(&headers(&[("prefer", text)]));
        assert_eq!(prefer("respond-async, wait=10"), Some(Duration::from_secs(10)));
        assert_eq!(prefer("wait=100000"), Some(LONGEST_WAIT));
        assert_eq!(prefer("respond-async"), None);
    }
}
