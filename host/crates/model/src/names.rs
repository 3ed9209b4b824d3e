//! Allowed names of packs, their contents, keys, users and webhooks. Every name is checked here before something is
//! created with it; stored names are not checked again.
//!
//! A name becomes part of a reference ([`Ref`](crate::Ref), split at its first dot), of a key in the store, of a path
//! in the API and of a line in a log, and must pass through each of them unchanged.

/// Longest reference, in bytes, since it is part of a key in the store.
pub const LONGEST_REFERENCE: usize = 255;
/// Longest name of a key, a user or a webhook, in bytes.
pub const LONGEST_TEXT: usize = 255;
/// The name that StackStorm reserves.
const RESERVED: &str = "_global";

/// Names of packs that come with the host, now or later, as StackStorm's own do (`SYSTEM_PACK_NAMES` in
/// `constants/pack.py`). No other pack may take them.
const OWN_PACKS: [&str; 5] = ["chatops", "core", "default", "linux", "packs"];

/// Whether a pack with this name belongs to the host itself.
pub fn is_own_pack(name: &str) -> bool {
    OWN_PACKS.contains(&name)
}

/// The remedy where a pack of the host's own is missing in this version: nobody else can add it.
pub const WITHOUT_OWN_PACK: &str =
    "call an action of another pack in its place, as core.local, or bring yours in a pack of another name";

/// A name that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot be the name of {what}: {reason}")]
pub struct InvalidName {
    /// The kind of object, with its article.
    pub what: String,
    /// The name, shortened, with unprintable characters escaped.
    pub name: String,
    /// The problem.
    pub reason: String,
    /// The remedy.
    pub remedy: &'static str,
}

fn refused(what: &str, name: &str, reason: impl Into<String>, remedy: &'static str) -> InvalidName {
    let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    InvalidName { what: what.to_owned(), name: shown, reason: reason.into(), remedy }
}

/// Checks the name of a pack, by StackStorm's rule for `ref`: `^[a-z0-9_]+$`, but not `_global`.
///
/// # Errors
/// [`InvalidName`] for anything else.
pub fn check_pack(name: &str) -> Result<(), InvalidName> {
    const REMEDY: &str = "use lower-case letters, digits and _";
    let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let refused = |reason: &str| Err(refused("a pack", name, reason, REMEDY));
    match name {
        "" => refused("it is empty"),
        RESERVED => refused("it is reserved"),
        _ if name.contains('.') => refused("it contains a dot, at which a reference is split"),
        _ if !name.bytes().all(is_sign) => {
            refused("it contains characters other than lower-case letters, digits and _")
        }
        // A reference needs two more bytes at least: the dot, and one letter behind it.
        _ if name.len() > LONGEST_REFERENCE - 2 => refused("it is too long"),
        _ => Ok(()),
    }
}

/// Checks the name of an action, a rule or a trigger type in `pack`. It may contain dots and only printable characters,
/// but no `/`, which would end a segment of a path.
///
/// # Errors
/// [`InvalidName`] for anything else, or if the reference with the pack is longer than [`LONGEST_REFERENCE`].
pub fn check_item(what: &str, pack: &str, name: &str) -> Result<(), InvalidName> {
    const REMEDY: &str = "use printable characters without a slash, as letters, digits, _, - and dots";
    let length = pack.len() + 1 + name.len();
    let reason = match name {
        "" => "it is empty".to_owned(),
        "." | ".." => "it stands for a directory".to_owned(),
        _ if name.contains('/') => "it contains a slash".to_owned(),
        _ if name.trim() != name => "it begins or ends with a space".to_owned(),
        _ if !name.chars().all(is_printable) => "it contains an unprintable character".to_owned(),
        _ if length > LONGEST_REFERENCE => {
            format!(
                "it is too long: with its pack it has {length} bytes, and {LONGEST_REFERENCE} is the limit"
            )
        }
        _ => return Ok(()),
    };
    Err(refused(what, name, reason, REMEDY))
}

