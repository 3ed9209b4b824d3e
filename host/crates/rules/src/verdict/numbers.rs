//! Corrections of criteria that compare a number with a text of the datastore, which has nothing but texts, or a number that was
//! made of a text that is none. What is advised is `| from_json_string`, with which a text that is no number fails; Jinja's
//! `| int` makes 0 of it.

use petrel_expressions::{Datastore, KeyName};
use petrel_model::quoted::{beginning, quoted};

use super::CriterionVerdict;
use super::hints::LONGEST;
use crate::compiled::CompiledCriterion;
use crate::criteria::Operator;
use crate::pattern::Pattern;

/// The reason why `pattern` is 0, see [`zero`].
pub(crate) fn of_cast(pattern: &Pattern, datastore: &Datastore) -> Option<String> {
    let (key, filter) = pattern.number_of_key()?;
    zero(key, filter, datastore, false)
}

/// The reason why `key | filter` is 0, if `| int` or `| float` makes that of a text of `datastore` that is no number. What
/// reads it goes on with that, as in Jinja. With `is_secret` the text is not quoted.
pub(crate) fn zero(key: &KeyName, filter: &str, datastore: &Datastore, is_secret: bool) -> Option<String> {
    let text = datastore.get(key.scope, &key.name);
    let is_number = |text: &str| {
        // The length first: a value of the datastore may have megabytes, and an event asks.
        if text.len() > LONGEST {
            return false;
        }
        let plain = text.trim().replace('_', "");
        of_number(&plain) || (filter == "float" && plain.parse::<f64>().is_ok())
    };
    if is_number(text) {
        return None;
    }
    let (key, shown) = (key.to_string(), format!("{:?}", beginning(text, LONGEST)));
    if is_secret {
        return Some(format!(
            "`| {filter}` of what the datastore has is 0; {{{{ {} | from_json_string }}}} fails instead",
            quoted(&key)
        ));
    }
    let (key, name) = (quoted(&key), key.trim_start_matches("st2kv.system."));
    Some(match unquoted(text).filter(|inside| is_number(inside)) {
        Some(inside) => {
            let name = quoted(name);
            format!(
                "`| {filter}` of {shown} is 0, for its quotes; `petrel key set {name} {inside}` sets it without them"
            )
        }
        None if text.is_empty() => {
            format!("`| {filter}` of an empty text is 0; {{{{ {key} | from_json_string }}}} fails instead")
        }
        None => format!("`| {filter}` of {shown} is 0; {{{{ {key} | from_json_string }}}} fails instead"),
    })
}

/// The correction where a text of `datastore` is compared with a number, or a number made of it with a text: they are never
/// equal.
pub(super) fn of_type(
    criterion: &CompiledCriterion,
    verdict: &CriterionVerdict<'_>,
    datastore: &Datastore,
) -> Option<String> {
    let Some(Ok(operator)) = &criterion.operator else { return None };
    let compares = matches!(
        operator,
        Operator::Equals | Operator::NotEquals | Operator::LessThan | Operator::GreaterThan
    );
    if !compares {
        return None;
    }
    let (value, pattern) = (&*verdict.value, &*verdict.pattern);
    if value.is_number()
        && let Some(key) = criterion.pattern.datastore_keys().first()
        && let Some(text) = pattern.as_str()
    {
        let stored = datastore.get(key.scope, &key.name);
        let is_made_json =
            criterion.pattern.value_of_key().is_some_and(|(_, filter)| filter == "from_json_string");
        // What the pattern makes of it is another matter, as long as it is still that.
        return if bare(stored) == bare(text) { of_stored(key, stored, is_made_json) } else { None };
    }
    if pattern.is_number()
        && let Some(key) = &criterion.datastore_key
        && value.as_str().is_some_and(of_number)
    {
        let key = key.to_string();
        return Some(format!(
            "what the datastore has is text; compare it with a text, or make {{{{ {} | from_json_string }}}} the pattern",
            quoted(&key)
        ));
    }
    if pattern.is_number()
        && matches!(operator, Operator::Equals | Operator::NotEquals)
        && value.as_str().is_some_and(of_number)
        && let Some((key, filter)) = criterion.pattern.value_of_key()
    {
        let key = key.to_string();
        return Some(format!(
            "the value is text, which no number equals; write {{{{ {} }}}} without `| {filter}`",
            quoted(&key)
        ));
    }
    None
}

