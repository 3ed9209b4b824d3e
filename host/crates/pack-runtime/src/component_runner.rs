//! The runner `wasm-component`: runs each call in a fresh instance, within limits, and with only those capabilities
//! that the operator granted.
//!
//! Components come from `component_cache`; `failure` words the outcome of a call that ended badly.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::capabilities::RightsTable;
use petrel_model::{Action, ExecutionId, Object, size};
use petrel_runners::asked::KeyValues;
use petrel_runners::shares::{Holder, Refused, Root};
use petrel_runners::{
    Asked, Call, End, NotPrepared, Outcome, OutputSink, Remark, Runner, RunnerType, Slots, Ticket, Upkeep,
};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bindings::exports::petrel::pack::action::Context;
use crate::call_record::CallRecord;
use crate::caller::Caller;
use crate::component_cache::LoadedComponent;
use crate::entry_point;
use crate::failure::{self, Circumstances};
use crate::instance::{Answer, Held, Instance, NotStarted, Sandbox};
use crate::limits::{Stopped, watch};
use crate::memory::{LIGHT, Part};
use crate::output::Output;
use crate::pool::{Admitted, Wanted};
use crate::remarks;
use crate::{Core, LoadError, PackRuntime};

/// The runner's own parameter: longest duration of a call, in seconds.
pub(crate) const TIMEOUT: &str = "timeout";
const DEFAULT_TIMEOUT: u64 = 600;
/// Longest accepted timeout: a year. The monotonic clock cannot add as many seconds as an integer may hold.
const LONGEST_TIMEOUT: u64 = 365 * 24 * 60 * 60;

/// Runs actions that components export.
#[derive(Debug)]
pub struct ComponentRunner {
    runtime: PackRuntime,
    runner_type: RunnerType,
    /// Resources of executions that were admitted and have not begun, by execution.
    admitted: Arc<AdmittedCalls>,
    upkeep: Upkeep,
}

type AdmittedCalls = Mutex<HashMap<ExecutionId, Admitted>>;

/// Gives back the resources of an execution that was admitted and will not begin.
struct ReleaseOnDrop {
    admitted: Arc<AdmittedCalls>,
    execution: ExecutionId,
}

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        drop(locked(&self.admitted).remove(&self.execution));
    }
}

