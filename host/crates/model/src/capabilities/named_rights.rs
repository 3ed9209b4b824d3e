//! The rights of a pack to what goes by a name, and the words for what is refused of it. `named` has the names.

use std::collections::BTreeSet;

use super::http::Target;
use super::named::{Named, Names, SecretPlace, StoreBounds, matches, shared};
use super::refusal::{Layer, Refusal};
use super::rights::Rights;
use crate::quoted::listed;

/// The most names that a hint lists.
const MOST_LISTED: usize = 5;

impl Rights {
    /// Whether the pack has `name`, and as what of its request.
    ///
    /// # Errors
    /// Who does not allow it, and what would.
    pub fn named<'a>(&'a self, kind: Named, name: &'a str) -> Result<&'a str, Refusal> {
        if self.is_trial {
            return Ok(name);
        }
        let asked = self.asks.as_ref().and_then(|asks| asks.names.covering(kind, name));
        let Some(asked) = asked else { return Err(self.not_named(Layer::Request, kind, name)) };
        if self.names.covering(kind, name).is_none() {
            return Err(self.not_named(Layer::Grant, kind, asked));
        }
        if self.ceiling.never.contains(&kind) {
            return Err(self.not_named(Layer::Ceiling, kind, name));
        }
        Ok(asked)
    }

    /// Whether the pack may read this key of those that all share. Lists of keys ask so, which tell nothing of the others.
    pub fn reads_shared(&self, key: &str) -> bool {
        let is_of = |names: &Names| {
            names.datastore_read.iter().filter_map(|name| shared(name)).any(|name| matches(name, key))
        };
        let is_had = || {
            !self.ceiling.never.contains(&Named::DatastoreRead)
                && is_of(&self.names)
                && self.asks.as_ref().is_some_and(|asks| is_of(&asks.names))
        };
        self.is_trial || is_had()
    }

    /// The parts of this request in which the pack may have the secret `name` sent.
    pub fn places_of(&self, target: Target<'_>, name: &str) -> Vec<SecretPlace> {
        if self.is_trial {
            return SecretPlace::ALL.to_vec();
        }
        let wishes = self.asks.iter().flat_map(|asks| &asks.http).filter(|wish| wish.rule.covers(target));
        let used = wishes.flat_map(|wish| &wish.secrets).filter(|used| used.name == name);
        used.map(|used| used.place).collect()
    }

    /// The bounds of a store of keys.
    pub fn bounds_of(&self, store: &str) -> StoreBounds {
        self.asks.as_ref().map(|asks| asks.bounds_of(store)).unwrap_or_default()
    }

    fn not_named(&self, layer: Layer, kind: Named, name: &str) -> Refusal {
        let (pack, word, place) = (&self.pack, kind.as_str(), kind.place());
        let told = |names: Option<&BTreeSet<String>>| match names {
            Some(names) if !names.is_empty() => listed(names.iter().map(String::as_str), MOST_LISTED),
            _ => "nothing".to_owned(),
        };
        let hint = match layer {
            Layer::Grant => {
                let granted = told(Some(self.names.of(kind)));
                format!(
                    "granted of {word} is {granted}; allow this with `petrel pack grant {pack} '{word}={name}'`"
                )
            }
            Layer::Request => {
                let asked = told(self.asks.as_ref().map(|asks| asks.names.of(kind)));
                // A component may name anything, and a hint is copied into a shell.
                let remedy = match kind.check(name) {
                    Ok(()) => format!(
                        "its author adds {name} to {place} of its capabilities, and once it is registered again `petrel pack grant \
                         {pack} '{word}={name}'` allows it"
                    ),
                    Err(invalid) => format!("no grant can name this: {}", invalid.remedy),
                };
                format!("of {word} the pack asks for {asked} in its pack.yaml; {remedy}")
            }
            Layer::Ceiling => format!(
                "the settings of the host allow no pack {word}; take it out of capabilities.never, and start it again"
            ),
        };
        Refusal { layer, hint }
    }
}
