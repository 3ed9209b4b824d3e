//! The side of a call that an instance acts for: the action or sensor, its pack's configuration, the place for its events, and
//! what is around its execution.

use std::sync::Arc;

use petrel_model::{Object, Ref};
use petrel_runners::asked::Around;
use petrel_runners::sensors::SensorCall;
use petrel_runners::{Call, Outlet};

use crate::events::MOST_EVENTS;

/// The most runs of other actions that one call may ask for.
pub(crate) const MOST_CALLS: u32 = 1_000;

/// The side that an instance acts for. By default it is nobody, as for a component that describes itself.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    /// The action or the sensor.
    pub(crate) source: Option<Ref>,
    /// The configuration of its pack.
    pub(crate) config: Arc<Object>,
    /// The place for the events that it emits.
    pub(crate) outlet: Outlet,
    /// What is around its execution.
    pub(crate) around: Around,
    /// The number of events that it may still emit; without an end if there is none.
    pub(crate) events_left: Option<usize>,
    /// The number of other actions that it may still run.
    pub(crate) calls_left: u32,
    /// Whether it goes on for as long as the host.
    pub(crate) is_lasting: bool,
}

impl Caller {
    /// The side of a call of an action.
    pub(crate) fn action(call: &Call) -> Self {
        Self {
            source: Some(call.action.reference.clone()),
            config: Arc::clone(&call.pack_config),
            outlet: call.outlet.clone(),
            around: call.around.clone(),
            events_left: Some(MOST_EVENTS),
            calls_left: MOST_CALLS,
            is_lasting: false,
        }
    }

    /// The side of a call of a sensor that returns its events.
    pub(crate) fn sensor(call: &SensorCall) -> Self {
        Self { source: Some(call.sensor.clone()), config: Arc::clone(&call.pack_config), ..Self::default() }
    }

    /// The side of a call of a sensor that goes on, and emits its events there.
    pub(crate) fn stream(call: &SensorCall, outlet: Outlet) -> Self {
        Self { outlet, is_lasting: true, ..Self::sensor(call) }
    }
}
