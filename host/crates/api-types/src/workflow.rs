//! Findings in the text of a workflow, without running it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The severity of a finding with which the workflow can still be run.
const NOTE: &str = "note";

/// A finding in a workflow, in the form of StackStorm's errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding<'a> {
    /// Its subject: `content`, `context`, `expression`, `semantic` or `syntax`.
    #[serde(default, rename = "type")]
    pub kind: Cow<'a, str>,
    /// The language of the expression in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Cow<'a, str>>,
    /// The expression, or the text around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<Cow<'a, str>>,
    /// The message for people.
    pub message: Cow<'a, str>,
    /// The place in the schema of workflows. Null if the finding is about the whole text.
    #[serde(default)]
    pub schema_path: Option<Cow<'a, str>>,
    /// The place in the workflow, such as `tasks.t.next[0].when`. Null if the finding is about the whole text.
    #[serde(default)]
    pub spec_path: Option<Cow<'a, str>>,
    /// The remedy, where the message has none. Beyond StackStorm, as are the next three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Cow<'a, str>>,
    /// `note` if the workflow can still be started. StackStorm has errors only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Cow<'a, str>>,
    /// The line in the text, as exactly as it is known, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, in characters, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl Finding<'_> {
    /// The severity of a note; an error has none.
    pub fn severity(is_note: bool) -> Option<Cow<'static, str>> {
        is_note.then_some(Cow::Borrowed(NOTE))
    }

    /// Whether the workflow can still be started.
    pub fn is_note(&self) -> bool {
        self.severity.as_deref() == Some(NOTE)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn a_finding_says_what_is_wrong_and_where() {
        let error = Finding {
            kind: "expression".into(),
            language: Some("yaql".into()),
            expression: Some("<% lenn() %>".into()),
            message: "unknown function".into(),
            schema_path: Some("properties.tasks".into()),
            spec_path: Some("tasks.t".into()),
            hint: Some("Did you mean len?".into()),
            severity: Finding::severity(false),
            line: Some(3),
            column: Some(5),
        };
        assert_shown_as::<Finding<'static>>(
            &error,
            &json!({
                "type": "expression",
                "language": "yaql",
                "expression": "<% lenn() %>",
                "message": "unknown function",
                "schema_path": "properties.tasks",
                "spec_path": "tasks.t",
                "hint": "Did you mean len?",
                "line": 3,
                "column": 5,
            }),
        );
        assert!(!error.is_note());
    }

    #[test]
    fn a_note_says_so_and_what_is_about_the_text_has_no_place() {
        let note = Finding {
            kind: "syntax".into(),
            language: None,
            expression: None,
            message: "m".into(),
            schema_path: None,
            spec_path: None,
            hint: None,
            severity: Finding::severity(true),
            line: None,
            column: None,
        };
        assert_shown_as::<Finding<'static>>(
            &note,
            &json!({"type": "syntax", "message": "m", "schema_path": null, "spec_path": null, "severity": "note"}),
        );
        assert!(note.is_note());
    }
}
