//! Where an artifact comes from, and what may be believed of that.

use petrel_registry::{Digest, Locked, Reference};

/// Where an artifact comes from.
#[derive(Clone, Copy)]
pub(super) struct Source<'r> {
    /// Its reference; none for a file without a name.
    pub(super) reference: Option<&'r Reference>,
    /// Whether the registry itself gave it, and not a file that says so.
    pub(super) is_proven: bool,
}

impl Source<'_> {
    /// Whether it may run processes because the one in the lock may: it is the same, or comes from the same place.
    pub(super) fn may_as(self, known: &Locked, digest: &Digest) -> bool {
        let before: Option<Reference> = known.reference.parse().ok();
        let same = self.reference.filter(|_| self.is_proven).zip(before.as_ref());
        let is_of_it = |(one, other): (&Reference, &Reference)| {
            one.registry == other.registry && one.repository == other.repository
        };
        known.native && (known.digest == *digest || same.is_some_and(is_of_it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_content_or_the_same_registry_may_run_processes_as_before() {
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        let locked = |native| Locked {
            name: "mine".into(),
            version: "1.0.0".into(),
            reference: "r.example.com/packs/mine:1.0.0".into(),
            resolved: String::new(),
            digest: one.clone(),
            native,
            signature: None,
            key: None,
        };
        for (reference, is_proven, digest, native, may) in [
            (Some("r.example.com/packs/mine:1.1.0"), true, &other, true, true),
            (Some("r.example.com/packs/mine:1.1.0"), true, &other, false, false),
            // A file that says where it comes from.
            (Some("r.example.com/packs/mine:1.1.0"), false, &other, true, false),
            (Some("r.example.com/packs/mine:1.1.0"), false, &one, true, true),
            (Some("r.example.com/other/mine:1.1.0"), true, &other, true, false),
            (Some("s.example.com/packs/mine:1.1.0"), true, &other, true, false),
            (None, false, &other, true, false),
            (None, false, &one, true, true),
            (None, false, &one, false, false),
        ] {
            let reference: Option<Reference> = reference.map(|reference| reference.parse().unwrap());
            let source = Source { reference: reference.as_ref(), is_proven };
            assert_eq!(source.may_as(&locked(native), digest), may, "{reference:?} {is_proven} {digest}");
        }
    }
}
