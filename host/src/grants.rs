//! Grants to components, as the operator writes them: of directories (`PACK=HOST-DIR:GUEST-PATH[:rw]`), and of addresses
//! (`PACK=URL`).

use std::collections::HashMap;
use std::path::PathBuf;

use petrel_pack_runtime::Grants;
use petrel_pack_runtime::grants::{Access, Directory, UrlGrant};

use crate::exit::Failure;

/// Parses grants of directories and of addresses.
pub(crate) fn parse(directories: &[String], urls: &[String]) -> Result<Grants, Failure> {
    let mut grants = Grants::default();
    for text in directories {
        let (pack, directory) = parse_one(text).ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is not a grant of a directory"),
                "write PACK=HOST-DIR:GUEST-PATH for reading, or PACK=HOST-DIR:GUEST-PATH:rw for reading and writing",
            )
        })?;
        grants.directories.entry(pack).or_default().push(directory);
    }
    let mut by_pack: HashMap<String, Vec<UrlGrant>> = HashMap::new();
    for text in urls {
        let parsed = text.split_once('=').and_then(|(pack, url)| Some((pack, UrlGrant::parse(url)?)));
        let (pack, url) = parsed.filter(|(pack, _url)| !pack.is_empty()).ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is not a grant of an address"),
                "write PACK=https://HOST[:PORT][/PATH], or PACK=private+https://… for a name that leads into a private network",
            )
        })?;
        by_pack.entry(pack.to_owned()).or_default().push(url);
    }
    grants.urls = by_pack.into_iter().map(|(pack, urls)| (pack, urls.into())).collect();
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
        let directories = parse(&texts, &[]).unwrap().directories.remove("a").unwrap();
        let read: Vec<_> = directories.into_iter().map(|one| (one.guest_path, one.access)).collect();
        assert_eq!(read, [("/in".to_owned(), Access::ReadOnly), ("/out".to_owned(), Access::ReadWrite)]);
        for text in ["", "a", "a=/data", "a=/data:in", "a=/data:/in:x", "a=:/in", "a=/data:/in:rw:x"] {
            assert!(parse(&[text.to_owned()], &[]).is_err(), "{text}");
        }
    }

    #[test]
    fn grants_of_addresses_are_read_or_refused() {
        let texts = ["a=https://x.example/api", "a=private+http://y.example", "b=http://10.0.0.1:8080"];
        let urls = parse(&[], &texts.map(str::to_owned)).unwrap().urls;
        assert_eq!((urls["a"].len(), urls["b"].len()), (2, 1));
        for text in [
            "",
            "a",
            "a=",
            "=https://x.example",
            "a=x.example",
            "a=ftp://x.example",
            "a=https://x.example/?q",
        ] {
            assert!(parse(&[], &[text.to_owned()]).is_err(), "{text}");
        }
    }
}
