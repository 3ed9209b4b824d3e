//! The differences of two values, by the places at which they are.

use petrel_pack_sdk::Error;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// So many changes are told at most.
const MOST: usize = 10_000;

/// The kinds of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something is there that was not.
    Add,
    /// Something is no longer there.
    Remove,
    /// Something else is there.
    Replace,
}

/// A change.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The kind of the change.
    pub op: Kind,
    /// The place, as a JSON pointer.
    pub path: String,
    /// What is there after the change, or null.
    pub value: Value,
    /// What was there before the change, or null.
    pub before: Value,
}

/// The changes that lead from `before` to `after`, in an order in which they can be applied.
///
/// # Errors
///
/// If there are more than 10,000.
pub fn differences(before: &Value, after: &Value) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes)?;
    Ok(changes)
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) -> Result<(), Error> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before {
                let path = below(path, name);
                match after.get(name) {
                    Some(now) => compare(&path, value, now, changes)?,
                    None => tell(changes, Kind::Remove, path, Some(value), None)?,
                }
            }
            for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                tell(changes, Kind::Add, below(path, name), None, Some(value))?;
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (index, (value, now)) in before.iter().zip(after).enumerate() {
                compare(&format!("{path}/{index}"), value, now, changes)?;
            }
            // From the last one on, so that each place is still what it says when its turn comes.
            for (index, value) in before.iter().enumerate().skip(after.len()).rev() {
                tell(changes, Kind::Remove, format!("{path}/{index}"), Some(value), None)?;
            }
            for (index, value) in after.iter().enumerate().skip(before.len()) {
                tell(changes, Kind::Add, format!("{path}/{index}"), None, Some(value))?;
            }
        }
        _ if before == after => {}
        _ => tell(changes, Kind::Replace, path.to_owned(), Some(before), Some(after))?,
    }
    Ok(())
}

/// The place of a field, in which `~` and `/` are written as RFC 6901 has them.
fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn tell(
    changes: &mut Vec<Change>,
    op: Kind,
    path: String,
    before: Option<&Value>,
    value: Option<&Value>,
) -> Result<(), Error> {
    if changes.len() == MOST {
        let message = format!("the values differ in more than {MOST} places");
        return Err(Error::invalid_input(message).code("json.too_many").hint("compare parts of them"));
    }
    let [before, value] = [before, value].map(|value| value.cloned().unwrap_or_default());
    changes.push(Change { op, path, value, before });
    Ok(())
}
