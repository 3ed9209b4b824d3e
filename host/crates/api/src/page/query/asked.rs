//! The query of a list as it is received, before it is checked: its pairs, and the user who asks.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::ApiError;
use crate::extensions::User;
use crate::extract::asks_for_secrets;

/// The raw query of a list.
pub(crate) struct Asked {
    pub(super) pairs: Vec<(String, String)>,
    /// The user who asks.
    pub(super) user: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        asks_for_secrets(query)?;
        let pairs = form_urlencoded::parse(query.as_bytes());
        let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let user = parts.extensions.get::<User>().map(|User(user)| user.clone()).unwrap_or_default();
        Ok(Self { pairs, user })
    }
}
