//! `/ruleenforcements`: the enforcements of rules. They are found by way of their events, newest first, and those of
//! one event by their ids. An enforcement's place in the list is therefore that of its event and not that of its own
//! id, because events are taken in concurrently.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use petrel_api_types as wire;
use petrel_engine::reads::{Page, ReadError, RowKind, Unreadable};
use petrel_model::id::InvalidId;
use petrel_model::{Enforcement, EnforcementId, ExecutionId, Id, TriggerInstanceId};
use serde::{Serialize, Serializer};

use super::mistaken::{no_enforcement, no_enforcement_id};
use crate::extract::Segment;
use crate::page::{Asked, ListRequest, lists, read_each};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

/// The least number of events that are read from the store at once: a few events may have more enforcements than are
/// wanted, or none.
const FEWEST: usize = 20;
const MOST: usize = 1_000;
/// The greatest number of events that one request reads.
const LONGEST_LOOK: usize = 10_000;

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = Arc::new(asked.of(&lists::ENFORCEMENTS)?);
    let glance = asked.glance(&api).await?;
    let (way, look) = (Way::of(&api, &asked).await?, Look::default());
    // The list takes one of its own.
    drop(glance);
    let mut found = asked.collect(&api, |at, limit| read(&api, &asked, (way, &look), at, limit)).await?;
    if let Some(at) = look.ended_at.get() {
        found.cut_at(*at, asked.page.limit);
    }
    let look = Look::default();
    asked.count_whole(&api, &mut found, |at, limit| read(&api, &asked, (way, &look), at, limit)).await?;
    if look.ended_at.get().is_some() {
        found.is_more_than_counted();
    }
    let of_list = Arc::clone(&asked);
    Ok(asked.answer_part(found, move |enforcement| Item { enforcement, asked: Arc::clone(&of_list) }))
}

/// An enforcement of a list, serialized when its turn comes to be sent.
struct Item {
    enforcement: Enforcement,
    asked: Arc<ListRequest>,
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.asked.page.narrowed(wire::Enforcement::from(&self.enforcement)).serialize(serializer)
    }
}

/// The events in which enforcements are looked for.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// No event can have any.
    Nowhere,
    /// The enforcements of one event; no other event need be read.
    Event(TriggerInstanceId),
    /// All events.
    Everywhere,
}

impl Way {
    async fn of(api: &Api, asked: &ListRequest) -> Result<Self, ReadError> {
        if let Some(event) = asked.wanted("trigger_instance").and_then(|id| id.parse().ok()) {
            return Ok(Self::Event(event));
        }
        let execution: Option<ExecutionId> = asked.wanted("execution").and_then(|id| id.parse().ok());
        let Some(execution) = execution else { return Ok(Self::Everywhere) };
        match api.engine.reads().execution(execution).await {
            // An execution without an event was not requested by a rule either.
            Ok(Some(execution)) => {
                let origin = execution.context.trigger_instance.as_ref();
                Ok(origin.map_or(Self::Nowhere, |origin| Self::Event(origin.id)))
            }
            // The execution is gone or unreadable, but its enforcement may have been kept for longer.
            Ok(None) | Err(ReadError::Damaged { .. }) => Ok(Self::Everywhere),
            Err(error) => Err(error),
        }
    }
}

/// The reach of one request.
struct Look {
    /// The number of events that it may still read.
    left: AtomicUsize,
    /// The event at which it stopped, once it may read no more.
    ended_at: OnceLock<Id>,
}

impl Default for Look {
    fn default() -> Self {
        Self { left: AtomicUsize::new(LONGEST_LOOK), ended_at: OnceLock::new() }
    }
}

/// The outcome of one read.
#[derive(Default)]
struct Portion {
    /// Enforcements, in the order of the list.
    ids: Vec<Id>,
    lost: Vec<Unreadable>,
    /// The event from which to go on.
    next: Option<Id>,
}

/// Enforcements after `at`, which is the id of an enforcement or of an event, in the order of the list.
async fn read(
    api: &Api,
    asked: &ListRequest,
    (way, look): (Way, &Look),
    at: Option<Id>,
    limit: usize,
) -> Result<Page<Enforcement, Id>, ReadError> {
    let step = match way {
        Way::Nowhere => Portion::default(),
        Way::Event(event) => of_event(api, event, asked.is_rising, at).await?,
        Way::Everywhere => match asked.ids_from(at) {
            Some(ids) => Portion { ids, ..Portion::default() },
            None => look.step(api, asked.is_rising, at, limit).await?,
        },
    };
    let reads = api.engine.triggers().reads();
    let one = move |id: Id| async move {
        let found = reads.enforcement(EnforcementId(id)).await;
        found.map(|found| found.filter(|one| asked.admits(one)))
    };
    let mut page = read_each(RowKind::Enforcement, step.ids, limit, true, one).await?;
    page.unreadable.extend(step.lost);
    page.next = page.next.or(step.next);
    Ok(page)
}

