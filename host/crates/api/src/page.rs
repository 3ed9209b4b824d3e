//! Listings: `limit`, `offset`, `include_attributes`, `exclude_attributes`, as StackStorm has them.
//!
//! What only grows may be large. An answer that would hold too much ends early, and says so in a header of ours:
//! `X-Next-Before` is what to give as `before` to go on.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use petrel_model::{Enforcement, Execution, Id, TriggerInstance};
use petrel_persistence::{Page, Unreadable};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApiError, listing, views};

/// The default length of a page.
const DEFAULT_LIMIT: usize = 100;

/// How far one request looks into what only grows; `before` goes on from there.
const LONGEST_LISTING: usize = 10_000;
/// How many items are read from the store at once.
const STEP: usize = 1000;
/// How many bytes of JSON one answer holds before it ends early. (One item may be larger.)
const MOST_BYTES: usize = 32 << 20;

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
                shown.push(self.narrow(view(item)));
            }
            total += 1;
        }
        (self.headers(Some(total)), Json(shown)).into_response()
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
    /// many items are wanted. It ends early when it holds [`MOST_BYTES`]. What lies there and cannot be read is beside it.
    pub(crate) async fn collect<T: Listed, I: From<Id>, F>(
        &self,
        read: impl Fn(Option<I>, usize) -> F,
    ) -> Result<Part<T>, ApiError>
    where
        F: Future<Output = Result<Page<T, I>, petrel_persistence::Error>>,
    {
        let mut part = Part::of(Vec::new(), Vec::new());
        let mut to_pass = self.offset;
        let mut before = self.before.map(I::from);
        loop {
            let wanted = to_pass.saturating_add(self.limit - part.items.len());
            let page = read(before, wanted.min(STEP)).await?;
            before = page.next;
            part.lost.extend(page.unreadable);
            let passed = to_pass.min(page.items.len());
            to_pass -= passed;
            let has_room = part.add(page.items.into_iter().skip(passed), before.is_some());
            if before.is_none() || part.items.len() >= self.limit || !has_room {
                return Ok(part);
            }
            // A long listing lets others have their turn.
            tokio::task::yield_now().await;
        }
    }

    /// Items that are the part that was asked for, newest first, each as `view` shows it when its turn comes to be sent;
    /// and what lies among them and cannot be read, in its place.
    pub(crate) fn answer_part<T, V>(
        &self,
        part: Part<T>,
        view: impl Fn(T) -> V + Send + Unpin + 'static,
    ) -> Response
    where
        T: Listed + Send + Unpin + 'static,
        V: Serialize,
    {
        let goes_on_at = part.goes_on_at;
        let shown = part.in_order().into_iter().map(move |place| match place {
            Place::Whole(item) => Shown::Whole(view(item)),
            Place::Lost(lost) => Shown::Lost(views::unreadable(&lost)),
        });
        let mut answer = listing::answer(shown);
        answer.headers_mut().extend(self.headers(None));
        if let Some(value) = goes_on_at.and_then(|id| HeaderValue::try_from(id.to_string()).ok()) {
            answer.headers_mut().insert("x-next-before", value);
        }
        answer
    }

    fn headers(&self, total: Option<usize>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(total) = total {
            headers.insert("x-total-count", total.into());
        }
        if self.limit != usize::MAX {
            headers.insert("x-limit", self.limit.into());
        }
        headers
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

/// What is listed in parts.
pub(crate) trait Listed {
    /// Its id.
    fn id(&self) -> Id;

    /// About how many bytes of memory it takes.
    fn bytes(&self) -> usize;
}

impl Listed for TriggerInstance {
    fn id(&self) -> Id {
        self.id.0
    }

    fn bytes(&self) -> usize {
        self.payload.text().len()
    }
}

impl Listed for Enforcement {
    fn id(&self) -> Id {
        self.id.0
    }

    fn bytes(&self) -> usize {
        self.failure_reason.as_ref().map_or(0, String::len)
    }
}

impl Listed for Execution {
    fn id(&self) -> Id {
        self.id.0
    }

    fn bytes(&self) -> usize {
        let parameters: usize = self.parameters.iter().map(|(name, value)| name.len() + bytes(value)).sum();
        parameters + self.result.as_deref().map_or(0, bytes)
    }
}

/// About how many bytes of memory `value` takes.
fn bytes(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(bytes).sum::<usize>(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| name.len() + size_of::<Value>() + bytes(value))
                .sum::<usize>(),
        }
}

