//! A guard against panics of the template engine: they become errors of the template, because the text of an author
//! or of a sender must not end the process. Our own functions do not panic (the lints see to that); the library has
//! done so.

use std::panic::{AssertUnwindSafe, catch_unwind};

use minijinja::{Error, ErrorKind};

/// Runs `work`, which passes texts to the template engine.
///
/// # Errors
/// The errors of `work`, and an error for a panic, which quotes nothing. The panic's own message goes wherever panics
/// are printed.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // `work` leaves no broken state behind: its output and scope are dropped with it, and the meter only counts.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_panic| {
        let reason = "the template engine cannot cope with it, which is a fault of its own; write it in another way, \
                      and report it";
        Err(Error::new(ErrorKind::InvalidOperation, reason))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let failed = guarded::<()>(|| panic!("secret")).unwrap_err().to_string();
        assert!(failed.contains("report it") && !failed.contains("secret"), "{failed}");
    }
}
