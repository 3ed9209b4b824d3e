//! `/ruleenforcements`: what came of rules that matched. They are found by way of their events, newest
//! first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use petrel_model::{Enforcement, EnforcementId, TriggerInstanceId};
use petrel_persistence::{Error, Unreadable};
use serde_json::Value;

use crate::extract::Segment;
use crate::page::{Asked, ListRequest, Part, Total, lists};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

/// How many events are read from the store at once.
const STEP: usize = 200;
/// How many events one request looks at.
const LONGEST_LOOK: usize = 10_000;

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::ENFORCEMENTS)?;
    let wanted = asked.page.offset.saturating_add(asked.page.limit);
    let mut found = Gathered::default();
    let mut is_exact = true;
    if let Some(id) = asked.wanted("trigger_instance").and_then(|id| id.parse().ok()) {
        // Of one event there is no need to look at others.
        let ids = of_event(&api, id, &mut found.lost).await?;
        found.add(&api, &asked, ids).await?;
    } else if let Some(ids) = asked.ids_from(None) {
        found.add(&api, &asked, ids.into_iter().map(EnforcementId).collect()).await?;
    } else {
        let page = &asked.page;
        let from = if asked.is_rising { page.after } else { page.before };
        let mut at = from.map(TriggerInstanceId);
        is_exact = false;
        for _ in 0..LONGEST_LOOK / STEP {
            let (ids, next) = of_events(&api, at, asked.is_rising).await?;
            found.add(&api, &asked, ids).await?;
            at = next;
            is_exact = at.is_none();
            if is_exact || found.whole.len() >= wanted {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let total = Total { count: found.whole.len(), is_exact };
    let part: Vec<_> = found.whole.into_iter().skip(asked.page.offset).take(asked.page.limit).collect();
    let part = Part::of(part, found.lost, total, asked.is_rising);
    let asked = Arc::new(asked);
    let of_list = Arc::clone(&asked);
    Ok(asked.answer_part(part, move |one| of_list.page.narrow(views::enforcement(&one))))
}

/// The enforcements of one event; nothing of one that cannot be read, which is then said to be so.
async fn of_event(
    api: &Api,
    id: TriggerInstanceId,
    lost: &mut Vec<Unreadable>,
) -> Result<Vec<EnforcementId>, ApiError> {
    match api.engine.store().trigger_instance(id).await {
        Ok(instance) => Ok(instance.map(|instance| instance.enforcements).unwrap_or_default()),
        Err(Error::Damaged { reason, .. }) => {
            lost.push(Unreadable { kind: "trigger instance", id: id.to_string(), reason });
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// The enforcements of some events after `at`, and where to go on.
async fn of_events(
    api: &Api,
    at: Option<TriggerInstanceId>,
    is_rising: bool,
) -> Result<(Vec<EnforcementId>, Option<TriggerInstanceId>), ApiError> {
    let store = api.engine.store();
    if is_rising {
        let ages = store.oldest_trigger_instances(at, STEP).await?;
        let next = ages.last().map(|age| age.id).filter(|_| ages.len() == STEP);
        return Ok((ages.into_iter().flat_map(|age| age.enforcements).collect(), next));
    }
    let page = store.trigger_instances(None, at, STEP).await?;
    Ok((page.items.into_iter().flat_map(|instance| instance.enforcements).collect(), page.next))
}

/// What was found.
#[derive(Default)]
struct Gathered {
    whole: Vec<Enforcement>,
    lost: Vec<Unreadable>,
}

impl Gathered {
    /// Adds those of these ids that were asked for.
    async fn add(&mut self, api: &Api, asked: &ListRequest, ids: Vec<EnforcementId>) -> Result<(), ApiError> {
        for id in ids {
            match find(api, id).await? {
                Found::Whole(one) => self.whole.extend(one.filter(|one| asked.admits(one))),
                Found::Unreadable(one) => self.lost.push(one),
            }
        }
        Ok(())
    }
}

/// An enforcement among others.
pub(crate) enum Found {
    /// It was read, or is not there any more.
    Whole(Option<Enforcement>),
    /// It cannot be read, which keeps no other from being shown.
    Unreadable(Unreadable),
}

pub(crate) async fn find(api: &Api, id: EnforcementId) -> Result<Found, ApiError> {
    match api.engine.store().enforcement(id).await {
        Ok(found) => Ok(Found::Whole(found)),
        Err(Error::Damaged { reason, .. }) => {
            Ok(Found::Unreadable(Unreadable { kind: "enforcement", id: id.to_string(), reason }))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(id): Segment,
    _: Nothing,
) -> Result<Json<Value>, ApiError> {
    let hint = "`petrel trigger get ID` shows the enforcements of an event";
    let parsed: EnforcementId = id
        .parse()
        .map_err(|error: petrel_model::id::InvalidId| ApiError::invalid(error.to_string(), hint))?;
    let found = api.engine.store().enforcement(parsed).await?.ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("enforcement `{id}` does not exist"), hint)
    })?;
    Ok(Json(views::enforcement(&found)))
}
