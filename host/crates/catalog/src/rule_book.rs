//! The rule book: creates, changes and deletes rules. [`change`] makes the changes, [`fitting`] checks parameters
//! against their action, [`triggers`] brings triggers into normal form.

mod change;
mod fitting;
mod triggers;

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_expressions::Datastore;
use petrel_model::secrets::{MASK, is_masked};
use petrel_model::{Object, Ref, Rule, Timestamp};
use petrel_packs::definition::read_rule;
use petrel_packs::{Problem, RuleDefinition};
use petrel_persistence::Expect;
use petrel_rules::timers::{Timer, UTC};
use petrel_rules::{CompiledRule, check, key_warnings, warnings};

use change::{RuleChange, compiled};
pub(crate) use fitting::{has_template, misfit, misfits, strange_config, strange_fields};
pub(crate) use triggers::{rule_among, rule_of, settle, settle_event};

use crate::content::Content;
use crate::masked::{Giver, restored};
use crate::secret_templates::refuse_rule_reading_secrets;
use crate::service::Catalog;

/// A stored rule, with advice for its author.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The rule.
    pub rule: Rule,
    /// Advice; each names the rule and the remedy.
    pub warnings: Vec<String>,
}

/// A rule that is not stored, with advice for its author.
#[derive(Debug)]
pub struct Draft {
    /// The rule.
    pub rule: Arc<CompiledRule>,
    /// Advice; each names the rule and the remedy.
    pub warnings: Vec<String>,
}

impl Catalog {
    /// Creates a rule from its text, YAML or JSON.
    ///
    /// # Errors
    /// When the text is not a rule, its trigger does not exist, its criteria are invalid, or the name is taken.
    /// Nothing was stored then.
    pub async fn create_rule(&self, text: &str, user: &str) -> Result<Written, Error> {
        self.create_rule_by(Giver::SeesSecrets, text, user).await
    }

    /// As [`Catalog::create_rule`], on behalf of `giver`, who may see fewer secrets.
    ///
    /// # Errors
    /// As [`Catalog::create_rule`], and when a template reads a secret that `giver` does not see.
    pub async fn create_rule_by(&self, giver: Giver, text: &str, user: &str) -> Result<Written, Error> {
        let text = text.to_owned();
        let mut context = Object::new();
        context.insert("user".into(), user.into());
        let (core, datastore) = (self.core().clone(), self.keys().all());
        self.change_rules(move |content| {
            let definition = definition(&text)?;
            let notes = told(&definition.notes);
            let rule = rule_of(content, definition, core.mint(core.now()), context.clone());
            let rule = rule.map_err(|error| with_strays(error, &notes))?;
            if content.has_rule(&rule.reference) {
                return Err(exists(content.rule(rule.reference.as_str())?));
            }
            let Draft { rule: compiled, warnings } =
                drafted(content, &rule, notes, giver, (core.now(), &datastore))?;
            let decided = RuleChange {
                expect: vec![Expect::RuleAbsent(rule.reference.clone())],
                delete: None,
                put: Some(compiled),
            };
            Ok((decided, Written { rule, warnings }))
        })
        .await
    }

    /// Reads a rule from its text as [`Catalog::create_rule_by`] does, and stores nothing. Its name may be taken.
    ///
    /// # Errors
    /// As [`Catalog::create_rule_by`].
    pub async fn draft_rule(&self, giver: Giver, text: &str) -> Result<Draft, Error> {
        let (text, core, datastore) = (text.to_owned(), self.core().clone(), self.keys().all());
        let decide = move |content: &Content| {
            let definition = definition(&text)?;
            let notes = told(&definition.notes);
            let rule = rule_of(content, definition, core.mint(core.now()), Object::new());
            let rule = rule.map_err(|error| with_strays(error, &notes))?;
            drafted(content, &rule, notes, giver, (core.now(), &datastore))
        };
        self.decided(Arc::new(decide)).await
    }

    /// Replaces the rule `name` (a reference or an id) by the one in a text. It keeps its id, and takes the name and the
    /// pack in the text, as in StackStorm: a warning reports that.
    ///
    /// # Errors
    /// As [`Catalog::create_rule_by`], and when the rule does not exist, or `giver` would have a masked secret of it go
    /// elsewhere.
    pub async fn update_rule(&self, name: &str, text: &str, giver: Giver) -> Result<Written, Error> {
        let (name, text, datastore) = (name.to_owned(), text.to_owned(), self.keys().all());
        let core = self.core().clone();
        self.change_rules(move |content| {
            let old = content.rule(&name)?;
            let definition = definition(&text)?;
            let notes = told(&definition.notes);
            let rule = rule_of(content, definition, old.id, old.context.clone());
            let mut rule = rule.map_err(|error| with_strays(error, &notes))?;
            if rule.reference != old.reference && content.has_rule(&rule.reference) {
                return Err(names_another(old, &rule));
            }
            keep_masked(&mut rule, old, giver)?;
            refuse_masked(&rule)?;
            let mut warnings: Vec<_> = renamed(old, &rule).into_iter().collect();
            warnings.extend(check_rule(content, &rule, &datastore)?);
            warnings.extend(notes);
            warnings.extend(never_due(&rule, core.now()));
            let change = RuleChange::replacing(old, &rule);
            if let Some(compiled) = &change.put {
                refuse_rule_reading_secrets(giver, content, compiled, Some(old), None)?;
            }
            Ok((change, Written { rule, warnings }))
        })
        .await
    }

