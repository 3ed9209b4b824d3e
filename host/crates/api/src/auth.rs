//! Authentication of requests. The credential is looked for where StackStorm looks for it, in the same order:
//! `X-Auth-Token`, `St2-Api-Key`, the query parameters with these names, the cookie `auth-token`. Last comes
//! `Authorization`, as `St2-Api-Key KEY`, or as `Bearer` with a token or, for senders that know no other header, a
//! key.
//!
//! The headers are read here and not by the extractors of `axum-extra`, which answer 400 by themselves where StackStorm
//! answers as to a client that is not signed in. A cookie jar would be too much, because only one cookie is read and none
//! is ever set.
//!
//! `petrel_access` knows the owner of a credential; only the host's own admin token is compared here.

mod admin_token;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use petrel_access::{ADMIN, Credential, Identity, Rejected};

pub use crate::state::Access;
pub use admin_token::AdminToken;

use crate::body::Held;
use crate::extensions::{Peer, SignedIn, User};
use crate::serve::Seat;
use crate::{Api, ApiError, admission, listing, trail};

/// The location of a credential that came in a cookie.
const COOKIE: &str = "cookie";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Token,
    ApiKey,
    /// A token or a key.
    Bearer,
}

#[derive(Debug, PartialEq, Eq)]
struct Presented {
    kind: Kind,
    secret: String,
    location: &'static str,
}

/// Passes on a request that presents a valid credential, as the user who owns it, and one to a webhook whose settings ask
/// for none.
///
/// # Errors
/// 401 without a credential, or with one that is not valid.
pub async fn require(State(api): State<Api>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let only_reads = is_read(request.method());
    let audited = if let Some(admitted) = admission::of_stranger(&api, &mut request).await {
        request.extensions_mut().insert(admitted);
        None
    } else {
        sign_in(&api, &mut request)?
    };
    let address = request.extensions().get::<Peer>().map(|Peer(peer)| peer.ip().to_canonical());
    let held = Held::by(address);
    request.extensions_mut().insert(held.clone());
    let response = next.run(request).await;
    // The claim covers the handler until here, and the answer until it is sent.
    let mut response = listing::keep(&api, &held, only_reads, response)?;
    drop(held);
    // The audit log reads the user from the answer, because the request is consumed by now.
    if let Some(user) = audited {
        response.extensions_mut().insert(user);
    }
    Ok(response)
}

/// Notes the owner of the credential of `request`, who is returned if the audit log names them.
fn sign_in(api: &Api, request: &mut Request) -> Result<Option<User>, ApiError> {
    let presented = presented(request.headers(), request.uri().query());
    let Some(presented) = presented else {
        return Err(unauthorized("Unauthorized - One of Token or API key required."));
    };
    let identity = identify(api, &presented)?;
    let only_reads = is_read(request.method());
    if presented.location == COOKIE && !only_reads {
        refuse_foreign_origin(request.headers())?;
    }
    // When seats run out, connections of users are spared for longer than those of strangers.
    if let Some(seat) = request.extensions().get::<Arc<Seat>>() {
        seat.sign_in();
    }
    let user = User(identity.user.clone());
    let audited = (!only_reads && trail::is_audited(request.uri().path())).then(|| user.clone());
    request.extensions_mut().insert(user);
    request.extensions_mut().insert(SignedIn { identity, location: presented.location });
    Ok(audited)
}

fn identify(api: &Api, presented: &Presented) -> Result<Identity, ApiError> {
    // It is accepted in every place where a credential may stand.
    if api.access.admin_token.is(&presented.secret) {
        return Ok(Identity { user: ADMIN.into(), made_by: None, credential: Credential::AdminToken });
    }
    let (what, found) = match presented.kind {
        Kind::Token => ("token", api.engine.access().identify_token(&presented.secret)),
        Kind::ApiKey => ("API key", api.engine.access().identify_api_key(&presented.secret)),
        Kind::Bearer => match api.engine.access().identify_token(&presented.secret) {
            // A key may stand in `Authorization: Bearer` as well, and the reason why a key is refused is the better
            // answer.
            Err(Rejected::Unknown) => {
                ("token or API key", api.engine.access().identify_api_key(&presented.secret))
            }
            found => ("token", found),
        },
    };
    found.map_err(|rejected| {
        let why = match rejected {
            Rejected::Unknown => "is not valid",
            Rejected::Expired => "has expired",
            Rejected::Disabled => "is disabled",
        };
        unauthorized(&format!("Unauthorized - the {what} {why}."))
    })
}

