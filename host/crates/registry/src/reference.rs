//! References: `[oci://]HOST[:PORT]/PATH[:TAG][@DIGEST]`, as the distribution specification and Docker write them. The
//! registry is always named: there is no registry of its own that a short name could mean.

use std::fmt;
use std::str::FromStr;

use petrel_model::quoted::quoted;

use crate::digest::Digest;
use crate::error::{Error, Kind};

/// The longest path and the longest tag, from the specification.
const LONGEST_PATH: usize = 255;
const LONGEST_TAG: usize = 128;
/// The longest host with its port.
const LONGEST_HOST: usize = 260;

/// The name of an artifact in a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The host of the registry, with its port if that is written.
    pub registry: String,
    /// The path in the registry.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest of the manifest. It counts, where there is a tag as well.
    pub digest: Option<Digest>,
}

impl Reference {
    /// Whether a text is meant as a reference: a host before the first slash.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("oci://") || begins_with_host(text)
    }

    /// The same artifact by another tag.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() }
    }

    /// The same artifact by its digest alone.
    #[must_use]
    pub fn at(&self, digest: &Digest) -> Self {
        Self { tag: None, digest: Some(digest.clone()), ..self.clone() }
    }

    /// The part that names the manifest in a URL: the digest, or the tag, or `latest`.
    pub fn target(&self) -> String {
        let tag = || self.tag.clone().unwrap_or_else(|| "latest".to_owned());
        self.digest.as_ref().map_or_else(tag, ToString::to_string)
    }
}

/// The tag of a version. `+` is no letter of tags and becomes `_`, as in Helm.
pub fn tag_of(version: &str) -> String {
    version.replace('+', "_")
}

fn begins_with_host(text: &str) -> bool {
    text.split_once('/').is_some_and(|(host, _)| is_host(host))
}

/// Whether a text is the host of a registry. A name without a dot and a port is a path, except for `localhost`.
fn is_host(text: &str) -> bool {
    (text == "localhost" || text.contains(['.', ':'])) && checked_host(text).is_ok()
}

/// Checks the host of a registry, with or without a port.
///
/// # Errors
/// When it is none.
pub fn checked_host(text: &str) -> Result<(), Error> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", rest),
        Some(_) => ("", ""),
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let is_letter = |char: char| char.is_ascii_alphanumeric() || "-.".contains(char);
    let is_name = !host.is_empty() && !host.starts_with(['.', '-']) && !host.contains("..");
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    if text.len() <= LONGEST_HOST && is_name && host.chars().all(is_letter) && is_port {
        return Ok(());
    }
    Err(Error::new(
        Kind::Usage,
        format!("`{}` is not the host of a registry", quoted(text)),
        "write it as registry.example.com or registry.example.com:5000",
    ))
}

fn is_path(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let ends = part.bytes().next().is_some_and(is_letter) && part.bytes().last().is_some_and(is_letter);
        ends && part.bytes().all(|byte| is_letter(byte) || b"._-".contains(&byte)) && !part.contains("..")
    };
    text.len() <= LONGEST_PATH && text.split('/').all(is_part)
}

/// Whether a text can be a tag.
pub(crate) fn is_tag(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().next().is_some_and(is_letter)
        && text.len() <= LONGEST_TAG
        && text.bytes().all(|byte| is_letter(byte) || b".-".contains(&byte))
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str, hint: &str| {
            Error::new(Kind::Usage, format!("`{}` is not a reference: {why}", quoted(text)), hint)
        };
        let form = "write it as registry.example.com/packs/NAME:1.2.3";
        let plain = text.strip_prefix("oci://").unwrap_or(text);
        if plain.contains("://") {
            return Err(wrong(
                "it is an address",
                "leave out the scheme; [registries.\"HOST\"] of the configuration has plain_http",
            ));
        }
        let (named, digest) = match plain.split_once('@') {
            Some((named, digest)) => (named, Some(digest.parse::<Digest>()?)),
            None => (plain, None),
        };
        let Some((host, path)) = named.split_once('/') else {
            return Err(wrong("it names no registry", form));
        };
        if !is_host(host) {
            return Err(wrong("it names no registry", form));
        }
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (path, None),
        };
        if !is_path(path) {
            return Err(wrong("paths have lower-case letters and digits, with . _ - between them", form));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("a tag has at most 128 letters, digits, . _ -", form));
        }
        Ok(Self {
            registry: host.to_owned(),
            repository: path.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_and_written_again() {
        let digest = Digest::of(b"");
        for (text, registry, repository, target) in [
            ("localhost/a", "localhost", "a", "latest".to_owned()),
            ("127.0.0.1:5000/packs/jira:4.0.0", "127.0.0.1:5000", "packs/jira", "4.0.0".to_owned()),
            ("[::1]:5000/jira:x", "[::1]:5000", "jira", "x".to_owned()),
            ("ghcr.io/a.b/c__d/e-f:1.0_b", "ghcr.io", "a.b/c__d/e-f", "1.0_b".to_owned()),
            (&format!("r.example.com/a:1@{digest}"), "r.example.com", "a", digest.to_string()),
        ] {
            let read: Reference = text.parse().unwrap();
            assert_eq!((read.registry.as_str(), read.repository.as_str()), (registry, repository), "{text}");
            assert_eq!((read.target(), read.to_string()), (target, text.to_owned()));
            assert!(Reference::is_meant(text), "{text}");
        }
        assert_eq!("oci://localhost/a:1".parse::<Reference>().unwrap().to_string(), "localhost/a:1");
        assert_eq!(tag_of("1.2.3+linux"), "1.2.3_linux");
    }

    #[test]
    fn what_is_none_is_refused_with_the_form() {
        for (text, says) in [
            ("jira", "names no registry"),
            ("packs/jira", "names no registry"),
            ("./packs/jira", "names no registry"),
            ("../x/jira", "names no registry"),
            ("https://r.example.com/a", "is an address"),
            ("r.example.com/", "paths have"),
            ("r.example.com/A", "paths have"),
            ("r.example.com/a/../b", "paths have"),
            ("r.example.com/a//b", "paths have"),
            ("r.example.com/a?b", "paths have"),
            ("r.example.com/a:", "a tag has"),
            ("r.example.com/a:b/c", "a tag has"),
            ("r.example.com/a@sha256:1", "not a digest"),
            ("r.example.com:99999/a", "names no registry"),
            ("user@r.example.com/a", "not a digest"),
            ("r.example.com#/a", "names no registry"),
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(error.message.contains(says) && error.kind == Kind::Usage, "{text}: {error}");
        }
        for (text, is_meant) in [
            ("jira", false),
            ("./a.b/c", false),
            ("a/b", false),
            ("oci://a", true),
            ("r.io/a", true),
            ("a.tar", false),
        ] {
            assert_eq!(Reference::is_meant(text), is_meant, "{text}");
        }
    }
}
