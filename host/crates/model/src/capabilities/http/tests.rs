//! Addresses are read, written, compared and cut.

use super::*;

/// The request `METHOD ADDRESS`, whose address is in its normal form.
fn asked(text: &str) -> Target<'_> {
    let (method, address) = text.split_once(' ').unwrap();
    let (scheme, rest) = address.split_once("://").unwrap();
    let (place, path) = rest.split_at(rest.find('/').unwrap());
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap()),
        None => (place, if scheme == "https" { 443 } else { 80 }),
    };
    Target { method, scheme, host: Host::of(host), port, path }
}

#[test]
fn a_rule_covers_its_own_requests() {
    for (rule, request, expected) in [
        ("https://a.example", "GET https://a.example/x", true),
        ("https://a.example", "GET http://a.example/", false),
        ("https://a.example", "GET https://a.example:8443/", false),
        ("https://a.example", "GET https://b.a.example/", false),
        ("https://*.example", "GET https://b.a.example/", true),
        ("http+https://a.example", "GET http://a.example/", true),
        ("https://a.example:*", "GET https://a.example:8443/", true),
        ("https://a.example:443+8443", "GET https://a.example:8443/", true),
        ("GET+HEAD https://a.example", "HEAD https://a.example/", true),
        ("GET,HEAD https://a.example", "POST https://a.example/", false),
        ("http://127.0.0.1:8080/", "GET http://127.0.0.1:8080/x", true),
        ("http://127.0.0.1:8080/", "GET http://localhost:8080/x", false),
        ("http://[::1]:8080/", "GET http://[::1]:8080/x", true),
        ("https://a.example/rest/api", "GET https://a.example/rest/api", true),
        ("https://a.example/rest/api/", "GET https://a.example/rest/api/3", true),
        ("https://a.example/rest/api", "GET https://a.example/rest/apix", false),
        ("https://a.example/rest/api", "GET https://a.example/rest/api/..%2fadmin", false),
        ("https://a.example/rest/api", "GET https://a.example/rest/api/..;/admin", false),
        ("https://a.example/rest/api", "GET https://a.example/rest/api/%2E.;x=1/admin", false),
        ("https://a.example/rest/api", "GET https://a.example/rest/api/a;b", true),
        ("https://a.example/one,/two", "GET https://a.example/two/x", true),
        ("private+https://a.example/", "GET https://a.example/", true),
    ] {
        let read: HttpRule = rule.parse().unwrap();
        assert_eq!(read.covers(asked(request)), expected, "{rule} and {request}");
        assert_eq!(read.to_string().parse::<HttpRule>().unwrap(), read, "{read}");
    }
}

#[test]
fn a_rule_is_written_as_it_is_read() {
    for (text, written) in [
        ("https://A.example", "https://a.example/"),
        ("post+get https://a.example:443/x/", "GET+POST https://a.example/x"),
        ("private+https://a.example:8443", "private+https://a.example:8443/"),
        ("private+http://127.0.0.1", "http://127.0.0.1/"),
        ("https+http://*:*", "http+https://*:*/"),
        ("http+https://a.example/b,/a", "http+https://a.example/a,/b"),
        ("https://a.example/a/b,/a,/ab", "https://a.example/a,/ab"),
        ("https://a.example/a,/", "https://a.example/"),
    ] {
        assert_eq!(text.parse::<HttpRule>().unwrap().to_string(), written);
    }
    for text in [
        "",
        "a.example",
        "ftp://a.example",
        "https://u:p@a.example",
        "https://a.example/?x",
        "https://",
        "private://a.example",
        "https://a.example:0",
        "https://a.example:99999",
        "https://a.example/a/../b",
        "https://a.example/%2E%2e/b",
        "https://a.example/..;/b",
        "https://a.example/*",
        "CONNECT https://a.example",
        "G3T https://a.example",
    ] {
        assert!(text.parse::<HttpRule>().is_err(), "{text}");
    }
}

#[test]
fn what_two_rules_have_in_common_is_one_rule_or_nothing() {
    for (one, other, common) in [
        ("https://*.example", "GET https://a.example/x", Some("GET https://a.example/x")),
        (
            "GET+POST https://a.example/api",
            "POST+PUT https://a.example/api/3",
            Some("POST https://a.example/api/3"),
        ),
        ("GET https://a.example", "POST https://a.example", None),
        ("https://a.example", "http://a.example", None),
        ("https://a.example/a", "https://a.example/b", None),
        ("https://a.example/a,/b", "https://a.example/a/x,/b", Some("https://a.example/a/x,/b")),
        ("https://a.example:*", "https://a.example:8443", Some("https://a.example:8443/")),
        ("http://*:*", "http://10.0.0.1", None),
        ("private+http://*:*", "http://10.0.0.1", Some("http://10.0.0.1/")),
        ("private+http://*:*", "http://a.example", Some("http://a.example/")),
    ] {
        let (one, other): (HttpRule, HttpRule) = (one.parse().unwrap(), other.parse().unwrap());
        for both in [one.both(&other), other.both(&one)] {
            assert_eq!(both.map(|both| both.to_string()).as_deref(), common, "{one} and {other}");
        }
        assert!(one.contains(&one));
    }
}

#[test]
fn a_request_that_was_refused_is_told_as_a_rule() {
    let long = format!("GET https://a.example/{}", "x".repeat(400));
    for (request, private, told) in [
        ("DELETE https://a.example/rest/1", false, "DELETE https://a.example/rest/1"),
        ("GET http://127.0.0.1:8000/x", true, "GET http://127.0.0.1:8000/x"),
        ("GET http://a.example:8000/", true, "GET private+http://a.example:8000/"),
        ("GET https://a.example/it's", false, "GET https://a.example/"),
        (long.as_str(), false, "GET https://a.example/"),
    ] {
        let rule = HttpRule::exactly(asked(request), private);
        assert_eq!(rule.to_string(), told);
        assert!(rule.covers(asked(request)), "{request}");
    }
}
