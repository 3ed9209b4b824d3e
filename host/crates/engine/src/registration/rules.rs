//! What becomes of the rules of a pack that is registered: those that are there keep their ids, those that have left its
//! files are gone, and whether one is on is decided between its file and who switched it.

use std::collections::{BTreeMap, BTreeSet};

use petrel_model::{Object, Ref, Rule, RuleId, TriggerType};
use petrel_packs::RuleDefinition;
use petrel_persistence::Expect;
use petrel_rules::{check, warnings};

use crate::clock;
use crate::content::RegisteredAction;
use crate::error::Error;
use crate::rule_book::{misfits, without_action};
use crate::service::Engine;

/// What becomes of the rules of a pack.
pub(super) struct RulesOfPack {
    pub(super) rules: Vec<Rule>,
    pub(super) expect: Vec<Expect>,
    /// Those that its files held and hold no more.
    pub(super) gone: Vec<Ref>,
}

impl Engine {
    /// The rules of `pack`, whose files hold `definitions`, with these trigger types and actions.
    pub(super) fn rules_of(
        &self,
        pack: &str,
        definitions: Vec<RuleDefinition>,
        new_kinds: &[TriggerType],
        new_actions: &[RegisteredAction],
        notes: &mut Vec<String>,
    ) -> Result<RulesOfPack, Error> {
        let before = self.content().pack(pack).ok().and_then(|pack| pack.rules.clone());
        let new_actions: BTreeMap<&Ref, &RegisteredAction> =
            new_actions.iter().map(|registered| (&registered.action.reference, registered)).collect();
        let (mut rules, mut expect) = (Vec::new(), Vec::new());
        for definition in definitions {
            if let Some(note) = self.without_trigger(&definition, new_kinds) {
                notes.push(note);
                continue;
            }
            let known =
                self.content().rule(definition.reference().as_str()).ok().map(|rule| Rule::clone(rule));
            let id = known.as_ref().map_or_else(|| self.mint(clock::now()), |rule| rule.id);
            let is_new_kind = new_kinds.iter().any(|kind| kind.reference == definition.trigger.kind);
            let mut rule = if is_new_kind {
                definition.into_rule(id)
            } else {
                self.rule_of(definition, id, Object::new())?
            };
            expect.push(match known {
                Some(known) => {
                    let before = before.as_ref().and_then(|before| before.get(known.reference.name()));
                    notes.extend(switched(&mut rule, &known, before.copied()));
                    Expect::RuleIs(known.reference, known.id)
                }
                None => Expect::RuleAbsent(rule.reference.clone()),
            });
            notes.extend(self.notes_on(&rule, &new_actions)?);
            rules.push(rule);
        }
        let gone = self.gone_rules(pack, before.as_ref(), &rules);
        expect.extend(gone.iter().map(|(rule, id)| Expect::RuleIs(rule.clone(), *id)));
        Ok(RulesOfPack { rules, expect, gone: gone.into_iter().map(|(rule, _)| rule).collect() })
    }

    /// What there is to say about a rule whose pack brings `new_actions`.
    ///
    /// # Errors
    /// When it cannot work.
    fn notes_on(
        &self,
        rule: &Rule,
        new_actions: &BTreeMap<&Ref, &RegisteredAction>,
    ) -> Result<Vec<String>, Error> {
        let reference = &rule.action.reference;
        // Nobody waits for the check: what is registered is not held meanwhile.
        let (known, error) = match self.content().action(reference).cloned() {
            Ok(known) => (Some(known), None),
            Err(error) => (None, Some(error)),
        };
        // What is gone from its own pack is not there any more.
        let is_own = reference.pack() == rule.reference.pack();
        let action = new_actions.get(reference).copied().or_else(|| known.as_deref().filter(|_| !is_own));
        // Of what is not there it is not known what is secret.
        let is_secret = |name: &str| action.is_none_or(|action| action.signature.is_secret(name));
        check(rule, is_secret).into_iter().try_for_each(|problem| {
            let message = format!("rule `{}`: {}: {}", rule.reference, problem.at, problem.message);
            Err(Error::invalid(message, "correct the rule and register the pack again"))
        })?;
        let mut notes = warnings(rule, action.map(RegisteredAction::target));
        notes.extend(action.into_iter().flat_map(|action| misfits(rule, action)));
        if action.is_none() {
            let names = new_actions.keys().map(|known| known.as_str());
            let error = error.unwrap_or_else(|| Error::not_found("action", reference.as_str(), names));
            notes.push(without_action(rule, &error));
        }
        Ok(notes)
    }

