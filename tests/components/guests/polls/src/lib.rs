//! Sensors that poll. Most do what they should not; each is run by a test of `petrel-pack-runtime`.

#![expect(clippy::unnecessary_wraps, reason = "the form that sensors have")]

use std::hint::black_box;
use std::thread;
use std::time::{Duration, SystemTime};

use petrel_pack_sdk::{
    Error, ErrorKind, Event, PollSensor, Polled, Request, SensorContext, TriggerType, export_poll_sensors,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The payload of all events.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Tick {
    /// The number of the event.
    number: u64,
}

const TICK: TriggerType<Tick> = TriggerType::new("tick").description("A number");

type Answer = Result<Polled<u64>, Error>;

fn ticks(numbers: impl Iterator<Item = u64>) -> Result<Vec<Event>, Error> {
    numbers.map(|number| TICK.event(&Tick { number })).collect()
}

/// Two events after the cursor.
fn count(ctx: &SensorContext, cursor: Option<u64>) -> Answer {
    let after = cursor.unwrap_or(0);
    ctx.info(format!("{} of {} after {after}", ctx.name, ctx.pack));
    let events = ticks(after + 1..=after + 2)?
        .into_iter()
        .enumerate()
        .map(|(index, event)| {
            event.dedup_key(index.to_string()).trace_tag("t").occurred_at(SystemTime::UNIX_EPOCH)
        })
        .collect();
    Ok(Polled::new(events, after + 2).next_poll(Duration::from_millis(1500)))
}

/// Two events after the cursor, each fraction of a second. Every other one has a key: the others are known by the cursor
/// alone.
fn steady(_: &SensorContext, cursor: Option<u64>) -> Answer {
    let after = cursor.unwrap_or(0);
    let numbers = after + 1..=after + 2;
    let keyed = |(event, number): (Event, u64)| match number % 2 {
        0 => event.dedup_key(number.to_string()),
        _ => event,
    };
    let events = ticks(numbers.clone())?.into_iter().zip(numbers).map(keyed).collect();
    Ok(Polled::new(events, after + 2).next_poll(Duration::from_millis(250)))
}

fn many(_: &SensorContext, cursor: Option<u64>) -> Answer {
    Ok(Polled::new(ticks(0..cursor.unwrap_or(0))?, 0))
}

/// A cursor of so many bytes as the last one says.
fn large_cursor(_: &SensorContext, cursor: Option<String>) -> Result<Polled<String>, Error> {
    let size = cursor.and_then(|size| size.parse().ok()).unwrap_or(0);
    Ok(Polled::new(Vec::new(), "x".repeat(size)))
}

fn hang(_: &SensorContext, _: Option<u64>) -> Answer {
    loop {
        thread::sleep(Duration::from_mins(1));
    }
}

fn spin(_: &SensorContext, _: Option<u64>) -> Answer {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn hog(_: &SensorContext, _: Option<u64>) -> Answer {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(black_box(vec![1; 1 << 20]));
    }
}

#[expect(clippy::panic, reason = "that is what it is for")]
fn crash(_: &SensorContext, _: Option<u64>) -> Answer {
    panic!("what now?")
}

fn fail(_: &SensorContext, _: Option<u64>) -> Answer {
    Err(Error::new(ErrorKind::RateLimited(Some(Duration::from_secs(7))), "too often"))
}

fn emit(ctx: &SensorContext, _: Option<u64>) -> Answer {
    ctx.emit(&TICK.event(&Tick { number: 1 })?)?;
    Ok(Polled::nothing())
}

/// The parameters of some triggers.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Step {
    /// The number of the event.
    step: Option<u64>,
}

const STEP: TriggerType<Tick, Step> = TriggerType::new("tick").with_parameters();

/// Two events of each trigger: by its id, and by its parameters.
fn listened(ctx: &SensorContext, _: Option<u64>) -> Answer {
    let mut events = Vec::new();
    for trigger in ctx.triggers_of(&STEP) {
        let event = STEP.event(&Tick { number: trigger.parameters.step.unwrap_or(0) })?;
        events.push(event.clone().of_trigger(&trigger));
        let all = ctx.triggers.iter().find(|all| all.id == trigger.id);
        events.extend(all.map(|all| event.with_parameters(all.parameters.clone())));
    }
    Ok(Polled::new(events, 0))
}

/// Polls the address in the configuration.
fn fetch(ctx: &SensorContext, _: Option<u64>) -> Answer {
    let url: Url = ctx.config()?;
    let ticks: Vec<Tick> = ctx.fetch(&Request::get(url.url))?.success()?.json()?;
    let events: Result<_, _> = ticks.iter().map(|tick| TICK.event(tick)).collect();
    Ok(Polled::new(events?, 0))
}

#[derive(Deserialize)]
struct Url {
    url: String,
}

export_poll_sensors![
    PollSensor::new("count", count).description("Counts").emits(&TICK),
    PollSensor::new("steady", steady).emits(&TICK),
    PollSensor::new("many", many),
    PollSensor::new("large_cursor", large_cursor),
    PollSensor::new("hang", hang),
    PollSensor::new("spin", spin),
    PollSensor::new("hog", hog),
    PollSensor::new("crash", crash),
    PollSensor::new("fail", fail),
    PollSensor::new("emit", emit),
    PollSensor::new("fetch", fetch),
    PollSensor::new("listened", listened),
];
