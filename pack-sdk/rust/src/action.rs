//! Actions: functions with a name and a description, called with JSON.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::sensor::{self, Sensor};
use crate::{Context, Error, schema};

type Run = Box<dyn Fn(&Context, &str) -> Result<String, Error>>;

/// An action of a component.
pub struct Action {
    name: &'static str,
    description: &'static str,
    idempotent: bool,
    run: Run,
    parameters: fn() -> Map<String, Value>,
    output: fn() -> Map<String, Value>,
}

impl Action {
    /// Creates the action `name`, which calls `function`. Parameters and output schema are derived from the types of
    /// the function, as [`schema`] describes.
    pub fn new<Input, Output, Function>(name: &'static str, function: Function) -> Self
    where
        Input: DeserializeOwned + JsonSchema,
        Output: Serialize + JsonSchema,
        Function: Fn(&Context, Input) -> Result<Output, Error> + 'static,
    {
        let run = move |context: &Context, parameters: &str| {
            let input = serde_json::from_str(parameters).map_err(|error| {
                Error::invalid_input(format!("the parameters do not fit the action {name}: {error}"))
                    .code("input.invalid")
                    .hint("compare them with the parameters that the action declares")
            })?;
            serde_json::to_string(&function(context, input)?).map_err(|error| {
                Error::permanent(format!("the result of {name} cannot be written as JSON: {error}"))
                    .code("output.invalid")
            })
        };
        Self {
            name,
            description: "",
            idempotent: false,
            run: Box::new(run),
            parameters: schema::parameters_of::<Input>,
            output: schema::output_of::<Output>,
        }
    }

    /// Sets the description: one line on what the action does. Default: empty.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Declares that running the action twice has no further effect, so that the host may run it again if it lost a
    /// run. Default: not idempotent.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// The name within the pack.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the action on parameters as JSON text, as the host does.
    ///
    /// # Errors
    ///
    /// If the parameters do not fit, or the function fails.
    pub fn run(&self, context: &Context, parameters: &str) -> Result<String, Error> {
        (self.run)(context, parameters)
    }

    fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("name".into(), self.name.into());
        object.insert("description".into(), self.description.into());
        object.insert("parameters".into(), Value::Object((self.parameters)()));
        object.insert("output_schema".into(), Value::Object((self.output)()));
        object.insert("idempotent".into(), self.idempotent.into());
        Value::Object(object)
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The description that a component with `actions` and `sensors` gives to the host.
pub fn describe_with<Run: ?Sized>(actions: &[Action], sensors: &[Sensor<Run>]) -> Value {
    let mut whole = describe(actions);
    if let (Value::Object(whole), Value::Object(more)) = (&mut whole, sensor::describe(sensors)) {
        whole.extend(more);
    }
    whole
}

/// The description that a component with `actions` gives to the host.
pub fn describe(actions: &[Action]) -> Value {
    let mut object = Map::new();
    object.insert("actions".into(), actions.iter().map(Action::to_json).collect());
    Value::Object(object)
}
