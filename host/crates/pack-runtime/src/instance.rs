//! The instance of a component that serves one call: its store, its limits and its sandbox.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi_http::WasiHttpCtx;

use crate::bindings::exports::petrel::pack::action::Context;
use crate::bindings::exports::petrel::pack::poll_sensor::Polled;
use crate::bindings::exports::petrel::pack::webhook_sensor::{Reply, Request};
use crate::bindings::petrel::pack::sensor_context::SensorContext;
use crate::bindings::petrel::types::types::{Error as GuestError, Json};
use crate::call_record::CallRecord;
use crate::caller::Caller;
use crate::component_cache::{LoadError, LoadedComponent, Sensor};
use crate::grants;
use crate::limits::{CpuBudget, CpuExhausted, HOSTCALL_FUEL, Limits, SHORT};
use crate::linker::{CallState, Directories};
use crate::memory::{MemoryLimiter, Refused, Share};
use crate::pool::Permits;
use crate::requests::{Clients, Gate};
use crate::standing::Standing;
use crate::ticker::Ticking;

/// An instance that has not run yet.
pub(crate) struct Instance {
    component: Arc<LoadedComponent>,
    store: Store<CallState>,
    /// Dropped after the store, which uses these resources.
    _held: Held,
}

/// Resources that an instance holds until it is gone, apart from memory.
pub(crate) struct Held {
    _permits: Permits,
    _ticking: Option<Ticking>,
}

impl Held {
    /// Combines the permits of the admission with the clock that interrupts the call, unless that ticks otherwise.
    pub(crate) fn new(permits: Permits, ticking: Option<Ticking>) -> Self {
        Self { _permits: permits, _ticking: ticking }
    }
}

/// The text of an error that only a file replaced in the middle of a call can cause.
const NO_ROLE: &str = "the component has no export for this call; register the pack again";

/// The host could not create an instance. Contains the reason.
#[derive(Debug)]
pub(crate) struct NotStarted(pub(crate) LoadError);

/// The answer of an action that came to its end: neither a trap nor an exit.
pub(crate) enum Answer {
    /// Its result, as JSON.
    Result(String),
    /// Its own error.
    Error(GuestError),
}

/// The bounds of an instance: what it may use, and where its requests go.
pub(crate) struct Sandbox<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) standing: &'a Arc<Standing>,
    pub(crate) clients: &'a Arc<Clients>,
}

/// A call of a sensor.
pub(crate) enum Ask {
    /// A poll, with the cursor.
    Poll(Option<Json>),
    /// A request that it receives.
    Receive(Request),
    /// The beginning of a stream.
    Stream,
}

/// The answer of a sensor that came to its end.
pub(crate) enum Told {
    Polled(Polled),
    Replied(Reply),
    Ended,
}

impl Instance {
    /// Creates an instance of `component` for a call, with the shared resources that it holds.
    pub(crate) fn new(
        component: Arc<LoadedComponent>,
        (held, share): (Held, Share),
        sandbox: &Sandbox<'_>,
        caller: Caller,
        record: &Arc<CallRecord>,
    ) -> Result<Self, NotStarted> {
        let Sandbox { limits, standing, clients } = *sandbox;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        if let Some(source) = &caller.source {
            record.begin(source, standing);
        }
        let rights = record.rights();
        let wasi = grants::context(&rights, record)
            .map_err(|error| NotStarted(LoadError::Mount(error.to_string())))?;
        let directories = Directories::new(rights.mounts.clone());
        let gate = Gate::new(clients, record, caller.is_lasting);
        // The others have places of a component, whichever it is.
        let most_waiting = (limits.concurrency / 2).max(1);
        let memory = MemoryLimiter::new(limits.memory, share);
        let mut budget = if caller.is_lasting {
            CpuBudget::in_each_span(limits.cpu, Instant::now())
        } else {
            CpuBudget::in_all(limits.cpu)
        };
        let (record, http) = (Arc::clone(record), WasiHttpCtx::new());
        let state = CallState { wasi, table, memory, record, caller, http, gate, directories, most_waiting };
        let engine = component.instance.engine();
        let mut store = Store::try_new(engine, state)
            .map_err(|error| NotStarted(LoadError::Host(format!("{error:#}"))))?;
        store.limiter(|state| &mut state.memory);
        // Without this bound, one call of a host function could make the host copy all of the component's memory.
        store.set_hostcall_fuel(HOSTCALL_FUEL);
        store.set_max_component_handles(limits.component_handles);
        // At its first tick already the call returns to the callback below, which goes by CPU time.
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |context: StoreContextMut<'_, CallState>| {
            let spent = context.data().record.cpu.spent();
            if !budget.allows(spent, Instant::now) {
                return Err(CpuExhausted.into());
            }
            // The clock ticks for all calls at once, so most calls that a tick interrupts have only just begun.
            Ok(if spent < SHORT { UpdateDeadline::Continue(1) } else { UpdateDeadline::Yield(1) })
        });
        Ok(Self { component, store, _held: held })
    }

    /// Instantiates the component and calls the action that `context` names.
    pub(crate) async fn run(&mut self, context: &Context, parameters: &Json) -> wasmtime::Result<Answer> {
        let instance = self.component.instance.instantiate_async(&mut self.store).await?;
        let Some(action) = &self.component.action else { return Err(wasmtime::Error::msg(NO_ROLE)) };
        let action = action.load(&mut self.store, &instance)?;
        let answer = action.call_run(&mut self.store, context, parameters).await?;
        Ok(answer.map_or_else(Answer::Error, Answer::Result))
    }

    /// Instantiates the component and calls the sensor that `context` names.
    pub(crate) async fn ask(
        &mut self,
        context: &SensorContext,
        ask: Ask,
    ) -> wasmtime::Result<Result<Told, GuestError>> {
        let instance = self.component.instance.instantiate_async(&mut self.store).await?;
        Ok(match (&self.component.sensor, ask) {
            (Some(Sensor::Poll(sensor)), Ask::Poll(cursor)) => {
                let sensor = sensor.load(&mut self.store, &instance)?;
                sensor.call_poll(&mut self.store, context, cursor.as_ref()).await?.map(Told::Polled)
            }
            (Some(Sensor::Webhook(sensor)), Ask::Receive(request)) => {
                let sensor = sensor.load(&mut self.store, &instance)?;
                sensor.call_receive(&mut self.store, context, &request).await?.map(Told::Replied)
            }
            (Some(Sensor::Stream(sensor)), Ask::Stream) => {
                let sensor = sensor.load(&mut self.store, &instance)?;
                sensor.call_run(&mut self.store, context).await?.map(|()| Told::Ended)
            }
            _ => return Err(wasmtime::Error::msg(NO_ROLE)),
        })
    }

    /// Instantiates the component and asks for its description. `None` if it exports none.
    pub(crate) async fn describe(&mut self) -> wasmtime::Result<Option<String>> {
        let Some(description) = &self.component.description else { return Ok(None) };
        let instance = self.component.instance.instantiate_async(&mut self.store).await?;
        let description = description.load(&mut self.store, &instance)?;
        description.call_describe(&mut self.store).await.map(Some)
    }

    /// The latest request for memory that was refused, if any.
    pub(crate) fn memory_refused(&self) -> Option<Refused> {
        self.store.data().memory.refused
    }
}
