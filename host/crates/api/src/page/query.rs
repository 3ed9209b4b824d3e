//! The query of a list: filters, order and page, checked against the table in `lists.rs`. An unknown name is refused,
//! because a client that deletes everything it is shown must not be shown too much.

mod asked;
mod unknown;

use std::cmp::Ordering;
use std::time::Duration;

use axum::response::Response;
use petrel_model::rule::EnforcementStatus;
use petrel_model::trigger::TriggerInstanceStatus;
use petrel_model::{Id, Ref, Status, Timestamp, TraceId};
use serde::Serialize;

use super::lists::{Column, Kind, List, OF_REQUESTS, OF_STORED, SORT_ASC, SORT_DESC};
use super::rows::{Cell, Row};
use super::{PageQuery, PageRequest};
use crate::extract::{flag, time};
use crate::turns::Turn;
use crate::words::{known, shown};
use crate::{Api, ApiError};

pub(crate) use asked::Asked;

use unknown::unknown;

/// The greatest number of values of one filter, as in StackStorm.
const MOST_VALUES: usize = 100;
/// The resolution of times.
const LEAST: Duration = Duration::from_micros(1);

/// The checked query of a list.
#[derive(Debug)]
pub(crate) struct ListRequest {
    /// The part of the list, and the attributes.
    pub(crate) page: PageRequest,
    list: &'static List,
    filters: Vec<Filter>,
    /// The columns by which the list is ordered, and whether the largest comes first.
    order: Vec<(&'static Column, bool)>,
    /// Further parameters, by name.
    others: Vec<(&'static str, String)>,
    /// Whether a list from the store goes from the oldest to the newest.
    pub(crate) is_rising: bool,
    /// The user who asks.
    pub(crate) user: String,
}

/// A condition on the items.
#[derive(Debug)]
struct Filter {
    column: &'static str,
    test: Test,
}

/// The comparison of a filter.
#[derive(Debug, PartialEq, Eq)]
enum Test {
    /// The item has no such value.
    Missing,
    Is(String),
    IsOneOf(Vec<String>),
    Flag(bool),
    At(Timestamp),
    After(Timestamp),
    Before(Timestamp),
}

impl Asked {
    /// Checks the query against `list`.
    ///
    /// # Errors
    /// 400 with the known names, for an unknown name or an invalid value.
    pub(crate) fn of(self, list: &'static List) -> Result<ListRequest, ApiError> {
        refuse_repeated(&self.pairs)?;
        let mut page = PageQuery::default();
        let (mut filters, mut order, mut others) = (Vec::new(), Vec::new(), Vec::new());
        // The parameters of every request are read elsewhere, where they matter.
        let of_list = self.pairs.into_iter().filter(|(name, _)| !OF_REQUESTS.contains(&name.as_str()));
        for (name, value) in of_list {
            if OF_STORED.contains(&name.as_str()) && !list.is_stored {
                return Err(unknown(list, &name));
            } else if name == "sort" {
                order = read_order(list, &value)?;
            } else if let Some(place) = page.place(&name) {
                *place = Some(value);
            } else if let Some(other) = list.others.iter().find(|other| **other == name) {
                others.push((*other, value));
            } else {
                filters.push(Filter::read(list, &name, &value)?);
            }
        }
        let page = page.parse()?;
        let page = if list.is_stored { page.within_reach()? } else { page };
        let mut asked = ListRequest { page, list, filters, order, others, is_rising: false, user: self.user };
        asked.is_rising = asked.is_asked_to_rise()?;
        Ok(asked)
    }
}

/// Refuses a parameter that is given twice: nobody could say which of the two counts.
pub(crate) fn refuse_repeated(pairs: &[(String, String)]) -> Result<(), ApiError> {
    for (number, (name, _)) in pairs.iter().enumerate() {
        // A query has few parameters, so pairs are compared without a set.
        if pairs.iter().take(number).any(|(earlier, _)| earlier == name) {
            let message = format!("`{}` is given twice", shown(name));
            return Err(ApiError::invalid(message, "give it once; several ids have commas between them"));
        }
    }
    Ok(())
}

/// The order in `text`: names separated by commas, with `-` in front where the largest comes first.
fn read_order(list: &'static List, text: &str) -> Result<Vec<(&'static Column, bool)>, ApiError> {
    let mut order = Vec::new();
    for key in text.split(',').filter(|key| !key.is_empty()) {
        // In a query an unescaped plus stands for a space.
        let name = key.trim_start_matches(['+', ' ', '-']);
        // Ids are unique and follow time, so a second key could never decide.
        let is_decided = list.is_stored && !order.is_empty();
        let mut known = list.columns.iter().filter(|_| is_decided).chain(list.orders());
        let column =
            known.find(|column| column.name == name).or_else(|| list.shown_as(name)).ok_or_else(|| {
                let orders: Vec<_> = list.orders().map(|column| column.name).collect();
                let message =
                    format!("the list at {} cannot be ordered by `{}` (`sort`)", list.path, shown(name));
                ApiError::invalid(
                    message,
                    format!("it can be by {}, with - before it for the other way", orders.join(", ")),
                )
            })?;
        order.push((column, key.starts_with('-')));
    }
    Ok(order)
}

impl Filter {
    fn read(list: &'static List, name: &str, value: &str) -> Result<Self, ApiError> {
        let (column, bound) = column_of(list, name).ok_or_else(|| unknown(list, name))?;
        if value.is_empty() {
            let message = format!("`{name}` is empty");
            return Err(ApiError::invalid(message, format!("say what it is to be, or leave {name} out")));
        }
        // StackStorm reads `null` as "has no value" in every filter, and `None` in filters by id.
        let is_missing = value.eq_ignore_ascii_case("null") || (value == "None" && column.kind == Kind::Id);
        let test = if is_missing { Test::Missing } else { Test::read(column.kind, bound, name, value)? };
        Ok(Self { column: column.name, test })
    }
}

/// The side of a time that a filter selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Exactly,
    After,
    Before,
}

fn column_of(list: &'static List, name: &str) -> Option<(&'static Column, Bound)> {
    list.columns.iter().find_map(|column| {
        let bound = match name.strip_prefix(column.name)? {
            "" => Bound::Exactly,
            "_gt" if column.kind == Kind::Time => Bound::After,
            "_lt" if column.kind == Kind::Time => Bound::Before,
            _ => return None,
        };
        Some((column, bound))
    })
}

impl Test {
    fn read(kind: Kind, bound: Bound, name: &str, value: &str) -> Result<Self, ApiError> {
        let wrong = |error: String, hint: String| ApiError::invalid(format!("`{name}`: {error}"), hint);
        let is = || Self::Is(value.to_owned());
        let one_of = |statuses: &[&str]| {
            let hint = || known(value, "it is one of", statuses);
            let is_known = statuses.contains(&value);
            is_known.then(is).ok_or_else(|| wrong(format!("`{}` is no status", shown(value)), hint()))
        };
        match kind {
            Kind::Text => Ok(is()),
            Kind::Texts => several(name, value).map(Self::IsOneOf),
            Kind::Ids => {
                let ids = several(name, value)?;
                let read = ids.iter().map(|id| id.parse::<Id>().map(|id| id.to_string()));
                let ids = read.collect::<Result<_, _>>();
                ids.map(Self::IsOneOf).map_err(|error| wrong(error.to_string(), OF_IDS.into()))
            }
            Kind::TraceIds => {
                let read = |id: &String| match id.parse::<TraceId>() {
                    Ok(trace) => Ok(trace.to_string()),
                    Err(_no_trace) => id.parse::<Id>().map(|id| id.to_string()),
                };
                let ids = several(name, value)?.iter().map(read).collect::<Result<_, _>>();
                ids.map(Self::IsOneOf).map_err(|error| wrong(error.to_string(), OF_IDS.into()))
            }
            Kind::Id => match value.parse::<Id>() {
                Ok(id) => Ok(Self::Is(id.to_string())),
                Err(error) => Err(wrong(error.to_string(), OF_IDS.into())),
            },
            Kind::Reference => match value.parse::<Ref>() {
                Ok(_reference) => Ok(is()),
                Err(error) => Err(wrong(error.to_string(), format!("write {name}=pack.name"))),
            },
            Kind::Status => one_of(&Status::ALL.map(Status::as_str)),
            Kind::EventStatus => one_of(&EVENT_STATUSES.map(TriggerInstanceStatus::as_str)),
            Kind::EnforcementStatus => one_of(&EnforcementStatus::ALL.map(EnforcementStatus::as_str)),
            Kind::Flag => flag(name, value).map(Self::Flag),
            Kind::Time => {
                let time = time(name, value)?;
                Ok(match bound {
                    Bound::Exactly => Self::At(time),
                    Bound::After => Self::After(time),
                    Bound::Before => Self::Before(time),
                })
            }
        }
    }

