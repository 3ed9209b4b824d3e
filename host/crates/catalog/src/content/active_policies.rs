//! The policies of actions: each is read once, when it becomes part of the catalog.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use petrel_model::policy::Effect;
use petrel_model::{Policy, Ref};

/// A policy that has an effect.
#[derive(Debug, Clone)]
pub struct ActivePolicy {
    /// Its reference.
    pub reference: Ref,
    /// What it does.
    pub effect: Effect,
}

/// The policies at one moment. It keeps nothing else of the catalog.
#[derive(Debug, Clone)]
pub struct PolicySet(pub(super) Arc<Policies>);

impl PolicySet {
    /// The policies that have an effect and limit how many executions start in a time.
    pub fn rate_limits(&self) -> BTreeSet<Ref> {
        let active = self.0.by_action.values().flat_map(|policies| policies.iter());
        let limits = active.filter(|policy| matches!(policy.effect, Effect::RateLimit(_)));
        limits.map(|policy| policy.reference.clone()).collect()
    }

    /// The policies that are deleted in `later`, also if there is another one with the same name.
    pub fn deleted_in(&self, later: &Self) -> BTreeSet<Ref> {
        let is_same = |(name, policy): &(&Ref, &Arc<Policy>)| {
            later.0.all.get(*name).is_some_and(|other| other.id == policy.id)
        };
        self.0.all.iter().filter(|one| !is_same(one)).map(|(name, _)| name.clone()).collect()
    }
}

impl PartialEq for PolicySet {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// All policies.
#[derive(Debug, Clone, Default)]
pub(super) struct Policies {
    pub(super) all: BTreeMap<Ref, Arc<Policy>>,
    /// Those that have an effect, by their action, in the order of their references.
    pub(super) by_action: HashMap<Ref, Arc<[ActivePolicy]>>,
}

impl Policies {
    pub(super) fn put(&mut self, policy: Policy) {
        let action = policy.resource.clone();
        let before = self.all.insert(policy.reference.clone(), Arc::new(policy));
        if let Some(before) = before.filter(|before| before.resource != action) {
            self.settle(&before.resource);
        }
        self.settle(&action);
    }

    pub(super) fn delete(&mut self, reference: &Ref) {
        if let Some(before) = self.all.remove(reference) {
            self.settle(&before.resource);
        }
    }

    /// Reads the policies of an action again.
    fn settle(&mut self, action: &Ref) {
        let of_action = self.all.values().filter(|policy| policy.enabled && policy.resource == *action);
        let active = of_action.filter_map(|policy| match policy.effect() {
            Ok(effect) => Some(ActivePolicy { reference: policy.reference.clone(), effect }),
            Err(misfits) => {
                // Stored by another version, which had other limits.
                let why = misfits.into_iter().map(|misfit| misfit.message).collect::<Vec<_>>().join("; ");
                tracing::warn!(policy = %policy.reference, why, "a policy has no effect, since it cannot be read; correct it");
                None
            }
        });
        let active: Arc<[ActivePolicy]> = active.collect();
        if active.is_empty() {
            self.by_action.remove(action);
        } else {
            self.by_action.insert(action.clone(), active);
        }
    }
}
