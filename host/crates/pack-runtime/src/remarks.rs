//! Checks of actions in components before any of them runs: whether the component fits this host, exports the
//! actions, and describes them as their metadata does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use petrel_model::Action;
use petrel_model::parameters::Schema;
use petrel_runners::Remark;

use crate::component_runner::TIMEOUT;
use crate::description::{ActionDescription, DescribeError, Description};
use crate::{LoadError, PackRuntime};

/// Number of differing names that are listed.
const MOST_NAMES: usize = 5;

/// Checks `actions` of the pack at `pack_path`. Each component is asked once.
pub(crate) async fn on_actions(runtime: &PackRuntime, pack_path: &Path, actions: &[Action]) -> Vec<Remark> {
    let mut components: BTreeMap<&str, Vec<&Action>> = BTreeMap::new();
    for action in actions {
        components.entry(action.entry_point.as_str()).or_default().push(action);
    }
    let mut remarks = Vec::new();
    for (path, actions) in components {
        let told = runtime.describe(&pack_path.join(path)).await;
        remarks.extend(actions.into_iter().filter_map(|action| on_action(action, &told)));
    }
    remarks
}

/// Checks one action against the description of its component.
fn on_action(action: &Action, told: &Result<Option<Description>, DescribeError>) -> Option<Remark> {
    let remark = |message: String, is_fatal: bool| {
        Some(Remark { action: action.reference.clone(), message, is_fatal })
    };
    let (path, name) = (&action.entry_point, action.reference.name());
    let actions = match told {
        Err(DescribeError::Load(error @ LoadError::Host(_))) => return remark(error.to_string(), false),
        Err(DescribeError::Load(error)) => return remark(format!("{error}; {}", error.hint()), true),
        Err(error) => return remark(format!("{path}: {error}"), false),
        // The description is optional.
        Ok(None) => return None,
        Ok(Some(description)) => &description.actions,
    };
    let Some(described) = actions.iter().find(|described| described.name == name) else {
        let known: Vec<_> =
            actions.iter().map(|described| described.name.as_str()).take(MOST_NAMES).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message = format!("the component {path} has no action {name}; it has {known}; correct the name");
        return remark(message, true);
    };
    let differing = differing(action, described);
    if differing.is_empty() {
        return None;
    }
    remark(
        format!(
            "the component {path} describes {} of {name} otherwise than the metadata does; `petrel pack describe` writes \
             it from the component",
            differing.join(", ")
        ),
        false,
    )
}

/// The names of parameters and fields in which the metadata of an action and its description differ, as far as it
/// matters to callers. Texts, defaults and limits are left to the author.
fn differing(action: &Action, described: &ActionDescription) -> Vec<String> {
    let names: BTreeSet<&String> = action.parameters.keys().chain(described.parameters.keys()).collect();
    let is_other = |name: &&String| match (action.parameters.get(*name), described.parameters.get(*name)) {
        (Some(written), Some(told)) => {
            let (written, told) = (Schema::of(written), Schema::of(told));
            (written.kind(), written.is_required()) != (told.kind(), told.is_required())
        }
        // The metadata may narrow the runner's parameter `timeout`, of which the component knows nothing.
        (Some(_), None) => *name != TIMEOUT,
        (None, told) => told.is_some_and(|told| Schema::of(told).is_required()),
    };
    let parameters = names.into_iter().filter(is_other).map(|name| format!("the parameter {name}"));
    let idempotent = (action.idempotent && !described.idempotent).then(|| "idempotent".to_owned());
    parameters.chain(idempotent).take(MOST_NAMES).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(parameters: &serde_json::Value) -> Action {
        let action = json!({
            "ref": "demo.greet", "runner_type": "wasm-component", "entry_point": "wasm/demo.wasm", "parameters": parameters,
        });
        serde_json::from_value(action).unwrap()
    }

    #[test]
    fn what_a_component_says_otherwise_is_told() {
        let told = |actions: serde_json::Value| {
            Ok(Some(serde_json::from_value(json!({"actions": actions})).unwrap()))
        };
        let string = json!({"who": {"type": "string"}});
        for (told, says) in [
            (Ok(None), None),
            (told(json!([{"name": "greet", "parameters": string}])), None),
            (told(json!([{"name": "wave"}])), Some(("has no action greet; it has wave", true))),
            (told(json!([])), Some(("has no action greet; it has none", true))),
            (
                told(json!([{"name": "greet"}])),
                Some(("describes the parameter who of greet otherwise", false)),
            ),
            (told(json!([{"name": "greet", "parameters": string, "idempotent": true}])), None),
            (
                told(json!([{"name": "greet", "parameters": {"who": {"type": "string", "default": "you"}}}])),
                None,
            ),
            (
                told(json!([{"name": "greet", "parameters": {"who": {"type": "integer"}}}])),
                Some(("describes the parameter who of greet otherwise", false)),
            ),
            (
                told(
                    json!([{"name": "greet", "parameters": {"who": {"type": "string"}, "of": {"required": true}}}]),
                ),
                Some(("describes the parameter of of greet otherwise", false)),
            ),
            (Err(DescribeError::Failed("it trapped".into())), Some(("it trapped", false))),
            (
                Err(DescribeError::Load(LoadError::Invalid {
                    name: "x.wasm".into(),
                    reason: "no magic".into(),
                })),
                Some(("x.wasm is not a component: no magic", true)),
            ),
        ] {
            let remark = on_action(&action(&string), &told);
            match (remark, says) {
                (None, None) => {}
                (Some(remark), Some((says, is_fatal))) => {
                    assert!(remark.message.contains(says) && remark.is_fatal == is_fatal, "{remark:?}");
                }
                (remark, says) => panic!("{remark:?} is not {says:?}"),
            }
        }
    }
}
