//! An event, with everything that criteria and parameters may look at.

use std::sync::Arc;

use petrel_expressions::{Datastore, KeyScope, Scope};
use petrel_model::Timestamp;
use serde_json::Value;

use crate::pattern::SYSTEM;

/// The payload of a trigger instance, the time, and the datastore, as rules see them. Created once for an instance and
/// shared by all its rules.
#[derive(Debug, Clone)]
pub struct Occurrence {
    payload: Arc<Value>,
    now: Timestamp,
    scope: Scope,
    secrets: Option<Arc<Value>>,
}

impl Occurrence {
    /// Creates an occurrence. The datastore must have at least the keys that the rules name, see
    /// [`CompiledRule::datastore_keys`](crate::CompiledRule::datastore_keys).
    pub fn new(payload: Arc<Value>, now: Timestamp, datastore: Arc<Datastore>) -> Self {
        let scope = Scope::new()
            .with("trigger", Arc::clone(&payload))
            .with_key_scope(SYSTEM, KeyScope::System)
            .with_datastore(datastore);
        Self { payload, now, scope, secrets: None }
    }

    /// Sets the schema that marks secret parts of the payload. Messages do not quote those.
    #[must_use]
    pub fn with_secrets(self, schema: Option<Arc<Value>>) -> Self {
        Self { secrets: schema, ..self }
    }

    /// Replaces the datastore. It may be empty if no rule reads it, see
    /// [`CompiledRule::reads_datastore`](crate::CompiledRule::reads_datastore).
    #[must_use]
    pub fn with_datastore(self, datastore: Arc<Datastore>) -> Self {
        Self { scope: self.scope.with_datastore(datastore), ..self }
    }

    /// The payload.
    pub fn payload(&self) -> &Arc<Value> {
        &self.payload
    }

    /// The schema that marks secret parts of the payload.
    pub(crate) fn secrets(&self) -> Option<&Value> {
        self.secrets.as_deref()
    }

    /// The time to which `timediff_lt` and `timediff_gt` compare.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The scope of patterns: `trigger`, `system` and `st2kv`.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}
