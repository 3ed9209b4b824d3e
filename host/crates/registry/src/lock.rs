//! The lock: the packs that were installed from artifacts, with the digests by which the same is installed elsewhere and again.
//! It is a file of TOML, sorted, so that a change of it can be read; `--locked` installs what it says and nothing else.

use std::io;
use std::path::Path;

use petrel_model::Signed;
use petrel_packs::plain_file;
use serde::Deserialize;
use serde_json::Value;

use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::files::write_whole;
use crate::keys::PublicKey;

/// The version of the form.
const VERSION: u64 = 1;
/// The largest lock, in bytes.
const LARGEST: u64 = 4 << 20;

/// The packs of a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Lock {
    #[serde(default)]
    version: u64,
    #[serde(default, rename = "pack")]
    packs: Vec<Locked>,
}

/// A pack in a lock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Locked {
    /// The ref of the pack.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The reference that was asked for; empty for one that came from a file without a name.
    #[serde(default)]
    pub reference: String,
    /// The place that it was fetched from, if that is a mirror.
    #[serde(default)]
    pub resolved: String,
    /// The digest of its artifact.
    pub digest: Digest,
    /// Whether its actions and sensors may run as processes.
    #[serde(default)]
    pub native: bool,
    /// What its signatures were worth; none if an older version has installed it, which did not look.
    #[serde(default)]
    pub signature: Option<Signed>,
    /// The key that the next versions need. It has signed this one, if `signature` says that one is verified.
    #[serde(default)]
    pub key: Option<PublicKey>,
}

impl Locked {
    /// The key that has signed it.
    pub fn signer(&self) -> Option<&PublicKey> {
        self.key.as_ref().filter(|_| self.signature == Some(Signed::Verified))
    }
}

impl Lock {
    /// Reads the lock in a file. A file that is not there is an empty lock.
    ///
    /// # Errors
    /// When it cannot be read, or a newer petrel has written it.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = match plain_file::read_text(file, LARGEST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.map_err(|error| Error::of_file("read", file, &error))?,
        };
        Self::parse(&text).map_err(|why| {
            let message = format!("{} is no lock: {why}", file.display());
            Error::new(Kind::Usage, message, "restore it, or remove it and install the packs again")
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lock: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if lock.version > VERSION {
            return Err(format!("it has the version {}, and this petrel reads {VERSION}", lock.version));
        }
        Ok(lock)
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# The packs that were installed from registries and files, by the digests of their artifacts.\n\
             # `petrel pack install --locked` installs exactly these.\n",
        );
        text.push_str(&format!("version = {VERSION}\n"));
        for pack in &self.packs {
            text.push_str("\n[[pack]]\n");
            let digest = pack.digest.to_string();
            let signature = pack.signature.map(|signed| signed.as_str().to_owned()).unwrap_or_default();
            let key = pack.key.as_ref().map(ToString::to_string).unwrap_or_default();
            for (key, value) in [
                ("name", &pack.name),
                ("version", &pack.version),
                ("reference", &pack.reference),
                ("resolved", &pack.resolved),
                ("digest", &digest),
                ("signature", &signature),
                ("key", &key),
            ] {
                if !value.is_empty() {
                    // The escapes of JSON are those of TOML, which wants one more.
                    let value = Value::from(value.as_str()).to_string().replace('\u{7f}', "\\u007f");
                    text.push_str(&format!("{key} = {value}\n"));
                }
            }
            if pack.native {
                text.push_str("native = true\n");
            }
        }
        text
    }

    /// Writes the lock to a file, as a whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), Error> {
        let written = write_whole(file, self.text().as_bytes(), 0o644);
        written.map_err(|error| Error::of_file("written", file, &error))
    }

    /// The packs, by name.
    pub fn packs(&self) -> &[Locked] {
        &self.packs
    }

    /// The pack with this ref.
    pub fn of_pack(&self, name: &str) -> Option<&Locked> {
        self.packs.iter().find(|pack| pack.name == name)
    }

    /// The pack that was installed by this reference.
    pub fn of_reference(&self, reference: &str) -> Option<&Locked> {
        self.packs.iter().find(|pack| pack.reference == reference)
    }

    /// Puts a pack into the lock, in place of another version.
    pub fn put(&mut self, pack: Locked) {
        self.packs.retain(|known| known.name != pack.name);
        self.packs.push(pack);
        self.packs.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Takes a pack out of the lock. Returns whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.packs.len();
        self.packs.retain(|known| known.name != name);
        self.packs.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str, version: &str) -> Locked {
        Locked {
            name: name.into(),
            version: version.into(),
            reference: format!("r.example.com/{name}:{version}"),
            resolved: String::new(),
            digest: Digest::of(version.as_bytes()),
            native: name == "jira",
            signature: Some(Signed::Unsigned).filter(|_| name == "slack"),
            key: None,
        }
    }

    #[test]
    fn a_lock_is_sorted_and_reads_as_it_was_written() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("packs.lock");
        let mut lock = Lock::read(&file).unwrap();
        lock.put(locked("slack", "1.0.0"));
        lock.put(locked("zabbix", "1.0.0-\u{7f}\u{1b}\u{80}\n\"\\"));
        lock.put(Locked { resolved: "m.example.com/\"x\"".into(), ..locked("jira", "1.0.0") });
        let key = PublicKey::read(crate::keys::tests::PUBLIC, "k").ok();
        lock.put(Locked { key, signature: Some(Signed::Verified), ..locked("jira", "2.0.0") });
        lock.write(&file).unwrap();
        let read = Lock::read(&file).unwrap();
        assert_eq!(read.packs(), lock.packs());
        let names: Vec<_> =
            read.packs().iter().map(|pack| (pack.name.as_str(), pack.version.as_str())).collect();
        assert_eq!(names[..2], [("jira", "2.0.0"), ("slack", "1.0.0")]);
        assert!(
            read.of_pack("jira").unwrap().native && read.of_reference("r.example.com/jira:1.0.0").is_none()
        );
        // A key that is only kept for the next versions has not signed this one.
        let signed = read.of_pack("jira").unwrap();
        assert!(signed.signer().is_some() && signed.signer() == signed.key.as_ref());
        let gone_back = Locked { signature: Some(Signed::Unsigned), ..signed.clone() };
        assert!(gone_back.key.is_some() && gone_back.signer().is_none());
        assert!(lock.remove("jira") && !lock.remove("jira"));
    }

    #[test]
    fn what_is_no_lock_or_a_newer_one_is_told() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("packs.lock");
        for (text, says) in [
            ("version = 2\n", "version 2"),
            ("pack = 1", "no lock"),
            ("[[pack]]\nname = \"a\"\nversion = \"1\"\ndigest = \"sha256:00\"\n", "not a digest"),
        ] {
            std::fs::write(&file, text).unwrap();
            let refused = Lock::read(&file).unwrap_err();
            assert!(refused.to_string().contains(says), "{text}: {refused}");
        }
        std::fs::write(&file, "version = 1\nsomething = \"else\"\n").unwrap();
        assert!(Lock::read(&file).unwrap().packs().is_empty(), "what a later version adds");
    }
}
