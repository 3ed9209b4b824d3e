//! `/ruleenforcements`: what came of rules that matched. They are found by way of their events, newest
//! first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use petrel_model::{Enforcement, EnforcementId, TriggerInstanceId};
use petrel_persistence::{Error, Unreadable};
use serde::Deserialize;
use serde_json::Value;

use crate::extract::{Params, Segment, parsed};
use crate::page::{PageQuery, Part};
use crate::{Api, ApiError, views};

/// How many events are read from the store at once.
const STEP: usize = 200;
/// How many events one request looks at.
const LONGEST_LOOK: usize = 10_000;

/// Which to list. Everything given must hold.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filter {
    rule_ref: Option<String>,
    rule_id: Option<String>,
    execution: Option<String>,
    trigger_instance: Option<String>,
}

impl Filter {
    fn admits(&self, enforcement: &Enforcement) -> bool {
        let is = |wanted: &Option<String>, found: Option<String>| {
            wanted.as_ref().is_none_or(|wanted| found.as_ref() == Some(wanted))
        };
        is(&self.rule_ref, Some(enforcement.rule.to_string()))
            && is(&self.rule_id, Some(enforcement.rule_id.to_string()))
            && is(&self.execution, enforcement.execution_id.map(|id| id.to_string()))
            && is(&self.trigger_instance, Some(enforcement.trigger_instance_id.to_string()))
    }
}

pub(crate) async fn list(
    State(api): State<Api>,
    Params(filter): Params<Filter>,
    Params(page): Params<PageQuery>,
) -> Result<Response, ApiError> {
    let page = page.parse()?.within_reach()?;
    let wanted = page.offset.saturating_add(page.limit);
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    if let Some(id) = parsed::<TriggerInstanceId>(filter.trigger_instance.clone())? {
        // Of one event there is no need to look at others.
        let ids = match api.engine.store().trigger_instance(id).await {
            Ok(instance) => instance.map(|instance| instance.enforcements).unwrap_or_default(),
            Err(Error::Damaged { reason, .. }) => {
                lost.push(Unreadable { kind: "trigger instance", id: id.to_string(), reason });
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        add(&api, &filter, ids, &mut found, &mut lost).await?;
    } else {
        let mut before = page.before.map(TriggerInstanceId::from);
        for _ in 0..LONGEST_LOOK / STEP {
            let part = api.engine.store().trigger_instances(None, before, STEP).await?;
            for instance in part.items {
                add(&api, &filter, instance.enforcements, &mut found, &mut lost).await?;
            }
            before = part.next;
            if before.is_none() || found.len() >= wanted {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let part: Vec<_> = found.into_iter().skip(page.offset).take(page.limit).collect();
    let page = Arc::new(page);
    let of_page = Arc::clone(&page);
    Ok(page.answer_part(Part::of(part, lost), move |one| of_page.narrow(views::enforcement(&one))))
}

async fn add(
    api: &Api,
    filter: &Filter,
    ids: Vec<EnforcementId>,
    found: &mut Vec<Enforcement>,
    lost: &mut Vec<Unreadable>,
) -> Result<(), ApiError> {
    for id in ids {
        match find(api, id).await? {
            Found::Whole(one) => found.extend(one.filter(|enforcement| filter.admits(enforcement))),
            Found::Unreadable(one) => lost.push(one),
        }
    }
    Ok(())
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

pub(crate) async fn one(State(api): State<Api>, Segment(id): Segment) -> Result<Json<Value>, ApiError> {
    let hint = "`petrel trigger get ID` shows the enforcements of an event";
    let parsed: EnforcementId = id
        .parse()
        .map_err(|error: petrel_model::id::InvalidId| ApiError::invalid(error.to_string(), hint))?;
    let found = api.engine.store().enforcement(parsed).await?.ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("enforcement `{id}` does not exist"), hint)
    })?;
    Ok(Json(views::enforcement(&found)))
}
