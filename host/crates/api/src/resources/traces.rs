//! `/traces`: all that came of one event or request. A trace is named by its id, or by that of an event or execution in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use petrel_api_types as wire;
use petrel_engine::reads::{Page, ReadError};
use petrel_engine::triggers::{Begun, Cause, Member, MemberKind, Trace};
use petrel_model::quoted::quoted;
use petrel_model::{Id, Ref, RuleId, TraceId, TraceTag};
use serde::{Serialize, Serializer};

use crate::extensions::User;
use crate::extract::Segment;
use crate::page::{Asked, ListRequest, PageRequest, lists};
use crate::said::{ATTRIBUTES, Said};
use crate::{Api, ApiError, listing};

/// The number of members of a trace that are shown, unless the request says so; and the greatest number.
const MEMBERS: usize = 1_000;
const MOST_MEMBERS: usize = 10_000;
/// The number of members of each trace in a list, and of all of them.
const IN_LIST: usize = 100;
const IN_LISTS: usize = 5_000;
/// The number of times that one list looks for traces among events and executions.
const LOOKS: usize = 200;
/// The attributes that have the members.
const OF_MEMBERS: [&str; 3] = ["trigger_instances", "rules", "action_executions"];

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = Arc::new(asked.of(&lists::TRACES)?);
    let glance = asked.glance(&api).await?;
    let chosen = chosen(&api, &asked).await?;
    // The list takes one of its own.
    drop(glance);
    let (chosen, look) = (chosen.as_deref(), Look::default());
    let mut found = asked.collect(&api, |at, limit| read(&api, &asked, (chosen, &look), at, limit)).await?;
    if let Some(at) = look.ended_at.get() {
        found.cut_at(*at, asked.page.limit);
    }
    let look = Look::default();
    asked.count_whole(&api, &mut found, |at, limit| read(&api, &asked, (chosen, &look), at, limit)).await?;
    if look.ended_at.get().is_some() {
        found.is_more_than_counted();
    }
    let (mut whole, mut left) = (BTreeMap::new(), IN_LISTS);
    if OF_MEMBERS.iter().any(|name| asked.page.shows(name)) {
        for begun in found.items().to_vec() {
            let id = begun.id;
            let trace = api.engine.triggers().traces().whole(begun, left.min(IN_LIST)).await?;
            left -= trace.members.len().min(left);
            whole.insert(id, trace);
            found.let_others_glance(&api, &asked.user).await?;
        }
    }
    let viewer = Arc::new(Viewer { page: asked.page.clone(), whole });
    Ok(asked.answer_part(found, move |begun| Item { begun, viewer: Arc::clone(&viewer) }))
}

/// The view of the traces of a list.
struct Viewer {
    page: PageRequest,
    /// The traces with their members, if these are shown.
    whole: BTreeMap<Id, Trace>,
}

/// A trace of a list, serialized when its turn comes to be sent.
struct Item {
    begun: Begun,
    viewer: Arc<Viewer>,
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Viewer { page, whole } = self.viewer.as_ref();
        let shown = match whole.get(&self.begun.id) {
            Some(trace) => shown(trace),
            None => bare(&self.begun),
        };
        page.narrowed(shown).serialize(serializer)
    }
}

/// The reach of one request.
struct Look {
    /// The number of times that it may still look.
    left: AtomicUsize,
    /// The place at which it stopped, once it may look no more.
    ended_at: OnceLock<Id>,
}

impl Default for Look {
    fn default() -> Self {
        Self { left: AtomicUsize::new(LOOKS), ended_at: OnceLock::new() }
    }
}

/// Traces after `at`, in the order of the list: among those `chosen` by a filter, or among all.
async fn read(
    api: &Api,
    asked: &ListRequest,
    (chosen, look): (Option<&[Begun]>, &Look),
    at: Option<Id>,
    limit: usize,
) -> Result<Page<Begun, Id>, ReadError> {
    if let Some(chosen) = chosen {
        return Ok(among(chosen, asked.is_rising, at, limit));
    }
    let left = look.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    if let (Err(_none), Some(at)) = (left, at) {
        look.ended_at.get_or_init(|| at);
        return Ok(Page { items: Vec::new(), unreadable: Vec::new(), next: None });
    }
    api.engine.triggers().traces().page(at, asked.is_rising, limit).await
}

