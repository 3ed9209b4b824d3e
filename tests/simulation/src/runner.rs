//! The runner of the simulation: the seed decides how a run ends. A run takes its time by the simulation's clock, or until
//! it is told to end; it heeds a cancel at once, after a while, or reports that it had ended by itself.
//!
//! No run sleeps by the clock: the simulation ends those that are due, one after the other, so that the end of a run and
//! a sleep of the engine are never due in the same moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use petrel_crash::rounds::Moments;
use petrel_model::parameters::Parameters;
use petrel_model::{ExecutionId, Status};
use petrel_runners::{Call, End, Outcome, OutputSink, Runner, RunnerType, Slots};
use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::clock::TurnedClock;
use crate::invariants::events::{LIMITS, limit};
use crate::invariants::{CANCELED, EFFECTS};
use crate::ledger::{Ledger, RUNNER};

/// How long runs take: most of them hardly any time, some until they are told to end.
const LASTS: [Option<u64>; 8] =
    [Some(0), Some(0), Some(20), Some(150), Some(400), Some(3_000), Some(20_000), None];
/// How they end: most of them well.
const ENDS: [End; 8] = [
    End::Succeeded,
    End::Succeeded,
    End::Succeeded,
    End::Succeeded,
    End::Succeeded,
    End::Failed,
    End::Failed,
    End::TimedOut,
];

/// What a run makes of a cancel.
#[derive(Debug, Clone, Copy)]
enum Heed {
    /// It ends at once.
    AtOnce,
    /// It ends when its grace is over, and somebody else ends it.
    After(Duration),
    /// It ended by itself in the same moment.
    TooLate,
}

/// A run that has begun.
#[derive(Debug)]
struct Run {
    action: String,
    /// When it ends by itself, counted from the beginning of the clock.
    ends_at: Option<Duration>,
    end: End,
    tell: oneshot::Sender<End>,
}

/// What happens in runs, over all lives of the host.
pub(crate) struct Script {
    clock: Arc<TurnedClock>,
    ledger: Arc<Mutex<Ledger>>,
    state: Mutex<State>,
}

struct State {
    moments: Moments,
    runs: BTreeMap<ExecutionId, Run>,
    effects: Vec<ExecutionId>,
    /// Whether no run takes long any more.
    hurries: bool,
}

impl Script {
    /// The script that `moments` writes.
    pub(crate) fn new(clock: Arc<TurnedClock>, ledger: Arc<Mutex<Ledger>>, moments: Moments) -> Self {
        let state = State { moments, runs: BTreeMap::new(), effects: Vec::new(), hurries: false };
        Self { clock, ledger, state: Mutex::new(state) }
    }

    /// What runs, oldest first.
    pub(crate) fn running(&self) -> Vec<ExecutionId> {
        self.state.lock().runs.keys().copied().collect()
    }

    /// What had an effect in the world outside, in order.
    pub(crate) fn effects(&self) -> Vec<ExecutionId> {
        self.state.lock().effects.clone()
    }

    /// When the next run ends by itself, counted from the beginning of the clock.
    pub(crate) fn next_end(&self) -> Option<Duration> {
        self.state.lock().runs.values().filter_map(|run| run.ends_at).min()
    }

    /// The run that is to have ended by `turned`; of several the one that ends first.
    pub(crate) fn due(&self, turned: Duration) -> Option<ExecutionId> {
        let state = self.state.lock();
        let ends = state.runs.iter().filter_map(|(id, run)| Some((run.ends_at?, *id)));
        ends.min().filter(|(ends_at, _)| *ends_at <= turned).map(|(_, id)| id)
    }

    /// Has a run end: so, or as it is to end by itself.
    pub(crate) fn end(&self, id: ExecutionId, so: Option<End>) {
        let run = self.state.lock().runs.remove(&id);
        if let Some(Run { end, tell, .. }) = run {
            // It may have heeded a cancel in the same moment.
            let _is_heard = tell.send(so.unwrap_or(end));
        }
    }

    /// The host is lost, with all that runs.
    pub(crate) fn lose(&self) {
        self.state.lock().runs.clear();
    }

    /// Nothing takes long any more: what runs ends now, what begins from now on nearly at once.
    pub(crate) fn hurry(&self) {
        let now = self.clock.turned();
        let mut state = self.state.lock();
        state.hurries = true;
        state.runs.values_mut().for_each(|run| run.ends_at = Some(now));
    }

