//! What correlations hold, as rows: one of a key, with the numbers of the rows of its events, and one of each event. So an
//! event costs a little more than its own bytes, however much is held of its key.

use std::collections::BTreeMap;

use petrel_engine_core::Error;
use petrel_model::{CorrelationState, HeldRow};
use petrel_persistence::{self as persistence, Change, Store, StoreExt as _};
use petrel_rules::correlation::bytes;

/// What is held of a key. What cannot be read is as if it were not there: the next event begins anew.
///
/// # Errors
/// When the store fails.
pub(super) async fn read(store: &dyn Store, key: &str) -> Result<Option<CorrelationState>, Error> {
    let found = match store.get::<CorrelationState>(&key.to_owned()).await {
        Err(persistence::Error::Damaged { .. }) => None,
        found => found?,
    };
    let Some(mut state) = found else { return Ok(None) };
    for number in std::mem::take(&mut state.rows) {
        match store.get::<HeldRow>(&HeldRow::key_of(key, number)).await {
            Ok(Some(row)) => {
                state.events.push(row.event);
                state.rows.push(number);
            }
            Ok(None) | Err(persistence::Error::Damaged { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    state.held_bytes = 0;
    Ok(Some(state))
}

/// Adds the changes that make `after` of what was read as `before`.
pub(super) fn changes(
    before: Option<&CorrelationState>,
    after: Option<&CorrelationState>,
    changes: &mut Vec<Change>,
) {
    // A state of an earlier version has no rows of events.
    let mut known: BTreeMap<_, _> = before
        .iter()
        .flat_map(|state| state.events.iter().zip(&state.rows))
        .map(|(event, number)| ((event.id, event.part), *number))
        .collect();
    let mut next = known.values().max().map_or(0, |last| last + 1);
    match (before, after) {
        (_, Some(after)) => {
            let mut rows = Vec::with_capacity(after.events.len());
            for event in &after.events {
                let number = known.remove(&(event.id, event.part)).unwrap_or_else(|| {
                    let (number, key) = (next, HeldRow::key_of(&after.key, next));
                    changes.push(Change::put(HeldRow { key, event: event.clone() }));
                    next += 1;
                    number
                });
                rows.push(number);
            }
            changes.push(Change::put(CorrelationState {
                key: after.key.clone(),
                rule_id: after.rule_id,
                made_for: after.made_for.clone(),
                group: after.group.clone(),
                first_at: after.first_at,
                last_at: after.last_at,
                due_at: after.due_at,
                count: after.count,
                events: Vec::new(),
                rows,
                held_bytes: bytes(after),
            }));
        }
        (Some(before), None) => changes.push(Change::delete::<CorrelationState>(before.key.clone())),
        (None, None) => {}
    }
    if let Some(before) = before {
        changes.extend(
            known.into_values().map(|number| Change::delete::<HeldRow>(HeldRow::key_of(&before.key, number))),
        );
    }
}
