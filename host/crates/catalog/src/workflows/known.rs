//! The actions that a workflow may call: registered ones, and those of a pack that is about to be registered. They
//! are copied out of the catalog at once, so that a comparison keeps nothing else of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petrel_model::nearest::nearest;
use petrel_model::parameters::{Parameters, merged};
use petrel_model::{Action, Ref, names};
use petrel_workflows::inspection::contents::{Actions, Call, Known};

use crate::content::{Content, RegisteredAction, Runners};

/// The registered ones among the requested actions.
pub struct Registered {
    /// Sorted by reference.
    found: Vec<(Ref, Entry)>,
    /// The names of all registered packs.
    packs: BTreeSet<String>,
    /// Whether other actions may be registered, of which nothing is known.
    is_part: bool,
}

/// The catalog's knowledge of a reference.
enum Entry {
    Action(Arc<RegisteredAction>),
    /// The action exists, and cannot be run.
    Hidden,
    /// It does not exist; the remedy, a sentence.
    Missing(Option<String>),
}

/// Largest number of missing actions whose names are compared with the existing ones.
const MOST_COMPARED: usize = 50;

impl Registered {
    /// The knowledge of a host with `content` about the called actions.
    pub fn on(content: &Content, calls: &[Call]) -> Self {
        Self::of(content, references(calls.iter().map(Call::action)))
    }

    /// The knowledge of the called actions that every host has, by `content`; a host may have more.
    pub(crate) fn everywhere(content: &Content, calls: &[Call]) -> Self {
        let asked = references(calls.iter().map(Call::action));
        Self { is_part: true, ..Self::of(content, asked) }
    }

    /// The knowledge of `content` about these references, which are sorted.
    fn of(content: &Content, asked: Vec<Ref>) -> Self {
        let mut compared = 0;
        let found = asked.into_iter().map(|reference| {
            let entry = match content.registered(&reference) {
                Some(action) => Entry::Action(Arc::clone(action)),
                None if content.is_hidden(&reference) => Entry::Hidden,
                None => {
                    let instead = content.in_place_of(&reference);
                    let is_compared = instead.is_none() && compared < MOST_COMPARED;
                    compared += usize::from(is_compared);
                    Entry::Missing(if is_compared { near(content, &reference) } else { instead })
                }
            };
            (reference, entry)
        });
        let packs = content.packs().map(|pack| pack.reference.clone());
        Self { found: found.collect(), packs: packs.collect(), is_part: false }
    }
}

/// The question whether the registered action is meant whose name is near that of a missing one.
fn near(content: &Content, missing: &Ref) -> Option<String> {
    let known = content.actions().map(|registered| registered.action.reference.as_str());
    nearest(missing.as_str(), known).map(meant)
}

fn meant(near: &str) -> String {
    format!("Did you mean \"{near}\"?")
}

/// The valid references among these texts, each once, sorted as text.
fn references<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Ref> {
    let distinct: BTreeSet<&str> = texts.collect();
    distinct.into_iter().filter_map(|text| text.parse().ok()).collect()
}

impl Actions for Registered {
    fn find(&self, reference: &str) -> Known<'_> {
        let at = self.found.binary_search_by(|(one, _)| one.as_str().cmp(reference));
        match at.ok().and_then(|at| self.found.get(at)) {
            Some((_, Entry::Action(action))) if action.runs.is_some() => Known::Takes(&action.parameters),
            // The parameters of an action are unknown if the host lacks its runner, or its metadata cannot be read.
            Some((_, Entry::Action(_) | Entry::Hidden)) => Known::Unclear,
            Some((_, Entry::Missing(_))) | None => match pack_of(reference) {
                pack if self.packs.contains(pack) => Known::Missing,
                pack if names::is_own_pack(pack) => Known::Kept,
                _ if self.is_part => Known::Unclear,
                _ => Known::Missing,
            },
        }
    }

    fn remedy(&self, reference: &str) -> Option<String> {
        let at = self.found.binary_search_by(|(one, _)| one.as_str().cmp(reference)).ok()?;
        match &self.found.get(at)?.1 {
            Entry::Missing(remedy) => remedy.clone(),
            Entry::Action(_) | Entry::Hidden => None,
        }
    }
}

/// The pack in a reference, as far as it is one.
fn pack_of(reference: &str) -> &str {
    reference.split_once('.').map_or(reference, |(pack, _name)| pack)
}

/// The actions of a pack that is being checked, as they are in its files, and registered actions of other packs.
pub(crate) struct WithPack<'a> {
    pack: &'a str,
    /// The actions of the pack by name, with their parameters where these are known.
    own: Arc<BTreeMap<&'a str, Option<Parameters>>>,
    /// Actions of other packs; `None` before they are known.
    others: Option<Registered>,
}

impl<'a> WithPack<'a> {
    /// The actions of `pack` where nothing is known of other packs, on a host with these runners. The actions in
    /// `unread` exist, but their parameters cannot be read.
    pub(crate) fn alone(
        runners: &Runners,
        pack: &'a str,
        actions: &'a [Action],
        unread: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let own = actions.iter().map(|action| {
            let runner = runners.get(&action.runner_type);
            let parameters =
                runner.map(|runner| merged(&runner.runner_type().parameters, &action.parameters));
            (action.reference.name(), parameters)
        });
        let unread = unread.into_iter().map(|name| (name, None));
        // An action that was read wins over an unread one.
        Self { pack, own: Arc::new(unread.chain(own).collect()), others: None }
    }

    /// Adds the knowledge of other packs.
    pub(crate) fn beside(&self, others: Registered) -> Self {
        Self { pack: self.pack, own: Arc::clone(&self.own), others: Some(others) }
    }
}

