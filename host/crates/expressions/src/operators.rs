//! Operators where Python's differ from the library's. Nobody writes these names: [`crate::rewrite`] puts them
//! in the place of the operators.

use indexmap::IndexMap;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use crate::filters::{Given, defined, items, order, wrong};
use crate::methods::percent;
use crate::mutable;
use crate::python::number::PythonNumber::{Float, Integer};
use crate::sequence;

/// Comparisons in a row: `a < b <= c`.
pub(crate) const COMPARE: &str = "petrel__compare";
/// `%`, of numbers and of texts.
pub(crate) const REMAINDER: &str = "petrel__remainder";
/// What a loop goes through.
pub(crate) const EACH: &str = "petrel__each";
/// A list that can be changed.
pub(crate) const LIST: &str = "petrel__list";
/// A mapping that can be changed.
pub(crate) const MAPPING: &str = "petrel__mapping";

pub(crate) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function(COMPARE, compare);
    environment.add_function(REMAINDER, remainder);
    environment.add_function(EACH, each);
    environment.add_function(LIST, |value: Value| items(value).map(mutable::list));
    environment.add_function(MAPPING, mapping);
    environment.add_function("cycler", |given: Rest<Value>| minijinja_contrib::globals::cycler(given.0));
    environment.add_function("dict", dict);
    environment.add_function("joiner", minijinja_contrib::globals::joiner);
    environment.add_function("range", sequence::range);
}

/// Values with the names of operators between them.
#[expect(clippy::needless_pass_by_value, reason = "the library hands arguments over by value")]
fn compare(given: Rest<Value>) -> Result<bool, Error> {
    for triple in given.windows(3).step_by(2) {
        let [left, operator, right] = triple else { break };
        let (left, right) = (defined(left.clone())?, defined(right.clone())?);
        let holds = match operator.as_str().unwrap_or_default() {
            "==" => left == right,
            "!=" => left != right,
            "in" => contains(&right, &left)?,
            "not in" => !contains(&right, &left)?,
            ordering => {
                let order = order::compare(&left, &right)?;
                order.is_some_and(|order| match ordering {
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                })
            }
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn contains(container: &Value, value: &Value) -> Result<bool, Error> {
    match (container.as_str(), value.as_str()) {
        (Some(text), Some(part)) => Ok(text.contains(part)),
        (Some(_), None) => {
            Err(wrong(format!("a text can only hold texts, not a value of type {}", value.kind())))
        }
        (None, _) => match container.kind() {
            ValueKind::Map => Ok(!container.get_item(value)?.is_undefined()),
            _ => Ok(items(container.clone())?.iter().any(|item| item == value)),
        },
    }
}

fn remainder(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(text) = defined(left.clone())?.as_str() {
        return percent(text, right).map(Value::from);
    }
    let right = defined(right.clone())?;
    let is_number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    if !is_number(left) || !is_number(&right) {
        return Err(wrong(format!(
            "% needs numbers, or a text on its left, not values of type {} and {}",
            left.kind(),
            right.kind()
        )));
    }
    match (order::number(left), order::number(&right)) {
        (_, Integer(0) | Float(0.0)) => Err(wrong("modulo by zero")),
        (Integer(left), Integer(right)) => {
            let rest = left.checked_rem(right).unwrap_or(0);
            let rest = if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest };
            Ok(i64::try_from(rest).map_or_else(|_large| Value::from(rest), Value::from))
        }
        (left, right) => {
            let (left, right) = (left.to_f64(), right.to_f64());
            let rest = left % right;
            let rest = if rest == 0.0 {
                0.0_f64.copysign(right)
            } else if (rest < 0.0) != (right < 0.0) {
                rest + right
            } else {
                rest
            };
            Ok(Value::from(rest))
        }
    }
}

fn each(value: Value) -> Result<Value, Error> {
    if defined(value.clone())?.is_none() {
        return Err(wrong("a loop cannot go through null; use `| default([], true)` where it may be null"));
    }
    Ok(value)
}

/// A mapping of a mapping or of pairs, and of named arguments.
fn dict(given: Given) -> Result<Value, Error> {
    let mut entries = IndexMap::new();
    for value in given.into_values() {
        let is_mapping = value.kind() == ValueKind::Map;
        for item in items(value.clone())? {
            let (key, own) = if is_mapping {
                let own = value.get_item(&item)?;
                (item, own)
            } else {
                let pair = <[Value; 2]>::try_from(items(item)?);
                let [key, own] = pair.map_err(|_other| wrong("dict needs a mapping or a list of pairs"))?;
                (key, own)
            };
            entries.insert(key, own);
        }
    }
    Ok(Value::from_pairs(entries))
}

fn mapping(value: &Value) -> Result<Value, Error> {
    let entry = |key: Value| value.get_item(&key).map(|item| (key, item));
    let entries = value.try_iter()?.map(entry).collect::<Result<Vec<_>, Error>>()?;
    Ok(mutable::mapping(entries))
}
