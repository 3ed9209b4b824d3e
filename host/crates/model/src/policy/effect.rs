//! The effect of a policy: its parameters as the host reads them, and the values by which executions are counted together.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::kinds::{CONCURRENCY, CONCURRENCY_BY_ATTRIBUTE, DEDUPE, RATE_LIMIT, RETRY, TYPES};
use crate::nearest::nearest;
use crate::quoted::quoted;
use crate::{Object, hexadecimal};

/// Largest number of attributes of a policy.
const MOST_ATTRIBUTES: usize = 50;
/// Largest threshold. No host runs as many at once.
const MOST_AT_ONCE: i64 = 1_000_000;

/// The effect of a policy.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// At most so many executions run at once.
    Concurrency(Concurrency),
    /// At most so many executions start in a time.
    RateLimit(RateLimit),
    /// The same is not run twice.
    Dedupe(Dedupe),
    /// A failed execution is tried again.
    Retry(Retry),
}

/// What becomes of an execution that may not start now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It waits.
    Delay,
    /// It ends as canceled.
    Cancel,
}

/// A limit of executions that run at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Concurrency {
    /// The number of executions.
    pub threshold: usize,
    /// What becomes of one more.
    pub otherwise: Otherwise,
    /// The parameters of which executions with equal values are counted together; none for all executions.
    pub attributes: Vec<String>,
}

/// A limit of executions that start in a time.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    /// The number of executions.
    pub limit: usize,
    /// The time.
    pub per: Duration,
    /// What becomes of one more.
    pub otherwise: Otherwise,
    /// As [`Concurrency::attributes`].
    pub attributes: Vec<String>,
}

/// A time for which the same is not run twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Dedupe {
    /// The parameters that must be equal; none for all parameters.
    pub attributes: Vec<String>,
    /// The time.
    pub window: Duration,
}

/// The status after which an execution is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// It has failed.
    Failure,
    /// It has exceeded its timeout.
    Timeout,
}

/// Further attempts after a failure.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// When there is one.
    pub on: RetryOn,
    /// The largest number of them.
    pub most: u32,
    /// The delay before each of them.
    pub delay: Duration,
}

/// A mistake in the type or in the parameters of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The parameter, or `None` for the type itself.
    pub parameter: Option<String>,
    /// The mistake, with its remedy.
    pub message: String,
}

impl Effect {
    /// The effect of a policy of type `kind` with these `parameters`.
    ///
    /// # Errors
    /// All mistakes.
    pub fn of(kind: &str, parameters: &Object) -> Result<Self, Vec<Misfit>> {
        let mut read = Reader { given: parameters, kind, known: Vec::new(), found: Vec::new() };
        let effect = match kind {
            CONCURRENCY => read.concurrency(false),
            CONCURRENCY_BY_ATTRIBUTE => read.concurrency(true),
            RATE_LIMIT => Self::RateLimit(RateLimit {
                limit: usize::try_from(read.whole("limit", None, 1, 1_000)).unwrap_or(1),
                per: read.seconds("per", None, 0.1, 86_400.0),
                otherwise: read.otherwise(),
                attributes: read.attributes(),
            }),
            DEDUPE => Self::Dedupe(Dedupe {
                attributes: read.attributes(),
                window: read.seconds("window", Some(86_400.0), 1.0, 2_592_000.0),
            }),
            RETRY => Self::Retry(Retry {
                on: match read.word("retry_on", &["failure", "timeout"], None) {
                    "timeout" => RetryOn::Timeout,
                    _ => RetryOn::Failure,
                },
                most: u32::try_from(read.whole("max_retry_count", Some(2), 1, 5)).unwrap_or(1),
                delay: read.seconds("delay", Some(0.0), 0.0, 120.0),
            }),
            _ => return Err(vec![unknown(kind)]),
        };
        read.refuse_strangers();
        if read.found.is_empty() { Ok(effect) } else { Err(read.found) }
    }
}

/// The mistake of a type that does not exist.
fn unknown(kind: &str) -> Misfit {
    let known = || TYPES.iter().map(|kind| kind.reference);
    let remedy = match nearest(kind, known()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the types are {}", known().collect::<Vec<_>>().join(", ")),
    };
    Misfit { parameter: None, message: format!("there is no type of policies `{}`; {remedy}", quoted(kind)) }
}

/// Reads parameters by name.
struct Reader<'a> {
    given: &'a Object,
    kind: &'a str,
    known: Vec<&'static str>,
    found: Vec<Misfit>,
}

