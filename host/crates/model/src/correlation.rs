//! Correlation: rules that look at several events. [`Correlation`] is the type of such a rule as its author writes it, and
//! [`CorrelationState`] what is held of the events of one key until it fires or its window ends. `petrel_rules::correlation`
//! decides.

mod state;

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::nearest::nearest;
use crate::quoted::quoted;
use crate::rule::Criteria;
use crate::{Object, Trigger};

pub use state::{CorrelationState, HeldEvent, HeldRow};

/// The trigger type of the event as which a correlation fires.
pub const CORRELATION: &str = "core.correlation";
/// The greatest number of `events` of a rule, besides that of its own trigger.
pub const MOST_EVENTS: usize = 10;
/// The greatest number of criteria of one of them.
pub const MOST_CRITERIA: usize = 50;
/// The greatest number of events of a key that are held.
pub const MOST_HELD: usize = 100;
/// The longest template of a key, in bytes.
pub const LONGEST_BY: usize = 1024;
/// The shortest and the longest window.
const WINDOW: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30 * DAY));
const DAY: u64 = 86_400;

const KEYS: [&str; 5] = ["kind", "within", "by", "events", "count"];
const KEYS_OF_EVENT: [&str; 3] = ["trigger", "criteria", "by"];

/// What has to come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrelationKind {
    /// Each of the events comes within the window, in any order.
    AllWithin,
    /// The first event comes, and none of the others within the window after it.
    NoneWithin,
    /// An event comes; the same within the window after it is counted only.
    OnceWithin,
    /// Events have come, and none for as long as the window.
    OnceAfter,
    /// So many events come within the window.
    Accumulate,
}

impl CorrelationKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::AllWithin, Self::NoneWithin, Self::OnceWithin, Self::OnceAfter, Self::Accumulate];

    /// The word for it in a rule.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllWithin => "all_within",
            Self::NoneWithin => "none_within",
            Self::OnceWithin => "once_within",
            Self::OnceAfter => "once_after",
            Self::Accumulate => "accumulate",
        }
    }

    /// Whether it looks at further events besides that of the rule's own trigger.
    fn has_events(self) -> bool {
        matches!(self, Self::AllWithin | Self::NoneWithin)
    }
}

/// One of the further events.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelatedEvent {
    /// Its trigger.
    pub trigger: Trigger,
    /// The criteria that it has to meet.
    pub criteria: Criteria,
    /// The template of its key, if it is another one than that of the rule.
    pub by: Option<String>,
}

/// The type of a rule that correlates events: the parameters of `type: {ref: correlation, parameters: {…}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// What has to come together.
    pub kind: CorrelationKind,
    /// The window.
    pub within: Duration,
    /// The template of the key of an event: only events with the same key belong together. Without it all do.
    pub by: Option<String>,
    /// The events besides that of the rule's own trigger and criteria, which is the first.
    pub events: Vec<CorrelatedEvent>,
    /// How many events [`CorrelationKind::Accumulate`] waits for.
    pub count: usize,
    /// The parameters as they were written.
    written: Object,
}

impl Correlation {
    /// Reads the parameters of the rule type.
    ///
    /// # Errors
    /// A sentence that names the key and its remedy.
    pub fn read(parameters: &Value) -> Result<Self, String> {
        let at = "type.parameters";
        let written = parameters
            .as_object()
            .ok_or_else(|| format!("{at}: a correlation has parameters; write kind and within"))?;
        refuse_unknown(at, written, &KEYS)?;
        let kind = kind(written.get("kind"))?;
        let within = within(written.get("within"))?;
        let by = by(at, written.get("by"))?;
        let events = events(kind, written.get("events"))?;
        let count = count(kind, written.get("count"))?;
        Ok(Self { kind, within, by, events, count, written: written.clone() })
    }

    /// The parameters as they were written.
    pub fn parameters(&self) -> &Object {
        &self.written
    }

    /// Replaces the trigger of an event by its normal form, also in what was written.
    pub fn set_trigger(&mut self, place: usize, trigger: Trigger) {
        let written = self.written.get_mut("events").and_then(|events| events.get_mut(place));
        if let Some(event) = written.and_then(Value::as_object_mut) {
            let normal = json!({"type": trigger.kind, "parameters": trigger.parameters});
            event.insert("trigger".into(), normal);
        }
        if let Some(event) = self.events.get_mut(place) {
            event.trigger = trigger;
        }
    }
}

fn refuse_unknown(at: &str, fields: &Object, known: &[&str]) -> Result<(), String> {
    let Some(stranger) = fields.keys().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
    let remedy = match nearest(stranger, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("its keys are {}", known.join(", ")),
    };
    Err(format!("{at}.{} is no key of a correlation; {remedy}", quoted(stranger)))
}

fn kind(value: Option<&Value>) -> Result<CorrelationKind, String> {
    let names = CorrelationKind::ALL.map(CorrelationKind::as_str);
    let Some(name) = value.and_then(Value::as_str) else {
        return Err(format!("type.parameters.kind: write one of {}", names.join(", ")));
    };
    CorrelationKind::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| {
        let near = nearest(name, names).map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
        format!(
            "type.parameters.kind: `{}` is no kind of correlation{near}; write one of {}",
            quoted(name),
            names.join(", ")
        )
    })
}

