//! `petrel:secrets`: secrets that the host sends for a component, and those that it reveals.

use petrel_model::Ref;
use petrel_model::capabilities::Named;
use petrel_runners::asked::{Unserved, Why};
use wasmtime::component::Resource;

use super::errors::unserved;
use crate::bindings::petrel::secrets::reveal::Host as RevealHost;
use crate::bindings::petrel::secrets::secrets::{Host, HostSecret};
use crate::bindings::petrel::types::types::Error;
use crate::linker::CallState;
use crate::secrets::{Handle, key_of};

/// The first part of the codes of errors.
const AREA: &str = "secrets";

impl Host for CallState {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        match self.handle(name) {
            Ok(handle) => Ok(Ok(self.table.push(handle)?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl HostSecret for CallState {
    fn placeholder(&mut self, secret: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(self.table.get(&secret)?.placeholder.clone())
    }

    fn name(&mut self, secret: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(self.table.get(&secret)?.name.clone())
    }

    fn drop(&mut self, secret: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}

impl RevealHost for CallState {
    fn reveal(&mut self, secret: Resource<Handle>) -> wasmtime::Result<Result<String, Error>> {
        let name = self.table.get(&secret)?.name.clone();
        Ok(self.revealed(&name))
    }
}

impl CallState {
    fn handle(&self, name: String) -> Result<Handle, Error> {
        self.may(Named::Secrets, &name)?;
        // Looked at now, so that a secret that nobody has set is told here, and not when it is to be sent.
        self.text_of(&name)?;
        let failed = |error: getrandom::Error| {
            let message = format!("there is no randomness for a placeholder: {error}");
            unserved(AREA, Unserved::new(Why::Failed, message, "see the log of the host"))
        };
        let placeholder = self.record.placeholders.of(&name).map_err(failed)?;
        Ok(Handle { name, placeholder })
    }

    fn revealed(&self, name: &str) -> Result<String, Error> {
        self.may(Named::Reveal, name)?;
        let text = self.text_of(name)?;
        if let Some(actions) = &self.caller.around.actions {
            actions.note_secret();
        }
        // Once in a call: what it has seen it has seen.
        if self.record.placeholders.is_new_to_reveal(name) {
            let source = self.caller.source.as_ref().map(Ref::as_str);
            tracing::info!(target: "petrel_audit", event = "secret.revealed", source, secret = name, "revealed");
        }
        Ok(text)
    }

    fn text_of(&self, name: &str) -> Result<String, Error> {
        let key = key_of(&self.record.rights().pack, name);
        self.keys()?.secret(&key).map_err(|reason| unserved(AREA, reason))
    }
}