/// The part after `at` of a list that is known as a whole, newest first.
fn among(chosen: &[Begun], is_rising: bool, at: Option<Id>, limit: usize) -> Page<Begun, Id> {
    let is_left = |begun: &&Begun| at.is_none_or(|at| if is_rising { begun.id > at } else { begun.id < at });
    let mut left: Vec<_> = chosen.iter().filter(is_left).cloned().collect();
    if is_rising {
        left.reverse();
    }
    let has_more = left.len() > limit;
    left.truncate(limit);
    let next = left.last().map(|begun| begun.id).filter(|_| has_more);
    Page { items: left, unreadable: Vec::new(), next }
}

/// The traces that all filters of the request choose, newest first; `None` without such a filter.
async fn chosen(api: &Api, asked: &ListRequest) -> Result<Option<Vec<Begun>>, ApiError> {
    let traces = api.engine.triggers().traces();
    let said = |name: &str| asked.other(name).filter(|text| !text.is_empty());
    let mut found: Option<Vec<Begun>> = None;
    let mut choose = |more: Vec<Begun>| match &mut found {
        None => found = Some(more),
        Some(found) => {
            let more: BTreeSet<_> = more.iter().map(|begun| begun.trace).collect();
            found.retain(|begun| more.contains(&begun.trace));
        }
    };
    if let Some(ids) = asked.ids_from(None) {
        let mut begun = Vec::new();
        for id in ids {
            begun.extend(traces.of(id).await?);
        }
        for trace in asked.trace_ids() {
            begun.extend(traces.begun(trace).await?);
        }
        begun.sort_unstable_by_key(|begun| std::cmp::Reverse(begun.id));
        begun.dedup();
        choose(begun);
    }
    for name in ["execution", "trigger_instance"] {
        if let Some(text) = said(name) {
            let id: Id = text.parse().map_err(|_no_id| {
                let message = format!("`{name}`: `{}` is not an id", quoted(text));
                ApiError::invalid(message, "ids have 24 hexadecimal digits")
            })?;
            choose(traces.of(id).await?.into_iter().collect());
        }
    }
    if let Some(tag) = said("trace_tag") {
        choose(traces.tagged(tag).await?);
    }
    if let Some(rule) = said("rule") {
        choose(match reference(api, rule)? {
            Some(rule) => traces.of_rule(&rule).await?,
            None => Vec::new(),
        });
    }
    Ok(found)
}

/// The reference of a rule that is named by it, or by its id. A rule that is gone has no id any more.
fn reference(api: &Api, rule: &str) -> Result<Option<Ref>, ApiError> {
    if let Ok(id) = rule.parse::<RuleId>() {
        let content = api.engine.catalog().content();
        return Ok(content.index().get(id).map(|rule| rule.rule().reference.clone()));
    }
    let invalid = |_no_reference| {
        let message = format!("`rule`: `{}` is neither an id nor a reference", quoted(rule));
        ApiError::invalid(message, "write it as pack.name; `petrel rule list` shows the rules")
    };
    rule.parse().map(Some).map_err(invalid)
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(id): Segment,
    Extension(User(user)): Extension<User>,
    said: Said,
) -> Result<Response, ApiError> {
    let [only, without] = ATTRIBUTES;
    let said = said.only(&["limit", only, without])?;
    let page = said.attributes()?;
    let most = said.parsed::<usize>("limit", "a whole number")?.unwrap_or(MEMBERS);
    if most == 0 || most > MOST_MEMBERS {
        let message = format!("limit {most} is not between 1 and {MOST_MEMBERS}");
        return Err(ApiError::invalid(message, "`limit` is the greatest number of members that are shown"));
    }
    // A long walk is no glance: nobody waits for it but who asks for such things.
    let line = if most > MEMBERS { &api.turns } else { &api.glances };
    let _turn = line.take(&user).await?;
    let begun = named(&api, &id)
        .await?
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "not_found", missing(&id), HINT))?;
    let trace = api.engine.triggers().traces().whole(begun, most).await?;
    listing::one(&page.narrowed(shown(&trace)), None)
}

