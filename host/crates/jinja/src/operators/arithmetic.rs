//! Arithmetic as in Python.

use minijinja::value::{Rest, Tuple, ValueKind};
use minijinja::{Error, Value};
use petrel_python::number::PythonNumber::{Float, Integer};

use crate::environment::OUTPUT_LIMIT;
use crate::filters::{defined, items, order, wrong};
use crate::methods::percent;
use crate::sequence;
use crate::work;

/// The greatest number of items in a list that is repeated or concatenated.
const ITEMS: usize = 1_000_000;

fn is_number(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
}

/// Whether `value` is a list or a tuple. Ranges and views of mappings are neither.
fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) && !sequence::is_view(value)
}

fn refused(operator: &str, left: &Value, right: &Value) -> Error {
    for value in [left, right] {
        if let Err(error) = defined(value.clone()) {
            return error;
        }
    }
    let (left, right) = (left.kind(), right.kind());
    wrong(format!("unsupported operand types for {operator}: {left} and {right}; convert one of them first"))
}

fn integer(whole: i128) -> Value {
    i64::try_from(whole).map_or_else(|_large| Value::from(whole), Value::from)
}

fn too_large(operator: &str) -> Error {
    wrong(format!("{operator} gave too large a number; calculate within 64 bits"))
}

fn too_long(operator: &str) -> Error {
    wrong(format!("{operator} gave more than {OUTPUT_LIMIT} bytes or {ITEMS} items; pass less"))
}

fn sequence_of(items: Vec<Value>, is_tuple: bool) -> Value {
    if is_tuple { Value::from(Tuple::from(items)) } else { Value::from(items) }
}

/// Calculates values with the names of operators between them, from left to right.
#[expect(clippy::needless_pass_by_value, reason = "the library hands arguments over by value")]
pub(super) fn row(given: Rest<Value>) -> Result<Value, Error> {
    let mut values = given.iter();
    let mut result = values.next().cloned().unwrap_or_default();
    while let (Some(operator), Some(right)) = (values.next(), values.next()) {
        result = match operator.as_str().unwrap_or_default() {
            "+" => add(&result, right)?,
            "*" => multiply(&result, right)?,
            "%" => remainder(&result, right)?,
            other => difference_or_quotient(other, &result, right)?,
        };
    }
    Ok(result)
}

/// `-`, `/` and `//`, which only numbers support.
fn difference_or_quotient(operator: &str, left: &Value, right: &Value) -> Result<Value, Error> {
    if !is_number(left) || !is_number(right) {
        return Err(refused(operator, left, right));
    }
    let (left, right) = (order::number(left), order::number(right));
    if operator != "-" && matches!(right, Integer(0) | Float(0.0)) {
        return Err(wrong("division by zero"));
    }
    match (operator, left, right) {
        ("-", Integer(left), Integer(right)) => {
            left.checked_sub(right).map(integer).ok_or_else(|| too_large("-"))
        }
        ("-", left, right) => Ok(Value::from(left.to_f64() - right.to_f64())),
        ("/", left, right) => Ok(Value::from(left.to_f64() / right.to_f64())),
        (_, Integer(left), Integer(right)) => {
            let quotient = left.checked_div(right).ok_or_else(|| too_large("//"))?;
            // Python rounds down, and Rust toward zero.
            let is_rounded_up = left % right != 0 && (left < 0) != (right < 0);
            Ok(integer(if is_rounded_up { quotient - 1 } else { quotient }))
        }
        (_, left, right) => {
            let (left, right) = (left.to_f64(), right.to_f64());
            let rest = floored_rest(left, right);
            // A whole number already, but for an error of rounding.
            Ok(Value::from(((left - rest) / right).round()))
        }
    }
}

