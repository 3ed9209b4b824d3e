//! Reads the requested part of a list from the store: in pieces, in the order of ids, which is the order of time, and
//! no further than needed. `part.rs` makes the answer.

use petrel_engine::reads::{Page, ReadError, RowKind, Unreadable};
use petrel_model::Id;

use super::part::{Listed, Part};
use super::rows::Row;
use super::{ListRequest, Total};
use crate::{Api, ApiError};

/// The greatest number of items that are read from the store at once, the number at first, and the factor by which it
/// grows while items are small. Of the first item nobody knows the size before it is read.
const STEP: usize = 1000;
const FIRST: usize = 1;
const GROWTH: usize = 8;
/// The number of items in a step that counts where the oldest come first.
const STEP_RISING: usize = 100;

/// The number of steps beyond a page that count the whole list; more of them where the oldest come first.
const COUNTED: usize = 2;
const COUNTED_RISING: usize = 20;
/// Bytes of items in a step, in which a worker does nothing else. A single item may be larger.
const AT_ONCE: usize = 512 << 10;
/// Bytes of items for each step that counts.
const COUNTED_AT_ONCE: usize = 2 << 20;
/// Bytes of items that are looked at before others who wait for a turn may read.
const IN_TURN: usize = 16 << 20;
/// Bytes that an item counts at least that is passed over: its head is read, if not all of it.
const HEAD: usize = 1 << 10;
/// The greatest difference, in milliseconds, between the time in an id and the time by which its item is filtered.
/// They differ only where the clock was set.
const SLACK: u64 = 60_000;

/// The number of items to read next, by the size of those before them.
#[derive(Debug)]
struct Pace {
    items: usize,
    /// The number of items that were read, and their bytes.
    read: usize,
    bytes: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { items: FIRST, read: 0, bytes: 0 }
    }
}

impl Pace {
    /// Counts items that were read.
    fn count<T: Listed>(&mut self, items: &[T]) {
        self.read += items.len();
        self.bytes += items.iter().map(Listed::bytes).sum::<usize>();
        let mean = (self.bytes / self.read.max(1)).max(1);
        let most = self.items.saturating_mul(GROWTH).min(STEP);
        self.items = (AT_ONCE / mean).clamp(1, most);
    }

    /// Counts the bytes of items that were read to be passed over.
    fn pass_over<T: Listed>(&mut self, items: &[T]) {
        self.bytes += items.iter().map(|item| item.bytes().max(HEAD)).sum::<usize>();
    }
}

/// The outcome of reading a list.
enum Outcome {
    /// The part is complete.
    Ended {
        /// The number of items up to its end.
        count: usize,
        /// The id from which the list goes on.
        at: Option<Id>,
    },
    /// The list is large and must be read in turn; it has up to so many items.
    IsLarge { items: usize },
}

/// The rest of a list that is to be counted.
struct Count {
    /// The id at which it begins; none for the start of the list.
    at: Option<Id>,
    /// Whether there may be items from there on.
    has_more: bool,
    /// The number of items that were counted before.
    counted: usize,
    /// The greatest number of steps.
    steps: usize,
}

impl ListRequest {
    /// The requested part, read from the store page by page: `read` gets the id to go on from and the number of
    /// items. It ends early when it holds [`MOST_BYTES`](super::MOST_BYTES). Unreadable rows are kept beside the
    /// items. A list that turns out to be large is dropped and read again in turn.
    ///
    /// # Errors
    /// When the store fails, and as [`listing::hold`](crate::listing::hold), [`Part::take_glance`],
    /// [`Part::begin_in_turn`] and [`Part::let_others`].
    pub(crate) async fn collect<T: Listed + Row, F>(
        &self,
        api: &Api,
        read: impl Fn(Option<Id>, usize) -> F,
    ) -> Result<Part<T>, ApiError>
    where
        F: Future<Output = Result<Page<T, Id>, ReadError>>,
    {
        self.collect_past(api, &read, &read).await
    }

