//! Remedies for refusals of the system, such as a full disk or a missing right. The store is intact then, and
//! a backup would not help.

use std::io;

use rustix::io::Errno;

/// The remedy for an error of the system, unless it may be the store that is at fault.
pub fn of_error(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull => Some("free some space on that disk, and try again: nothing is damaged"),
        io::ErrorKind::QuotaExceeded => Some(
            "free some space within the quota of this user, or raise it, and try again: nothing is damaged",
        ),
        _ if is_too_large(error) => Some(
            "a file is as large as this process may make one: let it be larger (`ulimit -f`, or LimitFSIZE= of systemd), and try again: nothing is damaged",
        ),
        io::ErrorKind::ReadOnlyFilesystem => Some(
            "its file system is mounted read-only: mount it for writing, and see the log of the kernel if it became so by itself",
        ),
        io::ErrorKind::PermissionDenied => {
            Some("run it as the owner of the files, or let this user read and write them")
        }
        _ if is_starved(error) => {
            Some("too many files are open: let it open more (`ulimit -n`, or LimitNOFILE= of systemd)")
        }
        _ => None,
    }
}

/// The remedy for an error that an engine has put into words.
pub fn of_words(text: &str) -> Option<&'static str> {
    of_error(&in_words(text)?)
}

/// Whether there was no room for a write.
pub(crate) fn is_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) || is_too_large(error)
}

/// Whether a file is as large as this process may make it.
pub(crate) fn is_too_large(error: &io::Error) -> bool {
    is_any_of(error, &[Errno::FBIG])
}

/// Whether no more files could be opened.
pub(crate) fn is_starved(error: &io::Error) -> bool {
    is_any_of(error, &[Errno::MFILE, Errno::NFILE])
}

/// Whether reading the same again soon may succeed: the file was not looked at, for want of something.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    is_starved(error) || is_any_of(error, &[Errno::INTR, Errno::AGAIN, Errno::NOMEM, Errno::NOBUFS])
}

/// Whether the system does not let this process read a file. That does not pass by itself, and is no damage either.
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    is_any_of(error, &[Errno::ACCESS, Errno::PERM])
}

/// Whether the device has failed to read, which may succeed a second time.
pub(crate) fn is_of_device(error: &io::Error) -> bool {
    is_any_of(error, &[Errno::IO])
}

/// The error of the system that `text` quotes.
pub(crate) fn in_words(text: &str) -> Option<io::Error> {
    // As errors of the system are displayed, and as they are shown by a panic.
    ["(os error ", "Os { code: "].into_iter().find_map(|before| {
        let (_, after) = text.split_once(before)?;
        let digits = after.split(|letter: char| !letter.is_ascii_digit()).next()?;
        Some(io::Error::from_raw_os_error(digits.parse().ok()?))
    })
}

fn is_any_of(error: &io::Error, numbers: &[Errno]) -> bool {
    numbers.iter().any(|number| error.raw_os_error() == Some(number.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_for_the_moment_is_no_damage_and_a_missing_right_does_not_pass() {
        for (number, is_passing, is_forbidden) in [
            (Errno::MFILE, true, false),
            (Errno::NFILE, true, false),
            (Errno::INTR, true, false),
            (Errno::NOMEM, true, false),
            (Errno::ACCESS, false, true),
            (Errno::PERM, false, true),
            (Errno::NOENT, false, false),
            (Errno::ISDIR, false, false),
            (Errno::IO, false, false),
        ] {
            let error = io::Error::from(number);
            let is = (super::is_passing(&error), super::is_forbidden(&error));
            assert_eq!(is, (is_passing, is_forbidden), "{number:?}");
        }
    }

    #[test]
    fn errors_of_the_system_have_remedies_in_every_form() {
        for (number, expected) in [
            (Errno::NOSPC, Some("free some space")),
            (Errno::DQUOT, Some("quota")),
            (Errno::FBIG, Some("ulimit -f")),
            (Errno::ROFS, Some("mount it for writing")),
            (Errno::ACCESS, Some("read and write them")),
            (Errno::PERM, Some("read and write them")),
            (Errno::MFILE, Some("ulimit -n")),
            (Errno::NFILE, Some("ulimit -n")),
            (Errno::IO, None),
            (Errno::NOENT, None),
        ] {
            let error = io::Error::from(number);
            let says = |remedy: Option<&str>| match (remedy, expected) {
                (Some(remedy), Some(expected)) => remedy.contains(expected),
                (remedy, expected) => remedy == expected,
            };
            assert!(says(of_error(&error)), "{error}");
            for text in [format!("IO error: {error}"), format!("its files are damaged (unwrap on {error:?})")]
            {
                assert!(says(of_words(&text)), "{text}");
            }
        }
        for text in ["", "its files are damaged", "(os error )", "(os error 99999999999999)", "Os { code: "] {
            assert_eq!(of_words(text), None, "{text}");
        }
    }
}
