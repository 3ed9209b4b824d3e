//! Arithmetic as in Python. Integers have 128 bits here, and 64 in the final value, see [`super::value`].

use std::cmp::Ordering;

use petrel_python::number::compare_mixed;

use super::error::{Error, ErrorKind};

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Integer(i128),
    Float(f64),
}

/// The error for an integer that does not fit.
pub(super) fn too_large() -> Error {
    ErrorKind::Overflow("The integer is too large; integers are of 64 bits, use a float".into()).into()
}

impl Number {
    #[expect(clippy::cast_precision_loss, reason = "as Python does")]
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// The order by value; an integer and a float are compared exactly.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(&right)),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(&right),
            (Self::Integer(left), Self::Float(right)) => compare_mixed(left, right),
            (Self::Float(left), Self::Integer(right)) => compare_mixed(right, left).map(Ordering::reverse),
        }
    }

    pub(super) fn add(self, other: Self) -> Result<Self, Error> {
        self.combine(other, i128::checked_add, |left, right| left + right)
    }

    pub(super) fn subtract(self, other: Self) -> Result<Self, Error> {
        self.combine(other, i128::checked_sub, |left, right| left - right)
    }

    pub(super) fn multiply(self, other: Self) -> Result<Self, Error> {
        self.combine(other, i128::checked_mul, |left, right| left * right)
    }

    fn combine(
        self,
        other: Self,
        integers: fn(i128, i128) -> Option<i128>,
        floats: fn(f64, f64) -> f64,
    ) -> Result<Self, Error> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => {
                integers(left, right).map(Self::Integer).ok_or_else(too_large)
            }
            (left, right) => Ok(Self::Float(floats(left.float(), right.float()))),
        }
    }

    /// The quotient. Of two integers it is rounded down, as Python's `//`.
    pub(super) fn divide(self, other: Self) -> Result<Self, Error> {
        match (self, other) {
            (Self::Integer(_), Self::Integer(0)) => {
                Err(ErrorKind::Division("integer division or modulo by zero").into())
            }
            (Self::Integer(left), Self::Integer(right)) => {
                let rest = modulo(left, right).ok_or_else(too_large)?;
                left.checked_sub(rest)
                    .and_then(|left| left.checked_div(right))
                    .map(Self::Integer)
                    .ok_or_else(too_large)
            }
            (_, right) if right.float() == 0.0 => Err(ErrorKind::Division("float division by zero").into()),
            (left, right) => Ok(Self::Float(left.float() / right.float())),
        }
    }

    /// The remainder of a division, with the sign of the divisor.
    pub(super) fn modulo(self, other: Self) -> Result<Self, Error> {
        match (self, other) {
            (Self::Integer(_), Self::Integer(0)) => {
                Err(ErrorKind::Division("integer division or modulo by zero").into())
            }
            (Self::Integer(left), Self::Integer(right)) => {
                modulo(left, right).map(Self::Integer).ok_or_else(too_large)
            }
            (_, right) if right.float() == 0.0 => Err(ErrorKind::Division("float modulo").into()),
            (left, right) => {
                let (left, right) = (left.float(), right.float());
                let rest = left % right;
                let is_apart = rest != 0.0 && (rest < 0.0) != (right < 0.0);
                let rest = if is_apart { rest + right } else { rest };
                Ok(Self::Float(if rest == 0.0 { 0.0_f64.copysign(right) } else { rest }))
            }
        }
    }

    pub(super) fn negate(self) -> Result<Self, Error> {
        match self {
            Self::Integer(number) => number.checked_neg().map(Self::Integer).ok_or_else(too_large),
            Self::Float(number) => Ok(Self::Float(-number)),
        }
    }

    pub(super) fn absolute(self) -> Result<Self, Error> {
        match self {
            Self::Integer(number) if number < 0 => self.negate(),
            Self::Integer(_) => Ok(self),
            Self::Float(number) => Ok(Self::Float(number.abs())),
        }
    }

    /// A power, with or without a modulus.
    pub(super) fn power(self, exponent: Self, modulus: Option<Self>) -> Result<Self, Error> {
        if let Some(modulus) = modulus {
            let (Self::Integer(base), Self::Integer(exponent), Self::Integer(modulus)) =
                (self, exponent, modulus)
            else {
                return Err(Error::type_("pow() 3rd argument not allowed unless all arguments are integers"));
            };
            return power_modulo(base, exponent, modulus).map(Self::Integer);
        }
        match (self, exponent) {
            (Self::Integer(base), Self::Integer(exponent)) if exponent >= 0 => match base {
                0 | 1 => Ok(Self::Integer(if exponent == 0 { 1 } else { base })),
                -1 => Ok(Self::Integer(if exponent % 2 == 0 { 1 } else { -1 })),
                _ => u32::try_from(exponent)
                    .ok()
                    .and_then(|exponent| base.checked_pow(exponent))
                    .map(Self::Integer)
                    .ok_or_else(too_large),
            },
            (base, exponent) => {
                let (base, exponent) = (base.float(), exponent.float());
                if base == 0.0 && exponent < 0.0 {
                    return Err(ErrorKind::Division("0.0 cannot be raised to a negative power").into());
                }
                let power = base.powf(exponent);
                if power.is_nan() && !base.is_nan() && !exponent.is_nan() {
                    return Err(Error::value("a negative number has no such power; take abs() first"));
                }
                if power.is_infinite() && base.is_finite() && exponent.is_finite() {
                    return Err(ErrorKind::Overflow("Numerical result out of range".into()).into());
                }
                Ok(Self::Float(power))
            }
        }
    }

    /// Rounds to `digits` digits behind the point, halves to even; fails where the result is too large.
    pub(super) fn round(self, digits: i128) -> Result<Self, Error> {
        match self {
            Self::Float(number) => Ok(Self::Float(round_float(number, digits))),
            Self::Integer(_) if digits >= 0 => Ok(self),
            Self::Integer(number) => {
                let zeros = u32::try_from(digits.unsigned_abs()).ok();
                let Some(unit) = zeros.and_then(|zeros| 10_i128.checked_pow(zeros)) else {
                    return Ok(Self::Integer(0));
                };
                round_integer(number, unit).map(Self::Integer).ok_or_else(too_large)
            }
        }
    }
}

