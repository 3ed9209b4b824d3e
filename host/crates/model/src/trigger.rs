//! Triggers: trigger types (kinds of events), triggers (a type with parameters) and trigger instances (single accepted
//! events).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::correlation::CORRELATION;
use crate::count::is_zero;
use crate::{
    EnforcementId, ExecutionId, Object, Payload, Ref, Timestamp, TraceId, TraceTag, TriggerInstanceId,
    hexadecimal, notify,
};

/// The trigger type of `POST /api/v1/webhooks/{url}`. Its parameter is `url`.
pub const WEBHOOK: &str = "core.st2.webhook";
/// The trigger type that is due again after each interval. Its parameters are `unit` and `delta`.
pub const INTERVAL_TIMER: &str = "core.st2.IntervalTimer";
/// The trigger type that is due once. Its parameter is `date`.
pub const DATE_TIMER: &str = "core.st2.DateTimer";
/// The trigger type that is due whenever fields of the time have certain values. Its parameters are these fields.
pub const CRON_TIMER: &str = "core.st2.CronTimer";
/// The trigger types of timers.
pub const TIMERS: [&str; 3] = [INTERVAL_TIMER, DATE_TIMER, CRON_TIMER];

/// The trigger type of the end of an execution.
pub const ACTION_TRIGGER: &str = "core.st2.generic.actiontrigger";
/// The trigger types of what the platform itself reports, see [`InternalEvent`](crate::InternalEvent). They have no
/// parameters.
pub const INTERNAL: [&str; 11] = [
    ACTION_TRIGGER,
    notify::TRIGGER,
    "core.st2.generic.inquiry",
    "core.st2.action.file_written",
    "core.st2.key_value_pair.create",
    "core.st2.key_value_pair.update",
    "core.st2.key_value_pair.value_change",
    "core.st2.key_value_pair.delete",
    "core.st2.sensor.process_spawn",
    "core.st2.sensor.process_exit",
    CORRELATION,
];

/// The trigger types of StackStorm's whose events the host does not make yet, each with the remedy for a rule that
/// listens to it.
const NOT_MADE: [(&str, &str); 1] = [(
    "core.st2.action.file_written",
    "listen to core.st2.generic.actiontrigger, with a criterion on trigger.action_ref",
)];

/// The reason why no event of the trigger type `kind` is made, with its remedy. `None` if there are such events.
pub fn not_made(kind: &str) -> Option<String> {
    let (_, remedy) = NOT_MADE.iter().find(|(not_made, _)| *not_made == kind)?;
    Some(format!("the host makes no events of {kind} yet; {remedy}"))
}

/// A kind of event that a pack declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriggerType {
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// One line on when such an event happens.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the parameters that a rule passes.
    #[serde(default)]
    pub parameters_schema: Object,
    /// JSON Schema of the payload of its instances.
    #[serde(default)]
    pub payload_schema: Object,
    /// The user who has made it by hand; none for one in the files of its pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// A trigger type with parameters, to which a rule listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// The trigger type.
    #[serde(rename = "type")]
    pub kind: Ref,
    /// The parameters, such as the `url` of a webhook.
    #[serde(default)]
    pub parameters: Object,
}

/// A trigger that somebody has made by hand. It is there while no rule listens to it, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MadeTrigger {
    /// See [`Trigger::reference`].
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The trigger.
    pub trigger: Trigger,
    /// One line on what it is for.
    #[serde(default)]
    pub description: String,
    /// The user who has made it.
    #[serde(default)]
    pub made_by: String,
}

impl Trigger {
    /// Whether it is a timer: the host itself fires it when it is due.
    pub fn is_timer(&self) -> bool {
        TIMERS.contains(&self.kind.as_str())
    }

    /// The reference of the trigger. Without parameters it is that of the type. With parameters it contains a hash of
    /// them, so that two rules with equal parameters, in any order of keys, listen to the same trigger.
    pub fn reference(&self) -> Ref {
        if self.parameters.is_empty() {
            return self.kind.clone();
        }
        let mut hasher = Sha256::new();
        hasher.update(self.kind.as_str());
        hash_value(&mut hasher, &Value::Object(self.parameters.clone()));
        let digest = hasher.finalize();
        let name = hexadecimal(digest.get(..12).unwrap_or(&digest));
        Ref::new(self.kind.pack(), &format!("{}.{name}", self.kind.name()))
    }
}

