//! The sensor `webhook`: takes what GitHub sends, verifies its signature (`X-Hub-Signature-256`), and has an event for each
//! delivery, once.

use hmac::{Hmac, Mac as _};
use petrel_pack_sdk::{Error, ErrorKind, Received, Reply, SensorContext, TriggerType, warn};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sha2::Sha256;

use crate::Config;

/// The longest key that a host takes, in bytes.
const LONGEST_KEY: usize = 255;

/// The payload of an event.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Delivery {
    /// The kind of the event, as GitHub calls it, `pull_request` for example.
    pub event: String,
    /// What was done, `opened` for example, if the kind knows more than one thing.
    pub action: Option<String>,
    /// The repository, as OWNER/NAME, if the event is of one.
    pub repository: Option<String>,
    /// The account that caused the event.
    pub sender: Option<String>,
    /// The id of the delivery.
    pub delivery: Option<String>,
    /// The body, as GitHub sends it.
    pub payload: Value,
}

/// The trigger type of all that GitHub reports.
pub const EVENT: TriggerType<Delivery> = TriggerType::new("event").description("GitHub reports something.");

/// Takes a request.
///
/// # Errors
///
/// If no secret is configured.
pub fn receive(ctx: &SensorContext, request: Received) -> Result<Reply, Error> {
    let Config { secret, .. } = ctx.config()?;
    let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
        return Err(Error::new(
            ErrorKind::Misconfigured,
            "no secret is configured, so nobody can be told from GitHub",
        )
        .code("github.no_secret")
        .hint("set secret by `petrel pack configure github -`, and the same one in the webhook on GitHub"));
    };
    // Nothing of a request is looked at before it is known who has sent it.
    if !is_signed(&secret, &request) {
        warn!(ctx, "a request was not signed, or with another secret");
        return Ok(Reply::status(401).body("the signature is missing or wrong\n"));
    }
    let header = |name: &str| request.header(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let (event, delivery) = (header("x-github-event"), header("x-github-delivery"));
    let Some(event) = event else {
        return Ok(Reply::status(400).body("the header X-GitHub-Event is missing\n"));
    };
    // GitHub asks with a ping whether somebody is there.
    if event == "ping" {
        return Ok(Reply::status(200));
    }
    let Received { body, .. } = request;
    let Ok(payload) = serde_json::from_slice::<Value>(&body) else {
        return Ok(Reply::status(400).body("the body is no JSON; choose the content type application/json\n"));
    };
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (action, repository, sender) =
        (text("/action"), text("/repository/full_name"), text("/sender/login"));
    let told =
        EVENT.event(&Delivery { event, action, repository, sender, delivery: delivery.clone(), payload })?;
    let told = match delivery.filter(|delivery| delivery.len() <= LONGEST_KEY) {
        Some(delivery) => told.dedup_key(delivery),
        None => told,
    };
    Ok(Reply::accepted(vec![told]))
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

#[cfg(test)]
mod tests {
    use petrel_pack_sdk::testing::Host;
    use serde_json::json;

    use super::*;

    const BODY: &str =
        r#"{"ref":"refs/heads/main","after":"59b20b8d","repository":{"full_name":"octocat/hello-world"}}"#;
    /// The signature of the body with the secret `hush`, made by openssl.
    const SIGNATURE: &str = "sha256=07abe204937930b31e1f547d34c72ebe38d093070512efa7d8baafabb36d7e2d";
    /// That of `[]`.
    const OTHER: &str = "sha256=eeeb065f6f7e433edcdbac1d5c90f13b101ccd8580c7adc41ceb1775e8e79e34";

    fn request(headers: &[(&str, &str)], body: &str) -> Received {
        Received {
            method: "POST".into(),
            path: String::new(),
            query: String::new(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.into(),
        }
    }

    fn answered(headers: &[(&str, &str)], body: &str) -> Reply {
        let host = Host::new().configured("secret", "hush");
        receive(&host.sensor_context("webhook"), request(headers, body)).unwrap()
    }

    #[test]
    fn what_is_signed_is_an_event_with_the_id_of_its_delivery() {
        let headers =
            [("x-hub-signature-256", SIGNATURE), ("x-github-event", "push"), ("x-github-delivery", "d1")];
        let reply = answered(&headers, BODY);
        assert_eq!(reply.status, 202);
        let [event] = reply.events.try_into().unwrap();
        let payload: Value = serde_json::from_str(BODY).unwrap();
        let expected = json!({
            "event": "push", "action": null, "repository": "octocat/hello-world", "sender": null,
            "delivery": "d1", "payload": payload,
        });
        assert_eq!((event.payload, event.dedup_key.as_deref()), (expected, Some("d1")));
    }

    #[test]
    fn everything_else_is_answered_and_is_no_event() {
        let push = ("x-github-event", "push");
        for (headers, body, status) in [
            (vec![push], BODY, 401),
            (vec![push, ("x-hub-signature-256", OTHER)], BODY, 401),
            (vec![push, ("x-hub-signature-256", SIGNATURE)], "{}", 401),
            (vec![push, ("x-hub-signature-256", "sha256=")], BODY, 401),
            (vec![push, ("x-hub-signature-256", &SIGNATURE[..SIGNATURE.len() - 1])], BODY, 401),
            (vec![("x-github-event", "ping"), ("x-hub-signature-256", SIGNATURE)], BODY, 200),
            (vec![("x-hub-signature-256", SIGNATURE)], BODY, 400),
        ] {
            let reply = answered(&headers, body);
            assert_eq!((reply.status, reply.events.len()), (status, 0), "{headers:?}");
        }
    }

    #[test]
    fn without_a_secret_nobody_is_taken_in() {
        for host in [Host::new(), Host::new().configured("secret", "")] {
            let refused = receive(&host.sensor_context("webhook"), request(&[], BODY));
            assert_eq!(refused.unwrap_err().kind, ErrorKind::Misconfigured);
        }
    }
}
