//! The states of timers and sensors that an earlier process has left.

use std::collections::BTreeMap;
use std::time::Duration;

use petrel_model::Ref;
use petrel_persistence::{Noun, StoreExt as _};

use crate::service::Triggers;

/// The pause before the first new attempt, and the longest one.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// All states of this kind, by reference. What cannot be read for the moment is read again; the log calls it the state of
/// `whose`.
pub(crate) async fn left_behind<N: Noun<Key = Ref>>(triggers: &Triggers, whose: &str) -> BTreeMap<Ref, N> {
    let mut pause = AGAIN.0;
    loop {
        match triggers.store().all::<N>().await {
            Ok(states) => return states.into_iter().map(|state| (state.key(), state)).collect(),
            Err(error) => tracing::warn!(%error, "failed to read the state of {whose}; trying again"),
        }
        triggers.core().sleep(pause).await;
        pause = (pause * 2).min(AGAIN.1);
    }
}
