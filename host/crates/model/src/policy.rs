//! Policies: bounds on the executions of an action.

use serde::{Deserialize, Serialize};

use crate::{Object, Ref};

/// A bound on the executions of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The reference of the policy.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The action whose executions it bounds.
    pub resource_ref: Ref,
    /// The type of the bound, such as `action.concurrency`.
    pub policy_type: String,
    /// The parameters of the type.
    #[serde(default)]
    pub parameters: Object,
}
