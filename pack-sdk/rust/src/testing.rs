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
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::{
    Action, Context, Error, ErrorKind, Event, Level, Request, Response, SensorContext, Services, Trigger,
    services,
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
}
