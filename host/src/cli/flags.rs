//! Flags of StackStorm's client that a verb does not have: told under which name they are here, why they are not needed, or
//! that they are not there. Of flags of the command that `petrel run` runs, it is told how they reach that command. Other
//! unknown flags are told by the parser itself.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::verbs::path;
use crate::exit::Failure;

/// Flags of StackStorm's client without one of the same name here: the verbs (none for all of them), the flags, and what
/// to do instead. The first that fits counts.
const ELSEWHERE: &[(&[&str], &[&str], &str)] = &[
    (
        &["key list"],
        &["-n", "--last"],
        "leave it out: all keys are listed, and `petrel key list --prefix TEXT` lists some",
    ),
    (
        &["run"],
        &["--tail"],
        "`petrel run --async ACTION` prints the id, and `petrel execution tail ID` the output as it comes",
    ),
    (
        &["run", "execution rerun"],
        &["-e", "--inherit-env"],
        "give the variables by a parameter, if the action has one: env:='{\"NAME\": \"VALUE\"}'",
    ),
    (&["run"], &["-u", "--user"], "sign in as that user: `petrel login USER`"),
    (
        &["run"],
        &["--delay"],
        "it is not there yet; the API takes `delay`, in milliseconds, in the body of POST /api/v1/executions",
    ),
    (&["run"], &["--auto-dict"], "write the value as JSON: NAME:='{\"KEY\": \"VALUE\"}'"),
    (
        &["run", "execution get"],
        &["--show-tasks", "--raw", "--depth", "--with-schema"],
        "leave it out: the result is shown, and the tasks of a workflow as a tree",
    ),
    (
        &["run", "execution get"],
        &["-k", "--key"],
        "`petrel execution get ID -o json` prints the whole result, from which a program such as jq takes a part",
    ),
    (
        &["execution get"],
        &["-x", "--exclude-result"],
        "leave it out; `petrel execution list` shows executions without their results",
    ),
    (
        &["execution list"],
        &["-l", "--showall"],
        "`petrel execution list --all` lists those inside of workflows too",
    ),
    (&["execution list"], &["-s", "--sort"], "leave it out: the newest come first"),
    (
        &["execution list", "rule-enforcement list"],
        &["-t"],
        "--after TIME in place of -tg, --before TIME in place of -tl, --token TOKEN in place of -t",
    ),
    (
        &["execution rerun"],
        &["-a", "--async"],
        "leave it out: nothing is waited for, and `petrel execution tail ID` follows the new execution",
    ),
    (
        &["execution rerun"],
        &["--no-reset"],
        "name the tasks that are reset instead: `petrel execution rerun ID --tasks TASK --reset TASK`",
    ),
    (
        &["execution tail"],
        &["--type", "--include-metadata"],
        "leave it out: all output is printed, as it was written",
    ),
    (&["rule list"], &["-c"], "`petrel rule list --action ACTION`"),
    (&["rule list"], &["-g"], "`petrel rule list --trigger TRIGGER`"),
    (
        &["rule list"],
        &["--iftt", "--enabled", "--disabled", "-n", "--last"],
        "leave it out: all rules are listed, with trigger, action, and whether they are enabled",
    ),
    (&["policy list", "sensor list"], &["-n", "--last"], "leave it out: all of them are listed"),
    (
        &["pack install"],
        &["--force", "--skip-dependencies"],
        "leave it out: a pack is replaced by itself, and no other pack is installed with it",
    ),
    (
        &["login"],
        &["-p", "--password"],
        "leave it out: the password is asked for, and --password-stdin reads it from standard input",
    ),
    (&["login"], &["-w", "--write-password"], "leave it out: the token is kept, and never the password"),
    (&["login"], &["-l"], "`petrel login USER --ttl SECONDS`"),
    (&["apikey create"], &["-m", "--metadata"], "`petrel apikey create NAME=VALUE`"),
    (&["apikey create"], &["-k", "--only-key"], "leave it out: the key alone is on standard output"),
    (&["apikey create"], &["-u"], "`petrel apikey create --user USER`"),
    (&["apikey list"], &["-u", "--user"], "leave it out: the list shows the user of each key"),
    (&[], &["-y", "--yaml"], "-o yaml"),
    (
        &[],
        &["-a", "--attr"],
        "leave it out: -o json prints all attributes, from which a program such as jq takes some",
    ),
    (&[], &["-d", "--detail"], "leave it out: nothing is left out without it"),
    (&[], &["-w", "--width"], "set the variable COLUMNS to the width"),
    (&[], &["-t"], "--token TOKEN, or the variable PETREL_TOKEN"),
    (&[], &["--base-url", "--api-url", "--auth-url"], "--url URL, or the variable PETREL_URL"),
    (&[], &["--cacert"], "--ca-file FILE, or the variable SSL_CERT_FILE"),
];

/// How the help shows a word that is a parameter.
const PARAMETER: &str = "NAME=VALUE";

