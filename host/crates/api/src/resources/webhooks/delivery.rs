//! The key by which an event of a webhook is known if its sender sends it again: the header `Idempotency-Key`, with which only
//! the same body may come again, or the header of the sender's own that the settings of the webhook name.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue};
use petrel_engine::triggers::{Once, SMALL, sha256};

use crate::ApiError;
use crate::guard::Guarded;

/// The header with a key that the sender makes for each event.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The key of an event for the webhook `url`, if it has one.
pub(super) async fn once(
    guarded: Option<&Guarded>,
    url: &str,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<Option<Once>, ApiError> {
    let url = url.trim_matches('/');
    if let Some(value) = headers.get(IDEMPOTENCY_KEY) {
        let once = key(&format!("webhook {url}"), IDEMPOTENCY_KEY, value)?;
        return Ok(Some(once.with_fingerprint(fingerprint(bytes).await?)));
    }
    let Some(name) = guarded.and_then(|guarded| guarded.guard.delivery_header.as_deref()) else {
        return Ok(None);
    };
    let value = headers.get(name).filter(|value| !value.is_empty());
    value.map(|value| key(&format!("delivery to {url}"), name, value)).transpose()
}

fn key(scope: &str, name: &str, value: &HeaderValue) -> Result<Once, ApiError> {
    let Ok(text) = value.to_str() else {
        let message = format!("the header {name} has characters that are not in ASCII");
        return Err(ApiError::invalid(
            message,
            "send a short key that is another one for each event, as a UUID",
        ));
    };
    Once::new(scope, text).map_err(|error| {
        ApiError::invalid(format!("the header {name} cannot be used: {error}"), error.hint().to_owned())
    })
}

async fn fingerprint(bytes: &Bytes) -> Result<String, ApiError> {
    if bytes.len() <= SMALL {
        return Ok(sha256(bytes));
    }
    // It takes milliseconds, which would hold up other requests on this worker.
    let bytes = bytes.clone();
    Ok(tokio::task::spawn_blocking(move || sha256(&bytes)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::rate::Bucket;
    use crate::guard::{Admission, Guard};

    #[tokio::test]
    async fn a_key_is_read_where_the_sender_puts_it() {
        let guard = Guard {
            url: "x".into(),
            admission: Admission::Open,
            rate: None,
            delivery_header: Some("x-github-delivery".into()),
        };
        let guarded = Guarded { guard, bucket: Bucket::default() };
        let long = "k".repeat(256);
        for (pairs, is_guarded, outcome) in [
            (&[][..], true, Ok(false)),
            (&[("idempotency-key", "a")], false, Ok(true)),
            (&[("idempotency-key", "")], false, Err(())),
            (&[("idempotency-key", &*long)], false, Err(())),
            (&[("idempotency-key", "ä")], false, Err(())),
            (&[("x-github-delivery", "a")], false, Ok(false)),
            (&[("x-github-delivery", "a")], true, Ok(true)),
            (&[("x-github-delivery", "")], true, Ok(false)),
            (&[("x-github-delivery", &*long)], true, Err(())),
        ] {
            let headers = pairs.iter().map(|(name, value)| {
                let name: axum::http::HeaderName = name.parse().unwrap();
                (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
            });
            let guarded = is_guarded.then_some(&guarded);
            let found = once(guarded, "/x/", &headers.collect(), &Bytes::from_static(b"{}")).await;
            assert_eq!(found.map(|once| once.is_some()).map_err(drop), outcome, "{pairs:?}");
        }
    }
}
