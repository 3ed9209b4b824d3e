//! The component of the example pack `hook`: a sensor that takes requests as GitHub sends them. It verifies their
//! signature (`X-Hub-Signature-256`), and has an event for each push.

use hmac::{Hmac, Mac as _};
use petrel_pack_sdk::{
    Error, ErrorKind, Received, Reply, SensorContext, TriggerType, WebhookSensor, export_webhook_sensors,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The payload of an event: a push.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Push {
    /// The repository, as OWNER/NAME.
    repository: String,
    /// What was pushed to, as refs/heads/BRANCH.
    reference: String,
    /// The revision after the push.
    revision: String,
}

/// What of a body the sensor reads.
#[derive(Debug, Deserialize)]
struct Body {
    #[serde(rename = "ref")]
    reference: String,
    after: String,
    repository: Repository,
}

#[derive(Debug, Deserialize)]
struct Repository {
    full_name: String,
}

/// The configuration of the pack.
#[derive(Debug, Deserialize)]
struct Config {
    secret: String,
}

const PUSH: TriggerType<Push> = TriggerType::new("push").description("A push to a repository.");

/// Takes a request.
///
/// # Errors
///
/// If the pack is not configured.
pub fn github(ctx: &SensorContext, request: Received) -> Result<Reply, Error> {
    let Config { secret } = ctx.config()?;
    if secret.is_empty() {
        return Err(
            Error::new(ErrorKind::Misconfigured, "the secret is empty").hint("petrel pack configure hook -")
        );
    }
    // Nothing of a request is looked at before it is known who has sent it.
    if !is_signed(&secret, &request) {
        ctx.warn("a request was not signed, or with another secret");
        return Ok(Reply::status(401).body("the signature is missing or wrong\n"));
    }
    // GitHub asks with a ping whether somebody is there; other events are none of ours.
    if request.header("x-github-event") != Some("push") {
        return Ok(Reply::status(200));
    }
    let delivery = request.header("x-github-delivery").filter(|id| !id.is_empty()).map(str::to_owned);
    let body = String::from_utf8(request.body).unwrap_or_default();
    let Ok(Body { reference, after: revision, repository }) = serde_json::from_str(&body) else {
        return Ok(Reply::status(400).body("the body is no push; send JSON\n"));
    };
    let mut event = PUSH.event(&Push { repository: repository.full_name, reference, revision })?;
    if let Some(delivery) = delivery {
        event = event.dedup_key(delivery);
    }
    Ok(Reply::accepted(vec![event]))
}

/// Whether the body was signed with this secret. The comparison takes as long for a near signature as for any other.
fn is_signed(secret: &str, request: &Received) -> bool {
    let signature = request.header("x-hub-signature-256").and_then(|value| value.strip_prefix("sha256="));
    let (Some(signature), Ok(mut code)) =
        (signature.and_then(bytes), Hmac::<Sha256>::new_from_slice(secret.as_bytes()))
    else {
        return false;
    };
    code.update(&request.body);
    code.verify_slice(&signature).is_ok()
}

/// The bytes of a number in base 16.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
            _ => None,
        })
        .collect()
}

export_webhook_sensors![
    WebhookSensor::new("github", github)
        .description("Takes what GitHub sends, if it is signed.")
        .emits(&PUSH),
];

#[cfg(test)]
mod tests;
