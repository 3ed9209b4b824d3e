//! The rules that must exist by the answers to their makers. While an answer is pending, and when the host was lost
//! before it came, either state is right.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Answer, Ask, rule_short_name};
use crate::invariants::RULES;
use crate::ledger::Violation;

/// The rules by name, and whether they are switched on.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    told: BTreeMap<String, bool>,
    /// Those of which somebody was not told, or that something went wrong.
    doubtful: BTreeSet<String>,
}

impl Rules {
    /// Takes down an answer.
    pub(crate) fn hear(&mut self, ask: &Ask, answer: &Answer) {
        match answer {
            Answer::Rule => {}
            // The store was lost, and whether the change was made only the next host finds out.
            Answer::Refused("internal") => return self.doubt(ask),
            _ => return,
        }
        match ask {
            Ask::MakeRule { rule, .. } | Ask::MakeOther { rule } => {
                self.told.insert(rule_short_name(*rule), true);
            }
            Ask::SwitchRule { rule, is_on } => drop(self.told.insert(rule_short_name(*rule), *is_on)),
            Ask::DropRule { rule } => drop(self.told.remove(&rule_short_name(*rule))),
            _ => {}
        }
    }

    /// There will be no answer to this.
    pub(crate) fn doubt(&mut self, ask: &Ask) {
        self.doubtful.extend(rule_of(ask));
    }

    /// Another host has started, which says what came of what is in doubt.
    pub(crate) fn take_over(&mut self, registered: &BTreeMap<String, bool>) {
        for name in std::mem::take(&mut self.doubtful) {
            match registered.get(&name) {
                Some(is_on) => drop(self.told.insert(name, *is_on)),
                None => drop(self.told.remove(&name)),
            }
        }
    }

    /// Where what is registered is not what was told, but for what is `pending`.
    pub(crate) fn differences<'a>(
        &self,
        registered: &BTreeMap<String, bool>,
        pending: impl Iterator<Item = &'a Ask>,
    ) -> Vec<Violation> {
        let open: BTreeSet<String> =
            pending.filter_map(rule_of).chain(self.doubtful.iter().cloned()).collect();
        let names: BTreeSet<&String> = self.told.keys().chain(registered.keys()).collect();
        let differs = |name: &&String| {
            !open.contains(name.as_str()) && self.told.get(name.as_str()) != registered.get(name.as_str())
        };
        let what = |name: &String| {
            format!("{name} is told to be {:?} and is {:?}", self.told.get(name), registered.get(name))
        };
        let differing = names.into_iter().filter(differs);
        differing.map(|name| Violation { invariant: RULES, what: what(name) }).collect()
    }
}

/// The name of the rule that is asked to be changed.
fn rule_of(ask: &Ask) -> Option<String> {
    match ask {
        Ask::MakeRule { rule, .. }
        | Ask::MakeOther { rule }
        | Ask::SwitchRule { rule, .. }
        | Ask::DropRule { rule } => Some(rule_short_name(*rule)),
        _ => None,
    }
}
