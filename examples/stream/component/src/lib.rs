//! The component of the example pack `stream`: a sensor that follows a stream of server-sent events
//! (`text/event-stream`), and has an event for each message.
//!
//! When the connection breaks it goes on with the message after the last one, if the server knows ids. It has no cursor,
//! so after a start of the host it begins where the server lets it; a message with an id that comes again is one event.

mod reader;

use std::thread;

use petrel_pack_sdk::{
    Error, ErrorKind, Request, Response, SensorContext, StreamSensor, TriggerType, export_stream_sensors,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use reader::{Message, Reader};

/// The payload of an event: a message.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Payload {
    /// The kind of the message.
    kind: String,
    /// Its id, if it has one.
    id: Option<String>,
    /// Its text.
    data: String,
}

/// The configuration of the pack.
#[derive(Debug, Deserialize)]
struct Config {
    url: String,
}

const MESSAGE: TriggerType<Payload> = TriggerType::new("message").description("A message of the stream.");

/// So many attempts in a row that bring no connection end the sensor, whose host then shows the error and waits longer.
const ATTEMPTS: u32 = 5;
/// The longest key that a host takes, in bytes.
const LONGEST_KEY: usize = 255;

/// Follows the stream for as long as the host lets it.
///
/// # Errors
///
/// If the pack is not configured, the address is not granted, the server cannot be reached for a while or does not
/// answer with a stream, or the host does not take an event.
pub fn messages(ctx: &SensorContext) -> Result<(), Error> {
    let Config { url } = ctx.config()?;
    let (mut reader, mut failed) = (Reader::default(), 0);
    loop {
        match connection(ctx, &url, &mut reader) {
            Ok(()) => failed = 0,
            Err(Broken::Lost(error)) => {
                failed += 1;
                if failed == ATTEMPTS {
                    return Err(error);
                }
                ctx.warn(error.message);
            }
            Err(Broken::Final(error)) => return Err(error),
        }
        thread::sleep(reader.pause());
    }
}

/// The reason why there is no connection.
enum Broken {
    /// Another attempt may succeed.
    Lost(Error),
    /// None will.
    Final(Error),
}

/// Reads until the connection breaks.
fn connection(ctx: &SensorContext, url: &str, reader: &mut Reader) -> Result<(), Broken> {
    let mut request = Request::get(url).header("accept", "text/event-stream");
    if let Some(id) = reader.last_id() {
        request = request.header("last-event-id", id);
    }
    let answer = ctx.fetch(&request).and_then(Response::success);
    let answer = answer.map_err(|error| match error.kind {
        ErrorKind::Transient(_) | ErrorKind::RateLimited(_) | ErrorKind::Timeout => Broken::Lost(error),
        _ => Broken::Final(error),
    })?;
    reader.begin();
    for line in answer.lines() {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                ctx.warn(format!("the connection broke: {error}"));
                break;
            }
        };
        if let Some(message) = reader.line(&line) {
            emit(ctx, message).map_err(Broken::Final)?;
        }
    }
    Ok(())
}

fn emit(ctx: &SensorContext, message: Message) -> Result<(), Error> {
    let Message { kind, id, data } = message;
    let key = id.clone().filter(|id| id.len() <= LONGEST_KEY);
    let mut event = MESSAGE.event(&Payload { kind, id, data })?;
    if let Some(key) = key {
        event = event.dedup_key(key);
    }
    ctx.emit(&event).map(drop)
}

export_stream_sensors![
    StreamSensor::new("messages", messages)
        .description("Follows a stream of server-sent events.")
        .emits(&MESSAGE),
];

#[cfg(test)]
mod tests;
