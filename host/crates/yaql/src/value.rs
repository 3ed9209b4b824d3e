//! The final value of an expression, in which sequences are lists and nothing is left to evaluate.

use std::sync::Arc;

use petrel_python::display::{float, write_quoted};
use serde_json::{Map, Number as JsonNumber, Value as Json};

use super::display;
use super::error::{Error, ErrorKind};
use super::limits::Run;
use super::number::too_large;
use super::sequence::Iteration;
use super::term::Term;
use super::time::{DateTime, TimeSpan};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer. One beyond 64 bits has no JSON form.
    Integer(i128),
    /// A float, which may be infinite or NaN.
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// A list.
    List(Vec<Self>),
    /// Distinct values, in the order of their first occurrence.
    Set(Vec<Self>),
    /// A mapping with keys of any type, in the order of their first occurrence.
    Dict(Vec<(Self, Self)>),
    /// A list or an object from the scope, unchanged.
    Json(Arc<Json>),
    /// A point in time.
    DateTime {
        /// Microseconds since 1970 in UTC.
        micros: i64,
        /// The offset of the displayed clock from UTC, in microseconds.
        offset: i64,
    },
    /// A span of time in microseconds.
    TimeSpan(i64),
}

impl Value {
    /// The value of `term`, with sequences read to their ends.
    pub(super) fn from_term(run: &Run<'_>, term: &Term) -> Result<Self, Error> {
        Ok(match term {
            Term::Null => Self::Null,
            Term::Bool(value) => Self::Bool(*value),
            Term::Integer(number) => Self::Integer(*number),
            Term::Float(number) => Self::Float(*number),
            Term::Text(text) => Self::Text(Arc::clone(text)),
            Term::List(list) => match list.as_view() {
                Some(view) => Self::Json(shared(run, view)?),
                None => Self::List(elements(run, term)?),
            },
            Term::Dict(super::term::Dict::View(view)) => Self::Json(shared(run, view)?),
            Term::Dict(dict) => {
                let mut entries = Vec::new();
                for (key, value) in dict.entries() {
                    run.step()?;
                    run.allocate(2 * size_of::<Self>())?;
                    entries.push((Self::key(run, &key)?, Self::from_term(run, &value)?));
                }
                Self::Dict(entries)
            }
            Term::Set(set) => {
                let members = set.members.iter().map(|key| Self::key(run, key.term()));
                Self::Set(members.collect::<Result<_, _>>()?)
            }
            Term::Pairs(dict) if dict.len() > 0 => {
                return Err(Error::type_("unhashable type: 'list'; use items().toList()"));
            }
            Term::Pairs(_) => Self::Set(Vec::new()),
            Term::Values(_) | Term::Sequence(_) | Term::Ordered(_) => Self::List(elements(run, term)?),
            Term::DateTime(DateTime { micros, offset }) => {
                Self::DateTime { micros: *micros, offset: *offset }
            }
            Term::TimeSpan(TimeSpan { micros }) => Self::TimeSpan(*micros),
            Term::Pattern(_) | Term::Context(_) | Term::Rule(_) => {
                let message = format!(
                    "the result is a {}, which is no value; use it in the expression",
                    term.type_name()
                );
                return Err(Error::type_(message));
            }
        })
    }

    /// The value of a key or of a member of a set. Lists and mappings cannot be either any more once they are final.
    fn key(run: &Run<'_>, term: &Term) -> Result<Self, Error> {
        match term {
            Term::List(_) | Term::Sequence(_) | Term::Ordered(_) | Term::Values(_) => {
                Err(Error::type_("unhashable type: 'list'"))
            }
            Term::Dict(_) => Err(Error::type_("unhashable type: 'dict'")),
            Term::Set(_) => Err(Error::type_("unhashable type: 'set'")),
            _ => Self::from_term(run, term),
        }
    }

    /// The value as JSON: sets become lists; times, spans and keys become text.
    ///
    /// # Errors
    /// For integers beyond 64 bits and floats without a JSON form.
    pub fn to_json(&self) -> Result<Arc<Json>, Error> {
        match self {
            Self::Json(json) => Ok(Arc::clone(json)),
            value => value.json(&Run::new(None)).map(Arc::new),
        }
    }

