//! How the tests of this crate compare what is shown with what is written down.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Asserts that `shown` is written as `expected` is, down to the order of the keys, and that it is read back as `Read` and
/// written the same again, also when a later version has added a field.
pub(crate) fn assert_shown_as<Read>(shown: &impl Serialize, expected: &Value)
where
    Read: Serialize + DeserializeOwned,
{
    assert_eq!(serde_json::to_string(shown).unwrap(), expected.to_string());
    let mut newer = expected.clone();
    newer["added_by_a_later_version"] = Value::from(1);
    let read: Read = serde_json::from_str(&newer.to_string()).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), expected.to_string());
}

/// A noun of the model, from its stored form.
pub(crate) fn noun<T: DeserializeOwned>(stored: Value) -> T {
    serde_json::from_value(stored).unwrap()
}