    /// A run begins: how it ends if it does at once, else what tells it to; and what it makes of a cancel.
    fn begin(&self, call: &Call) -> (Result<End, oneshot::Receiver<End>>, Heed) {
        let id = call.execution_id;
        self.check(call);
        let mut state = self.state.lock();
        let lasts = LASTS.get(state.moments.number(LASTS.len())).copied().flatten();
        let end = ENDS.get(state.moments.number(ENDS.len())).copied().unwrap_or(End::Succeeded);
        let heed = match state.moments.number(6) {
            0 => Heed::After(Duration::from_millis(1) + state.moments.next(Duration::from_secs(5))),
            1 => Heed::TooLate,
            _ => Heed::AtOnce,
        };
        let lasts = if state.hurries { Some(lasts.unwrap_or(0).min(20)) } else { lasts };
        if !call.action.idempotent {
            state.effects.push(id);
        }
        if lasts == Some(0) {
            return (Ok(end), heed);
        }
        let (tell, told) = oneshot::channel();
        let ends_at = lasts.map(|lasts| self.clock.turned() + Duration::from_millis(lasts));
        let action = call.action.reference.as_str().to_owned();
        state.runs.insert(id, Run { action, ends_at, end, tell });
        (Err(told), heed)
    }

    /// Whether it may begin.
    fn check(&self, call: &Call) {
        let action = call.action.reference.as_str();
        let beside = self.state.lock().runs.values().filter(|run| run.action == action).count();
        let mut ledger = self.ledger.lock();
        if limit(action).is_some_and(|limit| beside >= limit) {
            ledger.violate(LIMITS, format!("one of {action} begins to run beside {beside}"));
        }
        let Some(known) = ledger.executions.get(&call.execution_id).cloned() else {
            ledger.violate(EFFECTS, format!("{} runs and is not stored", call.execution_id));
            return;
        };
        let name = &known.name;
        ledger.lines.push(format!("    {name} runs, attempt {}", call.attempt));
        let is_begun = known.log.iter().any(|entry| entry.status == Status::Running);
        if known.is_cancel_told {
            ledger.violate(CANCELED, format!("{name} begins to run and is {}", known.status));
        } else if !known.is_idempotent && !is_begun {
            ledger.violate(EFFECTS, format!("{name} begins to run and is stored as {}", known.status));
        }
    }

    /// A cancel has reached a run that does not heed it: it ends when its grace is over.
    fn postpone(&self, id: ExecutionId, grace: Duration) {
        let ends_at = self.clock.turned() + grace;
        if let Some(run) = self.state.lock().runs.get_mut(&id) {
            run.ends_at = Some(run.ends_at.map_or(ends_at, |before| before.min(ends_at)));
            run.end = End::Canceled;
        }
    }

    /// A run has ended.
    fn ended(&self, id: ExecutionId) {
        self.state.lock().runs.remove(&id);
    }
}

/// The runner of one life of the host.
pub(crate) struct ScriptedRunner {
    kind: RunnerType,
    script: Arc<Script>,
}

impl ScriptedRunner {
    /// A runner that goes by `script`.
    pub(crate) fn new(script: Arc<Script>) -> Self {
        let kind = RunnerType {
            name: RUNNER,
            description: "Does as the simulation says",
            parameters: Parameters::new(),
        };
        Self { kind, script }
    }
}

#[async_trait]
impl Runner for ScriptedRunner {
    fn runner_type(&self) -> &RunnerType {
        &self.kind
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, call: Call, _output: OutputSink, cancel: CancellationToken) -> Outcome {
        let id = call.execution_id;
        let (begun, heed) = self.script.begin(&call);
        let mut told = match begun {
            Ok(end) => return outcome(end),
            Err(told) => told,
        };
        let end = tokio::select! {
            biased;
            end = &mut told => end,
            () = cancel.cancelled() => match heed {
                Heed::AtOnce => Ok(End::Canceled),
                Heed::TooLate => Ok(End::Succeeded),
                Heed::After(grace) => {
                    self.script.postpone(id, grace);
                    told.await
                }
            }
        };
        self.script.ended(id);
        // Nobody tells it any more when the host is lost.
        outcome(end.unwrap_or(End::Canceled))
    }
}

fn outcome(end: End) -> Outcome {
    match end {
        End::Succeeded => Outcome::succeeded(json!({"n": 1})),
        end => Outcome { end, result: json!({"error": "it was to end so"}) },
    }
}