/// The enforcements of one event that come after `past`. An unreadable event has none, and is reported in their
/// place.
async fn of_event(
    api: &Api,
    id: TriggerInstanceId,
    is_rising: bool,
    past: Option<Id>,
) -> Result<Portion, ReadError> {
    match api.engine.triggers().reads().trigger_instance(id).await {
        Ok(instance) => {
            let ids = instance.map(|instance| instance.enforcements).unwrap_or_default();
            Ok(Portion { ids: in_order(ids, is_rising, past), ..Portion::default() })
        }
        Err(error) => {
            let lost = Unreadable::of(RowKind::TriggerInstance, id, error)?;
            // The event is reported only once, on its first page.
            Ok(Portion { lost: if past.is_none() { vec![lost] } else { Vec::new() }, ..Portion::default() })
        }
    }
}

/// The enforcements of an event that come after `past`, in the order of the list.
fn in_order(ids: Vec<EnforcementId>, is_rising: bool, past: Option<Id>) -> Vec<Id> {
    let is_left = |id: &Id| past.is_none_or(|past| if is_rising { *id > past } else { *id < past });
    let mut ids: Vec<Id> = ids.into_iter().map(|id| id.0).filter(is_left).collect();
    ids.sort_unstable();
    if !is_rising {
        ids.reverse();
    }
    ids
}

impl Look {
    /// The rest of the event of the enforcement `at`, or the enforcements of the events after it.
    async fn step(
        &self,
        api: &Api,
        is_rising: bool,
        at: Option<Id>,
        limit: usize,
    ) -> Result<Portion, ReadError> {
        let mut past = None;
        if let Some(id) = at {
            match api.engine.triggers().reads().enforcement(EnforcementId(id)).await {
                Ok(Some(last)) => {
                    let event = last.trigger_instance_id;
                    let rest = of_event(api, event, is_rising, at).await?;
                    return Ok(Portion { next: Some(event.0), ..rest });
                }
                // The id is that of an event, or of an enforcement that was deleted together with its event.
                Ok(None) => {}
                // The event of an unreadable enforcement is unknown, so reading goes on from its time; the
                // enforcement itself was shown already.
                Err(ReadError::Damaged { .. }) => past = at,
                Err(error) => return Err(error),
            }
        }
        let count = limit.clamp(FEWEST, MOST).min(self.left.load(Ordering::Relaxed));
        if let (0, Some(at)) = (count, at) {
            self.ended_at.get_or_init(|| at);
            return Ok(Portion::default());
        }
        self.left.fetch_sub(count, Ordering::Relaxed);
        let (events, next) = after(api, at.map(TriggerInstanceId), is_rising, count).await?;
        let ids = events.into_iter().flat_map(|ids| in_order(ids, is_rising, past)).collect();
        Ok(Portion { ids, lost: Vec::new(), next: next.map(|id| id.0) })
    }
}

/// The enforcements of up to `count` events after `at`, by event, and the id to go on from.
async fn after(
    api: &Api,
    at: Option<TriggerInstanceId>,
    is_rising: bool,
    count: usize,
) -> Result<(Vec<Vec<EnforcementId>>, Option<TriggerInstanceId>), ReadError> {
    let reads = api.engine.triggers().reads();
    if is_rising {
        let ages = reads.oldest_trigger_instances(at, count).await?;
        let next = ages.last().map(|age| age.id).filter(|_| ages.len() == count);
        return Ok((ages.into_iter().map(|age| age.enforcements).collect(), next));
    }
    let page = reads.trigger_instances(None, at, count).await?;
    Ok((page.items.into_iter().map(|instance| instance.enforcements).collect(), page.next))
}

/// An enforcement that was looked up by its id.
pub(crate) enum Lookup {
    /// The enforcement, or `None` if it does not exist any more.
    Whole(Option<Enforcement>),
    /// The placeholder of one that cannot be read, which must not hide the others.
    Unreadable(Unreadable),
}

impl Lookup {
    /// The view of it among others.
    pub(crate) fn shown(&self) -> Option<wire::Item<'_, wire::Enforcement<'_>>> {
        match self {
            Self::Whole(found) => found.as_ref().map(|one| wire::Item::Found(wire::Enforcement::from(one))),
            Self::Unreadable(lost) => Some(wire::Item::Lost(views::unreadable(lost))),
        }
    }
}

pub(crate) async fn find(api: &Api, id: EnforcementId) -> Result<Lookup, ApiError> {
    match api.engine.triggers().reads().enforcement(id).await {
        Ok(found) => Ok(Lookup::Whole(found)),
        Err(error) => Ok(Lookup::Unreadable(Unreadable::of(RowKind::Enforcement, id, error)?)),
    }
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(id): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let id: EnforcementId = id.parse().map_err(|error: InvalidId| no_enforcement_id(&error))?;
    match api.engine.triggers().reads().enforcement(id).await? {
        Some(found) => Ok(Json(wire::Enforcement::from(&found)).into_response()),
        None => Err(no_enforcement(&api, id).await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enforcements_of_an_event_are_in_the_order_of_the_list() {
        let id = |number: u64| Id::from_parts(number, 0);
        let event = || [2, 1, 3].map(|number| EnforcementId(id(number))).to_vec();
        for (is_rising, past, expected) in [
            (false, None, &[3, 2, 1][..]),
            (false, Some(3), &[2, 1]),
            (false, Some(1), &[]),
            (true, None, &[1, 2, 3]),
            (true, Some(1), &[2, 3]),
        ] {
            let expected: Vec<_> = expected.iter().map(|number| id(*number)).collect();
            assert_eq!(in_order(event(), is_rising, past.map(id)), expected, "{is_rising} {past:?}");
        }
    }
}
