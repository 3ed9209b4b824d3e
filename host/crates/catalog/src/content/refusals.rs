//! What is refused of actions and rules, and the words for it: when their pack is registered or checked, and when somebody
//! runs one.

use petrel_engine_core::Error;
use petrel_model::names::{WITHOUT_OWN_PACK, is_own_pack};
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::{Action, Ref};

use super::{Content, Runners};

/// What StackStorm has and this host does not: a runner, the actions of `core` that need it, and what to do in its place.
static WITHOUT: [(&str, &[&str], &str); 5] = [
    ("remote-shell-cmd", &["remote", "remote_sudo"], "let core.local do it over ssh: cmd='ssh HOST COMMAND'"),
    ("remote-shell-script", &[], "let core.local do it over ssh: cmd='ssh HOST sh -s < SCRIPT'"),
    ("winrm-cmd", &["winrm_cmd"], "let core.local do it over ssh: cmd='ssh HOST COMMAND'"),
    ("winrm-ps-cmd", &["winrm_ps_cmd"], "let core.local do it over ssh: cmd='ssh HOST powershell COMMAND'"),
    (
        "inquirer",
        &["ask"],
        "let the workflow wait by `petrel execution pause ID`, and go on by `petrel execution resume ID`",
    ),
];

/// That an action is refused, as whoever runs it and whoever registers its pack are told.
pub(crate) fn refusal(action: &Ref, why: &str) -> String {
    format!("action `{action}` is refused: {why}")
}

/// That an action is refused, since something is wrong with it.
pub fn refused(action: &Ref, why: &str) -> Error {
    let hint = format!("correct it and register the pack `{}` again", action.pack());
    Error::invalid(refusal(action, why), hint)
}

/// That this host has no runner for an action: what is wrong, and what to do.
pub fn without_runner(action: &Action, runners: &Runners) -> (String, String) {
    let (name, known) = (&action.runner_type, || runners.keys().map(String::as_str));
    let message = format!(
        "action `{}` needs the runner `{}`, which this host does not have",
        action.reference,
        quoted(name)
    );
    let in_its_place = WITHOUT.iter().find(|(runner, _, _)| runner == name);
    let hint = match (in_its_place, nearest(name, known())) {
        (Some((_, _, instead)), _) => (*instead).to_owned(),
        (None, Some(near)) => format!("did you mean {near}?"),
        (None, None) => format!("this host has: {}", known().collect::<Vec<_>>().join(", ")),
    };
    (message, hint)
}

impl Content {
    /// Whether there is an action of this reference that is not registered, since it is refused or cannot be read.
    pub(crate) fn is_hidden(&self, reference: &Ref) -> bool {
        let is_refused =
            |pack: &std::sync::Arc<petrel_model::Pack>| pack.refused.contains_key(reference.name());
        self.packs.get(reference.pack()).is_some_and(is_refused)
            || self.unreadable.iter().any(|one| one.kind == "action" && one.id == reference.as_str())
    }

    /// That there is no such thing, where it may be of a pack of the host's own that this version does not have.
    pub(super) fn without_own_pack<'a>(
        &self,
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Error {
        let (pack, within) = name.split_once('.').unwrap_or((name, ""));
        let needs = WITHOUT.iter().find(|(_, actions, _)| actions.contains(&within));
        if let ("action", "core", Some((runner, _, instead))) = (what, pack, needs) {
            let hint = format!("it needs the runner {runner}, which this version does not have; {instead}");
            return Error::NotFound { what, name: name.to_owned(), hint };
        }
        if what != "action" || !is_own_pack(pack) || self.packs.contains_key(pack) {
            return Error::not_found(what, name, known);
        }
        let hint = format!("the pack `{pack}` is not part of this version; {WITHOUT_OWN_PACK}");
        Error::NotFound { what, name: name.to_owned(), hint }
    }

    /// Why there is no rule `name`: it is in the files of its pack and refused, or nowhere.
    pub(super) fn left_out(&self, name: &str) -> Error {
        let reference = name.parse::<Ref>().ok();
        let why =
            reference.as_ref().and_then(|rule| self.packs.get(rule.pack())?.refused_rules.get(rule.name()));
        match why {
            Some(why) => Error::NotFound {
                what: "rule",
                name: name.to_owned(),
                hint: format!("its file is refused: {why}; correct it and register its pack again"),
            },
            None => self.missing("rule", name, self.rules.keys().map(Ref::as_str)),
        }
    }
}