    fn holds(&self, cell: &Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Missing, Cell::Missing) => true,
            (Self::Is(wanted), Cell::Text(found)) => found == wanted,
            (Self::Is(wanted), Cell::Texts(found)) => found.iter().any(|found| found == wanted),
            (Self::IsOneOf(wanted), Cell::Texts(found)) => {
                found.iter().any(|found| wanted.iter().any(|wanted| found == wanted))
            }
            (Self::IsOneOf(wanted), Cell::Text(found)) => wanted.iter().any(|wanted| found == wanted),
            (Self::Flag(wanted), Cell::Flag(found)) => wanted == found,
            (Self::At(wanted), Cell::Time(found)) => wanted == found,
            // An item without a time passes neither bound.
            (Self::After(bound), Cell::Time(found)) => found > bound,
            (Self::Before(bound), Cell::Time(found)) => found < bound,
            _ => false,
        }
    }
}

/// The hint of an error about ids.
const OF_IDS: &str =
    "an id is as a list shows it; several have commas between them where more than one is taken";
/// The statuses that the filter of trigger instances accepts.
const EVENT_STATUSES: [TriggerInstanceStatus; 4] = [
    TriggerInstanceStatus::Pending,
    TriggerInstanceStatus::Processing,
    TriggerInstanceStatus::Processed,
    TriggerInstanceStatus::ProcessingFailed,
];

