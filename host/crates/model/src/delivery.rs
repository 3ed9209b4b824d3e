//! Deliveries that are taken once: the row that remembers the key of an event, for as long as its sender may send it again.

use serde::{Deserialize, Serialize};

use crate::{ExecutionId, Timestamp, TriggerInstanceId};

/// The key of an event that its sender may send again, with what came of the event. It is stored in the commit of the event,
/// so that of all that come with the same key one is taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The SHA-256 of the key and of what it belongs to, as 64 hexadecimal digits. Keys themselves are not kept.
    pub digest: String,
    /// The SHA-256 of the body, in the same form, if another body with the same key is a mistake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The event.
    pub trigger_instance: TriggerInstanceId,
    /// The executions that it requested, in the order of its rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub executions: Vec<ExecutionId>,
    /// The time at which it was taken in.
    pub taken_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Id;

    #[test]
    fn a_row_has_no_more_than_it_needs() {
        let id = Id::from_parts(1, 1);
        let delivery = Delivery {
            digest: "0a".into(),
            fingerprint: None,
            trigger_instance: id.into(),
            executions: Vec::new(),
            taken_at: Timestamp::from_micros(7),
        };
        let stored = serde_json::to_value(&delivery).unwrap();
        let expected = json!({"digest": "0a", "trigger_instance": id, "taken_at": delivery.taken_at});
        assert_eq!(stored, expected);
        assert_eq!(serde_json::from_value::<Delivery>(stored).unwrap(), delivery);
    }
}