impl Actions for WithPack<'_> {
    fn find(&self, reference: &str) -> Known<'_> {
        let pack = pack_of(reference);
        let name = reference.split_once('.').map_or("", |(_pack, name)| name);
        if let Some(own) = self.own.get(name).filter(|_| pack == self.pack) {
            return own.as_ref().map_or(Known::Unclear, Known::Takes);
        }
        match &self.others {
            _ if pack == self.pack => Known::Missing,
            None => Known::Unclear,
            Some(others) => match others.find(reference) {
                Known::Missing if !others.packs.contains(pack) => Known::Later,
                known => known,
            },
        }
    }

    fn remedy(&self, reference: &str) -> Option<String> {
        let own = reference.split_once('.').filter(|(pack, _)| *pack == self.pack);
        match own {
            Some((pack, name)) => {
                nearest(name, self.own.keys().copied()).map(|near| meant(&format!("{pack}.{near}")))
            }
            None => self.others.as_ref()?.remedy(reference),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn action(reference: &str) -> Action {
        let action = serde_json::json!({
            "ref": reference, "runner_type": "nobodys", "description": "", "entry_point": "",
        });
        serde_json::from_value(action).unwrap()
    }

    #[test]
    fn a_pack_that_is_about_to_come_is_known_by_what_is_in_it() {
        let (content, actions) = (Content::default(), [action("mine.a")]);
        let told = |actions: &dyn Actions, reference: &str| format!("{:?}", actions.find(reference));
        let alone = WithPack::alone(content.runners(), "mine", &actions, ["unread"]);
        for (reference, registered, beside, by_itself) in [
            ("mine.a", "Missing", "Unclear", "Unclear"),
            ("mine.unread", "Missing", "Unclear", "Unclear"),
            ("other.unread", "Missing", "Later", "Unclear"),
            ("mine.b", "Missing", "Missing", "Missing"),
            ("other.a", "Missing", "Later", "Unclear"),
            ("no reference", "Missing", "Later", "Unclear"),
        ] {
            let others = || Registered::of(&content, references([reference].into_iter()));
            assert_eq!(told(&others(), reference), registered, "{reference}");
            assert_eq!(told(&alone.beside(others()), reference), beside, "{reference}");
            assert_eq!(told(&alone, reference), by_itself, "{reference}");
        }
    }

    /// A catalog with the pack `core`, which has one action.
    fn with_core() -> Content {
        let core = petrel_packs::PackContents {
            pack: serde_json::from_value(
                serde_json::json!({"ref": "core", "name": "core", "version": "1.0.0"}),
            )
            .unwrap(),
            components: Vec::new(),
            actions: vec![action("core.noop")],
            trigger_types: Vec::new(),
            sensors: Vec::new(),
            sensors_left_out: BTreeSet::new(),
            rules: Vec::new(),
            policies: Vec::new(),
            refused: BTreeMap::new(),
            refused_rules: BTreeMap::new(),
            notes: Vec::new(),
        };
        Content::of_packs(Runners::new(), vec![core])
    }

    #[test]
    fn without_a_host_only_the_packs_that_every_host_has_are_known() {
        let content = with_core();
        let alone = WithPack::alone(content.runners(), "mine", &[], []);
        for (reference, on_host, without) in [
            ("core.noop", "Unclear", "Unclear"),
            ("core.nop", "Missing", "Missing"),
            ("mine.gone", "Missing", "Missing"),
            ("other.a", "Later", "Unclear"),
            // Such a pack comes with the host or not at all.
            ("linux.dig", "Kept", "Kept"),
        ] {
            let asked = || references([reference].into_iter());
            let told = |others: Registered| format!("{:?}", alone.beside(others).find(reference));
            assert_eq!(told(Registered::of(&content, asked())), on_host, "{reference}");
            let everywhere = Registered { is_part: true, ..Registered::of(&content, asked()) };
            assert_eq!(told(everywhere), without, "{reference}");
        }
    }

    #[test]
    fn a_call_of_what_is_not_there_is_told_what_to_call_in_its_place() {
        let content = with_core();
        let alone = WithPack::alone(content.runners(), "mine", &[], []);
        for (reference, says) in [
            ("core.nop", Some("Did you mean \"core.noop\"?")),
            ("core.colour", None),
            (
                "core.winrm_cmd",
                Some(
                    "It needs the runner winrm-cmd, which this version does not have; let core.local do it over \
                     ssh: cmd='ssh HOST COMMAND'.",
                ),
            ),
        ] {
            let others = Registered::of(&content, references([reference].into_iter()));
            assert_eq!(alone.beside(others).remedy(reference).as_deref(), says, "{reference}");
        }
    }

    #[test]
    fn what_is_called_often_is_looked_up_once() {
        let called = ["core.noop", "b.c", "core.noop", "no reference", "b.c", "a-b.c", "a.b"];
        let asked = references(called.into_iter());
        assert_eq!(asked.iter().map(Ref::as_str).collect::<Vec<_>>(), ["a-b.c", "a.b", "b.c", "core.noop"]);
        let mut content = Content::default();
        for reference in ["a.b", "core.noop"] {
            content.put_action(RegisteredAction::new(action(reference), &Runners::new(), PathBuf::new()));
        }
        let registered = Registered::of(&content, asked);
        for (reference, known) in
            [("a.b", "Unclear"), ("core.noop", "Unclear"), ("a-b.c", "Missing"), ("b.c", "Missing")]
        {
            assert_eq!(format!("{:?}", registered.find(reference)), known, "{reference}");
        }
    }
}
