//! Actions, and the runners that run them.

use std::borrow::Cow;

use petrel_model::{Object, action};
use serde::{Deserialize, Serialize};

/// An action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action<'a> {
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// One line on what it does.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// A disabled action cannot be run.
    pub enabled: bool,
    /// The name of the runner that runs it.
    pub runner_type: Cow<'a, str>,
    /// The file that the runner needs; empty for runners that need none.
    #[serde(default)]
    pub entry_point: Cow<'a, str>,
    /// What it takes, beside or on top of what its runner takes.
    #[serde(default)]
    pub parameters: Cow<'a, Object>,
    /// What it gives.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub output_schema: Cow<'a, Object>,
    /// Whether running it twice does no more than running it once.
    #[serde(default)]
    pub idempotent: bool,
    /// How the expressions of a workflow are evaluated, where that is not as usual. Petrel's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expressions: Option<Evaluation>,
    /// Labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag<'a>>,
    /// Whom to tell, by outcome.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notify: Cow<'a, Object>,
    /// The reference again: StackStorm's client changes by its id what it has found by its reference.
    #[serde(default)]
    pub id: Cow<'a, str>,
    /// The name within the pack.
    #[serde(default)]
    pub name: Cow<'a, str>,
    /// The pack.
    #[serde(default)]
    pub pack: Cow<'a, str>,
    /// `action:pack:name`.
    pub uid: Cow<'a, str>,
    /// Where its metadata is in the pack.
    #[serde(default)]
    pub metadata_file: Cow<'a, str>,
    /// Why it is refused when somebody runs it. Beyond StackStorm, which would not have it at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Cow<'a, str>>,
}

/// How the expressions of a workflow are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Whether what came out of an expression is looked at for expressions again.
    pub reevaluate: bool,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag<'a> {
    /// What the label is about.
    pub name: Cow<'a, str>,
    /// What it says.
    pub value: Cow<'a, str>,
}

impl<'a> From<&'a action::Tag> for Tag<'a> {
    fn from(tag: &'a action::Tag) -> Self {
        Self { name: Cow::Borrowed(&tag.name), value: Cow::Borrowed(&tag.value) }
    }
}

impl<'a> Action<'a> {
    /// `action`, and why it is refused if it is.
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

/// What an action and its runner take together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionParameters<'a> {
    /// Schemas by name.
    #[serde(default)]
    pub parameters: Cow<'a, Object>,
}

/// A runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunnerType<'a> {
    /// The name again.
    pub id: Cow<'a, str>,
    /// `runner_type:name`.
    pub uid: Cow<'a, str>,
    /// The name that actions give as `runner_type`.
    pub name: Cow<'a, str>,
    /// One line on what it runs.
    pub description: Cow<'a, str>,
    /// True: what this host has is there to be used.
    pub enabled: bool,
    /// What every action of this runner takes.
    pub runner_parameters: Cow<'a, Object>,
}

impl<'a> RunnerType<'a> {
    /// The runner of this name.
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
