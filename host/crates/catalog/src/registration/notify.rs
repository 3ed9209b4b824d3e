//! Notes on who is told of the end of an action's executions: templates that cannot be used, or read what is not there. They
//! keep the action from nothing: what cannot be rendered is told as it was written.

use std::collections::BTreeSet;

use petrel_expressions::words::{Seen, strays};
use petrel_expressions::{DATASTORE, Template, is_template};
use petrel_model::{Action, Notify};
use serde_json::Value;

/// The names that these templates see.
const SEEN: [&str; 4] = ["action_parameters", "action_results", "action_context", DATASTORE];

/// The notes on an action.
pub(super) fn notes_on(action: &Action) -> Vec<String> {
    // A mistake in it has refused the action.
    let Ok(Some(notify)) = Notify::read(&action.notify) else { return Vec::new() };
    let none = BTreeSet::new();
    let seen = Seen { fixed: &SEEN, own: &none, is_whole: true, may_be_absent: true };
    let mut notes = Vec::new();
    for (place, text) in notify.texts().into_iter().filter(|(_, text)| is_template(text)) {
        let begin = format!("action `{}`: `{place}` is told as it is written", action.reference);
        match Template::compile(text) {
            Err(error) => notes.push(format!("{begin}: {error}")),
            Ok(template) if template.may_decrypt() => {
                notes.push(format!("{begin}: a notification decrypts nothing; leave decrypt_kv out"));
            }
            Ok(_) => {
                let found = strays(&Value::from(text), seen).into_iter();
                notes.extend(found.map(|stray| format!("{begin}: {}", stray.message)));
            }
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_that_tell_nothing_are_noted() {
        for (message, says) in [
            ("plain", None),
            ("{{ action_results.stdout }} of {{ action_parameters.host | default('') }}", None),
            ("{{ st2kv.system.channel }}", None),
            ("{{ action_result.stdout }}", Some("did you mean \"action_results\"?")),
            ("{{ host }}", Some("unknown name \"host\"")),
            ("{{ unclosed", Some("template `{{ unclosed`")),
            ("{{ st2kv.system.pin | decrypt_kv }}", Some("decrypts nothing")),
        ] {
            let action = json!({
                "ref": "p.a", "runner_type": "noop", "notify": {"on-failure": {"message": message, "routes": ["r"]}},
            });
            let notes = notes_on(&serde_json::from_value(action).unwrap());
            assert_eq!(notes.len(), usize::from(says.is_some()), "{message}: {notes:?}");
            assert!(says.is_none_or(|says| notes[0].contains(says)), "{message}: {notes:?}");
            assert!(notes.iter().all(|note| note.contains("`notify.on-failure.message`")), "{notes:?}");
        }
    }
}
