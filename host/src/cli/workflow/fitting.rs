//! Whether a test of a workflow speaks of that workflow: a name that the workflow does not have would be left out in
//! silence, and the test would pass without having tested anything. What a test file may hold at all is known to
//! `petrel_workflows::rehearsal`.

use petrel_model::nearest;
use petrel_workflows::Source;
use petrel_workflows::rehearsal::Script;
use serde_json::Value;

/// What a workflow has that tests can name.
pub(super) struct Names {
    /// Its tasks.
    tasks: Vec<String>,
    /// Its inputs; `None` of an action chain, which takes what its action declares.
    inputs: Option<Vec<Input>>,
}

struct Input {
    name: String,
    has_default: bool,
}

impl Names {
    /// Those of a workflow, and the document that it was made of.
    pub(super) fn of(source: &Source, document: &Value) -> Self {
        match source {
            Source::Orquesta(definition) => {
                let tasks = definition.tasks().iter().filter(|task| task.engine.is_none());
                // A default that is null is one all the same, so the document is asked.
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
            Source::Chain(chain) => {
                Self { tasks: chain.nodes.iter().map(|node| node.name.to_string()).collect(), inputs: None }
            }
        }
    }

    /// What `script` says of a workflow with these names that it does not have, and what it leaves out.
    ///
    /// # Errors
    /// The first such name, and the nearest that there is.
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

/// That the workflow has no `what` of this name.
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
    use petrel_engine::workflows::{check, language};
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
        let mut test = json!({"workflow": "w.yaml", "expect": {"status": "succeeded"}});
        test.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        let scripts = match rehearsal::parse(&test) {
            Ok((_, scripts)) => scripts,
            Err(error) => return error,
        };
        let document = petrel_yaml::parse(workflow).unwrap();
        let Ok(source) = check(language(workflow), workflow) else { panic!("{workflow} is not sound") };
        let names = Names::of(&source, &document.value);
        scripts.iter().find_map(|script| names.check(script).err()).unwrap_or_default()
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
