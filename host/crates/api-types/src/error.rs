//! The body of an answer that refuses a request.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// An error: StackStorm's message, and beside it a stable code and a remedy. Reading it accepts anything, because a
/// proxy may have written the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refusal<'a> {
    /// The message, which names the object.
    pub faultstring: Cow<'a, str>,
    /// The stable code of the kind of error.
    pub code: Cow<'a, str>,
    /// The remedy.
    pub hint: Cow<'a, str>,
    /// The id of the object in conflict.
    #[serde(rename = "conflict-id", skip_serializing_if = "Option::is_none")]
    pub conflict_id: Option<Cow<'a, str>>,
}

impl<'a> Refusal<'a> {
    /// A refusal without a conflicting object.
    pub fn new(message: &'a str, code: &'a str, hint: &'a str) -> Self {
        Self {
            faultstring: Cow::Borrowed(message),
            code: Cow::Borrowed(code),
            hint: Cow::Borrowed(hint),
            conflict_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn a_refusal_says_what_is_wrong_and_what_to_do() {
        let refusal = Refusal::new("rule `a.b` does not exist", "not_found", "did you mean `a.c`?");
        let mut expected = json!({
            "faultstring": "rule `a.b` does not exist",
            "code": "not_found",
            "hint": "did you mean `a.c`?",
        });
        assert_shown_as::<Refusal<'static>>(&refusal, &expected);
        expected["conflict-id"] = json!("65a000000000000000000001");
        let refusal = Refusal { conflict_id: Some("65a000000000000000000001".into()), ..refusal };
        assert_shown_as::<Refusal<'static>>(&refusal, &expected);
    }

    #[test]
    fn of_an_answer_that_is_no_refusal_nothing_is_read() {
        assert_eq!(serde_json::from_str::<Refusal<'_>>("{\"a\": 1}").unwrap(), Refusal::default());
    }
}
