//! A sensor that goes on: it has one turn for as long as it runs, and begins anew, after a pause, when it ends.

use std::sync::Arc;
use std::time::Duration;

use petrel_engine_core::Report;
use petrel_model::{Object, Sensor, SensorState};
use petrel_persistence::Change;
use petrel_runners::OutputSink;
use petrel_runners::attendant::Attendant;
use petrel_runners::sensors::{Emitter, SensorCall, SensorFailure};
use serde_json::json;

use super::attending::Attending;
use super::board::{Ended, Turn};
use super::failure::failure;
use super::turn::LOGGED;
use crate::service::Triggers;

/// The internal events of a sensor that begins and of one that has ended.
pub(super) const SPAWN: &str = "core.st2.sensor.process_spawn";
const EXIT: &str = "core.st2.sensor.process_exit";
/// How long a sensor must run for its earlier failures to be forgotten.
const SOUND: Duration = Duration::from_secs(60);
/// How long a sensor that is to end may take for that.
const LAST_WAIT: Duration = Duration::from_secs(5);

impl Triggers {
    /// Runs a sensor until it ends, or its turn is ended.
    pub(super) async fn stream(&self, turn: &Turn) -> Ended {
        let (core, reference) = (self.core(), &turn.sensor.reference);
        let call = match self.call_of(&turn.sensor, Arc::clone(&turn.triggers)).await {
            Ok(call) => call,
            Err(failure) => return self.failed(turn, &failure).await,
        };
        let output = OutputSink::rolling(LOGGED);
        self.sensors().board().listen(reference, output.clone());
        let attending = self.attend(turn);
        let attendant = attending.clone().map(|attending| attending as Arc<dyn Attendant>);
        let call = SensorCall { attendant, ..call };
        if attending.is_none() {
            let command = format!("{} {}", call.entry_point, call.class_name);
            let more = || json!({"pid": std::process::id(), "cmd": command});
            self.tell_of_stream(SPAWN, &turn.sensor, || more().as_object().cloned().unwrap_or_default())
                .await;
        }
        let began = core.monotonic();
        let (cancel, emitter) = (turn.cancel.child_token(), Arc::new(self.clone()) as Arc<dyn Emitter>);
        let ended = {
            let running = turn.runner.stream(call, emitter, output.clone(), cancel);
            tokio::pin!(running);
            tokio::select! {
                biased;
                // A runner that hears of the end first ends by itself, and that is no failure of the sensor.
                result = &mut running => Some(result).filter(|_| !turn.cancel.is_cancelled()),
                () = turn.cancel.cancelled() => {
                    // It has heard of that, too.
                    tokio::select! {
                        _ = &mut running => {}
                        () = core.sleep(LAST_WAIT) => {}
                    }
                    None
                }
            }
        };
        self.sensors().board().log(reference, core.now(), &output);
        let code = match (&attending, &ended) {
            (Some(attending), _) => attending.exit(),
            (None, Some(Err(_))) => Some(1),
            (None, Some(Ok(())) | None) => Some(0),
        };
        if let Some(code) = code {
            let more = || Object::from_iter([("exit_code".to_owned(), code.into())]);
            self.tell_of_stream(EXIT, &turn.sensor, more).await;
        }
        let turn = self.now_of(turn, core.since(began) >= SOUND);
        match ended {
            None => self.store_stream(&turn).await,
            Some(result) => {
                let by_itself =
                    || failure("sensor.ended", "it has ended", "a sensor of this kind is to go on");
                let failure: SensorFailure = result.err().unwrap_or_else(by_itself);
                self.failed(&turn, &failure).await
            }
        }
    }

    /// What attends to the process of a sensor, if it has one.
    fn attend(&self, turn: &Turn) -> Option<Arc<Attending>> {
        if !turn.runner.starts_processes() {
            return None;
        }
        let orders = self.sensors().board().attend(&turn.sensor.reference)?;
        Some(Arc::new(Attending::new(self.clone(), Arc::clone(&turn.sensor), orders)))
    }

    /// The turn with the state of the sensor as it is now: its events were counted meanwhile.
    fn now_of(&self, turn: &Turn, is_sound: bool) -> Turn {
        let board = self.sensors().board();
        let state =
            board.get(&turn.sensor.reference).map_or_else(|| turn.state.clone(), |live| live.state.clone());
        let failures = if is_sound { 0 } else { state.failures };
        Turn {
            sensor: Arc::clone(&turn.sensor),
            runner: Arc::clone(&turn.runner),
            kind: turn.kind,
            state: SensorState { failures, ..state },
            triggers: Arc::clone(&turn.triggers),
            cancel: turn.cancel.clone(),
        }
    }

    /// The end of a stream that was ended from outside. Its counts are stored, if that is possible.
    async fn store_stream(&self, turn: &Turn) -> Ended {
        let stored = self.core().commit(Vec::new(), vec![Change::put(turn.state.clone())]).await;
        if let Err(error) = stored
            && !self.core().is_stopping()
        {
            tracing::warn!(sensor = %turn.sensor.reference, %error, hint = error.hint(), "failed to store the state of a sensor");
        }
        self.canceled(turn)
    }

    /// Reports that a stream begins or has ended, if anybody listens.
    pub(super) async fn tell_of_stream(&self, kind: &str, sensor: &Sensor, more: impl FnOnce() -> Object) {
        let (core, now) = (self.core(), self.core().now());
        let report = core.report(kind, now, || {
            let mut payload = Object::new();
            payload.insert("id".into(), sensor.class_name().into());
            payload.insert("timestamp".into(), (now.as_micros() / 1_000_000).into());
            payload.extend(more());
            Report { payload, ..Report::default() }
        });
        let Some(change) = report else { return };
        if let Err(error) = core.commit(Vec::new(), vec![change]).await
            && !core.is_stopping()
        {
            tracing::warn!(sensor = %sensor.reference, %error, hint = error.hint(), "failed to report what a sensor does");
        }
    }
}
