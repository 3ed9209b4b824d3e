//! The operator `%` of texts, by Python's rules: flags, widths and precisions count characters, and values are
//! written as Python writes them. The output of widths and precisions is charged before it is built.

use std::vec::IntoIter;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use petrel_model::quoted::quoted;
use petrel_python::number::PythonNumber::{Float, Integer};

use crate::display;
use crate::filters::text::filled;
use crate::filters::{defined, items, order, wrong};
use crate::work;

mod digits;

use digits::{exponent_text, fixed, scientific};

/// `text % values`. The rules are in Python's library reference, "printf-style String Formatting".
pub(crate) fn percent(text: &str, values: &Value) -> Result<String, Error> {
    let values = defined(values.clone())?;
    work::charge((text.len() as u64).saturating_mul(20))?;
    work::make(text.len())?;
    // Python takes a list for a mapping here, and fails only when it is asked for a name.
    let has_keys = matches!(values.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Iterable);
    let has_keys = has_keys && !values.is_tuple();
    let left = if values.is_tuple() { items(values.clone())? } else { vec![values.clone()] };
    let mut args = Args { keyed: has_keys.then_some(values), left: left.into_iter() };
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let mut reader = Reader { text, rest: after };
        let field = Field::read(&mut reader, &mut args)?;
        field.write(&mut out, &reader, &mut args)?;
        rest = reader.rest;
    }
    out.push_str(rest);
    // With a mapping, Python does not mind values that are left over.
    if args.keyed.is_none() && args.left.len() > 0 {
        return Err(wrong("not all arguments converted during string formatting"));
    }
    Ok(out)
}

/// The values that have not been formatted yet.
struct Args {
    /// The mapping in which names are looked up, if there is one.
    keyed: Option<Value>,
    left: IntoIter<Value>,
}

impl Args {
    fn next(&mut self) -> Result<Value, Error> {
        let next = self.left.next().ok_or_else(|| wrong("not enough arguments for format string"))?;
        defined(next)
    }

    /// Selects the value with this name as the next one.
    fn select(&mut self, name: &str) -> Result<(), Error> {
        let keyed = self.keyed.as_ref().ok_or_else(|| wrong("format requires a mapping"))?;
        if keyed.kind() != ValueKind::Map {
            return Err(wrong("list indices must be integers or slices, not str"));
        }
        let found = keyed.get_item(&Value::from(name)).ok().filter(|found| !found.is_undefined());
        let found = found.ok_or_else(|| wrong(format!("KeyError: '{}'", quoted(name))))?;
        self.left = vec![found].into_iter();
        Ok(())
    }

    /// A width or a precision from the values.
    fn star(&mut self) -> Result<i64, Error> {
        let value = self.next()?;
        if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
            return Err(wrong("* wants int"));
        }
        match order::number(&value) {
            Integer(number) => i64::try_from(number).map_err(|_large| wrong("width too big")),
            Float(_) => Err(wrong("* wants int")),
        }
    }
}

/// A format string that is being read.
struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, wanted: char) -> bool {
        let after = self.rest.strip_prefix(wanted);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// The name between parentheses, after the opening one.
    fn name(&mut self) -> Result<&'a str, Error> {
        let mut depth = 1_usize;
        // Python counts parentheses inside a name, so `%(a(b)c)s` asks for `a(b)c`.
        for (place, char) in self.rest.char_indices() {
            match char {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let (name, after) = self.rest.split_at(place);
                self.rest = after.get(1..).unwrap_or_default();
                return Ok(name);
            }
        }
        Err(wrong("incomplete format key"))
    }

    /// A number, if there is one.
    fn number(&mut self, what: &str) -> Result<Option<i64>, Error> {
        let end = self.rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, after) = self.rest.split_at(end);
        self.rest = after;
        if digits.is_empty() {
            return Ok(None);
        }
        // Python keeps precisions in a C int. A width beyond that exceeds the memory of an evaluation anyway.
        let number = digits.parse::<i32>().map_err(|_large| wrong(format!("{what} too big")))?;
        Ok(Some(i64::from(number)))
    }
}