/// The trace with this id, or of the event or execution with this id.
pub(super) async fn named(api: &Api, text: &str) -> Result<Option<Begun>, ApiError> {
    let traces = api.engine.triggers().traces();
    if let Ok(trace) = text.parse() {
        return Ok(traces.begun(trace).await?);
    }
    let id: Id = text.parse().map_err(|_no_id| {
        let message =
            format!("`{}` is neither the id of a trace nor that of an event or execution", quoted(text));
        ApiError::invalid(message, HINT)
    })?;
    Ok(traces.of(id).await?)
}

/// The trace that an execution is to belong to, with its tag.
///
/// # Errors
/// As in StackStorm, 400 when there is none.
pub(super) async fn to_join(api: &Api, id: &str) -> Result<(Option<TraceId>, Option<TraceTag>), ApiError> {
    match named(api, id).await? {
        Some(begun) => Ok((Some(begun.trace), begun.tag)),
        None => Err(ApiError::invalid(missing(id), HINT)),
    }
}

/// The way to ids of traces.
const HINT: &str =
    "`petrel trace list` shows the known ones, `petrel trace list --trace-tag TAG` those with a tag";

fn missing(id: &str) -> String {
    format!("trace `{}` does not exist, or nothing is kept of it any more", quoted(id))
}

/// A trace without its members.
fn bare(begun: &Begun) -> wire::Trace<'_> {
    wire::Trace {
        trace_tag: begun.shown_tag().into(),
        trigger_instances: Vec::new(),
        rules: Vec::new(),
        action_executions: Vec::new(),
        start_timestamp: begun.at,
        id: begun.trace,
        uid: format!("trace:{}", begun.trace).into(),
        is_cut: false,
        unreadable: 0,
    }
}

fn shown(trace: &Trace) -> wire::Trace<'_> {
    let (is_cut, unreadable) = (trace.is_cut, trace.unreadable);
    let mut shown = wire::Trace { is_cut, unreadable, ..bare(&trace.begun) };
    for one in &trace.members {
        match one.kind {
            MemberKind::Event(id) => shown.trigger_instances.push(member(one, id.0)),
            MemberKind::Rule(id, enforcement) => {
                shown.rules.push(wire::trace::Member { enforcement: Some(enforcement), ..member(one, id.0) });
            }
            MemberKind::Execution(id) => shown.action_executions.push(member(one, id.0)),
        }
    }
    shown
}

fn member(one: &Member, id: Id) -> wire::trace::Member<'_> {
    let of = |kind: &'static str, id: String| wire::trace::Cause { kind: kind.into(), id: id.into() };
    wire::trace::Member {
        object_id: id,
        reference: one.reference.as_str().into(),
        updated_at: one.at,
        caused_by: match one.cause {
            None => wire::trace::Cause::default(),
            Some(Cause::Event(id)) => of("trigger_instance", id.to_string()),
            Some(Cause::Rule(rule, event)) => of("rule", format!("{rule}:{event}")),
            Some(Cause::Execution(id)) => of("action_execution", id.to_string()),
        },
        status: one.status.into(),
        ended_at: one.ended_at,
        task: one.task.as_deref().map(Into::into),
        enforcement: None,
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::Timestamp;

    use super::*;

    #[test]
    fn a_chosen_list_is_read_in_pages() {
        let id = |n: u64| Id::from_parts(n, 0);
        let begun = |n| Begun {
            trace: TraceId::from(id(n)),
            tag: None,
            id: id(n),
            is_event: true,
            at: Timestamp::from_micros(0),
        };
        let all: Vec<_> = [3, 2, 1].map(begun).into();
        for (is_rising, at, limit, expected, next) in [
            (false, None, 2, &[3, 2][..], Some(2)),
            (false, Some(2), 2, &[1], None),
            (true, None, 2, &[1, 2], Some(2)),
            (true, Some(2), 1, &[3], None),
            (false, Some(1), 9, &[], None),
        ] {
            let page = among(&all, is_rising, at.map(id), limit);
            let ids: Vec<_> = page.items.iter().map(|begun| begun.id).collect();
            assert_eq!(ids, expected.iter().map(|n| id(*n)).collect::<Vec<_>>(), "{is_rising} {at:?}");
            assert_eq!(page.next, next.map(id), "{is_rising} {at:?}");
        }
    }
}
