//! The runner of sensors that components export: a fresh instance for each poll and each request, and one that lasts for a
//! sensor that streams.
//!
//! Polls and requests have the limits of actions, and those of what they return (`answer`). A sensor that streams has
//! its limit of CPU time over each [`SPAN`](crate::limits::SPAN), no limit of time, and no own limit of output: its
//! supervisor has one. While it waits, it costs its memory alone.

mod answer;

use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use petrel_runners::sensors::{
    Emitter, Polled, Received, Reply, SensorCall, SensorFailure, SensorKind, SensorRunner, SensorTrigger,
};
use petrel_runners::shares::{Holder, Root};
use petrel_runners::{NotPrepared, Outlet, OutputSink, Upkeep};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::bindings::exports::petrel::pack::webhook_sensor::Request;
use crate::bindings::petrel::pack::sensor_context::{SensorContext, Trigger};
use crate::call_record::CallRecord;
use crate::caller::Caller;
use crate::component_cache::{LoadedComponent, Sensor};
use crate::component_runner::milliseconds_at;
use crate::entry_point;
use crate::failure::Circumstances;
use crate::instance::{Ask, Held, Instance, NotStarted, Sandbox, Told};
use crate::limits::{Limits, Stopped, watch};
use crate::output::Output;
use crate::pool::{Admitted, Wanted};
use crate::ticker::Ticker;
use crate::{Core, LoadError, PackRuntime};

/// The user that all sensors are charged to, so that actions have a part of the memory whatever sensors take.
const USER: &str = "sensors";
/// The deadline of a call that has none. The monotonic clock cannot add as many seconds as an integer may hold.
const NEVER: Duration = Duration::from_hours(365 * 24 * 100);

/// Runs sensors that components export.
#[derive(Debug)]
pub struct ComponentSensors {
    runtime: PackRuntime,
    upkeep: Upkeep,
}

impl ComponentSensors {
    /// Creates a runner on top of `runtime`, with `upkeep` to lay out missing components of the host's own packs.
    pub fn new(runtime: PackRuntime, upkeep: Upkeep) -> Self {
        Self { runtime, upkeep }
    }

    /// The component with sensors that `entry_point` names.
    async fn component(
        &self,
        pack_path: &Path,
        entry_point: &str,
    ) -> Result<Arc<LoadedComponent>, LoadError> {
        let found = entry_point::component(&self.runtime, &self.upkeep, pack_path, entry_point).await?;
        if found.sensor.is_none() {
            return Err(found.without_sensors(entry_point));
        }
        Ok(found)
    }

    async fn run(
        &self,
        call: SensorCall,
        (ask, caller): (Ask, Caller),
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<Told, SensorFailure> {
        let mut limits = self.runtime.options().limits.clone();
        if caller.is_lasting {
            limits = Limits { output: usize::MAX, output_lines: usize::MAX, ..limits };
        }
        let record = Arc::new(CallRecord::new(Output::new(output, &limits)));
        let work = async {
            let component = self
                .component(&call.pack_path, &call.entry_point)
                .await
                .map_err(|error| not_loaded(&error))?;
            if !fits(&component, &ask) {
                return Err(not_loaded(&component.without_sensors(&call.entry_point)));
            }
            let core = self.runtime.core().await.map_err(|error| not_loaded(&error))?;
            Running { core, call: &call, limits: &limits, record: &record, cancel: &cancel }
                .carry_out(&self.runtime, component, ask, caller)
                .await
        };
        // `watch` looks at the token once the component runs. Before that, it may be waiting or compiling.
        let done = tokio::select! {
            biased;
            done = work => done,
            () = cancel.cancelled() => Err(answer::canceled()),
        };
        record.output.finish();
        done
    }
}

/// A call on its way into a component.
struct Running<'a> {
    core: &'a Core,
    call: &'a SensorCall,
    limits: &'a Limits,
    record: &'a Arc<CallRecord>,
    cancel: &'a CancellationToken,
}

