//! The check of schemas of parameters, configurations and trigger types in a pack that is registered or checked: whether
//! they are valid, and whether defaults fit them. An action that could never run is refused.

use std::collections::BTreeSet;

use petrel_expressions::DATASTORE;
use petrel_expressions::words::{Seen, strays};
use petrel_model::parameters::{Parameters, Schema, merged};
use petrel_model::secrets::has_secret;
use petrel_model::{Action, Object, TriggerType};
use petrel_packs::schema::odd_types;
use petrel_packs::{PackContents, Problem};
use petrel_rules::parameters::Signature;
use serde_json::Value;

use super::notify;
use crate::content::{Runners, parameters_of};
use crate::rule_book::{has_template, misfit};
use crate::validation::Validator;

/// The names that defaults see besides the parameters of the action and its runner; `trigger` if a rule runs the action.
const SEEN: [&str; 4] = ["trigger", DATASTORE, "action_context", "config_context"];

/// Refuses actions whose parameters no value can satisfy, and notes everything else about schemas.
pub(super) fn check_schemas(contents: &mut PackContents, runners: &Runners) {
    let mut notes = Vec::new();
    for action in &contents.actions {
        let name = action.reference.name();
        if contents.refused.contains_key(name) {
            continue;
        }
        let (fatal, odd): (Vec<_>, Vec<_>) =
            wrong_parameters(action, runners).into_iter().partition(|wrong| wrong.is_fatal);
        notes.extend(odd.into_iter().map(|wrong| {
            format!(
                "action `{}`: {}; a run that does not give the parameter fails",
                action.reference, wrong.message
            )
        }));
        notes.extend(meaningless(action, runners));
        notes.extend(notify::notes_on(action));
        let file = format!("actions/{name}.yaml");
        let problem = |wrong: Wrong| Problem { file: file.clone(), position: None, message: wrong.message };
        if !fatal.is_empty() {
            contents.refused.insert(name.to_owned(), fatal.into_iter().map(problem).collect());
        }
    }
    contents.notes.extend(notes);
    let schema = contents.pack.config_schema.iter().flatten();
    let wrong = schema.filter_map(|(name, schema)| wrong_value(name, schema));
    contents.notes.extend(wrong.map(|wrong| format!("config.schema.yaml: {wrong}")));
    contents.notes.extend(contents.trigger_types.iter().flat_map(broken_kind));
}

/// A message for each schema of a trigger type that is not valid. As in StackStorm the type is there even so.
pub(crate) fn broken_kind(kind: &TriggerType) -> Vec<String> {
    let payload = Validator::of_payload(&kind.payload_schema);
    let parameters = Validator::of_parameters(&parameters_of(kind));
    [
        ("payload_schema", &kind.payload_schema, payload, "none of its events is taken"),
        ("parameters_schema", &kind.parameters_schema, Some(parameters), "no rule can listen to it"),
    ]
    .into_iter()
    // Unknown types were told with the file.
    .filter(|(name, schema, ..)| odd_types(schema, name).is_empty())
    .filter_map(|(name, _, validator, then)| {
        let validator = validator?;
        let reason = validator.broken()?;
        Some(format!(
            "trigger type `{}`: its {name} is not valid, so {then}: {reason}; correct it",
            kind.reference
        ))
    })
    .collect()
}

/// A mistake in a parameter.
#[derive(Debug)]
struct Wrong {
    message: String,
    /// Whether no run can succeed, whatever its parameters.
    is_fatal: bool,
}

/// The mistakes in parameters of an action: invalid schemas and invalid defaults.
fn wrong_parameters(action: &Action, runners: &Runners) -> Vec<Wrong> {
    let none = Parameters::new();
    let of_runner = runners.get(&action.runner_type).map(|runner| &runner.runner_type().parameters);
    let of_runner = of_runner.unwrap_or(&none);
    let all = merged(of_runner, &action.parameters);
    let signature = Signature::new(of_runner, &action.parameters);
    let own = all.iter().filter(|(name, _)| action.parameters.contains_key(*name));
    own.filter_map(|(name, schema)| {
        if let Some(reason) = broken(name, schema) {
            let message = format!("the schema of parameter {name} is not valid: {reason}; correct it");
            return Some(Wrong { message, is_fatal: true });
        }
        let default = default(schema)?;
        let reason = misfit(name, default, &all, &signature)?;
        let message = format!("the default of parameter {name} does not fit: {reason}");
        // Nobody can give another value for an immutable parameter, so no run would begin.
        Some(Wrong { message, is_fatal: Schema::of(schema).is_immutable() })
    })
    .collect()
}

/// A message for each word in the defaults of an action that means nothing there.
fn meaningless(action: &Action, runners: &Runners) -> Vec<String> {
    let none = Parameters::new();
    let of_runner = runners.get(&action.runner_type).map(|runner| &runner.runner_type().parameters);
    let own = action.parameters.keys().chain(of_runner.unwrap_or(&none).keys());
    let own: BTreeSet<&str> = own.map(String::as_str).collect();
    let seen = Seen { fixed: &SEEN, own: &own, is_whole: of_runner.is_some(), may_be_absent: false };
    let mut notes = Vec::new();
    for (name, schema) in &action.parameters {
        let Some(default) = Schema::of(schema).default() else { continue };
        let begin = format!("action `{}`: the default of parameter {name}", action.reference);
        let strays = strays(default, seen);
        if has_secret(schema) && !strays.is_empty() {
            notes.push(format!(
                "{begin} uses a name, function or filter that does not exist; correct it (it may be secret, so it is not \
                 shown)"
            ));
            continue;
        }
        let told = strays.into_iter();
        notes.extend(
            told.map(|stray| format!("{begin}{} fails where it is used: {}", stray.place, stray.message)),
        );
    }
    notes
}

