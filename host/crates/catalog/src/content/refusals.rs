//! Refusals of actions and rules, and their wording, which is the same when a pack is registered or checked and when
//! somebody runs an action.

use petrel_engine_core::Error;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::{Action, Ref};
use petrel_persistence::DocumentKind;

use super::named::Named;
use super::{Content, Runners};

/// Features of StackStorm that this host lacks: a runner, the actions of `core` that need it, and the remedy.
static WITHOUT: [(&str, &[&str], &str); 5] = [
    ("winrm-cmd", &["winrm_cmd"], "let core.local do it over ssh: cmd='ssh HOST COMMAND'"),
    ("winrm-ps-cmd", &["winrm_ps_cmd"], "let core.local do it over ssh: cmd='ssh HOST powershell COMMAND'"),
    ("winrm-ps-script", &[], "let core.local do it over ssh: cmd='ssh HOST powershell -Command - < SCRIPT'"),
    ("announcement", &["announcement"], "let core.http post it to where it is to be read"),
    ("mistral-v2", &[], "write the workflow in the language of Orquesta, with runner_type: orquesta"),
];

/// The message that an action is refused.
pub(crate) fn refusal(action: &Ref, why: &str) -> String {
    format!("action `{action}` is refused: {why}")
}

/// The error that an action is refused because of a mistake in it.
pub fn refused(action: &Ref, why: &str) -> Error {
    let hint = format!("correct it and register the pack `{}` again", action.pack());
    Error::invalid(refusal(action, why), hint)
}

/// The message and the remedy for an action whose runner this host lacks.
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

/// The remedy for the action `name` of `core`, if this host lacks it.
pub(super) fn instead_of(name: &str) -> Option<String> {
    let (runner, _, instead) = WITHOUT.iter().find(|(_, actions, _)| actions.contains(&name))?;
    Some(format!("it needs the runner {runner}, which this version does not have; {instead}"))
}

impl Content {
    /// Whether an action with this reference exists that is refused or cannot be read.
    pub(crate) fn is_hidden(&self, reference: &Ref) -> bool {
        let is_refused =
            |pack: &std::sync::Arc<petrel_model::Pack>| pack.refused.contains_key(reference.name());
        self.packs.get(reference.pack()).is_some_and(is_refused)
            || self.unreadable.iter().any(|one| one.is_document(DocumentKind::Action, reference.as_str()))
    }

    /// The reason why there is no rule `name`: its pack's file has it and it is refused, or it does not exist.
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
            None => self.missing(Named::Rule, name, self.rules.keys().map(Ref::as_str)),
        }
    }
}