fn within(value: Option<&Value>) -> Result<Duration, String> {
    let wrong = "type.parameters.within: write a time from 1s to 30d, such as 30s, 5m, 2h or 1d";
    let found = match value {
        Some(Value::Number(seconds)) => seconds.as_u64(),
        Some(Value::String(text)) => {
            let text = text.trim();
            let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
            let (number, unit) = text.split_at(end);
            let unit = match unit.trim() {
                "" | "s" => Some(1),
                "m" => Some(60),
                "h" => Some(3_600),
                "d" => Some(DAY),
                _ => None,
            };
            unit.and_then(|unit: u64| number.parse::<u64>().ok()?.checked_mul(unit))
        }
        _ => None,
    };
    let found = found.map(Duration::from_secs).filter(|found| (WINDOW.0..=WINDOW.1).contains(found));
    found.ok_or_else(|| match value {
        Some(value) => format!("{wrong}, and not {}", quoted(&value.to_string())),
        None => wrong.to_owned(),
    })
}

fn by(at: &str, value: Option<&Value>) -> Result<Option<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= LONGEST_BY => Ok(Some(text.clone())),
        Some(Value::String(_)) => Err(format!("{at}.by: a template of a key has at most {LONGEST_BY} bytes")),
        Some(_) => Err(format!("{at}.by: write a template, such as \"{{{{ trigger.body.host }}}}\"")),
    }
}

fn events(kind: CorrelationKind, value: Option<&Value>) -> Result<Vec<CorrelatedEvent>, String> {
    let at = "type.parameters.events";
    let none = Vec::new();
    let listed = match value {
        None | Some(Value::Null) => &none,
        Some(Value::Array(items)) => items,
        Some(_) => return Err(format!("{at}: write a list of {{trigger, criteria}}")),
    };
    match (kind.has_events(), listed.len()) {
        (true, 1..=MOST_EVENTS) | (false, 0) => {}
        (true, 0) => {
            return Err(format!(
                "{at}: {} needs the events besides that of the rule's own trigger; list them as {{trigger, criteria}}",
                kind.as_str()
            ));
        }
        (true, count) => {
            return Err(format!(
                "{at}: there are {count} events, and {MOST_EVENTS} is the limit; leave some out"
            ));
        }
        (false, _) => {
            return Err(format!(
                "{at}: {} looks at the rule's own trigger only; leave out events",
                kind.as_str()
            ));
        }
    }
    listed.iter().enumerate().map(|(place, item)| event(&format!("{at}[{place}]"), item)).collect()
}

fn event(at: &str, item: &Value) -> Result<CorrelatedEvent, String> {
    let fields = item.as_object().ok_or_else(|| format!("{at}: write {{trigger, criteria}}"))?;
    refuse_unknown(at, fields, &KEYS_OF_EVENT)?;
    let trigger = fields.get("trigger").filter(|trigger| trigger.is_object());
    let trigger =
        trigger.ok_or_else(|| format!("{at}.trigger: write {{type: PACK.NAME, parameters: {{…}}}}"))?;
    if let Some(trigger) = trigger.as_object() {
        refuse_unknown(&format!("{at}.trigger"), trigger, &["type", "parameters"])?;
    }
    let trigger: Trigger = Deserialize::deserialize(trigger)
        .map_err(|error| format!("{at}.trigger: {error}; write {{type, parameters}}"))?;
    if let Some(criteria) = fields.get("criteria").and_then(Value::as_object) {
        for (key, criterion) in criteria {
            let (key, kind) = (quoted(key), "{type: equals, pattern: VALUE}");
            let at = format!("{at}.criteria.{key}");
            let Some(criterion) = criterion.as_object() else {
                return Err(format!("{at}: write {key}: {kind}; for two conditions {key}#1 and {key}#2"));
            };
            refuse_unknown(&at, criterion, &["type", "pattern", "condition"])?;
        }
    }
    let criteria: Criteria = fields
        .get("criteria")
        .map_or_else(|| Ok(Criteria::default()), Deserialize::deserialize)
        .map_err(|error| format!("{at}.criteria: {error}; write them as the criteria of a rule"))?;
    if criteria.0.len() > MOST_CRITERIA {
        let count = criteria.0.len();
        return Err(format!(
            "{at}.criteria: there are {count}, and {MOST_CRITERIA} is the limit; leave some out"
        ));
    }
    Ok(CorrelatedEvent { trigger, criteria, by: by(at, fields.get("by"))? })
}

fn count(kind: CorrelationKind, value: Option<&Value>) -> Result<usize, String> {
    let at = "type.parameters.count";
    match (kind, value) {
        (CorrelationKind::Accumulate, value) => {
            let number = value.and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
            number
                .filter(|number| (2..=MOST_HELD).contains(number))
                .ok_or_else(|| format!("{at}: accumulate needs a number of events from 2 to {MOST_HELD}"))
        }
        (_, None) => Ok(0),
        (kind, Some(_)) => Err(format!("{at}: {} counts for itself; leave out count", kind.as_str())),
    }
}