fn several(name: &str, value: &str) -> Result<Vec<String>, ApiError> {
    let values: Vec<_> = value.split(',').map(|one| one.trim().to_owned()).collect();
    if values.len() > MOST_VALUES {
        let message = format!("`{name}` has {} values, and {MOST_VALUES} is the limit", values.len());
        return Err(ApiError::invalid(message, "ask several times"));
    }
    Ok(values)
}

impl ListRequest {
    /// Whether the list is read from oldest to newest: by request, or because of its filters, as StackStorm has it
    /// for executions.
    fn is_asked_to_rise(&self) -> Result<bool, ApiError> {
        // In a stored list only the first key decides, as ids are unique and follow time.
        let falls = self.order.first().map(|(_, is_falling)| *is_falling);
        let is_said = |name| self.other(name).map_or(Ok(false), |value| flag(name, value));
        let is_narrowed = |test: fn(&Test) -> bool| self.filters.iter().any(|filter| test(&filter.test));
        let knows_both = self.list.others.contains(&SORT_ASC);
        let (is_falling, is_rising) = (is_said(SORT_DESC)?, is_said(SORT_ASC)?);
        let is_rising = match (falls, self.page.before.is_some(), self.page.after.is_some()) {
            (_, true, true) | (Some(false), true, _) | (Some(true), _, true) => {
                let message = "`before` goes on with what is older, and `after` with what is newer";
                return Err(ApiError::invalid(
                    message,
                    "give one of them, with the order of the page before",
                ));
            }
            (_, _, true) => true,
            (_, true, _) => false,
            (Some(falls), ..) => !falls,
            (None, ..) if is_falling => false,
            (None, ..) if is_rising => true,
            // Without a requested order, StackStorm reads on from the time in the filter: backwards from "before",
            // forwards from "after".
            (None, ..) if is_narrowed(|test| matches!(test, Test::Before(_))) => false,
            (None, ..) => knows_both && is_narrowed(|test| matches!(test, Test::After(_))),
        };
        Ok(is_rising)
    }

