//! Looks at the rules of a pack that is registered or checked. One that cannot work is left out, alone, and so is one whose
//! trigger is not there; what else there is to say is a note. What becomes of the others is in [`super::rules`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::{Id, Ref, RuleId};
use petrel_packs::limits::MOST_PROBLEMS_OF_PACK;
use petrel_packs::{PackContents, Problem, RuleDefinition};
use petrel_rules::{check, warnings};

use super::flows::{Around, Known};
use super::reading;
use crate::content::{RegisteredAction, RegisteredTriggerType, refused};
use crate::rule_book::{misfits, sentence, settle, without_action};

/// Leaves out the rules that cannot work, and notes what else there is to say about rules.
pub(super) fn check_rules(contents: &mut PackContents, around: &Around) {
    let own = Own::of(contents, around);
    let mut notes = Vec::new();
    for definition in std::mem::take(&mut contents.rules) {
        match own.look(&definition, around) {
            Looked::Fine(more) => {
                notes.extend(more);
                contents.rules.push(definition);
            }
            Looked::PassedOver(note) => notes.push(note),
            Looked::Refused(problems) => {
                contents.refused_rules.entry(definition.name).or_default().extend(problems);
            }
        }
    }
    let more = notes.len().saturating_sub(MOST_PROBLEMS_OF_PACK);
    notes.truncate(MOST_PROBLEMS_OF_PACK);
    contents.notes.append(&mut notes);
    if more > 0 {
        contents.notes.push(format!("and {more} more notes on rules; see to these first"));
    }
}

/// What was found in a rule.
enum Looked {
    /// It can be registered; what there is to say.
    Fine(Vec<String>),
    /// Its trigger is not there; what to say of it.
    PassedOver(String),
    /// It cannot work.
    Refused(Vec<Problem>),
}

/// What the pack itself brings, as far as its rules name it.
struct Own {
    pack: String,
    actions: BTreeMap<Ref, Arc<RegisteredAction>>,
    /// Why actions are refused whose metadata cannot be read.
    unread: BTreeMap<String, String>,
    kinds: BTreeMap<Ref, Arc<RegisteredTriggerType>>,
}

impl Own {
    fn of(contents: &PackContents, around: &Around) -> Self {
        let runners = around.content().runners();
        let named: BTreeSet<&Ref> = contents.rules.iter().map(|rule| &rule.action.reference).collect();
        let actions = contents.actions.iter().filter(|action| named.contains(&action.reference));
        let actions = actions.map(|action| {
            let registered = RegisteredAction::new(action.clone(), runners, std::path::PathBuf::new());
            (action.reference.clone(), Arc::new(registered))
        });
        let kinds = contents
            .trigger_types
            .iter()
            .map(|kind| (kind.reference.clone(), Arc::new(RegisteredTriggerType::new(kind.clone()))));
        let unread = contents.refused.iter();
        Self {
            pack: contents.pack.reference.clone(),
            unread: unread.map(|(name, problems)| (name.clone(), reading::reason(problems))).collect(),
            actions: actions.collect(),
            kinds: kinds.collect(),
        }
    }

    fn action(&self, reference: &Ref, around: &Around) -> Known<RegisteredAction> {
        if reference.pack() != self.pack {
            return around.action(reference);
        }
        // What is gone from the pack is not there any more, whatever is registered.
        match (self.actions.get(reference), self.unread.get(reference.name())) {
            (Some(own), _) => Known::There(Arc::clone(own)),
            (None, Some(why)) => Known::Missing(refused(reference, why)),
            (None, None) => {
                let names = self.actions.keys().map(Ref::as_str);
                Known::Missing(Error::not_found("action", reference.as_str(), names))
            }
        }
    }

    fn kind(&self, reference: &Ref, around: &Around) -> Known<RegisteredTriggerType> {
        if reference.pack() != self.pack {
            return around.trigger_type(reference);
        }
        self.kinds.get(reference).map_or_else(
            || {
                let names = self.kinds.keys().map(Ref::as_str);
                Known::Missing(Error::not_found("trigger", reference.as_str(), names))
            },
            |own| Known::There(Arc::clone(own)),
        )
    }

    fn look(&self, definition: &RuleDefinition, around: &Around) -> Looked {
        // No id is stored here: whoever registers it gives it one.
        let mut rule = definition.clone().into_rule(RuleId(Id::from_bytes([0; 12])));
        let problem = |message: String| Problem { file: definition.file.clone(), position: None, message };
        let mut problems = Vec::new();
        match self.kind(&definition.trigger.kind, around) {
            Known::There(kind) => {
                if let Err(error) = settle(&mut rule.trigger, &kind) {
                    problems.push(problem(format!("{error}; {}", error.hint())));
                }
            }
            Known::Missing(error) => {
                return Looked::PassedOver(format!(
                    "rule `{}` is passed over: {error}; {} Register the pack again when it is there",
                    rule.reference,
                    sentence(error.hint())
                ));
            }
            Known::Unknown => {}
        }
        let known = self.action(&rule.action.reference, around);
        let action = known.there();
        // Of what is not there it is not known what is secret.
        let is_secret = |name: &str| action.is_none_or(|action| action.signature.is_secret(name));
        problems.extend(check(&rule, is_secret).iter().map(|found| problem(found.to_string())));
        if !problems.is_empty() {
            return Looked::Refused(problems);
        }
        let mut notes = warnings(&rule, action.map(RegisteredAction::target));
        notes.extend(action.into_iter().flat_map(|action| misfits(&rule, action)));
        if let Known::Missing(error) = &known {
            notes.push(without_action(&rule, error));
        }
        Looked::Fine(notes)
    }
}
