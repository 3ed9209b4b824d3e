//! Marks of secrets that a new version of a pack lacks, and code and rules from elsewhere that would get the
//! secrets of a configuration. Stored values are masked by the present schemas, and code sees its configuration,
//! so only a caller who sees the secrets anyhow may register such a pack.

use petrel_engine_core::Error;
use petrel_model::parameters::Schema;
use petrel_model::secrets::{has_secret, keeps_secrets, whole_schema};
use petrel_model::{Pack, Ref, TriggerType};
use petrel_rules::CompiledRule;
use serde_json::Value;

use crate::configuration::GivenConfig;
use crate::content::{Content, Named, RegisteredAction, RegisteredTriggerType};
use crate::masked::Giver;
use crate::secret_templates::{marked_configuration, refuse_rule_reading_secrets};

/// Refuses a new version of `pack` with these actions and trigger types, if it lifts a mark from stored
/// values. `gone` and `gone_kinds` are removed with the old version.
///
/// # Errors
/// [`Error::Forbidden`], with the first value that would be shown.
pub(super) fn refuse_lifted(
    content: &Content,
    pack: &Pack,
    actions: &[RegisteredAction],
    kinds: &[RegisteredTriggerType],
    gone: &[Ref],
    gone_kinds: &[Ref],
) -> Result<(), Error> {
    let unread = actions.iter().find_map(|new| of_unread(content, Named::Action, &new.action.reference));
    let unread = unread
        .or_else(|| kinds.iter().find_map(|new| of_unread(content, Named::Trigger, &new.kind.reference)));
    let lifted = unread.or_else(|| actions.iter().find_map(|new| of_action(content, new)));
    let lifted = lifted.or_else(|| gone.iter().find_map(|action| of_gone(content, action)));
    let lifted = lifted.or_else(|| kinds.iter().find_map(|new| of_trigger_type(content, new)));
    let lifted = lifted.or_else(|| gone_kinds.iter().find_map(|kind| of_gone_kind(content, kind)));
    match lifted.or_else(|| of_configuration(content, pack)) {
        None => Ok(()),
        Some(what) => Err(Error::Forbidden {
            message: format!(
                "{what} was secret and would be shown from now on, so only the admin may register that"
            ),
            hint: "leave `secret: true` where it was, or have the admin register the pack".into(),
        }),
    }
}

/// The way of those who register a pack from another directory than before.
const ELSEWHERE: &str =
    "register it from the directory of before, if there is one, or have the admin register it";

/// Refuses `pack` from another directory than before, if secrets are `configured` for it or it is granted something: its
/// code would get them.
/// Changes in the same directory are not looked for: only who may write there can make them.
///
/// # Errors
/// [`Error::Forbidden`], with the pack.
pub(super) fn refuse_elsewhere(
    content: &Content,
    pack: &Pack,
    configured: Option<&GivenConfig>,
) -> Result<(), Error> {
    let name = &pack.reference;
    let is_there = pack.built_in || content.pack(name).is_ok_and(|old| old.path == pack.path);
    // One that cannot be read now may be read later, and then by this code.
    let is_lost = content.lost_config(name).is_some();
    let is_configured = is_lost || configured.is_some_and(|given| !given.values.is_empty());
    if is_configured && content.pack(name).is_err() {
        return Err(Error::Forbidden {
            message: format!("there is a configuration for the pack `{name}`, which is not registered"),
            hint:
                "have the admin register it first: whoever registers a pack runs code with its configuration"
                    .into(),
        });
    }
    if !is_there && is_configured && (is_lost || marked_configuration(content, name).is_some()) {
        return Err(Error::Forbidden {
            message: format!(
                "secrets are configured for the pack `{name}`, so only the admin may register it from another directory"
            ),
            hint: ELSEWHERE.into(),
        });
    }
    // The settings may grant something to a pack that was never there, too.
    if !is_there && (content.grant(name).is_some() || content.granted_by_settings(name).is_some()) {
        return Err(Error::Forbidden {
            message: format!(
                "capabilities are granted to the pack `{name}`, so only the admin may register it from another directory"
            ),
            hint: ELSEWHERE.into(),
        });
    }
    Ok(())
}

/// Refuses a rule in the files of a pack that reads secrets of another pack.
///
/// # Errors
/// [`Error::Forbidden`], with the rule.
pub(super) fn foreign_secret(content: &Content, compiled: &CompiledRule) -> Result<(), Error> {
    let reference = &compiled.rule().reference;
    let old = content.rule(reference.as_str()).ok().map(|old| &**old);
    refuse_rule_reading_secrets(Giver::SeesNone, content, compiled, old, Some(reference.pack()))
}

/// Refuses to remove the pack `name` if its trigger types mark secrets: they could be registered again
/// without the marks, and stored events would show the secrets.
///
/// # Errors
/// [`Error::Forbidden`], with the name of such a trigger type.
pub(super) fn refuse_removal(content: &Content, name: &str) -> Result<(), Error> {
    let mut own = content.trigger_types().map(|one| &one.kind.reference).filter(|one| one.pack() == name);
    match own.find_map(|kind| of_gone_kind(content, kind)) {
        None => Ok(()),
        Some(what) => Err(Error::Forbidden {
            message: format!("{what} is secret, so only the admin may remove the pack `{name}`"),
            hint: "have the admin remove it".into(),
        }),
    }
}

