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

use serde_json::Value;

use crate::context;
use crate::{Action, Context, Error, Level};

/// A host that records the messages of actions.
#[derive(Debug, Clone, Default)]
pub struct Host(Rc<RefCell<Vec<String>>>);

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
            host: Rc::new(self.clone()),
        }
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
        self.0.borrow().clone()
    }
}

impl context::Host for Host {
    fn write(&self, level: Level, message: &str, fields: Option<&Value>) {
        let level = format!("{level:?}").to_uppercase();
        let fields = fields.map(|fields| format!(" {fields}")).unwrap_or_default();
        self.0.borrow_mut().push(format!("{level} {message}{fields}"));
    }

    fn progress(&self, fraction: f32, note: Option<&str>) {
        let note = note.map(|note| format!(" {note}")).unwrap_or_default();
        self.0.borrow_mut().push(format!("PROGRESS {:.0} %{note}", fraction.clamp(0.0, 1.0) * 100.0));
    }
}