/// 401 with a remedy. A stranger is not told where the token's file is.
fn unauthorized(message: &str) -> ApiError {
    let hint = "sign in with `petrel login`, or send the header X-Auth-Token; on the host's own machine the file \
                admin-token in its data directory has one";
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message, hint)
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Refuses a change that a browser sends on behalf of a foreign page. A browser adds the cookie by itself, and names
/// the page's origin in `Origin` or `Sec-Fetch-Site`. A client that sends its token in a header has chosen to.
fn refuse_foreign_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    // What cannot be read as text counts as foreign.
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let host = text("host").unwrap_or_default();
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    let is_foreign = match text("origin") {
        Some(origin) => !is_own(origin),
        None => text("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site)),
    };
    if is_foreign {
        let message = "a page of another origin may not change anything with the cookie of this host";
        let hint = "send the token in the header X-Auth-Token";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", message, hint));
    }
    Ok(())
}

fn presented(headers: &HeaderMap, query: Option<&str>) -> Option<Presented> {
    let made = |kind, location| move |secret| Presented { kind, secret, location };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let in_query = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    header("x-auth-token")
        .map(made(Kind::Token, "header"))
        .or_else(|| header("st2-api-key").map(made(Kind::ApiKey, "header")))
        .or_else(|| in_query("x-auth-token").map(made(Kind::Token, "query")))
        .or_else(|| in_query("st2-api-key").map(made(Kind::ApiKey, "query")))
        .or_else(|| cookie(headers).map(made(Kind::Token, COOKIE)))
        .or_else(|| authorization(headers))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == "auth-token").map(|(_, value)| value.to_owned())
}

fn authorization(headers: &HeaderMap) -> Option<Presented> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let kind = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Kind::Bearer,
        "st2-api-key" => Kind::ApiKey,
        _ => return None,
    };
    Some(Presented { kind, secret: secret.trim().to_owned(), location: "header" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_changes_nothing_for_a_page_from_elsewhere() {
        for (pairs, is_taken) in [
            (&[("host", "petrel:9101"), ("origin", "http://petrel:9101")][..], true),
            (&[("host", "petrel:9101")], true),
            (&[("host", "petrel:9101"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "petrel:9101"), ("origin", "https://evil.example")], false),
            (&[("host", "petrel:9101"), ("origin", "http://petrel")], false),
            (&[("host", "petrel:9101"), ("origin", "null")], false),
            (&[("host", "petrel:9101"), ("origin", "")], false),
            (&[("host", "petrel:9101"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://")], true),
        ] {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            assert_eq!(refuse_foreign_origin(&headers.collect()).is_ok(), is_taken, "{pairs:?}");
        }
    }

    #[test]
    fn a_token_is_found_where_stackstorm_looks_for_it() {
        let all = [
            ("x-auth-token", "1"),
            ("st2-api-key", "2"),
            ("cookie", "a=b; auth-token=5"),
            ("authorization", "Bearer 6"),
        ];
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let found = |pairs: &[(&'static str, &'static str)], query| {
            presented(&headers(pairs), query).map(|found| (found.kind, found.secret, found.location))
        };
        let query = Some("st2-api-key=4&x-auth-token=3%21");
        for (pairs, query, expected) in [
            (&all[..], query, Some((Kind::Token, "1", "header"))),
            (&all[1..], query, Some((Kind::ApiKey, "2", "header"))),
            (&all[2..], query, Some((Kind::Token, "3!", "query"))),
            (&all[2..], Some("st2-api-key=4"), Some((Kind::ApiKey, "4", "query"))),
            (&all[2..], None, Some((Kind::Token, "5", "cookie"))),
            (&all[3..], None, Some((Kind::Bearer, "6", "header"))),
            (&[("authorization", "bearer  8")], None, Some((Kind::Bearer, "8", "header"))),
            (&[("authorization", "st2-api-key 7")], None, Some((Kind::ApiKey, "7", "header"))),
            (&[("authorization", "Basic eA==")], None, None),
            (&[], None, None),
        ] {
            let expected = expected.map(|(kind, secret, location)| (kind, secret.to_owned(), location));
            assert_eq!(found(pairs, query), expected);
        }
    }
}
