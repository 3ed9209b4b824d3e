//! The kinds of registered objects that are asked for by name, and the error for one that is not there: it does not
//! exist, cannot be read, or belongs to a pack of the host that this version lacks.

use petrel_engine_core::Error;
use petrel_model::Ref;
use petrel_model::names::{WITHOUT_OWN_PACK, is_own_pack};
use petrel_persistence::DocumentKind;

use super::{Content, refusals};

/// A kind of registered object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Pack,
    Action,
    Trigger,
    Rule,
}

impl Named {
    /// The word in messages and in the command line.
    const fn word(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Action => "action",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
        }
    }

    /// The kind of the document that is stored of it.
    const fn document(self) -> DocumentKind {
        match self {
            Self::Pack => DocumentKind::Pack,
            Self::Action => DocumentKind::Action,
            Self::Trigger => DocumentKind::TriggerType,
            Self::Rule => DocumentKind::Rule,
        }
    }
}

impl Content {
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

    /// The remedy for a call of an action of the host's own packs that this version lacks: a sentence.
    pub(crate) fn in_place_of(&self, action: &Ref) -> Option<String> {
        let hint = self.lacks(Named::Action, action.as_str())?;
        let mut letters = hint.chars();
        let first = letters.next()?.to_uppercase();
        Some(format!("{first}{}.", letters.as_str()))
    }

    /// The remedy for an action or a trigger type of one of the host's own packs that this version lacks.
    fn lacks(&self, kind: Named, name: &str) -> Option<String> {
        let (pack, within) = name.split_once('.').unwrap_or((name, ""));
        match kind {
            Named::Action => {}
            Named::Trigger => return refusals::instead_of_trigger(within).filter(|_| pack == "core"),
            Named::Pack | Named::Rule => return None,
        }
        let of_core = refusals::instead_of(within).filter(|_| pack == "core");
        of_core.or_else(|| {
            let is_left_out = is_own_pack(pack) && !self.packs.contains_key(pack);
            is_left_out.then(|| format!("the pack `{pack}` is not part of this version; {WITHOUT_OWN_PACK}"))
        })
    }
}
