//! Refusals by the head of a request alone, as HTTP demands them. Nobody reads the rest of such a request.
//! Handlers check what a path may be asked.

use axum::http::{HeaderMap, StatusCode, Version, header};

use crate::ApiError;

/// The refusal of a request with this version and these headers, if there is a reason for one.
pub(super) fn refused(version: Version, headers: &HeaderMap) -> Option<ApiError> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    // RFC 9112, section 3.2. HTTP before 1.1 did not have this header.
    if another.is_some() || (host.is_none() && version >= Version::HTTP_11) {
        let count = if host.is_none() { "no header Host" } else { "more than one header Host" };
        let message = format!("the request has {count}, and HTTP/1.1 asks for one");
        return Some(ApiError::invalid(
            message,
            "send the name of the host that the request is for as Host, once",
        ));
    }
    // RFC 9110, section 10.1.1: no other expectation is defined.
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
    fn one_host_is_named_and_nothing_is_expected_but_to_go_on() {
        let host = || (header::HOST, "petrel");
        let expect = |what: &'static str| (header::EXPECT, what);
        let cases: [Case; 10] = [
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
