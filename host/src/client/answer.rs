//! The checks of an answer: it must come from a Petrel, have the requested form, and end. A proxy's error or sign-in
//! page may come with any status.

use std::fmt::{self, Write as _};

use petrel_api::VERSION_HEADER;
use petrel_api_types::Refusal;
use petrel_api_types::execution::Standing;
use reqwest::{Response, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use crate::exit::{Code, Failure};

/// The number of items in a whole list, of which an answer may have a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    count: usize,
    /// Whether all items were counted. Otherwise there are at least as many.
    is_exact: bool,
}

impl Count {
    /// Reads the headers of an answer.
    pub(super) fn said_by(response: &Response) -> Option<Self> {
        let head = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let count = head("x-total-count")?.parse().ok()?;
        Some(Self { count, is_exact: head("x-total-at-least").is_none() })
    }

    /// The note on a list that shows `shown` items, if there are more, or may be.
    pub(crate) fn beyond(self, shown: usize) -> Option<String> {
        if self.count > shown {
            return Some(format!("{} of {self}", Self { count: shown, is_exact: true }));
        }
        let unknown = "there may be more: the host has not looked through everything";
        (!self.is_exact).then(|| unknown.to_owned())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_exact {
            f.write_str("at least ")?;
        }
        let digits = self.count.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An object.
    Object,
    /// A listing.
    List,
    /// An execution, with at least its id and its status.
    Execution,
    /// Nothing, or a deleted object.
    Gone,
}

impl Shape {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Object | Self::Gone => value.is_object(),
            Self::List => value.is_array(),
            Self::Execution => Standing::deserialize(value).is_ok_and(|standing| !standing.id.is_empty()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Object | Self::Gone => "an object",
            Self::List => "a list",
            Self::Execution => "an execution with its id and its status",
        }
    }
}

/// Refuses an answer that did not come from a Petrel, or that redirects: nobody else may get the token.
pub(super) fn check_identity(url: &str, response: &Response) -> Result<(), Failure> {
    let status = response.status();
    if status.is_redirection() {
        let place = head(response, &header::LOCATION);
        let message =
            format!("what answers at {url} is not Petrel: it sends elsewhere ({status}, to {place:?})");
        let hint = "if the host is there, name that place with --url";
        return Err(Failure::new(Code::Server, NOT_PETREL, message, hint));
    }
    if response.headers().contains_key(VERSION_HEADER) {
        return Ok(());
    }
    let kind = head(response, &header::CONTENT_TYPE);
    let kind = if kind.is_empty() { "nothing that it names" } else { kind };
    Err(not_petrel(url, &format!("it answers {status} with {kind}, and without the header {VERSION_HEADER}")))
}

/// Whether the answer declares a body of this media type.
pub(super) fn is_of_kind(response: &Response, kind: &str) -> bool {
    let said = head(response, &header::CONTENT_TYPE).split(';').next().unwrap_or_default();
    said.trim().eq_ignore_ascii_case(kind)
}

fn head<'a>(response: &'a Response, name: &header::HeaderName) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The value of an answer, or its refusal. `is_json` says whether the answer declares JSON.
pub(super) fn value(
    url: &str,
    status: StatusCode,
    is_json: bool,
    body: &[u8],
    shape: Shape,
) -> Result<Value, Failure> {
    if status.is_success() && body.is_empty() {
        return if shape == Shape::Gone { Ok(Value::Null) } else { Err(unshaped(url, shape, "nothing")) };
    }
    let read = if is_json { serde_json::from_slice(body).ok() } else { None };
    if !status.is_success() {
        return Err(refused(status, &read.unwrap_or_default()));
    }
    let Some(value) = read else { return Err(unshaped(url, shape, "no JSON")) };
    // An object that is nothing but an error is one, whatever its status: StackStorm answers so.
    if value.get("faultstring").is_some() {
        return Err(refused(status, &value));
    }
    if shape.fits(&value) { Ok(value) } else { Err(unshaped(url, shape, "something else")) }
}

