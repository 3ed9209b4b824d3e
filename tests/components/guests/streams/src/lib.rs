//! Sensors that go on. Some do what they should not; each is run by a test of `petrel-pack-runtime`.

#![expect(clippy::unnecessary_wraps, reason = "the form that sensors have")]

use std::fs;
use std::hint::black_box;
use std::thread;
use std::time::Duration;

use petrel_pack_sdk::{Error, Request, SensorContext, StreamSensor, TriggerType, export_stream_sensors};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The payload of all events.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    /// The text.
    text: String,
}

const LINE: TriggerType<Line> = TriggerType::new("line");

/// Three events, and then nothing for ever.
fn three(ctx: &SensorContext) -> Result<(), Error> {
    for text in ["a", "b", "c"] {
        let id = ctx.emit(&LINE.event(&Line { text: text.to_owned() })?)?;
        ctx.info(id);
    }
    loop {
        thread::sleep(Duration::from_mins(1));
    }
}

/// An event for each line of the address in the configuration.
fn lines(ctx: &SensorContext) -> Result<(), Error> {
    let url: Url = ctx.config()?;
    for line in ctx.fetch(&Request::get(url.url))?.success()?.lines() {
        ctx.emit(&LINE.event(&Line { text: line? })?)?;
    }
    Ok(())
}

/// An event for each of the requests that it makes without an end.
fn again(ctx: &SensorContext) -> Result<(), Error> {
    let url: Url = ctx.config()?;
    loop {
        let answer = ctx.fetch(&Request::get(url.url.clone()))?.success()?;
        ctx.emit(&LINE.event(&Line { text: answer.text()? })?)?;
        thread::sleep(Duration::from_millis(10));
    }
}

/// An event for each of the directories that it makes and removes without an end.
fn tidies(ctx: &SensorContext) -> Result<(), Error> {
    loop {
        fs::create_dir("/data/made")?;
        fs::remove_dir("/data/made")?;
        ctx.emit(&LINE.event(&Line { text: "made".to_owned() })?)?;
        thread::sleep(Duration::from_millis(10));
    }
}

#[derive(Deserialize)]
struct Url {
    url: String,
}

fn ends(_: &SensorContext) -> Result<(), Error> {
    Ok(())
}

/// An event of a trigger type of another pack.
fn stranger(ctx: &SensorContext) -> Result<(), Error> {
    let mut event = LINE.event(&Line { text: "x".to_owned() })?;
    "core.st2.webhook".clone_into(&mut event.trigger);
    ctx.emit(&event)?;
    Ok(())
}

fn spin(_: &SensorContext) -> Result<(), Error> {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

export_stream_sensors![
    StreamSensor::new("three", three).emits(&LINE),
    StreamSensor::new("lines", lines),
    StreamSensor::new("again", again),
    StreamSensor::new("tidies", tidies),
    StreamSensor::new("ends", ends),
    StreamSensor::new("stranger", stranger),
    StreamSensor::new("spin", spin),
];
