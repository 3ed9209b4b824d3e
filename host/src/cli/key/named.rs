//! The names of keys as people give them: as an expression reads the key (`st2kv.system.limit`), with its scope, or with
//! the value behind a `=`. The hints have the command that was meant.

use petrel_model::quoted::beginning;
use serde_json::Value;

use crate::exit::{Code, Failure};

/// The beginnings that expressions put before the name of a key, the longest first.
const BEFORE: [&str; 4] = ["st2kv.system.", "st2kv.user.", "st2kv.", "system."];
/// The scopes of StackStorm's keys.
const SCOPES: [&str; 2] = ["system", "user"];
/// Characters of a value in a hint.
const LONGEST: usize = 40;

/// The name in what an expression would write; `None` if it is a plain name.
fn within(name: &str) -> Option<&str> {
    BEFORE.iter().find_map(|before| name.strip_prefix(before)).filter(|own| !own.is_empty())
}

/// A failure of `verb`, with the name that was meant if the key is not there.
pub(super) fn helped(failure: Failure, verb: &str, name: &str) -> Failure {
    match within(name) {
        Some(own) if failure.code == Code::NotFound => Failure {
            hint: format!(
                "the name of a key is what follows `st2kv.system.` in an expression: `petrel key {verb} {own}`"
            ),
            ..failure
        },
        _ => failure,
    }
}

/// The value to set: a single word.
///
/// # Errors
/// When there is none or more than one, or the name is that of an expression. The hint is the command that was meant.
pub(super) fn value(name: &str, words: Vec<String>) -> Result<String, Failure> {
    let set = |name: &str, value: &str| format!("`petrel key set {name} {}`", shown(value));
    let given = words.join(" ");
    if let Some(own) = name.starts_with("st2kv.").then(|| within(name)).flatten() {
        let value = if given.is_empty() { "VALUE" } else { &given };
        let message = format!("`{name}` is how expressions read the key `{own}`");
        return Err(Failure::usage(message, set(own, value)));
    }
    let mut words = words.into_iter();
    match (words.next(), words.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(match name.split_once('=') {
            Some((name, value)) => {
                Failure::usage("the name and the value of a key are two words", set(name, value))
            }
            None => Failure::usage(
                format!("there is no value for the key `{name}`"),
                format!("`petrel key set {name} VALUE`, or - in place of VALUE for standard input"),
            ),
        }),
        (Some(first), Some(_)) if SCOPES.contains(&name) => Err(Failure::usage(
            format!("`{name}` is taken for the name of the key, and there are several values"),
            format!(
                "{}; another scope than that of all is given by --scope",
                set(&first, given.split_once(' ').map_or("", |(_, rest)| rest))
            ),
        )),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("there are several values for the key `{name}`"), set(name, &given)))
        }
    }
}

/// The note on a key that was set under a name which looks like its scope.
pub(super) fn note(name: &str, value: &str) -> Option<String> {
    if SCOPES.contains(&name) {
        return Some(format!(
            "the key itself is named `{name}`, which expressions read as `st2kv.system.{name}`; the scope is no part of \
             a name: `petrel key set NAME VALUE`"
        ));
    }
    let own = name.strip_prefix("system.").filter(|own| !own.is_empty())?;
    Some(format!(
        "expressions read it as `st2kv.system.{name}`; for `st2kv.system.{own}` it is `petrel key set {own} {}` (and \
         `petrel key delete {name}`)",
        shown(value)
    ))
}

/// The note on a key that was a secret `before`, and is set in clear now. `flags` name its scope.
pub(super) fn bared(name: &str, flags: &str, before: &Value) -> Option<String> {
    let was_secret = before.get("secret").and_then(Value::as_bool) == Some(true);
    was_secret.then(|| {
        format!(
            "warning: {name} was encrypted, and its new value is stored in clear; `petrel key set {name} - --encrypt{flags}` \
             encrypts it, and `| decrypt_kv` fails until then"
        )
    })
}

/// A value as a word of a shell, as far as it is short.
fn shown(value: &str) -> String {
    let value = beginning(value, LONGEST);
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:".contains(char);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.into_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_given_in_another_form_is_told_the_command_that_was_meant() {
        for (name, words, hint) in [
            ("a=7", &[][..], "`petrel key set a 7`"),
            ("a=it's me", &[], r"`petrel key set a 'it'\''s me'`"),
            ("a", &[], "`petrel key set a VALUE`, or - in place of VALUE for standard input"),
            ("a", &["b", "c"], "`petrel key set a 'b c'`"),
            (
                "system",
                &["x", "5"],
                "`petrel key set x 5`; another scope than that of all is given by --scope",
            ),
            ("st2kv.system.x", &["1"], "`petrel key set x 1`"),
            ("st2kv.x", &[], "`petrel key set x VALUE`"),
        ] {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            let refused = value(name, words).unwrap_err();
            assert_eq!((refused.hint.as_str(), refused.code), (hint, Code::Usage), "{name}: {refused}");
        }
        for (name, word) in [("a", "b c"), ("system.x", "1"), ("a=b", "c"), ("st2kv.", "1")] {
            assert_eq!(value(name, vec![word.to_owned()]).unwrap(), word, "{name}");
        }
    }

    #[test]
    fn a_name_that_holds_a_scope_is_set_and_told_of() {
        for (name, told) in [
            ("limit", None),
            ("systems.limit", None),
            ("system.", None),
            ("system.limit", Some("for `st2kv.system.limit` it is `petrel key set limit 5`")),
            ("system", Some("the key itself is named `system`")),
        ] {
            let note = note(name, "5");
            assert_eq!(note.is_some(), told.is_some(), "{name}: {note:?}");
            assert!(note.is_none_or(|note| note.contains(told.unwrap_or_default())), "{name}");
        }
    }

    #[test]
    fn a_secret_that_is_set_in_clear_is_told() {
        for (before, is_told) in
            [(json!({"secret": true}), true), (json!({"secret": false}), false), (json!({}), false)]
        {
            assert_eq!(bared("a", " --scope user", &before).is_some(), is_told, "{before}");
        }
        let note = bared("a", " --scope user", &json!({"secret": true})).unwrap();
        assert!(note.contains("`petrel key set a - --encrypt --scope user`"), "{note}");
    }

    #[test]
    fn a_key_that_is_not_there_is_told_by_its_own_name() {
        let failed = |code| Failure::new(code, "not_found", "no", "did you mean `b`?");
        for (name, own) in [
            ("st2kv.limit", Some("limit")),
            ("st2kv.system.limit", Some("limit")),
            ("system.limit", Some("limit")),
            ("limit", None),
        ] {
            let hint = helped(failed(Code::NotFound), "get", name).hint;
            let expected = own.map(|own| format!("`petrel key get {own}`"));
            assert!(hint.ends_with(expected.as_deref().unwrap_or("did you mean `b`?")), "{name}: {hint}");
            assert_eq!(helped(failed(Code::Server), "get", name).hint, "did you mean `b`?");
        }
    }
}
