//! What `petrel pack register` is to register: a directory, or a pack by its name where there is no such directory.

use std::io;
use std::path::Path;

use petrel_model::names::check_pack;
use serde::Serialize;

use crate::exit::{Code, Failure};

/// What is to be registered, as the host is asked for it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Wanted {
    /// The directory, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// The name, if it is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    packs: Vec<String>,
    /// The parts of it that are registered; none for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
}

impl Wanted {
    /// What a command line names.
    ///
    /// # Errors
    /// When it is neither a directory nor a name, or the host could not be told where the directory is.
    pub(super) fn of(pack: &Path, types: Vec<String>) -> Result<Self, Failure> {
        let name = pack.to_str().filter(|name| check_pack(name).is_ok());
        match (pack.canonicalize(), name) {
            (Ok(path), _) if path.is_file() => Err(no_directory(&path)),
            (Ok(path), _) => match path.into_os_string().into_string() {
                Ok(path) => Ok(Self { path: Some(path), packs: Vec::new(), types }),
                Err(path) => Err(untold(Path::new(&path))),
            },
            (Err(_), Some(name)) => Ok(Self { path: None, packs: vec![name.to_owned()], types }),
            (Err(error), None) => Err(unreadable(pack, &error)),
        }
    }

    /// Whether it is a pack by its name.
    pub(super) fn is_name(&self) -> bool {
        self.path.is_none()
    }
}

/// That a directory cannot be read.
pub(super) fn unreadable(directory: &Path, error: &io::Error) -> Failure {
    let message = format!("{} cannot be read: {error}", directory.display());
    Failure::usage(message, "give the directory that holds pack.yaml")
}

/// That what is to be registered is nothing that there is.
pub(super) fn neither(pack: &Path) -> Failure {
    let message = format!("there is neither a directory nor a registered pack `{}`", pack.display());
    let hint = "give the directory that holds pack.yaml; `petrel pack list` shows what is registered";
    Failure::new(Code::NotFound, "not_found", message, hint)
}

/// That a file was named in place of its directory.
pub(super) fn no_directory(file: &Path) -> Failure {
    let directory = file.parent().unwrap_or(file);
    Failure::usage(
        format!("{} is a file, and a pack is a directory", file.display()),
        format!("name the directory: {}", directory.display()),
    )
}

/// That the path of a directory is no text, as JSON has it.
fn untold(directory: &Path) -> Failure {
    let message = format!("the host cannot be told of {}: its path is not UTF-8", directory.display());
    Failure::usage(message, "rename the directory, or what it lies in")
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
}
