//! Lists in which nothing is found. A name in a filter that nothing has is told, with the near one: the host is asked for
//! what the filter names, and its refusal has both.

use serde_json::Value;

use super::session::{Session, path_segment};
use crate::exit::Code;
use crate::print::{self, Form};

/// The flags that name something, and the places where the host has that.
const PLACES: [(&str, &str); 8] = [
    ("action", "actions"),
    ("execution", "executions"),
    ("pack", "packs"),
    ("rule", "rules"),
    ("trigger", "triggertypes"),
    ("trigger-instance", "triggerinstances"),
    ("type", "triggertypes"),
    ("user", "users"),
];

/// Notes which names in the filters `asked` do not exist, if `answer` is an empty list. Programs get no notes: to them an
/// empty list is an answer.
pub(super) async fn explain(session: &Session, answer: &Value, asked: &[(&str, String)]) {
    let is_empty = answer.as_array().is_some_and(Vec::is_empty);
    if !is_empty || session.form == Form::Json {
        return;
    }
    for path in asked.iter().filter_map(|(flag, value)| path(flag, value)) {
        if let Err(failure) = session.client.get(&path).await
            && failure.code == Code::NotFound
        {
            print::note(&format!("note: {}; {}", failure.message, failure.hint));
        }
    }
}

/// The path of what a filter names, if it names something.
fn path(flag: &str, value: &str) -> Option<String> {
    let (_, place) = PLACES.iter().find(|(known, _)| *known == flag)?;
    Some(format!("/{place}/{}", path_segment(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_filter_names_has_a_path() {
        for (flag, value, expected) in [
            ("pack", "hlelo", Some("/packs/hlelo")),
            ("type", "core.x", Some("/triggertypes/core.x")),
            ("trigger-instance", "a/b", Some("/triggerinstances/a%2Fb")),
            ("status", "failed", None),
            ("after", "1h", None),
            ("prefix", "x.", None),
        ] {
            assert_eq!(path(flag, value).as_deref(), expected, "{flag}");
        }
    }
}
