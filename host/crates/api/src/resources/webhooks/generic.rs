//! `POST /webhooks/st2`: StackStorm's generic webhook, which takes an event of any trigger:
//! `{"trigger": "pack.name", "payload": {..}}`. The answer repeats the body.

use axum::body::Bytes;
use axum::http::HeaderMap;
use petrel_engine::triggers::{Accepted, Emission, SMALL};
use petrel_model::{Object, size};
use serde_json::{Value, json};

use super::{Sent, delivery};
use crate::body::Held;
use crate::extract::json;
use crate::guard::{GENERIC, Guarded};
use crate::{Api, ApiError, traceparent};

/// Whether a URL is that of the generic webhook.
pub(super) fn is_at(url: &str) -> bool {
    url.trim_matches('/') == GENERIC
}

/// Takes in an event; if it has a key, only the first one with it.
pub(super) async fn take(
    api: &Api,
    held: &Held,
    guarded: Option<&Guarded>,
    headers: &HeaderMap,
    bytes: Bytes,
) -> Result<(Sent, Accepted), ApiError> {
    let once = delivery::once(guarded, GENERIC, headers, &bytes).await?;
    held.grow(api, size::parsed(&bytes))?;
    let body = if bytes.len() <= SMALL {
        json(&bytes)?
    } else {
        // Parsing takes milliseconds, which would hold up other requests on this worker.
        tokio::task::spawn_blocking(move || json(&bytes)).await??
    };
    let (trigger, payload) = named(&body)?;
    let (trace, trace_tag) = (traceparent::of(headers), traceparent::tag_of(headers)?);
    let emission = Emission { trigger, payload, trace, trace_tag, once, ..Emission::default() };
    let accepted = api.engine.triggers().send(emission).await?;
    Ok((Sent { event: json!({"body": body}).into(), length: None, held: Held::default() }, accepted))
}

/// The trigger and the payload in a body.
fn named(body: &Value) -> Result<(String, Object), ApiError> {
    let hint = r#"send {"trigger": "pack.name", "payload": {..}}; `petrel trigger list` shows the triggers"#;
    let invalid = |message: &str| ApiError::invalid(message, hint);
    let Value::Object(body) = body else { return Err(invalid("the body is no object")) };
    let trigger = body.get("trigger").and_then(Value::as_str).filter(|trigger| !trigger.is_empty());
    let trigger = trigger.ok_or_else(|| invalid("Trigger not specified."))?;
    let payload = match body.get("payload") {
        None | Some(Value::Null) => Object::new(),
        Some(Value::Object(payload)) => payload.clone(),
        Some(_) => return Err(invalid("the payload is no object")),
    };
    Ok((trigger.to_owned(), payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_a_trigger_and_a_payload() {
        for (body, expected) in [
            (json!({"trigger": "a.b", "payload": {"n": 1}}), Some(json!({"n": 1}))),
            (json!({"trigger": "a.b"}), Some(json!({}))),
            (json!({"trigger": "a.b", "payload": null}), Some(json!({}))),
            (json!({"trigger": "a.b", "payload": [1]}), None),
            (json!({"payload": {}}), None),
            (json!({"trigger": ""}), None),
            (json!([]), None),
        ] {
            let found = named(&body).ok().map(|(trigger, payload)| (trigger, Value::Object(payload)));
            assert_eq!(found, expected.map(|payload| ("a.b".to_owned(), payload)), "{body}");
        }
    }

    #[test]
    fn it_has_one_url() {
        for (url, is_it) in [("st2", true), ("/st2/", true), ("st2/x", false), ("st", false)] {
            assert_eq!(is_at(url), is_it, "{url}");
        }
    }
}
