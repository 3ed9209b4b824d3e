//! Orders of operators to sensors: to poll now, to begin anew, and to forget how far they have come.

use petrel_engine_core::Error;
use petrel_model::{Ref, SensorState};
use petrel_persistence::Change;
use petrel_runners::sensors::SensorKind;

use super::board::{Ended, Live};
use crate::service::Triggers;

/// Why a sensor cannot be polled now, and what to do.
fn why_not_polled(live: Option<&Live>) -> (&'static str, &'static str) {
    match live.map(|live| live.kind) {
        None => ("it was just registered", "it is polled once it is made ready"),
        Some(None) => ("it is being made ready", "it is polled once that is done"),
        Some(Some(SensorKind::Webhook)) => {
            ("it takes requests", "post to its address: /api/v1/sensors/NAME/webhook")
        }
        Some(Some(SensorKind::Stream)) => {
            ("it follows a stream", "`petrel sensor restart` has it begin anew")
        }
        Some(Some(SensorKind::Poll)) => ("its poll runs now", "`petrel sensor get` shows what comes of it"),
    }
}

impl Triggers {
    /// Has a sensor polled now, and not at its next time.
    ///
    /// # Errors
    /// When it does not exist, is disabled, cannot run here, or is not polled.
    pub fn poll_sensor(&self, name: &str) -> Result<(), Error> {
        let reference = self.may_run(name)?;
        let now = self.core().now();
        let (is_begun, why) = {
            let mut board = self.sensors().board();
            (board.hurry(&reference, now), why_not_polled(board.get(&reference)))
        };
        self.sensors().tell();
        if is_begun {
            return Ok(());
        }
        let (what, hint) = why;
        Err(Error::Conflict {
            message: format!("the sensor `{name}` does not wait for its next poll: {what}"),
            hint: hint.into(),
            id: None,
        })
    }

    /// Ends what a sensor does, and has it begin anew from where it has come to, now and not after a pause.
    ///
    /// # Errors
    /// As [`poll_sensor`](Self::poll_sensor).
    pub async fn restart_sensor(&self, name: &str) -> Result<(), Error> {
        let reference = self.may_run(name)?;
        self.with_turn(reference, |state| SensorState {
            failures: 0,
            refusing: false,
            next_at: None,
            ..state
        })
        .await
    }

    /// Has a sensor forget how far it has come: its next poll begins at the beginning.
    ///
    /// # Errors
    /// When it does not exist, or the store cannot be written.
    pub async fn reset_sensor(&self, name: &str) -> Result<(), Error> {
        let reference = self.content().sensor(name)?.reference.clone();
        let reset =
            |state| SensorState { cursor: None, failures: 0, refusing: false, next_at: None, ..state };
        self.with_turn(reference, reset).await
    }

    /// The reference of a sensor that can run.
    fn may_run(&self, name: &str) -> Result<Ref, Error> {
        let content = self.content();
        let sensor = content.sensor(name)?;
        let conflict = |message: String, hint: &str| Error::Conflict { message, hint: hint.into(), id: None };
        if !sensor.is_enabled() {
            return Err(conflict(
                format!("the sensor `{name}` is disabled"),
                "`petrel sensor enable` enables it",
            ));
        }
        if self.sensors().runner_of(&sensor.entry_point).is_none() {
            let message = format!("the sensor `{name}` cannot run here: nothing runs {}", sensor.entry_point);
            let hint = "name a component (.wasm) or a file in Python (.py) as its entry_point";
            return Err(conflict(message, hint));
        }
        Ok(sensor.reference.clone())
    }

    /// Changes the state of a sensor between two turns. It goes on to the end even if the caller goes away.
    async fn with_turn(
        &self,
        reference: Ref,
        change: impl FnOnce(SensorState) -> SensorState + Send + 'static,
    ) -> Result<(), Error> {
        let triggers = self.clone();
        let work = async move { triggers.change_between(&reference, change).await };
        self.core().run_detached(work).await
    }

    async fn change_between(
        &self,
        reference: &Ref,
        change: impl FnOnce(SensorState) -> SensorState + Send,
    ) -> Result<(), Error> {
        let gone = || Error::Busy(format!("the sensor {reference} is not followed yet, or gone"));
        let sensors = self.sensors();
        if !sensors.board().claim(reference) {
            return Err(gone());
        }
        let (kind, old) = loop {
            let ended = sensors.ended.notified();
            tokio::pin!(ended);
            // Registered before the look, so that no end in between is missed.
            ended.as_mut().enable();
            let taken = sensors.board().take_claimed(reference);
            match taken {
                Ok(Some(taken)) => break taken,
                Ok(None) => ended.await,
                Err(()) => return Err(gone()),
            }
        };
        let new = change(old.clone());
        let committed = self.core().commit(Vec::new(), vec![Change::put(new.clone())]).await;
        let (now, state) = (self.core().now(), if committed.is_ok() { new } else { old });
        let next = (kind != Some(SensorKind::Webhook)).then_some(now);
        sensors.board().end_turn(Ended { reference: reference.clone(), kind, state, next }, now);
        sensors.tell();
        committed
    }
}
