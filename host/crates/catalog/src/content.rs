//! The catalog in memory: packs, actions, trigger types, rules, and the index that finds the rules of an event. It is
//! loaded from the store at the start, and changed after each commit that changes it, never before. Readers have a
//! snapshot; a change copies only the collections that it changes. [`refusals`] words refusals, [`alone`] needs no store.

mod active_policies;
mod alone;
mod config_keys;
mod host_keys;
mod internal;
mod maintenance;
mod named;
mod policies;
mod reads;
mod refusals;
mod rights;
mod rules;
mod schemas;
mod sensors;
mod timers;
mod triggers;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::capabilities::{Given, RightsTable};
use petrel_model::configuration::with_defaults;
use petrel_model::parameters::{Parameters, merged};
use petrel_model::secrets::{has_secret, marked_places, whole_schema};
use petrel_model::{
    Action, HostKey, MadeTrigger, MaintenanceWindow, Notify, Object, Pack, PackConfig, PackGrant, Policy,
    Ref, Rule, RuleId, Sensor, Trigger, TriggerType,
};
use petrel_persistence::{Store, StoreExt as _, Unreadable};
use petrel_rules::parameters::Signature;
use petrel_rules::warnings::Target;
use petrel_rules::{CompiledRule, RuleIndex};

pub use petrel_runners::{RunnerType, Runs};
use serde_json::{Value, json};

use self::active_policies::Policies;
pub use self::active_policies::{ActivePolicy, PolicySet};
pub(crate) use self::named::Named;
pub(crate) use self::schemas::parameters_of;
use crate::configuration::{Configuration, GivenConfig};
use crate::validation::Validator;
pub(crate) use refusals::refusal;
pub use refusals::{refused, without_runner};

/// The runners of this host, by name.
pub type Runners = BTreeMap<String, Runs>;

/// A registered action, ready to be requested and run.
pub struct RegisteredAction {
    /// The action.
    pub action: Arc<Action>,
    /// The runner or conductor of its runner type; `None` when this host lacks it.
    pub runs: Option<Runs>,
    /// The parameters of the action and of its runner, merged.
    pub parameters: Parameters,
    /// The directory of its pack.
    pub pack_path: PathBuf,
    /// The reason why the action is refused when somebody runs it, if it is.
    pub refused: Option<String>,
    /// Checks values of the parameters.
    pub validator: Validator,
    /// The parameters that are templates, are secret or are cast.
    pub signature: Signature,
    /// The places at which the schema of its result marks secrets.
    pub result_marks: Vec<String>,
    /// Who is told of the end of its executions.
    pub notify: Option<Arc<Notify>>,
}

impl RegisteredAction {
    /// Registers an action on a host with these runners; its pack is in `pack_path`.
    pub fn new(action: Action, runners: &Runners, pack_path: PathBuf) -> Self {
        let runs = runners.get(&action.runner_type).cloned();
        let none = Parameters::new();
        let runner_parameters = runs.as_ref().map_or(&none, |runs| &runs.runner_type().parameters);
        let parameters = merged(runner_parameters, &action.parameters);
        let signature = Signature::new(runner_parameters, &action.parameters);
        Self {
            runs,
            signature,
            validator: Validator::of_parameters(&parameters),
            parameters,
            pack_path,
            refused: None,
            result_marks: marked_places(&whole_schema(&action.output_schema)),
            // Registered by an earlier version, which did not look at it, it may be wrong.
            notify: Notify::read(&action.notify).ok().flatten().map(Arc::new),
            action: Arc::new(action),
        }
    }

    /// The view of the action that rules are checked against.
    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            runner_type: &self.action.runner_type,
            declared: &self.parameters,
            // Without the runner its parameters are unknown.
            is_whole: self.runs.is_some(),
        }
    }
}

/// A registered trigger type, ready to check payloads.
pub struct RegisteredTriggerType {
    /// The trigger type.
    pub kind: Arc<TriggerType>,
    /// Checks payloads, if the schema restricts them.
    pub payload: Option<Validator>,
    pub(crate) parameters: Validator,
    /// The schema of its payload, if it declares any value secret.
    pub secrets: Option<Arc<Value>>,
}

impl RegisteredTriggerType {
    /// Registers a trigger type.
    pub(crate) fn new(kind: TriggerType) -> Self {
        let schema = whole_schema(&kind.payload_schema);
        Self {
            secrets: has_secret(&schema).then(|| Arc::new(schema)),
            payload: Validator::of_payload(&kind.payload_schema),
            parameters: Validator::of_parameters(&parameters_of(&kind)),
            kind: Arc::new(kind),
        }
    }

    /// The schema of its parameters, as a set of parameters.
    pub fn parameters(&self) -> Parameters {
        parameters_of(&self.kind)
    }
}

