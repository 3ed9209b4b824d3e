//! The test vectors that senders publish, and what is refused.

use super::*;

/// GitHub's: its secret, its body and its signature.
const GITHUB: (&str, &str, &str) = (
    "It's a Secret to Everybody",
    "Hello, World!",
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
);
/// Slack's.
const SLACK: (&str, &str, &str) = (
    "8f742231b10e8888abcd99yyyzzz85a5",
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
);
const SLACK_TIME: (&str, &str) = ("x-slack-request-timestamp", "1531420618");
/// A body with Stripe's form of signatures, computed by Python's `hmac`.
const STRIPE: (&str, &str, &str) = (
    "whsec_test_secret",
    "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}",
    "6340073448544f68e8673f5d451fd66d10b9facf9c1c36f23c174994d49f2091",
);

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let parsed = pairs.iter().map(|(name, value)| {
        let name: axum::http::HeaderName = name.parse().unwrap();
        (name, value.parse().unwrap())
    });
    parsed.collect()
}

/// What becomes of a request at a second.
fn outcome(
    scheme: &Scheme,
    pairs: &[(&str, &str)],
    (secret, body): (&str, &str),
    second: i64,
) -> Result<(), Refusal> {
    let claimed = scheme.read(&headers(pairs))?;
    claimed.refuse_stale(Timestamp::from_micros(second * 1_000_000), Duration::from_mins(5))?;
    if scheme.fits(&claimed, secret.as_bytes(), body.as_bytes()) { Ok(()) } else { Err(Refusal::Wrong) }
}

#[test]
fn what_github_publishes_fits_and_nothing_else() {
    let (secret, body, signature) = GITHUB;
    let name = "x-hub-signature-256";
    let upper = signature.to_uppercase().replace("SHA256", "sha256");
    let other = signature.replace("757107", "757108");
    for (pairs, given, expected) in [
        (&[(name, signature)][..], (secret, body), Ok(())),
        (&[(name, upper.as_str())], (secret, body), Ok(())),
        (&[(name, signature)], (secret, "Hello, World"), Err(Refusal::Wrong)),
        (&[(name, signature)], ("another", body), Err(Refusal::Wrong)),
        (&[(name, other.as_str())], (secret, body), Err(Refusal::Wrong)),
        (&[], (secret, body), Err(Refusal::Unsigned)),
        (&[("x-hub-signature", signature)], (secret, body), Err(Refusal::Unsigned)),
        (&[(name, &signature[7..])], (secret, body), Err(Refusal::Malformed)),
        (&[(name, &signature[..20])], (secret, body), Err(Refusal::Malformed)),
        (&[(name, "sha256=")], (secret, body), Err(Refusal::Malformed)),
        (&[(name, "sha256=zz")], (secret, body), Err(Refusal::Malformed)),
    ] {
        assert_eq!(outcome(&Scheme::github(), pairs, given, 0), expected, "{pairs:?} {given:?}");
    }
}

#[test]
fn what_slack_publishes_fits_at_its_time() {
    let (secret, body, signature) = SLACK;
    let (name, late) = ("x-slack-signature", ("x-slack-request-timestamp", "1531420619"));
    for (pairs, second, expected) in [
        (&[(name, signature), SLACK_TIME][..], 1_531_420_618, Ok(())),
        (&[(name, signature), SLACK_TIME], 1_531_420_918, Ok(())),
        (&[(name, signature), SLACK_TIME], 1_531_420_919, Err(Refusal::Stale)),
        (&[(name, signature), SLACK_TIME], 1_531_420_317, Err(Refusal::Stale)),
        (&[(name, signature), late], 1_531_420_618, Err(Refusal::Wrong)),
        (&[(name, signature)], 1_531_420_618, Err(Refusal::Unsigned)),
        (&[(name, signature), ("x-slack-request-timestamp", "soon")], 0, Err(Refusal::Malformed)),
        (&[(name, signature), ("x-slack-request-timestamp", "")], 0, Err(Refusal::Malformed)),
        (&[SLACK_TIME], 1_531_420_618, Err(Refusal::Unsigned)),
    ] {
        assert_eq!(outcome(&Scheme::slack(), pairs, (secret, body), second), expected, "{pairs:?} {second}");
    }
}

#[test]
fn one_of_the_signatures_in_the_list_of_stripe_must_fit() {
    let (secret, body, signature) = STRIPE;
    let old = "0".repeat(64);
    for (said, second, expected) in [
        (format!("t=1495999758,v1={signature},v0={old}"), 1_495_999_758, Ok(())),
        (format!("t=1495999758, v1={old}, v1={signature}"), 1_495_999_758, Ok(())),
        (format!("t=1495999758,v1={old}"), 1_495_999_758, Err(Refusal::Wrong)),
        (format!("t=1495999758,v0={signature}"), 1_495_999_758, Err(Refusal::Malformed)),
        (format!("v1={signature}"), 1_495_999_758, Err(Refusal::Malformed)),
        (format!("t=1495999758,v1={signature}"), 1_496_000_059, Err(Refusal::Stale)),
        (format!("t=1495999759,v1={signature}"), 1_495_999_758, Err(Refusal::Wrong)),
    ] {
        let pairs = [("stripe-signature", said.as_str())];
        assert_eq!(outcome(&Scheme::stripe(), &pairs, (secret, body), second), expected, "{said}");
    }
}

#[test]
fn a_form_of_somebody_else_is_described() {
    let scheme = Scheme {
        header: "x-sig".into(),
        prefix: String::new(),
        encoding: Encoding::Base64,
        ..Scheme::github()
    };
    let (secret, body, _) = GITHUB;
    let signature = "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=";
    assert_eq!(outcome(&scheme, &[("x-sig", signature)], (secret, body), 0), Ok(()));
    let refused = outcome(&scheme, &[("x-sig", "dXEH6g==")], (secret, body), 0);
    assert_eq!(refused, Err(Refusal::Malformed));
}