/// A conversion: everything between `%` and its letter, and the letter.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "Python has so many flags")]
struct Field {
    is_left: bool,
    is_signed: bool,
    is_blank: bool,
    is_alternate: bool,
    is_zeroed: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

impl Field {
    fn read(reader: &mut Reader<'_>, args: &mut Args) -> Result<Self, Error> {
        let mut field = Self::default();
        if reader.take('(') {
            args.select(reader.name()?)?;
        }
        while let Some(flag) = reader.rest.chars().next().filter(|char| "-+ #0".contains(*char)) {
            reader.take(flag);
            match flag {
                '-' => field.is_left = true,
                '+' => field.is_signed = true,
                ' ' => field.is_blank = true,
                '#' => field.is_alternate = true,
                _ => field.is_zeroed = true,
            }
        }
        let width = if reader.take('*') { args.star()? } else { reader.number("width")?.unwrap_or(0) };
        // A negative width from the values is the flag `-`.
        field.is_left |= width < 0;
        field.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        if reader.take('.') {
            let precision =
                if reader.take('*') { args.star()? } else { reader.number("precision")?.unwrap_or(0) };
            // As in Python, a negative precision from the values counts as zero.
            field.precision = Some(usize::try_from(precision).unwrap_or(0));
        }
        // Letters of C's lengths, which Python reads and ignores.
        if reader.rest.starts_with(['h', 'l', 'L']) {
            reader.rest = reader.rest.get(1..).unwrap_or_default();
        }
        field.letter = reader.rest.chars().next().ok_or_else(|| wrong("incomplete format"))?;
        reader.take(field.letter);
        Ok(field)
    }

    /// Writes the next value.
    fn write(&self, out: &mut String, reader: &Reader<'_>, args: &mut Args) -> Result<(), Error> {
        match self.letter {
            's' | 'r' | 'a' => {
                let value = args.next()?;
                self.pad(out, "", &self.shortened(self.display(&value)?), false)?;
            }
            'c' => self.pad(out, "", &character(&args.next()?)?.to_string(), false)?,
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
                let (is_negative, digits) = self.integer(&args.next()?)?;
                let prefix = match self.letter {
                    'o' if self.is_alternate => "0o",
                    // Python 3 writes `0o17` and not C's `017`.
                    'x' if self.is_alternate => "0x",
                    'X' if self.is_alternate => "0X",
                    _ => "",
                };
                let before = format!("{}{prefix}", self.sign(is_negative));
                self.pad(out, &before, &digits, true)?;
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let (is_negative, digits) = self.float(&args.next()?)?;
                self.pad(out, self.sign(is_negative), &digits, true)?;
            }
            other => {
                // Python takes a value before it refuses the letter.
                args.next()?;
                let before = reader.text.len().saturating_sub(reader.rest.len());
                let before = reader.text.get(..before).unwrap_or_default().chars().count();
                return Err(wrong(format!(
                    "unsupported format character '{other}' ({:#x}) at index {}",
                    u32::from(other),
                    before.saturating_sub(1)
                )));
            }
        }
        Ok(())
    }

    fn sign(&self, is_negative: bool) -> &'static str {
        match (is_negative, self.is_signed, self.is_blank) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    /// Writes `before` and `body` within the width; zeros stand between them.
    fn pad(&self, out: &mut String, before: &str, body: &str, is_number: bool) -> Result<(), Error> {
        work::scan(body.len())?;
        let missing = self.width.saturating_sub(before.len() + body.chars().count());
        work::make(missing.saturating_add(before.len() + body.len()))?;
        let (zeros, blanks) =
            // With `-` the flag `0` has no effect.
            if is_number && self.is_zeroed && !self.is_left { (missing, 0) } else { (0, missing) };
        let (zeros, blanks) = (filled('0', zeros)?, filled(' ', blanks)?);
        let (left, right) = if self.is_left { ("", blanks.as_str()) } else { (blanks.as_str(), "") };
        for part in [left, before, &zeros, body, right] {
            out.push_str(part);
        }
        Ok(())
    }

    fn display(&self, value: &Value) -> Result<String, Error> {
        Ok(match self.letter {
            's' => display::to_text(value)?,
            'r' => display::repr(value)?,
            _ => in_ascii(&display::repr(value)?)?,
        })
    }

    fn shortened(&self, mut text: String) -> String {
        let end = self.precision.and_then(|most| text.char_indices().nth(most)).map(|(place, _)| place);
        text.truncate(end.unwrap_or(text.len()));
        text
    }

