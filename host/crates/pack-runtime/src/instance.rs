//! One instance of a component, for one call: its store, its limits and its sandbox.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use crate::bindings::exports::petrel::pack::action::Context;
use crate::bindings::petrel::types::types::{Error as GuestError, Json};
use crate::call_record::CallRecord;
use crate::component_cache::LoadedComponent;
use crate::grants::Grants;
use crate::limits::{CpuExhausted, HOSTCALL_FUEL, Limits};
use crate::linker::CallState;
use crate::memory::{MemoryLimiter, Refused, Share};

/// An instance that has not run yet.
pub(crate) struct Instance<'a> {
    component: &'a LoadedComponent,
    store: Store<CallState>,
}

/// The host could not make an instance; says why.
#[derive(Debug)]
pub(crate) struct NotStarted(pub(crate) String);

impl<'a> Instance<'a> {
    /// An instance of `component` for `pack`, with what `share` holds of the memory of all.
    pub(crate) fn new(
        component: &'a LoadedComponent,
        share: Share,
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
        store.set_hostcall_fuel(HOSTCALL_FUEL);
        store.set_max_component_handles(limits.component_handles);
        store.set_epoch_deadline(1);
        let cpu_limit = limits.cpu;
        store.epoch_deadline_callback(move |context: StoreContextMut<'_, CallState>| {
            if context.data().record.cpu.spent() > cpu_limit {
                return Err(CpuExhausted.into());
            }
            Ok(UpdateDeadline::Yield(1))
        });
        Ok(Self { component, store })
    }

    /// Instantiates the component and calls the action that `context` names.
    pub(crate) async fn run(
        &mut self,
        context: &Context,
        parameters: &Json,
    ) -> wasmtime::Result<Result<String, GuestError>> {
        let instance = self.component.instance.instantiate_async(&mut self.store).await?;
        let action = self.component.action.load(&mut self.store, &instance)?;
        action.call_run(&mut self.store, context, parameters).await
    }

    /// Instantiates the component and lets it describe itself; `None` if it cannot.
    pub(crate) async fn describe(&mut self) -> wasmtime::Result<Option<String>> {
        let Some(description) = &self.component.description else { return Ok(None) };
        let instance = self.component.instance.instantiate_async(&mut self.store).await?;
        let description = description.load(&mut self.store, &instance)?;
        description.call_describe(&mut self.store).await.map(Some)
    }

    /// What the instance asked for and was refused.
    pub(crate) fn memory_refused(&self) -> Option<Refused> {
        self.store.data().memory.refused
    }
}
