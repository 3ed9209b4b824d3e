//! Who may come in: one token, for now, that of the admin. It is looked for where StackStorm looks for
//! it, in the same order: `X-Auth-Token`, `St2-Api-Key`, the queries of these names, the cookie
//! `auth-token`.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq as _;

use crate::{Api, ApiError};

/// Who may come in.
pub struct Access {
    /// The admin's token.
    pub admin_token: String,
    /// Where the admin finds it, for the message that says that it is missing.
    pub token_file: String,
}

/// On whose behalf a request comes.
#[derive(Debug, Clone)]
pub struct User(pub String);

/// Lets a request with the right token pass, as the user whose token it is.
///
/// # Errors
/// 401 without a token, or with a wrong one.
pub async fn require(State(api): State<Api>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let Some(token) = presented(request.headers(), request.uri().query()) else {
        return Err(unauthorized(&api, "Unauthorized - One of Token or API key required."));
    };
    // Compared without telling by the time it takes how much of it is right.
    if !bool::from(token.as_bytes().ct_eq(api.access.admin_token.as_bytes())) {
        return Err(unauthorized(&api, "Unauthorized - the token is not valid."));
    }
    request.extensions_mut().insert(User("admin".into()));
    Ok(next.run(request).await)
}

fn unauthorized(api: &Api, message: &str) -> ApiError {
    let hint = format!("send the header X-Auth-Token with what is in {}", api.access.token_file);
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message, hint)
}

fn presented(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let in_query = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    header("x-auth-token")
        .or_else(|| header("st2-api-key"))
        .or_else(|| in_query("x-auth-token"))
        .or_else(|| in_query("st2-api-key"))
        .or_else(|| cookie(headers))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == "auth-token").map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_where_stackstorm_looks_for_it() {
        let all = [("x-auth-token", "1"), ("st2-api-key", "2"), ("cookie", "a=b; auth-token=5")];
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let query = Some("st2-api-key=4&x-auth-token=3%21");
        assert_eq!(presented(&headers(&all), query).unwrap(), "1");
        assert_eq!(presented(&headers(&all[1..]), query).unwrap(), "2");
        assert_eq!(presented(&headers(&all[2..]), query).unwrap(), "3!");
        assert_eq!(presented(&headers(&all[2..]), Some("st2-api-key=4")).unwrap(), "4");
        assert_eq!(presented(&headers(&all[2..]), None).unwrap(), "5");
        assert_eq!(presented(&HeaderMap::new(), None), None);
    }
}
