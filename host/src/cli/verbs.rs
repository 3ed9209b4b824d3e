//! Verbs that do not exist: misspelt ones are told the near one, and those of StackStorm's client what does the same
//! here. Every verb of that client is in the command line or in this table (tested).

use std::iter::once;

use clap::Command;
use clap::error::{ContextKind, ContextValue};
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;

use crate::exit::Failure;

/// Verbs of StackStorm's client without one of the same name here: the verb, its subverbs (none for all of them), and
/// what to do instead. The first that fits counts.
const ELSEWHERE: &[(&str, &[&str], &str)] = &[
    ("action", &["execute"], "`petrel run ACTION`"),
    (
        "action",
        &["create", "update", "delete", "clone", "enable", "disable"],
        "an action is a file of its pack: change it there, and say `petrel pack register PACK`",
    ),
    ("action-alias", &[], NOT_YET),
    (
        "apikey",
        &["load"],
        "`petrel apikey create`; keys themselves are not stored, so they cannot be moved here",
    ),
    ("auth", &[], "`petrel login USER`"),
    (
        "key",
        &["delete_by_prefix"],
        "`petrel key list --prefix TEXT` shows them, `petrel key delete NAME NAME` deletes",
    ),
    ("key", &["clone"], "`petrel key get NAME`, and `petrel key set OTHER VALUE`"),
    ("pack", &["show", "info"], "`petrel pack get PACK`"),
    (
        "pack",
        &["upgrade"],
        "`petrel pack update PACK` for one from a registry; after a change of its directory `petrel pack register PACK`",
    ),
    (
        "pack",
        &["downgrade", "revert"],
        "`petrel pack rollback PACK`, or `petrel pack activate PACK VERSION` for one that is not the last before",
    ),
    ("pack", &["publish", "upload"], "`petrel pack push HOST/PATH DIRECTORY`"),
    ("pack", &["permissions", "caps"], "`petrel pack capabilities PACK`"),
    ("pack", &["allow"], "`petrel pack grant PACK CAPABILITY`"),
    ("pack", &["deny", "forbid"], "`petrel pack revoke PACK CAPABILITY`"),
    ("pack", &["unregister", "delete", "uninstall"], "`petrel pack remove PACK`"),
    (
        "pack",
        &["search", "index"],
        "no index of packs is searched: `petrel pack install HOST/PATH:TAG` installs one from a registry, `petrel pack install DIRECTORY` one from a directory",
    ),
    (
        "policy",
        &["clone"],
        "`petrel policy get POLICY -o yaml > policy.yaml`, another name in the file, and `petrel policy create policy.yaml`",
    ),
    ("role", &[], "there are no roles; `petrel user list` shows the users"),
    ("role-assignment", &[], "there are no roles; `petrel user list` shows the users"),
    (
        "rule",
        &["clone"],
        "`petrel rule get RULE -o yaml > rule.yaml`, another name in the file, and `petrel rule create rule.yaml`",
    ),
    ("runner", &["enable", "disable"], "runners are always enabled; `petrel rule disable RULE` stops a rule"),
    ("runner", &[], "`petrel action get ACTION` shows the runner of an action; the README lists all"),
    ("maintenance", &["end", "stop", "rm", "remove"], "`petrel maintenance delete NAME`"),
    ("host-key", &["add", "create", "accept", "trust"], "`petrel host-key pin HOST KEY`"),
    ("host-key", &["rm", "remove", "forget"], "`petrel host-key delete HOST`"),
    ("inquiry", &["answer", "approve"], "`petrel inquiry respond ID NAME=VALUE`"),
    ("sensor", &["stop"], "`petrel sensor disable SENSOR`"),
    (
        "sensor",
        &["start"],
        "`petrel sensor enable SENSOR`, or `petrel sensor restart SENSOR` for one that waits",
    ),
    ("version", &[], "`petrel --version`"),
    (
        "status",
        &[],
        "`petrel whoami` says whether the host answers; GET /readyz, whether it takes events; GET /api/v1/status, what it has to remark",
    ),
    ("service-registry", &[], "a host is one process, and so there is nothing to list"),
    (
        "trigger",
        &["clone"],
        "`petrel trigger get TRIGGER -o yaml > trigger.yaml`, another name in the file, and `petrel trigger create trigger.yaml`",
    ),
    ("trigger", &["getspecs"], "`petrel trigger list`, and `petrel trigger get TRIGGER`"),
    ("trigger-instance", &["re-emit"], "`petrel trigger re-emit ID`"),
    ("trigger-instance", &["get"], "`petrel trigger get ID`, and `petrel trigger why ID`"),
    ("trigger-instance", &[], "`petrel trigger instances`"),
    ("webhook", &[], "`petrel rule list` shows the URL of each rule that listens to a webhook"),
];

