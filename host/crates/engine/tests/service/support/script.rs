//! A runner whose ends the test decides. An action does what its name says: `at_once` and `fails` end by themselves,
//! `panics` does, `calls` runs the action that `value` names, `learns` does too after it was told a secret and has printed
//! it, `deaf` ends only when the test says so, and all others end then or when they are canceled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use petrel_catalog::content::Runners;
use petrel_engine::workflows::{action_chain, orquesta};
use petrel_model::parameters::Parameters;
use petrel_model::{ExecutionId, Object, Ref};
use petrel_runners::asked::Around;
use petrel_runners::inquirer::Inquirer;
use petrel_runners::{Call, End, Outcome, OutputSink, Runner, RunnerType, Runs, Slots, Stream};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// The runner of actions that take a slot for components.
pub(crate) const SCRIPTED: &str = "scripted";
/// The runner of actions that take a slot for processes.
pub(crate) const SCRIPTED_PROCESS: &str = "scripted-process";

/// What the runners of a process were told to do. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Calls>>);

#[derive(Default)]
struct Calls {
    begun: Vec<Call>,
    open: HashMap<ExecutionId, oneshot::Sender<Outcome>>,
}

impl Script {
    /// The runners of a host: both scripted ones, the one that asks questions, and those of workflows.
    pub(crate) fn runners(&self) -> Runners {
        let scripted = [(SCRIPTED, Slots::Component), (SCRIPTED_PROCESS, Slots::Process)];
        let scripted = scripted.map(|(name, slots)| {
            let parameters = Parameters::new();
            let kind = RunnerType { name, description: "Does as the test says.", parameters };
            Runs::by(Scripted { kind, slots, script: self.clone() })
        });
        let asks = Runs::by(Inquirer::default());
        scripted.into_iter().chain([asks, orquesta(), action_chain()]).map(Runs::named).collect()
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The executions that have begun, in order; one that began twice twice.
    pub(crate) fn begun(&self) -> Vec<ExecutionId> {
        self.calls().begun.iter().map(|call| call.execution_id).collect()
    }

    /// With which attempts an execution has begun, in order.
    pub(crate) fn attempts(&self, id: ExecutionId) -> Vec<u32> {
        let calls = self.calls();
        let of_this = calls.begun.iter().filter(|call| call.execution_id == id);
        of_this.map(|call| call.attempt).collect()
    }

    /// The parameters with which an execution has begun last.
    pub(crate) fn parameters(&self, id: ExecutionId) -> Object {
        let calls = self.calls();
        let last = calls.begun.iter().rfind(|call| call.execution_id == id);
        last.map(|call| Object::clone(&call.parameters)).unwrap_or_default()
    }

    /// Whether an execution runs and can be ended.
    pub(crate) fn is_open(&self, id: ExecutionId) -> bool {
        self.calls().open.get(&id).is_some_and(|sender| !sender.is_closed())
    }

    /// How many run and can be ended.
    pub(crate) fn open(&self) -> usize {
        self.calls().open.values().filter(|sender| !sender.is_closed()).count()
    }

    /// Ends an execution that runs.
    pub(crate) fn end(&self, id: ExecutionId, outcome: Outcome) {
        let sender = self.calls().open.remove(&id);
        let is_told = sender.is_some_and(|sender| sender.send(outcome).is_ok());
        assert!(is_told, "execution {id} does not run");
    }

    fn begin(&self, call: Call) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let mut calls = self.calls();
        calls.open.insert(call.execution_id, sender);
        calls.begun.push(call);
        receiver
    }
}

struct Scripted {
    kind: RunnerType,
    slots: Slots,
    script: Script,
}

#[async_trait]
impl Runner for Scripted {
    fn runner_type(&self) -> &RunnerType {
        &self.kind
    }

    fn slots(&self) -> Slots {
        self.slots
    }

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        let value = call.parameters.get("value").cloned().unwrap_or_default();
        let name = call.action.reference.name().to_owned();
        let around = call.around.clone();
        let told = self.script.begin(call);
        match name.as_str() {
            "at_once" | "again_at_once" | "heavy_at_once" => Outcome::succeeded(json!({"value": value})),
            "fails" => failed("on purpose"),
            "panics" => panic!("on purpose"),
            "calls" | "learns" => {
                if let Some(actions) = around.actions.as_ref().filter(|_| name == "learns") {
                    actions.note_secret();
                    output.line(Stream::Output, "told");
                }
                tokio::select! {
                    biased;
                    outcome = called(&around, value.as_str().unwrap_or_default()) => outcome,
                    () = cancel.cancelled() => canceled(),
                }
            }
            "deaf" => told.await.unwrap_or_else(|_gone| canceled()),
            name => {
                if name == "talks" {
                    for line in ["one", "two"] {
                        output.line(Stream::Output, line);
                    }
                }
                tokio::select! {
                    biased;
                    outcome = told => outcome.unwrap_or_else(|_gone| canceled()),
                    () = cancel.cancelled() => canceled(),
                }
            }
        }
    }
}

/// Runs an action of the pack with its name as `value`, and ends as that does.
async fn called(around: &Around, name: &str) -> Outcome {
    let Some(actions) = &around.actions else { return failed("nothing runs others") };
    let mut parameters = Object::new();
    parameters.insert("value".to_owned(), name.into());
    match actions.run(&Ref::new("house", name), parameters).await {
        Ok(done) => Outcome::succeeded(json!({"called": done.execution, "result": done.result})),
        Err(why) => failed(&why.to_string()),
    }
}

/// The outcome of an action that has done what it was to do.
pub(crate) fn succeeded(value: impl Into<Value>) -> Outcome {
    Outcome::succeeded(json!({"value": value.into()}))
}

/// The outcome of an action that has failed by itself.
pub(crate) fn failed(why: &str) -> Outcome {
    Outcome { end: End::Failed, result: json!({"error": why}) }
}

/// The outcome of an action that was ended on request.
pub(crate) fn canceled() -> Outcome {
    Outcome { end: End::Canceled, result: json!({"error": "canceled"}) }
}
