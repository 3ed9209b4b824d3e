//! The searches for regular expressions of schemas. The library searches and words the error; here each search is
//! charged in advance, as in expressions, because nothing can end it. The keyword `pattern` does so by itself; for
//! `patternProperties` see [`super::effort`].

use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Keyword, PatternOptions, ValidationError, Validator};
use petrel_expressions::Price;
use petrel_expressions::work::{self, Limit};
use serde_json::{Value, json};

/// A validator for `schema`.
///
/// # Errors
/// The mistake in the schema.
pub(super) fn validator(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options().with_keyword("pattern", |_schema, pattern, _path| charged(pattern)).build(schema)
}

/// A pattern of a schema, with its price.
#[derive(Debug)]
pub(super) struct Pattern {
    source: Value,
    price: Price,
    /// The library's keyword with the least limit on steps back.
    first: Validator,
    /// The keyword with higher limits, compiled when a search needs it.
    patient: [OnceLock<Option<Validator>>; 2],
}

impl Pattern {
    /// Compiles `source`.
    ///
    /// # Errors
    /// The mistake in the pattern.
    pub(super) fn new(source: &Value) -> Result<Self, ValidationError<'static>> {
        let price = Price::of(source.as_str().unwrap_or_default());
        let least = price.tries(0).next().map_or(0, |(limit, _units)| limit);
        let first = compiled(source, least)?;
        Ok(Self { source: source.clone(), price, first, patient: [const { OnceLock::new() }; 2] })
    }

    /// Whether the pattern is in `name`, in the price of so many searches as the validation makes.
    ///
    /// # Errors
    /// The limit that the searches exceed. It is final for this evaluation.
    pub(super) fn is_in(&self, name: &str, searches: u64) -> Result<bool, Limit> {
        let name = Value::from(name);
        self.search(&name, searches).map(|misfit| misfit.is_none())
    }

    /// The units of work of the first try for `name`.
    pub(super) fn least(&self, name: &str) -> u64 {
        self.price.tries(name.len()).next().map_or(0, |(_limit, units)| units)
    }

    /// Whether the first try for `name` comes to an end. It is not charged.
    pub(super) fn is_easy_in(&self, name: &str) -> bool {
        let name = Value::from(name);
        self.first.validate(&name).err().is_none_or(|error| !is_given_up(&error))
    }

    /// The error of the library's keyword, if `value` has one, by growing limits on steps back, each charged in advance.
    fn search<'i>(&self, value: &'i Value, times: u64) -> Result<Option<ValidationError<'i>>, Limit> {
        let Some(text) = value.as_str() else { return Ok(None) };
        for (number, (limit, units)) in self.price.tries(text.len()).enumerate() {
            work::charge(units.saturating_mul(times))?;
            let Some(validator) = self.tried(number, limit) else { break };
            match validator.validate(value) {
                Err(error) if is_given_up(&error) => {}
                found => return Ok(found.err()),
            }
        }
        Err(work::refuse(Limit::Work))
    }

    fn tried(&self, number: usize, limit: usize) -> Option<&Validator> {
        match number.checked_sub(1) {
            None => Some(&self.first),
            Some(later) => {
                let patient = self.patient.get(later)?;
                patient.get_or_init(|| compiled(&self.source, limit).ok()).as_ref()
            }
        }
    }
}

/// The library's keyword `pattern`, which goes back at most so often; with 0, as often as the library lets it.
fn compiled(pattern: &Value, limit: usize) -> Result<Validator, ValidationError<'static>> {
    let options = PatternOptions::fancy_regex();
    let options = if limit == 0 { options } else { options.backtrack_limit(limit) };
    jsonschema::options().with_pattern_options(options).build(&json!({"pattern": pattern}))
}

fn is_given_up(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::BacktrackLimitExceeded { .. })
}

/// The library's keyword, with a price. A refusal is final, so that it is reported even if another form of the value
/// would fit.
struct Charged(Pattern);

fn charged(pattern: &Value) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'static>> {
    Ok(Box::new(Charged(Pattern::new(pattern)?)))
}

impl<'i> Keyword<'i> for Charged {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.0.search(instance, 1) {
            Ok(None) => Ok(()),
            Ok(Some(misfit)) => Err(misfit),
            Err(_limit) => {
                Err(ValidationError::custom("it is too long for the pattern that it is compared with"))
            }
        }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        matches!(self.0.search(instance, 1), Ok(None))
    }
}