/// The remainder of a floor division, with the sign of the divisor.
fn floored_rest(left: f64, right: f64) -> f64 {
    match left % right {
        // In Python, a zero has the sign of the divisor as well.
        0.0 => 0.0_f64.copysign(right),
        rest if (rest < 0.0) != (right < 0.0) => rest + right,
        rest => rest,
    }
}

pub(crate) fn add(left: &Value, right: &Value) -> Result<Value, Error> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        if left.len() + right.len() > OUTPUT_LIMIT {
            return Err(too_long("+"));
        }
        work::make(left.len() + right.len())?;
        return Ok(Value::from([left, right].concat()));
    }
    if is_number(left) && is_number(right) {
        return match (order::number(left), order::number(right)) {
            (Integer(left), Integer(right)) => {
                left.checked_add(right).map(integer).ok_or_else(|| too_large("+"))
            }
            (left, right) => Ok(Value::from(left.to_f64() + right.to_f64())),
        };
    }
    if is_list(left) && is_list(right) && left.is_tuple() == right.is_tuple() {
        let mut all = items(left.clone())?;
        work::make_list(all.len())?;
        all.extend(items(right.clone())?);
        if all.len() > ITEMS {
            return Err(too_long("+"));
        }
        return Ok(sequence_of(all, left.is_tuple()));
    }
    Err(refused("+", left, right))
}

fn multiply(left: &Value, right: &Value) -> Result<Value, Error> {
    if is_number(left) && is_number(right) {
        return match (order::number(left), order::number(right)) {
            (Integer(left), Integer(right)) => {
                left.checked_mul(right).map(integer).ok_or_else(|| too_large("*"))
            }
            (left, right) => Ok(Value::from(left.to_f64() * right.to_f64())),
        };
    }
    let (repeated, count) = if is_number(left) { (right, left) } else { (left, right) };
    let Integer(count) = order::number(count) else { return Err(refused("*", left, right)) };
    if !is_number(left) && !is_number(right) {
        return Err(refused("*", left, right));
    }
    let count = usize::try_from(count.max(0)).map_err(|_large| too_long("*"))?;
    if let Some(text) = repeated.as_str() {
        let is_small = text.len().checked_mul(count).is_some_and(|bytes| bytes <= OUTPUT_LIMIT);
        work::make(if is_small { text.len() * count } else { 0 })?;
        return if is_small { Ok(Value::from(text.repeat(count))) } else { Err(too_long("*")) };
    }
    if !is_list(repeated) {
        return Err(refused("*", left, right));
    }
    let list = items(repeated.clone())?;
    if list.len().checked_mul(count).is_none_or(|length| length > ITEMS) {
        return Err(too_long("*"));
    }
    work::make_list(list.len() * count)?;
    // No item costs nothing however often it is repeated, so the repetitions themselves are left out.
    let count = if list.is_empty() { 0 } else { count };
    let all = std::iter::repeat_n(list, count).flatten().collect();
    Ok(sequence_of(all, repeated.is_tuple()))
}

fn remainder(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(text) = defined(left.clone())?.as_str() {
        return percent(text, right).map(Value::from);
    }
    if !is_number(left) || !is_number(right) {
        return Err(refused("%", left, right));
    }
    match (order::number(left), order::number(right)) {
        (_, Integer(0) | Float(0.0)) => Err(wrong("integer modulo by zero")),
        (Integer(left), Integer(right)) => {
            let rest = left.checked_rem(right).unwrap_or(0);
            Ok(integer(if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }))
        }
        (left, right) => Ok(Value::from(floored_rest(left.to_f64(), right.to_f64()))),
    }
}

/// Whether dividing a number by `divisor` leaves `rest`.
pub(super) fn leaves(value: &Value, divisor: i64, rest: i64) -> Result<bool, Error> {
    if !is_number(value) {
        return Err(refused("%", value, &Value::from(divisor)));
    }
    Ok(order::compare(&remainder(value, &Value::from(divisor))?, &Value::from(rest))?
        .is_some_and(std::cmp::Ordering::is_eq))
}
