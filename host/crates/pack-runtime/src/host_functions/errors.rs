//! Errors that host functions return: denials, and what the services of the host answer.

use petrel_model::capabilities::{Named, Refusal};
use petrel_runners::asked::{Unserved, Why};

use crate::bindings::petrel::types::types::{Error, ErrorKind};
use crate::call_record::{CallRecord, Denial};
pub(super) use crate::linker::shown;

/// An error with its remedy.
pub(super) fn error(kind: ErrorKind, message: String, code: &str, hint: &str) -> Error {
    Error { kind, message, hint: Some(hint.to_owned()), code: Some(code.to_owned()), details: None }
}

/// Records that something of a kind is denied, and returns the error.
pub(super) fn denied(record: &CallRecord, kind: Named, what: String, refusal: Refusal) -> Error {
    let denial = Denial::Named { kind, what, hint: refusal.hint };
    let told = error(ErrorKind::Denied, format!("denied {denial}"), denial.code(), &record.hint(&denial));
    record.denied(denial);
    told
}

/// The error for what a service did not do. `area` is the first part of its code.
pub(super) fn unserved(area: &str, unserved: Unserved) -> Error {
    let Unserved { why, message, hint, details } = unserved;
    let (kind, word) = match why {
        Why::Invalid => (ErrorKind::InvalidInput, "invalid"),
        Why::Denied => (ErrorKind::Denied, "denied"),
        Why::NotFound => (ErrorKind::NotFound, "not_found"),
        Why::Conflict => (ErrorKind::Conflict, "conflict"),
        Why::Full => (ErrorKind::Permanent, "full"),
        Why::Busy => (ErrorKind::Transient(None), "busy"),
        Why::Ended => (ErrorKind::Permanent, "failed"),
        Why::Failed => (ErrorKind::Permanent, "host"),
    };
    let details = details.map(|details| details.to_string());
    Error { kind, message, hint: Some(hint), code: Some(format!("{area}.{word}")), details }
}
