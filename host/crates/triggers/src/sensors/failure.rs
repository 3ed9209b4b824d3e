//! The failures of sensors, as they are made and as they are kept.

use petrel_model::Timestamp;
use petrel_model::sensor::SensorError;
use petrel_runners::sensors::SensorFailure;

/// A failure that the host has found.
pub(super) fn failure(code: &str, message: impl Into<String>, hint: impl Into<String>) -> SensorFailure {
    SensorFailure { code: code.into(), message: message.into(), hint: hint.into(), retry_after: None }
}

/// The longest text of a failure that is kept, in bytes: a sensor may say what it likes.
const LONGEST: usize = 2_000;

/// A failure as it is kept.
pub(super) fn error_of(failure: &SensorFailure, at: Timestamp) -> SensorError {
    let cut = |text: &str| {
        let end = text.floor_char_boundary(LONGEST);
        text.get(..end).unwrap_or(text).to_owned()
    };
    SensorError { at, code: cut(&failure.code), message: cut(&failure.message), hint: cut(&failure.hint) }
}
