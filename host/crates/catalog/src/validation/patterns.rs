//! The keyword `pattern` of schemas. The library searches and words the error; here each search is charged in
//! advance, as in expressions, because nothing can end it.

use jsonschema::{Keyword, ValidationError, Validator};
use petrel_expressions::Price;
use petrel_expressions::work;
use serde_json::{Value, json};

/// A validator for `schema`.
///
/// # Errors
/// The mistake in the schema.
pub(super) fn validator(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options().with_keyword("pattern", |_schema, pattern, _path| charged(pattern)).build(schema)
}

/// The library's keyword, with a price.
struct Charged {
    price: Price,
    pattern: Validator,
}

fn charged(pattern: &Value) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'static>> {
    let price = Price::of(pattern.as_str().unwrap_or_default());
    let pattern = jsonschema::validator_for(&json!({"pattern": pattern}))?;
    Ok(Box::new(Charged { price, pattern }))
}

impl Charged {
    /// Whether enough work is left for a search through `value`. A refusal is final, so that it is reported even if
    /// another form of the value would fit.
    fn is_affordable(&self, value: &Value) -> bool {
        value.as_str().is_none_or(|text| work::charge(self.price.through(text.len())).is_ok())
    }
}

impl<'i> Keyword<'i> for Charged {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if !self.is_affordable(instance) {
            return Err(ValidationError::custom("it is too long for the pattern that it is compared with"));
        }
        self.pattern.validate(instance)
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        self.is_affordable(instance) && self.pattern.is_valid(instance)
    }
}
