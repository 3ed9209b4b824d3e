//! The operator `search`: the items of a list meet criteria of their own, on `item`.

use std::borrow::Cow;

use petrel_expressions::work;
use petrel_model::rule::Criteria;
use petrel_python::type_name;
use serde::Deserialize;
use serde_json::Value;

use super::{Error, Operator};
use crate::compiled::CompiledCriterion;

/// Work units charged for checking one item against one criterion, in addition to the operator's own.
const LOOK: u64 = 500;

/// A compiled `search`.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) children: Vec<CompiledCriterion>,
    every_item: bool,
    every_child: bool,
}

impl Search {
    pub(crate) fn compile(pattern: Option<&Value>, condition: Option<&str>) -> Result<Self, Error> {
        let (every_item, every_child) = match condition {
            Some("any") => (false, true),
            Some("all") => (true, true),
            Some("any2any") => (false, false),
            Some("all2any") => (true, false),
            Some(other) => return Err(Error::UnknownCondition(other.to_owned())),
            None => return Err(Error::NoCondition),
        };
        let pattern = pattern.unwrap_or(&Value::Null);
        let criteria = match pattern {
            Value::Object(_) => Criteria::deserialize(pattern).ok(),
            _ => None,
        };
        let criteria = criteria.ok_or_else(|| Error::NotCriteria(pattern.to_string()))?;
        let children = criteria.iter().map(|(key, child)| CompiledCriterion::compile(key, child)).collect();
        Ok(Self { children, every_item, every_child })
    }

    /// Whether enough items of `value` meet enough criteria. `check` decides on one item and one criterion.
    pub(crate) fn holds(
        &self,
        value: &Value,
        mut check: impl FnMut(&CompiledCriterion, &Value) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let (mut met, mut count) = (0, 0);
        // No item is skipped once the result is certain, so that every item that cannot be checked is recorded.
        for item in items(value)? {
            let mut children = 0;
            for child in &self.children {
                work::charge(LOOK)?;
                children += usize::from(check(child, &item)?);
            }
            met += usize::from(enough(children, self.children.len(), self.every_child));
            count += 1;
        }
        Ok(enough(met, count, self.every_item))
    }
}

fn enough(met: usize, of: usize, every: bool) -> bool {
    if every { met == of } else { met > 0 }
}

/// The searched items.
type Items<'a> = Box<dyn Iterator<Item = Cow<'a, Value>> + 'a>;

/// The searched items: those of a list, an object as the only item, or the characters of a text.
fn items(value: &Value) -> Result<Items<'_>, Error> {
    match value {
        Value::Array(items) => Ok(Box::new(items.iter().map(Cow::Borrowed))),
        Value::Object(_) => Ok(Box::new(std::iter::once(Cow::Borrowed(value)))),
        Value::String(text) => {
            Ok(Box::new(text.chars().map(|char| Cow::Owned(Value::from(char.to_string())))))
        }
        _ => Err(Error::WrongType {
            operator: Operator::Search,
            side: "value",
            needed: "a list or an object",
            found: type_name(value),
        }),
    }
}