impl Serialize for Correlation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Correlation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::read(&value).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_and_written_as_it_was() {
        let other = json!([{"trigger": {"type": "p.t"}, "criteria": {"trigger.a": {"type": "exists"}}}]);
        for (parameters, kind, seconds) in [
            (json!({"kind": "all_within", "within": "5m", "events": other}), CorrelationKind::AllWithin, 300),
            (
                json!({"kind": "none_within", "within": "2h", "events": other}),
                CorrelationKind::NoneWithin,
                7_200,
            ),
            (
                json!({"kind": "once_within", "within": 7, "by": "{{ trigger.a }}"}),
                CorrelationKind::OnceWithin,
                7,
            ),
            (json!({"kind": "once_after", "within": "30d"}), CorrelationKind::OnceAfter, 2_592_000),
            (json!({"kind": "accumulate", "within": "9 s", "count": 3}), CorrelationKind::Accumulate, 9),
        ] {
            let read = Correlation::read(&parameters).unwrap();
            assert_eq!((read.kind, read.within), (kind, Duration::from_secs(seconds)), "{parameters}");
            assert_eq!(serde_json::to_value(&read).unwrap(), parameters);
        }
    }

    #[test]
    fn the_normal_form_of_a_trigger_is_what_is_written() {
        let trigger = json!({"type": "core.st2.webhook", "parameters": {"url": "/a/"}});
        let parameters = json!({"kind": "all_within", "within": "5m", "events": [{"trigger": trigger}]});
        let mut read = Correlation::read(&parameters).unwrap();
        let mut normal = read.events[0].trigger.clone();
        normal.parameters.insert("url".into(), json!("a"));
        read.set_trigger(0, normal);
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written["events"][0]["trigger"]["parameters"]["url"], "a");
        assert_eq!(Correlation::read(&written).unwrap(), read);
    }

    #[test]
    fn a_bad_shape_is_refused_by_its_key() {
        let event = json!({"trigger": {"type": "p.t"}});
        let many = vec![event.clone(); MOST_EVENTS + 1];
        for (parameters, says) in [
            (json!(null), "write kind and within"),
            (json!({"kind": "all"}), "type.parameters.kind: `all` is no kind"),
            (json!({"within": "5m"}), "type.parameters.kind: write one of all_within"),
            (json!({"kind": "once_after"}), "type.parameters.within: write a time"),
            (json!({"kind": "once_after", "within": "31d"}), "and not"),
            (json!({"kind": "once_after", "within": "0s"}), "from 1s to 30d"),
            (json!({"kind": "once_after", "within": "5 weeks"}), "type.parameters.within"),
            (
                json!({"kind": "once_after", "withn": "5m"}),
                "type.parameters.withn is no key of a correlation; did you mean within?",
            ),
            (json!({"kind": "once_after", "within": "5m", "by": 1}), "type.parameters.by: write a template"),
            (json!({"kind": "once_after", "within": "5m", "by": "x".repeat(2_000)}), "at most 1024 bytes"),
            (json!({"kind": "once_after", "within": "5m", "events": [event]}), "leave out events"),
            (json!({"kind": "once_after", "within": "5m", "count": 2}), "leave out count"),
            (json!({"kind": "accumulate", "within": "5m"}), "type.parameters.count: accumulate needs"),
            (json!({"kind": "accumulate", "within": "5m", "count": 101}), "from 2 to 100"),
            (json!({"kind": "all_within", "within": "5m"}), "type.parameters.events: all_within needs"),
            (json!({"kind": "all_within", "within": "5m", "events": many}), "10 is the limit"),
            (json!({"kind": "none_within", "within": "5m", "events": [{}]}), "events[0].trigger: write"),
            (
                json!({"kind": "none_within", "within": "5m", "events": [{"trigger": "p.t"}]}),
                "type.parameters.events[0].trigger: write {type: PACK.NAME, parameters: {…}}",
            ),
            (
                json!({"kind": "none_within", "within": "5m", "events": [{"trigger": {"type": "p.t"}, "criteria": {"trigger.x": 1}}]}),
                "events[0].criteria.trigger.x: write trigger.x: {type: equals, pattern: VALUE}; for two conditions trigger.x#1",
            ),
            (
                json!({"kind": "none_within", "within": "5m", "events": [{"trigger": {"type": "nothing"}}]}),
                "type.parameters.events[0].trigger: ",
            ),
            (
                json!({"kind": "none_within", "within": "5m", "events": [{"trigger": {"type": "p.t"}, "criteria": []}]}),
                "type.parameters.events[0].criteria: ",
            ),
            (
                json!({"kind": "none_within", "within": "5m", "events": [{"trigger": {"type": "p.t"}, "criterion": {}}]}),
                "type.parameters.events[0].criterion is no key",
            ),
        ] {
            let told = Correlation::read(&parameters).unwrap_err();
            assert!(told.contains(says), "{parameters}: {told}");
        }
    }
}
