//! Parameters on the command line: `NAME=VALUE`, `NAME:=JSON`, `NAME=@FILE` (`NAME=\@TEXT` for a text that begins
//! with @), or plain words, which are a command. Values are parsed by the types in the action's schema, as in
//! StackStorm's client.

use petrel_model::Object;
use petrel_model::parameters::Schema;
use petrel_model::quoted::{beginning, quoted};
use petrel_model::secrets::has_secret;
use petrel_packs::plain_file;
use serde_json::Value;

use crate::exit::Failure;

/// The largest file that is sent, in bytes: the host's limit for a request.
pub(crate) const LARGEST_INPUT: u64 = petrel_api::BODY_LIMIT as u64;

/// Largest number of names of parameters in a message.
const MOST_NAMES: usize = 20;
/// Characters of a value in an example.
const LONGEST_EXAMPLE: usize = 40;

/// Parses `words` for an action with the parameters `schemas`; `None` if these are unknown.
pub(crate) fn parse(words: &[String], schemas: Option<&Object>) -> Result<Object, Failure> {
    let mut given = Object::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let assigned = word.split_once('=').filter(|(name, _)| is_name(name) || is_declared(name, schemas));
        let Some((name, value)) = assigned else {
            if let Some(schemas) = schemas.filter(|schemas| !schemas.contains_key("cmd")) {
                return Err(no_parameter(word, schemas));
            }
            // From the first word without an assignment on, everything is a command line.
            let rest: Vec<&str> = std::iter::once(word).chain(words.by_ref()).map(String::as_str).collect();
            if given.contains_key("cmd") {
                return Err(Failure::usage(
                    format!("`{}` is not a parameter, and cmd is given already", rest.join(" ")),
                    "put options before the action, and quote values with spaces: cmd='uname -a'",
                ));
            }
            given.insert("cmd".into(), rest.join(" ").into());
            break;
        };
        let (name, value) = if let Some(name) = name.strip_suffix(':') {
            (name, exact(name, value)?)
        } else {
            let schema = schemas.and_then(|schemas| schemas.get(name));
            (name, typed(name, &content(name, value)?, schema)?)
        };
        match (given.get_mut(name), value) {
            // A list that is given again grows.
            (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
            (_, value) => {
                given.insert(name.into(), value);
            }
        }
    }
    Ok(given)
}

/// Whether the action takes a parameter of this name, which may contain blanks.
fn is_declared(name: &str, schemas: Option<&Object>) -> bool {
    schemas.is_some_and(|schemas| schemas.contains_key(name.strip_suffix(':').unwrap_or(name)))
}

/// The error for a word that is not a parameter of an action without a command, with the form of one.
fn no_parameter(word: &str, schemas: &Object) -> Failure {
    // A value that is meant for a secret must not be shown.
    let has_secret = schemas.values().any(has_secret);
    let word = if has_secret { "VALUE" } else { word };
    let message = format!("`{}` is not a parameter, and the action takes no cmd", quoted(word));
    let names: Vec<_> = schemas.keys().map(String::as_str).collect();
    let is_required =
        |name: &&&str| schemas.get(**name).is_some_and(|schema| Schema::of(schema).is_required());
    let hint = match names.iter().find(is_required).or_else(|| names.first()) {
        None => "leave it out: the action takes no parameters".to_owned(),
        Some(name) => {
            let value = word.split_once('=').map_or(word, |(_, value)| value);
            let example = beginning(value, LONGEST_EXAMPLE).replace('\'', "'\\''");
            let name = if name.contains(' ') { format!("'{name}'") } else { (*name).to_owned() };
            let known = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
            format!("write NAME=VALUE, as {name}='{example}'; it takes {known}")
        }
    };
    Failure::usage(message, hint)
}

fn is_name(name: &str) -> bool {
    let name = name.strip_suffix(':').unwrap_or(name);
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn exact(name: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::usage(
            format!("the parameter {name} is not JSON: {error}"),
            format!("write {name}:='{{\"a\": 1}}', or {name}=TEXT"),
        )
    })
}

/// Replaces `@FILE` by the content of the file, and `\@` at the beginning by @.
fn content(name: &str, text: &str) -> Result<String, Failure> {
    if let Some(rest) = text.strip_prefix('\\').filter(|rest| rest.starts_with('@')) {
        return Ok(rest.to_owned());
    }
    let Some(file) = text.strip_prefix('@').filter(|file| !file.is_empty()) else {
        return Ok(text.to_owned());
    };
    plain_file::read_text(file.as_ref(), LARGEST_INPUT).map_err(|error| {
        Failure::usage(
            format!("the parameter {name}: the file {file} cannot be read: {error}"),
            format!("check the path; a text that begins with @ is written {name}='\\@...'"),
        )
    })
}

/// A value, read by the type in its schema.
pub(crate) fn typed(name: &str, text: &str, schema: Option<&Value>) -> Result<Value, Failure> {
    let kind = schema.and_then(|schema| Schema::of(schema).kind());
    // A secret value must not appear on a screen or in the log of a script.
    let given = if schema.is_some_and(has_secret) { String::new() } else { format!(", not {text:?}") };
    let wrong = |expected: &str, example: &str| {
        Failure::usage(
            format!("the parameter {name} is to be {expected}{given}"),
            format!("write {name}={example}"),
        )
    };
    if text.contains("{{") {
        // A template gets its type when it is rendered.
        return Ok(text.into());
    }
    match kind {
        Some("integer") => {
            text.parse::<i64>().map(Value::from).map_err(|_not_one| wrong("a whole number", "5"))
        }
        Some("number") => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_not_whole| text.parse::<f64>().map(Value::from))
            .map_err(|_not_one| wrong("a number", "0.5")),
        Some("boolean") => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" | "yes" | "y" | "on" => Ok(true.into()),
            "false" | "0" | "f" | "no" | "n" | "off" => Ok(false.into()),
            _ => Err(wrong("true or false", "true")),
        },
        Some("array") => Ok(list(text)),
        Some("object") => object(text).ok_or_else(|| wrong("an object", "'{\"a\": 1}' or a=1,b=2")),
        _ => Ok(text.into()),
    }
}

