//! Templates that callers write themselves, in rules (`rule_book`) and in requests for executions. Whoever sees no
//! secrets must not write one that reads a secret: whatever is masked afterwards, success and failure alone tell
//! it letter by letter. Templates in the files of packs are their authors' own affair.

use petrel_engine_core::Error;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::secrets::{has_secret, is_secret_at, with_undeclared};
use petrel_model::{Ref, Rule};
use petrel_rules::CompiledRule;
use petrel_rules::parameters::secret::{decrypting, reading_hidden};
use petrel_rules::parameters::{Given, Signature, keys_read};
use serde_json::{Value, json};

use crate::configuration::Configuration;
use crate::content::Content;
use crate::masked::Giver;

/// The name of the pack's configuration in templates.
pub const CONFIG: &str = "config_context";
/// The name of the event in templates of rules.
const TRIGGER: &str = "trigger";

/// The schema of the configuration of `pack`, if it declares anything secret. Without a schema everything is.
pub fn marked_configuration(content: &Content, pack: &str) -> Option<Value> {
    let pack = content.pack(pack).ok();
    match pack.and_then(|pack| pack.config_schema.as_ref()) {
        // What is not declared beside a secret is masked as one, so it is read as one too.
        Some(schema) => {
            let whole = json!({"properties": schema});
            has_secret(&whole).then(|| with_undeclared(&whole).into_owned())
        }
        None => Some(json!({"secret": true})),
    }
}

