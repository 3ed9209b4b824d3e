//! A test double for the host, for unit tests of actions that run natively.
//!
//! ```
//! use petrel_pack_sdk::testing::Host;
//! use petrel_pack_sdk::{Context, Error};
//!
//! fn greet(ctx: &Context, name: String) -> Result<String, Error> {
//!     ctx.info("greeting");
//!     Ok(format!("Hello, {name}!"))
//! }
//!
//! let host = Host::new();
//! assert_eq!(greet(&host.context("greet"), "Ann".into()).unwrap(), "Hello, Ann!");
//! assert_eq!(host.logged(), ["INFO greeting"]);
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::key::{Entry, Expected};
use crate::{
    Action, Called, Context, Error, ErrorKind, Event, Level, Request, Response, SensorContext, Services,
    Trigger, services,
};

/// A host that records what actions and sensors ask of it.
#[derive(Debug, Clone, Default)]
pub struct Host(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    logged: Vec<String>,
    config: Map<String, Value>,
    emitted: Vec<Event>,
    requests: Vec<Request>,
    /// The answers by method and address, each given once.
    answers: Vec<(String, Result<Answer, Error>)>,
    triggers: Vec<Trigger>,
    /// The values of keys with the numbers of their versions, by store and key.
    keys: BTreeMap<(String, String), (String, u64)>,
    /// The number of changes of keys.
    changes: u64,
    /// The texts of secrets, by name.
    secrets: BTreeMap<String, String>,
    /// The answers of other actions, each given once.
    runs: Vec<(String, Result<Value, Error>)>,
    /// The actions that were called, with their parameters.
    called: Vec<(String, Value)>,
}

/// An answer that is ready.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Host {
    /// Creates a host without messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// The context of a first call of `action`, with ten minutes until its deadline. Its fields can be changed.
    pub fn context(&self, action: &str) -> Context {
        Context {
            execution_id: "000000000000000000000001".to_owned(),
            pack: "test".to_owned(),
            action: action.to_owned(),
            user: "tester".to_owned(),
            attempt: 0,
            deadline: SystemTime::now() + Duration::from_mins(10),
            parent_id: None,
            trace_id: "00000000000000000000000000000001".to_owned(),
            services: self.services(),
        }
    }

    /// The context of a call of `sensor`, with a minute until its deadline. Its fields can be changed.
    pub fn sensor_context(&self, sensor: &str) -> SensorContext {
        SensorContext {
            name: sensor.to_owned(),
            pack: "test".to_owned(),
            deadline: Some(SystemTime::now() + Duration::from_mins(1)),
            triggers: self.0.borrow().triggers.clone(),
            services: self.services(),
        }
    }

    fn services(&self) -> Services {
        Services { host: Rc::new(self.clone()) }
    }

    /// Runs `action` as the host does, with parameters and result as JSON.
    ///
    /// # Errors
    ///
    /// If the parameters do not fit, or the action fails.
    pub fn run(&self, action: &Action, parameters: &Value) -> Result<Value, Error> {
        let result = action.run(&self.context(action.name()), &parameters.to_string())?;
        serde_json::from_str(&result).map_err(Error::from)
    }

    /// The messages so far, one line each, as they appear in the execution's output.
    pub fn logged(&self) -> Vec<String> {
        self.0.borrow().logged.clone()
    }

    /// Sets a value of the pack's configuration.
    #[must_use]
    pub fn configured(self, name: &str, value: impl Into<Value>) -> Self {
        self.0.borrow_mut().config.insert(name.to_owned(), value.into());
        self
    }

    /// Has an enabled rule listen to a trigger type with these parameters, `{}` for none. Contexts of sensors that are made
    /// afterwards have the trigger, with the ids `test.TYPE.N` in order.
    #[must_use]
    pub fn listened(self, trigger_type: &str, parameters: impl Into<Value>) -> Self {
        let mut state = self.0.borrow_mut();
        let id = format!("test.{trigger_type}.{:024x}", state.triggers.len());
        let (trigger_type, parameters) = (trigger_type.to_owned(), parameters.into());
        state.triggers.push(Trigger { id, trigger_type, parameters });
        drop(state);
        self
    }

    /// Answers the next request with this method and address.
    #[must_use]
    pub fn answering(self, method: &str, url: &str, status: u16, body: impl Into<Vec<u8>>) -> Self {
        self.answering_with(method, url, (status, &[]), body)
    }

    /// As [`answering`](Self::answering), with headers, whose names are in lower case.
    #[must_use]
    pub fn answering_with(
        self,
        method: &str,
        url: &str,
        (status, headers): (u16, &[(&str, &str)]),
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        let answer = Answer { status, headers: headers.collect(), body: body.into() };
        self.0.borrow_mut().answers.push((format!("{method} {url}"), Ok(answer)));
        self
    }

    /// Has the next request with this method and address fail, as if nobody had answered.
    #[must_use]
    pub fn failing(self, method: &str, url: &str, error: Error) -> Self {
        self.0.borrow_mut().answers.push((format!("{method} {url}"), Err(error)));
        self
    }

    /// Sets a key of the store `pack`.
    #[must_use]
    pub fn with_key(self, key: &str, value: &str) -> Self {
        let mut state = self.0.borrow_mut();
        state.changes += 1;
        let entry = (value.to_owned(), state.changes);
        state.keys.insert(("pack".to_owned(), key.to_owned()), entry);
        drop(state);
        self
    }

    /// The value of a key of the store `pack`.
    pub fn key(&self, key: &str) -> Option<String> {
        let state = self.0.borrow();
        state.keys.get(&("pack".to_owned(), key.to_owned())).map(|(value, _)| value.clone())
    }

    /// Has a secret with this text. In [`requests`](Self::requests) its placeholder stands as it was sent.
    #[must_use]
    pub fn with_secret(self, name: &str, text: &str) -> Self {
        self.0.borrow_mut().secrets.insert(name.to_owned(), text.to_owned());
        self
    }

    /// Answers the next call of `action`.
    #[must_use]
    pub fn running(self, action: &str, answer: Result<Value, Error>) -> Self {
        self.0.borrow_mut().runs.push((action.to_owned(), answer));
        self
    }

    /// The actions that were called, with their parameters, in order.
    pub fn called(&self) -> Vec<(String, Value)> {
        self.0.borrow().called.clone()
    }

    /// The events that were emitted, in order.
    pub fn emitted(&self) -> Vec<Event> {
        self.0.borrow().emitted.clone()
    }

    /// The requests that were made, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.0.borrow().requests.clone()
    }
}

