//! Finds keys of the configuration that Python actions read (`self.config["key"]`) and that the schema of the pack does not
//! declare. A configuration may have such a key all the same; without it the action fails where it reads it. Files are
//! scanned line by line, as in [`super::services`], which knows the files of an action.

use petrel_model::nearest::nearest;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::{listed, quoted};

use crate::suggestion::suggestion;

const CONFIG: &str = "self.config";

/// Largest number of places that one note names.
const MOST_PLACES: usize = 5;

/// A read of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Read {
    /// The key.
    pub(super) key: String,
    /// Whether a missing key is accepted, as by `self.config.get("key")`.
    pub(super) is_lenient: bool,
}

/// The reads of the configuration in a line of code, as far as their keys are literal.
pub(super) fn read(line: &str) -> Vec<Read> {
    uses(line).filter_map(read_at).collect()
}

/// Whether a line of code replaces the configuration or adds to it, so that nobody knows its keys.
pub(super) fn is_changed(line: &str) -> bool {
    uses(line).any(|behind| {
        let behind = behind.trim_start();
        let is_set = behind.starts_with('=') && !behind.starts_with("==");
        let is_item_set = item(behind).is_some_and(|(_, rest)| is_assignment(rest));
        is_set || is_item_set || [".update(", ".setdefault("].iter().any(|call| behind.starts_with(call))
    })
}

/// The text behind each use of the configuration in a line.
fn uses(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices(CONFIG).filter_map(move |(start, word)| {
        let before = line.get(..start)?.chars().next_back();
        let behind = line.get(start + word.len()..)?;
        let is_whole = before.is_none_or(|char| !is_of_name(char) && char != '.')
            && !behind.chars().next().is_some_and(is_of_name);
        is_whole.then_some(behind)
    })
}

fn read_at(behind: &str) -> Option<Read> {
    if let Some((key, _)) = item(behind) {
        return Some(Read { key: key.to_owned(), is_lenient: false });
    }
    let (key, _) = literal(behind.strip_prefix(".get(")?)?;
    Some(Read { key: key.to_owned(), is_lenient: true })
}

/// The key of `["key"]` at the beginning of a text, and the text behind it.
fn item(text: &str) -> Option<(&str, &str)> {
    let (key, rest) = literal(text.strip_prefix('[')?)?;
    Some((key, rest.trim_start().strip_prefix(']')?))
}

/// The literal at the beginning of a text, without its quotes, and the text behind it.
fn literal(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|char| matches!(char, '\'' | '"'))?;
    let (key, rest) = text.strip_prefix(quote)?.split_once(quote)?;
    // With an escape or a brace in it, as in an f-string, the key is not the text that is written.
    (!key.is_empty() && !key.contains(['\\', '{'])).then_some((key, rest))
}

fn is_assignment(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with('=') && !rest.starts_with("==")
}

/// Whether a name in Python may contain this.
pub(super) fn is_of_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The note on a read at these `places` (file and line), if `schema` does not declare its key. A lenient read is likely
/// meant so, unless another key is nearly the same.
pub(super) fn told(places: &[String], read: &Read, schema: &Parameters) -> Option<String> {
    let Read { key, is_lenient } = read;
    let known: Vec<_> = schema.keys().map(String::as_str).collect();
    if schema.contains_key(key) || *is_lenient && nearest(key, known.iter().copied()).is_none() {
        return None;
    }
    let consequence = if *is_lenient { "it is not there" } else { "an action that comes to it fails" };
    let remedy = if known.is_empty() { "declare it there".to_owned() } else { suggestion(key, &known) };
    Some(format!(
        "{}: self.config is asked for the key {}, which config.schema.yaml does not declare, so that {consequence} unless the \
         configuration gives it all the same; {remedy}",
        listed(places.iter().map(String::as_str), MOST_PLACES),
        quoted(key)
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literal_keys_are_found_in_every_form() {
        for (line, expected) in [
            ("return self.config['greeting']", &[("greeting", false)][..]),
            ("a = self.config[ \"a\" ]; b = self.config.get('b', 1)", &[("a", false), ("b", true)]),
            ("f\"{self.config['url']}/x\"", &[("url", false)]),
            ("self.config['auth']['user']", &[("auth", false)]),
            ("self.config[name] + self.config[f'{name}'] + self.config.items()", &[]),
            ("myself.config['a'] + self.configs['a'] + a.self.config['a']", &[]),
            ("self.config['unclosed", &[]),
        ] {
            let found = read(line);
            let found: Vec<_> = found.iter().map(|read| (read.key.as_str(), read.is_lenient)).collect();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_configuration_that_is_changed_is_recognized() {
        for (line, expected) in [
            ("self.config = config['prod']", true),
            ("self.config['a'] = 1", true),
            ("self.config.update(more)", true),
            ("if self.config == other or self.config['a'] == 1:", false),
            ("x = self.config['a']", false),
        ] {
            assert_eq!(is_changed(line), expected, "{line}");
        }
    }

    #[test]
    fn a_key_that_is_not_declared_is_told_with_a_near_one() {
        let schema = json!({"greeting": {"type": "string"}, "url": {}});
        let schema = schema.as_object().unwrap();
        for (key, is_lenient, says) in [
            ("greeting", false, None),
            (
                "greetng",
                false,
                Some(
                    "an action that comes to it fails unless the configuration gives it all the same; did you mean greeting?",
                ),
            ),
            (
                "greetng",
                true,
                Some(
                    "it is not there unless the configuration gives it all the same; did you mean greeting?",
                ),
            ),
            ("colour", false, Some("known are greeting, url")),
            ("colour", true, None),
        ] {
            let places = ["actions/a.py:3".to_owned(), "actions/b.py:1".to_owned()];
            let note = told(&places, &Read { key: key.into(), is_lenient }, schema);
            assert_eq!(note.is_some(), says.is_some(), "{key}: {note:?}");
            let begin = format!("actions/a.py:3, actions/b.py:1: self.config is asked for the key {key}, ");
            let is_said =
                |note: &String| says.is_some_and(|says| note.starts_with(&begin) && note.ends_with(says));
            assert!(note.as_ref().is_none_or(is_said), "{key}: {note:?}");
        }
    }
}
