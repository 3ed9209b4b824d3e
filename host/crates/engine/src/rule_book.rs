//! Makes, changes and deletes rules.

use petrel_model::parameters::MASK;
use petrel_model::{Object, Ref, Rule, RuleId, Trigger};
use petrel_packs::RuleDefinition;
use petrel_packs::definition::read_rule;
use petrel_persistence::{Change, Expect};
use petrel_rules::{check, warnings};
use serde_json::Value;

use crate::clock;
use crate::error::Error;
use crate::service::Engine;

/// The longest reference, in bytes.
const LONGEST_REFERENCE: usize = 255;

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
        let mut context = Object::new();
        context.insert("user".into(), user.into());
        let rule = self.rule_of(definition(text)?, self.mint(clock::now()), context)?;
        if self.content().has_rule(&rule.reference) {
            return Err(exists(self.content().rule(rule.reference.as_str())?));
        }
        let warnings = self.check_rule(&rule)?;
        let expect = Expect::RuleAbsent(rule.reference.clone());
        self.store_rule(vec![expect], vec![Change::PutRule(rule.clone())], None, Some(rule.clone())).await?;
        Ok(Written { rule, warnings })
    }

    /// Replaces the rule `name` (a reference or an id) by what a text says. It keeps its id.
    ///
    /// # Errors
    /// As [`Engine::create_rule`], and when there is no such rule.
    pub async fn update_rule(&self, name: &str, text: &str) -> Result<Written, Error> {
        let old = Rule::clone(self.content().rule(name)?);
        let mut rule = self.rule_of(definition(text)?, old.id, old.context.clone())?;
        keep_masked(&mut rule, &old);
        let warnings = self.check_rule(&rule)?;
        self.replace(old, rule.clone()).await?;
        Ok(Written { rule, warnings })
    }

    /// Switches the rule `name` (a reference or an id) on or off.
    ///
    /// # Errors
    /// When there is no such rule.
    pub async fn set_rule_enabled(&self, name: &str, enabled: bool) -> Result<Rule, Error> {
        let old = Rule::clone(self.content().rule(name)?);
        let rule = Rule { enabled, ..old.clone() };
        self.replace(old, rule.clone()).await?;
        Ok(rule)
    }

    /// Deletes the rule `name` (a reference or an id).
    ///
    /// # Errors
    /// When there is no such rule.
    pub async fn delete_rule(&self, name: &str) -> Result<(), Error> {
        let old = Rule::clone(self.content().rule(name)?);
        let expect = Expect::RuleIs(old.reference.clone(), old.id);
        let change = Change::DeleteRule(old.reference.clone());
        self.store_rule(vec![expect], vec![change], Some(old.reference), None).await
    }

    async fn replace(&self, old: Rule, rule: Rule) -> Result<(), Error> {
        let mut expect = vec![Expect::RuleIs(old.reference.clone(), old.id)];
        let mut changes = vec![Change::PutRule(rule.clone())];
        let renamed = (old.reference != rule.reference).then_some(old.reference);
        if let Some(reference) = &renamed {
            expect.push(Expect::RuleAbsent(rule.reference.clone()));
            changes.insert(0, Change::DeleteRule(reference.clone()));
        }
        self.store_rule(expect, changes, renamed, Some(rule)).await
    }

    /// Commits, then changes what is in memory.
    async fn store_rule(
        &self,
        expect: Vec<Expect>,
        changes: Vec<Change>,
        delete: Option<Ref>,
        put: Option<Rule>,
    ) -> Result<(), Error> {
        let engine = self.clone();
        self.to_the_end(async move {
            let _changing = engine.0.changing_content.lock().await;
            engine.commit(expect, changes).await?;
            let mut content = engine.content_mut();
            if let Some(reference) = delete {
                content.delete_rule(&reference);
            }
            if let Some(rule) = put {
                content.put_rule(rule);
            }
            Ok(())
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
        check_length(&rule.reference)?;
        normalize(&mut rule.trigger);
        let content = self.content();
        let kind = content.trigger_type(&rule.trigger.kind).map_err(|error| {
            Error::invalid(format!("rule `{}`: {error}", rule.reference), error.hint().to_owned())
        })?;
        let parameters = Value::Object(rule.trigger.parameters.clone());
        kind.parameters.check(&parameters).map_err(|message| {
            Error::invalid(
                format!(
                    "rule `{}`: the parameters of trigger {} do not fit: {message}",
                    rule.reference, rule.trigger.kind
                ),
                format!("`petrel trigger list --json` shows what {} takes", rule.trigger.kind),
            )
        })?;
        Ok(rule)
    }

    /// Refuses what cannot work, and warns about what may not be meant.
    pub(crate) fn check_rule(&self, rule: &Rule) -> Result<Vec<String>, Error> {
        let problems: Vec<_> =
            check(rule).into_iter().map(|problem| format!("{}: {}", problem.at, problem.message)).collect();
        if !problems.is_empty() {
            let message = format!("rule `{}`: {}", rule.reference, problems.join("; "));
            return Err(Error::invalid(message, "correct the rule and try again"));
        }
        let content = self.content();
        let action = content.action(&rule.action.reference);
        let mut found = warnings(rule, action.as_ref().ok().map(|action| action.action.runner_type.as_str()));
        if let Err(error) = action {
            found.push(format!(
                "rule {}: {error}; {}. Until it is there, every match is recorded as a failed enforcement",
                rule.reference,
                error.hint()
            ));
        }
        Ok(found)
    }
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

/// A secret that was printed comes back masked, and then stands for what it was.
fn keep_masked(rule: &mut Rule, old: &Rule) {
    for (name, value) in &mut rule.action.parameters {
        if value == MASK
            && let Some(kept) = old.action.parameters.get(name)
        {
            *value = kept.clone();
        }
    }
}

/// `/sample/` and `sample` are one webhook.
fn normalize(trigger: &mut Trigger) {
    if trigger.kind.as_str() == petrel_model::trigger::WEBHOOK
        && let Some(Value::String(url)) = trigger.parameters.get_mut("url")
    {
        *url = url.trim_matches('/').to_owned();
    }
}

/// Refuses a reference that is too long to be a key.
pub(crate) fn check_length(reference: &Ref) -> Result<(), Error> {
    let length = reference.as_str().len();
    if length > LONGEST_REFERENCE {
        let message = format!("a name of {length} bytes is too long; {LONGEST_REFERENCE} is the limit");
        return Err(Error::invalid(message, "choose a shorter name"));
    }
    Ok(())
}