impl Reader<'_> {
    fn concurrency(&mut self, by_attribute: bool) -> Effect {
        Effect::Concurrency(Concurrency {
            threshold: usize::try_from(self.whole("threshold", None, 1, MOST_AT_ONCE)).unwrap_or(1),
            otherwise: self.otherwise(),
            attributes: if by_attribute { self.attributes() } else { Vec::new() },
        })
    }

    /// The value of a parameter. As in StackStorm, null is none.
    fn value(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.given.get(name).filter(|value| !value.is_null()).cloned()
    }

    fn wrong(&mut self, name: &str, needed: &str, value: Option<&Value>) {
        let kind = self.kind;
        let message = match value {
            Some(value) => {
                let value = value.to_string();
                format!(
                    "the parameter {name} of {kind} must be {needed}, and is {}; correct it",
                    quoted(&value)
                )
            }
            None => format!("{kind} needs a parameter {name}: {needed}; add it"),
        };
        self.found.push(Misfit { parameter: Some(name.to_owned()), message });
    }

    fn whole(&mut self, name: &'static str, default: Option<i64>, least: i64, most: i64) -> i64 {
        let value = self.value(name);
        let read =
            value.as_ref().map_or(default, Value::as_i64).filter(|number| (least..=most).contains(number));
        read.unwrap_or_else(|| {
            self.wrong(name, &format!("a whole number from {least} to {most}"), value.as_ref());
            least
        })
    }

    fn seconds(&mut self, name: &'static str, default: Option<f64>, least: f64, most: f64) -> Duration {
        let value = self.value(name);
        let read =
            value.as_ref().map_or(default, Value::as_f64).filter(|number| (least..=most).contains(number));
        let seconds = read.unwrap_or_else(|| {
            self.wrong(name, &format!("a number of seconds from {least} to {most}"), value.as_ref());
            least
        });
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    fn word(
        &mut self,
        name: &'static str,
        words: &[&'static str],
        default: Option<&'static str>,
    ) -> &'static str {
        let value = self.value(name);
        let given = |value: &Value| words.iter().copied().find(|word| value.as_str() == Some(*word));
        value.as_ref().map_or(default, given).unwrap_or_else(|| {
            self.wrong(name, &words.join(" or "), value.as_ref());
            ""
        })
    }

    fn otherwise(&mut self) -> Otherwise {
        match self.word("action", &["delay", "cancel"], Some("delay")) {
            "cancel" => Otherwise::Cancel,
            _ => Otherwise::Delay,
        }
    }

    fn attributes(&mut self) -> Vec<String> {
        const NAME: &str = "attributes";
        let Some(value) = self.value(NAME) else { return Vec::new() };
        let items = value.as_array().map(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let names: Vec<String> = items.flatten().unwrap_or_default().into_iter().map(str::to_owned).collect();
        let is_fine = value.as_array().is_some_and(|items| items.len() == names.len())
            && names.len() <= MOST_ATTRIBUTES
            && names.iter().enumerate().all(|(place, name)| {
                !name.is_empty() && !names.iter().take(place).any(|other| other == name)
            });
        if !is_fine {
            let needed = format!("a list of at most {MOST_ATTRIBUTES} different names of parameters");
            self.wrong(NAME, &needed, Some(&value));
        }
        names
    }

    fn refuse_strangers(&mut self) {
        for name in self.given.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let remedy = match nearest(name, self.known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("it has {}", self.known.join(", ")),
            };
            let message = format!("{} has no parameter {}; {remedy}", self.kind, quoted(name));
            self.found.push(Misfit { parameter: Some(name.clone()), message });
        }
    }
}

/// A digest of the values of these `attributes`, or of all `parameters` if there are none: equal for values that are equal.
/// A parameter that is not given has its `default`.
pub fn digest(attributes: &[String], parameters: &Object, default: impl Fn(&str) -> Option<Value>) -> String {
    let mut text = String::new();
    if attributes.is_empty() {
        write_object(parameters, &mut text);
    }
    for name in attributes {
        let value = parameters.get(name).cloned().or_else(|| default(name)).unwrap_or_default();
        write_value(&Value::String(name.clone()), &mut text);
        write_value(&value, &mut text);
    }
    // Values may be secret, and a key of the store is no secret.
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

/// Writes a value so that equal ones are written alike: an object in the order of its keys.
fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => write_object(object, text),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_value(item, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn write_object(object: &Object, text: &mut String) {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_unstable_by_key(|(name, _)| name.as_str());
    text.push('{');
    for (name, value) in entries {
        text.push_str(&Value::String(name.clone()).to_string());
        text.push(':');
        write_value(value, text);
        text.push(',');
    }
    text.push('}');
}

#[cfg(test)]
mod tests;
