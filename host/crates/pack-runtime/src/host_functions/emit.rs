//! `petrel:trigger/emit`: events of a component that runs. They go to the emitter of its call.

use petrel_runners::sensors::NotEmitted;

use super::errors::{error, shown};
use crate::bindings::petrel::trigger::emit::Host;
use crate::bindings::petrel::trigger::types::Event;
use crate::bindings::petrel::types::types::{Error, ErrorKind};
use crate::call_record::Denial;
use crate::events::{self, LARGEST_EVENTS, MOST_EVENTS};
use crate::linker::CallState;

impl Host for CallState {
    async fn emit(&mut self, event: Event) -> wasmtime::Result<Result<String, Error>> {
        Ok(self.emitted(event).await)
    }
}

impl CallState {
    async fn emitted(&mut self, event: Event) -> Result<String, Error> {
        let (Some(source), Some(emitter)) = (&self.caller.source, self.caller.outlet.open()) else {
            let trigger = shown(&event.trigger);
            return Err(self.deny(format!("emit {trigger}: events of this call are not taken")));
        };
        if !events::is_of(source.pack(), &event.trigger) {
            let trigger = shown(&event.trigger);
            return Err(self.deny(format!("emit {trigger}, which is not of pack {}", source.pack())));
        }
        if event.payload.len() > LARGEST_EVENTS {
            let message = format!(
                "the payload has {} bytes, more than the limit of {LARGEST_EVENTS}",
                event.payload.len()
            );
            let hint = "emit less, for example a reference to where the data is";
            return Err(error(ErrorKind::InvalidInput, message, "limit.event", hint));
        }
        if self.caller.events_left == Some(0) {
            let message = format!("the call has emitted {MOST_EVENTS} events, which is the limit");
            let hint = "emit fewer, for example one with a list";
            return Err(error(ErrorKind::Permanent, message, "limit.events", hint));
        }
        let event = events::of_wire(event)
            .map_err(|message| error(ErrorKind::InvalidInput, message, "event.invalid", EVENT_HINT))?;
        let event = self.caller.outlet.stamped(event);
        let id = emitter.emit(source.pack(), source, event).await.map_err(|reason| refused(&reason))?;
        self.caller.events_left = self.caller.events_left.map(|left| left.saturating_sub(1));
        Ok(id.to_string())
    }

    fn deny(&self, what: String) -> Error {
        let denial = Denial::Emit(what);
        let hint = self.record.hint(&denial);
        let told = error(ErrorKind::Denied, format!("denied {denial}"), denial.code(), &hint);
        self.record.denied(denial);
        told
    }
}

const EVENT_HINT: &str = "compare it with the trigger type's metadata";

fn refused(reason: &NotEmitted) -> Error {
    let message = reason.to_string();
    match reason {
        NotEmitted::Invalid(_) => error(ErrorKind::InvalidInput, message, "event.invalid", EVENT_HINT),
        NotEmitted::Busy(_) => error(ErrorKind::Transient(None), message, "event.busy", "try again later"),
        NotEmitted::Denied(_) => {
            error(ErrorKind::Denied, message, "denied.emit", "emit trigger types of the pack itself")
        }
    }
}
