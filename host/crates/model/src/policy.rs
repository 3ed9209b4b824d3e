//! Policies: limits on when executions of an action start, and what is done again after they fail. [`effect`] reads the
//! parameters of a policy, [`kinds`] has the types of policies.

pub mod effect;
pub mod kinds;
mod starts;

use serde::{Deserialize, Serialize};

pub use effect::{Effect, Misfit};

use crate::{ExecutionId, Object, PolicyId, Ref, Timestamp};

/// A policy of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id. A policy that is registered again keeps it.
    pub id: PolicyId,
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// One line on its purpose.
    #[serde(default)]
    pub description: String,
    /// A disabled policy has no effect.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The action, which need not exist.
    #[serde(rename = "resource_ref")]
    pub resource: Ref,
    /// The type, `action.concurrency` for example.
    #[serde(rename = "policy_type")]
    pub kind: String,
    /// The parameters, as the type describes them.
    #[serde(default)]
    pub parameters: Object,
    /// The file in its pack that it comes from; empty for one that was made by hand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metadata_file: String,
    /// Whether somebody has enabled or disabled it by hand since its file said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_switched: bool,
}

fn yes() -> bool {
    true
}

impl Policy {
    /// What the policy does.
    ///
    /// # Errors
    /// All that is wrong with its type and its parameters.
    pub fn effect(&self) -> Result<Effect, Vec<Misfit>> {
        Effect::of(&self.kind, &self.parameters)
    }
}

/// What a policy has to remember of executions that may have ended: which was the first of its kind, or when they
/// started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyState {
    /// The policy, with a digest of the values that its executions have in common.
    pub key: String,
    /// The time from which nobody needs it any more.
    pub until: Timestamp,
    /// The first execution with these values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<ExecutionId>,
    /// The times at which executions start, or have started, in order.
    #[serde(default, with = "starts", skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<Timestamp>,
}

/// What policies have done with an execution.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// The execution that it tries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryOf>,
    /// Policies that have let it pass, and do not look at it again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<Ref>,
}

impl Applied {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.retry.is_none() && self.passed.is_empty()
    }

    /// The number of attempts before this one.
    pub fn retries(&self) -> u32 {
        self.retry.as_ref().map_or(0, |retry| retry.retry_count)
    }
}

/// The attempt before a retry, with StackStorm's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryOf {
    /// The policy.
    pub applied_policy: Ref,
    /// The number of attempts before this one.
    pub retry_count: u32,
    /// The execution that failed.
    pub retried_liveaction_id: ExecutionId,
}
