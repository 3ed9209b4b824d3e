//! The handle of the service, and its state.

use std::collections::BTreeMap;

use petrel_engine_core::{Core, Decided, Error, Mirror};
use petrel_model::Ref;

/// The service with the bounds on executions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Policies {
    core: Core,
    limits: Mirror<BTreeMap<Ref, usize>>,
}

impl Policies {
    /// The service without any bound.
    pub fn new(core: Core) -> Self {
        Self { core, limits: Mirror::new(BTreeMap::new()) }
    }

    /// The largest number of executions of an action that may run at once, if there is a bound.
    pub fn limit(&self, action: &Ref) -> Option<usize> {
        self.limits.get().get(action).copied()
    }

    /// Bounds the executions of an action until the host stops.
    ///
    /// # Errors
    /// When the limit is zero, or the host stops.
    pub async fn set(&self, action: Ref, limit: usize) -> Result<(), Error> {
        let set = move |_: &BTreeMap<Ref, usize>| {
            if limit == 0 {
                return Err(Error::invalid(format!("the limit of {action} is 0"), "disable the action"));
            }
            Ok(Decided::new(Vec::new(), (), move |limits: &mut BTreeMap<Ref, usize>| {
                limits.insert(action, limit);
            }))
        };
        self.limits.change(&self.core, set).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use petrel_engine_core::SetClock;
    use petrel_persistence::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn an_action_has_the_bound_that_was_set_last() {
        let core = Core::new(Arc::new(MemoryStore::default()), Arc::new(SetClock::default()));
        let (policies, action) = (Policies::new(core), Ref::new("core", "noop"));
        assert_eq!(policies.limit(&action), None);
        policies.set(action.clone(), 2).await.unwrap();
        assert_eq!(policies.set(action.clone(), 0).await.unwrap_err().code(), "invalid");
        assert_eq!(policies.limit(&action), Some(2));
    }
}
