//! Filters with regular expressions.
#![expect(clippy::needless_pass_by_value, reason = "the shape that filters have")]

use minijinja::{Error, Value};

use super::{defined, wrong};
use crate::python::display;
use crate::regex::{self, Flags, Regex};
use crate::work;

pub(super) fn regex_match(
    value: Value,
    pattern: &str,
    ignorecase: Option<bool>,
    kwargs: Options,
) -> Result<bool, Error> {
    let flags = Flags { at_start: true, ..flags(ignorecase, &kwargs)? };
    is_match(value, pattern, flags)
}

pub(super) fn regex_search(
    value: Value,
    pattern: &str,
    ignorecase: Option<bool>,
    kwargs: Options,
) -> Result<bool, Error> {
    is_match(value, pattern, flags(ignorecase, &kwargs)?)
}

pub(super) fn regex_replace(
    value: Value,
    pattern: &str,
    replacement: &str,
    ignorecase: Option<bool>,
    kwargs: Options,
) -> Result<String, Error> {
    let text = display::to_text(&defined(value)?)?;
    let regex = compile(pattern, flags(ignorecase, &kwargs)?)?;
    let (mut replaced, mut end) = (String::new(), 0);
    for found in regex.matches(&text).map_err(retold)? {
        work::make(found.range.start.saturating_sub(end))?;
        replaced.push_str(text.get(end..found.range.start).unwrap_or_default());
        end = found.range.end;
        let whole = text.get(found.range).unwrap_or_default();
        expand(&mut replaced, replacement, &regex, whole, &found.groups)?;
    }
    replaced.push_str(text.get(end..).unwrap_or_default());
    Ok(replaced)
}

/// One of all matches: its text, or its group if there is one, or its groups as a list.
pub(super) fn regex_substring(
    value: Value,
    pattern: &str,
    result_index: Option<usize>,
    ignorecase: Option<bool>,
    kwargs: Options,
) -> Result<Value, Error> {
    let text = display::to_text(&defined(value)?)?;
    let index = result_index.or(kwargs.get("result_index")?).unwrap_or(0);
    let regex = compile(pattern, flags(ignorecase, &kwargs)?)?;
    let matches = regex.matches(&text).map_err(retold)?;
    let count = matches.len();
    let Some(found) = matches.into_iter().nth(index) else {
        return Err(wrong(format!(
            "regex_substring found {count} matches of `{pattern}`, not number {index}"
        )));
    };
    Ok(match found.groups.as_slice() {
        [] => Value::from(text.get(found.range).unwrap_or_default()),
        [group] => Value::from(group.as_str()),
        groups => groups.iter().map(|group| Value::from(group.as_str())).collect(),
    })
}

type Options = minijinja::value::Kwargs;

fn flags(ignorecase: Option<bool>, kwargs: &Options) -> Result<Flags, Error> {
    let named: Option<bool> = kwargs.get("ignorecase")?;
    kwargs.assert_all_used()?;
    Ok(Flags { ignore_case: ignorecase.or(named).unwrap_or(false), ..Flags::default() })
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

fn is_match(value: Value, pattern: &str, flags: Flags) -> Result<bool, Error> {
    let text = display::to_text(&defined(value)?)?;
    compile(pattern, flags)?.is_match(&text).map_err(retold)
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
                let number = name.parse().ok().or_else(|| regex.group_number(name));
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
