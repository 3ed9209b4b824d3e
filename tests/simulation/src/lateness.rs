//! The check that timers fire when they are due. Only lasting states count: one whose event found no room is tried again
//! after a pause of a few seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use petrel_model::{Ref, Timestamp};

use crate::invariants::events::LATE;
use crate::ledger::{Ledger, Violation};
use crate::side::next_time;

/// For how long a timer may be due.
const LONGEST: Duration = Duration::from_secs(10);
/// How often it must have been seen to be due meanwhile.
const LOOKS: usize = 3;

/// The timers that are seen to be due: since when, and how often.
#[derive(Debug, Default)]
pub(crate) struct TimerWatch(BTreeMap<Ref, (Timestamp, usize)>);

impl TimerWatch {
    /// Looks which timers are due at `now`. While the store `is_disturbed`, any may be.
    pub(crate) fn look(&mut self, ledger: &Ledger, is_disturbed: bool, now: Timestamp) -> Vec<Violation> {
        let (mut found, mut late) = (Vec::new(), BTreeMap::new());
        let timers = ledger.side.timers.values().filter(|_| !is_disturbed);
        for timer in timers.filter(|timer| next_time(timer).is_some_and(|due| due <= now)) {
            let (since, looks) = self.0.get(&timer.reference).copied().unwrap_or((now, 0));
            late.insert(timer.reference.clone(), (since, looks + 1));
            if now.since(since) > LONGEST && looks >= LOOKS {
                let what = format!("{} is due since {since}, and does not fire", timer.reference.as_str());
                found.push(Violation { invariant: LATE, what });
            }
        }
        self.0 = late;
        found
    }
}
