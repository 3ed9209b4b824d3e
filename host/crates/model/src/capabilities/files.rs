//! Directories of the host that components see under a path of their own.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::invalid::InvalidCapability;

/// The longest path inside a component, in bytes.
const LONGEST_PATH: usize = 200;

/// The permitted operations on a directory and everything below it. The lesser is the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Access {
    /// Read files and list directories.
    #[serde(rename = "ro")]
    ReadOnly,
    /// Create, change and remove files and directories as well.
    #[serde(rename = "rw")]
    ReadWrite,
}

impl Access {
    /// `ro` or `rw`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "ro",
            Self::ReadWrite => "rw",
        }
    }
}

/// A directory that a pack asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWish {
    /// The path inside the component, for example `/data`.
    pub path: String,
    /// The operations that it needs.
    pub access: Access,
    /// What for.
    #[serde(default)]
    pub reason: String,
}

impl fmt::Display for FileWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.access.as_str())
    }
}

/// A directory of the host that is mounted for the components of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The path on the host.
    pub host_path: PathBuf,
    /// The path inside the component.
    pub guest_path: String,
    /// The permitted operations.
    pub access: Access,
}

impl Mount {
    /// Reads `HOST-DIR:GUEST-PATH[:rw]`. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (host, guest) = (parts.next()?, parts.next()?);
        let access = match parts.next() {
            None | Some("ro") => Access::ReadOnly,
            Some("rw") => Access::ReadWrite,
            Some(_) => return None,
        };
        if parts.next().is_some() || host.is_empty() || !guest.starts_with('/') {
            return None;
        }
        Some(Self { host_path: PathBuf::from(host), guest_path: guest.to_owned(), access })
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host_path.display(), self.guest_path)?;
        if self.access == Access::ReadWrite { f.write_str(":rw") } else { Ok(()) }
    }
}

/// Checks a path inside a component at which a directory is mounted.
///
/// # Errors
/// When it is none.
pub fn check_guest_path(path: &str) -> Result<(), InvalidCapability> {
    let is_part = |part: &str| !["", ".", ".."].contains(&part);
    let is_sign = |byte: u8| byte.is_ascii_graphic() && !b":'\"\\".contains(&byte);
    let parts = path.strip_prefix('/').filter(|rest| rest.split('/').all(is_part));
    if parts.is_some() && path.len() <= LONGEST_PATH && path.bytes().all(is_sign) {
        return Ok(());
    }
    Err(InvalidCapability::new(path, "is no path of a directory in a component", "write it as /data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_and_written_or_refused() {
        for (text, written) in [
            ("/data:/in", Some("/data:/in")),
            ("/data:/in:ro", Some("/data:/in")),
            ("/out:/out:rw", Some("/out:/out:rw")),
            ("", None),
            ("/data", None),
            ("/data:in", None),
            ("/data:/in:x", None),
            (":/in", None),
            ("/data:/in:rw:x", None),
        ] {
            assert_eq!(Mount::parse(text).map(|mount| mount.to_string()).as_deref(), written, "{text}");
        }
    }

    #[test]
    fn paths_in_components_are_plain() {
        for (path, expected) in [
            ("/data", true),
            ("/a/b", true),
            ("/", false),
            ("data", false),
            ("/a/../b", false),
            ("/a/", false),
            ("/a:b", false),
        ] {
            assert_eq!(check_guest_path(path).is_ok(), expected, "{path}");
        }
    }
}