/// Items of a listing.
#[derive(Debug)]
pub(crate) struct Part<T> {
    items: Vec<T>,
    /// What lies among them and cannot be read.
    lost: Vec<Unreadable>,
    bytes: usize,
    /// The id of the last item, if it ends early because it holds enough.
    goes_on_at: Option<Id>,
}

impl<T> Part<T> {
    /// Items that are all that was asked for, and what lies among them and cannot be read.
    pub(crate) fn of(items: Vec<T>, lost: Vec<Unreadable>) -> Self {
        Self { items, lost, bytes: 0, goes_on_at: None }
    }
}

/// A place in a listing.
enum Place<T> {
    Whole(T),
    Lost(Unreadable),
}

/// What is shown in a place.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<V> {
    Whole(V),
    Lost(Value),
}

impl<T: Listed> Part<T> {
    /// All of it, newest first.
    fn in_order(self) -> Vec<Place<T>> {
        let has_lost = !self.lost.is_empty();
        let mut places: Vec<_> = self.items.into_iter().map(Place::Whole).collect();
        places.extend(self.lost.into_iter().map(Place::Lost));
        if has_lost {
            places.sort_by_cached_key(|place| {
                std::cmp::Reverse(match place {
                    Place::Whole(item) => item.id().to_string(),
                    Place::Lost(lost) => lost.id.clone(),
                })
            });
        }
        places
    }

    /// Adds `items`, after which there are more if `has_more`. Returns whether more would have room.
    fn add(&mut self, items: impl ExactSizeIterator<Item = T>, has_more: bool) -> bool {
        let mut items = items;
        while self.bytes < MOST_BYTES {
            let Some(item) = items.next() else { return true };
            self.bytes += item.bytes();
            self.items.push(item);
        }
        if items.len() > 0 || has_more {
            self.goes_on_at = self.items.last().map(Listed::id);
        }
        false
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
    fn what_cannot_be_read_is_shown_in_its_place() {
        struct Small(&'static str);
        impl Listed for Small {
            fn id(&self) -> Id {
                self.0.parse().unwrap()
            }
            fn bytes(&self) -> usize {
                1
            }
        }
        let ids = ["d", "c", "b", "a"].map(|letter| letter.repeat(24));
        let [d, c, b, a] = &ids;
        let lost = |id: &String| Unreadable { kind: "execution", id: id.clone(), reason: "why".into() };
        let items = vec![Small(c.clone().leak()), Small(a.clone().leak())];
        let page = query("include_attributes=id").unwrap();
        let part = Part::of(items, vec![lost(b), lost(d)]);
        let response = page.answer_part(part, |item| json!({"id": item.0}));
        let body = axum::body::to_bytes(response.into_body(), usize::MAX);
        let body = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(body).unwrap();
        let shown: Value = serde_json::from_slice(&body).unwrap();
        let found: Vec<_> =
            shown.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(found, ids);
        assert_eq!(shown[0]["error"], "cannot be read: why");
        assert_eq!(shown[0]["hint"], Unreadable::REMEDY);
        assert_eq!(shown[1], json!({"id": c}));
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
    fn a_part_ends_when_it_holds_enough() {
        struct Large(u64);
        impl Listed for Large {
            fn id(&self) -> Id {
                Id::from_parts(1, self.0)
            }
            fn bytes(&self) -> usize {
                MOST_BYTES / 2
            }
        }
        for (sizes, has_more, kept, goes_on) in [
            (&[1_u64][..], true, 1, false),
            (&[1, 2], false, 2, false),
            (&[1, 2], true, 2, true),
            (&[1, 2, 3], false, 2, true),
        ] {
            let mut part = Part::of(Vec::new(), Vec::new());
            let items: Vec<_> = sizes.iter().map(|&number| Large(number)).collect();
            let has_room = part.add(items.into_iter(), has_more);
            assert_eq!((part.items.len(), part.goes_on_at.is_some()), (kept, goes_on), "{sizes:?}");
            assert_eq!(has_room, kept < 2, "{sizes:?}");
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
