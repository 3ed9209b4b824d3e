//! `str.format`. The library formats numbers; this file does the rest of a replacement field: conversions,
//! percentages, and Python's text form of values.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};
use petrel_model::quoted::quoted;

use crate::display;
use crate::filters::text::filled;
use crate::filters::{defined, wrong};
use crate::work;

/// The depth of fields within fields.
const DEPTH: usize = 2;

/// Replaces `{}`, `{0}` and `{name}`, each with `!r`, `!s` or `!a` and a format behind a colon.
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
            named.ok_or_else(|| wrong(format!("KeyError: '{}'", quoted(first))))?.get(first)?
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
            // A text counts its characters to find one.
            work::scan(value.as_str().map_or(0, str::len).saturating_mul(2))?;
            value = defined(value.get_item(&step)?)?;
        }
        Ok(value)
    }
}

/// The index of the end of the field whose inside begins `text`.
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
        return Err(wrong(format!("the width or precision in `{}` is too large", quoted(spec))));
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

/// The sum of the numbers in `text`, which is at least the length that its widths and precisions can produce.
fn numbers(text: &str) -> usize {
    let digits = text.split(|char: char| !char.is_ascii_digit()).filter(|digits| !digits.is_empty());
    digits.fold(0_usize, |sum, digits| sum.saturating_add(digits.parse().unwrap_or(usize::MAX)))
}
