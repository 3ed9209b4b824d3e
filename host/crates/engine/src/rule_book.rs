//! Makes, changes and deletes rules. How a change comes about is in [`change`], whether its parameters are what its action
//! takes in [`fitting`].

mod change;
mod fitting;

use std::sync::Arc;

use petrel_model::names::check_text;
use petrel_model::secrets::{MASK, is_masked, unmasked};
use petrel_model::{Object, Ref, Rule, RuleId, Trigger};
use petrel_packs::RuleDefinition;
use petrel_packs::definition::read_rule;
use petrel_persistence::Expect;
use petrel_rules::{CompiledRule, check, warnings};
use serde_json::Value;

use change::RuleChange;
pub(crate) use fitting::{has_template, misfit, misfits};

use crate::content::RegisteredTriggerType;
use crate::error::Error;
use crate::service::Engine;

/// A rule as it was stored, and what its author should think about.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The rule.
    pub rule: Rule,
    /// Each names the rule and the remedy.
    pub warnings: Vec<String>,
}

impl Engine {
    /// Makes a rule from its text, YAML or JSON.
    ///
    /// # Errors
    /// When the text is no rule, its trigger does not exist, its criteria make no sense, or there is a
    /// rule of that name. Nothing was stored then.
    pub async fn create_rule(&self, text: &str, user: &str) -> Result<Written, Error> {
        let text = text.to_owned();
        let mut context = Object::new();
        context.insert("user".into(), user.into());
        self.change_rules(move |engine| {
            let rule = engine.rule_of(definition(&text)?, engine.mint(engine.now()), context.clone())?;
            if engine.content().has_rule(&rule.reference) {
                return Err(exists(engine.content().rule(rule.reference.as_str())?));
            }
            refuse_masked(&rule)?;
            let warnings = engine.check_rule(&rule)?;
            let decided = RuleChange {
                expect: vec![Expect::RuleAbsent(rule.reference.clone())],
                delete: None,
                put: Some(compiled(&rule)),
            };
            Ok((decided, Written { rule, warnings }))
        })
        .await
    }

    /// Replaces the rule `name` (a reference or an id) by what a text says. It keeps its id, and gets the name and the pack
    /// that stand in the text, as in StackStorm: a warning says so.
    ///
    /// # Errors
    /// As [`Engine::create_rule`], and when there is no such rule.
    pub async fn update_rule(&self, name: &str, text: &str) -> Result<Written, Error> {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.change_rules(move |engine| {
            let old = Rule::clone(engine.content().rule(&name)?);
            let mut rule = engine.rule_of(definition(&text)?, old.id, old.context.clone())?;
            if rule.reference != old.reference && engine.content().has_rule(&rule.reference) {
                return Err(names_another(&old, &rule));
            }
            keep_masked(&mut rule, &old);
            refuse_masked(&rule)?;
            let mut warnings: Vec<_> = renamed(&old, &rule).into_iter().collect();
            warnings.extend(engine.check_rule(&rule)?);
            Ok((RuleChange::replacing(&old, &rule), Written { rule, warnings }))
        })
        .await
    }

    /// Switches the rule `name` (a reference or an id) on or off.
    ///
    /// # Errors
    /// When there is no such rule.
    pub async fn set_rule_enabled(&self, name: &str, enabled: bool) -> Result<Rule, Error> {
        let name = name.to_owned();
        self.change_rules(move |engine| {
            let old = Rule::clone(engine.content().rule(&name)?);
            let rule = Rule { enabled, ..old.clone() };
            Ok((RuleChange::replacing(&old, &rule), rule))
        })
        .await
    }

    /// Deletes the rule `name` (a reference or an id); says which it was.
    ///
    /// # Errors
    /// When there is no such rule.
    pub async fn delete_rule(&self, name: &str) -> Result<Ref, Error> {
        let name = name.to_owned();
        self.change_rules(move |engine| {
            let old = Rule::clone(engine.content().rule(&name)?);
            let expect = vec![Expect::RuleIs(old.reference.clone(), old.id)];
            let reference = old.reference.clone();
            Ok((RuleChange { expect, delete: Some(old.reference), put: None }, reference))
        })
        .await
    }

