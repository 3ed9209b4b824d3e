//! The check of rules in a pack that is registered or checked, and of the keys of the datastore that rules and defaults of
//! actions read. A rule that cannot work, or whose trigger does not exist, is left out; everything else is a note.
//! [`super::rules`] decides about the remaining ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_expressions::DATASTORE;
use petrel_expressions::members::ConfigKeys;
use petrel_model::count::counted;
use petrel_model::parameters::{Parameters, Schema};
use petrel_model::quoted::quoted;
use petrel_model::{Action, Id, Ref, Rule, RuleId};
use petrel_packs::limits::MOST_PROBLEMS_OF_PACK;
use petrel_packs::{PackContents, Problem, RuleDefinition};
use petrel_rules::parameters::Signature;
use petrel_rules::{CompiledRule, check, pack_key_warnings, warnings};

use super::flows::{Around, Known};
use super::reading;
use crate::content::{RegisteredAction, RegisteredTriggerType, refused};
use crate::rule_book::{
    misfits, sentence, settle, settle_event, strange_config, strange_fields, without_action,
};

/// The id of a rule that is only looked at. The registration assigns one.
const NO_ID: RuleId = RuleId(Id::from_bytes([0; 12]));

/// Leaves out rules that cannot work, and notes everything else about rules.
pub(super) fn check_rules(contents: &mut PackContents, around: &Around) {
    let own = Own::of(contents, around);
    let mut notes = strange_defaults(contents, own.config.as_ref());
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
    notes.extend(missing_keys(contents, around));
    let more = notes.len().saturating_sub(MOST_PROBLEMS_OF_PACK);
    notes.truncate(MOST_PROBLEMS_OF_PACK);
    contents.notes.append(&mut notes);
    if more > 0 {
        contents.notes.push(format!("and {} on rules; see to these first", counted(more, "more note")));
    }
}

/// Notes on missing keys of the datastore that rules and the defaults of actions read.
fn missing_keys(contents: &PackContents, around: &Around) -> Vec<String> {
    let Some(datastore) = around.datastore() else { return Vec::new() };
    let reads_some = |action: &&Action| {
        let mut defaults = action.parameters.values().filter_map(|schema| Schema::of(schema).default());
        defaults.any(|default| default.to_string().contains(DATASTORE))
    };
    let reading = contents.actions.iter().filter(reads_some);
    let reading =
        reading.map(|action| (&action.reference, Signature::new(&Parameters::new(), &action.parameters)));
    let rules = contents.rules.iter().map(|rule| CompiledRule::new(Arc::new(rule.clone().into_rule(NO_ID))));
    pack_key_warnings(&reading.collect::<Vec<_>>(), &rules.collect::<Vec<_>>(), datastore)
}

/// Notes on keys that the defaults of actions read of the configuration, and that it never has.
fn strange_defaults(contents: &PackContents, config: Option<&ConfigKeys>) -> Vec<String> {
    let Some(config) = config else { return Vec::new() };
    let notes = contents.actions.iter().flat_map(|action| {
        action.parameters.iter().flat_map(move |(name, schema)| {
            let found = Schema::of(schema).default().map(|default| config.strangers(default));
            found.into_iter().flatten().map(move |(place, message)| {
                format!(
                    "action {}: the default of parameter {}{place}: {message}",
                    action.reference,
                    quoted(name)
                )
            })
        })
    });
    notes.collect()
}

/// The findings in a rule.
enum Looked {
    /// The rule can be registered, with notes.
    Fine(Vec<String>),
    /// The trigger does not exist; the note on that.
    PassedOver(String),
    /// The rule cannot work.
    Refused(Vec<Problem>),
}

/// The contents of the pack itself that its rules name.
struct Own {
    pack: String,
    actions: BTreeMap<Ref, Arc<RegisteredAction>>,
    /// The reasons why actions are refused whose metadata cannot be read.
    unread: BTreeMap<String, String>,
    kinds: BTreeMap<Ref, Arc<RegisteredTriggerType>>,
    /// The keys that its configuration may have.
    config: Option<ConfigKeys>,
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
            config: around.config_keys(&contents.pack),
        }
    }

    /// The keys that the configuration of `pack` may have.
    fn config_keys(&self, pack: &str, around: &Around) -> Option<ConfigKeys> {
        if pack == self.pack { self.config.clone() } else { around.content().known_config_keys(pack) }
    }

    fn action(&self, reference: &Ref, around: &Around) -> Known<RegisteredAction> {
        if reference.pack() != self.pack {
            return around.action(reference);
        }
        // An action that has left the pack does not exist any more, even if it is registered.
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
        let mut rule = definition.clone().into_rule(NO_ID);
        let problem = |message: String| Problem { file: definition.file.clone(), position: None, message };
        let mut problems = Vec::new();
        let kind = self.kind(&definition.trigger.kind, around);
        match &kind {
            Known::There(kind) => {
                if let Err(error) = settle(&mut rule.trigger, kind) {
                    problems.push(problem(format!("{error}; {}", error.hint())));
                }
            }
            Known::Missing(error) => return passed_over(&rule, error),
            Known::Unknown => {}
        }
        if let Some(correlation) = definition.kind.correlation() {
            for event in &correlation.events {
                match self.kind(&event.trigger.kind, around) {
                    Known::There(kind) => {
                        let misfit = settle_event(&mut event.trigger.clone(), &kind).err();
                        problems.extend(misfit.map(|error| problem(format!("{error}; {}", error.hint()))));
                    }
                    Known::Missing(error) => return passed_over(&rule, &error),
                    Known::Unknown => {}
                }
            }
        }
        let known = self.action(&rule.action.reference, around);
        let action = known.there();
        // Without the action nobody knows which parameters are secret.
        let is_secret = |name: &str| action.is_none_or(|action| action.signature.may_be_secret(name));
        problems.extend(check(&rule, is_secret).iter().map(|found| problem(found.to_string())));
        if !problems.is_empty() {
            return Looked::Refused(problems);
        }
        let mut notes = warnings(&rule, action.map(RegisteredAction::target));
        notes.extend(action.into_iter().flat_map(|action| misfits(&rule, action)));
        let keys = self.config_keys(rule.action.reference.pack(), around);
        notes.extend(strange_config(&rule, keys.as_ref(), is_secret));
        let kind_of = |kind: &Ref| match self.kind(kind, around) {
            Known::There(kind) => Some(kind),
            Known::Missing(_) | Known::Unknown => None,
        };
        notes.extend(strange_fields(&rule, kind_of, is_secret));
        if let Known::Missing(error) = &known {
            notes.push(without_action(&rule, error));
        }
        Looked::Fine(notes)
    }
}

/// The note on a rule of which a trigger type does not exist.
fn passed_over(rule: &Rule, error: &Error) -> Looked {
    Looked::PassedOver(format!(
        "rule `{}` is passed over: {error}; {} Register the pack again when it is there",
        rule.reference,
        sentence(error.hint())
    ))
}
