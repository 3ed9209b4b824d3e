//! Comparisons of views with literals, for the tests of this crate.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Asserts that `shown` is written as `expected`, down to the order of the keys; that it is read back as `Read` and
/// written the same again; and that a field of a later version is skipped.
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

/// A noun of the model, read from its stored form.
pub(crate) fn noun<T: DeserializeOwned>(stored: Value) -> T {
    serde_json::from_value(stored).unwrap()
}
