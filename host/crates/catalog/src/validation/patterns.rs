//! The keyword `pattern` of schemas. What it looks for, and what it says, is the library's; here a search is charged
//! before it begins, as those of expressions are, since nothing can end it.

use jsonschema::{Keyword, ValidationError, Validator};
use petrel_expressions::Price;
use petrel_expressions::work;
use serde_json::{Value, json};

/// A validator for `schema`.
///
/// # Errors
/// What is wrong with the schema.
pub(super) fn validator(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options().with_keyword("pattern", |_schema, pattern, _path| charged(pattern)).build(schema)
}

/// The library's own keyword, with its price.
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
    /// Whether there is work left for a search through `value`; what was refused stays refused, so that it is told even
    /// where another form of the value would do.
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
