//! Listings of stored items, which may be large: read in parts (`collect.rs`), and written while they are sent. An
//! answer that ends early has the id to go on from in `X-Next-Before`, for the parameter `before`; where the oldest
//! come first, in `X-Next-After`, for `after`. `X-Total-Count` is the number of items; `X-Total-At-Least: true` says
//! that there may be more, since no request reads everything that was ever stored.

use axum::http::HeaderValue;
use axum::response::Response;
use petrel_engine::reads::Unreadable;
use petrel_engine::triggers::{Begun, Claim};
use petrel_model::{Enforcement, Execution, Id, TriggerInstance, size};
use serde::{Serialize, Serializer};

use super::{ListRequest, MOST_BYTES, Total};
use crate::turns::Turn;
use crate::{listing, views};

mod room;

impl ListRequest {
    /// Answers with the requested part, in the order of the list. Each item is turned into its `view` when its turn
    /// comes to be sent. Unreadable rows are shown in their places.
    pub(crate) fn answer_part<T, V>(
        &self,
        mut part: Part<T>,
        view: impl Fn(T) -> V + Send + Unpin + 'static,
    ) -> Response
    where
        T: Listed + Send + Unpin + 'static,
        V: Serialize,
    {
        let (next, total, is_rising) = (part.goes_on_at, part.total, part.is_rising);
        // Turn and glance last until the first chunk is written.
        let (held, _turn) = (part.held.take(), (part.turn.take(), part.glance.take()));
        let shown = part.in_order().into_iter().map(move |place| match place {
            Place::Whole(item) => Shown::Whole(view(item)),
            Place::Lost(lost) => Shown::Lost(Unread(lost)),
        });
        let mut answer = listing::answer(shown, held);
        answer.headers_mut().extend(self.page.headers(total));
        let header = if is_rising { "x-next-after" } else { "x-next-before" };
        say_where_to_go_on(&mut answer, header, next);
        answer
    }
}

/// Adds the `header` with the id from which the listing goes on, if it does.
fn say_where_to_go_on(answer: &mut Response, header: &'static str, next: Option<Id>) {
    if let Some(value) = next.and_then(|id| HeaderValue::try_from(id.to_string()).ok()) {
        answer.headers_mut().insert(header, value);
    }
}

impl Total {
    /// Adds the total to the headers of `answer`.
    fn say(self, answer: &mut Response) {
        answer.headers_mut().insert("x-total-count", self.count.into());
        if !self.is_exact {
            answer.headers_mut().insert("x-total-at-least", HeaderValue::from_static("true"));
        }
    }
}

/// An item of a list that is read in parts.
pub(crate) trait Listed {
    /// Whether items may be large. A list that turns out to be large is then read again from its start, in turn, so
    /// that reading must not depend on what was read before.
    const MAY_BE_LARGE: bool = true;

    /// The id, by which lists are ordered.
    fn id(&self) -> Id;

    /// An estimate of the memory of the item, in bytes: the larger of its size in memory and of its size as JSON.
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
    const MAY_BE_LARGE: bool = false;

    fn id(&self) -> Id {
        self.id.0
    }

    fn bytes(&self) -> usize {
        self.failure_reason.as_ref().map_or(0, |reason| size::of_text(reason.as_bytes()))
    }
}

impl Listed for Begun {
    const MAY_BE_LARGE: bool = false;

    fn id(&self) -> Id {
        self.id
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.shown_tag().len()
    }
}

impl Listed for Execution {
    fn id(&self) -> Id {
        self.id.0
    }

    fn bytes(&self) -> usize {
        let parameters: usize =
            self.parameters.iter().map(|(name, value)| name.len() + size::of_value(value)).sum();
        parameters + self.result.as_deref().map_or(0, size::of_value)
    }
}

/// A part of a listing.
#[derive(Debug)]
pub(crate) struct Part<T> {
    pub(super) items: Vec<T>,
    /// Unreadable rows among the items.
    pub(super) lost: Vec<Unreadable>,
    bytes: usize,
    /// The bytes of the largest item.
    largest: usize,
    /// The claim on memory for the items.
    held: Option<Claim>,
    /// The turn at reading the list, if it is large.
    turn: Option<Turn>,
    /// The glance at its start, if nothing large was seen yet.
    glance: Option<Turn>,
    /// The id of the last item, if the part ends early because of its size.
    goes_on_at: Option<Id>,
    /// The number of items in the whole list, where it was counted.
    pub(super) total: Option<Total>,
    /// Whether the oldest come first.
    pub(super) is_rising: bool,
}

impl<T> Part<T> {
    /// An empty part, of a list with the oldest first if `is_rising`.
    pub(super) fn in_order_of(is_rising: bool) -> Self {
        Self { is_rising, ..Self::default() }
    }

    /// A complete part, with its unreadable rows; the oldest first if `is_rising`.
    #[cfg(test)]
    pub(super) fn of(items: Vec<T>, lost: Vec<Unreadable>, total: Total, is_rising: bool) -> Self {
        Self { items, lost, total: Some(total), is_rising, ..Self::default() }
    }

    /// Whether the part holds as many bytes as an answer may.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= MOST_BYTES
    }

    /// The items that were read so far.
    pub(crate) fn items(&self) -> &[T] {
        &self.items
    }

    /// The number of items.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            lost: Vec::new(),
            bytes: 0,
            largest: 0,
            held: None,
            turn: None,
            glance: None,
            goes_on_at: None,
            total: None,
            is_rising: false,
        }
    }
}

