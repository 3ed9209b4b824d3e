//! Listings, with StackStorm's parameters `limit`, `offset`, `include_attributes` and `exclude_attributes`. This file
//! lists what is in memory, [`part`] what is read from the store. The parameters of each list stand in a table in
//! [`lists`], by which [`query`] reads a request; [`narrow`] leaves out the attributes that were not asked for.
//!
//! An answer that would take too much memory ends early and says so in a header of ours: `X-Next-Offset` has the
//! `offset` at which a list in memory goes on.

use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use petrel_engine::Error;
use petrel_model::Id;
use serde::{Deserialize, Serialize};

use crate::{Api, ApiError, listing};

mod collect;
pub(crate) mod lists;
mod narrow;
mod part;
mod query;
mod rows;

pub(crate) use collect::read_each;
pub(crate) use lists::OF_REQUESTS;
pub(crate) use part::{Listed, Part};
pub(crate) use query::{Asked, ListRequest, refuse_repeated};

/// The length of a page, in items, where the query sets none.
const DEFAULT_LIMIT: usize = 100;

/// The greatest offset in a list that only grows, in items. `before` goes on from there.
const LONGEST_LISTING: usize = 10_000;
/// Bytes of JSON after which an answer ends early. A single item may be larger.
const MOST_BYTES: usize = 32 << 20;

/// The query of a listing. Numbers are text here, so that an invalid one gets StackStorm's message.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageQuery {
    limit: Option<String>,
    offset: Option<String>,
    before: Option<String>,
    after: Option<String>,
    include_attributes: Option<String>,
    exclude_attributes: Option<String>,
}

/// The part of a listing and the attributes that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageRequest {
    /// The greatest number of items.
    pub(crate) limit: usize,
    /// The number of items to skip.
    pub(crate) offset: usize,
    /// Only items older than this id. It goes on where another page ended, and costs nothing, unlike an offset.
    pub(crate) before: Option<Id>,
    /// Only items newer than this id: the same for a list from the oldest to the newest.
    pub(crate) after: Option<Id>,
    attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Attributes {
    All,
    Only(Vec<String>),
    Without(Vec<String>),
}

impl PageQuery {
    /// The field of the parameter `name`.
    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "limit" => Some(&mut self.limit),
            "offset" => Some(&mut self.offset),
            "before" => Some(&mut self.before),
            "after" => Some(&mut self.after),
            "include_attributes" => Some(&mut self.include_attributes),
            "exclude_attributes" => Some(&mut self.exclude_attributes),
            _ => None,
        }
    }

    /// A query that only chooses attributes.
    pub(crate) fn of_one(only: Option<String>, without: Option<String>) -> Self {
        Self { include_attributes: only, exclude_attributes: without, ..Self::default() }
    }

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
            // Attributes are shown as a whole: `action.ref` asks for `action`.
            text.split(',').map(|word| word.split('.').next().unwrap_or(word).to_owned()).collect()
        };
        let said = |words: Option<String>| words.filter(|words| !words.is_empty());
        let attributes = match (said(self.include_attributes), said(self.exclude_attributes)) {
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
        let end = |text: Option<String>| {
            text.map(|text| text.parse::<Id>()).transpose().map_err(|error| {
                ApiError::invalid(error.to_string(), "give the id of the last item of the page before")
            })
        };
        Ok(PageRequest { limit, offset, before: end(self.before)?, after: end(self.after)?, attributes })
    }
}

/// The number of items in a whole list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    /// The items that were counted.
    pub(crate) count: usize,
    /// Whether all items were counted. Otherwise there are at least `count`.
    pub(crate) is_exact: bool,
}

/// A listing of things in memory, as text.
struct Written {
    text: Vec<u8>,
    /// The number of items in the whole list.
    total: usize,
    /// The number of the first item that is left out, if the listing ends early because of its size.
    goes_on_at: Option<usize>,
}

impl PageRequest {
    /// The requested part of `items`, each as `view` shows it; the others are only counted. `id` and `ref` are shown
    /// whatever the attributes. It ends early at [`MOST_BYTES`].
    ///
    /// # Errors
    /// As [`listing::hold`].
    pub(crate) fn answer<T, V: Serialize>(
        &self,
        api: &Api,
        items: impl Iterator<Item = T>,
        view: impl Fn(T) -> V,
    ) -> Result<Response, ApiError> {
        let mut held = None;
        let written = self.write(items, view, |bytes| listing::hold(api, &mut held, bytes))?;
        let mut headers = self.headers(Some(Total { count: written.total, is_exact: true }));
        if let Some(offset) = written.goes_on_at {
            headers.insert("x-next-offset", offset.into());
        }
        let mut answer = listing::written(written.text, held);
        answer.headers_mut().extend(headers);
        Ok(answer)
    }

