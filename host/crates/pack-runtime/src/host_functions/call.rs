//! `petrel:actions/call`: runs of other actions, which an action waits for.

use std::sync::Arc;

use petrel_model::capabilities::Named;
use petrel_model::{Object, Ref};
use petrel_runners::asked::{Actions, Unserved, Why};

use super::errors::{error, shown, unserved};
use crate::bindings::petrel::actions::call::{Done, Host};
use crate::bindings::petrel::types::types::{Error, ErrorKind};
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
    fn asked(&self, action: &str, parameters: &str) -> Result<Asked, Error> {
        let invalid =
            |message: String, hint: &str| error(ErrorKind::InvalidInput, message, "action.invalid", hint);
        let shown = shown(action);
        let reference: Ref = action.parse().map_err(|_no_reference| {
            invalid(format!("`{shown}` is no reference of an action"), "write PACK.NAME, as core.local")
        })?;
        self.may(Named::Call, action)?;
        if parameters.len() > LARGEST {
            let message = format!(
                "the parameters for {shown} have {} bytes, and {LARGEST} is the limit",
                parameters.len()
            );
            return Err(invalid(message, "hand over less, for example a key of the datastore"));
        }
        let parameters = serde_json::from_str::<Object>(parameters).map_err(|no_object| {
            invalid(
                format!("the parameters for {shown} are no JSON object: {no_object}"),
                "give names and values",
            )
        })?;
        let Some(actions) = &self.caller.around.actions else {
            let message = "this call cannot run other actions".to_owned();
            let hint = "actions of a host run others; sensors emit events, for rules that do";
            return Err(unserved(AREA, Unserved::new(Why::Denied, message, hint)));
        };
        let waiting = self.record.wait_for_others(self.most_waiting).ok_or_else(|| {
            let message = format!(
                "{} actions wait for others that they have called, which is the limit",
                self.most_waiting
            );
            unserved(
                AREA,
                Unserved::new(
                    Why::Busy,
                    message,
                    "try again later, or let a workflow run one after the other",
                ),
            )
        })?;
        let source = self.caller.source.as_ref().map(Ref::as_str);
        tracing::info!(target: "petrel_audit", event = "action.called", source, action, "called");
        Ok(Asked { action: reference, parameters, actions: Arc::clone(actions), waiting })
    }
}
