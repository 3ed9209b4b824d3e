//! Who may come in. What a request presents is looked for where StackStorm looks for it, in the same
//! order: `X-Auth-Token`, `St2-Api-Key`, the queries of these names, the cookie `auth-token`; and then in
//! `Authorization`, as `Bearer TOKEN` or `St2-Api-Key KEY`.
//!
//! Whose it is, is asked of `petrel_engine::accounts`; only the host's own admin token is compared here.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use petrel_engine::accounts::users::ADMIN;
use petrel_engine::accounts::{Credential, Identity, Worthless};
use subtle::ConstantTimeEq as _;

use crate::body::Held;
use crate::serve::Seat;
use crate::{Api, ApiError};

/// Who may come in beside those who have an account.
pub struct Access {
    /// The admin's token.
    pub admin_token: String,
    /// Where the admin finds it, for the message that says that it is missing.
    pub token_file: String,
    /// Whether figures are shown to everybody.
    pub open_metrics: bool,
    /// Where the API is, for who has signed in.
    pub api_url: String,
}

/// On whose behalf a request comes.
#[derive(Debug, Clone)]
pub struct User(pub String);

/// What a request presented, and where: an extension of the requests that came in.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) identity: Identity,
    /// `header`, `query` or `cookie`.
    pub(crate) location: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Token,
    ApiKey,
}

#[derive(Debug, PartialEq, Eq)]
struct Presented {
    kind: Kind,
    secret: String,
    location: &'static str,
}

/// Lets a request pass that presents something of worth, as the user whose it is.
///
/// # Errors
/// 401 without a token or a key, or with one that is worth nothing.
pub async fn require(State(api): State<Api>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let presented = presented(request.headers(), request.uri().query());
    let Some(presented) = presented else {
        return Err(unauthorized(&api, "Unauthorized - One of Token or API key required."));
    };
    let identity = identify(&api, &presented)?;
    if let Some(seat) = request.extensions().get::<Arc<Seat>>() {
        seat.sign_in();
    }
    request.extensions_mut().insert(User(identity.user.clone()));
    request.extensions_mut().insert(SignedIn { identity, location: presented.location });
    let held = Held::default();
    request.extensions_mut().insert(held.clone());
    let response = next.run(request).await;
    // Until here, whoever takes the request apart.
    drop(held);
    Ok(response)
}

fn identify(api: &Api, presented: &Presented) -> Result<Identity, ApiError> {
    // Compared without telling by the time it takes how much of it is right.
    if bool::from(presented.secret.as_bytes().ct_eq(api.access.admin_token.as_bytes())) {
        return Ok(Identity { user: ADMIN.into(), credential: Credential::AdminToken });
    }
    let (what, found) = match presented.kind {
        Kind::Token => ("token", api.engine.identify_token(&presented.secret)),
        Kind::ApiKey => ("API key", api.engine.identify_api_key(&presented.secret)),
    };
    found.map_err(|worthless| {
        let why = match worthless {
            Worthless::Unknown => "is not valid",
            Worthless::Expired => "has expired",
            Worthless::Disabled => "is disabled",
        };
        unauthorized(api, &format!("Unauthorized - the {what} {why}."))
    })
}

fn unauthorized(api: &Api, message: &str) -> ApiError {
    let hint = format!(
        "sign in with `petrel login`, or send the header X-Auth-Token with what is in {}",
        api.access.token_file
    );
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message, hint)
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
        .or_else(|| cookie(headers).map(made(Kind::Token, "cookie")))
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
        "bearer" => Kind::Token,
        "st2-api-key" => Kind::ApiKey,
        _ => return None,
    };
    Some(Presented { kind, secret: secret.trim().to_owned(), location: "header" })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (&all[3..], None, Some((Kind::Token, "6", "header"))),
            (&[("authorization", "st2-api-key 7")], None, Some((Kind::ApiKey, "7", "header"))),
            (&[("authorization", "Basic eA==")], None, None),
            (&[], None, None),
        ] {
            let expected = expected.map(|(kind, secret, location)| (kind, secret.to_owned(), location));
            assert_eq!(found(pairs, query), expected);
        }
    }
}