    /// Enables or disables the rule `name` (a reference or an id).
    ///
    /// # Errors
    /// When the rule does not exist.
    pub async fn set_rule_enabled(&self, name: &str, enabled: bool) -> Result<Rule, Error> {
        let name = name.to_owned();
        self.change_rules(move |content| {
            let old = content.rule(&name)?;
            let rule = Rule { enabled, ..Rule::clone(old) };
            Ok((RuleChange::replacing(old, &rule), rule))
        })
        .await
    }

    /// Deletes the rule `name` (a reference or an id), and returns its reference.
    ///
    /// # Errors
    /// When the rule does not exist.
    pub async fn delete_rule(&self, name: &str) -> Result<Ref, Error> {
        let name = name.to_owned();
        self.change_rules(move |content| {
            let old = content.rule(&name)?;
            let (expect, reference) = (vec![Expect::RuleIs(old.reference.clone(), old.id)], &old.reference);
            Ok((RuleChange { expect, delete: Some(reference.clone()), put: None }, reference.clone()))
        })
        .await
    }
}

/// Compiles a new rule of `giver`, with the `notes` of its reader and all other advice, by the time and the datastore.
fn drafted(
    content: &Content,
    rule: &Rule,
    notes: Vec<String>,
    giver: Giver,
    (now, datastore): (Timestamp, &Datastore),
) -> Result<Draft, Error> {
    refuse_masked(rule)?;
    let mut warnings = check_rule(content, rule, datastore)?;
    warnings.extend(notes);
    warnings.extend(never_due(rule, now));
    let rule = compiled(rule);
    refuse_rule_reading_secrets(giver, content, &rule, None, None)?;
    Ok(Draft { rule, warnings })
}

/// Refuses a rule that cannot work, and returns warnings about likely mistakes.
fn check_rule(content: &Content, rule: &Rule, datastore: &Datastore) -> Result<Vec<String>, Error> {
    let action = content.action(&rule.action.reference);
    // Without the action nobody knows which parameters are secret.
    let is_secret = |name: &str| action.as_ref().ok().is_none_or(|known| known.signature.may_be_secret(name));
    let problems: Vec<_> = check(rule, is_secret).iter().map(ToString::to_string).collect();
    if !problems.is_empty() {
        let message = format!("rule `{}`: {}", rule.reference, problems.join("; "));
        return Err(Error::invalid(message, "correct the rule and try again"));
    }
    let mut found = warnings(rule, action.as_ref().ok().map(|action| action.target()));
    let signature = action.as_ref().ok().map(|action| &action.signature);
    found.extend(key_warnings(&compiled(rule), signature, datastore));
    found.extend(action.as_ref().ok().into_iter().flat_map(|action| misfits(rule, action)));
    let keys = content.known_config_keys(rule.action.reference.pack());
    found.extend(strange_config(rule, keys.as_ref(), is_secret));
    let kind_of = |kind: &Ref| content.trigger_type(kind).ok().map(Arc::clone);
    found.extend(strange_fields(rule, kind_of, is_secret));
    found.extend(action.err().map(|error| without_action(rule, &error)));
    Ok(found)
}

/// The warning for a rule with a timer that is not due any more, such as a date that is past.
fn never_due(rule: &Rule, now: Timestamp) -> Option<String> {
    let mut timers = rule.triggers().filter_map(|trigger| {
        Timer::new(trigger.kind.as_str(), &trigger.parameters, &UTC).ok().map(|timer| (trigger, timer))
    });
    let (over, _) = timers.find(|(_, timer)| timer.next(now, now).is_none())?;
    Some(format!(
        "rule {}: its timer is never due, as no such time is to come; correct the parameters of its trigger {}",
        rule.reference, over.kind
    ))
}

/// The warning for a rule whose action does not exist.
pub(crate) fn without_action(rule: &Rule, error: &Error) -> String {
    format!(
        "rule {}: {error}; {} Until it is there, every match is recorded as a failed enforcement",
        rule.reference,
        sentence(error.hint())
    )
}

/// `hint` with one mark at its end.
pub(crate) fn sentence(hint: &str) -> String {
    if hint.ends_with(['.', '?', '!']) { hint.to_owned() } else { format!("{hint}.") }
}

