//! Where a pack is: a directory, a file that `petrel pack save` has written, or an artifact in a registry. Whatever it is, it
//! becomes an artifact or a directory.

use std::path::{Path, PathBuf};

use petrel_registry::beside::{Beside, Kind};
use petrel_registry::layout::{self, Loaded};
use petrel_registry::{Artifact, Reference};

use super::typed;
use crate::exit::Failure;
use crate::registries::Registries;

/// A pack, as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The directory with its files.
    Directory(PathBuf),
    /// A file with its artifact.
    File(PathBuf),
    /// Its artifact in a registry.
    Artifact(Reference),
}

/// A pack with all that travels with it.
pub(super) struct Whole {
    /// Its artifact.
    pub(super) artifact: Artifact,
    /// The reference that it has; empty if it has none.
    pub(super) name: String,
    /// What stands beside the artifact.
    pub(super) beside: Beside,
}

impl Origin {
    /// What `text` names, for `petrel pack VERB`. `None` if it is a plain name that is no path.
    ///
    /// # Errors
    /// When it is meant as something that the verb does not take.
    pub(super) fn of(verb: &str, text: &str) -> Result<Option<Self>, Failure> {
        let path = Path::new(text);
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => match typed::mistaken(verb, path) {
                Some(mistaken) => Err(mistaken),
                None => Ok(Some(Self::Directory(path.to_owned()))),
            },
            Ok(found) if found.is_file() && layout::is_archive(path) => Ok(Some(Self::File(path.to_owned()))),
            Ok(_) => Err(typed::mistaken(verb, path).unwrap_or_else(|| {
                Failure::usage(
                    format!("{text} is no pack"),
                    "name a directory, a file of `petrel pack save`, or a reference",
                )
            })),
            Err(_not_there) if Reference::is_meant(text) => Ok(Some(Self::Artifact(text.parse()?))),
            Err(_not_there) => match typed::mistaken(verb, path).or_else(|| typed::no_file(verb, text)) {
                Some(mistaken) => Err(mistaken),
                None => Ok(None),
            },
        }
    }

    /// As [`of`](Self::of), where a plain name is none of the choices.
    pub(super) fn must_be(verb: &str, text: &str) -> Result<Self, Failure> {
        Self::of(verb, text)?.ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is no directory, no file and no reference"),
                "name the directory of a pack, a file of `petrel pack save`, or registry.example.com/packs/NAME:1.2.3",
            )
        })
    }

    /// The artifact and what stands beside it, with its blobs in `place` if they are not of a directory.
    pub(super) async fn whole(&self, registries: &Registries, place: &Path) -> Result<Whole, Failure> {
        if let Self::Directory(path) = self {
            let (artifact, _) = Artifact::of_directory(path, registries.limits())?;
            return Ok(Whole { artifact, name: String::new(), beside: Beside::new() });
        }
        let Loaded { fetched, name, mut beside } = self.fetched(registries, place).await?;
        if let Self::Artifact(reference) = self {
            beside = registries.beside(reference, &fetched.digest, &Kind::ALL).await?;
        }
        Ok(Whole { artifact: fetched.artifact(), name, beside })
    }

    /// The artifact of a file or of a registry, with its blobs in `place`. What stands beside one of a registry is not fetched.
    async fn fetched(&self, registries: &Registries, place: &Path) -> Result<Loaded, Failure> {
        match self {
            Self::Artifact(reference) => {
                let fetched = registries.look(reference, place).await?;
                registries.fill(reference, &fetched).await?;
                Ok(Loaded { fetched, name: reference.to_string(), beside: Beside::new() })
            }
            Self::File(path) | Self::Directory(path) => Ok(layout::load(path, place, registries.limits())?),
        }
    }

    /// The directory with the files of the pack: its own, or one in `place`.
    pub(super) async fn directory(&self, registries: &Registries, place: &Path) -> Result<PathBuf, Failure> {
        if let Self::Directory(path) = self {
            return Ok(path.clone());
        }
        let Loaded { fetched, .. } = self.fetched(registries, place).await?;
        let into = place.join("pack");
        fetched.lay_out(&into, registries.limits())?;
        Ok(into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_found_by_what_is_there_and_then_by_its_form() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).display().to_string();
        std::fs::create_dir(at("mine")).unwrap();
        std::fs::write(at("mine/pack.yaml"), "").unwrap();
        let mut tar = vec![0; 1024];
        tar[257..262].copy_from_slice(b"ustar");
        std::fs::write(at("mine.tar"), tar).unwrap();
        std::fs::write(at("mine.tgz"), "").unwrap();
        let named = |text: &str| Origin::of("install", text);
        assert_eq!(named(&at("mine")).unwrap(), Some(Origin::Directory(at("mine").into())));
        assert_eq!(named(&at("mine.tar")).unwrap(), Some(Origin::File(at("mine.tar").into())));
        let reference = "r.example.com/packs/mine:1";
        assert_eq!(named(reference).unwrap(), Some(Origin::Artifact(reference.parse().unwrap())));
        assert_eq!(named("nope").unwrap(), None);
        for (text, says) in [
            (at("mine/pack.yaml"), "name the directory"),
            (at("mine.tgz"), "unpack it first"),
            ("https://example.com/mine.git".to_owned(), "git clone"),
            (at("none"), "check the path"),
            ("gone.tar".to_owned(), "check the path"),
            ("r.example.com/Packs/mine".to_owned(), "registry.example.com/packs/NAME"),
        ] {
            let failure = named(&text).unwrap_err();
            assert!(failure.to_string().contains(says), "{text}: {failure}");
        }
        assert!(Origin::must_be("save", "nope").unwrap_err().message.contains("`nope`"));
    }
}
