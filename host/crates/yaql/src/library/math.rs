//! Functions on numbers.

use petrel_python::number::{float_from_text, integer_from_text};
use petrel_python::work;

use super::super::error::Error;
use super::super::limits::Run;
use super::super::number::{Number, too_large};
use super::super::operators::compare;
use super::super::syntax::BinaryOperator;
use super::super::term::Term;
use super::arguments::Arguments;
use super::signature::{Function, Parameter, Type, function, optional, required};

const TWO: &[Parameter] = &[required("left", Type::Integer), required("right", Type::Integer)];
const PAIR: &[Parameter] = &[required("a", Type::Any), required("b", Type::Any)];
const SHIFT: &[Parameter] = &[required("value", Type::Integer), required("bitsNumber", Type::Integer)];

pub(super) const TABLE: &[Function] = &[
    function("abs", &[required("op", Type::Number)], |_, args| args.number(0)?.absolute().map(Term::from)),
    function("int", &[required("value", Type::Any)], |_, args| int(&args.term(0))),
    function("float", &[required("value", Type::Any)], |_, args| float(&args.term(0))),
    function("random", &[], |run, _| Ok(Term::Float(fraction(run.random())))),
    function("random", &[required("from", Type::Any), required("to", Type::Any)], random),
    function("bitwiseAnd", TWO, |_, args| Ok(Term::Integer(args.integer(0)? & args.integer(1)?))),
    function("bitwiseOr", TWO, |_, args| Ok(Term::Integer(args.integer(0)? | args.integer(1)?))),
    function("bitwiseXor", TWO, |_, args| Ok(Term::Integer(args.integer(0)? ^ args.integer(1)?))),
    function("bitwiseNot", &[required("arg", Type::Integer)], |_, args| Ok(Term::Integer(!args.integer(0)?))),
    function("shiftBitsLeft", SHIFT, |_, args| shift_left(args.integer(0)?, args.integer(1)?)),
    function("shiftBitsRight", SHIFT, |_, args| shift_right(args.integer(0)?, args.integer(1)?)),
    function("max", PAIR, |run, args| larger(run, &args.term(0), &args.term(1))),
    function("min", PAIR, |run, args| smaller(run, &args.term(0), &args.term(1))),
    function(
        "pow",
        &[required("a", Type::Number), required("b", Type::Number), optional("c", Type::Number).nullable()],
        |_, args| args.number(0)?.power(args.number(1)?, args.number(2).ok()).map(Term::from),
    ),
    function("sign", &[required("num", Type::Number)], |_, args| {
        let order = args.number(0)?.compare(Number::Integer(0));
        Ok(Term::Integer(order.map_or(0, |order| order as i128)))
    }),
    function("round", &[required("number", Type::Number), optional("ndigits", Type::Integer)], |_, args| {
        args.number(0)?.round(args.integer_or(1, 0)).map(Term::from)
    }),
];

/// The larger term; the first if both are equal.
pub(super) fn larger(run: &Run<'_>, left: &Term, right: &Term) -> Result<Term, Error> {
    let is_right = compare(run, BinaryOperator::Greater, right, left)?;
    Ok(if is_right { right } else { left }.clone())
}

/// The smaller term; the second if both are equal, as in the original.
pub(super) fn smaller(run: &Run<'_>, left: &Term, right: &Term) -> Result<Term, Error> {
    let is_left = compare(run, BinaryOperator::Greater, right, left)?;
    Ok(if is_left { left } else { right }.clone())
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
fn int(term: &Term) -> Result<Term, Error> {
    // A little less than 2^127, where an `i128` ends.
    const BOUND: f64 = 1.7e38;
    match term {
        Term::Null => Ok(Term::Integer(0)),
        Term::Bool(value) => Ok(Term::Integer(i128::from(*value))),
        Term::Integer(_) => Ok(term.clone()),
        Term::Float(number) if number.is_nan() => Err(Error::value("cannot convert float NaN to integer")),
        Term::Float(number) if number.abs() < BOUND => Ok(Term::Integer(number.trunc() as i128)),
        Term::Float(_) => Err(too_large()),
        Term::Text(text) => {
            work::read(text.len())?;
            integer_from_text(text).map(Term::Integer).ok_or_else(|| {
                Error::value(format!("invalid literal for int() with base 10: '{}'", beginning(text)))
            })
        }
        other => Err(Error::type_(format!(
            "int() argument must be a string, a bytes-like object or a real number, not '{}'",
            other.type_name()
        ))),
    }
}

fn float(term: &Term) -> Result<Term, Error> {
    match term {
        Term::Null => Ok(Term::Float(0.0)),
        Term::Bool(value) => Ok(Term::Float(f64::from(u8::from(*value)))),
        Term::Integer(number) => Ok(Term::Float(Number::Integer(*number).float())),
        Term::Float(_) => Ok(term.clone()),
        Term::Text(text) => {
            work::read(text.len())?;
            float_from_text(text).map(Term::Float).ok_or_else(|| {
                Error::value(format!("could not convert string to float: '{}'", beginning(text)))
            })
        }
        other => Err(Error::type_(format!(
            "float() argument must be a string or a real number, not '{}'",
            other.type_name()
        ))),
    }
}

/// The beginning of a text, for an error.
fn beginning(text: &str) -> String {
    text.chars().take(100).collect()
}

/// A float from 0 to below 1, from the upper 53 bits.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
fn fraction(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// An integer between two bounds, both included.
fn random(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (from, to) = (args.term(0).as_integer(), args.term(1).as_integer());
    let (Some(from), Some(to)) = (from, to) else {
        return Err(Error::type_("random() needs two integers"));
    };
    let count = to.checked_sub(from).and_then(|span| span.checked_add(1)).filter(|count| *count > 0);
    let count = count.ok_or_else(|| Error::value(format!("empty range for random({from}, {to})")))?;
    Ok(Term::Integer(from + i128::from(run.random()) % count))
}

fn shift_left(value: i128, bits: i128) -> Result<Term, Error> {
    if bits < 0 {
        return Err(Error::value("negative shift count"));
    }
    if value == 0 {
        return Ok(Term::Integer(0));
    }
    let unit = u32::try_from(bits).ok().filter(|bits| *bits < 127).map(|bits| 1_i128 << bits);
    unit.and_then(|unit| value.checked_mul(unit)).map(Term::Integer).ok_or_else(too_large)
}

fn shift_right(value: i128, bits: i128) -> Result<Term, Error> {
    if bits < 0 {
        return Err(Error::value("negative shift count"));
    }
    Ok(Term::Integer(value >> u32::try_from(bits).unwrap_or(127).min(127)))
}
