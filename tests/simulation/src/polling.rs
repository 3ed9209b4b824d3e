//! The sensor of the simulation: its events have consecutive numbers, from its cursor on. A poll brings some, or none, or
//! fails; the host asks again after a few seconds.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use petrel_crash::rounds::Moments;
use petrel_runners::sensors::{
    Emitted, Emitter, Polled, Received, Reply, SensorCall, SensorFailure, SensorKind, SensorRunner,
};
use petrel_runners::{NotPrepared, OutputSink};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::pack::SENSOR;

/// Runs the sensor in one life of the host.
pub(crate) struct Numbers(Mutex<Moments>);

impl Numbers {
    /// A sensor whose polls go by `moments`.
    pub(crate) fn new(moments: Moments) -> Self {
        Self(Mutex::new(moments))
    }
}

/// The event with this number. Every other one has a key: the others are known by the cursor alone.
fn event(n: u64) -> Emitted {
    Emitted {
        trigger: SENSOR.1.to_owned(),
        parameters: None,
        payload: json!({"n": n}),
        dedup_key: n.is_multiple_of(2).then(|| n.to_string()),
        occurred_at: None,
        trace_tag: None,
        depth: 0,
        emitted_by: None,
    }
}

fn failure(message: &str) -> SensorFailure {
    let (code, hint) = ("sensor.failed".into(), "it is tried again".into());
    SensorFailure { code, message: message.to_owned(), hint, retry_after: None }
}

#[async_trait]
impl SensorRunner for Numbers {
    fn runs(&self, entry_point: &str) -> bool {
        entry_point.rsplit_once('.').is_some_and(|(_, ending)| ending == "wasm")
    }

    async fn kind(&self, _pack_path: &Path, _entry_point: &str) -> Result<SensorKind, NotPrepared> {
        Ok(SensorKind::Poll)
    }

    async fn poll(
        &self,
        _call: SensorCall,
        cursor: Option<Arc<Value>>,
        _output: OutputSink,
        _cancel: CancellationToken,
    ) -> Result<Polled, SensorFailure> {
        let (number, pause) = {
            let mut moments = self.0.lock();
            (moments.number(6), Duration::from_secs(1) + moments.next(Duration::from_secs(9)))
        };
        if number == 0 {
            return Err(failure("it was to fail"));
        }
        let after = cursor.as_deref().and_then(Value::as_u64).unwrap_or(0);
        let last = after + u64::try_from(number / 2).unwrap_or_default();
        let events = (after + 1..=last).map(event).collect();
        Ok(Polled { events, cursor: Some(last.into()), next_poll: Some(pause) })
    }

    async fn receive(
        &self,
        _call: SensorCall,
        _request: Received,
        _output: OutputSink,
        _cancel: CancellationToken,
    ) -> Result<Reply, SensorFailure> {
        Err(failure("it takes no requests"))
    }

    async fn stream(
        &self,
        _call: SensorCall,
        _emitter: Arc<dyn Emitter>,
        _output: OutputSink,
        _cancel: CancellationToken,
    ) -> Result<(), SensorFailure> {
        Err(failure("it does not stream"))
    }
}
