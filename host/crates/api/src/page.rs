//! Listings: `limit`, `offset`, `include_attributes`, `exclude_attributes`, as StackStorm has them.

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use petrel_model::Id;
use petrel_persistence::Page;
use serde::Deserialize;
use serde_json::Value;

use crate::ApiError;

/// The default length of a page.
const DEFAULT_LIMIT: usize = 100;

/// How far one request looks into what only grows; `before` goes on from there.
const LONGEST_LISTING: usize = 10_000;
/// How many items are read from the store at once.
const STEP: usize = 1000;

/// The query of a listing. Numbers come as text, so that what is no number gets our own message.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageQuery {
    limit: Option<String>,
    offset: Option<String>,
    before: Option<String>,
    include_attributes: Option<String>,
    exclude_attributes: Option<String>,
}

/// Which part of a listing, and which attributes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageRequest {
    /// How many items at most.
    pub(crate) limit: usize,
    /// How many to pass over.
    pub(crate) offset: usize,
    /// Only what is older than this id: goes on where another page ended, at no cost.
    pub(crate) before: Option<Id>,
    attributes: Attributes,
}

#[derive(Debug, PartialEq, Eq)]
enum Attributes {
    All,
    Only(Vec<String>),
    Without(Vec<String>),
}

impl PageQuery {
    /// The query, checked.
    pub(crate) fn parse(self) -> Result<PageRequest, ApiError> {
        let number = |name: &str, text: Option<String>| match text {
            None => Ok(None),
            Some(text) => text.parse::<i64>().map(Some).map_err(|_not_a_number| {
                let message = format!("Parameter \"{name}\" is not of type integer");
                ApiError::invalid(message, format!("write a whole number, as in {name}=50"))
            }),
        };
        let limit = match number("limit", self.limit)? {
            None => DEFAULT_LIMIT,
            Some(-1) => usize::MAX,
            Some(limit) => usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or_else(|| {
                ApiError::invalid(
                    format!("Limit, \"{limit}\" specified, must be a positive number."),
                    "use limit=-1 for all",
                )
            })?,
        };
        let offset = number("offset", self.offset)?.unwrap_or(0);
        let offset = usize::try_from(offset)
            .map_err(|_negative| ApiError::invalid(format!("offset {offset} is negative"), "count from 0"))?;
        let words = |text: String| {
            text.split(',').map(|word| word.split('.').next().unwrap_or(word).to_owned()).collect()
        };
        let attributes = match (self.include_attributes, self.exclude_attributes) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid(
                    "exclude.attributes and include.attributes arguments are mutually exclusive. You need to provide either one or another, but not both.",
                    "leave one of them out",
                ));
            }
            (Some(only), None) => Attributes::Only(words(only)),
            (None, Some(without)) => Attributes::Without(words(without)),
            (None, None) => Attributes::All,
        };
        let before = self.before.map(|text| text.parse::<Id>()).transpose().map_err(|error| {
            ApiError::invalid(error.to_string(), "give the id of the last item of the page before")
        })?;
        Ok(PageRequest { limit, offset, before, attributes })
    }
}

impl PageRequest {
    /// The part of `items` that was asked for, each as `view` shows it; all others are but counted. `id` and
    /// `ref` are there whatever the attributes.
    pub(crate) fn answer<T>(&self, items: impl Iterator<Item = T>, view: impl Fn(T) -> Value) -> Response {
        let wanted = self.offset..self.offset.saturating_add(self.limit);
        let (mut total, mut shown) = (0, Vec::new());
        for item in items {
            if wanted.contains(&total) {
                shown.push(view(item));
            }
            total += 1;
        }
        self.respond(shown.into_iter(), Some(total))
    }

    /// The same request for what only grows, within what one request may look at.
    pub(crate) fn within_reach(mut self) -> Result<Self, ApiError> {
        if self.offset >= LONGEST_LISTING {
            let message =
                format!("offset {} is further than one request goes ({LONGEST_LISTING})", self.offset);
            return Err(ApiError::invalid(message, "go on with before=ID, the id of the last item you have"));
        }
        self.limit = self.limit.min(LONGEST_LISTING - self.offset);
        Ok(self)
    }

