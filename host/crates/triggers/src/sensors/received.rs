//! Requests that sensors are given. The sensor decides who may send what; its answer is sent once its events are stored.

use petrel_engine_core::Error;
use petrel_model::Ref;
use petrel_runners::OutputSink;
use petrel_runners::sensors::{Received, Reply, SensorFailure, SensorKind};

use super::failure::{error_of, failure};
use super::turn::LOGGED;
use super::{emission, told};
use crate::batch::{Member, Taken};
use crate::service::Triggers;

/// The greatest number of events that one request may bring.
const MOST_EVENTS: usize = 1_000;
/// The largest body of an answer, in bytes.
const LARGEST_ANSWER: usize = 1 << 20;
/// The code of the end of a request with that of the host.
const STOPPING: &str = "stopping";
/// How often the events of an answer are tried, if others with their keys are stored at the same moment.
const ATTEMPTS: usize = 3;

/// The answer of a sensor to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Triggers {
    /// Whether a sensor takes requests now.
    ///
    /// # Errors
    /// When there is none of this name that does. [`Error::Busy`] while it is not known whether it does: the host has just
    /// started, or its pack was registered again. Many senders take a refusal for final and do not send again.
    pub fn takes_requests(&self, name: &str) -> Result<Ref, Error> {
        let none = || Error::NotFound {
            what: "sensor that takes requests",
            name: name.to_owned(),
            hint: "`petrel sensor list` shows the sensors, and which of them are enabled".into(),
        };
        let reference: Ref = name.parse().map_err(|_no_reference| none())?;
        // Anybody may ask, so nobody is helped to a similar name, which takes long.
        let is_there = self.content().sensors().any(|sensor| {
            sensor.reference == reference
                && sensor.is_enabled()
                && self.sensors().runner_of(&sensor.entry_point).is_some()
        });
        if !is_there {
            return Err(none());
        }
        let kind = self.sensors().board().get(&reference).and_then(|live| live.kind);
        match kind {
            Some(SensorKind::Webhook) => Ok(reference),
            Some(_) => Err(none()),
            None => Err(Error::Busy(format!("the sensor {reference} is being made ready"))),
        }
    }

    /// Gives a request to a sensor, stores its events, and returns its answer.
    ///
    /// # Errors
    /// When there is no such sensor, it fails, or its events cannot be stored. Nothing was stored then.
    pub async fn give_request(&self, name: &str, request: Received) -> Result<Answer, Error> {
        let reference = self.takes_requests(name)?;
        self.queue().check_room()?;
        let _turn = self.sensors().answering_turn(&reference)?;
        let Reply { events, status, body } = match self.reply(&reference, request).await {
            Ok(reply) => reply,
            Err(why) => return Err(self.no_answer(&reference, &why)),
        };
        let content = self.content();
        let (now, mut members) = (self.core().now(), Vec::with_capacity(events.len()));
        let mut refused = Vec::new();
        for event in events {
            match emission::member(&content, reference.pack(), event) {
                Ok(member) => members.push(member),
                Err(why) => refused.push(why.to_string()),
            }
        }
        drop(content);
        let taken = if members.is_empty() { Vec::new() } else { self.accept_answered(&members).await? };
        let mut stored = 0_usize;
        for one in taken {
            match one {
                Taken::Stored(_) => stored += 1,
                Taken::Repeated(_) => {}
                Taken::Refused(error) => refused.push(error.to_string()),
            }
        }
        let mut board = self.sensors().board();
        board.answered(&reference, now, None);
        for why in refused {
            board.count(&reference, now, Some(emission::refusal(&why, now)));
            self.log_refusal(&reference, &why);
        }
        // Last, as an event that was taken says that not all are refused.
        for _ in 0..stored {
            board.count(&reference, now, None);
        }
        Ok(Answer { status, body })
    }

    /// Stores the events of an answer. An event that comes twice at the same moment, with its key, is known the second time.
    async fn accept_answered(&self, members: &[Member]) -> Result<Vec<Taken>, Error> {
        for _ in 1..ATTEMPTS {
            match self.accept_all(members, |_| Vec::new()).await {
                Err(Error::Conflict { .. }) => {}
                done => return done,
            }
        }
        self.accept_all(members, |_| Vec::new()).await
    }

    /// What a sensor answers to a request.
    async fn reply(&self, reference: &Ref, request: Received) -> Result<Reply, SensorFailure> {
        let gone = || failure("not_found", "it is gone meanwhile", "send the request again");
        let subject = self.sensors().board().get(reference).map(|live| live.subject.clone());
        let subject = subject.ok_or_else(gone)?;
        let runner = subject.runner.ok_or_else(gone)?;
        let triggers = told::triggers_of(&self.content(), &subject.sensor);
        let call = self.call_of(&subject.sensor, triggers).await?;
        let (output, stop) = (OutputSink::new(LOGGED), self.core().end_running());
        let cancel = stop.child_token();
        let receiving = runner.receive(call, request, output.clone(), cancel.clone());
        let result = self.within(receiving, stop, &cancel).await;
        self.sensors().board().log(reference, self.core().now(), &output);
        let reply = result.unwrap_or_else(|| Err(failure(STOPPING, "the host is stopping", "try again")))?;
        if !(200..=599).contains(&reply.status) {
            let message = format!("it answers with the status {}", reply.status);
            return Err(failure("sensor.status", message, "have it answer with 200 to 599"));
        }
        if reply.events.len() > MOST_EVENTS || reply.body.len() > LARGEST_ANSWER {
            let message = format!(
                "its answer has {} events and a body of {} bytes; {MOST_EVENTS} and {LARGEST_ANSWER} are the limits",
                reply.events.len(),
                reply.body.len()
            );
            return Err(failure("limit.answer", message, "have it answer with less"));
        }
        Ok(reply)
    }

    /// The error for a request that a sensor did not answer. The sender learns nothing of the reason.
    fn no_answer(&self, reference: &Ref, why: &SensorFailure) -> Error {
        // Neither of these is a failure of the sensor, and the sender is to send the request again.
        match why.code.as_str() {
            STOPPING => return Error::Stopping,
            "limit.shared_memory" => {
                return Error::Busy(format!("there is no room for the sensor {reference}"));
            }
            _ => {}
        }
        let now = self.core().now();
        self.sensors().board().answered(reference, now, Some(error_of(why, now)));
        if let Some(left_out) = self.core().may_log(reference.as_str()) {
            tracing::warn!(sensor = %reference, code = why.code, error = why.message, hint = why.hint, left_out, "a sensor did not answer a request");
        }
        Error::Internal(format!(
            "the sensor {reference} has failed; `petrel sensor get {reference}` says why"
        ))
    }
}
