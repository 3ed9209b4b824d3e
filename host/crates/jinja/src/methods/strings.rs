//! Methods of texts that the library lacks, or implements in part.

use minijinja::value::{Tuple, from_args};
use minijinja::{Error, Value};
use petrel_model::quoted::quoted;
use petrel_python::text::{lines, lines_with_ends};

use super::format;
use crate::filters::text::{centered, filled};
use crate::filters::{bind, items, wrong};
use crate::work;

/// `None` for a method that this file does not have.
pub(super) fn call(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let found = match method {
        "capitalize" | "casefold" | "swapcase" | "title" | "expandtabs" | "zfill" | "center" | "ljust"
        | "rjust" => shaped(text, method, args)?,
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            partition(text, separator, method == "rpartition")?
        }
        "find" | "rfind" | "index" | "rindex" | "count" => search(text, method, args)?,
        "split" | "rsplit" => split(text, method == "rsplit", args)?,
        "splitlines" => {
            let args = bind("splitlines", &["keepends"], args)?;
            work::make_list(lines(text).count())?;
            if args.flag(0) {
                lines_with_ends(text).map(Value::from).collect()
            } else {
                lines(text).map(Value::from).collect()
            }
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "join" => {
            let (list,): (Value,) = from_args(args)?;
            let list = items(list)?;
            let texts: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
            let texts =
                texts.ok_or_else(|| wrong("join needs a list of texts; use `| map('string')` first"))?;
            let length: usize = texts.iter().map(|text| text.len()).sum();
            work::make(length.saturating_add(texts.len().saturating_mul(text.len())))?;
            Value::from(texts.join(text))
        }
        "format" => Value::from(format::braces(text, args)?),
        "isdecimal" | "isdigit" | "isnumeric" | "isidentifier" | "isprintable" | "istitle" => {
            let () = from_args(args)?;
            Value::from(is(text, method))
        }
        "encode" => Value::from_bytes(text.as_bytes().to_vec()),
        "translate" => {
            let (table,): (Value,) = from_args(args)?;
            Value::from(translate(text, &table)?)
        }
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn shaped(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    Ok(Value::from(match method {
        "casefold" => {
            let () = from_args(args)?;
            text.to_lowercase().replace('ß', "ss")
        }
        "capitalize" => {
            let () = from_args(args)?;
            let mut chars = text.chars();
            let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
            first + &chars.as_str().to_lowercase()
        }
        "title" => {
            let () = from_args(args)?;
            titled(text)
        }
        "swapcase" => {
            let () = from_args(args)?;
            let swap = |char: char| -> String {
                if char.is_uppercase() {
                    char.to_lowercase().collect()
                } else {
                    char.to_uppercase().collect()
                }
            };
            text.chars().map(swap).collect()
        }
        "expandtabs" => {
            let size = bind("expandtabs", &["tabsize"], args)?.count(0, 8)?;
            expand_tabs(text, size)?
        }
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-'])));
            format!("{sign}{}{digits}", filled('0', width.saturating_sub(text.chars().count()))?)
        }
        _ => {
            let (width, fill): (i64, Option<&str>) = from_args(args)?;
            let mut fill = fill.unwrap_or(" ").chars();
            let (Some(char), None) = (fill.next(), fill.next()) else {
                return Err(wrong(format!("{method} needs one character to fill up with")));
            };
            let width = usize::try_from(width).unwrap_or(0);
            let missing = width.saturating_sub(text.chars().count());
            match method {
                "ljust" => format!("{text}{}", filled(char, missing)?),
                "rjust" => format!("{}{text}", filled(char, missing)?),
                _ => centered(text, width, char)?,
            }
        }
    }))
}

/// `text` with each run of letters beginning in upper case. Any other character, an apostrophe too, ends a run.
fn titled(text: &str) -> String {
    let (mut out, mut after_letter) = (String::with_capacity(text.len()), false);
    for char in text.chars() {
        if after_letter {
            out.extend(char.to_lowercase());
        } else {
            out.extend(char.to_uppercase());
        }
        after_letter = char.is_alphabetic();
    }
    out
}

fn expand_tabs(text: &str, size: usize) -> Result<String, Error> {
    let (mut out, mut column) = (String::new(), 0);
    for char in text.chars() {
        if char == '\t' {
            let blanks = if size == 0 { 0 } else { size - column % size };
            out.push_str(&filled(' ', blanks)?);
            column += blanks;
        } else {
            out.push(char);
            column = if matches!(char, '\n' | '\r') { 0 } else { column + 1 };
        }
    }
    Ok(out)
}

fn partition(text: &str, separator: &str, from_end: bool) -> Result<Value, Error> {
    if separator.is_empty() {
        return Err(wrong("empty separator"));
    }
    let halves = if from_end { text.rsplit_once(separator) } else { text.split_once(separator) };
    let parts = match halves {
        Some((head, tail)) => [head, separator, tail],
        None if from_end => ["", "", text],
        None => [text, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

/// Searches for a text. Places count characters; `start` and `end` are those of a slice.
fn search(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (wanted, start, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
    let length = text.chars().count();
    let place = |index: i64| {
        let index = if index < 0 { index + i64::try_from(length).unwrap_or(i64::MAX) } else { index };
        usize::try_from(index).unwrap_or(0).min(length)
    };
    let (start, end) = (start.map_or(0, place), end.map_or(length, place));
    let within: String = text.chars().take(end).skip(start).collect();
    if method == "count" {
        let count =
            if wanted.is_empty() { within.chars().count() + 1 } else { within.matches(wanted).count() };
        return Ok(Value::from(count));
    }
    let found = if method.starts_with('r') { within.rfind(wanted) } else { within.find(wanted) };
    match found.filter(|_| start <= end) {
        Some(byte) => Ok(Value::from(start + within.get(..byte).unwrap_or_default().chars().count())),
        None if method.ends_with("find") => Ok(Value::from(-1)),
        None => Err(wrong(format!("substring not found: `{}`", quoted(wanted)))),
    }
}

fn split(text: &str, from_end: bool, args: &[Value]) -> Result<Value, Error> {
    let args = bind("split", &["sep", "maxsplit"], args)?;
    let most = usize::try_from(args.integer(1, -1)?).ok();
    let cuts = match args.text(0)? {
        Some("") | None => text.split_whitespace().count(),
        Some(separator) => text.matches(separator).count(),
    };
    work::make_list(cuts.min(most.unwrap_or(usize::MAX)))?;
    let parts: Vec<&str> = match (args.text(0)?, from_end) {
        (Some(""), _) => return Err(wrong("empty separator")),
        (Some(separator), false) => match most {
            Some(most) => text.splitn(most.saturating_add(1), separator).collect(),
            None => text.split(separator).collect(),
        },
        (Some(separator), true) => {
            let mut parts: Vec<_> = match most {
                Some(most) => text.rsplitn(most.saturating_add(1), separator).collect(),
                None => text.rsplit(separator).collect(),
            };
            parts.reverse();
            parts
        }
        (None, false) => words(text, most),
        (None, true) => last_words(text, most),
    };
    work::make_list(parts.len())?;
    Ok(parts.into_iter().map(Value::from).collect())
}

/// The first words up to `most`, and the rest.
fn words(text: &str, most: Option<usize>) -> Vec<&str> {
    let (mut rest, mut parts) = (text.trim_start(), Vec::new());
    while !rest.is_empty() {
        if most == Some(parts.len()) {
            parts.push(rest.trim_end());
            break;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        parts.push(word);
        rest = after.trim_start();
    }
    parts
}

/// The last words up to `most`, and the rest before them.
fn last_words(text: &str, most: Option<usize>) -> Vec<&str> {
    let (mut rest, mut parts) = (text.trim_end(), Vec::new());
    while !rest.is_empty() {
        if most == Some(parts.len()) {
            parts.push(rest.trim_start());
            break;
        }
        let blank = rest.char_indices().rev().find(|(_, char)| char.is_whitespace());
        let start = blank.map_or(0, |(place, char)| place + char.len_utf8());
        let (before, word) = rest.split_at(start);
        parts.push(word);
        rest = before.trim_end();
    }
    parts.reverse();
    parts
}

fn is(text: &str, method: &str) -> bool {
    let all = |test: fn(char) -> bool| !text.is_empty() && text.chars().all(test);
    match method {
        "isdecimal" => all(|char| char.is_ascii_digit() || (!char.is_ascii() && is_decimal(char))),
        "isdigit" => all(|char| char.is_ascii_digit() || is_decimal(char) || "²³¹⁰⁴⁵⁶⁷⁸⁹".contains(char)),
        "isnumeric" => all(char::is_numeric),
        "isprintable" => text.chars().all(petrel_python::display::is_printable),
        "isidentifier" => {
            all(|char| char.is_alphanumeric() || char == '_') && !text.starts_with(char::is_numeric)
        }
        _ => is_title(text),
    }
}

/// Whether `char` is a decimal digit of any script. The digits of a script follow each other from its zero on.
fn is_decimal(char: char) -> bool {
    const STARTS: [u32; 12] =
        [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xe50, 0xed0, 0xff10];
    STARTS.iter().any(|start| (*start..start + 10).contains(&u32::from(char)))
}

fn is_title(text: &str) -> bool {
    let (mut has_cased, mut after_cased) = (false, false);
    for char in text.chars() {
        let is_cased = char.is_uppercase() || char.is_lowercase();
        if (char.is_uppercase() && after_cased) || (char.is_lowercase() && !after_cased) {
            return false;
        }
        has_cased |= is_cased;
        after_cased = is_cased;
    }
    has_cased
}

/// Replaces characters by the entries of a mapping from their numbers. Null removes a character.
fn translate(text: &str, table: &Value) -> Result<String, Error> {
    let mut out = String::new();
    for char in text.chars() {
        work::charge(50)?;
        let replacement = table.get_item(&Value::from(u32::from(char)))?;
        if replacement.is_undefined() {
            out.push(char);
        } else if let Some(text) = replacement.as_str() {
            work::make(text.len())?;
            out.push_str(text);
        } else if let Some(code) = u32::try_from(replacement.clone()).ok().and_then(char::from_u32) {
            out.push(code);
        } else if !replacement.is_none() {
            return Err(wrong("translate needs a mapping of numbers to texts, numbers or null"));
        }
    }
    Ok(out)
}
