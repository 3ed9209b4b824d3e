//! Templates that callers write themselves, in rules (`rule_book`) and in requests for executions. Whoever sees no
//! secrets must not write one that reads a secret: whatever is masked afterwards, success and failure alone tell
//! it letter by letter. Templates in the files of packs are their authors' own affair.

use petrel_engine_core::Error;
use petrel_model::Rule;
use petrel_model::quoted::quoted;
use petrel_model::secrets::{has_secret, is_secret_at};
use petrel_rules::parameters::secret::reading_hidden;
use petrel_rules::parameters::{Given, Signature};
use serde_json::{Value, json};

use crate::content::Content;
use crate::masked::Giver;

/// The name of the pack's configuration in templates.
pub const CONFIG: &str = "config_context";

/// The schema of the configuration of `pack`, if it declares anything secret. Without a schema everything is.
pub fn marked_configuration(content: &Content, pack: &str) -> Option<Value> {
    let pack = content.pack(pack).ok();
    match pack.and_then(|pack| pack.config_schema.as_ref()) {
        Some(schema) => schema.values().any(has_secret).then(|| json!({"properties": schema})),
        None => Some(json!({"secret": true})),
    }
}

/// Refuses a template in `given` that reads a secret which `giver` neither sees nor gave with it: a part of the
/// configuration that `configuration`, its schema, marks; the default of a secret parameter, or one made from a
/// secret; or a parameter that was rendered before and has a place in `before`.
///
/// # Errors
/// [`Error::Forbidden`] with the name of the parameter.
pub fn refuse_reading_secrets(
    giver: Giver,
    given: &Given,
    signature: &Signature,
    configuration: Option<&Value>,
    before: &[String],
) -> Result<(), Error> {
    if giver == Giver::SeesSecrets || given.is_literal() {
        return Ok(());
    }
    let beside: Vec<_> = configuration.map(|schema| (CONFIG, schema)).into_iter().collect();
    match reading_hidden(given, signature, |name| is_secret_at(before, name), &beside) {
        None => Ok(()),
        Some(name) => Err(Error::Forbidden {
            message: format!(
                "the template of the parameter `{}` reads a secret, and only who sees secrets may write one that does",
                quoted(name)
            ),
            hint: "write the value itself, leave the parameter out if its action has such a default, or have the admin write \
                   the template"
                .into(),
        }),
    }
}

/// The same for a rule that is created, or that replaces `old`. What somebody else wrote may stay where nothing
/// that decides about its use is changed.
///
/// # Errors
/// As [`refuse_reading_secrets`].
pub(crate) fn refuse_rule_reading_secrets(
    giver: Giver,
    content: &Content,
    rule: &Rule,
    given: &Given,
    old: Option<&Rule>,
) -> Result<(), Error> {
    let is_as_before = |old: &Rule| {
        (&old.action, &old.trigger, &old.criteria) == (&rule.action, &rule.trigger, &rule.criteria)
    };
    if giver == Giver::SeesSecrets || old.is_some_and(is_as_before) {
        return Ok(());
    }
    // The rule may outlast the configuration of today, so the schema counts, and no values.
    let configuration = marked_configuration(content, rule.action.reference.pack());
    let registered = content.registered(&rule.action.reference);
    let unknown = Signature::default();
    let signature = registered.map_or(&unknown, |registered| &registered.signature);
    refuse_reading_secrets(giver, given, signature, configuration.as_ref(), &[]).map_err(
        |error| match error {
            Error::Forbidden { message, hint } => {
                Error::Forbidden { message: format!("rule `{}`: {message}", rule.reference), hint }
            }
            other => other,
        },
    )
}

#[cfg(test)]
mod tests {
    use petrel_model::Object;

    use super::*;

    fn object(value: &Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_template_that_reads_a_secret_is_refused_for_who_sees_none() {
        let declared = json!({"pw": {"secret": true, "default": "1234"}, "note": {"type": "string"}});
        let signature = Signature::new(&Object::new(), &object(&declared));
        let schema = json!({"properties": {"ckey": {"secret": true}, "copen": {"type": "string"}}});
        for (given, configuration, refused) in [
            (
                json!({"note": "{{ 1/0 if config_context.ckey.startswith('X') else 'n' }}"}),
                Some(&schema),
                true,
            ),
            (json!({"note": "{{ config_context }}"}), Some(&schema), true),
            (json!({"note": "{{ pw | length }}"}), None, true),
            (json!({"note": "{{ taken }}"}), None, true),
            (json!({"note": "{{ config_context.copen }}"}), Some(&schema), false),
            (json!({"note": "{{ config_context.ckey }}"}), None, false),
            (json!({"note": "{{ pw }}", "pw": "mine"}), None, false),
            (json!({"note": "config_context.ckey"}), Some(&schema), false),
        ] {
            let given = Given::compile(&object(&given)).over(&object(&json!({"taken": "s3cret"})));
            let of = |giver| {
                refuse_reading_secrets(giver, &given, &signature, configuration, &["/taken".to_owned()])
            };
            assert!(of(Giver::SeesSecrets).is_ok(), "{given:?}");
            let told = of(Giver::SeesNone).map_err(|error| (error.code(), error.to_string()));
            assert_eq!(told.is_err(), refused, "{given:?}: {told:?}");
            if let Err((code, message)) = told {
                assert!(code == "forbidden" && message.contains("`note`"), "{message}");
            }
        }
    }
}