const NOT_YET: &str = "nothing does the same yet; the end of the README lists what is not there";

/// The failure for an error of the parser, if that is about a verb that does not exist. `words` are those of the command
/// line, without the name of the program.
pub(super) fn unknown(error: &clap::Error, root: &Command, words: &[String]) -> Option<Failure> {
    match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(word) => Some(told(root, words, word)),
        _ => None,
    }
}

/// The verb in the words of a command line: its command, and its name in words.
pub(super) fn path<'c>(root: &'c Command, words: &[String]) -> (&'c Command, Vec<&'c str>) {
    let (mut command, mut path) = (root, Vec::new());
    for word in words {
        if let Some(found) = command.find_subcommand(word) {
            command = found;
            path.push(found.get_name());
        }
    }
    (command, path)
}

fn told(root: &Command, words: &[String], word: &str) -> Failure {
    let end = words.iter().position(|one| one == word).unwrap_or(words.len());
    let (command, path) = path(root, words.split_at(end).0);
    let next = words.iter().skip_while(|one| *one != word).nth(1).map(String::as_str);
    let whole = once("petrel").chain(path.iter().copied()).collect::<Vec<_>>().join(" ");
    let (verb, subverb) = path.first().map_or((word, next), |verb| (*verb, Some(word)));
    let otherwise = || match near(command, word) {
        Some(near) => format!("did you mean `{whole} {near}`?"),
        None if command.has_subcommands() => format!("`{whole} --help` lists the verbs"),
        // `help run core.local` asks for the parameters of an action.
        None => {
            format!("`{whole} --help` shows its arguments, `petrel action get ACTION` those of an action")
        }
    };
    let hint = elsewhere(verb, subverb).map_or_else(otherwise, str::to_owned);
    Failure::usage(format!("`{whole}` has no verb `{}`", quoted(word)), hint)
}

fn elsewhere(verb: &str, subverb: Option<&str>) -> Option<&'static str> {
    let fits = |subverbs: &[&str]| subverbs.is_empty() || subverb.is_some_and(|one| subverbs.contains(&one));
    let found = ELSEWHERE.iter().find(|(name, subverbs, _)| *name == verb && fits(subverbs));
    found.map(|(_, _, remedy)| *remedy)
}