    /// As [`collect`](Self::collect). `skim` reads as `read` does, and of each item perhaps no more than filters look at: an offset
    /// is passed over by it, and what is behind the page is counted by it, whatever the size of the items.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub(crate) async fn collect_past<T: Listed + Row, F, S>(
        &self,
        api: &Api,
        read: impl Fn(Option<Id>, usize) -> F,
        skim: impl Fn(Option<Id>, usize) -> S,
    ) -> Result<Part<T>, ApiError>
    where
        F: Future<Output = Result<Page<T, Id>, ReadError>>,
        S: Future<Output = Result<Page<T, Id>, ReadError>>,
    {
        let page = &self.page;
        let mut part = Part::in_order_of(self.is_rising);
        part.take_glance(api, &self.user, T::MAY_BE_LARGE).await?;
        let (count, at) = loop {
            match self.add_to(&mut part, api, &read, &skim).await? {
                Outcome::Ended { count, at } => break (count, at),
                Outcome::IsLarge { items } => part.begin_in_turn(api, &self.user, items).await?,
            }
        };
        part.give_back();
        // A page that goes on from another one sees only the rest of the list, so that the whole is counted
        // separately.
        if page.before.is_none() && page.after.is_none() {
            let count = Count { at, has_more: at.is_some(), counted: count, steps: self.counted() };
            self.count_on(api, &mut part, count, &skim).await?;
        }
        Ok(part)
    }

    /// Adds the requested items to `part`, which becomes large only if it has a turn.
    async fn add_to<T: Listed + Row, F, S>(
        &self,
        part: &mut Part<T>,
        api: &Api,
        read: &impl Fn(Option<Id>, usize) -> F,
        skim: &impl Fn(Option<Id>, usize) -> S,
    ) -> Result<Outcome, ApiError>
    where
        F: Future<Output = Result<Page<T, Id>, ReadError>>,
        S: Future<Output = Result<Page<T, Id>, ReadError>>,
    {
        let (limit, mut pace, mut skimmed) = (self.page.limit, Pace::default(), Pace::default());
        let (mut at, mut to_pass, mut count) = (self.start(), self.page.offset, 0);
        let mut others_at = IN_TURN;
        loop {
            let step = if to_pass > 0 {
                let step = skim(at, to_pass.min(skimmed.items)).await?;
                skimmed.count(&step.items);
                pace.pass_over(&step.items);
                step
            } else {
                let step = read(at, (limit - part.len()).min(pace.items)).await?;
                pace.count(&step.items);
                step
            };
            at = step.next.filter(|id| self.reaches(*id));
            part.lost.extend(step.unreadable);
            let found: Vec<T> = step.items.into_iter().filter(|item| self.admits(item)).collect();
            count += found.len();
            let passed = to_pass.min(found.len());
            to_pass -= passed;
            let has_room = part.add(found.into_iter().skip(passed), at.is_some());
            if T::MAY_BE_LARGE && !part.may_read(pace.bytes) {
                let items = if at.is_some() { limit } else { part.len() };
                return Ok(Outcome::IsLarge { items });
            }
            part.hold(api)?;
            if at.is_none() || part.len() >= limit || !has_room {
                return Ok(Outcome::Ended { count, at });
            }
            // A long listing yields between its steps, so that other requests are served meanwhile.
            tokio::task::yield_now().await;
            if !T::MAY_BE_LARGE {
                // One that may be large does not read for long in a glance.
                part.let_others_glance(api, &self.user).await?;
            }
            if pace.bytes >= others_at {
                part.let_others(api, &self.user).await?;
                others_at = pace.bytes.saturating_add(IN_TURN);
            }
        }
    }

    /// Counts the whole list for a request that goes on from a page; [`collect`](Self::collect) has counted it for a
    /// first page. A client that adds up pages until it has them all would stop too early at any smaller count.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn count_whole<T: Listed + Row, F>(
        &self,
        api: &Api,
        part: &mut Part<T>,
        read: impl Fn(Option<Id>, usize) -> F,
    ) -> Result<(), ApiError>
    where
        F: Future<Output = Result<Page<T, Id>, ReadError>>,
    {
        if part.total.is_some() {
            return Ok(());
        }
        let count = Count { at: self.first(), has_more: true, counted: 0, steps: self.counted() + 1 };
        self.count_on(api, part, count, &read).await
    }

    /// The number of steps that count what is beyond a page.
    fn counted(&self) -> usize {
        if self.is_rising { COUNTED_RISING } else { COUNTED }
    }

    /// Sets the total. Reads no more than a few pages further, and in turn if their items are large. Where that turn is not
    /// free the total is left out: the page is made already, and a smaller one would end a client that adds up pages.
    async fn count_on<T: Listed + Row, F>(
        &self,
        api: &Api,
        part: &mut Part<T>,
        Count { mut at, mut has_more, counted: mut count, steps }: Count,
        read: &impl Fn(Option<Id>, usize) -> F,
    ) -> Result<(), ApiError>
    where
        F: Future<Output = Result<Page<T, Id>, ReadError>>,
    {
        let step = if self.is_rising { STEP_RISING } else { STEP };
        let (mut left, most_bytes) = (step.saturating_mul(steps), COUNTED_AT_ONCE.saturating_mul(steps));
        let mut pace = Pace::default();
        while has_more && left > 0 && pace.bytes < most_bytes {
            tokio::task::yield_now().await;
            if T::MAY_BE_LARGE && !part.may_read(pace.bytes) && !part.try_take_turn(api) {
                return Ok(());
            }
            let wanted = pace.items.min(step).min(left);
            let page = read(at, wanted).await?;
            left -= wanted;
            pace.count(&page.items);
            count += page.items.iter().filter(|item| self.admits(*item)).count();
            at = page.next.filter(|id| self.reaches(*id));
            has_more = at.is_some();
        }
        part.total = Some(Total { count, is_exact: !has_more });
        Ok(())
    }

    /// The id at which the whole list begins in the store. Ids begin with their time, so that a bound on the time is
    /// one on the id.
    fn first(&self) -> Option<Id> {
        let (after, before) = self.times();
        if self.is_rising {
            after.map(|time| Id::from_parts(time.as_millis().saturating_sub(SLACK), 0))
        } else {
            before.map(|time| Id::from_parts(time.as_millis().saturating_add(SLACK), 0))
        }
    }

    /// The id at which the requested part begins.
    fn start(&self) -> Option<Id> {
        if self.is_rising {
            self.page.after.max(self.first())
        } else {
            // `None` means the end of the list, but is the least in the order of options, so it must not take part in
            // `min`.
            self.page.before.into_iter().chain(self.first()).min()
        }
    }

    /// Whether the list may have items from `at` on.
    fn reaches(&self, at: Id) -> bool {
        let (after, before) = self.times();
        let milliseconds = at.created_at().as_millis();
        if self.is_rising {
            before.is_none_or(|time| milliseconds <= time.as_millis().saturating_add(SLACK))
        } else {
            after.is_none_or(|time| milliseconds.saturating_add(SLACK) >= time.as_millis())
        }
    }

    /// The requested ids that come after `at` in the order of the list.
    pub(crate) fn ids_from(&self, at: Option<Id>) -> Option<Vec<Id>> {
        let is_left = |id: &Id| at.is_none_or(|at| if self.is_rising { *id > at } else { *id < at });
        self.ids().map(|ids| ids.into_iter().filter(is_left).collect())
    }
}

/// The items with these ids, in their order, each read by `read`: up to `limit` items, and up to the bytes that are
/// held at once. `is_last` says that no more ids follow these.
///
/// # Errors
/// When the store fails. An unreadable row is no error and is listed as such.
pub(crate) async fn read_each<T: Listed, F>(
    kind: RowKind,
    ids: Vec<Id>,
    limit: usize,
    is_last: bool,
    read: impl Fn(Id) -> F,
) -> Result<Page<T, Id>, ReadError>
where
    F: Future<Output = Result<Option<T>, ReadError>>,
{
    let mut page = Page { items: Vec::new(), unreadable: Vec::new(), next: None };
    let (mut bytes, end) = (0, ids.last().copied().filter(|_| is_last));
    for id in ids {
        match read(id).await {
            Ok(Some(item)) => {
                bytes += item.bytes();
                page.items.push(item);
            }
            Ok(None) => {}
            Err(error) => page.unreadable.push(Unreadable::of(kind, id, error)?),
        }
        page.next = Some(id).filter(|id| Some(*id) != end);
        if page.items.len() >= limit || bytes >= AT_ONCE {
            break;
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests;
