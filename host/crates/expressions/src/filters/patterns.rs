//! Filters with regular expressions.

use minijinja::{Error, Value};
use petrel_model::quoted::quoted;

use super::arguments::Arguments;
use super::text::text_of;
use super::wrong;
use crate::regex::{self, Flags, Regex};
use crate::work;

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
    for found in regex.matches(&text).map_err(retold)? {
        work::make(found.range.start.saturating_sub(end))?;
        replaced.push_str(text.get(end..found.range.start).unwrap_or_default());
        end = found.range.end;
        let whole = text.get(found.range).unwrap_or_default();
        expand(&mut replaced, replacement, &regex, whole, &found.groups)?;
    }
    replaced.push_str(text.get(end..).unwrap_or_default());
    Ok(Value::from(replaced))
}

/// One of all matches, from the end if the index is negative: its text, or its group if there is one, or its groups
/// as a list.
pub(super) fn regex_substring(args: &Arguments) -> Result<Value, Error> {
    let (text, pattern) = (text_of(args.value(0))?, args.required_text(1)?);
    let wanted = args.integer(2, 0)?;
    let regex = compile(pattern, flags(args, 3))?;
    let matches = regex.matches(&text).map_err(retold)?;
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

/// The flags, with `ignorecase` at a place.
fn flags(args: &Arguments, ignorecase: usize) -> Flags {
    Flags { ignore_case: args.flag(ignorecase), ..Flags::default() }
}

fn retold(error: regex::Error) -> Error {
    match error {
        regex::Error::TooMuch(limit) => limit.into(),
        error => wrong(error.to_string()),
    }
}

fn compile(pattern: &str, flags: Flags) -> Result<Regex, Error> {
    Regex::new(pattern, flags).map_err(retold)
}

fn is_match(args: &Arguments, flags: Flags) -> Result<Value, Error> {
    let text = text_of(args.value(0))?;
    compile(args.required_text(1)?, flags)?.is_match(&text).map(Value::from).map_err(retold)
}

/// Python's template of a replacement: `\1`, `\g<1>`, `\g<name>`, `\n`.
pub(crate) fn expand(
    out: &mut String,
    template: &str,
    regex: &Regex,
    whole: &str,
    groups: &[String],
) -> Result<(), Error> {
    let group = |number: usize| match number.checked_sub(1) {
        None => Ok(whole),
        Some(index) => {
            let group = groups.get(index).map(String::as_str);
            group.ok_or_else(|| wrong(format!("regex_replace has no group {number}")))
        }
    };
    let mut rest = template.chars();
    work::make(template.len())?;
    while let Some(char) = rest.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match rest.next() {
            Some('g') => {
                let (name, after) =
                    rest.as_str()
                        .strip_prefix('<')
                        .and_then(|inner| inner.split_once('>'))
                        .ok_or_else(|| wrong("regex_replace needs a group name after \\g, as in \\g<1>"))?;
                rest = after.chars();
                let number = match name.parse().ok() {
                    None => {
                        // It is looked for among all.
                        work::visit(groups.len())?;
                        regex.group_number(name)
                    }
                    number => number,
                };
                let number = number.ok_or_else(|| wrong(format!("regex_replace has no group {name}")))?;
                let group = group(number)?;
                work::make(group.len())?;
                out.push_str(group);
            }
            Some(digit @ '1'..='9') => {
                let mut number = digit.to_string();
                if let Some(second) = rest.as_str().chars().next().filter(char::is_ascii_digit) {
                    rest.next();
                    number.push(second);
                }
                let group = group(number.parse().unwrap_or(0))?;
                work::make(group.len())?;
                out.push_str(group);
            }
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\\') | None => out.push('\\'),
            Some(other) if other.is_ascii_alphabetic() => {
                return Err(wrong(format!("regex_replace does not know \\{other}")));
            }
            Some(other) => out.extend(['\\', other]),
        }
    }
    Ok(())
}
