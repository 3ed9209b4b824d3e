//! Notes on the contents that go with a removed pack, and with its old version when it is registered again: by name,
//! since somebody may miss them. [`super`] removes them.

use petrel_model::quoted::listed;
use petrel_model::{Pack, Ref, Rule, RuleId, TriggerType};

use super::rules::is_from_file;
use crate::content::Content;

/// The most capabilities that a note lists.
const MOST_LISTED: usize = 20;

/// Largest number of rules that one note names.
const MOST_RULES: usize = 10;

/// The outcome of removing a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The pack.
    pub pack: String,
    /// The number of its actions.
    pub actions: usize,
    /// The number of its trigger types.
    pub trigger_types: usize,
    /// The number of its rules, including those made by hand.
    pub rules: usize,
    /// The number of its policies.
    pub policies: usize,
    /// The number of its sensors.
    pub sensors: usize,
    /// Notes on removed objects that no file of the pack has, and on those that stay.
    pub notes: Vec<String>,
}

/// Notes on `rules` of a removed pack, and on its configuration, as far as no file of the pack brings them back.
pub(super) fn taken_along(content: &Content, pack: &Pack, rules: &[(Ref, RuleId)]) -> Vec<String> {
    let made = rules.iter().map(|(rule, _)| rule).filter(|rule| {
        content.rule(rule.as_str()).is_ok_and(|rule| !is_from_file(rule, pack.rules.as_ref()))
    });
    let mut notes: Vec<_> = made
        .map(|rule| {
            format!("rule `{rule}` is gone; it was made by hand, and no file of the pack brings it back")
        })
        .collect();
    let name = &pack.reference;
    let kinds = content.trigger_types().map(|registered| &registered.kind.reference);
    let kinds = kinds.filter(|kind| kind.pack() == name && content.is_made(kind));
    notes.extend(kinds.map(|kind| format!("trigger type `{kind}` is gone; it was made by hand")));
    notes.extend(content.given_config(name).map(|given| match &given.file {
        Some(file) => format!(
            "the configuration of the pack `{name}` stays in {}, and counts when the pack is registered again",
            file.display()
        ),
        None => format!(
            "the configuration of the pack `{name}` is gone; `petrel pack configure {name} FILE` gives it again when \
             the pack is registered"
        ),
    }));
    if let Some(grant) = content.grant(name) {
        let granted: Vec<_> = grant.granted.all().map(|one| format!("'{one}'")).collect();
        notes.push(format!(
            "what the pack `{name}` was granted is gone: {}; `petrel pack grant {name} CAPABILITY` gives it again",
            listed(granted.iter().map(String::as_str), MOST_LISTED)
        ));
    }
    notes
}

/// Notes on trigger types that were made by hand, and are those of files of a pack from now on.
pub(super) fn no_longer_made(content: &Content, kinds: &[TriggerType]) -> Vec<String> {
    let made = kinds.iter().map(|kind| &kind.reference).filter(|kind| content.is_made(kind));
    made.map(|kind| {
        format!("trigger type `{kind}` was made by hand; from now on it is as the files of its pack have it")
    })
    .collect()
}

/// Notes on actions and trigger types that a pack had and has no more, and on rules that need them. Refused ones have
/// notes with a reason already.
pub(super) fn left_behind(content: &Content, pack: &Pack, actions: &[Ref], kinds: &[Ref]) -> Vec<String> {
    let before = content.pack(&pack.reference).ok().and_then(|pack| pack.rules.clone());
    // The rules in the files of the pack have checks of their own.
    let is_other =
        |rule: &Rule| rule.reference.pack() != pack.reference || !is_from_file(rule, before.as_ref());
    let users = |needs: &dyn Fn(&Rule) -> bool| {
        let users = content.rules().filter(|rule| is_other(rule) && needs(rule));
        users.map(|rule| rule.reference.to_string()).collect::<Vec<_>>()
    };
    let actions = actions.iter().filter(|action| !pack.refused.contains_key(action.name()));
    let actions = actions.map(|action| {
        let users = users(&|rule: &Rule| rule.action.reference == *action);
        format!("action `{action}` is gone: its pack brings it no more{}", needed_by(&users, "run"))
    });
    let kinds = kinds.iter().map(|kind| {
        let users = users(&|rule: &Rule| rule.triggers().any(|trigger| trigger.kind == *kind));
        format!("trigger type `{kind}` is gone: its pack brings it no more{}", needed_by(&users, "wait for"))
    });
    actions.chain(kinds).collect()
}

/// The end of a note: the rules that need a removed object. Empty if there are none.
fn needed_by(users: &[String], verb: &str) -> String {
    if users.is_empty() {
        return String::new();
    }
    let named = users.iter().take(MOST_RULES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match users.len().saturating_sub(MOST_RULES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("; change or delete the rules that {verb} it: {named}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_every_rule_is_named() {
        let users =
            |count: usize| -> Vec<String> { (0..count).map(|number| format!("p.r{number}")).collect() };
        assert_eq!(needed_by(&users(0), "run"), "");
        assert_eq!(needed_by(&users(2), "run"), "; change or delete the rules that run it: p.r0, p.r1");
        assert!(needed_by(&users(12), "run").ends_with("p.r9 and 2 more"));
    }
}
