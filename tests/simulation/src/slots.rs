//! The check that slots are given to waiting executions, and given back. Only lasting states count: an execution that was
//! passed over once may be about to be canceled with its workflow, which is tried again after a moment, and schedulers
//! look each second.

use std::collections::BTreeMap;
use std::time::Duration;

use petrel_model::{ExecutionId, Timestamp, inquiry};

use crate::engine::{SLOTS, is_action};
use crate::invariants::SLOTS as LEAKS;
use crate::invariants::events::{limit, running as running_of};
use crate::ledger::{Known, Ledger, Violation};

/// For how long something that is due may wait although there is a slot for it.
const LONGEST: Duration = Duration::from_secs(5);
/// How often it must have been seen to wait meanwhile.
const LOOKS: usize = 3;

/// Who is seen to wait although there are slots: since when, and how often.
#[derive(Debug, Default)]
pub(crate) struct SlotWatch(BTreeMap<ExecutionId, (Timestamp, usize)>);

impl SlotWatch {
    /// Looks who waits at `now`, while no commit is on its way; `runs` are in the runner, and `running` is what the
    /// engine counts.
    pub(crate) fn look(
        &mut self,
        ledger: &Ledger,
        runs: &[ExecutionId],
        running: usize,
        now: Timestamp,
    ) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut leaks = |what| found.push(Violation { invariant: LEAKS, what });
        if running > runs.len() {
            leaks(format!("the engine counts {running} that run, and {} do", runs.len()));
        }
        // A question takes one too, for a moment.
        let takes_slot = |known: &Known| is_action(&known.runner) || known.runner == inquiry::NAME;
        let has_slot = |known: &Known| !takes_slot(known) || runs.len() < SLOTS;
        // What a policy has wait goes on when fewer run.
        let is_let = |known: &Known| {
            limit(&known.action).is_none_or(|limit| running_of(ledger, &known.action, |_| true) < limit)
        };
        let waits = |(id, known): &(ExecutionId, &Known)| {
            let is_due = known.status.is_waiting() && known.due <= now && !runs.contains(id);
            is_due && has_slot(known) && is_let(known)
        };
        let mut waiting = BTreeMap::new();
        for (id, known) in ledger.open().filter(waits) {
            let (since, looks) = self.0.get(&id).copied().unwrap_or((now, 0));
            waiting.insert(id, (since, looks + 1));
            if now.since(since) > LONGEST && looks >= LOOKS {
                leaks(format!("{} is {} since {since}, and there is a slot", known.name, known.status));
            }
        }
        self.0 = waiting;
        found
    }
}
