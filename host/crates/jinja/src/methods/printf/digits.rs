//! The digits of numbers for a precision, charged before they are built.

use minijinja::Error;

use crate::filters::text::filled;
use crate::work;

/// The most digits behind the point of a float with 64 bits. All further digits are zeros.
const MOST_DIGITS: usize = 1100;

/// A number that is not negative, with `precision` digits behind its point.
pub(super) fn fixed(number: f64, precision: usize) -> Result<String, Error> {
    let known = precision.min(MOST_DIGITS);
    work::make(precision.saturating_add(320))?;
    Ok(format!("{number:.known$}") + &filled('0', precision - known)?)
}

/// `number` as one digit and `precision` digits behind the point, with its exponent to base ten.
pub(super) fn scientific(number: f64, precision: usize) -> Result<(String, i64), Error> {
    let known = precision.min(MOST_DIGITS);
    work::make(precision.saturating_add(16))?;
    let text = format!("{number:.known$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    Ok((format!("{digits}{}", filled('0', precision - known)?), exponent.parse().unwrap_or(0)))
}

pub(super) fn exponent_text(exponent: i64) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", exponent.unsigned_abs())
}
