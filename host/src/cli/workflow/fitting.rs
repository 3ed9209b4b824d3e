//! The check that a test of a workflow fits the workflow. An unknown name would be ignored in silence, and the test
//! would pass without testing anything. `petrel_workflows::rehearsal` parses test files.

use std::collections::BTreeMap;
use std::path::Path;

use petrel_engine::workflows::action_chain;
use petrel_model::nearest::nearest;
use petrel_model::parameters::{Parameters, Schema, merged};
use petrel_packs::limits::LARGEST_METADATA;
use petrel_packs::plain_file;
use petrel_workflows::rehearsal::Script;
use petrel_workflows::{Language, Source};
use serde_json::Value;

/// The names of a workflow that tests can use.
pub(super) struct Names {
    /// The tasks.
    tasks: Vec<String>,
    /// The inputs. Those of a chain are the parameters of its action; `None` if no pack has such an action.
    inputs: Option<Vec<Input>>,
}

struct Input {
    name: String,
    has_default: bool,
}

impl Names {
    /// The names of a workflow, from its document and the file that contains it.
    pub(super) fn of(source: &Source, document: &Value, file: &Path) -> Self {
        match source {
            Source::Orquesta(definition) => {
                // A command of the engine runs no action, so a test has nothing to say about it.
                let tasks = definition.tasks().iter().filter(|task| task.engine.is_none());
                // A default of null counts as a default, so the document must be read.
                let bare = |name: &str| {
                    let mut written = document.get("input").and_then(Value::as_array).into_iter().flatten();
                    written.any(|input| input.as_str() == Some(name))
                };
                let inputs = definition
                    .inputs
                    .iter()
                    .map(|(name, _)| Input { name: name.to_string(), has_default: !bare(name) });
                Self {
                    tasks: tasks.map(|task| task.name.to_string()).collect(),
                    inputs: Some(inputs.collect()),
                }
            }
            Source::Chain(chain) => Self {
                tasks: chain.nodes.iter().map(|node| node.name.to_string()).collect(),
                inputs: inputs_of_chain(file),
            },
        }
    }

    /// Checks the names in `script`, and that it gives all required inputs.
    ///
    /// # Errors
    /// The first unknown name with the nearest known one, or a missing input.
    pub(super) fn check(&self, script: &Script) -> Result<(), String> {
        let tasks: Vec<_> = self.tasks.iter().map(String::as_str).collect();
        if let Some(task) = script.actions.keys().find(|task| !tasks.contains(&task.as_str())) {
            return Err(unknown("actions", "task", task, &tasks));
        }
        let Some(inputs) = &self.inputs else { return Ok(()) };
        let known: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
        if let Some(name) = script.input.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(unknown("input", "input", name, &known));
        }
        let is_left_out = |input: &&Input| !input.has_default && !script.input.contains_key(&input.name);
        match inputs.iter().find(is_left_out) {
            Some(Input { name, .. }) => Err(format!(
                "input.{name} is missing, and the workflow has no default for it; give it, as null if nothing is meant"
            )),
            None => Ok(()),
        }
    }
}

/// The parameters of the actions whose chain is in this file; of several actions, all of them. `None` if the file is
/// in no pack, or no action uses it.
fn inputs_of_chain(file: &Path) -> Option<Vec<Input>> {
    let file = file.canonicalize().ok()?;
    let is_of_pack =
        |folder: &&Path| folder.ends_with("actions") && folder.with_file_name("pack.yaml").is_file();
    let actions = file.ancestors().find(is_of_pack)?;
    let mut inputs: BTreeMap<String, bool> = BTreeMap::new();
    for entry in std::fs::read_dir(actions).ok()?.filter_map(Result::ok) {
        for (name, schema) in declared(&entry.path(), actions, &file).into_iter().flatten() {
            let schema = Schema::of(&schema);
            let has_default = !schema.is_required() || schema.default().is_some() || schema.is_immutable();
            // One action that can do without it is enough.
            *inputs.entry(name).or_default() |= has_default;
        }
    }
    let inputs = inputs.into_iter().map(|(name, has_default)| Input { name, has_default });
    Some(inputs.collect()).filter(|inputs: &Vec<_>| !inputs.is_empty())
}

/// The parameters of the action in a file of metadata, with those of its runner, if the action runs this `chain`.
fn declared(metadata: &Path, actions: &Path, chain: &Path) -> Option<Parameters> {
    metadata.extension().filter(|end| *end == "yaml" || *end == "yml")?;
    let text = plain_file::read_text(metadata, LARGEST_METADATA).ok()?;
    let action = petrel_yaml::parse(&text).ok()?.value;
    let runner = action.get("runner_type").and_then(Value::as_str);
    let entry_point = action.get("entry_point").and_then(Value::as_str)?;
    if runner.and_then(Language::of_runner) != Some(Language::Chain)
        || actions.join(entry_point).canonicalize().ok()? != chain
    {
        return None;
    }
    let own = action.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
    Some(merged(&action_chain().runner_type().parameters, &own))
}

