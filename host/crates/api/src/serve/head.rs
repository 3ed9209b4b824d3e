//! Refusals by the head of a request alone, as HTTP demands them. Nobody reads the rest of such a request.
//! Handlers check what a path may be asked.

use axum::http::{HeaderMap, StatusCode, Version, header};
use petrel_model::quoted::quoted;

use crate::ApiError;

/// The refusal of a request with this version and these headers, if there is a reason for one.
pub(super) fn refused(version: Version, headers: &HeaderMap) -> Option<ApiError> {
    wrong_host(version, headers).or_else(|| chunked_twice(headers)).or_else(|| strange_expectation(headers))
}

/// RFC 9112, section 3.2. HTTP before 1.1 did not have this header.
fn wrong_host(version: Version, headers: &HeaderMap) -> Option<ApiError> {
    const REMEDY: &str = "send the name of the host that the request is for as Host, once";
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    if another.is_some() || (host.is_none() && version >= Version::HTTP_11) {
        let count = if host.is_none() { "no header Host" } else { "more than one header Host" };
        return Some(ApiError::invalid(
            format!("the request has {count}, and HTTP/1.1 asks for one"),
            REMEDY,
        ));
    }
    // RFC 3986, sections 3.2.2 and 3.2.3.
    let is_of_host = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte);
    let host = host.filter(|host| !host.as_bytes().iter().all(is_of_host))?;
    let shown = String::from_utf8_lossy(host.as_bytes());
    let message = format!("the request has the header Host: {}, which names no host", quoted(&shown));
    Some(ApiError::invalid(message, REMEDY))
}

/// RFC 9112, section 7.1: a body is in chunks once at most. Proxies before the host may read it otherwise.
fn chunked_twice(headers: &HeaderMap) -> Option<ApiError> {
    let values = headers.get_all(header::TRANSFER_ENCODING).iter();
    let codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let chunked = codings.filter(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"));
    (chunked.count() > 1).then(|| {
        ApiError::invalid(
            "the request says more than once that its body is chunked",
            "send Transfer-Encoding: chunked once, or the length of the body",
        )
    })
}

/// RFC 9110, section 10.1.1: no other expectation is defined.
fn strange_expectation(headers: &HeaderMap) -> Option<ApiError> {
    let strange = headers
        .get_all(header::EXPECT)
        .iter()
        .find(|expected| !expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))?;
    Some(ApiError::new(
        StatusCode::EXPECTATION_FAILED,
        "expectation_failed",
        format!("the request has the header Expect: {}", String::from_utf8_lossy(strange.as_bytes())),
        "send it without this header, or expect 100-continue",
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;
    use axum::response::IntoResponse as _;

    use super::*;

    /// A version, the headers, and the status of the refusal.
    type Case = (Version, Vec<(HeaderName, &'static str)>, Option<u16>);

    #[test]
    fn one_host_is_named_chunks_are_said_once_and_nothing_is_expected_but_to_go_on() {
        let host = || (header::HOST, "petrel");
        let expect = |what: &'static str| (header::EXPECT, what);
        let coded = |how: &'static str| (header::TRANSFER_ENCODING, how);
        let named = |name: &'static str| (header::HOST, name);
        let cases: [Case; 22] = [
            (Version::HTTP_11, vec![named("petrel.example:9101")], None),
            (Version::HTTP_11, vec![named("[::1]:9101")], None),
            (Version::HTTP_11, vec![named("my_host")], None),
            (Version::HTTP_11, vec![named("a b/c")], Some(400)),
            (Version::HTTP_11, vec![named("a/b")], Some(400)),
            (Version::HTTP_11, vec![named("user@host")], Some(400)),
            (Version::HTTP_10, vec![named("a?b")], Some(400)),
            (Version::HTTP_11, vec![host(), coded("chunked")], None),
            (Version::HTTP_11, vec![host(), coded("gzip, chunked")], None),
            (Version::HTTP_11, vec![host(), coded("chunked, chunked")], Some(400)),
            (Version::HTTP_11, vec![host(), coded("chunked,Chunked ,")], Some(400)),
            (Version::HTTP_11, vec![host(), coded("chunked"), coded("chunked")], Some(400)),
            (Version::HTTP_11, vec![host()], None),
            (Version::HTTP_11, vec![(header::HOST, "")], None),
            (Version::HTTP_11, vec![], Some(400)),
            (Version::HTTP_11, vec![host(), host()], Some(400)),
            (Version::HTTP_10, vec![], None),
            (Version::HTTP_10, vec![host(), (header::HOST, "other")], Some(400)),
            (Version::HTTP_11, vec![host(), expect("100-continue")], None),
            (Version::HTTP_11, vec![host(), expect("100-Continue")], None),
            (Version::HTTP_11, vec![host(), expect("200-maybe")], Some(417)),
            (Version::HTTP_11, vec![host(), expect("100-continue"), expect("")], Some(417)),
        ];
        for (version, given, status) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in &given {
                headers.append(name, value.parse().unwrap());
            }
            let refused = refused(version, &headers).map(|error| error.into_response().status().as_u16());
            assert_eq!(refused, status, "{version:?} {given:?}");
        }
    }
}
