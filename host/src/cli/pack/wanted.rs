//! The request of `petrel pack register`: a directory or, without such a directory, a pack by its name.

use std::io;
use std::path::Path;

use petrel_model::names::check_pack;
use serde::Serialize;

use super::typed::{meant, mistaken, near};
use crate::exit::{Code, Failure};

/// The request to register a directory or a pack, as the host receives it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Wanted {
    /// The path of the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// The name of the pack, in a list of one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    packs: Vec<String>,
    /// The parts to register; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
    /// Whether what the pack asks for is granted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    grant: bool,
}

impl Wanted {
    /// The request for the argument of a command line.
    ///
    /// # Errors
    /// The argument is neither a directory nor a name, or the path of the directory is not UTF-8. Where something else is
    /// typed, the failure names the command that is meant.
    pub(super) fn of(pack: &Path, types: Vec<String>) -> Result<Self, Failure> {
        if let Some(mistaken) = mistaken("register", pack) {
            return Err(mistaken);
        }
        let name = pack.to_str().filter(|name| check_pack(name).is_ok());
        match (pack.canonicalize(), name) {
            (Ok(path), _) => match path.into_os_string().into_string() {
                Ok(path) => Ok(Self { path: Some(path), packs: Vec::new(), types, grant: false }),
                Err(path) => Err(untold(Path::new(&path))),
            },
            (Err(_), Some(name)) => {
                Ok(Self { path: None, packs: vec![name.to_owned()], types, grant: false })
            }
            (Err(error), None) => Err(unreadable("register", pack, &error)),
        }
    }

    /// The request, and that what the pack asks for is granted, if `grant` is set.
    pub(super) fn granting(self, grant: bool) -> Self {
        Self { grant, ..self }
    }

    /// Whether the request names a pack.
    pub(super) fn is_name(&self) -> bool {
        self.path.is_none()
    }
}

/// The failure of `petrel pack VERB` for a directory that cannot be read.
pub(super) fn unreadable(verb: &str, directory: &Path, error: &io::Error) -> Failure {
    let message = format!("{} cannot be read: {error}", directory.display());
    let near = if error.kind() == io::ErrorKind::NotFound { near(directory) } else { None };
    let plain = || "give the directory that holds pack.yaml".to_owned();
    Failure::usage(message, near.map_or_else(plain, |near| meant(verb, &near)))
}

/// The failure for a name that is neither a directory nor, as the host has said by `unknown`, a registered pack.
pub(super) fn neither(pack: &Path, unknown: &Failure) -> Failure {
    let message = format!("there is neither a directory nor a registered pack `{}`", pack.display());
    let of_host = || {
        format!("give the directory that holds pack.yaml, or the name of a registered pack: {}", unknown.hint)
    };
    let hint = near(pack).map_or_else(of_host, |near| meant("register", &near));
    Failure::new(Code::NotFound, "not_found", message, hint)
}

/// The failure for a path that is not UTF-8, which JSON cannot carry.
fn untold(directory: &Path) -> Failure {
    let message = format!("{} cannot be sent to the host: its path is not UTF-8", directory.display());
    Failure::usage(message, "rename the directory, or the one that contains it")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_directory_is_named_by_its_path_and_anything_else_by_its_name() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap();
        for (pack, types, expected) in [
            (path.as_path(), vec![], json!({"path": path})),
            (path.as_path(), vec!["rules".to_owned()], json!({"path": path, "types": ["rules"]})),
            (Path::new("there_is_no_such_pack"), vec![], json!({"packs": ["there_is_no_such_pack"]})),
        ] {
            let wanted = Wanted::of(pack, types).unwrap();
            assert_eq!(json!(wanted), expected);
            assert_eq!(wanted.is_name(), expected.get("packs").is_some());
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused_by_its_path() {
        let place = tempfile::tempdir().unwrap();
        let (file, odd) = (place.path().join("pack.yaml"), place.path().join(OsStr::from_bytes(b"odd\xff")));
        std::fs::write(&file, "").unwrap();
        std::fs::create_dir(&odd).unwrap();
        for (pack, says) in [
            (file, "pack.yaml is a file, and a pack is a directory"),
            (odd, "its path is not UTF-8"),
            (place.path().join("no/such/directory"), "no/such/directory cannot be read"),
        ] {
            let refused = Wanted::of(&pack, Vec::new()).unwrap_err();
            assert!(refused.message.contains(says) && refused.code == Code::Usage, "{refused}");
        }
    }

    #[test]
    fn a_misspelt_pack_is_told_the_directory_beside_it_or_what_the_host_says() {
        let place = tempfile::tempdir().unwrap();
        let hello = place.path().join("hello");
        std::fs::create_dir(&hello).unwrap();
        std::fs::write(hello.join("pack.yaml"), "").unwrap();
        let unknown = Failure::new(Code::NotFound, "not_found", "no", "did you mean `mine`?");
        let meant = format!("did you mean `petrel pack register {}`?", hello.display());
        assert_eq!(neither(&place.path().join("helo"), &unknown).hint, meant);
        assert!(neither(&place.path().join("mien"), &unknown).hint.ends_with("pack: did you mean `mine`?"));
        let gone = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(unreadable("register", &place.path().join("helo"), &gone).hint, meant);
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(unreadable("check", &place.path().join("helo"), &denied).hint.starts_with("give the"));
    }
}