    /// The sign and the digits of an integer; true means negative.
    fn integer(&self, value: &Value) -> Result<(bool, String), Error> {
        let is_decimal = matches!(self.letter, 'd' | 'i' | 'u');
        let number = match value.kind() {
            ValueKind::Number | ValueKind::Bool => Some(order::number(value)),
            _ => None,
        };
        let (is_negative, digits) = match number {
            Some(Integer(number)) => {
                let absolute = number.unsigned_abs();
                let digits = match self.letter {
                    'o' => format!("{absolute:o}"),
                    'x' => format!("{absolute:x}"),
                    'X' => format!("{absolute:X}"),
                    _ => absolute.to_string(),
                };
                (number < 0, digits)
            }
            Some(Float(number)) if is_decimal && number.is_nan() => {
                return Err(wrong("cannot convert float NaN to integer"));
            }
            Some(Float(number)) if is_decimal && number.is_infinite() => {
                return Err(wrong("cannot convert float infinity to integer"));
            }
            // A float that is truncated to zero has no sign: `%d` of -0.5 is `0`.
            Some(Float(number)) if is_decimal => (number <= -1.0, format!("{:.0}", number.trunc().abs())),
            _ => {
                let (letter, wanted) = (self.letter, if is_decimal { "a real number" } else { "an integer" });
                let found = type_name(value);
                return Err(wrong(format!("%{letter} format: {wanted} is required, not {found}")));
            }
        };
        let missing = self.precision.unwrap_or(0).saturating_sub(digits.len());
        work::make(missing)?;
        Ok((is_negative, filled('0', missing)? + &digits))
    }

    /// The sign and the digits of a float; true means negative.
    fn float(&self, value: &Value) -> Result<(bool, String), Error> {
        if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
            return Err(wrong(format!("must be real number, not {}", type_name(value))));
        }
        let number = order::number(value).to_f64();
        let (is_negative, number) = (number.is_sign_negative() && !number.is_nan(), number.abs());
        // C's default, and Python's.
        let precision = self.precision.unwrap_or(6);
        let digits = match self.letter {
            _ if number.is_nan() => "nan".to_owned(),
            _ if number.is_infinite() => "inf".to_owned(),
            'f' | 'F' => self.pointed(fixed(number, precision)?),
            'e' | 'E' => {
                let (digits, exponent) = scientific(number, precision)?;
                format!("{}{}", self.pointed(digits), exponent_text(exponent))
            }
            // C takes a precision of zero for one significant digit.
            _ => self.general(number, precision.max(1))?,
        };
        let digits = if self.letter.is_ascii_uppercase() { digits.to_ascii_uppercase() } else { digits };
        Ok((is_negative, digits))
    }

    /// The shorter form with `precision` significant digits.
    fn general(&self, number: f64, precision: usize) -> Result<String, Error> {
        let (digits, exponent) = scientific(number, precision - 1)?;
        let most = i64::try_from(precision).unwrap_or(i64::MAX);
        let trimmed = |digits: String| {
            if self.is_alternate {
                return self.pointed(digits);
            }
            if !digits.contains('.') {
                return digits;
            }
            // Without `#` the shorter form drops the zeros behind the point.
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        if exponent < -4 || exponent >= most {
            return Ok(format!("{}{}", trimmed(digits), exponent_text(exponent)));
        }
        let behind = usize::try_from(most.saturating_sub(1).saturating_sub(exponent)).unwrap_or(0);
        Ok(trimmed(fixed(number, behind)?))
    }

    /// Adds a point without digits behind it, if the flag asks for one.
    fn pointed(&self, digits: String) -> String {
        if self.is_alternate && !digits.contains('.') { digits + "." } else { digits }
    }
}

fn character(value: &Value) -> Result<char, Error> {
    if let Some(text) = value.as_str() {
        let mut chars = text.chars();
        return match (chars.next(), chars.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(wrong("%c requires int or char")),
        };
    }
    if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
        return Err(wrong("%c requires int or char"));
    }
    match order::number(value) {
        Integer(number) => {
            let char = u32::try_from(number).ok().and_then(char::from_u32);
            char.ok_or_else(|| wrong("%c arg not in range(0x110000)"))
        }
        Float(_) => Err(wrong("%c requires int or char")),
    }
}

/// `text` with escapes for characters outside of ASCII.
fn in_ascii(text: &str) -> Result<String, Error> {
    work::make(text.len().saturating_mul(3))?;
    let mut out = String::new();
    for char in text.chars() {
        match u32::from(char) {
            0..=0x7f => out.push(char),
            code @ 0x80..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    Ok(out)
}

/// The name of Python's type for a value.
fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::String => "str",
        ValueKind::None => "NoneType",
        ValueKind::Map => "dict",
        // Booleans and integers pass wherever a number is wanted, so only a float gets this far.
        ValueKind::Number => "float",
        ValueKind::Seq | ValueKind::Iterable if value.is_tuple() => "tuple",
        ValueKind::Seq | ValueKind::Iterable => "list",
        _ => "object",
    }
}

#[cfg(test)]
mod tests;