/// The correction where `stored`, which the datastore has under `key`, was to be a number. With `is_made_json` the pattern
/// makes of it what it is.
fn of_stored(key: &KeyName, stored: &str, is_made_json: bool) -> Option<String> {
    let shown = key.to_string();
    let (shown, name) = (quoted(&shown), quoted(&key.name));
    let compare = format!("write {{{{ {shown} | from_json_string }}}} to compare a number");
    let then = if is_made_json { String::new() } else { format!("; then {compare}") };
    if let Some(inside) = unquoted(stored).filter(|inside| of_number(inside)) {
        return Some(format!(
            "what the datastore has is a number in quotes; `petrel key set {name} {inside}` sets it without them{then}"
        ));
    }
    if !of_number(stored) {
        return None;
    }
    if serde_json::from_str::<serde_json::Number>(stored.trim()).is_ok() {
        return Some(format!("what the datastore has is text; {compare}"));
    }
    // One that is too large would be told as `inf`.
    let number = stored.trim().parse::<f64>().ok().filter(|number| number.is_finite())?;
    Some(format!(
        "what the datastore has is no number as JSON has them; `petrel key set {name} {number}` sets it as one{then}"
    ))
}

/// Whether a text is that of a number, and not a long one.
fn of_number(text: &str) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let text = text.trim();
    // Python has numbers such as `nan` and `inf` too, of which hardly anybody makes one.
    let is_plain =
        text.chars().all(|char| char.is_ascii_digit() || matches!(char, '+' | '-' | '.' | 'e' | 'E'));
    is_plain && text.parse::<f64>().is_ok()
}

/// What is in quotes, if all of `text` is.
fn unquoted(text: &str) -> Option<&str> {
    let text = text.trim();
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

/// A text without blanks and quotes around it.
fn bare(text: &str) -> &str {
    unquoted(text).unwrap_or(text).trim()
}

#[cfg(test)]
mod tests {
    use petrel_expressions::KeyScope;

    use super::*;

    #[test]
    fn what_is_told_of_a_text_has_an_end() {
        let datastore = Datastore::shared([("n".to_owned(), "9".repeat(1 << 20))].into());
        let key = KeyName { scope: KeyScope::System, name: "n".to_owned() };
        let said = zero(&key, "int", &datastore, false).unwrap();
        assert!(said.chars().count() < 200, "{said}");
        assert_eq!(of_stored(&key, &"9".repeat(1 << 20), false), None);
    }

    #[test]
    fn what_is_stored_decides_what_is_advised() {
        const COMPARE: &str = "write {{ st2kv.system.n | from_json_string }} to compare a number";
        let key = KeyName { scope: KeyScope::System, name: "n".to_owned() };
        for (stored, is_made_json, says) in [
            ("5", false, Some(format!("what the datastore has is text; {COMPARE}"))),
            (
                "\"5\"",
                false,
                Some(format!(
                    "what the datastore has is a number in quotes; `petrel key set n 5` sets it without them; then {COMPARE}"
                )),
            ),
            (
                "\"5\"",
                true,
                Some("what the datastore has is a number in quotes; `petrel key set n 5` sets it without them".to_owned()),
            ),
            (
                "+5",
                true,
                Some("what the datastore has is no number as JSON has them; `petrel key set n 5` sets it as one".to_owned()),
            ),
            ("abc", false, None),
            ("inf", false, None),
            ("+1e999", false, None),
            ("", false, None),
        ] {
            assert_eq!(of_stored(&key, stored, is_made_json), says, "{stored}");
        }
    }
}
