//! Paths to parts of a value: JSON pointers (RFC 6901), and that part of JSONPath (RFC 9535) that names and numbers: `.name`,
//! `['name']`, `[0]`, `[-1]`, `[1:3]`, `*` and `..`. There are no filters: those are for the expressions of a workflow.

use std::str::FromStr;

use petrel_pack_sdk::Error;
use serde_json::Value;

/// So many values are found at most.
const MOST: usize = 10_000;
/// The longest path, in bytes.
const LONGEST: usize = 4096;

/// A path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

/// A step from a value to its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A field of an object.
    Name(String),
    /// An element of a list; a negative one from its end.
    Index(i64),
    /// A field or an element, as a pointer names both.
    Either(String),
    /// The elements from one to before another.
    Range(Option<i64>, Option<i64>),
    /// All fields or elements.
    All,
    /// The value itself, and all that is below it.
    Below,
}

impl Path {
    /// Whether the path may lead to more than one value.
    pub fn is_for_several(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Range(..) | Step::All | Step::Below))
    }

    /// The values at this path.
    ///
    /// # Errors
    ///
    /// If there are more than 10,000.
    pub fn find<'a>(&self, value: &'a Value) -> Result<Vec<&'a Value>, Error> {
        let mut found = vec![value];
        for step in &self.steps {
            let mut next = Vec::new();
            for value in found {
                step.take(value, &mut next);
                if next.len() > MOST {
                    let message = format!("the path leads to more than {MOST} values");
                    return Err(Error::invalid_input(message)
                        .code("json.too_many")
                        .hint("name a part of the value in `path`"));
                }
            }
            found = next;
        }
        Ok(found)
    }
}

impl Step {
    fn take<'a>(&self, value: &'a Value, found: &mut Vec<&'a Value>) {
        match (self, value) {
            (Self::Name(name) | Self::Either(name), Value::Object(fields)) => found.extend(fields.get(name)),
            (Self::Either(name), Value::Array(items)) => {
                found.extend(number(name).and_then(|at| items.get(at)));
            }
            (Self::Index(index), Value::Array(items)) => {
                found.extend(place(*index, items.len()).and_then(|at| items.get(at)));
            }
            (Self::Range(from, to), Value::Array(items)) => {
                let end = |at: Option<i64>, default| at.map_or(default, |at| bounded(at, items.len()));
                let (from, to) = (end(*from, 0), end(*to, items.len()));
                found.extend(items.get(from..to).unwrap_or_default());
            }
            (Self::All, Value::Object(fields)) => found.extend(fields.values()),
            (Self::All, Value::Array(items)) => found.extend(items),
            (Self::Below, _) => below(value, found),
            _ => {}
        }
    }
}

/// The value, and what is in it. Values are as deep as JSON that is read, 128.
fn below<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    if found.len() > MOST {
        return;
    }
    found.push(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| below(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| below(field, found)),
        _ => {}
    }
}

/// The place of an element that exists.
fn place(index: i64, length: usize) -> Option<usize> {
    let from_end = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { length.checked_sub(from_end) } else { Some(from_end) }
}

/// The place of an end of a range, within the list.
fn bounded(index: i64, length: usize) -> usize {
    place(index, length).unwrap_or(0).min(length)
}

/// The number of an element in a pointer: digits, the first of which is no 0 if there are more.
fn number(text: &str) -> Option<usize> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

impl FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST {
            return Err(wrong("the path", &format!("it is longer than {LONGEST} bytes")));
        }
        let steps = match text.strip_prefix('$') {
            Some(mut rest) => {
                let mut steps = Vec::new();
                while !rest.is_empty() {
                    let (next, after) = step(rest).map_err(|why| wrong(text, why))?;
                    steps.push(next);
                    rest = after;
                }
                steps
            }
            None if text.is_empty() => Vec::new(),
            None => {
                let parts = text
                    .strip_prefix('/')
                    .ok_or_else(|| wrong(text, "it begins with neither `$` nor `/`"))?;
                let plain = |part: &str| part.replace("~1", "/").replace("~0", "~");
                parts.split('/').map(|part| Step::Either(plain(part))).collect()
            }
        };
        Ok(Self { steps })
    }
}

/// The first step of the rest of a path, and what follows it.
fn step(rest: &str) -> Result<(Step, &str), &'static str> {
    if let Some(after) = rest.strip_prefix('[') {
        return bracket(after);
    }
    if let Some(after) = rest.strip_prefix("..") {
        // A name behind two dots is read in its turn, as one behind the second of them.
        let next = if after.starts_with('[') { after } else { rest.get(1..).unwrap_or_default() };
        return Ok((Step::Below, next));
    }
    let name = rest.strip_prefix('.').ok_or("a part begins with neither `.` nor `[`")?;
    let (name, after) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
    match name {
        "" => Err("a name is missing"),
        "*" => Ok((Step::All, after)),
        name => Ok((Step::Name(name.to_owned()), after)),
    }
}

/// The step in a bracket that is open, and what follows it.
fn bracket(rest: &str) -> Result<(Step, &str), &'static str> {
    const OPEN: &str = "a `[` has no `]`";
    const KINDS: &str = "in brackets there is a number, a range, `*` or a name in quotes";
    if let Some(quote) = rest.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let (name, after) = quoted(rest.get(1..).unwrap_or_default(), quote).ok_or("a name has no end")?;
        return Ok((Step::Name(name), after.strip_prefix(']').ok_or(OPEN)?));
    }
    let (inner, after) = rest.split_once(']').ok_or(OPEN)?;
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_no_number| KINDS);
    let end = |text: &str| if text.trim().is_empty() { Ok(None) } else { number(text).map(Some) };
    let step = match inner.trim() {
        "*" => Step::All,
        inner => match inner.split_once(':') {
            Some((from, to)) => Step::Range(end(from)?, end(to)?),
            None => Step::Index(number(inner)?),
        },
    };
    Ok((step, after))
}

/// A name up to its quote, in which a backslash takes the next character as it is; and what follows it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        if char == quote {
            return Some((name, text.get(at + 1..)?));
        }
        name.push(if char == '\\' { chars.next()?.1 } else { char });
    }
    None
}

fn wrong(path: &str, why: &str) -> Error {
    Error::invalid_input(format!("`{path}` is no path: {why}"))
        .code("json.path")
        .hint("write a pointer as /items/0/name, or a path as $.items[*].name")
}
