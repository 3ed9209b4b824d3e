//! The host's side of the conversation with the process of a sensor: its questions are answered one after the other, and it is
//! told of what changes meanwhile. An event that finds no room is tried again until it does, and the sensor waits for that.

use std::future::pending;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::lines::{self, LONGEST, Question, Said, Undone};
use super::{failure, logs};
use crate::attendant::Attendant;
use crate::sensors::{Emitted, Emitter, NotEmitted, SensorCall, SensorFailure};

/// The number of lines on their way to a sensor that does not read them.
const LINES: usize = 16;
/// The bytes that are kept for the next line.
const KEPT: usize = 64 << 10;
/// How long a sensor may count as beginning, so that others wait for it.
const BEGINNING: Duration = Duration::from_secs(10);
/// The pause before an event is tried again that found no room. What takes it has tried for a while itself.
const AGAIN: Duration = Duration::from_secs(1);

/// What a sensor has said of its end.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<Option<SensorFailure>>);

impl Heard {
    /// Its failure, if it has told one.
    pub(super) fn failure(&self) -> Option<SensorFailure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, failure: SensorFailure) {
        // The first one has led to the others.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }
}

/// The place among those that begin, until it is given up.
struct Beginning(Mutex<Option<OwnedSemaphorePermit>>);

impl Beginning {
    fn is_over(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// A conversation with the process of a sensor.
pub(super) struct Conversation<'a> {
    pub(super) call: &'a SensorCall,
    /// Its file.
    pub(super) file: &'a Path,
    pub(super) attendant: &'a Arc<dyn Attendant>,
    pub(super) emitter: &'a Arc<dyn Emitter>,
    pub(super) heard: &'a Heard,
    /// Ends the process: it says what nobody understands, or is ended from outside.
    pub(super) broken: &'a CancellationToken,
}

impl Conversation<'_> {
    /// Talks until the process closes its end. `permit` is given up once it is set up.
    pub(super) async fn go_on(&self, socket: UnixStream, permit: Option<OwnedSemaphorePermit>) {
        let (reading, mut writing) = socket.into_split();
        let (to, mut waiting) = mpsc::channel::<Vec<u8>>(LINES);
        let (this, beginning) = (self, &Beginning(Mutex::new(permit)));
        let write = async move {
            while let Some(line) = waiting.recv().await {
                if writing.write_all(&line).await.is_err() {
                    // It has gone, or has closed its end.
                    return;
                }
            }
        };
        // It has the sender, whose end is that of `write`.
        let talk = async move {
            tokio::select! {
                () = this.hear(reading, &to, beginning) => {}
                () = this.tell(&to) => {}
                () = async { sleep(BEGINNING).await; beginning.is_over(); pending().await } => {}
            }
        };
        tokio::join!(write, talk);
    }

    /// Tells the sensor what to begin with, and then what changes. Never ends by itself.
    async fn tell(&self, to: &mpsc::Sender<Vec<u8>>) {
        let mut triggers = self.attendant.triggers();
        let mut known = Arc::clone(&triggers.borrow_and_update());
        let mut line = Some(lines::begin(self.call, self.file, &known));
        loop {
            if let Some(line) = line.take()
                && to.send(line).await.is_err()
            {
                // Nobody reads it. Who hears of the end of the process ends this.
                return pending().await;
            }
            line = tokio::select! {
                changed = triggers.changed() => {
                    if changed.is_err() {
                        return pending().await;
                    }
                    let now = Arc::clone(&triggers.borrow_and_update());
                    let line = lines::changed(&known, &now);
                    known = now;
                    line
                }
                () = self.attendant.hurried() => Some(lines::poll()),
            };
        }
    }

    /// Hears what the sensor says, until it closes its end.
    async fn hear(&self, reading: OwnedReadHalf, to: &mpsc::Sender<Vec<u8>>, beginning: &Beginning) {
        let (mut reading, mut line) = (BufReader::new(reading), Vec::new());
        loop {
            let said = match next(&mut reading, &mut line).await {
                Ok(true) => Said::read(&line),
                Ok(false) => return,
                Err(why) => Err(why),
            };
            match said {
                Ok(Said::Ready { polls }) => {
                    beginning.is_over();
                    self.attendant.ready(polls);
                }
                Ok(Said::Polled) => self.attendant.polled(),
                Ok(Said::Failed { message, hint }) => {
                    let hint = if hint.is_empty() { logs(&self.call.sensor) } else { hint };
                    self.heard.note(failure("sensor.failed", message, hint));
                }
                Ok(Said::Asked { id, question }) => {
                    let done = self.answered(question).await;
                    if to.send(lines::answer(id, done)).await.is_err() {
                        return;
                    }
                }
                Ok(Said::Unfit { id, why }) => {
                    if to.send(lines::answer(id, Err(Undone::Refused(why)))).await.is_err() {
                        return;
                    }
                }
                Err(why) => {
                    let message = format!("a line of its process to the host cannot be read: {why}");
                    let hint = "have the sensor write nothing to the socket that was its standard input";
                    self.heard.note(failure("sensor.protocol", message, hint));
                    self.broken.cancel();
                    return;
                }
            }
        }
    }

    async fn answered(&self, question: Question) -> Result<Value, Undone> {
        match question {
            Question::Event(event) => self.stored(&event).await,
            Question::Keys(asked) => {
                let keys = self.attendant.keys(asked).await.map_err(Undone::Refused)?;
                Ok(keys.into_iter().map(lines::key).collect())
            }
        }
    }

    /// Has an event stored, however long there is no room for it, unless the sensor is ended.
    async fn stored(&self, event: &Emitted) -> Result<Value, Undone> {
        let (sensor, mut is_held) = (&self.call.sensor, false);
        loop {
            let done = self.emitter.emit(sensor.pack(), sensor, event.clone()).await;
            if let Err(NotEmitted::Busy(why)) = done {
                if self.broken.is_cancelled() {
                    return Err(Undone::Ending(why));
                }
                self.attendant.held(Some(why));
                is_held = true;
                self.broken.run_until_cancelled(sleep(AGAIN)).await;
                continue;
            }
            if is_held {
                self.attendant.held(None);
            }
            let done = done.map(|instance| instance.to_string().into());
            return done.map_err(|why| Undone::Refused(why.to_string()));
        }
    }
}

/// Reads the next line. `false` at the end; a line that is cut short by it does not count.
///
/// # Errors
/// When the line is too long.
async fn next(reading: &mut BufReader<OwnedReadHalf>, line: &mut Vec<u8>) -> Result<bool, String> {
    line.clear();
    line.shrink_to(KEPT);
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    let read = AsyncReadExt::take(&mut *reading, most).read_until(b'\n', line).await;
    if read.is_err() || line.is_empty() {
        return Ok(false);
    }
    if !line.ends_with(b"\n") {
        return if line.len() < LONGEST {
            Ok(false)
        } else {
            Err(format!("it has more than {LONGEST} bytes"))
        };
    }
    Ok(true)
}
