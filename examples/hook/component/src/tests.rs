//! Gives the sensor requests natively, with the SDK's stand-in for the host.

use petrel_pack_sdk::testing::Host;
use serde_json::json;

use super::*;

const BODY: &str =
    r#"{"ref":"refs/heads/main","after":"59b20b8d","repository":{"full_name":"octocat/hello-world"}}"#;
/// The signature of the body with the secret `hush`, made by openssl.
const SIGNATURE: &str = "sha256=07abe204937930b31e1f547d34c72ebe38d093070512efa7d8baafabb36d7e2d";

fn request(headers: &[(&str, &str)], body: &str) -> Received {
    Received {
        method: "POST".into(),
        path: String::new(),
        query: String::new(),
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        body: body.into(),
    }
}

fn host() -> Host {
    Host::new().configured("secret", "hush")
}

#[test]
fn a_signed_push_is_an_event_with_the_id_of_its_delivery() {
    let headers =
        [("x-hub-signature-256", SIGNATURE), ("x-github-event", "push"), ("x-github-delivery", "d1")];
    let reply = github(&host().sensor_context("github"), request(&headers, BODY)).unwrap();
    assert_eq!(reply.status, 202);
    let [event] = reply.events.try_into().unwrap();
    let push =
        json!({"repository": "octocat/hello-world", "reference": "refs/heads/main", "revision": "59b20b8d"});
    assert_eq!((event.payload, event.dedup_key.as_deref()), (push, Some("d1")));
}

#[test]
fn everything_else_is_answered_and_is_no_event() {
    let other = "sha256=eeeb065f6f7e433edcdbac1d5c90f13b101ccd8580c7adc41ceb1775e8e79e34";
    let upper = SIGNATURE.to_uppercase();
    let push = ("x-github-event", "push");
    for (headers, body, status) in [
        (vec![push], BODY, 401),
        (vec![push, ("x-hub-signature-256", other)], BODY, 401),
        (vec![push, ("x-hub-signature-256", SIGNATURE)], "{}", 401),
        (vec![push, ("x-hub-signature-256", "sha256=")], BODY, 401),
        (vec![push, ("x-hub-signature-256", "sha256=xyz")], BODY, 401),
        (vec![push, ("x-hub-signature-256", &SIGNATURE[..SIGNATURE.len() - 1])], BODY, 401),
        (vec![push, ("x-hub-signature-256", upper.as_str())], BODY, 401),
        (vec![push, ("x-hub-signature-256", other)], "[]", 400),
        (vec![("x-github-event", "ping"), ("x-hub-signature-256", SIGNATURE)], BODY, 200),
        (vec![("x-hub-signature-256", SIGNATURE)], BODY, 200),
    ] {
        let reply = github(&host().sensor_context("github"), request(&headers, body)).unwrap();
        assert_eq!((reply.status, reply.events.len()), (status, 0), "{headers:?}");
    }
}

#[test]
fn without_a_secret_nobody_is_taken_in() {
    for host in [Host::new(), host().configured("secret", "")] {
        let refused = github(&host.sensor_context("github"), request(&[], BODY));
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Misconfigured);
    }
}