    /// The part that was asked for, read from the store page by page: `read` gets where to go on and how
    /// many items are wanted.
    pub(crate) async fn collect<T, I: From<Id>, F>(
        &self,
        read: impl Fn(Option<I>, usize) -> F,
    ) -> Result<Vec<T>, ApiError>
    where
        F: Future<Output = Result<Page<T, I>, petrel_persistence::Error>>,
    {
        let wanted = self.offset.saturating_add(self.limit);
        let mut found = Vec::new();
        let mut before = self.before.map(I::from);
        loop {
            let part = read(before, (wanted - found.len()).min(STEP)).await?;
            found.extend(part.items);
            before = part.next;
            if before.is_none() || found.len() >= wanted {
                return Ok(found.split_off(self.offset.min(found.len())));
            }
            // A long listing lets others have their turn.
            tokio::task::yield_now().await;
        }
    }

    /// Items that are the part that was asked for.
    pub(crate) fn answer_part(&self, items: impl Iterator<Item = Value>) -> Response {
        self.respond(items, None)
    }

    fn respond(&self, items: impl Iterator<Item = Value>, total: Option<usize>) -> Response {
        let items: Vec<_> = items.map(|item| self.narrow(item)).collect();
        let mut headers = HeaderMap::new();
        if let Some(total) = total {
            headers.insert("x-total-count", total.into());
        }
        if self.limit != usize::MAX {
            headers.insert("x-limit", self.limit.into());
        }
        (headers, Json(items)).into_response()
    }

    /// One item with the attributes that were asked for.
    pub(crate) fn narrow(&self, mut item: Value) -> Value {
        if let Some(object) = item.as_object_mut() {
            let always = |name: &String| name == "id" || name == "ref";
            match &self.attributes {
                Attributes::All => {}
                Attributes::Only(names) => object.retain(|name, _| always(name) || names.contains(name)),
                Attributes::Without(names) => object.retain(|name, _| always(name) || !names.contains(name)),
            }
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(text: &str) -> Result<PageRequest, ApiError> {
        let pairs: serde_json::Map<_, _> =
            form_urlencoded::parse(text.as_bytes()).map(|(k, v)| (k.into_owned(), Value::from(v))).collect();
        serde_json::from_value::<PageQuery>(Value::Object(pairs)).unwrap().parse()
    }

    #[test]
    fn numbers_are_checked() {
        let page = query("limit=5&offset=2").unwrap();
        assert_eq!((page.limit, page.offset), (5, 2));
        assert_eq!(query("").unwrap().limit, 100);
        assert_eq!(query("limit=-1").unwrap().limit, usize::MAX);
        for text in
            ["limit=x", "limit=0", "limit=-2", "offset=-1", "include_attributes=a&exclude_attributes=b"]
        {
            assert!(query(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_is_shown_is_rendered() {
        for (text, shown, total) in [
            ("limit=3", vec![0, 1, 2], "10000"),
            ("limit=2&offset=9999", vec![9999], "10000"),
            ("limit=2&offset=10001", vec![], "10000"),
        ] {
            let rendered = std::cell::RefCell::new(Vec::new());
            let answer = query(text).unwrap().answer(0..10_000, |number| {
                rendered.borrow_mut().push(number);
                json!({"id": number})
            });
            assert_eq!(rendered.into_inner(), shown, "{text}");
            assert_eq!(answer.headers().get("x-total-count").unwrap(), total, "{text}");
        }
    }

    #[test]
    fn attributes_narrow_an_item() {
        let item = json!({"id": 1, "ref": "a.b", "x": 1, "y": {"z": 2}});
        assert_eq!(
            query("include_attributes=y.z").unwrap().narrow(item.clone()),
            json!({"id": 1, "ref": "a.b", "y": {"z": 2}})
        );
        assert_eq!(
            query("exclude_attributes=y,id").unwrap().narrow(item),
            json!({"id": 1, "ref": "a.b", "x": 1})
        );
    }
}