/// The multiple of `unit` that is nearest to `number`, of two the even one; none where it is too large.
fn round_integer(number: i128, unit: i128) -> Option<i128> {
    let rest = modulo(number, unit)?;
    // The distance to the next multiple is compared, since twice the rest may be too large.
    let is_up = match rest.cmp(&(unit - rest)) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => modulo(number.div_euclid(unit), 2) == Some(1),
    };
    if is_up { number.checked_add(unit - rest) } else { number.checked_sub(rest) }
}

fn modulo(left: i128, right: i128) -> Option<i128> {
    let rest = left.checked_rem(right)?;
    Some(if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest })
}

fn power_modulo(base: i128, exponent: i128, modulus: i128) -> Result<i128, Error> {
    if modulus == 0 {
        return Err(Error::value("pow() 3rd argument cannot be 0"));
    }
    let mut base = modulo(base, modulus).unwrap_or(0);
    if exponent < 0 {
        base = inverse(base, modulus)
            .ok_or_else(|| Error::value("base is not invertible for the given modulus"))?;
    }
    let (mut result, mut exponent) = (modulo(1, modulus).unwrap_or(0), exponent.unsigned_abs());
    let times = |left: i128, right: i128| {
        left.checked_mul(right).and_then(|product| modulo(product, modulus)).ok_or_else(too_large)
    };
    while exponent > 0 {
        if exponent % 2 == 1 {
            result = times(result, base)?;
        }
        exponent /= 2;
        if exponent > 0 {
            base = times(base, base)?;
        }
    }
    Ok(result)
}

/// The modular inverse of `number`, by Euclid's algorithm.
fn inverse(number: i128, modulus: i128) -> Option<i128> {
    let (mut rest, mut next_rest) = (modulus, number);
    let (mut factor, mut next_factor) = (0_i128, 1_i128);
    while next_rest != 0 {
        let quotient = rest.checked_div(next_rest)?;
        (rest, next_rest) = (next_rest, rest.checked_sub(quotient.checked_mul(next_rest)?)?);
        (factor, next_factor) = (next_factor, factor.checked_sub(quotient.checked_mul(next_factor)?)?);
    }
    match rest {
        1 => modulo(factor, modulus),
        -1 => modulo(factor.checked_neg()?, modulus),
        _ => None,
    }
}

/// Formats and parses the number: formatting rounds the exact value, as Python does.
fn round_float(number: f64, digits: i128) -> f64 {
    // The bounds of Python's `round`: beyond them, nothing changes, or only a zero is left.
    if !number.is_finite() || digits > 323 {
        return number;
    }
    if digits < -308 {
        return 0.0_f64.copysign(number);
    }
    if let Ok(digits) = usize::try_from(digits) {
        return format!("{number:.digits$}").parse().unwrap_or(number);
    }
    let unit = 10_f64.powi(i32::try_from(-digits).unwrap_or(0));
    (number / unit).round_ties_even() * unit
}