    /// Writes the requested items. `hold` is told how much memory the text takes as it grows.
    fn write<T, V: Serialize>(
        &self,
        items: impl Iterator<Item = T>,
        view: impl Fn(T) -> V,
        mut hold: impl FnMut(usize) -> Result<(), ApiError>,
    ) -> Result<Written, ApiError> {
        let wanted = self.offset..self.offset.saturating_add(self.limit);
        let mut written = Written { text: vec![b'['], total: 0, goes_on_at: None };
        for item in items {
            if wanted.contains(&written.total) && written.goes_on_at.is_none() {
                if written.text.len() >= MOST_BYTES {
                    written.goes_on_at = Some(written.total);
                } else {
                    if written.text.len() > 1 {
                        written.text.push(b',');
                    }
                    serde_json::to_writer(&mut written.text, &self.narrowed(view(item)))
                        .map_err(|error| Error::Internal(error.to_string()))?;
                    hold(written.text.capacity())?;
                }
            }
            written.total += 1;
        }
        written.text.push(b']');
        Ok(written)
    }

    /// The request, for a list that only grows. Refused if its offset is beyond the reach of one request.
    pub(crate) fn within_reach(mut self) -> Result<Self, ApiError> {
        if self.offset >= LONGEST_LISTING {
            let message =
                format!("offset {} is further than one request goes ({LONGEST_LISTING})", self.offset);
            return Err(ApiError::invalid(message, "go on with before=ID, the id of the last item you have"));
        }
        self.limit = self.limit.min(LONGEST_LISTING - self.offset);
        Ok(self)
    }

    fn headers(&self, total: Option<Total>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(total) = total {
            headers.insert("x-total-count", total.count.into());
            if !total.is_exact {
                headers.insert("x-total-at-least", HeaderValue::from_static("true"));
            }
        }
        if self.limit != usize::MAX {
            headers.insert("x-limit", self.limit.into());
        }
        headers
    }

    /// Whether this attribute is shown.
    pub(crate) fn shows(&self, name: &str) -> bool {
        match &self.attributes {
            Attributes::All => true,
            Attributes::Only(names) => names.iter().any(|known| known == name),
            Attributes::Without(names) => names.iter().all(|known| known != name),
        }
    }

    /// Whether this attribute is asked for by its name.
    pub(crate) fn names(&self, name: &str) -> bool {
        matches!(&self.attributes, Attributes::Only(names) if names.iter().any(|known| known == name))
    }

    /// The request, with the attribute `whole` added where its part `name` was asked for.
    pub(crate) fn with_whole(mut self, name: &str, whole: &str) -> Self {
        let is_named = self.names(name);
        if let Attributes::Only(names) = &mut self.attributes {
            names.extend(is_named.then(|| whole.to_owned()));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(super) fn query(text: &str) -> Result<PageRequest, ApiError> {
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

    fn written(request: &str, texts: &[&str]) -> (Vec<Value>, usize, Option<usize>) {
        let view = |text: &str| json!({"text": text});
        let written = query(request).unwrap().write(texts.iter().copied(), view, |_| Ok(())).unwrap();
        (serde_json::from_slice(&written.text).unwrap(), written.total, written.goes_on_at)
    }

    #[test]
    fn only_what_is_shown_is_rendered() {
        for (text, shown) in [
            ("limit=3", vec![0, 1, 2]),
            ("limit=2&offset=9999", vec![9999]),
            ("limit=2&offset=10001", vec![]),
        ] {
            let rendered = std::cell::RefCell::new(Vec::new());
            let view = |number| {
                rendered.borrow_mut().push(number);
                json!({"id": number})
            };
            let written = query(text).unwrap().write(0..10_000, view, |_| Ok(())).unwrap();
            let found: Vec<Value> = serde_json::from_slice(&written.text).unwrap();
            assert_eq!(found, shown.iter().map(|number| json!({"id": number})).collect::<Vec<_>>(), "{text}");
            assert_eq!((rendered.into_inner(), written.total), (shown, 10_000), "{text}");
        }
    }

    #[test]
    fn a_listing_ends_when_it_holds_enough_and_goes_on_from_there() {
        let large = "x".repeat(MOST_BYTES / 2);
        let large = large.as_str();
        let texts = ["a", large, large, large, "b"];
        for (request, count, goes_on_at) in [
            ("limit=-1", 3, Some(3)),
            ("limit=-1&offset=3", 2, None),
            ("limit=2", 2, None),
            ("limit=-1&offset=5", 0, None),
        ] {
            let (found, total, next) = written(request, &texts);
            assert_eq!((found.len(), total, next), (count, 5, goes_on_at), "{request}");
        }
    }

    #[test]
    fn a_listing_for_which_there_is_no_room_is_refused_before_it_is_whole() {
        let text = "x".repeat(1 << 20);
        let mut most = 0;
        let refused = query("limit=-1").unwrap().write(
            std::iter::repeat_n(&text, 100),
            |text| json!(text),
            |bytes| {
                most = bytes;
                if bytes < 4 << 20 { Ok(()) } else { Err(Error::Busy("full".into()).into()) }
            },
        );
        assert!(refused.is_err() && most < 16 << 20, "{most} bytes");
    }
}