fn definition(text: &str) -> Result<RuleDefinition, Error> {
    read_rule("rule", text, None)
        .map_err(|problems| Error::invalid(told(&problems).join("\n"), "correct the rule and try again"))
}

fn told(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(Problem::to_string).collect()
}

/// The `error` of a rule whose trigger does not fit, with the `notes` on what its trigger ignores: that may be what it lacks.
fn with_strays(error: Error, notes: &[String]) -> Error {
    let strays: Vec<_> = notes.iter().filter(|note| note.contains(STRAY)).map(String::as_str).collect();
    match error {
        Error::Invalid { message, hint } if !strays.is_empty() => {
            Error::invalid(message, format!("{}; {hint}", strays.join("; ")))
        }
        other => other,
    }
}

/// A part of the notes on fields that a trigger ignores.
const STRAY: &str = ": the trigger of a rule has no field ";

fn exists(existing: &Rule) -> Error {
    Error::Conflict {
        message: format!("rule `{}` exists already", existing.reference),
        hint: format!(
            "change it with `petrel rule update {} FILE`, or choose another name",
            existing.reference
        ),
        id: Some(existing.id.to_string()),
    }
}

/// The warning about a rule with another name or pack than before: perhaps another rule was meant.
fn renamed(old: &Rule, rule: &Rule) -> Option<String> {
    let (old, new) = (&old.reference, &rule.reference);
    (old != new).then(|| {
        let part = if old.pack() == new.pack() { "name" } else { "pack" };
        format!(
            "rule {old} is called {new} from now on, since that is the `{part}` in what was given; to have the rule of before \
             back, correct it and update {new} with it"
        )
    })
}

/// The conflict when a rule would take the name of another one.
fn names_another(old: &Rule, rule: &Rule) -> Error {
    let (old, new) = (&old.reference, &rule.reference);
    Error::Conflict {
        message: format!(
            "rule `{old}` is to be updated, but what is given names rule `{new}`, which exists too"
        ),
        hint: format!("update `{new}` with it, or correct its `name` and `pack`"),
        id: Some(rule.id.to_string()),
    }
}

/// Replaces masked secrets by their old values, since a printed rule has them masked. Not for another action or
/// trigger, which would show the secret or send it elsewhere.
fn keep_masked(rule: &mut Rule, old: &Rule, giver: Giver) -> Result<(), Error> {
    let whose = format!("rule `{}`", old.reference);
    if rule.trigger.kind == old.trigger.kind {
        rule.trigger.parameters = restored(&rule.trigger.parameters, &old.trigger.parameters, giver, &whose)?;
    }
    if rule.action.reference == old.action.reference {
        // Another event might tell the action to send its secret elsewhere.
        let is_other_event =
            (&rule.trigger, &rule.criteria, &rule.kind) != (&old.trigger, &old.criteria, &old.kind);
        if giver == Giver::SeesNone && is_other_event && rule.action.parameters.values().any(is_masked) {
            return Err(Error::Forbidden {
                message: format!(
                    "a secret of {whose} is {MASK}, and its trigger or its criteria are changed"
                ),
                hint: "write the secret itself, or have the admin change the rule".into(),
            });
        }
        rule.action.parameters = restored(&rule.action.parameters, &old.action.parameters, giver, &whose)?;
    }
    Ok(())
}

/// Refuses masks that are left: the mask stands for an unknown secret, and would be taken for the secret itself.
fn refuse_masked(rule: &Rule) -> Result<(), Error> {
    let parameters = [&rule.action.parameters, &rule.trigger.parameters];
    let names = parameters.into_iter().flatten().filter(|(_, value)| is_masked(value)).map(|(name, _)| name);
    match names.into_iter().next() {
        None => Ok(()),
        Some(name) => Err(Error::invalid(
            format!(
                "rule `{}` holds {MASK} in the parameter `{name}`, where no secret is kept",
                rule.reference
            ),
            "write the secret itself",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_that_gets_another_name_is_told() {
        let rule = |reference: &str| -> Rule {
            let rule = json!({
                "id": "000000000000000000000001", "ref": reference, "trigger": {"type": "core.st2.webhook"},
                "action": {"ref": "core.noop"},
            });
            serde_json::from_value(rule).unwrap()
        };
        for (new, says) in
            [("p.r", None), ("p.q", Some("`name`")), ("q.r", Some("`pack`")), ("q.q", Some("`pack`"))]
        {
            let said = renamed(&rule("p.r"), &rule(new));
            let expected =
                says.map(|part| format!("rule p.r is called {new} from now on, since that is the {part}"));
            assert_eq!(said.is_some(), expected.is_some(), "{new}");
            assert!(said.unwrap_or_default().starts_with(&expected.unwrap_or_default()), "{new}");
        }
    }
}