/// The verb that was probably meant: a near one, or the only one that begins so.
fn near<'c>(command: &'c Command, word: &str) -> Option<&'c str> {
    let verbs: Vec<&'c str> = command.get_subcommands().map(Command::get_name).collect();
    let begin_so = || verbs.iter().copied().filter(|verb| word.len() > 1 && verb.starts_with(word));
    nearest(word, verbs.iter().copied()).or_else(|| begin_so().next().filter(|_| begin_so().count() == 1))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// The verbs of StackStorm's client 3.9.0, each with its subverbs.
    const STACKSTORM: &[(&str, &str)] = &[
        ("action", "list get create update delete clone enable disable execute"),
        ("action-alias", "list get create update delete clone match execute test"),
        ("apikey", "list get create delete enable disable load"),
        ("auth", ""),
        ("execution", "list get re-run cancel pause resume tail"),
        ("inquiry", "list get respond"),
        ("key", "list get set delete load delete_by_prefix clone"),
        ("login", ""),
        ("pack", "list get show search install remove register config"),
        ("policy", "list get create update delete clone"),
        ("policy-type", "list get"),
        ("role", "list get"),
        ("role-assignment", "list get"),
        ("rule", "list get create update delete clone enable disable"),
        ("rule-enforcement", "list get"),
        ("run", ""),
        ("runner", "list get enable disable"),
        ("sensor", "list get enable disable"),
        ("service-registry", "group member"),
        ("timer", "list get"),
        ("trace", "list get"),
        ("trigger", "list get create update delete clone getspecs"),
        ("trigger-instance", "list get re-emit"),
        ("webhook", "list get"),
        ("whoami", ""),
        ("workflow", "inspect"),
    ];

    #[test]
    fn each_verb_of_stackstorms_client_works_or_is_told_what_does_the_same() {
        let root = super::super::Arguments::command();
        for (verb, subverbs) in STACKSTORM {
            let own = root.find_subcommand(verb);
            assert!(own.is_some() || elsewhere(verb, None).is_some() || !subverbs.is_empty(), "{verb}");
            for subverb in subverbs.split_whitespace() {
                let works = own.is_some_and(|own| own.find_subcommand(subverb).is_some());
                let is_told = elsewhere(verb, Some(subverb)).is_some();
                assert!(works != is_told, "{verb} {subverb}: works {works}, is told of {is_told}");
            }
        }
    }

    #[test]
    fn a_verb_that_does_not_exist_is_told_the_one_that_was_meant() {
        for (line, message, hint) in [
            ("rnu core.noop", "`petrel` has no verb `rnu`", "did you mean `petrel run`?"),
            ("ruel list", "`petrel` has no verb `ruel`", "did you mean `petrel rule`?"),
            ("exec list", "`petrel` has no verb `exec`", "did you mean `petrel execution`?"),
            (
                "-j execution tial last",
                "`petrel execution` has no verb `tial`",
                "did you mean `petrel execution tail`?",
            ),
            ("trigger wy last", "`petrel trigger` has no verb `wy`", "did you mean `petrel trigger why`?"),
            (
                "trigger-instance list",
                "`petrel` has no verb `trigger-instance`",
                "`petrel trigger instances`",
            ),
            ("trigger-instance", "`petrel` has no verb `trigger-instance`", "`petrel trigger instances`"),
            (
                "trigger-instance get 1",
                "`petrel` has no verb `trigger-instance`",
                "`petrel trigger get ID`, and",
            ),
            ("pack show core", "`petrel pack` has no verb `show`", "`petrel pack get PACK`"),
            ("pack upgrade mine", "`petrel pack` has no verb `upgrade`", "`petrel pack update PACK`"),
            ("pack revert mine", "`petrel pack` has no verb `revert`", "`petrel pack rollback PACK`"),
            ("pack upload r.io/mine .", "`petrel pack` has no verb `upload`", "`petrel pack push HOST/PATH"),
            ("pack allow mine http", "`petrel pack` has no verb `allow`", "`petrel pack grant PACK"),
            (
                "maintenance end w",
                "`petrel maintenance` has no verb `end`",
                "`petrel maintenance delete NAME`",
            ),
            ("inquiry answer last", "`petrel inquiry` has no verb `answer`", "`petrel inquiry respond ID"),
            ("version", "`petrel` has no verb `version`", "`petrel --version`"),
            ("status", "`petrel` has no verb `status`", "GET /readyz"),
            ("action-alias list", "`petrel` has no verb `action-alias`", "the README"),
            ("help run core.local", "`petrel run` has no verb `core.local`", "`petrel action get ACTION`"),
            ("frobnicate", "`petrel` has no verb `frobnicate`", "`petrel --help` lists the verbs"),
            (
                "key frobnicate",
                "`petrel key` has no verb `frobnicate`",
                "`petrel key --help` lists the verbs",
            ),
        ] {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let root = super::super::Arguments::command();
            let error = root.clone().try_get_matches_from(once("petrel").chain(line.split(' '))).unwrap_err();
            let failure = unknown(&error, &root, &words).unwrap();
            assert_eq!(failure.message, message, "{line}");
            assert!(failure.hint.contains(hint), "{line}: {failure}");
        }
        let root = super::super::Arguments::command();
        let error = root.clone().try_get_matches_from(["petrel", "key", "get"]).unwrap_err();
        assert!(unknown(&error, &root, &[]).is_none());
    }
}
