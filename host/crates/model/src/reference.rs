//! References, written `pack.name`, to the contents of packs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a pack and the name of something in it, written `pack.name`. The name may contain dots
/// (`core.st2.webhook`), the pack may not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    // Shared: each event copies several references from the catalog.
    text: Arc<str>,
    dot: usize,
}

/// A text without a pack or without a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a reference; write it as pack.name, for example core.local", crate::quoted::quoted(.0))]
pub struct InvalidRef(pub String);

impl Ref {
    /// The reference of `name` in `pack`.
    pub fn new(pack: &str, name: &str) -> Self {
        Self { text: format!("{pack}.{name}").into(), dot: pack.len() }
    }

    /// The pack.
    pub fn pack(&self) -> &str {
        self.text.get(..self.dot).unwrap_or_default()
    }

    /// The name within the pack.
    pub fn name(&self) -> &str {
        self.text.get(self.dot + 1..).unwrap_or_default()
    }

    /// `pack.name`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Ref {
    type Err = InvalidRef;

    fn from_str(text: &str) -> Result<Self, InvalidRef> {
        match text.split_once('.') {
            Some((pack, name)) if !pack.is_empty() && !name.is_empty() => {
                Ok(Self { dot: pack.len(), text: text.into() })
            }
            _ => Err(InvalidRef(text.to_owned())),
        }
    }
}

impl Serialize for Ref {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Ref {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::parsed::parsed(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_dot_separates() {
        let reference: Ref = "core.st2.webhook".parse().unwrap();
        assert_eq!((reference.pack(), reference.name()), ("core", "st2.webhook"));
        assert_eq!(Ref::new("core", "st2.webhook"), reference);
        for text in ["", "core", ".local", "core."] {
            assert_eq!(text.parse::<Ref>(), Err(InvalidRef(text.to_owned())));
        }
    }
}
