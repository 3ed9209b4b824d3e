//! Methods of numbers.

use minijinja::value::from_args;
use minijinja::{Error, Value};
use petrel_python::number::PythonNumber;

use crate::filters::order::number;

/// `None` for a method that this file does not have.
pub(super) fn call(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let result = match (method, number(value)) {
        ("bit_length", PythonNumber::Integer(integer)) => {
            Value::from(u128::BITS - integer.unsigned_abs().leading_zeros())
        }
        ("bit_count", PythonNumber::Integer(integer)) => Value::from(integer.unsigned_abs().count_ones()),
        ("is_integer", PythonNumber::Integer(_)) => Value::from(true),
        ("is_integer", PythonNumber::Float(float)) => Value::from(float.is_finite() && float.fract() == 0.0),
        ("conjugate", PythonNumber::Integer(integer)) => Value::from(integer),
        ("conjugate", PythonNumber::Float(float)) => Value::from(float),
        _ => return Ok(None),
    };
    let () = from_args(args)?;
    Ok(Some(result))
}
