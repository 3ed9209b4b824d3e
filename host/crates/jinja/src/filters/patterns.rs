//! Filters with regular expressions.

use minijinja::{Error, Value};
use petrel_model::quoted::quoted;
use petrel_python::regex::{self, Flags, Regex};
use petrel_scope::functions::replacement::expand;

use super::arguments::Arguments;
use super::text::text_of;
use super::{told, wrong};
use crate::work::{self, Exceeded};

pub(super) fn regex_match(args: &Arguments) -> Result<Value, Error> {
    is_match(args, Flags { at_start: true, ..flags(args, 2) })
}

pub(super) fn regex_search(args: &Arguments) -> Result<Value, Error> {
    is_match(args, flags(args, 2))
}

pub(super) fn regex_replace(args: &Arguments) -> Result<Value, Error> {
    let text = text_of(args.value(0))?;
    let replacement = args.required_text(2)?;
    let regex = compile(args.required_text(1)?, flags(args, 3))?;
    let (mut replaced, mut end) = (String::new(), 0);
    for found in regex.matches(&text).map_err(engine_error)? {
        work::make(found.range.start.saturating_sub(end))?;
        replaced.push_str(text.get(end..found.range.start).unwrap_or_default());
        end = found.range.end;
        let whole = text.get(found.range).unwrap_or_default();
        expand(&mut replaced, replacement, &regex, whole, &found.groups).map_err(told)?;
    }
    replaced.push_str(text.get(end..).unwrap_or_default());
    Ok(Value::from(replaced))
}

/// One of all matches, counted from the end if the index is negative: its text, or its group if there is one, or its
/// groups as a list.
pub(super) fn regex_substring(args: &Arguments) -> Result<Value, Error> {
    let (text, pattern) = (text_of(args.value(0))?, args.required_text(1)?);
    let wanted = args.integer(2, 0)?;
    let regex = compile(pattern, flags(args, 3))?;
    let matches = regex.matches(&text).map_err(engine_error)?;
    let count = matches.len();
    let from_start = |index: i64| usize::try_from(index).ok();
    let index = match wanted {
        ..0 => from_start(wanted.saturating_neg()).and_then(|back| count.checked_sub(back)),
        _ => from_start(wanted),
    };
    let Some(found) = index.and_then(|index| matches.into_iter().nth(index)) else {
        return Err(wrong(format!(
            "regex_substring found {count} matches of `{}`, not number {wanted}",
            quoted(pattern)
        )));
    };
    Ok(match found.groups.as_slice() {
        [] => Value::from(text.get(found.range).unwrap_or_default()),
        [group] => Value::from(group.as_str()),
        groups => groups.iter().map(|group| Value::from(group.as_str())).collect(),
    })
}

/// The flags, with `ignorecase` at a position.
fn flags(args: &Arguments, ignorecase: usize) -> Flags {
    Flags { ignore_case: args.flag(ignorecase), ..Flags::default() }
}

fn engine_error(error: regex::Error) -> Error {
    match error {
        regex::Error::TooMuch(limit) => Exceeded(limit).into(),
        error => wrong(error.to_string()),
    }
}

fn compile(pattern: &str, flags: Flags) -> Result<Regex, Error> {
    Regex::new(pattern, flags).map_err(engine_error)
}

fn is_match(args: &Arguments, flags: Flags) -> Result<Value, Error> {
    let text = text_of(args.value(0))?;
    compile(args.required_text(1)?, flags)?.is_match(&text).map(Value::from).map_err(engine_error)
}
