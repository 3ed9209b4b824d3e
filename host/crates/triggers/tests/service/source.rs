//! A source of events for sensors: a log of which each sensor has read a part, and a runner that reads on from a cursor
//! or does as it is told.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use petrel_runners::output::Stream;
use petrel_runners::sensors::{
    Emitted, Emitter, Polled, Received, Reply, SensorCall, SensorFailure, SensorKind, SensorRunner,
};
use petrel_runners::{NotPrepared, OutputSink};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What the runner does at a poll, instead of reading on.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// It brings these, and leaves the cursor as it is.
    Bring(Vec<Emitted>),
    /// It fails.
    Fail,
    /// It never answers.
    Hang,
    /// It ends when it is told to, as a failure, like one in a component.
    Obey,
}

/// The source.
pub(crate) struct Source {
    kind: SensorKind,
    log: Mutex<Vec<Value>>,
    steps: Mutex<VecDeque<Step>>,
    asked: Mutex<Vec<(String, Option<Value>)>>,
    polling: Mutex<(usize, usize)>,
    told: Mutex<Vec<Vec<Value>>>,
}

/// Counts a poll while it goes on.
struct Polling<'a>(&'a Mutex<(usize, usize)>);

impl<'a> Polling<'a> {
    fn begin(counts: &'a Mutex<(usize, usize)>) -> Self {
        let mut both = counts.lock();
        both.0 += 1;
        both.1 = both.1.max(both.0);
        drop(both);
        Self(counts)
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.lock().0 -= 1;
    }
}

impl Source {
    /// A source whose sensors are of this kind.
    pub(crate) fn new(kind: SensorKind) -> Arc<Self> {
        Arc::new(Self {
            kind,
            log: Mutex::default(),
            steps: Mutex::default(),
            asked: Mutex::default(),
            polling: Mutex::default(),
            told: Mutex::default(),
        })
    }

    /// Adds events to the log.
    pub(crate) fn add(&self, numbers: impl IntoIterator<Item = u64>) {
        self.log.lock().extend(numbers.into_iter().map(|n| json!({"n": n})));
    }

    /// Has the next polls do this.
    pub(crate) fn next(&self, steps: impl IntoIterator<Item = Step>) {
        self.steps.lock().extend(steps);
    }

    /// The sensors that were polled since the last question, with their cursors.
    pub(crate) fn asked(&self) -> Vec<(String, Option<Value>)> {
        std::mem::take(&mut *self.asked.lock())
    }

    /// The greatest number of polls at once so far.
    pub(crate) fn most_at_once(&self) -> usize {
        self.polling.lock().1
    }

    /// The parameters of the triggers that the last call was told of, sorted by their text.
    pub(crate) fn told(&self) -> Vec<Value> {
        self.told.lock().last().cloned().unwrap_or_default()
    }

    fn note_triggers(&self, call: &SensorCall) {
        let parameters = call.triggers.iter().map(|told| Value::Object(told.trigger.parameters.clone()));
        let mut parameters: Vec<_> = parameters.collect();
        parameters.sort_by_key(Value::to_string);
        self.told.lock().push(parameters);
    }

    fn after(&self, cursor: Option<&Value>) -> Vec<Emitted> {
        let read = cursor.and_then(Value::as_u64).unwrap_or(0);
        self.log.lock().iter().skip(usize::try_from(read).unwrap()).cloned().map(seen).collect()
    }
}

/// An event of the pack's trigger type `seen`.
pub(crate) fn seen(payload: Value) -> Emitted {
    Emitted {
        trigger: "seen".into(),
        payload,
        parameters: None,
        dedup_key: None,
        occurred_at: None,
        trace_tag: None,
        depth: 0,
        emitted_by: None,
    }
}

#[async_trait]
impl SensorRunner for Source {
    fn runs(&self, entry_point: &str) -> bool {
        entry_point.rsplit_once('.').is_some_and(|(_, ending)| ending == "wasm")
    }

    async fn kind(&self, _pack_path: &Path, _entry_point: &str) -> Result<SensorKind, NotPrepared> {
        Ok(self.kind)
    }

    async fn poll(
        &self,
        call: SensorCall,
        cursor: Option<Arc<Value>>,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<Polled, SensorFailure> {
        let _polling = Polling::begin(&self.polling);
        self.note_triggers(&call);
        self.asked.lock().push((call.class_name, cursor.as_deref().cloned()));
        output.line(Stream::Stdout, "asked");
        let step = self.steps.lock().pop_front();
        match step {
            Some(Step::Bring(events)) => Ok(Polled { events, ..Polled::default() }),
            Some(Step::Fail) => Err(SensorFailure {
                code: "sensor.failed".into(),
                message: "no answer".into(),
                hint: "look at it".into(),
                retry_after: None,
            }),
            Some(Step::Hang) => std::future::pending().await,
            Some(Step::Obey) => {
                cancel.cancelled().await;
                Err(SensorFailure {
                    code: "canceled".into(),
                    message: "it was ended by the host".into(),
                    hint: "start it again".into(),
                    retry_after: None,
                })
            }
            None => {
                // As a real one, it takes some time.
                tokio::task::yield_now().await;
                let length = self.log.lock().len();
                let events = self.after(cursor.as_deref());
                Ok(Polled { events, cursor: Some(json!(length)), next_poll: None })
            }
        }
    }

    async fn receive(
        &self,
        call: SensorCall,
        request: Received,
        _output: OutputSink,
        _cancel: CancellationToken,
    ) -> Result<Reply, SensorFailure> {
        self.note_triggers(&call);
        let step = self.steps.lock().pop_front();
        if matches!(step, Some(Step::Hang)) {
            std::future::pending::<()>().await;
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let events = body.as_array().cloned().unwrap_or_default().into_iter().map(seen).collect();
        Ok(Reply { events, status: 201, body: format!("{} {}", request.method, request.path).into_bytes() })
    }

    async fn stream(
        &self,
        call: SensorCall,
        emitter: Arc<dyn Emitter>,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<(), SensorFailure> {
        self.note_triggers(&call);
        output.line(Stream::Stdout, "began");
        let pack = call.sensor.pack().to_owned();
        for event in self.after(None) {
            let _refused = emitter.emit(&pack, &call.sensor, event).await;
        }
        if matches!(self.steps.lock().pop_front(), Some(Step::Fail)) {
            return Ok(());
        }
        cancel.cancelled().await;
        Ok(())
    }
}
