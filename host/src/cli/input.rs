//! Input besides the command line: files and passwords.

use std::io::{IsTerminal as _, Read};
use std::path::Path;

use petrel_packs::plain_file::{self, too_large};
use petrel_packs::{Problem, definition};
use serde_json::Value;

use crate::exit::Failure;
use crate::parameters::LARGEST_INPUT;
use crate::print;

/// The text of a file, or of standard input for `-`. A FIFO is fine. No more is read than the host would accept.
pub(super) fn read_file(path: &str) -> Result<String, Failure> {
    let read = || {
        let from: Box<dyn Read> =
            if path == "-" { Box::new(std::io::stdin()) } else { Box::new(std::fs::File::open(path)?) };
        let text = std::io::read_to_string(from.take(LARGEST_INPUT + 1))?;
        if text.len() as u64 > LARGEST_INPUT { Err(too_large(LARGEST_INPUT)) } else { Ok(text) }
    };
    read().map_err(|error| {
        Failure::usage(format!("{path} cannot be read: {error}"), "check the name of the file")
    })
}

/// The text of a rule's file.
pub(super) fn read_rule(file: &str) -> Result<String, Failure> {
    read_definition(file, |text| definition::read_rule(file, text, None))
}

/// The text of a policy's file.
pub(super) fn read_policy(file: &str) -> Result<String, Failure> {
    read_definition(file, |text| definition::read_policy(file, text, None))
}

/// The text of a file, parsed here so that a mistake is reported with its file, line and column.
fn read_definition<T>(
    file: &str,
    parse: impl FnOnce(&str) -> Result<T, Vec<Problem>>,
) -> Result<String, Failure> {
    let text = read_file(file)?;
    parse(&text).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Failure::usage(lines.join("\n"), "correct the file and try again")
    })?;
    Ok(text)
}

/// The payload of an event: JSON, or `@FILE` for the JSON in a file.
pub(super) fn read_payload(text: &str) -> Result<Value, Failure> {
    const WRITE: &str = "write JSON in quotes, such as '{\"body\": {\"name\": \"test\"}}', or @FILE";
    let file = text.strip_prefix('@').map(|file| {
        plain_file::read_text(file.as_ref(), LARGEST_INPUT).map_err(|error| {
            Failure::usage(format!("the file {file} of the payload cannot be read: {error}"), WRITE)
        })
    });
    let file = file.transpose()?;
    let json = file.as_deref().unwrap_or(text);
    serde_json::from_str(json).map_err(|error| {
        let is_file = file.is_none() && Path::new(text).is_file();
        let hint = if is_file { format!("@{text} reads the file") } else { WRITE.to_owned() };
        Failure::usage(format!("the payload is not JSON: {error}"), hint)
    })
}

/// Asks the person at the terminal whether to go on.
///
/// # Errors
/// When the answer is not yes, or nobody is there to answer.
pub(super) fn confirmed(question: &str) -> Result<(), Failure> {
    let unanswered = |why: String| Failure::usage(why, "give --yes to go on without a question");
    if !std::io::stdin().is_terminal() {
        return Err(unanswered(format!("{question} Nobody can be asked: standard input is no terminal")));
    }
    print::note(&format!("{question} Write yes to go on."));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| unanswered(format!("no answer: {error}")))?;
    match line.trim() {
        "y" | "yes" => Ok(()),
        _ => Err(unanswered("nothing was deleted".to_owned())),
    }
}

/// A password: a line of standard input if `from_stdin`, otherwise typed at the terminal, once or twice.
pub(super) fn read_password(prompt: &str, from_stdin: bool, twice: bool) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(
            format!("no password can be read: {error}"),
            "give --password-stdin and pipe the password in",
        )
    };
    if from_stdin {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(unreadable)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    if !std::io::stdin().is_terminal() {
        return Err(unreadable(std::io::Error::other("standard input is no terminal")));
    }
    let password = rpassword::prompt_password(format!("{prompt}: ")).map_err(unreadable)?;
    if twice && rpassword::prompt_password("Once more: ").map_err(unreadable)? != password {
        return Err(Failure::usage("the two passwords differ", "try again"));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_given_as_a_payload_is_told_how_it_is_read() {
        for (text, hint) in [
            (concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "Cargo.toml reads the file"),
            ("id=1", "write JSON in quotes"),
            ("@/no/such/file", "or @FILE"),
        ] {
            let refused = read_payload(text).unwrap_err();
            assert!(refused.hint.contains(hint), "{text}: {refused}");
        }
        assert_eq!(read_payload("{\"a\": 1}").unwrap()["a"], 1);
    }
}