/// An item of a listing, or the row that stands in its place.
enum Place<T> {
    Whole(T),
    Lost(Unreadable),
}

/// The view of a place.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<V> {
    Whole(V),
    Lost(Unread),
}

/// An unreadable row, as it is shown.
struct Unread(Unreadable);

impl Serialize for Unread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        views::unreadable(&self.0).serialize(serializer)
    }
}

impl<T: Listed> Part<T> {
    /// Items and unreadable rows, in the order of the list.
    fn in_order(self) -> Vec<Place<T>> {
        let (has_lost, is_rising) = (!self.lost.is_empty(), self.is_rising);
        let mut places: Vec<_> = self.items.into_iter().map(Place::Whole).collect();
        places.extend(self.lost.into_iter().map(Place::Lost));
        // Without unreadable rows, the items are in order already.
        if has_lost {
            places.sort_by_cached_key(|place| match place {
                Place::Whole(item) => item.id().to_string(),
                Place::Lost(lost) => lost.id.clone(),
            });
            if !is_rising {
                places.reverse();
            }
        }
        places
    }

    /// Answers with the items in the order in which they were added, oldest first. Each is turned into its `view`
    /// when its turn comes to be sent.
    pub(crate) fn answer<V: Serialize>(mut self, view: impl Fn(T) -> V + Send + Unpin + 'static) -> Response
    where
        T: Send + Unpin + 'static,
    {
        let total = self.total;
        // Turn and glance last until the first chunk is written.
        let _turn = (self.turn.take(), self.glance.take());
        let mut answer = listing::answer(self.items.into_iter().map(view), self.held.take());
        if let Some(total) = total {
            total.say(&mut answer);
        }
        say_where_to_go_on(&mut answer, "x-next-after", self.goes_on_at);
        answer
    }

    /// Counts a list that was read from its first item on: exactly, unless it ends early.
    pub(crate) fn count(&mut self) {
        self.total = Some(Total { count: self.items.len(), is_exact: self.goes_on_at.is_none() });
    }

    /// Notes that the part belongs to a list of `count` items, or of more if that is not exact.
    pub(crate) fn is_of(&mut self, count: usize, is_exact: bool) {
        self.total = Some(Total { count, is_exact });
    }

    /// Puts the oldest item first.
    pub(crate) fn sort_by_age(&mut self) {
        self.items.sort_by_key(Listed::id);
    }

    /// Notes that nothing beyond `at` was read. The listing goes on there, unless the part has all of the `limit`
    /// items; then it goes on behind the last of them.
    pub(crate) fn cut_at(&mut self, at: Id, limit: usize) {
        self.is_more_than_counted();
        if self.items.len() < limit {
            self.goes_on_at = self.goes_on_at.or(Some(at));
        }
    }

    /// Notes that the list may be longer than was counted.
    pub(crate) fn is_more_than_counted(&mut self) {
        if let Some(total) = &mut self.total {
            total.is_exact = false;
        }
    }

    /// Ends the part after its last item, although more may follow.
    pub(crate) fn end_here(&mut self) {
        self.goes_on_at = self.items.last().map(Listed::id);
    }

    /// Adds `items`, after which there are more if `has_more`. Returns whether the part has room for more.
    pub(crate) fn add(&mut self, items: impl ExactSizeIterator<Item = T>, has_more: bool) -> bool {
        let mut items = items;
        while !self.is_full() {
            let Some(item) = items.next() else { return true };
            let bytes = item.bytes();
            self.bytes += bytes;
            self.largest = self.largest.max(bytes);
            self.items.push(item);
        }
        if items.len() > 0 || has_more {
            self.end_here();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use petrel_engine::reads::RowKind;
    use serde_json::{Value, json};

    use super::super::lists;
    use super::super::query::tests::asked;
    use super::*;

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
        let lost = |id: &String, is_sealed| Unreadable {
            kind: RowKind::Execution,
            id: id.clone(),
            reason: "why".into(),
            is_sealed,
        };
        let items = vec![Small(c.clone().leak()), Small(a.clone().leak())];
        let list = asked(&lists::EXECUTIONS, "include_attributes=id").unwrap();
        let total = Total { count: 2, is_exact: true };
        let part = Part::of(items, vec![lost(b, true), lost(d, false)], total, false);
        let response = list.answer_part(part, |item| json!({"id": item.0}));
        assert_eq!(response.headers()["x-total-count"], "2");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX);
        let body = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(body).unwrap();
        let shown: Value = serde_json::from_slice(&body).unwrap();
        let found: Vec<_> =
            shown.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(found, ids);
        assert_eq!(shown[0]["error"], "cannot be read: why");
        assert_eq!(
            (&shown[0]["hint"], &shown[2]["hint"]),
            (&json!(Unreadable::REMEDY), &json!(Unreadable::SEALED))
        );
        assert_eq!(shown[1], json!({"id": c}));
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
            let mut part = Part::default();
            let items: Vec<_> = sizes.iter().map(|&number| Large(number)).collect();
            let has_room = part.add(items.into_iter(), has_more);
            assert_eq!((part.items.len(), part.goes_on_at.is_some()), (kept, goes_on), "{sizes:?}");
            assert_eq!(has_room, kept < 2, "{sizes:?}");
        }
    }
}