/// The trigger type in the reference of a trigger. That of a trigger with parameters ends with 24 more digits, a digest of
/// them (see [`Trigger::reference`]).
pub fn kind_of(trigger: &str) -> &str {
    let is_digest = |last: &str| last.len() == 24 && last.bytes().all(|byte| byte.is_ascii_hexdigit());
    // The type itself has a pack and a name.
    let parts = trigger.rsplit_once('.').filter(|(kind, last)| kind.contains('.') && is_digest(last));
    parts.map_or(trigger, |(kind, _)| kind)
}

/// Feeds `value` to `hasher` so that equal values give the same bytes, whatever the order of keys.
fn hash_value(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            hasher.update([b'{']);
            for (key, value) in entries {
                // The length separates a key from the value after it: `ab` and `c` must differ from `a` and `bc`.
                hasher.update(key.len().to_be_bytes());
                hasher.update(key);
                hash_value(hasher, value);
            }
            hasher.update([b'}']);
        }
        Value::Array(items) => {
            hasher.update([b'[']);
            items.iter().for_each(|item| hash_value(hasher, item));
            hasher.update([b']']);
        }
        scalar => {
            let text = scalar.to_string();
            hasher.update(text.len().to_be_bytes());
            hasher.update(text);
        }
    }
}

/// The progress of the evaluation of rules for an instance, in StackStorm's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerInstanceStatus {
    /// Accepted, rules not yet evaluated.
    Pending,
    /// Rules are being evaluated.
    Processing,
    /// All rules were evaluated. Matches were enforced in the same commit.
    Processed,
    /// Rules could not be evaluated.
    ProcessingFailed,
}

impl TriggerInstanceStatus {
    /// The status in StackStorm's words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Processed => "processed",
            Self::ProcessingFailed => "processing_failed",
        }
    }
}

/// A single accepted event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriggerInstance {
    /// Its id, which the sender receives.
    pub id: TriggerInstanceId,
    /// The trigger, see [`Trigger::reference`].
    pub trigger: Ref,
    /// The trigger type.
    pub trigger_type: Ref,
    /// The time of the event.
    pub occurrence_time: Timestamp,
    /// The contents of the event.
    pub payload: Payload,
    /// The progress of the evaluation of rules.
    pub status: TriggerInstanceStatus,
    /// Enforcements of the rules that matched or failed to be evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enforcements: Vec<EnforcementId>,
    /// The trace that its sender named, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// The tag of the trace, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_tag: Option<TraceTag>,
    /// The execution that it reports, or that has sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<ExecutionId>,
    /// The number of events of actions that led to it and that it is one of, see
    /// [`InternalEvent::depth`](crate::InternalEvent::depth).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// The event that it repeats, for one of its rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<TriggerInstanceId>,
}

impl TriggerInstance {
    /// The trace that it belongs to: its sender's, or else one that begins with it.
    pub fn trace_id(&self) -> TraceId {
        self.trace.unwrap_or_else(|| TraceId::from(self.id.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trigger(parameters: Value) -> Trigger {
        let Value::Object(parameters) = parameters else { panic!("not an object: {parameters}") };
        Trigger { kind: WEBHOOK.parse().unwrap(), parameters }
    }

    #[test]
    fn a_reference_tells_the_type_of_its_trigger() {
        for (trigger, kind) in [
            (WEBHOOK, WEBHOOK),
            ("core.st2.webhook.0123456789abcdef01234567", WEBHOOK),
            ("core.st2.webhook.0123456789abcdef0123456", "core.st2.webhook.0123456789abcdef0123456"),
            // A type whose name looks like a digest.
            ("mine.0123456789abcdef01234567", "mine.0123456789abcdef01234567"),
        ] {
            assert_eq!(kind_of(trigger), kind);
        }
    }

    #[test]
    fn a_trigger_is_named_by_its_type_and_parameters() {
        assert_eq!(trigger(json!({})).reference().as_str(), WEBHOOK);
        let sample = trigger(json!({"url": "sample", "n": [1, {"a": 1, "b": 2}]}));
        let reordered = trigger(json!({"n": [1, {"b": 2, "a": 1}], "url": "sample"}));
        let other = trigger(json!({"url": "other", "n": [1, {"a": 1, "b": 2}]}));
        assert_eq!(sample.reference(), reordered.reference());
        assert_ne!(sample.reference(), other.reference());
        assert!(sample.reference().as_str().starts_with("core.st2.webhook."));
        assert_eq!(kind_of(sample.reference().as_str()), WEBHOOK);
    }
}