/// The message about secrets in a removed trigger type, if it has any.
pub(crate) fn of_gone_kind(content: &Content, reference: &Ref) -> Option<String> {
    let old = content.trigger_type(reference).ok()?;
    let schemas = [whole_schema(&old.kind.payload_schema), whole_schema(&old.kind.parameters_schema)];
    let is_secret = schemas.iter().any(has_secret);
    is_secret.then(|| format!("a part of the events or the parameters of trigger type `{reference}`"))
}

/// The message about an old version that cannot be read: it may have marked anything.
pub(crate) fn of_unread(content: &Content, kind: Named, reference: &Ref) -> Option<String> {
    let is_registered = match kind {
        Named::Action => content.registered(reference).is_some(),
        _ => content.trigger_type(reference).is_ok(),
    };
    let is_unread = !is_registered && content.cannot_read(kind, reference);
    is_unread.then(|| format!("perhaps a part of `{reference}`, which is stored and cannot be read,"))
}

/// The message about a mark that the new version of an action lifts, if it lifts any.
fn of_action(content: &Content, new: &RegisteredAction) -> Option<String> {
    let reference = &new.action.reference;
    let old = content.action(reference).ok()?;
    let is_given = |name: &String| {
        let mut rules = content.rules().filter(|rule| rule.action.reference == *reference);
        rules.any(|rule| rule.action.parameters.contains_key(name))
    };
    // Parameters of a runner vanish with it, and matter only where rules give them. Executions keep the
    // places of their own secrets.
    let is_lifted = |(name, schema): &(&String, &Value)| {
        !keeps_secrets(schema, new.parameters.get(*name))
            && (old.action.parameters.contains_key(*name) || is_given(name))
    };
    if let Some((name, _)) = old.parameters.iter().find(is_lifted) {
        return Some(format!("the parameter `{name}` of action `{reference}`"));
    }
    // Beside a secret, an undeclared parameter is masked.
    let is_shown = |(name, schema): &(&String, &Value)| {
        !old.parameters.contains_key(*name)
            && old.signature.may_be_secret(name)
            && !Schema::of(schema).is_secret()
            && is_given(name)
    };
    if let Some((name, _)) = new.parameters.iter().find(is_shown) {
        return Some(format!("the parameter `{name}` of action `{reference}`, which was not declared,"));
    }
    let (before, now) = (whole_schema(&old.action.output_schema), whole_schema(&new.action.output_schema));
    (!keeps_secrets(&before, Some(&now))).then(|| format!("a part of the result of action `{reference}`"))
}

/// The message about a secret that rules give to a removed action, if there is one. When the action comes
/// back, nobody knows that the value was secret.
fn of_gone(content: &Content, reference: &Ref) -> Option<String> {
    let old = content.action(reference).ok()?;
    let rules = content.rules().filter(|rule| rule.action.reference == *reference);
    let mut given = rules.flat_map(|rule| rule.action.parameters.keys());
    let name = given.find(|name| old.signature.is_secret(name))?;
    Some(format!("the parameter `{name}` that rules give to action `{reference}`, which is gone,"))
}

/// The message about a mark that the new version of a trigger type lifts, in payloads or parameters, if any.
pub(crate) fn of_trigger_type(content: &Content, new: &RegisteredTriggerType) -> Option<String> {
    let reference = &new.kind.reference;
    let old = content.trigger_type(reference).ok()?;
    let schemas =
        |kind: &TriggerType| [whole_schema(&kind.payload_schema), whole_schema(&kind.parameters_schema)];
    let (before, now) = (schemas(&old.kind), schemas(&new.kind));
    let is_kept = before.iter().zip(&now).all(|(before, now)| keeps_secrets(before, Some(now)));
    (!is_kept).then(|| format!("a part of the events or the parameters of trigger type `{reference}`"))
}

/// The message about a mark that the new schema of a configuration lifts, if it lifts any. Without a schema
/// everything is secret, and where the schema has a secret, so is everything that it does not declare.
fn of_configuration(content: &Content, pack: &Pack) -> Option<String> {
    let name = &pack.reference;
    let old = content.pack(name).ok()?;
    let now = pack.config_schema.as_ref()?;
    // Of one that cannot be read any key may be given.
    let given: Vec<&String> = match content.given_config(name) {
        Some(given) => given.values.keys().collect(),
        None => content.lost_config(name).map(|_lost| now.keys().collect())?,
    };
    let is_open = |key: &String| now.get(key).is_some_and(|schema| !Schema::of(schema).is_secret());
    let is_kept = old.config_schema.as_ref().is_some_and(|before| {
        let was_masked = |key: &&String| !before.contains_key(*key) && before.values().any(has_secret);
        before.iter().all(|(key, schema)| keeps_secrets(schema, now.get(key)))
            && !given.iter().copied().filter(was_masked).any(is_open)
    });
    (!is_kept).then(|| format!("a part of the configuration of pack `{name}`"))
}
