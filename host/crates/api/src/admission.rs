//! Admission to webhooks with settings ([`guard`]): what their settings ask for in the place of a token, and how
//! often. `auth.rs` asks here first; the webhook then asks for the body.
//!
//! A signature is checked over the body as it came. What can be refused by the head alone is refused before the body is
//! read. The rate counts what is admitted, so that those who cannot sign use up nothing of it.

use std::sync::Arc;
use std::time::Duration;

use axum::RequestExt as _;
use axum::body::Bytes;
use axum::extract::{MatchedPath, Path, Request};
use axum::http::{Method, StatusCode};
use petrel_engine::triggers::SMALL;

use crate::body::{self, Held};
use crate::extensions::Admitted;
use crate::guard::signature::Refusal;
use crate::guard::{Admission, Guarded, Scheme};
use crate::{Api, ApiError, guard};

/// The end of the route of webhooks.
const WEBHOOKS: &str = "/webhooks/{*url}";

/// The webhook that an event is for, if its settings ask for no token.
pub(crate) async fn of_stranger(api: &Api, request: &mut Request) -> Option<Admitted> {
    if api.guards.is_empty() || request.method() != Method::POST {
        return None;
    }
    // The route and not the path: it decides which handler is called.
    if !request.extensions().get::<MatchedPath>()?.as_str().ends_with(WEBHOOKS) {
        return None;
    }
    let Path(url) = request.extract_parts::<Path<String>>().await.ok()?;
    let guarded = api.guards.of(&url)?;
    (!guarded.guard.asks_for_token()).then(|| Admitted(Arc::clone(guarded)))
}

/// Reads the body of an event for a webhook with settings, once it is clear that it may come in.
///
/// # Errors
/// 401 when the signature is missing or does not fit, 429 when there are too many events; else as [`body::read`].
pub(crate) async fn let_in(
    api: &Api,
    held: &Held,
    guarded: &Arc<Guarded>,
    request: Request,
) -> Result<Bytes, ApiError> {
    let Admission::Signature { scheme, secret, tolerance } = &guarded.guard.admission else {
        count(api, guarded)?;
        return body::read(api, held, request).await;
    };
    let refused = |refusal| refuse(api, guarded, refusal);
    let claimed = scheme.read(request.headers()).map_err(refused)?;
    claimed.refuse_stale(api.engine.now(), *tolerance).map_err(refused)?;
    let bytes = body::read(api, held, request).await?;
    let Some(secret) = guard::secret_of(&api.engine, secret) else {
        if let Some(left_out) = api.engine.may_log(&guarded.guard.url) {
            tracing::error!(
                webhook = guarded.guard.url.as_str(),
                key = secret.as_str(),
                hint = %format_args!("`petrel key set {secret} --encrypt -` reads it from standard input"),
                left_out,
                "failed to check a signature: its secret is not in the datastore"
            );
        }
        // The sender is told no more than if the signature were wrong.
        return Err(refused(Refusal::Wrong));
    };
    let fits = if bytes.len() <= SMALL {
        scheme.fits(&claimed, secret.as_bytes(), &bytes)
    } else {
        // It takes milliseconds, which would hold up other requests on this worker.
        let (scheme, bytes): (Scheme, Bytes) = (scheme.clone(), bytes.clone());
        tokio::task::spawn_blocking(move || scheme.fits(&claimed, secret.as_bytes(), &bytes)).await?
    };
    if !fits {
        return Err(refused(Refusal::Wrong));
    }
    count(api, guarded)?;
    Ok(bytes)
}

/// Takes one event of the rate of a webhook.
fn count(api: &Api, guarded: &Guarded) -> Result<(), ApiError> {
    let Some(rate) = guarded.guard.rate else { return Ok(()) };
    guarded.bucket.take(rate, api.engine.now()).map_err(|wait: Duration| {
        measure(guarded, "rate");
        ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_often",
            format!("the webhook `{}` takes in at most {rate} events", guarded.guard.url),
            "send again after the seconds in Retry-After, or raise rate_limit in the settings of the webhook",
        )
        .again_after(wait)
    })
}

/// The answer for an event without the signature that it needs. The message says nothing that its sender does not know.
fn refuse(api: &Api, guarded: &Guarded, refusal: Refusal) -> ApiError {
    let (url, header) = (&guarded.guard.url, guarded.guard.signature_header().unwrap_or_default());
    let (code, why) = match refusal {
        Refusal::Unsigned => ("unsigned", format!("the header {header}, or that with its time, is missing")),
        Refusal::Malformed => ("unsigned", format!("the header {header}, or its time, has another form")),
        Refusal::Stale => ("stale_signature", "it was made too long ago, or its clock is ahead".to_owned()),
        Refusal::Wrong => ("wrong_signature", "it does not fit the body".to_owned()),
    };
    measure(guarded, code);
    if let Some(left_out) = api.engine.may_log(url) {
        tracing::warn!(
            webhook = url.as_str(),
            reason = code,
            left_out,
            "refused an event whose signature does not fit the settings of its webhook"
        );
    }
    let hint = "sign the body as it is sent, with the secret of this webhook, and with the present time where the form has one";
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        code,
        format!("the signature for the webhook `{url}` is refused: {why}"),
        hint,
    )
}

/// Counts a refusal.
fn measure(guarded: &Guarded, reason: &'static str) {
    metrics::counter!("petrel_webhook_refusals_total", "webhook" => guarded.guard.url.clone(), "reason" => reason)
        .increment(1);
}