fn locked(admitted: &AdmittedCalls) -> MutexGuard<'_, HashMap<ExecutionId, Admitted>> {
    admitted.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ComponentRunner {
    /// Creates a runner on top of `runtime`.
    pub fn new(runtime: PackRuntime) -> Self {
        let mut parameters = Object::new();
        parameters.insert(
            TIMEOUT.into(),
            json!({
                "type": "integer",
                "default": DEFAULT_TIMEOUT,
                "description": "Seconds after which the action is ended.",
            }),
        );
        let runner_type = RunnerType {
            name: COMPONENT_RUNNER,
            description: "Runs an action exported by a WebAssembly component, in a sandbox",
            parameters,
        };
        Self { runtime, runner_type, admitted: Arc::default(), upkeep: Upkeep::default() }
    }

    /// This runner, with `upkeep` to lay out missing components of the host's own packs.
    #[must_use]
    pub fn kept_by(self, upkeep: Upkeep) -> Self {
        Self { upkeep, ..self }
    }

    /// The component with actions that `entry_point` names.
    async fn component(
        &self,
        pack_path: &Path,
        entry_point: &str,
    ) -> Result<Arc<LoadedComponent>, LoadError> {
        let found = entry_point::component(&self.runtime, &self.upkeep, pack_path, entry_point).await?;
        if found.action.is_none() {
            return Err(found.without_actions(entry_point));
        }
        Ok(found)
    }

    /// The component that `entry_point` names, if it is in memory.
    fn loaded(&self, pack_path: &Path, entry_point: &str) -> Option<(&Core, Arc<LoadedComponent>)> {
        let core = self.runtime.started()?;
        let path = entry_point::file(pack_path, entry_point).ok()?;
        Some((core, core.components.loaded(&path)?))
    }

    async fn call(
        &self,
        call: &Call,
        component: Arc<LoadedComponent>,
        record: &Arc<CallRecord>,
        cancel: &CancellationToken,
    ) -> Result<Outcome, LoadError> {
        let core = self.runtime.core().await?;
        let limits = &self.runtime.options().limits;
        let Admitted { share, permits } = self.admitted(call, &component, record, core).await;
        let held = Held::new(permits, Some(core.ticker.call()));
        let timeout = match timeout(&call.parameters) {
            Ok(timeout) => timeout,
            Err(outcome) => return Ok(outcome),
        };
        let context = context(call, timeout);
        let Ok(parameters) = serde_json::to_string(&GuestParameters(&call.parameters)) else {
            return Err(LoadError::Host("the parameters cannot be written as JSON".to_owned()));
        };
        let standing = self.runtime.standing();
        let sandbox = Sandbox { limits, standing, clients: &core.clients };
        let mut instance = Instance::new(component, (held, share), &sandbox, Caller::action(call), record)
            .map_err(|NotStarted(error)| error)?;
        let deadline = Instant::now() + Duration::from_secs(timeout);
        let run = async move {
            let returned = instance.run(&context, &parameters).await;
            (returned, instance.memory_refused())
        };
        let (returned, memory_refused) = match watch(run, record, &core.apart, deadline, cancel).await {
            Err(Stopped::Canceled) => return Ok(canceled()),
            Err(Stopped::TimedOut) => return Ok(failure::timed_out(timeout)),
            Ok(ended) => ended,
        };
        let ended = Circumstances { limits, memory_refused, memory_of_all: core.pool.memory(), record };
        Ok(outcome(returned, &ended))
    }

    /// Takes the resources with which the call was admitted, or else waits for them.
    async fn admitted(
        &self,
        call: &Call,
        component: &LoadedComponent,
        record: &CallRecord,
        core: &Core,
    ) -> Admitted {
        let before = locked(&self.admitted).remove(&call.execution_id);
        let most_memory = self.runtime.options().limits.memory;
        // The admission was for the file at that time. If a larger component has replaced it since, it does not count.
        if let Some(admitted) =
            before.filter(|one| one.share.serves(component.initial_memory.min(most_memory)))
        {
            return admitted;
        }
        let user = call.user.as_str();
        let by_user = || Holder { user: user.into(), root: Root::User(user.into()) };
        let holder = record.output.holder().cloned().unwrap_or_else(by_user);
        let wanted = Wanted::by_call(component, &holder, most_memory);
        core.pool.wait_for(wanted, &call.action.reference.to_string()).await
    }
}

/// The outcome of a call that has returned.
fn outcome(returned: wasmtime::Result<Answer>, ended: &Circumstances<'_>) -> Outcome {
    let Circumstances { limits, record, .. } = ended;
    match returned {
        Ok(Answer::Result(result)) if result.len() > limits.result => {
            failure::result_too_large(limits, Some(result.len()))
        }
        Ok(Answer::Result(result)) if !record.output.claim(size::parsed(result.as_bytes())) => {
            failure::no_room_for_result(&record.output.refusal())
        }
        Ok(Answer::Result(result)) => match serde_json::from_str(&result) {
            Ok(value) => Outcome::succeeded(value),
            Err(error) => failure::result_invalid(&error),
        },
        Ok(Answer::Error(error)) => ended.guest(error),
        Err(error) => ended.by(&error),
    }
}

#[async_trait]
impl Runner for ComponentRunner {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    fn has_shares(&self) -> bool {
        true
    }

    fn admit(&self, asked: &Asked<'_>) -> Result<Option<Ticket>, Refused> {
        // The engine had it prepared before it asked, so it cannot be loaded: `run` says why.
        let Some((core, component)) = self.loaded(asked.pack_path, asked.entry_point) else {
            return Ok(None);
        };
        let part = if asked.spares_others { Part::Reserved } else { Part::Any };
        let wanted = Wanted::by_call(&component, asked.holder, self.runtime.options().limits.memory);
        let admitted = core.pool.take(Wanted { part, ..wanted })?;
        let execution = asked.execution;
        drop(locked(&self.admitted).insert(execution, admitted));
        Ok(Some(Box::new(ReleaseOnDrop { admitted: Arc::clone(&self.admitted), execution })))
    }

