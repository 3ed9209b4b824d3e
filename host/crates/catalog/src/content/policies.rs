//! The policies of the catalog, by reference and by action. `active_policies` keeps them.

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::{Policy, PolicyId, Ref};

use super::Content;
use super::active_policies::{ActivePolicy, PolicySet};
use super::named::Named;

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
    use std::collections::BTreeSet;

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
        assert_eq!(before.deleted_in(&content.policy_set()), BTreeSet::from(["p.b".parse().unwrap()]));
        let renewed =
            Policy { id: "000000000000000000000002".parse().unwrap(), ..policy("a", "q.y", true, 1) };
        let before = content.policy_set();
        content.put_policy(renewed);
        assert_eq!(before.deleted_in(&content.policy_set()), BTreeSet::from(["p.a".parse().unwrap()]));
        content.put_policy(policy("a", "q.y", true, 1));
        assert_eq!((active(&content, "q.x"), active(&content, "q.y")), (Vec::new(), vec!["p.a".to_owned()]));
        assert!(content.policies_of(&"q.x".parse().unwrap()).is_none());
        assert!(content.policy("p.a").is_ok() && content.policy("000000000000000000000001").is_ok());
        assert_eq!(content.policy("p.ofg").unwrap_err().hint(), "did you mean `p.off`?");
    }
}
