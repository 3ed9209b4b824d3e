//! The contents of a process's catalog: rules, packs, and the events that meet them.

use std::fs;
use std::time::Duration;

use petrel_catalog::{Giver, registration};
use petrel_engine::triggers::{Accepted, Explanation};
use petrel_engine::{Engine, Error};
use petrel_model::{Action, Enforcement, EnforcementId, Execution, Pack, Ref, Rule, TriggerInstance};
use petrel_persistence::StoreExt as _;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::house::House;
use super::{PACK, Parts, object, settle};

/// Events, rules and packs.
impl House {
    /// Sends an event to a webhook.
    pub(crate) async fn post(&self, url: &str, body: Value) -> Result<Accepted, Error> {
        self.engine.triggers().accept_webhook(url, json!({"body": body})).await
    }

    /// The same, while the test does something else.
    pub(crate) fn post_later(&self, url: &str, body: Value) -> JoinHandle<Result<Accepted, Error>> {
        let (engine, url) = (self.engine.clone(), url.to_owned());
        tokio::spawn(async move { engine.triggers().accept_webhook(&url, json!({"body": body})).await })
    }

    /// All events, newest first.
    pub(crate) async fn events(&self) -> Vec<TriggerInstance> {
        self.engine.triggers().reads().trigger_instances(None, None, 10_000).await.unwrap().items
    }

    /// What the rules made of an event.
    pub(crate) async fn enforcements(&self, accepted: &Accepted) -> Vec<Enforcement> {
        let reads = self.engine.triggers().reads();
        let event = reads.trigger_instance(accepted.id).await.unwrap().unwrap();
        let mut found = Vec::new();
        for id in event.enforcements {
            found.extend(reads.enforcement(id).await.unwrap());
        }
        found
    }

    /// Whether an enforcement is stored.
    pub(crate) async fn has_enforcement(&self, id: EnforcementId) -> bool {
        self.engine.triggers().reads().enforcement(id).await.unwrap().is_some()
    }

    /// What each rule makes of an event, and why.
    pub(crate) async fn explain(&self, accepted: &Accepted) -> Vec<Explanation> {
        let event = self.engine.triggers().reads().trigger_instance(accepted.id).await.unwrap().unwrap();
        self.engine.triggers().explain(&event, false).await.unwrap()
    }

    /// Makes, changes or deletes a rule.
    pub(crate) async fn change(&self, change: RuleChange) -> Result<(), Error> {
        change.make(&self.engine).await
    }

    /// The same, while the test does something else.
    pub(crate) fn change_later(&self, change: RuleChange) -> JoinHandle<Result<(), Error>> {
        let engine = self.engine.clone();
        tokio::spawn(async move { change.make(&engine).await })
    }

    /// Makes a rule.
    pub(crate) async fn rule(&self, text: &str) {
        self.change(RuleChange::Create(text.to_owned())).await.unwrap();
    }

    /// The rules as they are shown, which are those that are stored and those that are evaluated.
    pub(crate) async fn rules(&self) -> Vec<Rule> {
        let (shown, evaluated) = {
            let content = self.engine.catalog().content();
            let shown: Vec<Rule> = content.rules().map(|rule| Rule::clone(rule)).collect();
            let evaluated: Vec<Rule> = content.index().iter().map(|rule| Rule::clone(rule.rule())).collect();
            (shown, evaluated)
        };
        let by_name = |rules: Vec<Rule>| {
            let mut rules = rules;
            rules.sort_by(|one, other| one.reference.cmp(&other.reference));
            rules
        };
        let stored = by_name(self.plan.store.all::<Rule>().await.unwrap());
        assert_eq!(by_name(shown), stored, "what is shown");
        assert_eq!(by_name(evaluated), stored, "what is evaluated");
        stored
    }

    /// The names of the rules.
    pub(crate) async fn rule_names(&self) -> Vec<String> {
        self.rules().await.iter().map(|rule| rule.reference.name().to_owned()).collect()
    }

    /// Makes a policy.
    pub(crate) async fn policy(&self, text: &str) {
        self.engine.catalog().create_policy(text).await.unwrap();
        settle().await;
    }

    /// Replaces a policy of the pack, and returns the reference that it has then.
    pub(crate) async fn update_policy(&self, name: &str, text: &str) -> String {
        let written = self.engine.catalog().update_policy(&format!("{PACK}.{name}"), text).await.unwrap();
        settle().await;
        written.policy.reference.to_string()
    }

    /// Switches a policy of the pack.
    pub(crate) async fn switch_policy(&self, name: &str, enabled: bool) {
        self.engine.catalog().set_policy_enabled(&format!("{PACK}.{name}"), enabled).await.unwrap();
        settle().await;
    }