/// The failure for an error of the parser, if that is about a flag of StackStorm's client, or of a command to run. `words`
/// are those of the command line, without the name of the program.
pub(super) fn unknown(error: &clap::Error, root: &Command, words: &[String]) -> Option<Failure> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let (command, verbs) = path(root, words);
    let verb = verbs.join(" ");
    let hint = if verb == "run" { of_command([root, command], words, flag) } else { None };
    let hint = hint.or_else(|| elsewhere(&verb, flag).map(str::to_owned));
    let whole = std::iter::once("petrel").chain(verbs).collect::<Vec<_>>().join(" ");
    // A flag with nearly this name is told by the parser.
    let is_near = error.get(ContextKind::SuggestedArg).is_some();
    let hint = hint.or_else(|| if is_near { None } else { as_word(command, &whole, flag) });
    // The parser would have the flag be a word of the command, which only words that are any text can be.
    let takes_text = ["run", "key set"].contains(&verb.as_str());
    let is_advised = !is_near && !takes_text && error.get(ContextKind::Suggested).is_some();
    let hint = hint.or_else(|| is_advised.then(|| format!("`{whole} --help` lists its flags")))?;
    Some(Failure::usage(format!("`{whole}` has no flag {flag}"), hint))
}

fn elsewhere(verb: &str, flag: &str) -> Option<&'static str> {
    let fits = |verbs: &[&str]| verbs.is_empty() || verbs.contains(&verb);
    let found = ELSEWHERE.iter().find(|(verbs, flags, _)| fits(verbs) && flags.contains(&flag));
    found.map(|(_, _, remedy)| *remedy)
}

/// The remedy for a `flag` by which a word is given: a parameter where these are `NAME=VALUE`, or a word that has its place
/// in the command, of which `whole` is the beginning. The parser would have the flag itself be the word.
fn as_word(command: &Command, whole: &str, flag: &str) -> Option<String> {
    let name = flag.strip_prefix("--")?;
    let (mut words, mut is_meant, mut takes_parameters) = (String::new(), false, false);
    for word in command.get_positionals() {
        let shown = word.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
        let shown = shown.unwrap_or_else(|| word.get_id().as_str().to_uppercase());
        is_meant |= shown.eq_ignore_ascii_case(name);
        takes_parameters |= shown == PARAMETER;
        let shown = if shown == PARAMETER { format!("{name}=VALUE") } else { shown };
        words.push_str(&format!(" {shown}"));
    }
    if takes_parameters && !is_meant {
        return Some(format!("parameters are NAME=VALUE, without dashes: `{whole}{words}`"));
    }
    let words = words.replace(&format!("{name}=VALUE"), PARAMETER);
    is_meant.then(|| format!("it is a word without a flag: `{whole}{words}`"))
}

/// The remedy for a `flag` behind the words of a command that `petrel run` runs: it is one of that command. `ours` are the
/// commands of this command line that have the flags of `petrel run`.
fn of_command(ours: [&Command; 2], words: &[String], flag: &str) -> Option<String> {
    let mut plain = Vec::new();
    let mut words = words.iter().skip_while(|word| *word != "run").skip(1);
    let found = loop {
        let word = words.next().filter(|word| *word != "--")?;
        if is_with(word, flag) {
            break word;
        }
        if !word.starts_with('-') {
            plain.push(word.as_str());
        } else if ours.iter().any(|command| takes_next(command, word)) {
            words.next();
        }
    };
    let (action, given) = plain.split_first()?;
    let begins = given.iter().position(|word| !word.contains('='))?;
    let (assigned, command) = given.split_at(begins);
    // A value may be a secret, which is not for a screen.
    let names = assigned.iter().filter_map(|word| word.split_once('=')).map(|(name, _)| format!("{name}=… "));
    let found = found.split_once('=').map_or_else(|| found.clone(), |(flag, _)| format!("{flag}=…"));
    let (names, more) = (names.collect::<String>(), if words.next().is_some() { " …" } else { "" });
    Some(format!(
        "write -- before a command with flags of its own: `petrel run {action} {names}-- {} {found}{more}`",
        command.join(" ")
    ))
}

/// Whether `word` has the flag: with a value, or a short one among others.
fn is_with(word: &str, flag: &str) -> bool {
    let is_long = |word: &str| word.starts_with("--");
    if is_long(flag) {
        return word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    }
    let short = flag.trim_start_matches('-');
    !is_long(word) && word.strip_prefix('-').is_some_and(|letters| letters.contains(short))
}