    /// What to say of a rule whose trigger type does not exist, as when it is a sensor's or StackStorm's own. It
    /// would never match; the rest of its pack is of use without it.
    fn without_trigger(&self, definition: &RuleDefinition, new_kinds: &[TriggerType]) -> Option<String> {
        let kind = &definition.trigger.kind;
        if new_kinds.iter().any(|new| new.reference == *kind) {
            return None;
        }
        let error = self.content().trigger_type(kind).err()?;
        let rule = definition.reference();
        Some(format!(
            "rule `{rule}` is passed over: {error}; {}. Register the pack again when it is there",
            error.hint()
        ))
    }

    /// The rules that came from files of `pack` and are not among those that it has now.
    fn gone_rules(
        &self,
        pack: &str,
        before: Option<&BTreeMap<String, bool>>,
        kept: &[Rule],
    ) -> Vec<(Ref, RuleId)> {
        let kept: BTreeSet<&Ref> = kept.iter().map(|rule| &rule.reference).collect();
        let is_from_file = |rule: &Rule| match before {
            Some(before) => before.contains_key(rule.reference.name()),
            // What was made through the API says by whom.
            None => !rule.context.contains_key("user"),
        };
        let content = self.content();
        let gone = content.rules().filter(|rule| {
            rule.reference.pack() == pack && !kept.contains(&rule.reference) && is_from_file(rule)
        });
        gone.map(|rule| (rule.reference.clone(), rule.id)).collect()
    }
}

/// Decides whether a rule that is `known` is on. Its file says so where it has changed since it was registered last,
/// when it said `before`; else it stays as it is, and where that is not what the file says, somebody has switched it.
fn switched(rule: &mut Rule, known: &Rule, before: Option<bool>) -> Option<String> {
    let written = rule.enabled;
    if written == known.enabled || before.is_some_and(|before| before != written) {
        return None;
    }
    rule.enabled = known.enabled;
    let (stays, verb) = if written { ("off", "enable") } else { ("on", "disable") };
    Some(format!(
        "rule `{0}` stays {stays}, as it was switched by hand; its file says enabled: {written}, and `petrel rule {verb} \
         {0}` makes it so",
        rule.reference
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_file_of_a_rule_counts_where_it_has_changed() {
        let rule = |enabled: bool| -> Rule {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "enabled": enabled,
                "trigger": {"type": "core.st2.webhook"}, "action": {"ref": "core.noop"},
            });
            serde_json::from_value(rule).unwrap()
        };
        // What the file says, how the rule is, what the file said before; how it is then, and whether that is said.
        for (written, is_on, before, then, is_said) in [
            (true, true, Some(true), true, false),
            (false, true, Some(true), false, false),
            (true, false, Some(false), true, false),
            (true, false, Some(true), false, true),
            (false, true, Some(false), true, true),
            (false, false, Some(true), false, false),
            // Registered before this was kept.
            (true, false, None, false, true),
            (true, true, None, true, false),
        ] {
            let mut new = rule(written);
            let note = switched(&mut new, &rule(is_on), before);
            let case = format!("{written} {is_on} {before:?}");
            assert_eq!((new.enabled, note.is_some()), (then, is_said), "{case}");
        }
    }
}