/// Refuses a template in `given` that reads a secret which `giver` neither sees nor gave with it: a part that a
/// schema in `beside`, the pairs of a name in templates and a schema, marks; the default of a secret parameter, or
/// one made from a secret; or a parameter that was rendered before and has a place in `before`.
///
/// # Errors
/// [`Error::Forbidden`] with the name of the parameter.
pub fn refuse_reading_secrets(
    giver: Giver,
    given: &Given,
    signature: &Signature,
    beside: &[(&str, &Value)],
    before: &[String],
) -> Result<(), Error> {
    if giver == Giver::SeesSecrets || given.is_literal() {
        return Ok(());
    }
    match reading_hidden(given, signature, |name| is_secret_at(before, name), beside) {
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

/// Refuses a template in `given` that decrypts another key of the datastore than one of the user themselves, unless
/// `giver` sees secrets.
///
/// # Errors
/// [`Error::Forbidden`] with the name of the parameter.
pub fn refuse_decryption(giver: Giver, given: &Given) -> Result<(), Error> {
    let Some(name) = decrypting(given).filter(|_| giver == Giver::SeesNone) else { return Ok(()) };
    Err(Error::Forbidden {
        message: format!(
            "the template of the parameter `{}` decrypts a key of the datastore, and only who sees secrets may write one that \
             does",
            quoted(name)
        ),
        hint: "read a key of your own by `{{ st2kv.user.NAME | decrypt_kv }}`, call an action whose pack reads the secret, or have \
               the admin write the template"
            .into(),
    })
}

/// As [`refuse_decryption`], for the configuration of `pack`. It decrypts for everybody who runs an action of the pack, and
/// what is beside it says where that goes, so nobody's own keys are excepted.
pub(crate) fn refuse_config_decrypting(giver: Giver, pack: &str, given: &Configuration) -> Result<(), Error> {
    let Some(place) = given.decrypting().filter(|_| giver == Giver::SeesNone) else { return Ok(()) };
    Err(Error::Forbidden {
        message: format!(
            "the configuration of pack `{pack}`: the template of `{place}` decrypts a key of the datastore, and only who sees \
             secrets may write one that does"
        ),
        hint: "write the value itself, or have the admin configure the pack".into(),
    })
}

/// Adds to the refusal of a template in `given` why what it reads of the configuration of `pack` counts as secret, where
/// no schema says that of it: the pack has none, or none of this key. A later configuration may have anything there.
#[must_use]
pub fn told_of_configuration(error: Error, content: &Content, pack: &str, given: &Given) -> Error {
    match (error, undeclared(content, pack, given)) {
        (Error::Forbidden { message, hint }, Some(why)) => {
            Error::Forbidden { message: format!("{message}; {why}"), hint }
        }
        (error, _) => error,
    }
}

fn undeclared(content: &Content, pack: &str, given: &Given) -> Option<String> {
    let Some(schema) = content.pack(pack).ok().and_then(|pack| pack.config_schema.as_ref()) else {
        return given.names().any(|name| name == CONFIG).then(|| {
            format!(
                "the pack `{pack}` has no config.schema.yaml, so all of its configuration counts as secret"
            )
        });
    };
    let read = keys_read(CONFIG, given, &Signature::default());
    let key =
        read.iter().find(|key| !schema.contains_key(*key)).filter(|_| schema.values().any(has_secret))?;
    let near = nearest(key, schema.keys().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!(" (did you mean {}?)", quoted(near)));
    Some(format!(
        "config.schema.yaml of the pack `{pack}` has no key {}{near}, and beside secrets what it does not declare counts as one",
        quoted(key)
    ))
}

/// As [`refuse_reading_secrets`], for a rule that is created, or that replaces `old`, and for its criteria on secret
/// parts of events. What somebody else wrote may stay where nothing that decides about its use is changed. A rule in
/// the files of the pack `own` may read the secrets of that pack.
///
/// # Errors
/// [`Error::Forbidden`] with the names of the rule and the parameter or the criterion.
pub(crate) fn refuse_rule_reading_secrets(
    giver: Giver,
    content: &Content,
    compiled: &CompiledRule,
    old: Option<&Rule>,
    own: Option<&str>,
) -> Result<(), Error> {
    let rule = compiled.rule();
    let is_as_before = |old: &Rule| {
        (&old.action, &old.trigger, &old.criteria, &old.kind)
            == (&rule.action, &rule.trigger, &rule.criteria, &rule.kind)
    };
    if giver == Giver::SeesSecrets || old.is_some_and(is_as_before) {
        return Ok(());
    }
    if own.is_none() {
        refuse_rule_decrypting(giver, compiled)?;
    }
    let is_foreign = |reference: &Ref| own != Some(reference.pack());
    let (action, kind) = (&rule.action.reference, &rule.trigger.kind);
    let payload = if is_foreign(kind) { content.payload_secrets(kind) } else { None };
    let payload = payload.as_deref();
    let told_by_part = compiled.parts().iter().find_map(|part| {
        let kind = Some(part.kind()).filter(|kind| is_foreign(kind))?;
        part.criterion_on_secret(&*content.payload_secrets(kind)?).map(str::to_owned)
    });
    let told = payload.and_then(|schema| compiled.criterion_on_secret(schema)).map(str::to_owned);
    if let Some(key) = told.or(told_by_part) {
        return Err(Error::Forbidden {
            message: format!(
                "rule `{}`: the criterion on `{}` tells of a secret in the event, and only who sees secrets may write one that does",
                rule.reference,
                quoted(&key)
            ),
            hint: "choose another part of the event, or have the admin write the rule".into(),
        });
    }
    let unknown = Signature::default();
    let registered = content.registered(action).filter(|_| is_foreign(action));
    let signature = registered.map_or(&unknown, |registered| &registered.signature);
    // The rule may outlast the configuration of today, so the schema counts, and no values.
    let configuration = if is_foreign(action) { marked_configuration(content, action.pack()) } else { None };
    let beside: Vec<_> = configuration
        .as_ref()
        .map(|schema| (CONFIG, schema))
        .into_iter()
        .chain(payload.map(|schema| (TRIGGER, schema)))
        .collect();
    let given = compiled.parameters();
    refuse_reading_secrets(giver, given, signature, &beside, &[]).map_err(|error| {
        let told = if is_foreign(action) {
            told_of_configuration(error, content, action.pack(), given)
        } else {
            error
        };
        match told {
            Error::Forbidden { message, hint } => {
                Error::Forbidden { message: format!("rule `{}`: {message}", rule.reference), hint }
            }
            other => other,
        }
    })
}

/// As [`refuse_decryption`], for a rule. It runs as the user of all rules, so nobody's own keys are excepted.
fn refuse_rule_decrypting(giver: Giver, compiled: &CompiledRule) -> Result<(), Error> {
    let place = match compiled.criterion_that_decrypts() {
        Some(key) => Some(format!("the criterion on `{}`", quoted(key))),
        None => compiled.parameters().may_decrypt().then(|| "a template of its parameters".to_owned()),
    };
    let Some(place) = place.filter(|_| giver == Giver::SeesNone) else { return Ok(()) };
    Err(Error::Forbidden {
        message: format!(
            "rule `{}`: {place} decrypts a key of the datastore, and only who sees secrets may write one that does",
            compiled.rule().reference
        ),
        hint: "call an action whose pack reads the secret, or have the admin write the rule".into(),
    })
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
            let beside: Vec<_> = configuration.map(|schema| (CONFIG, schema)).into_iter().collect();
            let of =
                |giver| refuse_reading_secrets(giver, &given, &signature, &beside, &["/taken".to_owned()]);
            assert!(of(Giver::SeesSecrets).is_ok(), "{given:?}");
            let told = of(Giver::SeesNone).map_err(|error| (error.code(), error.to_string()));
            assert_eq!(told.is_err(), refused, "{given:?}: {told:?}");
            if let Err((code, message)) = told {
                assert!(code == "forbidden" && message.contains("`note`"), "{message}");
            }
        }
    }
}