/// The message for an unknown name.
fn unknown(place: &str, what: &str, name: &str, known: &[&str]) -> String {
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if known.is_empty() => "it has none".to_owned(),
        None => format!("it has {}", known.join(", ")),
    };
    format!("{place}.{name}: the workflow has no {what} `{name}`; {hint}")
}

#[cfg(test)]
mod tests {
    use petrel_catalog::workflows::{check, language};
    use petrel_workflows::rehearsal;
    use serde_json::json;

    use super::*;

    const ORQUESTA: &str = "version: 1.0
input:
  - path
  - depth: 1
  - note: null
tasks:
  look: {action: core.noop, next: [{do: [tell, noop]}]}
  tell: {action: core.noop}
";

    const CHAIN: &str = "chain:
  - {name: look, ref: core.noop}
";

    /// What is said of a test with these parts, beside what every test has.
    fn said(workflow: &str, parts: &Value) -> String {
        said_of(Path::new("lies/in/no/pack.yaml"), workflow, parts)
    }

    /// The same of a workflow that lies in this file.
    fn said_of(file: &Path, workflow: &str, parts: &Value) -> String {
        let mut test = json!({"workflow": "w.yaml", "expect": {"status": "succeeded"}});
        test.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        let scripts = match rehearsal::parse(&test) {
            Ok((_, scripts)) => scripts,
            Err(error) => return error,
        };
        let document = petrel_yaml::parse(workflow).unwrap();
        let Ok(source) = check(language(workflow), workflow) else { panic!("{workflow} is not sound") };
        let names = Names::of(&source, &document.value, file);
        scripts.iter().find_map(|script| names.check(script).err()).unwrap_or_default()
    }

    #[test]
    fn the_inputs_of_a_chain_are_those_of_its_action() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = place.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let chain = write("pack/actions/chains/look.yaml", CHAIN);
        write("pack/pack.yaml", "name: pack\n");
        let other = write("pack/actions/chains/other.yaml", CHAIN);
        write(
            "pack/actions/look.yaml",
            "runner_type: action-chain\nentry_point: chains/look.yaml\nparameters:\n  path: {required: true}\n  depth: {type: integer}\n",
        );
        write("pack/actions/flow.yaml", "runner_type: orquesta\nentry_point: chains/other.yaml\n");
        write("pack/actions/broken.yaml", "{");
        for (file, input, expected) in [
            (&chain, json!({"path": "/"}), ""),
            (&chain, json!({"path": null, "depth": 1, "skip_notify": []}), ""),
            (&chain, json!({"paht": "/"}), "no input `paht`; did you mean path?"),
            (&chain, json!({"depth": 2}), "input.path is missing"),
            // No action runs it.
            (&other, json!({"whatever": 1}), ""),
        ] {
            let said = said_of(file, CHAIN, &json!({"input": input}));
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{input}: {said}");
        }
    }

    #[test]
    fn a_test_that_would_test_nothing_is_refused() {
        for (workflow, parts, expected) in [
            (ORQUESTA, json!({"input": {"path": "/"}}), ""),
            (ORQUESTA, json!({"input": {"path": null, "note": "x"}, "actions": {"tell": 1}}), ""),
            (CHAIN, json!({"input": {"whatever": 1}, "actions": {"look": {"status": "failed"}}}), ""),
            (
                ORQUESTA,
                json!({"input": {"paht": "/"}}),
                "the workflow has no input `paht`; did you mean path?",
            ),
            (ORQUESTA, json!({"input": {"colour": 1}}), "no input `colour`; it has path, depth, note"),
            (ORQUESTA, json!({"input": {"depth": 2}}), "input.path is missing"),
            (
                ORQUESTA,
                json!({"input": {"path": 1}, "actions": {"lok": {}}}),
                "no task `lok`; did you mean look?",
            ),
            (
                ORQUESTA,
                json!({"input": {"path": 1}, "actions": {"noop": {}}}),
                "no task `noop`; it has look, tell",
            ),
            (CHAIN, json!({"actions": {"lock": {}}}), "no task `lock`; did you mean look?"),
            (CHAIN, json!({"actions": {"look": {"stats": "failed"}}}), "actions.look: `stats` is not known"),
            (
                CHAIN,
                json!({"actions": {"look": {"status": "failed", "stderr": "x"}}}),
                "`stderr` is not known",
            ),
            (CHAIN, json!({"actions": {"look": [{"results": 1}]}}), "did you mean result?"),
            (CHAIN, json!({"actions": {"look": {"result": {"stats": 1}}}}), ""),
            (CHAIN, json!({"actions": {"look": {"stdout": "x", "return_code": 0}}}), ""),
            (CHAIN, json!({"expect": {}}), "`expect` names nothing to compare"),
            (CHAIN, json!({"expect": {"stauts": "failed"}}), "expect.stauts is not known"),
            (CHAIN, json!({"expect": {"status": "done"}}), "expect: `status` must be one of succeeded"),
        ] {
            let said = said(workflow, &parts);
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{parts}: {said}");
        }
    }
}