fn list(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(list @ Value::Array(_)) => list,
        _ => text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
    }
}

fn object(text: &str) -> Option<Value> {
    if let Ok(object @ Value::Object(_)) = serde_json::from_str(text) {
        return Some(object);
    }
    let pairs = text.split(',').map(|pair| pair.split_once('='));
    let object: Option<Object> = pairs
        .map(|pair| pair.map(|(name, value)| (name.trim().to_owned(), Value::from(value.trim()))))
        .collect();
    object.map(Value::Object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schemas(schemas: Value) -> Object {
        serde_json::from_value(schemas).unwrap()
    }

    fn parsed(words: &[&str]) -> Result<Value, String> {
        let schemas = schemas(json!({
            "cmd": {"type": "string"}, "n": {"type": "integer"}, "f": {"type": "number"}, "b": {"type": "boolean"},
            "l": {"type": "array"}, "o": {"type": "object"}, "pin": {"type": "integer", "secret": true},
        }));
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&words, Some(&schemas)).map(Value::Object).map_err(|failure| failure.message)
    }

    #[test]
    fn values_are_read_by_their_declared_type() {
        for (words, expected) in [
            (&["cmd=a=b", "n=5", "f=1.5", "b=yes"][..], json!({"cmd": "a=b", "n": 5, "f": 1.5, "b": true})),
            (&["l=a, b", "l=c"], json!({"l": ["a", "b", "c"]})),
            (&["l=[1]", "o={\"a\": 1}"], json!({"l": [1], "o": {"a": 1}})),
            (&["o=a=1,b=2", "x=5", "y:=5"], json!({"o": {"a": "1", "b": "2"}, "x": "5", "y": 5})),
            (&["n={{ m }}"], json!({"n": "{{ m }}"})),
            (
                &["x=\\@here", "cmd=@", "o={\"a\": \"@b\"}"],
                json!({"x": "@here", "cmd": "@", "o": {"a": "@b"}}),
            ),
            (&["uname", "-a"], json!({"cmd": "uname -a"})),
            (&["n=1", "echo a=b", "c"], json!({"n": 1, "cmd": "echo a=b c"})),
        ] {
            assert_eq!(parsed(words), Ok(expected), "{words:?}");
        }
    }

    #[test]
    fn a_word_that_no_parameter_takes_is_told_how_one_is_written() {
        let takes =
            schemas(json!({"times": {"type": "integer"}, "message": {"required": true}, "reply to": {}}));
        let (secret, none) = (schemas(json!({"pin": {"secret": true}})), Object::new());
        for (word, schemas, message, hint) in [
            (
                "it's me",
                &takes,
                "`it's me` is not a parameter, and the action takes no cmd",
                r"write NAME=VALUE, as message='it'\''s me'; it takes times, message, reply to",
            ),
            ("my message=a", &takes, "`my message=a` is not a parameter", "as message='a'; it takes"),
            ("pin hush", &secret, "`VALUE` is not a parameter", "as pin='VALUE'; it"),
            ("a", &none, "`a` is not a parameter", "leave it out: the action takes no parameters"),
        ] {
            let refused = parse(&[word.to_owned()], Some(schemas)).unwrap_err();
            assert!(refused.message.starts_with(message) && refused.hint.contains(hint), "{refused}");
        }
        assert_eq!(parse(&["reply to=a".to_owned()], Some(&takes)).unwrap()["reply to"], json!("a"));
        // The parameters of an action that no longer exists are not known.
        assert_eq!(parse(&["date".to_owned()], None).unwrap()["cmd"], json!("date"));
    }

    #[test]
    fn what_does_not_fit_says_which_parameter() {
        for (word, message) in [
            ("n=x", "the parameter n is to be a whole number, not \"x\""),
            ("b=maybe", "the parameter b is to be true or false, not \"maybe\""),
            ("o=x", "the parameter o is to be an object, not \"x\""),
            ("pin=hush", "the parameter pin is to be a whole number"),
        ] {
            assert_eq!(parsed(&[word]), Err(message.to_owned()));
        }
        let directory = tempfile::tempdir().unwrap();
        let large = directory.path().join("large");
        std::fs::File::create(&large).unwrap().set_len(LARGEST_INPUT + 1).unwrap();
        let absent = directory.path().join("nofile.json");
        for path in [absent.as_path(), directory.path()] {
            let refused = parsed(&[&format!("x=@{}", path.display())]).unwrap_err();
            let begin = format!("the parameter x: the file {} cannot be read", path.display());
            assert!(refused.starts_with(&begin), "{refused}");
        }
        let refused = parsed(&[&format!("x=@{}", large.display())]).unwrap_err();
        assert!(refused.contains("more than 10 MiB"), "{refused}");
        assert!(parsed(&["y:={"]).unwrap_err().starts_with("the parameter y is not JSON"));
    }
}