impl services::Host for Host {
    fn write(&self, level: Level, message: &str, fields: Option<&Value>) {
        let level = format!("{level:?}").to_uppercase();
        let fields = fields.map(|fields| format!(" {fields}")).unwrap_or_default();
        self.0.borrow_mut().logged.push(format!("{level} {message}{fields}"));
    }

    fn progress(&self, fraction: f32, note: Option<&str>) {
        let note = note.map(|note| format!(" {note}")).unwrap_or_default();
        let percent = fraction.clamp(0.0, 1.0) * 100.0;
        self.0.borrow_mut().logged.push(format!("PROGRESS {percent:.0} %{note}"));
    }

    fn config(&self) -> Value {
        Value::Object(self.0.borrow().config.clone())
    }

    fn emit(&self, event: &Event) -> Result<String, Error> {
        let mut state = self.0.borrow_mut();
        state.emitted.push(event.clone());
        Ok(format!("{:024x}", state.emitted.len()))
    }

    fn fetch(&self, request: &Request) -> Result<Response, Error> {
        let mut state = self.0.borrow_mut();
        state.requests.push(request.clone());
        let what = format!("{} {}", request.method, request.url);
        let Some(at) = state.answers.iter().position(|(answered, ..)| *answered == what) else {
            return Err(Error::new(
                ErrorKind::Denied,
                format!("{what} is not allowed: the test has no answer"),
            ));
        };
        let Answer { status, headers, body } = state.answers.remove(at).1?;
        let mut response = Response::new(status, std::io::Cursor::new(body));
        response.headers = headers;
        Ok(response)
    }

    fn get(&self, store: &str, key: &str) -> Result<Option<Entry>, Error> {
        let state = self.0.borrow();
        let found = state.keys.get(&(store.to_owned(), key.to_owned()));
        Ok(found.map(|(value, version)| Entry {
            value: value.clone(),
            version: version.to_string(),
            expires_at: None,
        }))
    }

