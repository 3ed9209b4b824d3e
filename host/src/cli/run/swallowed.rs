//! Short flags behind the words of a command: in `petrel run core.local uname -a` the flag may be meant for `uname`, and
//! is one of `petrel`. StackStorm's client takes it for its own without a word; here it is refused, with both ways to
//! say which is meant. Longer flags are no such trap, and a flag behind `NAME=VALUE` is plain enough.

use crate::exit::Failure;

/// Refuses such a flag. `line` has the words of the command line, and `parameters` what was read as parameters.
pub(super) fn refuse(line: &[String], action: &str, parameters: &[String]) -> Result<(), Failure> {
    let begins = parameters.iter().position(|word| !word.contains('=')).unwrap_or(parameters.len());
    let (assigned, command) = parameters.split_at(begins);
    let Some(first) = command.first() else { return Ok(()) };
    // Behind `--` nothing is a flag.
    let before = line.split(|word| word == "--").next().unwrap_or_default();
    let from_action = before.iter().skip_while(|word| *word != action).skip(1);
    let mut behind = from_action.skip_while(|word| *word != first).skip(1);
    let Some(flag) = behind.find(|word| is_short_flag(word)) else { return Ok(()) };
    // The only short one with a value.
    let value = behind.next().filter(|_| flag == "-o");
    let flag = value.map_or_else(|| flag.clone(), |value| format!("{flag} {value}"));
    let command = command.join(" ");
    // A value may be a secret, which is not for a screen.
    let names = assigned.iter().filter_map(|word| word.split_once('=')).map(|(name, _)| format!("{name}=… "));
    let names: String = names.collect();
    Err(Failure::usage(
        format!("`{flag}` behind `{command}` may be meant for that command or for petrel"),
        format!(
            "write `petrel run {action} {names}-- {command} {flag}` to run it with {flag}, or \
             `petrel run {flag} {action} {names}{command}` for petrel's {flag}"
        ),
    ))
}

fn is_short_flag(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|flag| flag.starts_with(|char: char| char.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_behind_a_command_is_refused_and_both_ways_to_mean_it_are_told() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, parameters, flag, names, command) in [
            ("petrel run core.local uname -a", "uname", Some("-a"), "", "uname"),
            ("petrel run core.local timeout=5 ls -j x", "timeout=5 ls x", Some("-j"), "timeout=… ", "ls x"),
            ("petrel run core.local ls -o yaml", "ls", Some("-o yaml"), "", "ls"),
            ("petrel run -a core.local ls", "ls", None, "", ""),
            ("petrel -j run core.local ls", "ls", None, "", ""),
            ("petrel run core.local -a ls", "ls", None, "", ""),
            ("petrel run core.local ls --json", "ls", None, "", ""),
            ("petrel run core.local -- uname -a", "uname -a", None, "", ""),
            ("petrel run core.local uname -- -a", "uname -a", None, "", ""),
            ("petrel run core.local cmd=ls -a", "cmd=ls", None, "", ""),
        ] {
            let refused = refuse(&words(line), "core.local", &words(parameters)).err();
            assert_eq!(refused.is_some(), flag.is_some(), "{line}");
            if let (Some(refused), Some(flag)) = (refused, flag) {
                assert_eq!(
                    refused.message,
                    format!("`{flag}` behind `{command}` may be meant for that command or for petrel")
                );
                let plain = format!("petrel run core.local {names}-- {command} {flag}`");
                let own = format!("petrel run {flag} core.local {names}{command}`");
                assert!(refused.hint.contains(&plain) && refused.hint.contains(&own), "{refused}");
            }
        }
        assert!(refuse(&words("petrel run core.noop -a"), "core.noop", &[]).is_ok());
    }
}
