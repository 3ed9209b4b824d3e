//! An action: a function with a name and a description, behind JSON.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

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
    /// The action `name`, which `function` carries out. Its parameters and its output schema come from the
    /// function's types; [`schema`] says how.
    pub fn new<Input, Output, Function>(name: &'static str, function: Function) -> Self
    where
        Input: DeserializeOwned + JsonSchema,
        Output: Serialize + JsonSchema,
        Function: Fn(&Context, Input) -> Result<Output, Error> + 'static,
    {
        let run = move |context: &Context, parameters: &str| {
            let input = serde_json::from_str(parameters).map_err(|error| {
                Error::invalid_input(format!("the parameters are not what {name} takes: {error}"))
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

    /// One line on what it does. Default: empty.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Says that running it twice does no more than running it once, so that the host may run it again
    /// when it lost a run. Default: it may not.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// The name within the pack.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it on parameters as JSON text, as the host does.
    ///
    /// # Errors
    ///
    /// If the parameters are not what it takes, or the function fails.
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

/// What a component with `actions` tells the host about itself.
pub fn describe(actions: &[Action]) -> Value {
    let mut object = Map::new();
    object.insert("actions".into(), actions.iter().map(Action::to_json).collect());
    Value::Object(object)
}
