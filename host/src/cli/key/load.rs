//! `petrel key load`: the keys in a file, one after the other, as `st2 key load` takes them.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::super::input::read_file;
use super::super::session::{Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// The fields of a key in a file.
const FIELDS: [&str; 8] =
    ["name", "value", "scope", "user", "secret", "encrypted", "ttl", "expire_timestamp"];
/// Fields of the output of `key list --json`, which may be loaded as it is.
const SHOWN: [&str; 2] = ["id", "uid"];

/// Sets the keys of `file`. All of it is checked before the first is set.
pub(super) async fn run(session: &Session, file: &str, convert: bool) -> Result<Code, Failure> {
    let keys = keys(file, &read_file(file)?, convert)?;
    let mut set = Vec::with_capacity(keys.len());
    for (name, key) in keys {
        let path = format!("/keys/{}", path_segment(&name));
        let answer = session.client.send_json(Method::PUT, &path, &Value::Object(key)).await;
        // Those before it are set, and stay so.
        set.push(
            answer
                .map_err(|failure| Failure { message: format!("{name}: {}", failure.message), ..failure })?,
        );
        if session.form == Form::Text {
            print::note(&format!("{name} is set"));
        }
    }
    if session.form == Form::Json {
        print::json(&Value::Array(set));
    }
    Ok(Code::Ok)
}

/// A key by its name, with its fields as the API takes them.
type Named = (String, Map<String, Value>);

/// The keys in the text of a file.
fn keys(file: &str, text: &str, convert: bool) -> Result<Vec<Named>, Failure> {
    let hint =
        "write a list of objects with name and value, and scope, user, secret, encrypted or ttl where needed";
    let refused = |why: String| Failure::usage(format!("{file}: {why}"), hint);
    let parsed = petrel_yaml::parse(text).map_err(|error| refused(error.to_string()))?;
    let items = match parsed.value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    let mut keys = Vec::with_capacity(items.len());
    for (number, item) in (1..).zip(items) {
        let Value::Object(mut key) = item else { return Err(refused(format!("item {number} is no object"))) };
        let name = key.get("name").and_then(Value::as_str).map(str::to_owned);
        let Some(name) = name else { return Err(refused(format!("item {number} has no name"))) };
        key.retain(|field, _| !SHOWN.contains(&field.as_str()));
        if let Some(unknown) = key.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            return Err(refused(format!(
                "the key `{name}` has a field `{unknown}`; it takes {}",
                FIELDS.join(", ")
            )));
        }
        match key.get("value") {
            None => return Err(refused(format!("the key `{name}` has no value"))),
            Some(Value::String(_)) => {}
            Some(value) if convert => {
                let text = json!(value.to_string());
                key.insert("value".to_owned(), text);
            }
            Some(_) => {
                return Err(Failure::usage(
                    format!("{file}: the value of the key `{name}` is no text"),
                    "quote it, or give --convert to store it as JSON",
                ));
            }
        }
        keys.push((name, key));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_list_of_keys_or_one_key() {
        for (text, convert, expected) in [
            ("[{name: a, value: x}, {name: b, value: y, ttl: 5}]", false, &["a x", "b y"][..]),
            ("{name: a, value: x, uid: u}", false, &["a x"]),
            ("- name: a\n  value: {b: [1, 2]}\n", true, &[r#"a {"b":[1,2]}"#]),
            ("", false, &[]),
        ] {
            let keys = keys("f", text, convert).unwrap();
            let shown = keys.iter().map(|(name, key)| format!("{name} {}", key["value"].as_str().unwrap()));
            assert_eq!(shown.collect::<Vec<_>>(), expected, "{text}");
            assert!(keys.iter().all(|(_, key)| !key.contains_key("uid")));
        }
    }

    #[test]
    fn what_is_no_key_is_named() {
        for (text, says) in [
            ("[1]", "f: item 1 is no object"),
            ("[{value: x}]", "f: item 1 has no name"),
            ("[{name: a, value: x}, {name: b}]", "f: the key `b` has no value"),
            ("[{name: a, value: 5}]", "f: the value of the key `a` is no text"),
            ("[{name: a, value: x, secrt: true}]", "f: the key `a` has a field `secrt`"),
        ] {
            let refused = keys("f", text, false).unwrap_err();
            assert!(refused.message.starts_with(says), "{text}: {refused}");
        }
    }
}
