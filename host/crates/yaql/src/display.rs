//! Terms and values in the text form of Python. [`petrel_python::display`] writes numbers and quotes.

use std::fmt::{self, Write};

use petrel_python::display;

use super::error::Error;
use super::limits::Run;
use super::term::{Dict, Term};

/// The characters of a receiver that an error shows.
const SHORT: usize = 200;

/// `term` as `str()` writes it.
///
/// # Errors
/// When the text is longer than an evaluation may build.
pub(super) fn text(run: &Run<'_>, term: &Term) -> Result<String, Error> {
    if let Term::Text(text) = term {
        run.allocate(text.len())?;
        return Ok(text.to_string());
    }
    let mut out = Bounded { text: String::new(), run };
    match write_repr(&mut out, term) {
        Ok(()) => Ok(out.text),
        Err(fmt::Error) => Err(super::error::ErrorKind::TooMuchMemory.into()),
    }
}

/// The beginning of `term` as text.
pub(super) fn short(term: &Term) -> String {
    struct Short(String);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = SHORT.saturating_sub(self.0.len());
            if text.len() <= room {
                self.0.push_str(text);
                return Ok(());
            }
            self.0.extend(text.chars().take(room));
            self.0.push('…');
            Err(fmt::Error)
        }
    }
    let mut out = Short(String::new());
    // Writing stops with an error where the room ends, which is the purpose here.
    let _is_whole = match term {
        Term::Text(text) => out.write_str(text),
        term => write_repr(&mut out, term),
    };
    out.0
}

struct Bounded<'a, 'b> {
    text: String,
    run: &'a Run<'b>,
}

impl Write for Bounded<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.run.allocate(text.len() + 4).map_err(|_limit| fmt::Error)?;
        self.text.push_str(text);
        Ok(())
    }
}

fn write_repr(out: &mut impl Write, term: &Term) -> fmt::Result {
    match term {
        Term::Null => out.write_str("None"),
        Term::Bool(true) => out.write_str("True"),
        Term::Bool(false) => out.write_str("False"),
        Term::Integer(number) => write!(out, "{number}"),
        Term::Float(number) => out.write_str(&display::float(*number)),
        Term::Text(text) => display::write_quoted(out, text),
        Term::List(list) if list.is_tuple() => {
            out.write_char('(')?;
            write_items(out, list.iter())?;
            out.write_str(if list.len() == 1 { ",)" } else { ")" })
        }
        Term::List(list) => {
            out.write_char('[')?;
            write_items(out, list.iter())?;
            out.write_char(']')
        }
        Term::Dict(dict) => write_dict(out, dict),
        Term::Set(set) if set.is_view => {
            out.write_str("dict_keys([")?;
            write_items(out, set.members.iter().map(|key| key.term().clone()))?;
            out.write_str("])")
        }
        Term::Set(set) => {
            out.write_str("frozenset(")?;
            if set.members.len() > 0 {
                out.write_char('{')?;
                write_items(out, set.members.iter().map(|key| key.term().clone()))?;
                out.write_char('}')?;
            }
            out.write_char(')')
        }
        Term::Values(dict) => {
            out.write_str("ValuesView(")?;
            write_dict(out, dict)?;
            out.write_char(')')
        }
        Term::Pairs(dict) => {
            out.write_str("ItemsView(")?;
            write_dict(out, dict)?;
            out.write_char(')')
        }
        Term::DateTime(time) => write!(out, "{time}"),
        Term::TimeSpan(span) => write!(out, "{span}"),
        other => write!(out, "<{} object>", other.type_name()),
    }
}

fn write_items(out: &mut impl Write, items: impl Iterator<Item = Term>) -> fmt::Result {
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        write_repr(out, &item)?;
    }
    Ok(())
}

fn write_dict(out: &mut impl Write, dict: &Dict) -> fmt::Result {
    out.write_char('{')?;
    for (index, (key, value)) in dict.entries().enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        write_repr(out, &key)?;
        out.write_str(": ")?;
        write_repr(out, &value)?;
    }
    out.write_char('}')
}