/// The catalog at one moment: everything that is registered. A clone shares each collection with it until that is changed.
#[derive(Clone, Default)]
pub struct Content {
    runners: Arc<Runners>,
    packs: Arc<BTreeMap<String, Arc<Pack>>>,
    actions: Arc<BTreeMap<Ref, Arc<RegisteredAction>>>,
    trigger_types: Arc<BTreeMap<Ref, Arc<RegisteredTriggerType>>>,
    sensors: Arc<BTreeMap<Ref, Arc<Sensor>>>,
    rules: Arc<BTreeMap<Ref, Arc<Rule>>>,
    index: Arc<RuleIndex>,
    /// The triggers that rules listen to, each with how often they do.
    triggers: Arc<HashMap<Ref, (Arc<Trigger>, usize)>>,
    /// The references of these, by their type.
    by_kind: Arc<HashMap<Ref, BTreeSet<Ref>>>,
    made_triggers: Arc<BTreeMap<Ref, Arc<MadeTrigger>>>,
    webhooks: Arc<BTreeMap<String, Ref>>,
    policies: Arc<Policies>,
    given_configs: Arc<BTreeMap<String, GivenConfig>>,
    /// With the defaults of their schemas.
    configs: Arc<BTreeMap<String, Arc<Configuration>>>,
    windows: Arc<BTreeMap<String, Arc<MaintenanceWindow>>>,
    host_keys: Arc<BTreeMap<String, Arc<HostKey>>>,
    grants: Arc<BTreeMap<String, Arc<PackGrant>>>,
    /// What follows from the requests of packs, the grants, and what is given by the settings.
    rights: Arc<RightsTable>,
    given: Arc<Given>,
    /// Documents of the catalog that the store cannot read.
    unreadable: Arc<Vec<Unreadable>>,
}

