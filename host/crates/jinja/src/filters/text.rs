//! Jinja's filters on text.

use std::sync::Arc;

use minijinja::value::{StringInput, Tuple, ValueKind};
use minijinja::{Environment, Error, State, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use petrel_python::text::lines;

use super::CallArguments;
use super::arguments::Arguments;
use super::wrap::{Layout, wrap};
use super::{defined, wrong};
use crate::display;
use crate::environment::OUTPUT_LIMIT;
use crate::methods::percent;
use crate::{weight, work};

/// A value as text.
pub(super) fn text_of(value: Value) -> Result<String, Error> {
    let value = defined(value)?;
    if super::is_function(&value) {
        return Err(wrong(super::UNCALLED));
    }
    Ok(display::to_text(&value)?)
}

/// Adds the library's filters and tests of text with their values turned into text first: the library would write
/// lists in its own form, without counting.
pub(super) fn add_library_to(environment: &mut Environment<'static>) {
    fn add(environment: &mut Environment<'static>, name: &'static str, change: fn(StringInput<'_>) -> Value) {
        environment.add_filter(name, move |state: &mut State<'_, '_>, value: Value, given: CallArguments| {
            Arguments::bind(name, &[], given)?;
            let text = as_text(value)?;
            work::read(text.as_str().map_or(0, str::len))?;
            StringInput::new(state, &text).map(change)
        });
    }
    add(environment, "capitalize", minijinja::filters::capitalize);
    add(environment, "lower", minijinja::filters::lower);
    add(environment, "upper", minijinja::filters::upper);
    environment.add_filter("safe", |value: Value, given: CallArguments| {
        Arguments::bind("safe", &[], given)?;
        text_of(value).map(Value::from_safe_string)
    });
    environment.add_filter("title", |value: Value, given: CallArguments| {
        Arguments::bind("title", &[], given)?;
        let text = text_of(value)?;
        work::read(text.len())?;
        Ok::<_, Error>(minijinja::filters::title(text.into()))
    });
    environment.add_filter("trim", |state: &mut State<'_, '_>, value: Value, given: CallArguments| {
        let args = Arguments::bind("trim", &["chars"], given)?;
        let (text, chars) = (as_text(value)?, args.present(0).cloned().map(text_of).transpose()?);
        work::trim(text.as_str().unwrap_or_default(), chars.as_deref().unwrap_or_default())?;
        StringInput::new(state, &text).map(|text| minijinja::filters::trim(text, chars.map(Into::into)))
    });
    // The separator is searched for as well.
    environment.add_filter("split", |value: &Value, separator: Option<Arc<str>>, most: Option<i64>| {
        let separators = separator.as_deref().map_or(0, str::len);
        work::read(value.as_str().map_or(0, str::len).saturating_add(separators))?;
        minijinja::filters::split(value, separator, most)
    });
    environment
        .add_test("lower", |value: &Value| of_each_char(value).map(|()| minijinja::tests::is_lower(value)));
    environment
        .add_test("upper", |value: &Value| of_each_char(value).map(|()| minijinja::tests::is_upper(value)));
    environment.add_test("startingwith", |value: Value, start: Value| {
        Ok::<_, Error>(text_of(value)?.starts_with(&text_of(start)?))
    });
    environment.add_test("endingwith", |value: Value, end: Value| {
        Ok::<_, Error>(text_of(value)?.ends_with(&text_of(end)?))
    });
}

/// Charges for a test that examines each character of a text.
fn of_each_char(value: &Value) -> Result<(), Error> {
    /// Some tests turn the text into upper and lower case, to see whether it has letters with case.
    const TIMES: usize = 3;
    Ok(work::read(value.as_str().map_or(0, str::len).saturating_mul(TIMES))?)
}

/// A text as it is, and any other value as Python writes it.
fn as_text(value: Value) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        work::make(text.len())?;
        return Ok(value);
    }
    text_of(value).map(Value::from)
}

/// A text of one repeated character, no longer than a rendering may be.
pub(crate) fn filled(char: char, count: usize) -> Result<String, Error> {
    if count > OUTPUT_LIMIT {
        return Err(wrong(format!("a text of {count} characters is too long; at most {OUTPUT_LIMIT} fit")));
    }
    work::make(count.saturating_mul(char.len_utf8()))?;
    Ok(std::iter::repeat_n(char, count).collect())
}

/// `text` centered in `width` characters, with the odd blank where Python puts it.
pub(crate) fn centered(text: &str, width: usize, fill: char) -> Result<String, Error> {
    let missing = width.saturating_sub(text.chars().count());
    let left = missing / 2 + (missing & width & 1);
    Ok(format!("{}{text}{}", filled(fill, left)?, filled(fill, missing - left)?))
}

pub(super) fn striptags(value: Value) -> Result<String, Error> {
    /// The work of each `&`, which is looked up in the table of entities.
    const ENTITY: u64 = 100;
    let text = text_of(value)?;
    work::charge((text.matches('&').count() as u64).saturating_mul(ENTITY))?;
    work::make(text.len().saturating_mul(4))?;
    Ok(minijinja_contrib::filters::striptags(text))
}

