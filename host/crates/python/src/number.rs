//! Numbers as Python reads and writes them. Integers are exact within 64 bits; larger ones are errors.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A number, or a boolean, which in Python is an integer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PythonNumber {
    /// An integer within 64 bits, signed or unsigned.
    Integer(i128),
    /// A number with a fraction or an exponent.
    Float(f64),
}

impl PythonNumber {
    /// The number in `value`, if it is one.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Integer(i128::from(*value))),
            Value::Number(number) => Some(match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Self::Integer(i128::from(number)),
                (_, Some(number)) => Self::Integer(i128::from(number)),
                _ => Self::Float(number.as_f64()?),
            }),
            _ => None,
        }
    }

    /// The nearest float.
    #[expect(clippy::cast_precision_loss, reason = "Python's float() rounds, too")]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }

    /// The order by value; an integer and a float are compared exactly. `None` for NaN.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(&right)),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(&right),
            (Self::Integer(left), Self::Float(right)) => compare_mixed(left, right),
            (Self::Float(left), Self::Integer(right)) => compare_mixed(right, left).map(Ordering::reverse),
        }
    }
}

/// The order of an integer and a float by value, exact even where a cast would round. `None` for NaN.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
pub fn compare_mixed(integer: i128, float: f64) -> Option<Ordering> {
    /// 2^127: from here on every float is greater than any integer.
    const BOUND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() {
        return None;
    }
    if float >= BOUND {
        return Some(Ordering::Less);
    }
    if float < -BOUND {
        return Some(Ordering::Greater);
    }
    let by_whole = integer.cmp(&(float.trunc() as i128));
    Some(by_whole.then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)))
}

/// An integer as JSON; `None` beyond 64 bits.
pub fn integer(value: i128) -> Option<Value> {
    let number = i64::try_from(value).map(Number::from).or_else(|_| u64::try_from(value).map(Number::from));
    number.ok().map(Value::Number)
}

/// A float as JSON; `None` for infinities and NaN.
pub fn float(value: f64) -> Option<Value> {
    Number::from_f64(value).map(Value::Number)
}

/// The value of Python's `int(text)`, which allows surrounding space, a sign and single underscores.
pub fn integer_from_text(text: &str) -> Option<i128> {
    let digits = without_underscores(text.trim())?;
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// The value of Python's `float(text)`, which reads infinities and `nan` too.
pub fn float_from_text(text: &str) -> Option<f64> {
    without_underscores(text.trim())?.parse().ok()
}

/// Removes underscores. Python allows one between two digits.
fn without_underscores(text: &str) -> Option<String> {
    let mut before = None;
    let mut after = text.chars();
    while let Some(char) = after.next() {
        let next = after.clone().next();
        let is_digit = |char: Option<char>| char.is_some_and(|char| char.is_ascii_digit());
        if char == '_' && !(is_digit(before) && is_digit(next)) {
            return None;
        }
        before = Some(char);
    }
    Some(text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_are_compared_exactly() {
        let (int, float) = (PythonNumber::Integer, PythonNumber::Float);
        for (left, right, expected) in [
            (int(1), float(1.0), Some(Ordering::Equal)),
            (int(9_007_199_254_740_993), float(9_007_199_254_740_992.0), Some(Ordering::Greater)),
            (int(-1), float(-1.5), Some(Ordering::Greater)),
            (float(0.5), int(0), Some(Ordering::Greater)),
            (int(i128::from(u64::MAX)), float(f64::INFINITY), Some(Ordering::Less)),
            (int(0), float(f64::NAN), None),
        ] {
            assert_eq!(left.compare(right), expected, "{left:?} {right:?}");
        }
    }

    #[test]
    fn text_is_read_as_python_does() {
        for (text, integer, float) in [
            (" 7 ", Some(7), Some(7.0)),
            ("1_000", Some(1000), Some(1000.0)),
            ("-5", Some(-5), Some(-5.0)),
            ("5.5", None, Some(5.5)),
            ("1e3", None, Some(1000.0)),
            ("1__0", None, None),
            ("", None, None),
            ("abc", None, None),
        ] {
            assert_eq!((integer_from_text(text), float_from_text(text)), (integer, float), "{text}");
        }
    }
}
