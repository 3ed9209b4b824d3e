//! A short way to make an attempt.

use petrel_model::capabilities::Rights;
use serde_json::Value;

use crate::asking;
use crate::support::{Done, Subject, text};

/// Makes one attempt, after which another call must work.
pub(super) async fn attempt(subject: &Subject, what: &str, mut parameters: Value) -> Done {
    parameters["what"] = what.into();
    let done = subject.call("escape", parameters).await;
    let next = subject.call("echo", text("all is well")).await;
    assert_eq!(next.value()["text"], "all is well", "after {what}");
    done
}

/// The answer that an attempt gets: the code of the failure with its message, or the result.
pub(super) async fn answer(subject: &Subject, what: &str, parameters: Value) -> String {
    let done = attempt(subject, what, parameters).await;
    match done.outcome.result.as_str() {
        Some(told) => told.to_owned(),
        None => format!("{}: {}", done.field("code"), done.field("error")),
    }
}

/// The rights of a pack that asks for all of this and is granted all of it.
pub(super) fn granted(asks: &Value) -> Rights {
    let words: Vec<_> = asks.as_object().unwrap().keys().map(String::as_str).collect();
    asking::rights(asks, &words)
}