pub(super) fn string(value: Value) -> Result<Value, Error> {
    let value = defined(value)?;
    if value.as_str().is_some() { Ok(value) } else { text_of(value).map(Value::from) }
}

/// `%` with all arguments.
pub(super) fn format(value: Value, given: CallArguments) -> Result<String, Error> {
    let text = text_of(value)?;
    let mut given = given.into_values();
    match given.pop() {
        Some(named) if named.is_kwargs() && given.is_empty() => percent(&text, &named),
        last => {
            given.extend(last);
            percent(&text, &Value::from(Tuple::from(given)))
        }
    }
}

pub(super) fn replace(value: Value, given: CallArguments) -> Result<String, Error> {
    let args = Arguments::bind("replace", &["old", "new", "count"], given)?;
    let args = args.require(2)?;
    let (text, old, new) = (text_of(value)?, text_of(args.value(0))?, text_of(args.value(1))?);
    let most = usize::try_from(args.integer(2, -1)?).unwrap_or(usize::MAX);
    work::scan(text.len().saturating_add(old.len()))?;
    let times =
        if old.is_empty() { text.chars().count() + 1 } else { text.matches(&*old).take(most).count() };
    work::visit(times.min(most))?;
    work::make(text.len().saturating_add(times.min(most).saturating_mul(new.len())))?;
    Ok(match usize::try_from(args.integer(2, -1)?) {
        Ok(count) => text.replacen(&old, &new, count),
        Err(_negative) => text.replace(&old, &new),
    })
}

pub(super) fn center(value: Value, given: CallArguments) -> Result<String, Error> {
    let args = Arguments::bind("center", &["width"], given)?;
    centered(&text_of(value)?, args.count(0, 80)?, ' ')
}

pub(super) fn indent(value: Value, given: CallArguments) -> Result<String, Error> {
    let args = Arguments::bind("indent", &["width", "first", "blank"], given)?;
    let indention = match args.present(0) {
        Some(width) if width.as_str().is_some() => width.as_str().unwrap_or_default().to_owned(),
        _ => filled(' ', args.count(0, 4)?)?,
    };
    // As in Jinja, so that a line end at the end begins one more line.
    let text = text_of(value)? + "\n";
    let mut out = String::new();
    for (index, line) in lines(&text).enumerate() {
        work::visit(1)?;
        work::make(line.len() + indention.len() + 1)?;
        if index > 0 {
            out.push('\n');
        }
        let is_indented = if index == 0 { args.flag(1) } else { args.flag(2) || !line.is_empty() };
        if is_indented {
            out.push_str(&indention);
        }
        out.push_str(line);
        if out.len() > OUTPUT_LIMIT {
            return Err(wrong(format!("indent gives more than {OUTPUT_LIMIT} bytes; indent less")));
        }
    }
    Ok(out)
}

pub(super) fn truncate(value: Value, given: CallArguments) -> Result<String, Error> {
    let args = Arguments::bind("truncate", &["length", "killwords", "end", "leeway"], given)?;
    let (length, leeway) = (args.count(0, 255)?, args.integer(3, 5)?);
    let end = args.text(2)?.unwrap_or("...");
    let room = length.checked_sub(end.chars().count());
    let Some(room) = room.filter(|_| leeway >= 0) else {
        return Err(wrong(format!(
            "truncate needs a length of at least that of `{end}`, and a leeway from 0 on"
        )));
    };
    let text = text_of(value)?;
    work::make(text.len().saturating_add(end.len()))?;
    if text.chars().count() <= length.saturating_add(usize::try_from(leeway).unwrap_or(0)) {
        return Ok(text);
    }
    let kept: String = text.chars().take(room).collect();
    let kept =
        if args.flag(1) { kept.as_str() } else { kept.rsplit_once(' ').map_or(&*kept, |(head, _)| head) };
    Ok(format!("{kept}{end}"))
}

/// The number of words, which are runs of letters, digits and underscores.
pub(super) fn wordcount(value: Value) -> Result<usize, Error> {
    let text = text_of(value)?;
    work::read(text.len())?;
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    Ok(text.split(|char| !is_word(char)).filter(|word| !word.is_empty()).count())
}

pub(super) fn wordwrap(value: Value, given: CallArguments) -> Result<String, Error> {
    let parameters = &["width", "break_long_words", "wrapstring", "break_on_hyphens"];
    let args = Arguments::bind("wordwrap", parameters, given)?;
    let width = args.count(0, 79)?;
    if width == 0 {
        return Err(wrong("wordwrap needs a width from 1 on"));
    }
    let layout = Layout {
        width,
        breaks_words: args.get(1).is_none_or(Value::is_true),
        on_hyphens: args.get(3).is_none_or(Value::is_true),
    };
    let joint = args.text(2)?.unwrap_or("\n");
    let text = text_of(value)?;
    let mut wrapped = Vec::new();
    for line in lines(&text) {
        // An empty line is a line too.
        work::visit(1)?;
        let parts = wrap(line, layout)?;
        work::make(
            line.len().saturating_add((parts.len() + 1).saturating_mul(joint.len() + size_of::<String>())),
        )?;
        wrapped.push(parts.join(joint));
    }
    Ok(wrapped.join(joint))
}

