//! `/ruleenforcements`: what came of rules that matched. They are found by way of their events, newest first, and those of
//! one event by their ids. So the place of one in the list is that of its event, not that of its id: events are taken in
//! beside each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use petrel_api_types as wire;
use petrel_api_types::trigger::EnforcementOf;
use petrel_engine::reads::{Page, ReadError, Unreadable};
use petrel_model::{Enforcement, EnforcementId, ExecutionId, Id, TriggerInstanceId};
use serde::{Serialize, Serializer};

use crate::extract::Segment;
use crate::page::{Asked, ListRequest, lists, read_each};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

/// How many events are read from the store at once: of few there may be more enforcements than are wanted, or none.
const FEWEST: usize = 20;
const MOST: usize = 1_000;
/// How many events one request looks at.
const LONGEST_LOOK: usize = 10_000;

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = Arc::new(asked.of(&lists::ENFORCEMENTS)?);
    let (way, look) = (Way::of(&api, &asked).await?, Look::default());
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

/// An enforcement of a list, which is written when its turn comes to be sent.
struct Item {
    enforcement: Enforcement,
    asked: Arc<ListRequest>,
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.asked.page.narrowed(wire::Enforcement::from(&self.enforcement)).serialize(serializer)
    }
}

/// Where enforcements are looked for.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// There are none.
    Nowhere,
    /// In one event; there is no need to look at others.
    Event(TriggerInstanceId),
    /// In all.
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
            // What no event has led to, no rule has.
            Ok(Some(execution)) => {
                let origin = execution.context.trigger_instance.as_ref();
                Ok(origin.map_or(Self::Nowhere, |origin| Self::Event(origin.id)))
            }
            // Its enforcement may be kept for longer.
            Ok(None) | Err(ReadError::Damaged { .. }) => Ok(Self::Everywhere),
            Err(error) => Err(error),
        }
    }
}

/// How far one request looks.
struct Look {
    /// How many events it may look at still.
    left: AtomicUsize,
    /// Where it has ended, if it may look at no more.
    ended_at: OnceLock<Id>,
}

impl Default for Look {
    fn default() -> Self {
        Self { left: AtomicUsize::new(LONGEST_LOOK), ended_at: OnceLock::new() }
    }
}

/// What is looked at in one go.
#[derive(Default)]
struct Step {
    /// Enforcements, in the order of the list.
    ids: Vec<Id>,
    lost: Vec<Unreadable>,
    /// Where it goes on after these: an event.
    next: Option<Id>,
}

/// Enforcements from `at` on, which is one of them or an event, in the order of the list.
async fn read(
    api: &Api,
    asked: &ListRequest,
    (way, look): (Way, &Look),
    at: Option<Id>,
    limit: usize,
) -> Result<Page<Enforcement, Id>, ReadError> {
    let step = match way {
        Way::Nowhere => Step::default(),
        Way::Event(event) => of_event(api, event, asked.is_rising, at).await?,
        Way::Everywhere => match asked.ids_from(at) {
            Some(ids) => Step { ids, ..Step::default() },
            None => look.step(api, asked.is_rising, at, limit).await?,
        },
    };
    let reads = api.engine.reads();
    let one = move |id: Id| async move {
        let found = reads.enforcement(EnforcementId(id)).await;
        found.map(|found| found.filter(|one| asked.admits(one)))
    };
    let mut page = read_each("enforcement", step.ids, limit, true, one).await?;
    page.unreadable.extend(step.lost);
    page.next = page.next.or(step.next);
    Ok(page)
}

/// The enforcements of one event that come after `past`; nothing of one that cannot be read, which is then said to be so.
async fn of_event(
    api: &Api,
    id: TriggerInstanceId,
    is_rising: bool,
    past: Option<Id>,
) -> Result<Step, ReadError> {
    match api.engine.reads().trigger_instance(id).await {
        Ok(instance) => {
            let ids = instance.map(|instance| instance.enforcements).unwrap_or_default();
            Ok(Step { ids: in_order(ids, is_rising, past), ..Step::default() })
        }
        Err(ReadError::Damaged { reason, .. }) => {
            let lost = Unreadable { kind: "trigger instance", id: id.to_string(), reason };
            // It is said once.
            Ok(Step { lost: if past.is_none() { vec![lost] } else { Vec::new() }, ..Step::default() })
        }
        Err(error) => Err(error),
    }
}

