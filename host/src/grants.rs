//! Grants of directories to components, as the operator writes them: `PACK=HOST-DIR:GUEST-PATH[:rw]`.

use std::path::PathBuf;

use petrel_pack_runtime::Grants;
use petrel_pack_runtime::grants::{Access, Directory};

use crate::exit::Failure;

/// Parses grants.
pub(crate) fn parse(texts: &[String]) -> Result<Grants, Failure> {
    let mut grants = Grants::default();
    for text in texts {
        let (pack, directory) = parse_one(text).ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is not a grant of a directory"),
                "write PACK=HOST-DIR:GUEST-PATH for reading, or PACK=HOST-DIR:GUEST-PATH:rw for reading and writing",
            )
        })?;
        grants.directories.entry(pack).or_default().push(directory);
    }
    Ok(grants)
}

fn parse_one(text: &str) -> Option<(String, Directory)> {
    let (pack, rest) = text.split_once('=')?;
    let mut parts = rest.split(':');
    let (host, guest) = (parts.next()?, parts.next()?);
    let access = match parts.next() {
        None | Some("ro") => Access::ReadOnly,
        Some("rw") => Access::ReadWrite,
        Some(_) => return None,
    };
    if parts.next().is_some() || host.is_empty() || !guest.starts_with('/') {
        return None;
    }
    let directory = Directory { host_path: PathBuf::from(host), guest_path: guest.to_owned(), access };
    Some((pack.to_owned(), directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read_or_refused() {
        let texts = ["a=/data:/in".to_owned(), "a=/out:/out:rw".to_owned()];
        let directories = parse(&texts).unwrap().directories.remove("a").unwrap();
        let read: Vec<_> = directories.into_iter().map(|one| (one.guest_path, one.access)).collect();
        assert_eq!(read, [("/in".to_owned(), Access::ReadOnly), ("/out".to_owned(), Access::ReadWrite)]);
        for text in ["", "a", "a=/data", "a=/data:in", "a=/data:/in:x", "a=:/in", "a=/data:/in:rw:x"] {
            assert!(parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