    fn json(&self, run: &Run<'_>) -> Result<Json, Error> {
        run.allocate(size_of::<Json>())?;
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Integer(number) => {
                // JSON has integers of 64 bits with a sign, and without.
                let number = i64::try_from(*number)
                    .map(JsonNumber::from)
                    .or_else(|_| u64::try_from(*number).map(JsonNumber::from));
                Json::Number(number.map_err(|_large| too_large())?)
            }
            Self::Float(number) => JsonNumber::from_f64(*number).map(Json::Number).ok_or_else(|| {
                Error::value(format!("the result is {}, which JSON has not; check it first", float(*number)))
            })?,
            Self::Text(text) => {
                run.allocate(text.len())?;
                Json::String(text.to_string())
            }
            Self::List(items) | Self::Set(items) => {
                Json::Array(items.iter().map(|item| item.json(run)).collect::<Result<_, _>>()?)
            }
            Self::Dict(entries) => {
                let mut object = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    run.allocate(if let Self::Text(name) = key { 2 * name.len() } else { 0 })?;
                    object.insert(key.name()?, value.json(run)?);
                }
                Json::Object(object)
            }
            Self::Json(json) => {
                count(run, json)?;
                Json::clone(json)
            }
            Self::DateTime { micros, offset } => {
                Json::String(DateTime { micros: *micros, offset: *offset }.iso('T'))
            }
            Self::TimeSpan(micros) => Json::String(TimeSpan { micros: *micros }.to_string()),
        })
    }

    /// The value as the name of a field.
    fn name(&self) -> Result<String, Error> {
        Ok(match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::DateTime { micros, offset } => DateTime { micros: *micros, offset: *offset }.iso('T'),
            value => value.display()?,
        })
    }

    /// The value as text, in Python's form.
    ///
    /// # Errors
    /// When the text is longer than an evaluation may build.
    pub fn display(&self) -> Result<String, Error> {
        if let Self::Text(text) = self {
            return Ok(text.to_string());
        }
        let run = Run::new(None);
        let mut out = String::new();
        self.write(&run, &mut out)?;
        Ok(out)
    }

    fn write(&self, run: &Run<'_>, out: &mut String) -> Result<(), Error> {
        run.allocate(8)?;
        match self {
            Self::Text(text) => {
                run.allocate(text.len())?;
                // Writing to a string cannot fail.
                write_quoted(out, text).map_err(|_never| Error::from(ErrorKind::TooMuchMemory))?;
            }
            Self::List(items) => {
                out.push('[');
                write_all(run, out, items)?;
                out.push(']');
            }
            Self::Set(items) if items.is_empty() => out.push_str("set()"),
            Self::Set(items) => {
                out.push('{');
                write_all(run, out, items)?;
                out.push('}');
            }
            Self::Dict(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    key.write(run, out)?;
                    out.push_str(": ");
                    value.write(run, out)?;
                }
                out.push('}');
            }
            Self::Json(json) => {
                count(run, json)?;
                out.push_str(&petrel_python::display::text(json));
            }
            scalar => out.push_str(&display::text(run, &scalar.scalar())?),
        }
        Ok(())
    }

    /// A value without elements, as a term.
    fn scalar(&self) -> Term {
        match self {
            Self::Bool(value) => Term::Bool(*value),
            Self::Integer(number) => Term::Integer(*number),
            Self::Float(number) => Term::Float(*number),
            Self::DateTime { micros, offset } => {
                Term::DateTime(DateTime { micros: *micros, offset: *offset })
            }
            Self::TimeSpan(micros) => Term::TimeSpan(TimeSpan { micros: *micros }),
            _ => Term::Null,
        }
    }
}

fn write_all(run: &Run<'_>, out: &mut String, items: &[Value]) -> Result<(), Error> {
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        item.write(run, out)?;
    }
    Ok(())
}

/// The JSON of a view, copied only if it is a part.
fn shared(run: &Run<'_>, view: &super::view::View) -> Result<Arc<Json>, Error> {
    if !view.is_whole() {
        count(run, view.json())?;
    }
    Ok(view.to_shared())
}

/// Charges for a copy of `json`.
fn count(run: &Run<'_>, json: &Json) -> Result<(), Error> {
    run.allocate(size_of::<Json>())?;
    match json {
        Json::String(text) => run.allocate(text.len()),
        Json::Array(items) => items.iter().try_for_each(|item| count(run, item)),
        Json::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            run.allocate(name.len() + 32)?;
            count(run, field)
        }),
        _ => Ok(()),
    }
}

fn elements(run: &Run<'_>, term: &Term) -> Result<Vec<Value>, Error> {
    let mut iteration = Iteration::new(run, term)?;
    let mut items = Vec::new();
    while let Some(element) = iteration.next(run)? {
        run.allocate(size_of::<Value>())?;
        items.push(Value::from_term(run, &element)?);
    }
    Ok(items)
}