    fn put(
        &self,
        (store, key): (&str, &str),
        value: &str,
        _ttl: Option<Duration>,
        expected: Expected<'_>,
    ) -> Result<String, Error> {
        let mut state = self.0.borrow_mut();
        let place = (store.to_owned(), key.to_owned());
        let found = state.keys.get(&place).map(|(_, version)| version.to_string());
        let is_as_expected = match expected {
            Expected::Any => true,
            Expected::Absent => found.is_none(),
            Expected::Version(version) => found.as_deref() == Some(version),
        };
        if !is_as_expected {
            let message = format!("the key `{key}` of {store} is in another state");
            return Err(Error::new(ErrorKind::Conflict, message).code("kv.conflict"));
        }
        state.changes += 1;
        let version = state.changes;
        state.keys.insert(place, (value.to_owned(), version));
        Ok(version.to_string())
    }

    fn delete(&self, store: &str, key: &str) -> Result<bool, Error> {
        Ok(self.0.borrow_mut().keys.remove(&(store.to_owned(), key.to_owned())).is_some())
    }

    fn keys(&self, store: &str, prefix: &str) -> Result<Vec<String>, Error> {
        let state = self.0.borrow();
        let own = state.keys.keys().filter(|(of, key)| of == store && key.starts_with(prefix));
        Ok(own.map(|(_, key)| key.clone()).collect())
    }

    fn reveal(&self, secret: &str) -> Result<String, Error> {
        let found = self.0.borrow().secrets.get(secret).cloned();
        found.ok_or_else(|| Error::not_found(format!("the test has no secret {secret}")))
    }

    fn call(&self, action: &str, parameters: &Value) -> Result<Called, Error> {
        let mut state = self.0.borrow_mut();
        state.called.push((action.to_owned(), parameters.clone()));
        let execution_id = format!("{:024x}", state.called.len());
        let Some(at) = state.runs.iter().position(|(known, _)| known == action) else {
            let message = format!("{action} is not granted: the test has no answer");
            return Err(Error::new(ErrorKind::Denied, message));
        };
        let (_, answer) = state.runs.remove(at);
        answer.map(|result| Called { execution_id, result })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_secrets_and_calls_have_doubles() {
        let host = Host::new()
            .with_key("cursor", "1")
            .with_secret("token", "hush")
            .running("core.local", Ok(json!({"stdout": "x"})));
        let ctx = host.context("test");
        let kv = ctx.kv();
        let entry = kv.get("cursor").unwrap().unwrap();
        assert_eq!(entry.json::<u64>().unwrap(), 1);
        let next = kv.cas("cursor", Some(&entry.version), "2", None).unwrap();
        for expected in [None, Some(entry.version.as_str())] {
            assert_eq!(kv.cas("cursor", expected, "3", None).unwrap_err().kind, ErrorKind::Conflict);
        }
        assert_ne!(next, entry.version);
        kv.set_json("list", &[1, 2], Some(Duration::from_secs(60))).unwrap();
        assert_eq!(kv.get_json::<Vec<u8>>("list").unwrap(), Some(vec![1, 2]));
        assert_eq!(kv.keys("").unwrap(), ["cursor", "list"]);
        assert!(kv.delete("list").unwrap() && !kv.delete("list").unwrap());
        assert_eq!(host.key("cursor").as_deref(), Some("2"));
        assert!(ctx.store("other").keys("").unwrap().is_empty());

        let secret = ctx.secret("token").unwrap();
        assert_eq!((secret.name(), secret.reveal().unwrap()), ("token".to_owned(), "hush".to_owned()));
        assert!(!secret.placeholder().contains("hush"));
        assert_eq!(ctx.secret("other").unwrap_err().kind, ErrorKind::NotFound);

        let called = ctx.call("core.local", &json!({"cmd": "echo x"})).unwrap();
        assert_eq!(called.json::<Value>().unwrap(), json!({"stdout": "x"}));
        assert_eq!(ctx.call("core.local", &json!({})).unwrap_err().kind, ErrorKind::Denied);
        assert_eq!(host.called().len(), 2);
    }
}