    fn is_prepared(&self, pack_path: &Path, entry_point: &str) -> bool {
        self.loaded(pack_path, entry_point).is_some()
    }

    fn is_light(&self, pack_path: &Path, entry_point: &str) -> bool {
        let Some((_core, component)) = self.loaded(pack_path, entry_point) else { return true };
        component.initial_memory.min(self.runtime.options().limits.memory) <= LIGHT
    }

    async fn prepare(&self, pack_path: &Path, entry_point: &str) -> Result<(), NotPrepared> {
        let prepared = self.component(pack_path, entry_point).await;
        prepared
            .map(drop)
            .map_err(|error| NotPrepared { reason: error.to_string(), hint: error.hint().to_owned() })
    }

    async fn look_at(&self, pack_path: &Path, actions: &[Action]) -> Vec<Remark> {
        remarks::on_actions(&self.runtime, pack_path, actions).await
    }

    fn refresh(&self, pack_path: &Path) {
        self.runtime.refresh(pack_path);
    }

    fn forget(&self, pack_path: &Path) {
        self.runtime.forget(pack_path);
    }

    fn take_rights(&self, rights: &Arc<RightsTable>) {
        self.runtime.take_rights(rights);
    }

    fn take_keys(&self, keys: &Arc<dyn KeyValues>) {
        self.runtime.take_keys(keys);
    }

    fn uses(&self, pack: &str) -> BTreeMap<String, u64> {
        self.runtime.standing().uses.of(pack)
    }

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        let record = Arc::new(CallRecord::new(Output::new(output, &self.runtime.options().limits)));
        let work = async {
            let component = self.component(&call.pack_path, &call.action.entry_point).await?;
            self.call(&call, component, &record, &cancel).await
        };
        // `call` watches the token once the component runs. Before that, it may be waiting for resources or compiling.
        let done = tokio::select! {
            biased;
            done = work => done,
            () = cancel.cancelled() => return canceled(),
        };
        record.output.finish();
        done.unwrap_or_else(|error| Outcome::failed(error.code(), error.to_string(), error.hint()))
    }
}

fn canceled() -> Outcome {
    let mut result = Object::new();
    result.insert("error".into(), "the action was canceled".into());
    Outcome { end: End::Canceled, result: Value::Object(result) }
}

/// The timeout of a call, in seconds, or the outcome of a call with a timeout of 0 or less.
fn timeout(parameters: &Object) -> Result<u64, Outcome> {
    let given = parameters.get(TIMEOUT);
    if let Some(seconds) = given.and_then(Value::as_f64).filter(|seconds| *seconds <= 0.0) {
        return Err(failure::without_time(seconds));
    }
    Ok(given.and_then(Value::as_u64).unwrap_or(DEFAULT_TIMEOUT).min(LONGEST_TIMEOUT))
}

fn context(call: &Call, timeout: u64) -> Context {
    Context {
        execution_id: call.execution_id.to_string(),
        pack: call.action.reference.pack().to_owned(),
        action: call.action.reference.name().to_owned(),
        user: call.user.clone(),
        attempt: call.attempt,
        deadline_ms: milliseconds_at(Duration::from_secs(timeout)),
        parent_id: call.around.parent.map(|parent| parent.to_string()),
        trace_id: call.around.trace.map(|trace| trace.to_string()).unwrap_or_default(),
    }
}

/// The time after `time` from now, in Unix milliseconds, as a component sees it.
pub(crate) fn milliseconds_at(time: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.saturating_add(time).as_millis()).unwrap_or(u64::MAX)
}

/// The parameters for the component, that is without the runner's own. Serialized from a reference: no copy is made.
struct GuestParameters<'a>(&'a Object);

impl Serialize for GuestParameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.iter().filter(|(name, _)| *name != TIMEOUT) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
