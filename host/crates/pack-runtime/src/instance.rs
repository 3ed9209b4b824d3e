//! The instance of a component that serves one call: its store, its limits and its sandbox.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use crate::bindings::exports::petrel::pack::action::Context;
use crate::bindings::petrel::types::types::{Error as GuestError, Json};
use crate::call_record::CallRecord;
use crate::component_cache::LoadedComponent;
use crate::grants::Grants;
use crate::limits::{CpuExhausted, HOSTCALL_FUEL, Limits, SHORT};
use crate::linker::CallState;
use crate::memory::{MemoryLimiter, Refused, Share};
use crate::pool::Permits;
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
    _ticking: Ticking,
}

impl Held {
    /// Combines the permits of the admission with the clock that interrupts the call.
    pub(crate) fn new(permits: Permits, ticking: Ticking) -> Self {
        Self { _permits: permits, _ticking: ticking }
    }
}

/// The host could not create an instance. Contains the reason.
#[derive(Debug)]
pub(crate) struct NotStarted(pub(crate) String);

/// The answer of an action that came to its end: neither a trap nor an exit.
pub(crate) enum Answer {
    /// Its result, as JSON.
    Result(String),
    /// Its own error.
    Error(GuestError),
}

impl Instance {
    /// Creates an instance of `component` for a call of `pack`, with the shared resources that it holds.
    pub(crate) fn new(
        component: Arc<LoadedComponent>,
        (held, share): (Held, Share),
        limits: &Limits,
        grants: &Grants,
        pack: &str,
        record: &Arc<CallRecord>,
    ) -> Result<Self, NotStarted> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let wasi = grants.context(pack, record).map_err(|error| NotStarted(error.to_string()))?;
        let memory = MemoryLimiter::new(limits.memory, share);
        let state = CallState { wasi, table, memory, record: Arc::clone(record) };
        let engine = component.instance.engine();
        let mut store = Store::try_new(engine, state).map_err(|error| NotStarted(format!("{error:#}")))?;
        store.limiter(|state| &mut state.memory);
        // Without this bound, one call of a host function could make the host copy all of the component's memory.
        store.set_hostcall_fuel(HOSTCALL_FUEL);
        store.set_max_component_handles(limits.component_handles);
        // At its first tick already the call returns to the callback below, which goes by CPU time.
        store.set_epoch_deadline(1);
        let cpu_limit = limits.cpu;
        store.epoch_deadline_callback(move |context: StoreContextMut<'_, CallState>| {
            let spent = context.data().record.cpu.spent();
            if spent > cpu_limit {
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
        let action = self.component.action.load(&mut self.store, &instance)?;
        let answer = action.call_run(&mut self.store, context, parameters).await?;
        Ok(answer.map_or_else(Answer::Error, Answer::Result))
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