    /// The rule that a definition defines, with its trigger in the form that is compared.
    pub(crate) fn rule_of(
        &self,
        definition: RuleDefinition,
        id: RuleId,
        context: Object,
    ) -> Result<Rule, Error> {
        let mut rule = definition.into_rule(id);
        rule.context = context;
        // What is registered is not held while a schema is compiled and looked at.
        let kind = self.content().trigger_type(&rule.trigger.kind).cloned().map_err(|error| {
            Error::invalid(format!("rule `{}`: {error}", rule.reference), error.hint().to_owned())
        })?;
        settle(&mut rule.trigger, &kind).map_err(|error| {
            Error::invalid(format!("rule `{}`: {error}", rule.reference), error.hint().to_owned())
        })?;
        Ok(rule)
    }

    /// Refuses what cannot work, and warns about what may not be meant.
    pub(crate) fn check_rule(&self, rule: &Rule) -> Result<Vec<String>, Error> {
        // What is registered is not held while schemas and templates are compiled.
        let action = self.content().action(&rule.action.reference).cloned();
        // What is secret among the parameters of what is not there is not known.
        let is_secret =
            |name: &str| action.as_ref().ok().is_none_or(|known| known.signature.may_be_secret(name));
        let problems: Vec<_> = check(rule, is_secret).iter().map(ToString::to_string).collect();
        if !problems.is_empty() {
            let message = format!("rule `{}`: {}", rule.reference, problems.join("; "));
            return Err(Error::invalid(message, "correct the rule and try again"));
        }
        let mut found = warnings(rule, action.as_ref().ok().map(|action| action.target()));
        found.extend(action.as_deref().into_iter().flat_map(|action| misfits(rule, action)));
        found.extend(action.err().map(|error| without_action(rule, &error)));
        Ok(found)
    }
}

/// Brings a trigger of the type `kind` into the form that is compared.
///
/// # Errors
/// When its parameters are not what the type takes.
pub(crate) fn settle(trigger: &mut Trigger, kind: &RegisteredTriggerType) -> Result<(), Error> {
    normalize(trigger)?;
    // As in StackStorm, a type that declares none may be given any.
    if kind.kind.parameters_schema.is_empty() {
        return Ok(());
    }
    let parameters = Value::Object(trigger.parameters.clone());
    kind.parameters.check(&parameters).map_err(|message| {
        Error::invalid(
            format!("the parameters of trigger {} do not fit: {message}", trigger.kind),
            format!("`petrel trigger list --json` shows what {} takes", trigger.kind),
        )
    })
}

/// What there is to say of a rule whose action is not there.
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
    read_rule("rule", text, None).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Error::invalid(lines.join("\n"), "correct the rule and try again")
    })
}

fn exists(existing: &Rule) -> Error {
    Error::Conflict {
        message: format!("rule `{}` exists already", existing.reference),
        hint: format!("change it with `petrel rule update {}`, or choose another name", existing.reference),
        id: Some(existing.id.to_string()),
    }
}

/// What to say of a rule that has another name or pack than before: it may have been another rule that was meant.
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

/// A rule cannot take the name of another one.
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

/// `rule`, ready to be evaluated.
fn compiled(rule: &Rule) -> Arc<CompiledRule> {
    Arc::new(CompiledRule::new(Arc::new(rule.clone())))
}

/// A secret that was printed comes back masked, and then stands for what it was: but not for another action or trigger, which
/// would show it, or send it elsewhere.
fn keep_masked(rule: &mut Rule, old: &Rule) {
    if rule.action.reference == old.action.reference {
        rule.action.parameters = unmasked(&rule.action.parameters, &old.action.parameters);
    }
    if rule.trigger.kind == old.trigger.kind {
        rule.trigger.parameters = unmasked(&rule.trigger.parameters, &old.trigger.parameters);
    }
}

/// Refuses what is still masked: it stands for a secret that is not known, and would be taken for the secret itself.
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

/// `/sample/` and `sample` are one webhook.
fn normalize(trigger: &mut Trigger) -> Result<(), Error> {
    if trigger.kind.as_str() == petrel_model::trigger::WEBHOOK
        && let Some(Value::String(url)) = trigger.parameters.get_mut("url")
    {
        *url = url.trim_matches('/').to_owned();
        check_text("a webhook", url)?;
    }
    Ok(())
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
