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
    /// Whether it may run processes because the one in the lock may: it comes from the same place, or a file has the same. Another
    /// registry with the same content would bring the next versions as well.
    pub(super) fn may_as(self, known: &Locked, digest: &Digest) -> bool {
        let before: Option<Reference> = known.reference.parse().ok();
        let may = match self.reference.filter(|_| self.is_proven) {
            Some(proven) => before.is_some_and(|before| {
                proven.registry == before.registry && proven.repository == before.repository
            }),
            None => known.digest == *digest,
        };
        known.native && may
    }

    /// A pack that comes from here, with the reference of the one in the lock if a file has the same: that says nothing new about
    /// where it comes from, nor about its next versions.
    pub(super) fn referred(self, pack: Locked, known: Option<&Locked>) -> Locked {
        match known.filter(|known| !self.is_proven && known.digest == pack.digest) {
            Some(known) => {
                Locked { reference: known.reference.clone(), resolved: known.resolved.clone(), ..pack }
            }
            None => pack,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_registry_or_a_file_with_the_same_may_run_processes_as_before() {
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
            // Another registry that has the same.
            (Some("s.example.com/packs/mine:1.0.0"), true, &one, true, false),
            (Some("r.example.com/packs/mine:latest"), true, &one, true, true),
            (None, false, &other, true, false),
            (None, false, &one, true, true),
            (None, false, &one, false, false),
        ] {
            let reference: Option<Reference> = reference.map(|reference| reference.parse().unwrap());
            let source = Source { reference: reference.as_ref(), is_proven };
            assert_eq!(source.may_as(&locked(native), digest), may, "{reference:?} {is_proven} {digest}");
        }
    }

    #[test]
    fn a_file_with_the_same_says_nothing_about_where_the_next_versions_are() {
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        let locked = |reference: &str, digest: &Digest| Locked {
            name: "mine".into(),
            version: "1.0.0".into(),
            reference: reference.into(),
            resolved: String::new(),
            digest: digest.clone(),
            native: true,
            signature: None,
            key: None,
        };
        let known = locked("r.example.com/packs/mine:1.0.0", &one);
        for (is_proven, digest, reference) in [
            (false, &one, "r.example.com/packs/mine:1.0.0"),
            (false, &other, "s.example.com/packs/mine:1.0.0"),
            (true, &one, "s.example.com/packs/mine:1.0.0"),
        ] {
            let source = Source { reference: None, is_proven };
            let pack = locked("s.example.com/packs/mine:1.0.0", digest);
            assert_eq!(source.referred(pack.clone(), Some(&known)).reference, reference);
            assert_eq!(source.referred(pack.clone(), None), pack);
        }
    }
}
