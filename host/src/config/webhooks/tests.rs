//! What tables of webhooks mean, and what is refused in them.

use super::*;

/// The settings of the webhook `x` in a table with this content.
fn table(content: &str) -> Result<Guard, Problems> {
    let parsed = DeTable::parse(content).unwrap();
    let ends: Vec<usize> = content.match_indices('\n').map(|(end, _)| end).collect();
    let line = |offset: usize| ends.partition_point(|end| *end < offset) + 2;
    read(("/x/", 1), parsed.get_ref(), &line, true)
}

#[test]
fn a_table_says_who_may_send() {
    let signed = |scheme| Admission::Signature { scheme, secret: "k.x".into(), tolerance: TOLERANCE };
    let own = Scheme { header: "x-sig".into(), prefix: String::new(), ..Scheme::github() };
    let timed = Scheme {
        timed: Timed::ByHeader("x-time".into()),
        lead: "v9:".into(),
        middle: ":".into(),
        encoding: Encoding::Base64,
        ..own.clone()
    };
    let with_secret = |lines: &str| format!("{lines}\nsecret = \"{{{{ st2kv.system.k.x }}}}\"");
    for (content, admission, header) in [
        (String::new(), Admission::Token, None),
        ("auth = \"open\"\ndelivery_header = \"X-Id\"".into(), Admission::Open, Some("x-id")),
        (with_secret("signature = \"github\""), signed(Scheme::github()), Some("x-github-delivery")),
        (with_secret("signature = \"github\"\ndelivery_header = \"\""), signed(Scheme::github()), None),
        (with_secret("auth = \"signature\"\nsignature = \"slack\""), signed(Scheme::slack()), None),
        (with_secret("signature = \"stripe\"\ntolerance = \"5m\""), signed(Scheme::stripe()), None),
        (with_secret("signature = {header = \"X-Sig\"}"), signed(own), None),
        (
            with_secret(
                "signature = {header = \"X-Sig\", timestamp = \"X-Time\", encoding = \"base64\", signed = \"v9:{timestamp}:{body}\"}",
            ),
            signed(timed),
            None,
        ),
    ] {
        let delivery_header = header.map(str::to_owned);
        let expected = Guard { url: "x".into(), admission, rate: None, delivery_header };
        assert_eq!(table(&content), Ok(expected), "{content}");
    }
    let rate = table("rate_limit = \"100/min\"").unwrap().rate;
    assert_eq!(rate, Rate::read("100/min"));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let secret = "secret = \"{{ st2kv.system.k }}\"";
    for (content, at, says) in [
        ("auth = \"opn\"".to_owned(), 2, "auth must be \"token\", \"signature\" or \"open\""),
        ("auth = 1".to_owned(), 2, "auth must be"),
        ("auth = \"signature\"".to_owned(), 1, "needs the key signature"),
        ("signature = \"github\"".to_owned(), 1, "needs the key secret"),
        ("signature = \"gitlab\"".to_owned(), 2, "signature must be \"github\""),
        (
            "auth = \"open\"\nsignature = \"github\"".to_owned(),
            3,
            "signature has no effect with auth = \"open\"",
        ),
        (secret.to_owned(), 2, "secret has no effect with auth = \"token\""),
        ("signature = \"github\"\nsecret = \"abc\"".to_owned(), 3, "the name of a key of the datastore"),
        (format!("signature = \"github\"\n{secret}\ntolerance = \"1m\""), 4, "tolerance has no effect"),
        (format!("signature = \"slack\"\n{secret}\ntolerance = \"forever\""), 4, "tolerance must be"),
        (format!("{secret}\nsignature = {{prefix = \"a\"}}"), 3, "signature needs the key header"),
        (format!("{secret}\nsignature = {{header = \"a b\"}}"), 3, "signature.header must be"),
        (
            format!("{secret}\nsignature = {{header = \"a\", signed = \"{{timestamp}}{{body}}\"}}"),
            3,
            "needs the key timestamp",
        ),
        (
            format!("{secret}\nsignature = {{header = \"a\", timestamp = \"t\"}}"),
            3,
            "needs the key signed, which says how the time is signed with the body, as signed = \"{timestamp}.{body}\"",
        ),
        (
            format!("{secret}\nsignature = {{header = \"a\", timestamp = \"t\", signed = \"{{body}}\"}}"),
            3,
            "signature.signed must be what is signed",
        ),
        ("rate_limit = \"many\"".to_owned(), 2, "rate_limit must be"),
        ("delivery_header = \"a:b\"".to_owned(), 2, "delivery_header must be"),
        ("rate_limt = \"1/s\"".to_owned(), 2, "unknown key `rate_limt`; did you mean `rate_limit`?"),
    ] {
        let problems = table(&content).unwrap_err();
        let (line, message) = problems.first().unwrap();
        assert!(*line == at && message.contains(says), "{content}: {problems:?}");
        assert!(message.starts_with("webhooks.\"/x/\": "), "{message}");
    }
}

#[test]
fn no_message_quotes_a_secret() {
    let problems = table("signature = \"github\"\nsecret = \"hush\"").unwrap_err();
    assert!(!format!("{problems:?}").contains("hush"), "{problems:?}");
}

#[test]
fn a_webhook_has_one_table() {
    let parsed = DeTable::parse("").unwrap();
    for (url, is_first, is_taken) in
        [("x", true, true), ("x", false, false), ("", true, false), ("/", true, false)]
    {
        assert_eq!(read((url, 1), parsed.get_ref(), &|_| 1, is_first).is_ok(), is_taken, "{url}");
    }
}
