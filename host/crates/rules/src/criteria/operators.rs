//! The implementation of each operator.

use std::cmp::Ordering;

use petrel_expressions::work;
use petrel_model::Timestamp;
use petrel_python::number::{PythonNumber, float_from_text};
use petrel_python::regex::Regex;
use petrel_python::{compare, type_name};
use serde_json::Value;

use super::{Error, Operator, dates, wildcard};

/// As [`super::holds`]. `regex` is the compiled pattern, if the operator takes one.
pub(crate) fn holds(
    operator: Operator,
    value: &Value,
    pattern: &Value,
    now: Timestamp,
    regex: Option<&Regex>,
) -> Result<bool, Error> {
    use Operator as O;
    match operator {
        O::Exists => return Ok(!value.is_null()),
        O::NotExists => return Ok(value.is_null()),
        O::NotEquals => return Ok(!compare::equals(value, pattern)),
        O::Search => return Err(Error::NotCriteria(pattern.to_string())),
        // As in StackStorm, no other operator holds for a null pattern, not even a negated one.
        _ if pattern.is_null() => return Ok(false),
        _ => {}
    }
    let sides = Sides { operator, value, pattern };
    match operator {
        O::Equals => Ok(compare::equals(value, pattern)),
        O::EqualsAnyCase => sides.lower(|value, pattern| value == pattern),
        O::Contains => sides.is_in("value", value, pattern),
        O::NotContains => sides.is_in("value", value, pattern).map(|is_in| !is_in),
        O::Inside => sides.is_in("pattern", pattern, value),
        O::NotInside => sides.is_in("pattern", pattern, value).map(|is_in| !is_in),
        O::ContainsAnyCase => sides.lower(|value, pattern| value.contains(pattern)),
        O::NotContainsAnyCase => sides.lower(|value, pattern| !value.contains(pattern)),
        O::StartsWith => sides.texts().map(|(value, pattern)| value.starts_with(pattern)),
        O::StartsWithAnyCase => sides.lower(|value, pattern| value.starts_with(pattern)),
        O::EndsWith => sides.texts().map(|(value, pattern)| value.ends_with(pattern)),
        O::EndsWithAnyCase => sides.lower(|value, pattern| value.ends_with(pattern)),
        O::LessThan => Ok(compare::order(value, pattern)? == Some(Ordering::Less)),
        O::GreaterThan => Ok(compare::order(value, pattern)? == Some(Ordering::Greater)),
        O::TimeDifferenceLess => Ok(sides.seconds_ago(now)? < sides.seconds()?),
        O::TimeDifferenceGreater => Ok(sides.seconds_ago(now)? > sides.seconds()?),
        O::MatchWildcard => sides.texts().and_then(|(value, pattern)| Ok(wildcard::matches(pattern, value)?)),
        O::Regex | O::RegexAnyCase | O::MatchRegex => sides.regex(regex),
        // These were answered above.
        O::Exists | O::NotExists | O::NotEquals | O::Search => Ok(false),
    }
}

/// What operators need, in words.
pub(super) const TEXT: &str = "a text";
pub(super) const WHOLE: &str = "a text, a list or an object to look in";

/// The number of seconds that a pattern is.
pub(super) fn seconds(operator: Operator, pattern: &Value) -> Result<f64, Error> {
    let seconds = match (pattern, PythonNumber::of(pattern)) {
        (Value::String(text), _) => float_from_text(text),
        #[expect(clippy::cast_precision_loss, reason = "seconds are compared as floats")]
        (_, Some(PythonNumber::Integer(seconds))) => Some(seconds as f64),
        (_, Some(PythonNumber::Float(seconds))) => Some(seconds),
        (_, None) => None,
    };
    seconds.ok_or_else(|| Error::NotSeconds { operator, pattern: pattern.to_string() })
}

#[derive(Clone, Copy)]
struct Sides<'a> {
    operator: Operator,
    value: &'a Value,
    pattern: &'a Value,
}

impl<'a> Sides<'a> {
    fn wrong(self, side: &'static str, needed: &'static str, found: &Value) -> Error {
        Error::WrongType { operator: self.operator, side, needed, found: type_name(found) }
    }

    fn texts(self) -> Result<(&'a str, &'a str), Error> {
        let value = self.value.as_str().ok_or_else(|| self.wrong("value", TEXT, self.value))?;
        let pattern = self.pattern.as_str().ok_or_else(|| self.wrong("pattern", TEXT, self.pattern))?;
        work::charge((value.len() + pattern.len()) as u64 / 8)?;
        Ok((value, pattern))
    }

    fn lower(self, test: impl Fn(&str, &str) -> bool) -> Result<bool, Error> {
        let (value, pattern) = self.texts()?;
        work::charge(8 * (value.len() + pattern.len()) as u64)?;
        Ok(test(&value.to_lowercase(), &pattern.to_lowercase()))
    }

    /// Python's `part in whole`. `side` names the whole.
    fn is_in(self, side: &'static str, whole: &Value, part: &Value) -> Result<bool, Error> {
        let other = if side == "value" { "pattern" } else { "value" };
        match (whole, part) {
            (Value::String(whole), Value::String(part)) => {
                work::charge(whole.len() as u64)?;
                Ok(whole.contains(part.as_str()))
            }
            (Value::String(_), _) => Err(self.wrong(other, "a text to look for in a text", part)),
            (Value::Array(items), _) => {
                for item in items {
                    work::visit(1)?;
                    if compare::equals(item, part) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Value::Object(fields), Value::String(part)) => Ok(fields.contains_key(part)),
            // Python cannot hash a list or an object, so looking for one among keys is an error.
            (Value::Object(_), Value::Array(_) | Value::Object(_)) => {
                Err(self.wrong(other, "a name to look for in an object", part))
            }
            // Keys are texts, so no other scalar is among them.
            (Value::Object(_), _) => Ok(false),
            _ => Err(self.wrong(side, WHOLE, whole)),
        }
    }

    fn seconds_ago(self, now: Timestamp) -> Result<f64, Error> {
        let text = match self.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            other => return Err(self.wrong("value", "a date", other)),
        };
        work::charge(200 * text.len() as u64)?;
        let then = dates::parse(&text, now)?;
        #[expect(clippy::cast_precision_loss, reason = "microseconds of centuries fit 53 bits")]
        let micros = (i128::from(now.as_micros()) - i128::from(then.as_micros())) as f64;
        Ok(micros / 1e6)
    }

    fn seconds(self) -> Result<f64, Error> {
        seconds(self.operator, self.pattern)
    }

    fn regex(self, regex: Option<&Regex>) -> Result<bool, Error> {
        let (value, _) = self.texts()?;
        if let Some(regex) = regex {
            return Ok(regex.is_match(value)?);
        }
        match self.operator.regex(self.pattern) {
            Some(regex) => Ok(regex?.is_match(value)?),
            None => Err(self.wrong("pattern", TEXT, self.pattern)),
        }
    }
}
