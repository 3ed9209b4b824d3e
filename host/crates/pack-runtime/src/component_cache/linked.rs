//! What a component is linked to and exports. It is the same for all files of the same content, in whichever packs they
//! are; the places of its calls are not.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use super::{LoadError, in_one_line};
use crate::bindings::exports::petrel::pack::{
    action, description, poll_sensor, stream_sensor, webhook_sensor,
};
use crate::engine_settings::{MEMORIES_PER_SLOT, TABLES_PER_SLOT};
use crate::linker::CallState;
use crate::memory;

/// The package of these interfaces.
const PACK: &str = "petrel:pack";
/// The interface that a component with actions exports.
const ACTION: &str = "petrel:pack/action";
/// The interfaces that a component with sensors exports, one of them.
const SENSORS: [&str; 3] =
    ["petrel:pack/poll-sensor", "petrel:pack/webhook-sensor", "petrel:pack/stream-sensor"];
/// The version of these interfaces.
const VERSION: &str = "1.0.0";
/// The beginning of the versions that this host runs: components of earlier minor ones import and export less.
const MAJOR: &str = "1.";

/// A component of a file that can be instantiated at once.
pub(crate) struct LoadedComponent {
    pub(super) linked: Arc<Linked>,
    /// One permit for each concurrent call.
    pub(crate) places: Arc<Semaphore>,
}

/// A component that is linked.
pub(crate) struct Linked {
    pub(crate) instance: InstancePre<CallState>,
    /// Absent if the component has no actions.
    pub(crate) action: Option<action::GuestIndices>,
    /// Absent if the component has no sensors.
    pub(crate) sensor: Option<Sensor>,
    /// Absent if the component does not export a description.
    pub(crate) description: Option<description::GuestIndices>,
    /// Memory that an instance takes when it begins, in bytes.
    pub(crate) initial_memory: usize,
    /// The slots of wasmtime's pool that an instance takes.
    pub(crate) slots: u32,
}

/// The sensors of a component, all of one kind.
pub(crate) enum Sensor {
    Poll(poll_sensor::GuestIndices),
    Webhook(webhook_sensor::GuestIndices),
    Stream(stream_sensor::GuestIndices),
}

impl Deref for LoadedComponent {
    type Target = Linked;

    fn deref(&self) -> &Linked {
        &self.linked
    }
}

impl Linked {
    /// Links `component`. `name` is used in messages.
    pub(super) fn new(
        component: &Component,
        linker: &Linker<CallState>,
        name: &str,
    ) -> Result<Self, LoadError> {
        let exports = |interface: &str| {
            component.get_export_index(None, format!("{interface}@{VERSION}").as_str()).is_some()
        };
        let [polls, receives, streams] = SENSORS.map(exports);
        if !exports(ACTION) && !polls && !receives && !streams {
            let roles = format!("{ACTION}, nor one of a sensor");
            return Err(no_export(component, linker.engine(), name, &roles));
        }
        let world = |error: wasmtime::Error| {
            other_world(component, linker.engine(), name, in_one_line(&format!("{error:#}")))
        };
        let instance = linker.instantiate_pre(component).map_err(world)?;
        let action =
            exports(ACTION).then(|| action::GuestIndices::new(&instance)).transpose().map_err(world)?;
        let sensor = if polls {
            Some(poll_sensor::GuestIndices::new(&instance).map(Sensor::Poll))
        } else if receives {
            Some(webhook_sensor::GuestIndices::new(&instance).map(Sensor::Webhook))
        } else {
            streams.then(|| stream_sensor::GuestIndices::new(&instance).map(Sensor::Stream))
        };
        let sensor = sensor.transpose().map_err(world)?;
        let description = description::GuestIndices::new(&instance).ok();
        let (initial_memory, slots) = (memory::initial(component), slots_of(component));
        Ok(Self { instance, action, sensor, description, initial_memory, slots })
    }

    /// The error of a component that has no actions.
    pub(crate) fn without_actions(&self, name: &str) -> LoadError {
        no_export(self.instance.component(), self.instance.engine(), name, ACTION)
    }

    /// The error of a component that has no sensors of the kind that is asked for.
    pub(crate) fn without_sensors(&self, name: &str) -> LoadError {
        no_export(self.instance.component(), self.instance.engine(), name, &SENSORS.join(" or "))
    }
}

fn no_export(component: &Component, engine: &Engine, name: &str, what: &str) -> LoadError {
    let ty = component.component_type();
    let of_another_major = ty.exports(engine).find_map(|(export, _)| {
        let (interface, version) = export.split_once('@')?;
        (interface.starts_with(PACK) && !version.starts_with(MAJOR)).then(|| version.to_owned())
    });
    let reason = match of_another_major {
        Some(version) => format!(
            "it was built for version {version} of {PACK}, and this host has {VERSION}: build it again with an SDK of {VERSION}"
        ),
        None => format!("it has no export {what}"),
    };
    other_world(component, engine, name, reason)
}

/// The error of a component that was built for another world.
fn other_world(component: &Component, engine: &Engine, name: &str, reason: String) -> LoadError {
    let ty = component.component_type();
    let exports = ty.exports(engine).map(|(name, _)| name.to_owned());
    let imports = ty.imports(engine).map(|(name, _)| name.to_owned());
    LoadError::World {
        name: name.to_owned(),
        reason,
        exports: listed(exports),
        imports: listed(imports.filter(|import| !import.starts_with("wasi:"))),
    }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// The slots that an instance of `component` takes, so that nobody has fewer tables and memories for the others that have.
fn slots_of(component: &Component) -> u32 {
    let Some(needed) = component.resources_required() else { return 1 };
    let by_memories = needed.num_memories.div_ceil(MEMORIES_PER_SLOT);
    by_memories.max(needed.num_tables.div_ceil(TABLES_PER_SLOT)).max(1)
}
