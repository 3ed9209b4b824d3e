//! The services of the host to a call: messages, the pack's configuration, keys, secrets, events and requests.
//!
//! In a component they are imports (`component`), in a test a double ([`testing::Host`](crate::testing::Host)).

use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::Value;

#[cfg(not(target_family = "wasm"))]
use crate::key::{Entry, Expected};
use crate::{Error, Event, Request, Response, Secret, Store};

/// The services of the host. Reached through the context of a call.
#[derive(Clone)]
pub struct Services {
    pub(crate) host: Rc<dyn Host>,
}

/// The level of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Single steps, for the author.
    Trace,
    /// Details, for the author.
    Debug,
    /// The normal course of events.
    Info,
    /// Something that deserves attention.
    Warn,
    /// A failure.
    Error,
}

/// The functions of the host: imports in a component, a double in a test.
///
/// What few components use is no part of it in a component: every function here is imported by all.
pub(crate) trait Host {
    fn write(&self, level: Level, message: &str, fields: Option<&Value>);
    fn progress(&self, fraction: f32, note: Option<&str>);
    #[cfg(not(target_family = "wasm"))]
    fn config(&self) -> Value;
    #[cfg(not(target_family = "wasm"))]
    fn emit(&self, event: &Event) -> Result<String, Error>;
    #[cfg(not(target_family = "wasm"))]
    fn fetch(&self, request: &Request) -> Result<Response, Error>;
    #[cfg(not(target_family = "wasm"))]
    fn get(&self, store: &str, key: &str) -> Result<Option<Entry>, Error>;
    #[cfg(not(target_family = "wasm"))]
    fn put(
        &self,
        place: (&str, &str),
        value: &str,
        ttl: Option<std::time::Duration>,
        expected: Expected<'_>,
    ) -> Result<String, Error>;
    #[cfg(not(target_family = "wasm"))]
    fn delete(&self, store: &str, key: &str) -> Result<bool, Error>;
    #[cfg(not(target_family = "wasm"))]
    fn keys(&self, store: &str, prefix: &str) -> Result<Vec<String>, Error>;
    #[cfg(not(target_family = "wasm"))]
    fn reveal(&self, secret: &str) -> Result<String, Error>;
    #[cfg(not(target_family = "wasm"))]
    fn call(&self, action: &str, parameters: &Value) -> Result<crate::Called, Error>;
}

impl Services {
    /// Writes a message to the output of the execution, or the log of the sensor.
    pub fn log(&self, level: Level, message: impl AsRef<str>) {
        self.host.write(level, message.as_ref(), None);
    }

    /// As [`Services::log`], with a JSON object of fields.
    pub fn log_with(&self, level: Level, message: impl AsRef<str>, fields: &Value) {
        self.host.write(level, message.as_ref(), Some(fields));
    }

    /// Writes a message at level info.
    pub fn info(&self, message: impl AsRef<str>) {
        self.log(Level::Info, message);
    }

    /// Writes a message at level warn.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.log(Level::Warn, message);
    }

    /// Reports the progress of the action, from 0.0 to 1.0.
    pub fn progress(&self, fraction: f32, note: Option<&str>) {
        self.host.progress(fraction, note);
    }

    /// The configuration of the pack.
    ///
    /// # Errors
    ///
    /// If it does not have the form of `T`.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, Error> {
        #[cfg(target_family = "wasm")]
        let read = serde_json::from_str(&crate::component::wire::config());
        #[cfg(not(target_family = "wasm"))]
        let read = serde_json::from_value(self.host.config());
        read.map_err(|error| {
            Error::new(
                crate::ErrorKind::Misconfigured,
                format!("the configuration of the pack is not as expected: {error}"),
            )
            .code("config.invalid")
            .hint("give the values with `petrel pack configure PACK FILE`; the pack's config.schema.yaml, if there is one, declares them")
        })
    }

    /// The keys of the pack: the store `pack`, which it asks for in its `pack.yaml`.
    pub fn kv(&self) -> Store {
        self.store("pack")
    }

    /// The keys of a store with another label, or those that all share if that is `system`.
    pub fn store(&self, label: impl Into<String>) -> Store {
        Store {
            label: label.into(),
            #[cfg(not(target_family = "wasm"))]
            services: self.clone(),
        }
    }

    /// The secret `name` of the pack, which it asks for in its `pack.yaml`.
    ///
    /// # Errors
    ///
    /// If it is not granted, or nobody has set it.
    pub fn secret(&self, name: &str) -> Result<Secret, Error> {
        #[cfg(target_family = "wasm")]
        return crate::component::asked::secret(name).map(|handle| Secret { handle });
        #[cfg(not(target_family = "wasm"))]
        self.host.reveal(name).map(|_text| Secret { name: name.to_owned(), services: self.clone() })
    }

    /// Emits an event, and waits until it is stored. Returns the id of its trigger instance. Sensors that poll or take
    /// requests return their events instead.
    ///
    /// # Errors
    ///
    /// If the host does not take it. [`ErrorKind::Transient`](crate::ErrorKind::Transient) says that it may be tried again.
    pub fn emit(&self, event: &Event) -> Result<String, Error> {
        #[cfg(target_family = "wasm")]
        return crate::component::wire::emit(event);
        #[cfg(not(target_family = "wasm"))]
        self.host.emit(event)
    }

    /// Makes a request, to an address that the operator has granted. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// If there is no answer. An answer with any status is none.
    pub fn fetch(&self, request: &Request) -> Result<Response, Error> {
        #[cfg(target_family = "wasm")]
        let mut answer = crate::component::http::fetch(request)?;
        #[cfg(not(target_family = "wasm"))]
        let mut answer = self.host.fetch(request)?;
        answer.largest = request.largest_answer;
        Ok(answer)
    }

    /// Makes a request, and reads its answer as JSON.
    ///
    /// # Errors
    ///
    /// As [`Services::fetch`], and if the status is none of success or the body does not have the form of `T`.
    pub fn fetch_json<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        self.fetch(request)?.success_with_details()?.json()
    }
}