/// Those of the enforcements of an event that come after `past`, in the order of the list.
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
    /// The rest of the event that `at` is an enforcement of, or the enforcements of the events after it.
    async fn step(
        &self,
        api: &Api,
        is_rising: bool,
        at: Option<Id>,
        limit: usize,
    ) -> Result<Step, ReadError> {
        let mut past = None;
        if let Some(id) = at {
            match api.engine.reads().enforcement(EnforcementId(id)).await {
                Ok(Some(last)) => {
                    let event = last.trigger_instance_id;
                    let rest = of_event(api, event, is_rising, at).await?;
                    return Ok(Step { next: Some(event.0), ..rest });
                }
                // An event, or gone together with its own.
                Ok(None) => {}
                // Of its event nothing is known, so that comes again; it itself does not.
                Err(ReadError::Damaged { .. }) => past = at,
                Err(error) => return Err(error),
            }
        }
        let count = limit.clamp(FEWEST, MOST).min(self.left.load(Ordering::Relaxed));
        if let (0, Some(at)) = (count, at) {
            self.ended_at.get_or_init(|| at);
            return Ok(Step::default());
        }
        self.left.fetch_sub(count, Ordering::Relaxed);
        let (events, next) = after(api, at.map(TriggerInstanceId), is_rising, count).await?;
        let ids = events.into_iter().flat_map(|ids| in_order(ids, is_rising, past)).collect();
        Ok(Step { ids, lost: Vec::new(), next: next.map(|id| id.0) })
    }
}

/// The enforcements of up to `count` events after `at`, by event, and where to go on.
async fn after(
    api: &Api,
    at: Option<TriggerInstanceId>,
    is_rising: bool,
    count: usize,
) -> Result<(Vec<Vec<EnforcementId>>, Option<TriggerInstanceId>), ReadError> {
    let reads = api.engine.reads();
    if is_rising {
        let ages = reads.oldest_trigger_instances(at, count).await?;
        let next = ages.last().map(|age| age.id).filter(|_| ages.len() == count);
        return Ok((ages.into_iter().map(|age| age.enforcements).collect(), next));
    }
    let page = reads.trigger_instances(None, at, count).await?;
    Ok((page.items.into_iter().map(|instance| instance.enforcements).collect(), page.next))
}

/// An enforcement among others.
pub(crate) enum Found {
    /// It was read, or is not there any more.
    Whole(Option<Enforcement>),
    /// It cannot be read, which keeps no other from being shown.
    Unreadable(Unreadable),
}

impl Found {
    /// What is shown of it beside others.
    pub(crate) fn shown(&self) -> Option<EnforcementOf<'_>> {
        match self {
            Self::Whole(found) => {
                found.as_ref().map(|one| EnforcementOf::Whole(wire::Enforcement::from(one)))
            }
            Self::Unreadable(lost) => Some(EnforcementOf::Lost(views::unreadable(lost))),
        }
    }
}

pub(crate) async fn find(api: &Api, id: EnforcementId) -> Result<Found, ApiError> {
    match api.engine.reads().enforcement(id).await {
        Ok(found) => Ok(Found::Whole(found)),
        Err(ReadError::Damaged { reason, .. }) => {
            Ok(Found::Unreadable(Unreadable { kind: "enforcement", id: id.to_string(), reason }))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(id): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let hint = "`petrel trigger get ID` shows the enforcements of an event";
    let parsed: EnforcementId = id
        .parse()
        .map_err(|error: petrel_model::id::InvalidId| ApiError::invalid(error.to_string(), hint))?;
    let found = api.engine.reads().enforcement(parsed).await?.ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("enforcement `{id}` does not exist"), hint)
    })?;
    Ok(Json(wire::Enforcement::from(&found)).into_response())
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