    /// Deletes a policy of the pack.
    pub(crate) async fn delete_policy(&self, name: &str) {
        self.engine.catalog().delete_policy(&format!("{PACK}.{name}")).await.unwrap();
        settle().await;
    }

    /// The references of all policies.
    pub(crate) fn policy_names(&self) -> Vec<String> {
        let content = self.engine.catalog().content();
        content.policies().map(|policy| policy.reference.to_string()).collect()
    }

    /// Makes a maintenance window of an hour for the pack that begins after some minutes.
    pub(crate) async fn window(&self, name: &str, after: u64) {
        let from = self.engine.now().plus(Duration::from_secs(60 * after));
        let window = json!({
            "name": name, "packs": [PACK], "from": from, "until": from.plus(Duration::from_secs(3600)), "mode": "hold",
        });
        let window = serde_json::from_value(window).unwrap();
        self.engine.catalog().create_window(window).await.unwrap();
        settle().await;
    }

    /// Deletes a maintenance window.
    pub(crate) async fn delete_window(&self, name: &str) {
        self.engine.catalog().delete_window(name).await.unwrap();
        settle().await;
    }

    /// The reason why an execution waits.
    pub(crate) fn wait_reason(&self, execution: &Execution) -> Option<String> {
        self.engine.executions().wait_reason(execution)
    }

    /// Writes a file of the pack.
    pub(crate) fn write(&self, path: &str, text: &str) {
        self.plan.write(path, text);
    }

    /// Removes a file of the pack.
    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.plan.files.path().join(path)).unwrap();
    }

    /// Registers the pack as its files are now.
    pub(crate) async fn register(&self) -> Result<registration::Report, Error> {
        self.register_parts(Parts::ALL).await
    }

    /// Registers parts of the pack.
    pub(crate) async fn register_parts(&self, parts: Parts) -> Result<registration::Report, Error> {
        self.engine.catalog().register_parts(self.plan.files.path(), false, parts).await
    }

    /// The same, while the test does something else.
    pub(crate) fn register_later(&self) -> JoinHandle<Result<registration::Report, Error>> {
        let (engine, path) = (self.engine.clone(), self.plan.files.path().to_owned());
        tokio::spawn(async move { engine.catalog().register_parts(&path, false, Parts::ALL).await })
    }

    /// Configures the pack.
    pub(crate) async fn configure(&self, values: &Value) {
        let given = self.engine.catalog().configure_pack(PACK, object(values), Giver::SeesSecrets);
        given.await.unwrap();
    }

    /// Forgets the pack.
    pub(crate) async fn remove_pack(&self) -> Result<(), Error> {
        self.engine.catalog().remove_pack(PACK, Giver::SeesSecrets, "ada").await.map(drop)
    }

    /// The names of the actions that are shown, which are those that are stored.
    pub(crate) async fn actions(&self) -> Vec<String> {
        let shown: Vec<Ref> = {
            let content = self.engine.catalog().content();
            content.actions().map(|known| known.action.reference.clone()).collect()
        };
        let stored = self.plan.store.all::<Action>().await.unwrap();
        assert_eq!(shown, stored.into_iter().map(|action| action.reference).collect::<Vec<_>>());
        shown.iter().map(|reference| reference.name().to_owned()).collect()
    }

    /// The version of the pack that is shown, which is the one that is stored.
    pub(crate) async fn version(&self) -> Option<String> {
        let shown = self.engine.catalog().content().pack(PACK).ok().map(|pack| pack.version.clone());
        let stored = self.plan.store.all::<Pack>().await.unwrap();
        assert_eq!(shown, stored.into_iter().map(|pack| pack.version).next());
        shown
    }
}

/// A change of rules.
#[derive(Debug, Clone)]
pub(crate) enum RuleChange {
    /// One is made of this text.
    Create(String),
    /// The one with this reference becomes what the text says.
    Update(String, String),
    /// The one with this reference is switched on or off.
    Switch(String, bool),
    /// The one with this reference goes.
    Delete(String),
}

impl RuleChange {
    async fn make(self, engine: &Engine) -> Result<(), Error> {
        match self {
            Self::Create(text) => engine.catalog().create_rule(&text, "ada").await.map(drop),
            Self::Update(name, text) => {
                engine.catalog().update_rule(&name, &text, Giver::SeesSecrets).await.map(drop)
            }
            Self::Switch(name, is_on) => engine.catalog().set_rule_enabled(&name, is_on).await.map(drop),
            Self::Delete(name) => engine.catalog().delete_rule(&name).await.map(drop),
        }
    }
}