/// The mistake in a value of the configuration, by its schema.
fn wrong_value(name: &str, schema: &Value) -> Option<String> {
    if let Some(reason) = broken(name, schema) {
        return Some(format!("the schema of {name} is not valid: {reason}; correct it"));
    }
    let value = Object::from_iter([(name.to_owned(), default(schema)?.clone())]);
    let reason = alone(name, schema).check(&Value::Object(value)).err()?;
    Some(format!("the default of {name} does not fit: {reason}"))
}

/// The reason why a schema is not valid.
fn broken(name: &str, schema: &Value) -> Option<String> {
    alone(name, schema).broken().map(str::to_owned)
}

fn alone(name: &str, schema: &Value) -> Validator {
    Validator::of_parameters(&Parameters::from_iter([(name.to_owned(), schema.clone())]))
}

/// A default that is known before anything runs.
fn default(schema: &Value) -> Option<&Value> {
    Schema::of(schema).default().filter(|default| !default.is_null() && !has_template(default))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_default_with_words_that_mean_nothing_is_told() {
        for (schema, says) in [
            (json!({"default": "{{ other }} {{ trigger.x }} {{ st2kv.system.y | upper }}"}), None),
            (
                json!({"default": "{{ other | uper }}"}),
                Some("unknown filter \"uper\"; did you mean \"upper\"?"),
            ),
            (
                json!({"default": ["{{ action_contxt.user }}"]}),
                Some("n[0] fails where it is used: unknown name \"action_contxt\""),
            ),
            // The parameters of its runner are not known.
            (json!({"default": "{{ colour }}"}), None),
            (json!({"default": "{{ hush | hushed }}", "secret": true}), Some("it may be secret")),
        ] {
            let action = json!({
                "ref": "p.a", "runner_type": "noop", "description": "", "entry_point": "",
                "parameters": {"n": schema, "other": {"type": "string"}},
            });
            let action: Action = serde_json::from_value(action).unwrap();
            let notes = meaningless(&action, &Runners::new());
            assert_eq!(notes.len(), usize::from(says.is_some()), "{schema}: {notes:?}");
            let is_as_said = says.is_none_or(|says| notes[0].contains(says) && !notes[0].contains("hush"));
            assert!(is_as_said, "{schema}: {notes:?}");
        }
    }

    #[test]
    fn a_schema_of_a_trigger_type_that_is_not_valid_is_told() {
        for (payload, parameters, says) in [
            (json!({"properties": {"n": {"type": "integer", "required": true}}}), json!({}), vec![]),
            (json!({}), json!({"properties": {"url": {"type": "string", "required": true}}}), vec![]),
            (json!({"properties": {"n": {"required": "yes"}}}), json!({}), vec!["properties.n.required: "]),
            (
                json!({"properties": {"n": {"minLength": -1}}}),
                json!({"properties": {"url": {"pattern": "(("}}}),
                vec![
                    "its payload_schema is not valid, so none of",
                    "its parameters_schema is not valid, so no rule",
                ],
            ),
            // The reading of the file tells it.
            (json!({"properties": {"n": {"type": "int"}}}), json!({}), vec![]),
        ] {
            let kind = json!({"ref": "p.t", "payload_schema": payload, "parameters_schema": parameters});
            let told = broken_kind(&serde_json::from_value(kind).unwrap());
            assert_eq!(told.len(), says.len(), "{told:?}");
            assert!(told.iter().zip(says).all(|(told, says)| told.contains(says)), "{told:?}");
        }
    }

    #[test]
    fn a_parameter_that_no_value_fits_is_named_with_the_reason() {
        let (broken, misfit) =
            ("the schema of parameter n is not valid: ", "the default of parameter n does not fit: ");
        for (schema, says) in [
            (json!({"type": "string", "pattern": "^a+$", "default": "aa"}), None),
            (json!({"type": "integer", "default": "5"}), None),
            (json!({"type": "integer", "default": "{{ other }}"}), None),
            (json!({"type": "string", "default": null}), None),
            (json!({"type": "string", "pattern": "(("}), Some((broken, true))),
            // A run may give another value.
            (json!({"type": "integer", "default": "x"}), Some((misfit, false))),
            (json!({"enum": ["a"], "default": "b"}), Some((misfit, false))),
            (json!({"type": "integer", "default": "x", "immutable": true}), Some((misfit, true))),
        ] {
            let action = json!({
                "ref": "p.a", "runner_type": "noop", "description": "", "entry_point": "",
                "parameters": {"n": schema},
            });
            let action: Action = serde_json::from_value(action).unwrap();
            let wrong = wrong_parameters(&action, &Runners::new());
            assert_eq!(wrong.len(), usize::from(says.is_some()), "{schema}: {wrong:?}");
            let is_as_said = says.is_none_or(|(says, is_fatal)| {
                wrong[0].message.starts_with(says) && wrong[0].is_fatal == is_fatal
            });
            assert!(is_as_said, "{schema}: {wrong:?}");
        }
    }
}
