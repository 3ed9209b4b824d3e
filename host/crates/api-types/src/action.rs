//! Actions and runner types.

use std::borrow::Cow;

use petrel_model::{Object, action};
use serde::{Deserialize, Serialize};

/// An action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action<'a> {
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The description, in one line.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// A disabled action cannot be run.
    pub enabled: bool,
    /// The name of the runner.
    pub runner_type: Cow<'a, str>,
    /// The file that the runner needs; empty for runners that need none.
    #[serde(default)]
    pub entry_point: Cow<'a, str>,
    /// Schemas of parameters, which add to those of the runner or override them.
    #[serde(default)]
    pub parameters: Cow<'a, Object>,
    /// Schemas of the result's attributes.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub output_schema: Cow<'a, Object>,
    /// Whether running it twice does no more than running it once.
    #[serde(default)]
    pub idempotent: bool,
    /// The evaluation of a workflow's expressions, where it differs from the default. An addition of Petrel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expressions: Option<Evaluation>,
    /// The labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag<'a>>,
    /// Who is told of the end of an execution, by outcome.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notify: Cow<'a, Object>,
    /// The reference again: StackStorm's client looks an action up by its reference and changes it by its id.
    #[serde(default)]
    pub id: Cow<'a, str>,
    /// The name without the pack.
    #[serde(default)]
    pub name: Cow<'a, str>,
    /// The name of the pack.
    #[serde(default)]
    pub pack: Cow<'a, str>,
    /// `action:pack:name`.
    pub uid: Cow<'a, str>,
    /// The path of the metadata within the pack.
    #[serde(default)]
    pub metadata_file: Cow<'a, str>,
    /// The reason why the action is refused when it is run. Petrel's own: StackStorm would not have registered the
    /// action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Cow<'a, str>>,
}

/// The evaluation of a workflow's expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Whether the result of an expression is searched for expressions again, as in StackStorm.
    pub reevaluate: bool,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag<'a> {
    /// The subject of the label.
    pub name: Cow<'a, str>,
    /// The value of the label.
    pub value: Cow<'a, str>,
}

impl<'a> From<&'a action::Tag> for Tag<'a> {
    fn from(tag: &'a action::Tag) -> Self {
        Self { name: Cow::Borrowed(&tag.name), value: Cow::Borrowed(&tag.value) }
    }
}

impl<'a> Action<'a> {
    /// The view of `action`, with the reason why it is refused, if it is.
    pub fn of(action: &'a action::Action, refused: Option<&'a str>) -> Self {
        let (pack, name) = (action.reference.pack(), action.reference.name());
        let is_usual = action.expressions == action::Evaluation::default();
        Self {
            reference: Cow::Borrowed(action.reference.as_str()),
            description: Cow::Borrowed(&action.description),
            enabled: action.enabled,
            runner_type: Cow::Borrowed(&action.runner_type),
            entry_point: Cow::Borrowed(&action.entry_point),
            parameters: Cow::Borrowed(&action.parameters),
            output_schema: Cow::Borrowed(&action.output_schema),
            idempotent: action.idempotent,
            expressions: (!is_usual).then_some(Evaluation { reevaluate: action.expressions.reevaluate }),
            tags: action.tags.iter().map(Tag::from).collect(),
            notify: Cow::Borrowed(&action.notify),
            id: Cow::Borrowed(action.reference.as_str()),
            name: Cow::Borrowed(name),
            pack: Cow::Borrowed(pack),
            uid: Cow::Owned(format!("action:{pack}:{name}")),
            metadata_file: Cow::Owned(format!("actions/{name}.yaml")),
            refused: refused.map(Cow::Borrowed),
        }
    }
}

/// The parameters of an action and of its runner, merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionParameters<'a> {
    /// Schemas of the parameters, by name.
    #[serde(default)]
    pub parameters: Cow<'a, Object>,
}

/// A runner type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunnerType<'a> {
    /// The name again.
    pub id: Cow<'a, str>,
    /// `runner_type:name`.
    pub uid: Cow<'a, str>,
    /// The name that actions give as `runner_type`.
    pub name: Cow<'a, str>,
    /// The description, in one line.
    pub description: Cow<'a, str>,
    /// Whether the runner can be used. Always true.
    pub enabled: bool,
    /// Schemas of the parameters that every action of this runner takes.
    pub runner_parameters: Cow<'a, Object>,
}

impl<'a> RunnerType<'a> {
    /// The runner type with this name.
    pub fn new(name: &'a str, description: &'a str, parameters: &'a Object) -> Self {
        Self {
            id: Cow::Borrowed(name),
            uid: Cow::Owned(format!("runner_type:{name}")),
            name: Cow::Borrowed(name),
            description: Cow::Borrowed(description),
            enabled: true,
            runner_parameters: Cow::Borrowed(parameters),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    #[test]
    fn an_action_shows_what_it_always_has() {
        let stored: action::Action = noun(json!({"ref": "core.local", "runner_type": "local-shell-cmd"}));
        assert_shown_as::<Action<'static>>(
            &Action::of(&stored, None),
            &json!({
                "ref": "core.local",
                "description": "",
                "enabled": true,
                "runner_type": "local-shell-cmd",
                "entry_point": "",
                "parameters": {},
                "idempotent": false,
                "id": "core.local",
                "name": "local",
                "pack": "core",
                "uid": "action:core:local",
                "metadata_file": "actions/local.yaml",
            }),
        );
    }

    #[test]
    fn an_action_shows_what_its_author_wrote() {
        let stored: action::Action = noun(json!({
            "ref": "mine.flow", "description": "d", "enabled": false, "runner_type": "orquesta",
            "entry_point": "workflows/flow.yaml", "parameters": {"z": {"type": "string"}, "a": {}},
            "output_schema": {"x": {}}, "idempotent": true, "expressions": {"reevaluate": true},
            "tags": [{"name": "n", "value": "v"}], "notify": {"on-success": {}},
        }));
        assert_shown_as::<Action<'static>>(
            &Action::of(&stored, Some("broken")),
            &json!({
                "ref": "mine.flow",
                "description": "d",
                "enabled": false,
                "runner_type": "orquesta",
                "entry_point": "workflows/flow.yaml",
                "parameters": {"z": {"type": "string"}, "a": {}},
                "output_schema": {"x": {}},
                "idempotent": true,
                "expressions": {"reevaluate": true},
                "tags": [{"name": "n", "value": "v"}],
                "notify": {"on-success": {}},
                "id": "mine.flow",
                "name": "flow",
                "pack": "mine",
                "uid": "action:mine:flow",
                "metadata_file": "actions/flow.yaml",
                "refused": "broken",
            }),
        );
    }

    #[test]
    fn a_runner_shows_what_its_actions_take() {
        let parameters = noun(json!({"cmd": {"type": "string"}}));
        assert_shown_as::<RunnerType<'static>>(
            &RunnerType::new("local-shell-cmd", "Runs a command.", &parameters),
            &json!({
                "id": "local-shell-cmd",
                "uid": "runner_type:local-shell-cmd",
                "name": "local-shell-cmd",
                "description": "Runs a command.",
                "enabled": true,
                "runner_parameters": {"cmd": {"type": "string"}},
            }),
        );
    }
}
