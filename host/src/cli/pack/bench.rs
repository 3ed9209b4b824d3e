//! The bench of an author: a pack's component in the sandbox of the host, without a host. `cases` tests it there, and `trial`
//! runs one action.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_catalog::validation::Validator;
use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::capabilities::{Given, Granted, PackGrant, Request, Rights};
use petrel_model::parameters::{Parameters, Schema};
use petrel_model::{Action, ExecutionId, Id, Object, Timestamp};
use petrel_pack_runtime::{ComponentRunner, PackRuntime};
use petrel_packs::{Directory, PackContents, Problem, read_pack};
use petrel_runners::asked::{Around, KeyValues};
use petrel_runners::sensors::Emitter;
use petrel_runners::{Call, Outcome, Outlet, OutputSink, Runner as _};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::wanted;
use crate::exit::Failure;

/// The bytes of output that are kept of a run.
pub(super) const OUTPUT: usize = 2 << 20;
/// The user on whose behalf actions run.
const USER: &str = "test";

/// A pack with what runs its components.
pub(super) struct Bench {
    directory: PathBuf,
    contents: PackContents,
    runner: ComponentRunner,
    outlet: Outlet,
}

/// What is in the directory of a pack, for the verb that asks.
pub(super) fn contents(verb: &str, directory: &Path) -> Result<PackContents, Failure> {
    let source = Directory::open(directory).map_err(|error| wanted::unreadable(verb, directory, &error))?;
    read_pack(&source).map_err(|problems| told(verb, &problems))
}

/// The failure of files that cannot be read.
pub(super) fn told(verb: &str, problems: &[Problem]) -> Failure {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    Failure::usage(lines.join("\n"), format!("correct the files, and {verb} again"))
}

impl Bench {
    /// The bench of the pack in a directory, with these rights and keys, and with what takes its events.
    pub(super) fn of(
        directory: &Path,
        contents: PackContents,
        runtime: PackRuntime,
        (rights, keys): (Rights, &Arc<dyn KeyValues>),
        events: Arc<dyn Emitter>,
    ) -> Self {
        let runner = ComponentRunner::new(runtime);
        runner.take_keys(keys);
        runner.take_rights(&Arc::new([(contents.pack.reference.clone(), Arc::new(rights))].into()));
        Self { directory: directory.to_owned(), contents, runner, outlet: Outlet::to(events) }
    }

    /// What is in the pack.
    pub(super) fn contents(&self) -> &PackContents {
        &self.contents
    }

    /// Runs an action.
    pub(super) async fn run(
        &self,
        action: &Action,
        (given, config): (&Object, &Object),
        output: &OutputSink,
    ) -> Outcome {
        match parameters(action, given) {
            Err(invalid) => refused(&invalid),
            Ok(parameters) => {
                let call = self.call(action, parameters, config);
                self.runner.run(call, output.clone(), CancellationToken::new()).await
            }
        }
    }

    /// What the pack has used so far, as the host counts it.
    pub(super) fn uses(&self) -> Vec<String> {
        self.runner.uses(&self.contents.pack.reference).into_keys().collect()
    }

    /// The action of this name. It must be one of a component.
    pub(super) fn action(&self, name: &str) -> Result<&Action, String> {
        if let Some(problems) = self.contents.refused.get(name) {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            return Err(lines.join("; "));
        }
        let known = self.contents.actions.iter().find(|action| action.reference.name() == name);
        let action = known.ok_or_else(|| {
            format!("the pack has no action `{name}`; `petrel pack build` writes the metadata of those in its component")
        })?;
        if action.runner_type == COMPONENT_RUNNER {
            return Ok(action);
        }
        Err(format!(
            "`{name}` is of the runner {}, and only actions of components run without a host",
            action.runner_type
        ))
    }

    fn call(&self, action: &Action, parameters: Object, config: &Object) -> Call {
        let schema = self.contents.pack.config_schema.as_ref();
        let config = schema.map_or_else(|| config.clone(), |schema| with_defaults(schema, config));
        Call {
            execution_id: ExecutionId::from(Id::from_parts(1, 1)),
            attempt: 0,
            action: Arc::new(action.clone()),
            parameters: Arc::new(parameters),
            user: USER.to_owned(),
            pack_path: self.directory.clone(),
            pack_config: Arc::new(config),
            outlet: self.outlet.clone(),
            around: Around::default(),
        }
    }
}

/// The rights of a pack to which the operator has granted all that it asks for. No directory is one of them, which only the
/// operator can name.
pub(super) fn rights(pack: &str, asked: Option<&Request>) -> Rights {
    let mut granted = Granted::default();
    for capability in asked.into_iter().flat_map(Request::grantable) {
        // What could not be granted to a pack is not granted here, either.
        drop(granted.add(capability));
    }
    let grant = PackGrant {
        pack: pack.to_owned(),
        granted,
        hash: String::new(),
        granted_by: USER.to_owned(),
        granted_at: Timestamp::from_micros(0),
    };
    Rights::of(pack, asked, Some(&grant), &Given::default())
}

/// The values with the defaults of their schemas.
fn with_defaults(schemas: &Parameters, given: &Object) -> Object {
    let mut values = given.clone();
    for (name, schema) in schemas {
        if let Some(default) = Schema::of(schema).default()
            && !values.contains_key(name)
        {
            values.insert(name.clone(), default.clone());
        }
    }
    values
}

/// The parameters of a call, as the host would check them.
fn parameters(action: &Action, given: &Object) -> Result<Object, String> {
    let values = with_defaults(&action.parameters, given);
    let checked = Value::Object(values.clone());
    Validator::of_parameters(&action.parameters).check(&checked).map(|()| values)
}

/// The outcome of a call that the host refuses.
fn refused(invalid: &str) -> Outcome {
    let mut outcome = Outcome::failed("parameters.invalid", invalid, "correct the parameters");
    if let Value::Object(result) = &mut outcome.result {
        result.insert("kind".into(), "invalid-input".into());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_action_gets_the_defaults_that_the_host_would_give() {
        let schemas =
            object(&json!({"name": {"type": "string"}, "times": {"type": "integer", "default": 1}}));
        let given = object(&json!({"name": "Ann"}));
        assert_eq!(with_defaults(&schemas, &given), object(&json!({"name": "Ann", "times": 1})));
        let given = object(&json!({"times": 2}));
        assert_eq!(with_defaults(&schemas, &given), given);
    }

    #[test]
    fn a_pack_that_asks_for_nothing_has_no_rights() {
        assert!(rights("mine", None).http.is_empty());
        assert_eq!(refused("no").result["kind"], "invalid-input");
    }
}