/// The code of the failure for an answer that is not to be believed.
const NOT_PETREL: &str = "not_petrel";

fn unshaped(url: &str, shape: Shape, came: &str) -> Failure {
    not_petrel(url, &format!("{} was asked for, and {came} came", shape.name()))
}

/// The failure for an answer that is not from a Petrel.
pub(super) fn not_petrel(url: &str, why: &str) -> Failure {
    let message = format!("what answers at {url} is not Petrel: {why}");
    let hint = "correct --url or PETREL_URL, and check for a proxy or a sign-in page in between";
    Failure::new(Code::Server, NOT_PETREL, message, hint)
}

/// Parses `answer` as a type of the API.
///
/// # Errors
/// When it has another form, because the host is of another version.
pub(crate) fn read<'a, T: Deserialize<'a>>(answer: &'a Value) -> Result<T, Failure> {
    T::deserialize(answer).map_err(|error| {
        let message = format!("the answer of the host is not understood: {error}");
        let hint =
            "the host is of another version than this program; use the program that came with the host";
        Failure::new(Code::Server, "not_understood", message, hint)
    })
}

/// The failure for an answer that refuses the request.
fn refused(status: StatusCode, answer: &Value) -> Failure {
    let refusal: Refusal<'_> = Refusal::deserialize(answer).unwrap_or_default();
    let code = match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            Code::Unauthorized
        }
        StatusCode::CONFLICT if refusal.code == "unaccepted" => Code::Unaccepted,
        StatusCode::CONFLICT => Code::Conflict,
        status if status.is_success() => Code::Conflict,
        status if status.is_client_error() => Code::Usage,
        _ => Code::Server,
    };
    let message = match refusal.faultstring {
        message if message.is_empty() => format!("the host answered {status}"),
        message => message.into_owned(),
    };
    Failure { code, kind: refusal.code.into_owned(), message, hint: refusal.hint.into_owned() }
}

#[cfg(test)]
mod tests {
    use petrel_api_types::Key;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_that_says_something_else_is_not_taken_for_what_was_asked() {
        let mut answer = json!({
            "id": "k", "name": "k", "value": "v", "scope": "s", "secret": false, "encrypted": false, "uid": "u",
            "added_by_a_later_version": 1,
        });
        assert_eq!(read::<Key<'_>>(&answer).unwrap().value, "v");
        answer["value"] = json!(null);
        let failure = read::<Key<'_>>(&answer).unwrap_err();
        assert!(failure.message.contains("is not understood") && !failure.hint.is_empty(), "{failure}");
    }

    #[test]
    fn what_is_refused_keeps_its_words_and_anything_else_is_told_by_its_status() {
        let answer = json!({"faultstring": "no", "code": "conflict", "hint": "wait", "conflict-id": "1"});
        let failure = refused(StatusCode::CONFLICT, &answer);
        assert_eq!((&*failure.message, &*failure.kind, &*failure.hint), ("no", "conflict", "wait"));
        for odd in [json!(null), json!([]), json!({"a": 1}), json!({"faultstring": 5})] {
            let failure = refused(StatusCode::BAD_GATEWAY, &odd);
            assert_eq!(failure.message, "the host answered 502 Bad Gateway", "{odd}");
        }
    }

    #[test]
    fn a_count_is_written_for_people() {
        for (count, is_exact, expected) in [
            (0, true, "0"),
            (999, true, "999"),
            (1_234, true, "1,234"),
            (1_234_567, false, "at least 1,234,567"),
        ] {
            assert_eq!(Count { count, is_exact }.to_string(), expected);
        }
    }

    #[test]
    fn what_a_list_does_not_show_is_told() {
        for (count, is_exact, shown, told) in [
            (50, true, 50, None),
            (51, true, 50, Some("50 of 51")),
            (1_000, false, 50, Some("50 of at least 1,000")),
            (1, false, 1, Some("there may be more: the host has not looked through everything")),
        ] {
            assert_eq!(Count { count, is_exact }.beyond(shown).as_deref(), told, "{count} {shown}");
        }
    }
}