/// Checks the name of a key or a webhook: any text without control characters, including `/`. Only `.` and `..`
/// are refused: clients treat them as directories and remove them from a path, even escaped (WHATWG URL, 4.1).
///
/// # Errors
/// [`InvalidName`] for anything else, or if it is empty or too long.
pub fn check_text(what: &str, name: &str) -> Result<(), InvalidName> {
    const REMEDY: &str = "use up to 255 bytes of text without control characters, and not . or ..";
    let reason = match name {
        "" => "it is empty".to_owned(),
        "." | ".." => "it stands for a directory".to_owned(),
        _ if name.len() > LONGEST_TEXT => {
            format!("it is too long: it has {} bytes, and {LONGEST_TEXT} is the limit", name.len())
        }
        _ if name.chars().any(char::is_control) => "it contains a control character".to_owned(),
        _ => return Ok(()),
    };
    Err(refused(what, name, reason, REMEDY))
}

/// Checks the name of a user. It is text as in [`check_text`], but all of it can be seen: otherwise it could pass for
/// the name of somebody else.
///
/// # Errors
/// [`InvalidName`] for anything else.
pub fn check_user(name: &str) -> Result<(), InvalidName> {
    const REMEDY: &str = "use visible characters, with single spaces between them at most";
    check_text("a user", name)?;
    let reason = match name {
        _ if name.trim() != name => "it begins or ends with a space",
        _ if name.contains("  ") => "it contains two spaces in a row",
        _ if !name.chars().all(is_printable) => "it contains an unprintable character",
        _ => return Ok(()),
    };
    Err(refused("a user", name, reason, REMEDY))
}

/// Whether a character is visible as itself after a letter. An accent is, a mark that changes the direction is not.
fn is_printable(char: char) -> bool {
    let escaped: String = ['a', char].iter().collect::<String>().escape_debug().collect();
    !char.is_control() && (char == ' ' || !char.is_whitespace()) && !escaped.contains("\\u{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_named_as_stackstorm_names_it() {
        for name in ["core", "st2", "my_pack", "0"] {
            assert_eq!(check_pack(name), Ok(()), "{name}");
        }
        let long = "x".repeat(254);
        for name in ["", ".", "..", "a.b", "a/b", "a b", "A", "_global", "a-b", "ä", "a\n", &long] {
            assert!(check_pack(name).is_err(), "{name}");
        }
    }

    #[test]
    fn only_the_packs_of_the_host_have_names_that_are_taken() {
        for (name, is_own) in [("core", true), ("default", true), ("github", false), ("examples", false)] {
            assert_eq!(is_own_pack(name), is_own, "{name}");
        }
    }

    #[test]
    fn what_is_in_a_pack_may_hold_dots_and_nothing_that_hides() {
        let fits = "x".repeat(250);
        for name in [
            "local",
            "st2.webhook",
            "indices.create_index",
            "...",
            "a-b",
            "on push",
            "Ä",
            "e\u{301}",
            "日本",
            &fits,
        ] {
            assert_eq!(check_item("a rule", "core", name), Ok(()), "{name}");
        }
        let long = "x".repeat(251);
        for name in [
            "",
            ".",
            "..",
            "a/b",
            " a",
            "a ",
            "a\tb",
            "a\nb",
            "a\0",
            "\u{202e}a",
            "a\u{200b}",
            "a\u{a0}b",
            &long,
        ] {
            assert!(check_item("a rule", "core", name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn all_of_the_name_of_a_user_can_be_seen() {
        for name in ["ada", "A1", "a b", "CORP/ada ä", "e\u{301}", "日本", "a.b-c_d@e"] {
            assert_eq!(check_user(name), Ok(()), "{name}");
        }
        for name in
            ["", "..", " a", "a ", "a  b", "a\u{a0}b", "a\u{200b}", "a\u{ad}b", "\u{202e}a", "a\u{2060}"]
        {
            assert!(check_user(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn keys_and_webhooks_hold_any_text() {
        for name in ["a", "a/b", "/", "...", "a b", "DOMAIN\\user", "ä@b", "a.b:c"] {
            assert_eq!(check_text("a key", name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a\nb", "a\0", "\u{7f}", &"x".repeat(256)] {
            assert!(check_text("a key", name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_thing_and_the_remedy() {
        let error = check_item("a rule", "p", "a\u{202e}b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a\\u{202e}b` cannot be the name of a rule: it contains an unprintable character"
        );
        assert_eq!(check_pack("a.b").unwrap_err().remedy, "use lower-case letters, digits and _");
    }
}
