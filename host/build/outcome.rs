//! The outcomes of asking the compiler and rustup about a target, in words for whoever builds. Pure, so that
//! `tests/components` can test what no build should depend on; `target.rs` beside it asks.

use std::io;
use std::path::PathBuf;

/// The outcome of a program that has run, or the reason why it could not be started.
pub(crate) type Ran = io::Result<Ended>;

/// The end of a program.
pub(crate) struct Ended {
    /// Whether it succeeded.
    pub(crate) is_success: bool,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

/// The directory in which the compiler has its libraries for `target`, if it has any; `rustc` was asked for it.
///
/// # Errors
/// The reason why the compiler has none and cannot get any.
pub(crate) fn libraries(target: &str, rustc: Ran) -> Result<PathBuf, String> {
    match rustc {
        Ok(ended) if ended.is_success => Ok(PathBuf::from(ended.stdout.trim())),
        Ok(ended) => Err(format!("rustc does not know {target}: {}", ended.stderr.trim())),
        Err(error) => Err(format!("rustc cannot be started: {error}")),
    }
}

/// The outcome of `rustup target add`.
///
/// # Errors
/// The reason why the compiler still lacks the target, with the remedy.
pub(crate) fn addition(target: &str, rustup: Ran) -> Result<(), String> {
    let missing = format!("components are built for the target {target}, which this compiler lacks");
    match rustup {
        Ok(ended) if ended.is_success => Ok(()),
        Ok(ended) => Err(format!(
            "{missing}, and rustup could not add it:\n{}\nOnce it can, build again; by hand: rustup target add {target}",
            ended.stderr.trim()
        )),
        Err(error) => Err(format!(
            "{missing}, and rustup, which could add it, cannot be started ({error}); install the target with what installed the compiler"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(is_success: bool, stdout: &str, stderr: &str) -> Ended {
        Ended { is_success, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
    }

    fn missing() -> io::Error {
        io::Error::new(io::ErrorKind::NotFound, "no such program")
    }

    /// Asserts that the error says each of `parts`; with no parts, that there is none.
    fn assert_told(what: &str, error: Option<String>, parts: &[&str]) {
        assert_eq!(error.is_none(), parts.is_empty(), "{what}: {error:?}");
        let error = error.unwrap_or_default();
        assert!(parts.iter().all(|part| error.contains(part)), "{what}: {error}");
    }

    #[test]
    fn who_cannot_get_the_target_is_told_what_to_do() {
        for (what, rustup, parts) in [
            ("added", Ok(ended(true, "", "info: downloading")), &[][..]),
            (
                "refused",
                Ok(ended(false, "", "error: could not download\n")),
                &[
                    "target t",
                    "could not add it:\nerror: could not download\n",
                    "by hand: rustup target add t",
                ],
            ),
            (
                "no rustup",
                Err(missing()),
                &["target t", "no such program", "install the target with what installed"],
            ),
        ] {
            assert_told(what, addition("t", rustup).err(), parts);
        }
    }

    #[test]
    fn libraries_are_where_the_compiler_says() {
        assert_eq!(libraries("t", Ok(ended(true, "/lib/t\n", ""))), Ok(PathBuf::from("/lib/t")));
        for (what, rustc, parts) in [
            (
                "unknown",
                Ok(ended(false, "", "error: no target\n")),
                &["rustc does not know t: error: no target"],
            ),
            ("no rustc", Err(missing()), &["rustc cannot be started: no such program"]),
        ] {
            assert_told(what, libraries("t", rustc).err(), parts);
        }
    }
}