    /// The value of a parameter in `List::others`.
    pub(crate) fn other(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Whether an item passes every filter.
    pub(crate) fn admits(&self, item: &impl Row) -> bool {
        self.filters.iter().all(|filter| filter.test.holds(&item.cell(filter.column)))
    }

    /// The text that a filter requires in this column, if there is one.
    pub(crate) fn wanted(&self, column: &str) -> Option<&str> {
        self.filters.iter().find(|filter| filter.column == column).and_then(|filter| match &filter.test {
            Test::Is(wanted) => Some(wanted.as_str()),
            _ => None,
        })
    }

    /// Whether a filter requires that the column has no value.
    pub(crate) fn is_wanted_missing(&self, column: &str) -> bool {
        self.filters.iter().any(|filter| filter.column == column && filter.test == Test::Missing)
    }

    /// The ids of the filter by id, in the order of the list.
    // Sorted and without duplicates, so that the page can go on after an id, and an item comes once.
    pub(super) fn ids(&self) -> Option<Vec<Id>> {
        let filter = self.filters.iter().find(|filter| filter.column == "id")?;
        let Test::IsOneOf(wanted) = &filter.test else { return None };
        let mut ids: Vec<Id> = wanted.iter().filter_map(|id| id.parse().ok()).collect();
        ids.sort_unstable();
        ids.dedup();
        if !self.is_rising {
            ids.reverse();
        }
        Some(ids)
    }

    /// The ids of traces among those of the filter by id.
    pub(crate) fn trace_ids(&self) -> Vec<TraceId> {
        let filter = self.filters.iter().find(|filter| filter.column == "id");
        match filter.map(|filter| &filter.test) {
            Some(Test::IsOneOf(wanted)) => wanted.iter().filter_map(|id| id.parse().ok()).collect(),
            _ => Vec::new(),
        }
    }

    /// The exclusive bounds, after and before, that the filters set on the time of an item.
    pub(crate) fn times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let (mut after, mut before) = (None, None);
        for filter in &self.filters {
            match &filter.test {
                Test::After(time) => after = Some(*time),
                Test::Before(time) => before = Some(*time),
                // The columns of stores take exclusive bounds only; the neighbours of a time enclose just this time.
                Test::At(time) => {
                    after = Some(time.minus(LEAST));
                    before = Some(time.plus(LEAST));
                }
                _ => {}
            }
        }
        (after, before)
    }

    /// Waits for a glance at a list in memory, which is written in one go.
    ///
    /// # Errors
    /// 503 when too many requests wait, or when no glance is free for a while.
    pub(crate) async fn glance(&self, api: &Api) -> Result<Turn, ApiError> {
        Ok(api.glances.take(&self.user).await?)
    }

    /// The requested page of `items`, which are in memory, each as `view` shows it.
    ///
    /// # Errors
    /// As [`PageRequest::answer`].
    pub(crate) fn answer<T: Row, V: Serialize>(
        &self,
        api: &Api,
        items: impl Iterator<Item = T>,
        view: impl Fn(T) -> V,
    ) -> Result<Response, ApiError> {
        let admitted = items.filter(|item| self.admits(item));
        // Without an order the items stream; only sorting needs them all.
        if self.order.is_empty() {
            return self.page.answer(api, admitted, view);
        }
        let mut ordered: Vec<T> = admitted.collect();
        ordered.sort_by(|one, other| self.compare(one, other));
        self.page.answer(api, ordered.into_iter(), view)
    }

    fn compare(&self, one: &impl Row, other: &impl Row) -> Ordering {
        let mut orders = self.order.iter().map(|(column, is_falling)| {
            let order = one.cell(column.name).cmp(&other.cell(column.name));
            if *is_falling { order.reverse() } else { order }
        });
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

#[cfg(test)]
pub(super) mod tests;
