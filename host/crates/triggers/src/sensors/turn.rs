//! One turn of a sensor: the call of its runner, within bounds of time, and the state after it.

use std::sync::Arc;
use std::time::Duration;

use petrel_access::RULE_USER;
use petrel_catalog::configuration::NoConfiguration;
use petrel_model::{Sensor, SensorState};
use petrel_persistence::Change;
use petrel_runners::OutputSink;
use petrel_runners::sensors::{Polled, SensorCall, SensorFailure, SensorKind, SensorTrigger};
use tokio_util::sync::CancellationToken;

use super::board::{Ended, Turn};
use super::failure::{error_of, failure};
use super::{pace, told};
use crate::service::Triggers;

/// The bytes of lines that one turn may log.
pub(super) const LOGGED: usize = 64 << 10;
/// How long a runner may take, once the time is up, to say so itself, and to end.
const GRACE: Duration = Duration::from_secs(1);

/// Ends a turn on drop, so that no end of its task leaves it out.
struct Ending {
    triggers: Triggers,
    ended: Option<Ended>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(ended) = self.ended.take() else { return };
        let now = self.triggers.core().now();
        self.triggers.sensors().board().end_turn(ended, now);
        self.triggers.sensors().tell();
    }
}

impl Triggers {
    /// Runs a sensor for one turn.
    pub(super) async fn run_turn(self, turn: Turn) {
        // What counts if its task ends early.
        let failure = failure("internal", "its task has ended early", "see the log of the host");
        let state = self.state_after(&turn, &failure);
        let early = turn.ended(state.clone(), state.next_at);
        let mut ending = Ending { triggers: self.clone(), ended: Some(early) };
        let ended = match turn.kind {
            None => self.learn_kind(&turn).await,
            Some(SensorKind::Poll) => self.poll(&turn).await,
            Some(SensorKind::Stream) => self.stream(&turn).await,
            Some(SensorKind::Webhook) => turn.ended(turn.state.clone(), None),
        };
        ending.ended = Some(ended);
    }

    /// Finds out how a sensor runs.
    async fn learn_kind(&self, turn: &Turn) -> Ended {
        let pack_path = self.content().pack_path(turn.sensor.reference.pack());
        let asked = turn.runner.kind(&pack_path, &turn.sensor.entry_point);
        let Some(found) = turn.cancel.run_until_cancelled(asked).await else { return self.canceled(turn) };
        match found {
            Ok(kind) => {
                let next = (kind != SensorKind::Webhook).then(|| self.core().now());
                Ended { kind: Some(kind), ..turn.ended(turn.state.clone(), next) }
            }
            Err(not) => self.failed(turn, &failure("sensor.not-prepared", not.reason, not.hint)).await,
        }
    }

    /// Polls a sensor once.
    async fn poll(&self, turn: &Turn) -> Ended {
        match self.polled(turn).await {
            None => self.canceled(turn),
            Some(Err(failure)) => self.failed(turn, &failure).await,
            Some(Ok(polled)) => self.take_polled(turn, polled).await,
        }
    }

    /// What a sensor answers. `None` if its turn was ended.
    async fn polled(&self, turn: &Turn) -> Option<Result<Polled, SensorFailure>> {
        let triggers = told::triggers_of(&self.content(), &turn.sensor);
        let call = match self.call_of(&turn.sensor, triggers).await {
            Ok(call) => call,
            Err(failure) => return Some(Err(failure)),
        };
        let (output, cancel) = (OutputSink::new(LOGGED), turn.cancel.child_token());
        let cursor = turn.state.cursor.clone();
        let polling = turn.runner.poll(call, cursor, output.clone(), cancel.clone());
        let result = self.within(polling, &turn.cancel, &cancel).await;
        self.sensors().board().log(&turn.sensor.reference, self.core().now(), &output);
        result
    }

    /// The call of a sensor that is told of these triggers.
    pub(super) async fn call_of(
        &self,
        sensor: &Sensor,
        triggers: Arc<[SensorTrigger]>,
    ) -> Result<SensorCall, SensorFailure> {
        told::refuse_many(&triggers)?;
        let pack = sensor.reference.pack();
        let configuration = self.catalog().configuration_for(pack, RULE_USER).await;
        let pack_config = configuration.map_err(|error| match error {
            NoConfiguration::Unfilled(why) => failure("configuration", why.to_string(), why.hint()),
            NoConfiguration::Failed(error) => failure(error.code(), error.to_string(), error.hint()),
        })?;
        Ok(SensorCall {
            sensor: sensor.reference.clone(),
            pack_path: self.content().pack_path(pack),
            entry_point: sensor.entry_point.clone(),
            class_name: sensor.class_name().to_owned(),
            pack_config,
            timeout: self.options().poll_timeout,
            triggers,
            poll_interval: sensor.poll_interval.clone(),
            attendant: None,
        })
    }

    /// Waits for a call, for as long as it may take. `None` if its turn was `ended`. `cancel` is what the runner goes by.
    pub(super) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, SensorFailure>>,
        ended: &CancellationToken,
        cancel: &CancellationToken,
    ) -> Option<Result<T, SensorFailure>> {
        tokio::pin!(call);
        let longest = self.options().poll_timeout;
        let is_late = tokio::select! {
            biased;
            // A runner that hears of the end first says so, and that is no failure of the sensor.
            result = &mut call => return Some(result).filter(|result| result.is_ok() || !ended.is_cancelled()),
            () = ended.cancelled() => false,
            () = self.core().sleep(longest.saturating_add(GRACE)) => true,
        };
        cancel.cancel();
        tokio::select! {
            // Whatever it says now comes too late.
            _ = &mut call => {}
            () = self.core().sleep(GRACE) => {}
        }
        is_late.then(|| {
            let seconds = longest.as_secs();
            let message = format!("it has not answered within {seconds} s, and was ended");
            Err(failure("timeout", message, "have it do less at once, or raise `sensors.poll_timeout`"))
        })
    }

    /// The end of a turn that was ended from outside: nothing of it counts.
    pub(super) fn canceled(&self, turn: &Turn) -> Ended {
        turn.ended(turn.state.clone(), Some(self.core().now()))
    }

    /// The end of a turn that has failed. The failure is stored, if that is possible.
    pub(super) async fn failed(&self, turn: &Turn, failure: &SensorFailure) -> Ended {
        let (core, reference) = (self.core(), &turn.sensor.reference);
        let state = self.state_after(turn, failure);
        if let Some(left_out) = core.may_log(reference.as_str()) {
            tracing::warn!(sensor = %reference, code = failure.code, error = failure.message, hint = failure.hint, left_out, "a sensor failed; it is tried again");
        }
        if let Err(error) = core.commit(Vec::new(), vec![Change::put(state.clone())]).await
            && !core.is_stopping()
            && let Some(left_out) = core.may_log("the state of sensors")
        {
            // It is known in memory, and only the next process knows less.
            tracing::warn!(sensor = %reference, %error, hint = error.hint(), left_out, "failed to store the failure of a sensor");
        }
        let next = state.next_at;
        turn.ended(state, next)
    }

    /// The state of a sensor once it has failed.
    fn state_after(&self, turn: &Turn, failure: &SensorFailure) -> SensorState {
        let now = self.core().now();
        let failures = turn.state.failures.saturating_add(1);
        let next_at = now.plus(pace::after_failure(failures, failure.retry_after));
        SensorState {
            failures,
            last_error: Some(error_of(failure, now)),
            next_at: Some(next_at),
            ..turn.state.clone()
        }
    }
}
