//! Panics of the template engine become errors of the template that they came from: what somebody wrote or sent must
//! not end whoever evaluates it. Our own functions do not panic (the lints say so); the library has done it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use minijinja::{Error, ErrorKind};

/// Does `work`, which hands texts to the template engine.
///
/// # Errors
/// Those of `work`, and one when it panicked. That quotes nothing; what the panic said is where panics are printed.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // What `work` changes is either dropped with it (output, scope) or only counts (the meter).
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