impl Content {
    /// Loads the catalog from `store`, for a host with these runners, whose settings grant this.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn load(store: &dyn Store, runners: Runners, given: Given) -> Result<Self, Error> {
        let mut content = Self { runners: Arc::new(runners), ..Self::default() };
        content.give(given);
        for grant in store.all::<PackGrant>().await? {
            content.put_grant(&grant.pack.clone(), Some(grant));
        }
        // Packs come first: actions take their directories and refusals from them, and configurations their
        // schemas.
        for pack in store.all::<Pack>().await? {
            content.put_pack(pack);
        }
        for action in store.all::<Action>().await? {
            let pack = content.packs.get(action.reference.pack());
            let pack_path = pack.map(|pack| PathBuf::from(&pack.path)).unwrap_or_default();
            let refused = pack.and_then(|pack| pack.refused.get(action.reference.name()).cloned());
            let action = RegisteredAction::new(action, &content.runners, pack_path);
            content.put_action(RegisteredAction { refused, ..action });
        }
        for kind in store.all::<TriggerType>().await? {
            content.put_trigger_type(RegisteredTriggerType::new(kind));
        }
        store.all::<MadeTrigger>().await?.into_iter().for_each(|made| content.put_made_trigger(made));
        for rule in store.all::<Rule>().await? {
            content.put_rule(Arc::new(CompiledRule::new(Arc::new(rule))));
        }
        for policy in store.all::<Policy>().await? {
            content.put_policy(policy);
        }
        for PackConfig { pack, values, .. } in store.all::<PackConfig>().await? {
            content.put_config(&pack, Some(GivenConfig { values: Arc::new(values), file: None }));
        }
        store.all::<MaintenanceWindow>().await?.into_iter().for_each(|window| content.put_window(window));
        store.all::<HostKey>().await?.into_iter().for_each(|key| content.put_host_key(key));
        store.all::<Sensor>().await?.into_iter().for_each(|sensor| content.put_sensor(sensor));
        content.unreadable = Arc::new(store.unreadable());
        Ok(content)
    }

    /// The runners of this host.
    pub fn runners(&self) -> &Runners {
        &self.runners
    }

    /// All packs, by name.
    pub fn packs(&self) -> impl Iterator<Item = &Arc<Pack>> {
        self.packs.values()
    }

    /// A pack.
    pub fn pack(&self, name: &str) -> Result<&Arc<Pack>, Error> {
        let known = self.packs.keys().map(String::as_str);
        self.packs.get(name).ok_or_else(|| self.missing(Named::Pack, name, known))
    }

    /// The configuration of a pack with the defaults of its schema; empty if the pack has none.
    pub fn configuration(&self, pack: &str) -> Arc<Configuration> {
        self.configs.get(pack).map(Arc::clone).unwrap_or_default()
    }

    /// The configuration of a pack without defaults, if one was given.
    pub fn given_config(&self, pack: &str) -> Option<&GivenConfig> {
        self.given_configs.get(pack)
    }

    /// All actions, by reference.
    pub fn actions(&self) -> impl Iterator<Item = &Arc<RegisteredAction>> {
        self.actions.values()
    }

    /// The action, without an error that suggests a similar one.
    pub fn registered(&self, reference: &Ref) -> Option<&Arc<RegisteredAction>> {
        self.actions.get(reference)
    }

    /// An action.
    pub fn action(&self, reference: &Ref) -> Result<&Arc<RegisteredAction>, Error> {
        let known = self.actions.keys().map(Ref::as_str);
        self.actions.get(reference).ok_or_else(|| {
            let pack = self.packs.get(reference.pack());
            match pack.and_then(|pack| pack.refused.get(reference.name())) {
                Some(why) => refused(reference, why),
                None => self.missing(Named::Action, reference.as_str(), known),
            }
        })
    }

    /// All trigger types, by reference.
    pub fn trigger_types(&self) -> impl Iterator<Item = &Arc<RegisteredTriggerType>> {
        self.trigger_types.values()
    }

    /// A trigger type.
    pub fn trigger_type(&self, reference: &Ref) -> Result<&Arc<RegisteredTriggerType>, Error> {
        let known = self.trigger_types.keys().map(Ref::as_str);
        let found = self.trigger_types.get(reference);
        found.ok_or_else(|| self.missing(Named::Trigger, reference.as_str(), known))
    }

    /// The schema of secrets in events of the type `kind`; `None` if there are none. If the type is gone, every field
    /// may be secret.
    pub fn payload_secrets(&self, kind: &Ref) -> Option<Arc<Value>> {
        match self.trigger_types.get(kind) {
            Some(registered) => registered.secrets.clone(),
            None => Some(Arc::new(json!({"additionalProperties": {"secret": true}}))),
        }
    }

    /// All rules, by reference.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.values()
    }

    /// A rule, by reference or by id.
    pub fn rule(&self, name: &str) -> Result<&Arc<Rule>, Error> {
        let by_reference = name.parse::<Ref>().ok().and_then(|reference| self.rules.get(&reference));
        let by_id = || name.parse::<RuleId>().ok().and_then(|id| self.index.get(id));
        by_reference.or_else(|| self.rules.get(&by_id()?.rule().reference)).ok_or_else(|| self.left_out(name))
    }

    /// The index that finds the rules of an event.
    pub fn index(&self) -> &RuleIndex {
        &self.index
    }

    /// Registers a pack, or registers it again.
    pub(crate) fn put_pack(&mut self, pack: Pack) {
        let name = pack.reference.clone();
        Arc::make_mut(&mut self.packs).insert(name.clone(), Arc::new(pack));
        self.settle_config(&name);
        self.settle_rights(&name);
    }

    /// Removes a pack; its contents are removed one by one.
    pub(crate) fn delete_pack(&mut self, name: &str) {
        Arc::make_mut(&mut self.packs).remove(name);
        Arc::make_mut(&mut self.given_configs).remove(name);
        self.forget_lost_config(name);
        Arc::make_mut(&mut self.configs).remove(name);
        self.put_grant(name, None);
    }

    /// Sets or removes the configuration of a pack.
    pub(crate) fn put_config(&mut self, pack: &str, given: Option<GivenConfig>) {
        let given_configs = Arc::make_mut(&mut self.given_configs);
        match given {
            Some(given) => given_configs.insert(pack.to_owned(), given),
            None => given_configs.remove(pack),
        };
        self.settle_config(pack);
    }

    fn settle_config(&mut self, pack: &str) {
        let none = Object::new();
        let given = self.given_configs.get(pack).map_or(&none, |given| &given.values);
        let schema = self.packs.get(pack).and_then(|pack| pack.config_schema.as_ref());
        let whole = schema.map_or_else(|| given.clone(), |schema| with_defaults(given, schema));
        let configuration = Arc::new(Configuration::new(whole, given).with_schema(schema));
        Arc::make_mut(&mut self.configs).insert(pack.to_owned(), configuration);
    }

    /// Registers an action.
    pub(crate) fn put_action(&mut self, action: RegisteredAction) {
        Arc::make_mut(&mut self.actions).insert(action.action.reference.clone(), Arc::new(action));
    }

    /// Removes an action that is no longer in its pack.
    pub(crate) fn delete_action(&mut self, reference: &Ref) {
        Arc::make_mut(&mut self.actions).remove(reference);
    }

    /// Registers a trigger type.
    pub(crate) fn put_trigger_type(&mut self, kind: RegisteredTriggerType) {
        Arc::make_mut(&mut self.trigger_types).insert(kind.kind.reference.clone(), Arc::new(kind));
    }

    /// Removes a trigger type that is no longer in its pack.
    pub(crate) fn delete_trigger_type(&mut self, reference: &Ref) {
        Arc::make_mut(&mut self.trigger_types).remove(reference);
    }
}
