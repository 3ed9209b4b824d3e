//! The policies of actions: each is read once, when it becomes part of the catalog.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::policy::Effect;
use petrel_model::{Policy, PolicyId, Ref};

use super::Content;
use super::named::Named;

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
pub struct PolicySet(Arc<Policies>);

impl PolicySet {
    /// The policies that have an effect and limit how many executions start in a time.
    pub fn rate_limits(&self) -> BTreeSet<Ref> {
        let active = self.0.by_action.values().flat_map(|policies| policies.iter());
        let limits = active.filter(|policy| matches!(policy.effect, Effect::RateLimit(_)));
        limits.map(|policy| policy.reference.clone()).collect()
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
    all: BTreeMap<Ref, Arc<Policy>>,
    /// Those that have an effect, by their action, in the order of their references.
    by_action: HashMap<Ref, Arc<[ActivePolicy]>>,
}

impl Policies {
    fn put(&mut self, policy: Policy) {
        let action = policy.resource.clone();
        let before = self.all.insert(policy.reference.clone(), Arc::new(policy));
        if let Some(before) = before.filter(|before| before.resource != action) {
            self.settle(&before.resource);
        }
        self.settle(&action);
    }

    fn delete(&mut self, reference: &Ref) {
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

impl Content {
    /// All policies, by reference.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<Policy>> {
        self.policies.all.values()
    }

    /// A policy, by reference or by id.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn policy(&self, name: &str) -> Result<&Arc<Policy>, Error> {
        let all = &self.policies.all;
        let by_reference = name.parse::<Ref>().ok().and_then(|reference| all.get(&reference));
        let by_id = || {
            let id: PolicyId = name.parse().ok()?;
            all.values().find(|policy| policy.id == id)
        };
        let known = all.keys().map(Ref::as_str);
        by_reference.or_else(by_id).ok_or_else(|| self.missing(Named::Policy, name, known))
    }

    /// The policies of an action that have an effect; `None` if there are none.
    pub fn policies_of(&self, action: &Ref) -> Option<&Arc<[ActivePolicy]>> {
        self.policies.by_action.get(action)
    }

    /// The policies, to see later whether they have changed.
    pub fn policy_set(&self) -> PolicySet {
        PolicySet(Arc::clone(&self.policies))
    }

    /// Sets a policy, in place of the one with its reference.
    pub(crate) fn put_policy(&mut self, policy: Policy) {
        Arc::make_mut(&mut self.policies).put(policy);
    }

    /// Removes a policy.
    pub(crate) fn delete_policy(&mut self, reference: &Ref) {
        Arc::make_mut(&mut self.policies).delete(reference);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(name: &str, action: &str, enabled: bool, threshold: u32) -> Policy {
        serde_json::from_value(json!({
            "id": "000000000000000000000001", "ref": format!("p.{name}"), "resource_ref": action, "enabled": enabled,
            "policy_type": "action.concurrency", "parameters": {"threshold": threshold},
        }))
        .unwrap()
    }

    #[test]
    fn an_action_has_the_policies_that_have_an_effect() {
        let mut content = Content::default();
        let active = |content: &Content, action: &str| -> Vec<String> {
            let active = content.policies_of(&action.parse().unwrap());
            active.into_iter().flat_map(|all| all.iter()).map(|one| one.reference.to_string()).collect()
        };
        content.put_policy(policy("b", "q.x", true, 1));
        content.put_policy(policy("a", "q.x", true, 1));
        content.put_policy(policy("off", "q.x", false, 1));
        content.put_policy(policy("unread", "q.x", true, 0));
        assert_eq!(active(&content, "q.x"), ["p.a", "p.b"]);
        assert_eq!(content.policies().count(), 4);
        let before = content.policy_set();
        assert_eq!(content.policy_set(), before);
        content.put_policy(policy("a", "q.y", true, 1));
        content.delete_policy(&"p.b".parse().unwrap());
        assert_ne!(content.policy_set(), before);
        assert_eq!((active(&content, "q.x"), active(&content, "q.y")), (Vec::new(), vec!["p.a".to_owned()]));
        assert!(content.policies_of(&"q.x".parse().unwrap()).is_none());
        assert!(content.policy("p.a").is_ok() && content.policy("000000000000000000000001").is_ok());
        assert_eq!(content.policy("p.ofg").unwrap_err().hint(), "did you mean `p.off`?");
    }
}
