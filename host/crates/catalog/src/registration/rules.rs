//! Decisions about the rules of a pack that is registered: known rules keep their ids, rules that have left the files
//! are removed, and whether a rule is enabled depends on its file and on changes by hand. [`super::rule_files`] has
//! checked them before.

use std::collections::{BTreeMap, BTreeSet};

use petrel_engine_core::Core;
use petrel_model::{Object, Ref, Rule, RuleId, TriggerType};
use petrel_packs::RuleDefinition;
use petrel_persistence::Expect;

use crate::content::Content;
use crate::rule_book::rule_among;

/// The decisions about the rules of a pack.
#[derive(Default)]
pub(super) struct RulesOfPack {
    pub(super) rules: Vec<Rule>,
    pub(super) expect: Vec<Expect>,
    /// Rules that have left the files.
    pub(super) gone: Vec<Ref>,
}

/// The rules of `pack`, whose files have `definitions`, with these trigger types and actions.
pub(super) fn rules_of(
    content: &Content,
    core: &Core,
    pack: &str,
    definitions: Vec<RuleDefinition>,
    new_kinds: &[TriggerType],
    notes: &mut Vec<String>,
) -> RulesOfPack {
    let before = content.pack(pack).ok().and_then(|pack| pack.rules.clone());
    let (mut rules, mut expect) = (Vec::new(), Vec::new());
    for definition in definitions {
        let known = content.rule(definition.reference().as_str()).ok().map(|rule| Rule::clone(rule));
        let id = known.as_ref().map_or_else(|| core.mint(core.now()), |rule| rule.id);
        let is_new = |kind: &Ref| new_kinds.iter().any(|new| new.reference == *kind);
        // A trigger type of the pack is registered together with it, and was checked with the files.
        let made = rule_among(content, definition, id, Object::new(), is_new);
        let mut rule = match made {
            Ok(rule) => rule,
            // The trigger has gone since the rule was checked.
            Err(error) => {
                notes.push(format!("{error}; {}", error.hint()));
                continue;
            }
        };
        expect.push(match known {
            Some(known) => {
                let before = before.as_ref().and_then(|before| before.get(known.reference.name()));
                notes.extend(switched(&mut rule, &known, before.copied()));
                notes.extend(changed(&rule, &known));
                Expect::RuleIs(known.reference, known.id)
            }
            None => Expect::RuleAbsent(rule.reference.clone()),
        });
        rules.push(rule);
    }
    let gone = gone_rules(content, pack, before.as_ref(), &rules);
    expect.extend(gone.iter().map(|(rule, id)| Expect::RuleIs(rule.clone(), *id)));
    notes.extend(gone.iter().map(|(rule, _)| format!("rule `{rule}` is gone: its pack brings it no more")));
    RulesOfPack { rules, expect, gone: gone.into_iter().map(|(rule, _)| rule).collect() }
}

/// The rules that came from files of `pack` and are not in them now.
fn gone_rules(
    content: &Content,
    pack: &str,
    before: Option<&BTreeMap<String, bool>>,
    kept: &[Rule],
) -> Vec<(Ref, RuleId)> {
    let kept: BTreeSet<&Ref> = kept.iter().map(|rule| &rule.reference).collect();
    let gone = content.rules().filter(|rule| {
        rule.reference.pack() == pack && !kept.contains(&rule.reference) && is_from_file(rule, before)
    });
    gone.map(|rule| (rule.reference.clone(), rule.id)).collect()
}

/// Whether a rule came from a file of its pack, whose files had the rules `before` at its last registration.
pub(super) fn is_from_file(rule: &Rule, before: Option<&BTreeMap<String, bool>>) -> bool {
    match before {
        Some(before) => before.contains_key(rule.reference.name()),
        // A rule that was created through the API has a user.
        None => !rule.context.contains_key("user"),
    }
}

/// Decides whether a `known` rule is enabled. Its file decides if it has changed since the last registration, when it
/// said `before`. Otherwise the rule stays as it is; if that differs from the file, somebody has switched it by hand.
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

/// The note on a rule that differs from its file: the file has changed, or somebody has changed the rule by hand,
/// which is undone now.
fn changed(rule: &Rule, known: &Rule) -> Option<String> {
    let before = Rule { enabled: rule.enabled, context: rule.context.clone(), ..known.clone() };
    (before != *rule).then(|| {
        format!(
            "rule `{}` was another one and is now as its file says; what was changed by hand goes into the file",
            rule.reference
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_that_is_put_back_is_told() {
        let rule = |enabled: bool, url: &str| -> Rule {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "enabled": enabled, "action": {"ref": "core.noop"},
                "trigger": {"type": "core.st2.webhook", "parameters": {"url": url}},
            });
            serde_json::from_value(rule).unwrap()
        };
        assert_eq!(changed(&rule(true, "a"), &rule(false, "a")), None);
        assert!(changed(&rule(true, "a"), &rule(true, "b")).is_some_and(|note| note.contains("rule `p.r`")));
    }

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
