//! The kinds of registered objects that are asked for by name, and the error for one that is not there: it does not
//! exist, cannot be read, or belongs to a pack of the host that this version lacks. References that lack their pack.

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::Ref;
use petrel_model::names::{WITHOUT_OWN_PACK, is_own_pack};
use petrel_model::reference::InvalidRef;
use petrel_persistence::{DocumentKind, Unreadable};

use super::{Content, refusals};

/// A kind of registered object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Pack,
    Action,
    Trigger,
    Rule,
    Policy,
    Sensor,
}

impl Named {
    /// The word in messages and in the command line.
    const fn word(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Action => "action",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Sensor => "sensor",
        }
    }

    /// The kind of the document that is stored of it.
    const fn document(self) -> DocumentKind {
        match self {
            Self::Pack => DocumentKind::Pack,
            Self::Action => DocumentKind::Action,
            Self::Trigger => DocumentKind::TriggerType,
            Self::Rule => DocumentKind::Rule,
            Self::Policy => DocumentKind::Policy,
            Self::Sensor => DocumentKind::Sensor,
        }
    }
}

impl Content {
    /// The reference in `text` of an action, which need not exist.
    ///
    /// # Errors
    /// There is none in it. The hint names the actions that have this name in their packs.
    pub fn action_reference(&self, text: &str) -> Result<Ref, Error> {
        reference(Named::Action, text, self.actions.keys())
    }

    /// The reference in `text` of a trigger type, which need not exist.
    ///
    /// # Errors
    /// As [`action_reference`](Self::action_reference).
    pub fn trigger_reference(&self, text: &str) -> Result<Ref, Error> {
        reference(Named::Trigger, text, self.trigger_types.keys())
    }

    /// The error for an object that is not in the catalog. The hint names the nearest of `known`, if one is near.
    pub(super) fn missing<'a>(
        &self,
        kind: Named,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Error {
        let what = kind.word();
        if let Some(lost) = self.unreadable.iter().find(|one| one.is_document(kind.document(), name)) {
            return Error::from(lost);
        }
        match self.lacks(kind, name) {
            Some(hint) => Error::NotFound { what, name: name.to_owned(), hint },
            None => Error::not_found(what, name, known),
        }
    }

    /// Refuses to go on without the configuration of a pack that is stored and cannot be read: with the defaults alone an action
    /// may act on something else. One that is given since counts.
    ///
    /// # Errors
    /// With the reason why it cannot be read.
    pub fn refuse_lost_config(&self, pack: &str) -> Result<(), Error> {
        match self.lost_config(pack) {
            Some(lost) => Err(Error::invalid(
                lost.to_string(),
                "correct that; one whose key is lost for good can be given again after `petrel store rotate-key --lost`",
            )),
            None => Ok(()),
        }
    }

    /// The stored configuration of a pack that cannot be read, unless one was given since. Whoever must not get at a
    /// configuration must not get at this one: it may be read again.
    pub fn lost_config(&self, pack: &str) -> Option<&Unreadable> {
        let lost = self.unreadable.iter().find(|one| one.is_document(DocumentKind::PackConfig, pack));
        lost.filter(|_| self.given_config(pack).is_none())
    }

    /// Whether the object of this name is stored and cannot be read, so that nobody knows what of it is secret.
    pub(crate) fn cannot_read(&self, kind: Named, name: &Ref) -> bool {
        self.unreadable.iter().any(|one| one.is_document(kind.document(), name.as_str()))
    }

    /// The same, with a stored object that cannot be read.
    #[cfg(test)]
    pub(crate) fn with_unreadable(mut self, kind: Named, name: &Ref) -> Self {
        let (kind, id) = (petrel_persistence::RowKind::Document(kind.document()), name.to_string());
        let one = Unreadable { kind, id, reason: "it is damaged".into(), is_sealed: false };
        Arc::make_mut(&mut self.unreadable).push(one);
        self
    }

    /// Forgets that a stored configuration cannot be read, as it is replaced or gone.
    pub(crate) fn forget_lost_config(&mut self, pack: &str) {
        if self.lost_config(pack).is_some() {
            let unreadable = Arc::make_mut(&mut self.unreadable);
            unreadable.retain(|one| !one.is_document(DocumentKind::PackConfig, pack));
        }
    }

    /// The remedy for a call of an action of the host's own packs that this version lacks: a sentence.
    pub(crate) fn in_place_of(&self, action: &Ref) -> Option<String> {
        let hint = self.lacks(Named::Action, action.as_str())?;
        let mut letters = hint.chars();
        let first = letters.next()?.to_uppercase();
        Some(format!("{first}{}.", letters.as_str()))
    }

    /// The remedy for an action of one of the host's own packs that this version lacks.
    fn lacks(&self, kind: Named, name: &str) -> Option<String> {
        let (pack, within) = name.split_once('.').unwrap_or((name, ""));
        match kind {
            Named::Action => {}
            Named::Trigger | Named::Pack | Named::Rule | Named::Policy | Named::Sensor => return None,
        }
        let of_core = refusals::instead_of(within).filter(|_| pack == "core");
        of_core.or_else(|| {
            let is_left_out = is_own_pack(pack) && !self.packs.contains_key(pack);
            is_left_out.then(|| format!("the pack `{pack}` is not part of this version; {WITHOUT_OWN_PACK}"))
        })
    }
}

fn reference<'a>(kind: Named, text: &str, known: impl Iterator<Item = &'a Ref>) -> Result<Ref, Error> {
    text.parse().map_err(|error: InvalidRef| {
        let near = Error::not_found(kind.word(), text, known.map(Ref::as_str));
        Error::invalid(error.to_string(), near.hint())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_its_pack_is_told_where_there_is_one() {
        let known: Vec<Ref> =
            ["core.local", "mine.greet", "yours.greet"].iter().map(|text| text.parse().unwrap()).collect();
        for (text, hint) in [
            ("core.nothing", None),
            ("local", Some("did you mean `core.local`?")),
            ("geret", Some("did you mean `mine.greet` or `yours.greet`?")),
            ("colour", Some("`petrel action list` shows what there is")),
        ] {
            let told = reference(Named::Action, text, known.iter());
            assert_eq!(told.as_ref().err().map(Error::hint), hint, "{text}");
            assert!(told.is_ok_and(|reference| reference.as_str() == text) || hint.is_some(), "{text}");
        }
    }
}