pub(super) fn filesizeformat(value: Value, given: CallArguments) -> Result<String, Error> {
    let args = Arguments::bind("filesizeformat", &["binary"], given)?;
    let value = defined(value)?;
    let bytes = match value.as_str() {
        Some(text) => petrel_python::number::float_from_text(text),
        None => f64::try_from(value.clone()).ok(),
    };
    let Some(bytes) = bytes else {
        let kind = value.kind();
        return Err(wrong(format!("filesizeformat needs a number, and was given a value of type {kind}")));
    };
    let base: f64 = if args.flag(0) { 1024.0 } else { 1000.0 };
    let units = if args.flag(0) {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    if (bytes - 1.0).abs() < f64::EPSILON {
        return Ok("1 Byte".into());
    }
    if bytes < base {
        return Ok(format!("{} Bytes", bytes.trunc()));
    }
    let mut unit = base;
    for (index, name) in units.iter().enumerate() {
        unit *= base;
        if bytes < unit || index + 1 == units.len() {
            return Ok(format!("{:.1} {name}", base * bytes / unit));
        }
    }
    Ok(String::new())
}

/// `text` with HTML's special characters as references.
pub(super) fn escaped(text: &str) -> Result<String, Error> {
    let longer = text.bytes().filter(|byte| b"&<>\"'".contains(byte)).count();
    work::make(text.len().saturating_add(longer.saturating_mul(4)))?;
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(char),
        }
    }
    Ok(out)
}

pub(super) fn escape(value: Value) -> Result<Value, Error> {
    if value.is_safe() { Ok(value) } else { forceescape(value) }
}

pub(super) fn forceescape(value: Value) -> Result<Value, Error> {
    Ok(Value::from_safe_string(escaped(&text_of(value)?)?))
}

pub(super) fn xmlattr(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("xmlattr", &["autospace"], given)?;
    let value = defined(value)?;
    if value.kind() != ValueKind::Map {
        return Err(wrong("xmlattr needs a mapping of names to values"));
    }
    let mut parts = Vec::new();
    for key in value.try_iter()? {
        work::visit(1)?;
        let item = weight::item(&value, &key)?;
        if item.is_none() || item.is_undefined() {
            continue;
        }
        let name = text_of(key)?;
        if name.contains(|char: char| char.is_whitespace() || "/>=".contains(char)) {
            return Err(wrong(format!("xmlattr was given `{name}`, which is no name of an attribute")));
        }
        parts.push(format!("{}=\"{}\"", escaped(&name)?, escaped(&text_of(item)?)?));
    }
    let text = parts.join(" ");
    let space = if text.is_empty() || args.get(0).is_some_and(|space| !space.is_true()) { "" } else { " " };
    Ok(Value::from_safe_string(format!("{space}{text}")))
}

pub(super) fn urlencode(value: Value) -> Result<String, Error> {
    let value = defined(value)?;
    if value.as_str().is_some()
        || !matches!(value.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Iterable)
    {
        return quoted(&text_of(value)?, IN_PATH);
    }
    let mut parts = Vec::new();
    for item in value.try_iter()? {
        let (key, item) = if value.kind() == ValueKind::Map {
            let own = weight::item(&value, &item)?;
            (item, own)
        } else {
            let pair: Vec<Value> = super::items(item)?;
            let [key, item] = <[Value; 2]>::try_from(pair)
                .map_err(|_other| wrong("urlencode needs a text, a mapping or a list of pairs"))?;
            (key, item)
        };
        let form = |value: Value| Ok::<_, Error>(quoted(&text_of(value)?, IN_FORM)?.replace(' ', "+"));
        parts.push(format!("{}={}", form(key)?, form(item)?));
    }
    Ok(parts.join("&"))
}

/// The characters that Python's `quote` escapes: all but letters, digits, `_.-~` and the slash, which is safe by default.
const IN_PATH: &AsciiSet = &IN_VALUE.remove(b'/');
/// The characters that are escaped in the parts of a form, where the blank is safe instead of the slash.
const IN_FORM: &AsciiSet = &IN_VALUE.remove(b' ');
/// The characters that are escaped where no other is safe.
const IN_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

/// Percent-encodes the characters in `escaped`.
fn quoted(text: &str, escaped: &'static AsciiSet) -> Result<String, Error> {
    work::charge((text.len() as u64).saturating_mul(30))?;
    work::make(text.len().saturating_mul(3))?;
    Ok(utf8_percent_encode(text, escaped).to_string())
}
