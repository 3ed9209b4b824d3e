//! `petrel:actions/call`: runs of other actions, which an action waits for.

use std::sync::Arc;

use petrel_model::capabilities::Named;
use petrel_model::names::LONGEST_REFERENCE;
use petrel_model::{Object, Ref};
use petrel_runners::asked::{Actions, Unserved, Why};

use super::errors::{error, shown, unserved};
use crate::bindings::petrel::actions::call::{Done, Host};
use crate::bindings::petrel::types::types::{Error, ErrorKind};
use crate::caller::MOST_CALLS;
use crate::linker::CallState;
use crate::standing::Waiting;

/// The first part of the codes of errors.
const AREA: &str = "action";
/// Largest parameters of an action that is called, in bytes.
const LARGEST: usize = 1 << 20;

/// A run that is to begin.
struct Asked {
    action: Ref,
    parameters: Object,
    actions: Arc<dyn Actions>,
    /// The place among those who wait for others.
    waiting: Waiting,
}

impl Host for CallState {
    async fn run(&mut self, action: String, parameters: String) -> wasmtime::Result<Result<Done, Error>> {
        let Asked { action, parameters, actions, waiting } = match self.asked(&action, &parameters) {
            Ok(asked) => asked,
            Err(error) => return Ok(Err(error)),
        };
        let ended = actions.run(&action, parameters).await;
        drop(waiting);
        Ok(ended
            .map(|done| Done { execution_id: done.execution.to_string(), output: done.result.to_string() })
            .map_err(|reason| unserved(AREA, reason)))
    }
}

impl CallState {
    /// Checks the request for a run, and counts it.
    fn asked(&mut self, action: &str, parameters: &str) -> Result<Asked, Error> {
        let shown = shown(action);
        let reference = action.parse::<Ref>().ok().filter(|_| action.len() <= LONGEST_REFERENCE);
        let reference = reference.ok_or_else(|| {
            invalid(format!("`{shown}` is no reference of an action"), "write PACK.NAME, as core.local")
        })?;
        self.may(Named::Call, action)?;
        let parameters = object(&shown, parameters)?;
        let Some(actions) = &self.caller.around.actions else {
            let message = "this call cannot run other actions".to_owned();
            let hint = "actions of a host run others; sensors emit events, for rules that do";
            return Err(unserved(AREA, Unserved::new(Why::Denied, message, hint)));
        };
        let calls_left = self.caller.calls_left.checked_sub(1).ok_or_else(|| {
            let message = format!("the call has run {MOST_CALLS} other actions, which is the limit");
            let hint = "let one of them do more, or emit events for rules that run actions";
            error(ErrorKind::Permanent, message, "limit.calls", hint)
        })?;
        let waiting = self.record.wait_for_others(self.most_waiting);
        let waiting = waiting.ok_or_else(|| all_wait(self.most_waiting))?;
        self.caller.calls_left = calls_left;
        let source = self.caller.source.as_ref().map(Ref::as_str);
        tracing::info!(target: "petrel_audit", event = "action.called", source, action, "called");
        Ok(Asked { action: reference, parameters, actions: Arc::clone(actions), waiting })
    }
}

/// The parameters of an action.
fn object(action: &str, parameters: &str) -> Result<Object, Error> {
    if parameters.len() > LARGEST {
        let bytes = parameters.len();
        let message = format!("the parameters for {action} have {bytes} bytes, and {LARGEST} is the limit");
        return Err(invalid(message, "hand over less, for example a key of the datastore"));
    }
    serde_json::from_str(parameters).map_err(|no_object| {
        let message = format!("the parameters for {action} are no JSON object: {no_object}");
        invalid(message, "give names and values")
    })
}

fn invalid(message: String, hint: &str) -> Error {
    error(ErrorKind::InvalidInput, message, "action.invalid", hint)
}

fn all_wait(most: usize) -> Error {
    let message = format!(
        "{most} actions wait for others that they have called, or three quarters of so many of this pack, which is the limit"
    );
    let hint = "try again later, or let a workflow run one after the other";
    unserved(AREA, Unserved::new(Why::Busy, message, hint))
}
