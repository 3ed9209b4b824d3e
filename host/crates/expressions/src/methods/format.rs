//! `str.format` and `%` on texts. Numbers are formatted by the library; what it does not know of a
//! replacement field is here: conversions, percentages, and Python's display of values.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};

use crate::filters::text::filled;
use crate::filters::{defined, wrong};
use crate::python::display;
use crate::weight::weigh;
use crate::work;

/// How deep fields may stand within fields.
const DEPTH: usize = 2;

/// Fills in `{}`, `{0}`, `{name}`, each with `!r`, `!s` or `!a` and a format behind a colon.
pub(super) fn braces(text: &str, args: &[Value]) -> Result<String, Error> {
    let (positional, named) = match args.split_last() {
        Some((last, before)) if last.is_kwargs() => (before, Some(Kwargs::try_from(last.clone())?)),
        _ => (args, None),
    };
    Fields { positional, named, next: 0 }.fill(text, 0)
}

struct Fields<'a> {
    positional: &'a [Value],
    named: Option<Kwargs>,
    next: usize,
}

impl Fields<'_> {
    fn fill(&mut self, text: &str, depth: usize) -> Result<String, Error> {
        if depth > DEPTH {
            return Err(wrong("Max string recursion exceeded"));
        }
        let (mut out, mut rest) = (String::new(), text);
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(brace);
            out.push_str(before);
            let doubled = from.strip_prefix("{{").map(|after| ('{', after));
            if let Some((char, after)) = doubled.or_else(|| from.strip_prefix("}}").map(|after| ('}', after)))
            {
                out.push(char);
                rest = after;
                continue;
            }
            let Some(inside) = from.strip_prefix('{') else {
                return Err(wrong("Single '}' encountered in format string"));
            };
            let end = closing(inside).ok_or_else(|| wrong("expected '}' before end of string"))?;
            let (field, after) = inside.split_at(end);
            let filled = self.field(field, depth)?;
            work::make(filled.len())?;
            out.push_str(&filled);
            rest = after.get(1..).unwrap_or_default();
        }
        out.push_str(rest);
        Ok(out)
    }

    fn field(&mut self, field: &str, depth: usize) -> Result<String, Error> {
        let name_end = field.find(['!', ':']).unwrap_or(field.len());
        let (name, rest) = field.split_at(name_end);
        let (conversion, rest) = match rest.strip_prefix('!') {
            Some(rest) => (rest.chars().next(), rest.get(1..).unwrap_or_default()),
            None => (None, rest),
        };
        let spec = rest.strip_prefix(':').unwrap_or_default();
        let value = self.value(name)?;
        let spec = self.fill(spec, depth + 1)?;
        let value = match conversion {
            None => value,
            Some('s') => Value::from(display::to_text(&value)?),
            Some('r' | 'a') => Value::from(display::repr(&value)?),
            Some(other) => return Err(wrong(format!("Unknown conversion specifier '{other}'"))),
        };
        formatted(&value, &spec)
    }

    fn value(&mut self, name: &str) -> Result<Value, Error> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut path) = name.split_at(end);
        let mut value = if first.is_empty() || first.bytes().all(|byte| byte.is_ascii_digit()) {
            let place = if first.is_empty() { self.next } else { first.parse().unwrap_or(usize::MAX) };
            self.next += usize::from(first.is_empty());
            let missing =
                || wrong(format!("Replacement index {place} out of range for positional args tuple"));
            self.positional.get(place).cloned().ok_or_else(missing)?
        } else {
            let named = self.named.as_ref().filter(|named| named.has(first));
            named.ok_or_else(|| wrong(format!("KeyError: '{first}'")))?.get(first)?
        };
        while !path.is_empty() {
            let key;
            (key, path) = if let Some(rest) = path.strip_prefix('[') {
                let (key, rest) =
                    rest.split_once(']').ok_or_else(|| wrong("Missing ']' in format string"))?;
                (key, rest)
            } else {
                let rest = path.strip_prefix('.').unwrap_or(path);
                rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()))
            };
            let step = key.parse::<i64>().map_or_else(|_name| Value::from(key), Value::from);
            // A text counts its characters, to find one.
            work::scan(value.as_str().map_or(0, str::len).saturating_mul(2))?;
            value = defined(value.get_item(&step)?)?;
        }
        Ok(value)
    }
}

/// Where the field that begins before `text` ends.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (place, char) in text.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(place),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn formatted(value: &Value, spec: &str) -> Result<String, Error> {
    if spec.is_empty() {
        return Ok(display::to_text(value)?);
    }
    if let Some(spec) = spec.strip_suffix('%') {
        return percentage(value, spec);
    }
    if !matches!(value.kind(), ValueKind::Number | ValueKind::String | ValueKind::Bool) {
        return Err(wrong(format!("unsupported format string passed to a value of type {}", value.kind())));
    }
    let is_wide = spec.split(|char: char| !char.is_ascii_digit()).any(|digits| digits.len() > 5);
    if is_wide {
        return Err(wrong(format!("the width or precision in `{spec}` is too large")));
    }
    work::make(numbers(spec).saturating_add(value.as_str().map_or(0, str::len)))?;
    format(FormatStyle::StrFormat, &format!("{{:{spec}}}"), std::slice::from_ref(value))
}

