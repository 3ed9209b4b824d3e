//! A pack that is ready to be registered: its compiled contents, and what leaves with its old version.

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::{Action, Pack, PackGrant, Policy, Ref, Rule, Sensor, TriggerType};
use petrel_persistence::{Change, Expect};
use petrel_rules::CompiledRule;

use super::rules::is_from_file;
use crate::configuration::GivenConfig;
use crate::content::{Content, RegisteredAction, RegisteredTriggerType};

/// The compiled contents of a pack, and those of its old version that leave.
pub(super) struct Ready {
    pub(super) pack: Pack,
    pub(super) actions: Vec<RegisteredAction>,
    pub(super) kinds: Vec<RegisteredTriggerType>,
    pub(super) rules: Vec<Arc<CompiledRule>>,
    pub(super) policies: Vec<Policy>,
    pub(super) sensors: Vec<Sensor>,
    pub(super) expect: Vec<Expect>,
    pub(super) gone_actions: Vec<Ref>,
    pub(super) gone_kinds: Vec<Ref>,
    pub(super) gone_rules: Vec<Ref>,
    pub(super) gone_policies: Vec<Ref>,
    pub(super) gone_sensors: Vec<Ref>,
    pub(super) config: Option<GivenConfig>,
    /// The grant that comes with it, if it is to change.
    pub(super) grant: Option<PackGrant>,
    pub(super) notes: Vec<String>,
}

impl Ready {
    /// Leaves out the rules that `refuse` refuses, as those that cannot work: each is noted, and what an older version of
    /// the pack brought under its name is gone. `content` is the catalog of before.
    pub(super) fn leave_out_rules(
        &mut self,
        content: &Content,
        refuse: impl Fn(&Content, &CompiledRule) -> Result<(), Error>,
    ) {
        let before = content.pack(&self.pack.reference).ok().and_then(|pack| pack.rules.as_ref());
        let (pack, notes, gone) = (&mut self.pack, &mut self.notes, &mut self.gone_rules);
        self.rules.retain(|compiled| {
            let Err(error) = refuse(content, compiled) else { return true };
            let reference = &compiled.rule().reference;
            let (said, name) = (error.to_string(), format!("rule `{reference}`: "));
            let why = format!("{}; {}", said.strip_prefix(&name).unwrap_or(&said), error.hint());
            // What was said of it as one that stays.
            notes.retain(|note| !note.starts_with(&format!("rule `{reference}` ")));
            notes.push(format!("rule `{reference}` is refused: {why}"));
            pack.refused_rules.insert(reference.name().to_owned(), why);
            if let Some(rules) = &mut pack.rules {
                rules.remove(reference.name());
            }
            let old = content.rule(reference.as_str()).ok();
            gone.extend(old.filter(|old| is_from_file(old, before)).map(|old| old.reference.clone()));
            false
        });
    }

    /// The changes of the store.
    pub(super) fn changes(&self) -> Vec<Change> {
        let mut changes = vec![Change::put(self.pack.clone())];
        let actions = self.actions.iter().map(|registered| Action::clone(&registered.action));
        changes.extend(actions.map(Change::put));
        let kinds = self.kinds.iter().map(|registered| TriggerType::clone(&registered.kind));
        changes.extend(kinds.map(Change::put));
        changes.extend(self.sensors.iter().cloned().map(Change::put));
        changes.extend(self.gone_actions.iter().cloned().map(Change::delete::<Action>));
        changes.extend(self.gone_kinds.iter().cloned().map(Change::delete::<TriggerType>));
        changes.extend(self.gone_rules.iter().cloned().map(Change::delete::<Rule>));
        changes.extend(self.gone_policies.iter().cloned().map(Change::delete::<Policy>));
        changes.extend(self.policies.iter().cloned().map(Change::put));
        changes.extend(self.gone_sensors.iter().cloned().map(Change::delete::<Sensor>));
        changes.extend(self.grant.iter().cloned().map(Change::put));
        changes.extend(self.rules.iter().map(|compiled| Change::put(Rule::clone(compiled.rule()))));
        changes
    }

    /// Replaces the old version of the pack in the catalog.
    pub(super) fn show(self, content: &mut Content) {
        let name = self.pack.reference.clone();
        content.put_pack(self.pack);
        content.put_config(&name, self.config);
        if self.grant.is_some() {
            content.put_grant(&name, self.grant);
        }
        self.gone_actions.iter().for_each(|reference| content.delete_action(reference));
        self.gone_kinds.iter().for_each(|reference| content.delete_trigger_type(reference));
        self.gone_rules.iter().for_each(|reference| content.delete_rule(reference));
        self.gone_policies.iter().for_each(|reference| content.delete_policy(reference));
        self.gone_sensors.iter().for_each(|reference| content.delete_sensor(reference));
        self.actions.into_iter().for_each(|action| content.put_action(action));
        self.kinds.into_iter().for_each(|kind| content.put_trigger_type(kind));
        self.sensors.into_iter().for_each(|sensor| content.put_sensor(sensor));
        self.rules.into_iter().for_each(|rule| content.put_rule(rule));
        self.policies.into_iter().for_each(|policy| content.put_policy(policy));
    }
}
