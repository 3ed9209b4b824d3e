//! The query of a route that is no list. As in StackStorm, a name that the route does not know is ignored, unless it is a
//! slip of a known one, or asks for an effect that the route does not have: those are refused, since the answer would be
//! another one than was wanted. Lists (`page/query.rs`) refuse all unknown names: each asks for fewer items.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::ApiError;
use crate::extract::{asks_for_secrets, flag};
use crate::page::{OF_REQUESTS, PageQuery, PageRequest, refuse_repeated};
use crate::words::{is_idle, known, shown};

/// The parameters that choose attributes of the answer.
pub(crate) const ATTRIBUTES: [&str; 2] = ["include_attributes", "exclude_attributes"];

/// The query of a request, without the parameters that every request may have.
#[derive(Debug, Default)]
pub(crate) struct Said {
    path: String,
    pairs: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Said {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::read(parts.uri.path(), parts.uri.query().unwrap_or_default())
    }
}

/// A query in which only the parameters that every request may have mean something.
#[derive(Debug)]
pub(crate) struct Nothing;

impl<S: Send + Sync> FromRequestParts<S> for Nothing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Said::from_request_parts(parts, state).await?.only(&[]).map(|_said| Self)
    }
}

impl Said {
    fn read(path: &str, query: &str) -> Result<Self, ApiError> {
        asks_for_secrets(query)?;
        let pairs = form_urlencoded::parse(query.as_bytes());
        let pairs: Vec<_> = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        refuse_repeated(&pairs)?;
        let pairs = pairs.into_iter().filter(|(name, _)| !OF_REQUESTS.contains(&name.as_str()));
        Ok(Self { path: path.to_owned(), pairs: pairs.collect() })
    }

    /// Returns the query unchanged if its other names than these can be ignored.
    ///
    /// # Errors
    /// 400 with the first unknown name that cannot, and with the known ones.
    pub(crate) fn only(self, names: &[&str]) -> Result<Self, ApiError> {
        let all: Vec<_> = names.iter().copied().chain(OF_REQUESTS).collect();
        let is_off =
            |name: &str, value: &str| value.is_empty() || flag(name, value).is_ok_and(|is_on| !is_on);
        let mut unknown = self.pairs.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        let meant = unknown.find(|(name, value)| !is_idle(name, is_off(name, value), all.iter().copied()));
        let Some((name, _)) = meant else { return Ok(self) };
        let is_slip = !is_idle(name, true, all.iter().copied());
        let hint = if names.is_empty() && !is_slip {
            "leave out the part after the question mark".to_owned()
        } else {
            known(name, "it knows", &all)
        };
        Err(ApiError::invalid(format!("{} knows no `{}`", shown(&self.path), shown(name)), hint))
    }

    /// The value of `name`, unless it is absent or empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of `name`, parsed as a number or an id.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, ApiError> {
        let read = |text: &str| {
            text.parse().map_err(|_unparsable| {
                let message = format!("`{name}`: `{}` is not {what}", shown(text));
                ApiError::invalid(message, format!("write {what}, or leave {name} out"))
            })
        };
        self.text(name).map(read).transpose()
    }

    /// Whether the query has `name=true`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        self.text(name).map_or(Ok(false), |text| flag(name, text))
    }

    /// The attributes that the query asks for.
    pub(crate) fn attributes(&self) -> Result<PageRequest, ApiError> {
        let [only, without] = ATTRIBUTES.map(|name| self.text(name).map(str::to_owned));
        PageQuery::of_one(only, without).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_route_does_not_know_is_ignored_or_refused_by_name() {
        let known = ["depth", "wide"];
        for (query, is_taken) in [
            ("", true),
            ("depth=1", true),
            ("depth=1&wide=true&show_secrets=True&x-auth-token=t&st2-api-key=k", true),
            ("colour=red&_=1760000000", true),
            ("dry_run=false&force=", true),
            ("dry_run=true", false),
            ("dept=1", false),
            ("Wide=0", false),
            ("show_secret=1", false),
            ("depth=1&depth=2", false),
            ("show_secrets=anything", false),
            ("show_secrets=", false),
        ] {
            let said = Said::read("/executions/1", query).and_then(|said| said.only(&known));
            assert_eq!(said.is_ok(), is_taken, "{query}");
        }
    }

    #[test]
    fn values_are_read_or_refused() {
        let said = Said::read("/executions/1", "depth=-1&wide=yes&empty=&odd=x").unwrap();
        assert_eq!(said.parsed::<i64>("depth", "a whole number").unwrap(), Some(-1));
        assert_eq!(said.parsed::<i64>("empty", "a whole number").unwrap(), None);
        assert_eq!(said.text("missing"), None);
        assert!(said.flag("wide").unwrap() && !said.flag("missing").unwrap());
        assert!(said.parsed::<i64>("odd", "a whole number").is_err() && said.flag("odd").is_err());
    }
}