impl Running<'_> {
    async fn carry_out(
        &self,
        runtime: &PackRuntime,
        component: Arc<LoadedComponent>,
        ask: Ask,
        caller: Caller,
    ) -> Result<Told, SensorFailure> {
        let Self { core, call, limits, record, cancel } = *self;
        let is_lasting = caller.is_lasting;
        let time = if is_lasting { NEVER } else { call.timeout.min(NEVER) };
        let deadline = Instant::now() + time;
        let Admitted { share, permits } = self.admitted(&component, deadline).await?;
        // A stream has the clock tick only while it computes.
        let ticking = (!is_lasting).then(|| core.ticker.call());
        let sandbox = Sandbox { limits, standing: runtime.standing(), clients: &core.clients };
        let mut instance =
            Instance::new(component, (Held::new(permits, ticking), share), &sandbox, caller, record)
                .map_err(|NotStarted(error)| not_loaded(&error))?;
        let context = context(call, (!is_lasting).then_some(time));
        let run = async move {
            let returned = instance.ask(&context, ask).await;
            (returned, instance.memory_refused())
        };
        let watched = if is_lasting {
            let ticker = core.ticker.clone();
            watch(ticking_while_polled(run, ticker), record, &core.apart, deadline, cancel).await
        } else {
            watch(run, record, &core.apart, deadline, cancel).await
        };
        let (returned, memory_refused) = watched.map_err(|stopped| match stopped {
            Stopped::Canceled => answer::canceled(),
            Stopped::TimedOut => answer::timed_out(call.timeout),
        })?;
        let ended = Circumstances { limits, memory_refused, memory_of_all: core.pool.memory(), record };
        answer::of(returned, &ended, is_lasting)
    }

    /// Waits for the resources of an instance, and at most until `deadline`.
    async fn admitted(
        &self,
        component: &LoadedComponent,
        deadline: Instant,
    ) -> Result<Admitted, SensorFailure> {
        let sensor = self.call.sensor.as_str();
        let holder = Holder { user: USER.into(), root: Root::User(sensor.into()) };
        let wanted = Wanted::by_call(component, &holder, self.limits.memory);
        let waited = tokio::time::timeout_at(deadline.into(), self.core.pool.wait_for(wanted, sensor)).await;
        waited.map_err(|_elapsed| answer::no_room(self.call.timeout))
    }
}

/// Runs `call`, and has the clock that interrupts it tick only then.
async fn ticking_while_polled<T>(call: impl Future<Output = T>, ticker: Ticker) -> T {
    let mut call = pin!(call);
    poll_fn(|context| {
        let _ticking = ticker.call();
        call.as_mut().poll(context)
    })
    .await
}

#[async_trait]
impl SensorRunner for ComponentSensors {
    fn runs(&self, entry_point: &str) -> bool {
        Path::new(entry_point).extension().is_some_and(|extension| extension == "wasm")
    }

    async fn kind(&self, pack_path: &Path, entry_point: &str) -> Result<SensorKind, NotPrepared> {
        let found = self.component(pack_path, entry_point).await;
        let component = found
            .map_err(|error| NotPrepared { reason: error.to_string(), hint: error.hint().to_owned() })?;
        Ok(match component.sensor {
            Some(Sensor::Webhook(_)) => SensorKind::Webhook,
            Some(Sensor::Stream(_)) => SensorKind::Stream,
            Some(Sensor::Poll(_)) | None => SensorKind::Poll,
        })
    }

    async fn poll(
        &self,
        call: SensorCall,
        cursor: Option<Arc<Value>>,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<Polled, SensorFailure> {
        let (ask, caller) = (Ask::Poll(cursor.map(|cursor| cursor.to_string())), Caller::sensor(&call));
        match self.run(call, (ask, caller), output, cancel).await? {
            Told::Polled(polled) => answer::polled(polled),
            Told::Replied(_) | Told::Ended => Err(answer::another_kind()),
        }
    }

    async fn receive(
        &self,
        call: SensorCall,
        request: Received,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<Reply, SensorFailure> {
        let Received { method, path, query, headers, body } = request;
        let (ask, caller) =
            (Ask::Receive(Request { method, path, query, headers, body }), Caller::sensor(&call));
        match self.run(call, (ask, caller), output, cancel).await? {
            Told::Replied(reply) => answer::replied(reply),
            Told::Polled(_) | Told::Ended => Err(answer::another_kind()),
        }
    }

    async fn stream(
        &self,
        call: SensorCall,
        emitter: Arc<dyn Emitter>,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<(), SensorFailure> {
        let caller = Caller::stream(&call, Outlet::to(emitter));
        let ended = self.run(call, (Ask::Stream, caller), output, cancel.clone()).await;
        // The end that was asked for is no failure.
        if cancel.is_cancelled() { Ok(()) } else { ended.map(drop) }
    }
}

/// Whether the component has sensors of the kind that is asked for.
fn fits(component: &LoadedComponent, ask: &Ask) -> bool {
    matches!(
        (&component.sensor, ask),
        (Some(Sensor::Poll(_)), Ask::Poll(_))
            | (Some(Sensor::Webhook(_)), Ask::Receive(_))
            | (Some(Sensor::Stream(_)), Ask::Stream)
    )
}

fn not_loaded(error: &LoadError) -> SensorFailure {
    answer::failure(error.code(), error.to_string(), error.hint())
}

fn context(call: &SensorCall, time: Option<Duration>) -> SensorContext {
    SensorContext {
        name: call.class_name.clone(),
        pack: call.sensor.pack().to_owned(),
        deadline_ms: time.map(milliseconds_at),
        triggers: call.triggers.iter().map(told).collect(),
    }
}

/// A trigger as a component is told of it.
fn told(SensorTrigger { reference, trigger }: &SensorTrigger) -> Trigger {
    Trigger {
        id: reference.to_string(),
        trigger_type: trigger.kind.name().to_owned(),
        parameters: serde_json::to_string(&trigger.parameters).unwrap_or_else(|_no_json| "{}".into()),
    }
}