/// Whether the value of the flag `word` of `command` is the next word.
fn takes_next(command: &Command, word: &str) -> bool {
    command.get_arguments().filter(|argument| argument.get_action().takes_values()).any(|argument| {
        argument.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
            || argument
                .get_short()
                .is_some_and(|short| word.strip_prefix('-') == Some(short.to_string().as_str()))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn has(command: &Command, flag: &str) -> bool {
        command.get_arguments().any(|argument| {
            let is_long = |name: &str| flag.strip_prefix("--") == Some(name);
            argument.get_long_and_visible_aliases().is_some_and(|names| names.into_iter().any(is_long))
                || argument.get_short().is_some_and(|short| flag == format!("-{short}"))
        })
    }

    /// The failure that is told of the words of a command line, which the parser refuses.
    fn told(line: &str) -> Option<Failure> {
        let root = super::super::Arguments::command();
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let whole = std::iter::once("petrel").chain(line.split(' '));
        let error = root.clone().try_get_matches_from(whole).unwrap_err();
        unknown(&error, &root, &words)
    }

    #[test]
    fn only_flags_that_are_not_there_are_told_what_to_do_instead() {
        let mut root = super::super::Arguments::command();
        root.build();
        for (verbs, flags, remedy) in ELSEWHERE {
            for verb in *verbs {
                let words: Vec<_> = verb.split(' ').map(str::to_owned).collect();
                let (command, found) = path(&root, &words);
                assert_eq!(found.join(" "), *verb, "there is no such verb");
                flags.iter().for_each(|flag| assert!(!has(command, flag), "petrel {verb} has {flag}"));
            }
            flags.iter().filter(|_| verbs.is_empty()).for_each(|flag| assert!(!has(&root, flag), "{flag}"));
            assert!(!remedy.is_empty());
        }
    }

    #[test]
    fn a_flag_of_stackstorms_client_is_told_what_to_do_instead() {
        for (line, message, hint) in [
            ("run core.noop --tail", "`petrel run` has no flag --tail", "petrel execution tail ID"),
            ("execution get last --attr status", "`petrel execution get` has no flag --attr", "-o json"),
            ("execution get -d last", "`petrel execution get` has no flag -d", "leave it out"),
            ("execution list -tg 2026-11-20", "`petrel execution list` has no flag -t", "--after TIME"),
            ("--url http://h:1 rule get p.r -y", "`petrel rule get` has no flag -y", "-o yaml"),
            // Such words are no flags, and must not be given behind `--` either.
            ("run core.local --cmd date", "`petrel run` has no flag --cmd", "`petrel run ACTION cmd=VALUE`"),
            ("run --cmd=date core.local", "`petrel run` has no flag --cmd", "`petrel run ACTION cmd=VALUE`"),
            (
                "run --action core.local",
                "`petrel run` has no flag --action",
                "`petrel run ACTION NAME=VALUE`",
            ),
            (
                "key set limit --value 5",
                "`petrel key set` has no flag --value",
                "`petrel key set NAME VALUE`",
            ),
            ("key get --name limit", "`petrel key get` has no flag --name", "`petrel key get NAME`"),
            (
                "inquiry respond last --approved true",
                "`petrel inquiry respond` has no flag --approved",
                "`petrel inquiry respond ID approved=VALUE`",
            ),
            (
                "trigger delete mine.order --force",
                "`petrel trigger delete` has no flag --force",
                "`petrel trigger delete --help`",
            ),
            (
                "maintenance create w --pack p --start 1h --until 2h",
                "`petrel maintenance create` has no flag --start",
                "`petrel maintenance create --help`",
            ),
            ("rule list --enabled", "`petrel rule list` has no flag --enabled", "all rules are listed"),
        ] {
            let failure = told(line).unwrap();
            assert_eq!(failure.message, message, "{line}");
            assert!(failure.hint.contains(hint), "{line}: {failure}");
        }
        for line in [
            "execution list --statsu failed",
            "key get",
            "ruel list",
            "run core.noop --wiat 5",
            "key list --colour",
        ] {
            assert!(told(line).is_none(), "{line}");
        }
    }

    #[test]
    fn a_flag_behind_the_words_of_a_command_is_told_how_it_reaches_that_command() {
        for (line, flag, hint) in [
            ("run core.local ls -d /tmp", "-d", "`petrel run core.local -- ls -d …`"),
            ("run core.local ls -alh", "-l", "`petrel run core.local -- ls -alh`"),
            ("run core.local sort -u f", "-u", "`petrel run core.local -- sort -u …`"),
            ("run a.b curl -k http://h/?a=b", "-k", "`petrel run a.b -- curl -k …`"),
            (
                "--url http://h:1 run --wait 5 a.b timeout=5 pw=hush ls --color=no",
                "--color",
                "`petrel run a.b timeout=… pw=… -- ls --color=…`",
            ),
            ("run a.b x=5 -u me", "-u", "`petrel login USER`"),
            ("run --wait 5 a.b -u me", "-u", "`petrel login USER`"),
            ("run -k result a.b ls", "-k", "`petrel execution get ID -o json`"),
        ] {
            let failure = told(line).unwrap();
            assert_eq!(failure.message, format!("`petrel run` has no flag {flag}"), "{line}");
            assert!(failure.hint.contains(hint), "{line}: {failure}");
        }
    }
}
