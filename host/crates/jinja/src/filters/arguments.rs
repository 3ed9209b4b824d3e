//! The binding of arguments as in Python: by position or by name, each once. The names are the original's; an unknown
//! argument is refused with the names of the filter and the argument.

use minijinja::value::{Kwargs, Rest, ValueOrKwargs};
use minijinja::{Error, Value};

use super::{defined, wrong};

/// The arguments of a filter, besides its value.
pub(crate) type CallArguments = Rest<ValueOrKwargs>;

/// The arguments of one call, by the position of their parameter.
#[derive(Debug)]
pub(crate) struct Arguments {
    name: &'static str,
    parameters: &'static [&'static str],
    values: Vec<Option<Value>>,
}

impl Arguments {
    /// Binds the arguments of a filter. An undefined value is refused.
    pub(super) fn bind(
        name: &'static str,
        parameters: &'static [&'static str],
        given: CallArguments,
    ) -> Result<Self, Error> {
        bind(name, parameters, &given.into_values())
    }

    /// Returns the arguments if the first `count` of them were given.
    pub(crate) fn require(self, count: usize) -> Result<Self, Error> {
        match (0..count).find(|place| self.get(*place).is_none()) {
            Some(place) => Err(self.missing(place)),
            None => Ok(self),
        }
    }

    /// An argument whose presence [`require`](Self::require) has checked.
    pub(super) fn value(&self, place: usize) -> Value {
        self.get(place).cloned().unwrap_or_default()
    }

    /// An argument, if it was given. Null counts as given.
    pub(crate) fn get(&self, place: usize) -> Option<&Value> {
        self.values.get(place).and_then(Option::as_ref)
    }

    /// An argument, if it was given and is not null.
    pub(crate) fn present(&self, place: usize) -> Option<&Value> {
        self.get(place).filter(|value| !value.is_none())
    }

    /// Whether an argument is true; false without it.
    pub(crate) fn flag(&self, place: usize) -> bool {
        self.get(place).is_some_and(Value::is_true)
    }

    /// An integer, or the default.
    pub(crate) fn integer(&self, place: usize, default: i64) -> Result<i64, Error> {
        match self.present(place) {
            None => Ok(default),
            Some(value) if value.is_integer() || value.kind() == minijinja::value::ValueKind::Bool => {
                i64::try_from(value.clone())
            }
            Some(value) => Err(self.refuse(place, "a whole number", value)),
        }
    }

    /// A count, or the default. A negative number means zero.
    pub(crate) fn count(&self, place: usize, default: usize) -> Result<usize, Error> {
        let number = self.integer(place, i64::try_from(default).unwrap_or(i64::MAX))?;
        Ok(usize::try_from(number).unwrap_or(0))
    }

    /// A text, if it was given.
    pub(crate) fn text(&self, place: usize) -> Result<Option<&str>, Error> {
        match self.present(place) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.refuse(place, "a text", value)),
        }
    }

    /// A text that must be given.
    pub(crate) fn required_text(&self, place: usize) -> Result<&str, Error> {
        match self.get(place) {
            None => Err(self.missing(place)),
            Some(value) => value.as_str().ok_or_else(|| self.refuse(place, "a text", value)),
        }
    }

    fn missing(&self, place: usize) -> Error {
        wrong(format!("{} needs {}; add it", self.name, self.parameter(place)))
    }

    fn parameter(&self, place: usize) -> &'static str {
        self.parameters.get(place).copied().unwrap_or_default()
    }

    fn refuse(&self, place: usize, wanted: &str, value: &Value) -> Error {
        wrong(format!(
            "{} needs {wanted} as {}, and was given a value of type {}",
            self.name,
            self.parameter(place),
            value.kind()
        ))
    }
}

/// Binds the arguments of a filter or method. An undefined value is refused.
pub(crate) fn bind(
    name: &'static str,
    parameters: &'static [&'static str],
    given: &[Value],
) -> Result<Arguments, Error> {
    let (positional, named) = match given.split_last() {
        Some((last, before)) if last.is_kwargs() => (before, Some(Kwargs::try_from(last.clone())?)),
        _ => (given, None),
    };
    if positional.len() > parameters.len() {
        let most = parameters.len();
        return Err(wrong(format!(
            "{name} takes at most {most} arguments, and {} are given; {}",
            positional.len(),
            known(parameters)
        )));
    }
    let unknown = named.as_ref().and_then(|named| named.args().find(|key| !parameters.contains(key)));
    if let Some(unknown) = unknown {
        return Err(wrong(format!("{name} has no argument {unknown}; {}", known(parameters))));
    }
    let mut values: Vec<_> =
        positional.iter().cloned().map(|value| defined(value).map(Some)).collect::<Result<_, _>>()?;
    values.resize(parameters.len(), None);
    for (parameter, value) in parameters.iter().zip(&mut values) {
        let Some(named) = named.as_ref().filter(|named| named.has(parameter)) else { continue };
        if value.is_some() {
            return Err(wrong(format!("{name} got several values for {parameter}; give one")));
        }
        *value = Some(defined(named.get(parameter)?)?);
    }
    Ok(Arguments { name, parameters, values })
}

/// The known arguments, for a message.
fn known(parameters: &[&str]) -> String {
    match parameters {
        [] => "it takes none".to_owned(),
        names => format!("it takes {}", names.join(", ")),
    }
}