/// A number times 100, with a percent sign within the width.
fn percentage(value: &Value, spec: &str) -> Result<String, Error> {
    let number = f64::try_from(value.clone())? * 100.0;
    let (layout, precision) = spec.split_once('.').unwrap_or((spec, "6"));
    let digits = layout.trim_start_matches(|char: char| !char.is_ascii_digit() || char == '0');
    let before = layout.strip_suffix(digits).unwrap_or(layout);
    let width: usize = digits.parse().unwrap_or(0);
    let precision: usize = precision.parse().unwrap_or(6).min(100);
    let sign = if before.contains('+') && number >= 0.0 { "+" } else { "" };
    let text = format!("{sign}{number:.precision$}%");
    let missing = filled(if before.ends_with('0') { '0' } else { ' ' }, width.saturating_sub(text.len()))?;
    Ok(if before.contains('<') { text + &missing } else { missing + &text })
}

/// The sum of the numbers that stand in `text`: more than its widths and precisions can make.
fn numbers(text: &str) -> usize {
    let digits = text.split(|char: char| !char.is_ascii_digit()).filter(|digits| !digits.is_empty());
    digits.fold(0_usize, |sum, digits| sum.saturating_add(digits.parse().unwrap_or(usize::MAX)))
}

/// Charges for filling `values` into `text`: its widths, those that are among the values, and each value as often as
/// it may stand in it.
fn charge_percent(text: &str, values: &[Value]) -> Result<(), Error> {
    work::charge((text.len() as u64).saturating_mul(20))?;
    work::make(text.len().saturating_add(numbers(text)))?;
    let stars = text.contains('*');
    for value in values {
        if let Some(width) = value.as_i64().filter(|_| stars) {
            work::make(usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX))?;
        }
        if value.kind() == ValueKind::Map {
            let named = text.matches("%(").count();
            for key in value.try_iter().into_iter().flatten() {
                weigh(&key)?;
                let item = value.get_item(&key).unwrap_or_default();
                work::make(named.saturating_mul(length(&item)?))?;
            }
        } else {
            work::make(length(value)?)?;
        }
    }
    Ok(())
}

/// How long `value` may be as text.
fn length(value: &Value) -> Result<usize, Error> {
    match (value.as_str(), value.as_object()) {
        (Some(text), _) => Ok(text.len()),
        (None, None) => Ok(64),
        // The library makes text of it without counting that.
        (None, Some(_)) => Ok(display::to_text(value)?.len()),
    }
}

/// How many values `text` takes one after the other.
fn conversions(text: &str) -> usize {
    let (mut count, mut rest) = (0, text);
    while let Some((_, after)) = rest.split_once('%') {
        let end = after.find(|char: char| char.is_ascii_alphabetic() || char == '%' || char == '(');
        let Some((flags, kind)) = end.map(|end| after.split_at(end)) else { break };
        count += flags.matches('*').count() + usize::from(!kind.starts_with(['%', '(']));
        rest = kind.get(1..).unwrap_or_default();
    }
    count
}

/// `text % values`, as C formats.
pub(crate) fn percent(text: &str, values: &Value) -> Result<String, Error> {
    let values = defined(values.clone())?;
    work::read(text.len())?;
    let wanted = conversions(text);
    let has_names = matches!(values.kind(), ValueKind::Map | ValueKind::Seq) && !values.is_tuple();
    let args = if values.is_tuple() { crate::filters::items(values)? } else { vec![values] };
    if args.len() > wanted && !(has_names && (wanted == 0 || text.contains("%("))) {
        return Err(wrong("not all arguments converted during string formatting"));
    }
    let (text, args) = match args.as_slice() {
        [named] if has_names && !text.is_ascii() => with_plain_names(text, named)?,
        _ => (Cow::Borrowed(text), args),
    };
    charge_percent(&text, &args)?;
    format(FormatStyle::Printf, &text, &args)
}

/// `text` and its values, with other names for those that are not ASCII: the library takes names apart by bytes.
fn with_plain_names<'a>(text: &'a str, values: &Value) -> Result<(Cow<'a, str>, Vec<Value>), Error> {
    let (mut plain, mut rest) = (String::new(), text);
    let mut named: Vec<(Value, Value)> = Vec::new();
    while let Some(percent) = rest.find('%') {
        let (before, from) = rest.split_at(percent);
        plain.push_str(before);
        let name = from.strip_prefix("%(").and_then(|inside| inside.split_once(')'));
        rest = if let Some((name, after)) = name.filter(|(name, _)| !name.is_ascii()) {
            let value = values.get_item(&Value::from(name)).ok().filter(|value| !value.is_undefined());
            let value = value.ok_or_else(|| wrong(format!("KeyError: '{name}'")))?;
            // No key that somebody would write.
            let other = format!("\u{1}{}", named.len());
            write!(plain, "%({other})").map_err(|error| wrong(error.to_string()))?;
            named.push((Value::from(other), value));
            after
        } else {
            let (literal, after) = from.split_at(if from.starts_with("%%") { 2 } else { 1 });
            plain.push_str(literal);
            after
        };
    }
    if named.is_empty() || values.kind() != ValueKind::Map {
        return Ok((Cow::Borrowed(text), vec![values.clone()]));
    }
    plain.push_str(rest);
    for key in values.try_iter()? {
        let value = values.get_item(&key)?;
        named.push((key, value));
    }
    Ok((Cow::Owned(plain), vec![Value::from_object(named.into_iter().collect::<BTreeMap<_, _>>())]))
}
