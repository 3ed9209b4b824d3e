//! Digests: SHA-256 in the form in which registries write it, and a sum that is made while bytes go by.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use petrel_model::hexadecimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Kind};

/// The name of the algorithm, as registries write it.
const ALGORITHM: &str = "sha256:";
/// The number of hexadecimal digits.
const DIGITS: usize = 64;

/// A digest by SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut sum = Sum::default();
        sum.add(bytes);
        sum.end()
    }

    /// The digest of all that `reader` gives, and its length.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<(Self, u64)> {
        let (mut sum, mut length, mut buffer) = (Sum::default(), 0, vec![0; 64 << 10]);
        loop {
            let count = reader.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            sum.add(bytes);
            length += count as u64;
        }
        Ok((sum.end(), length))
    }

    /// The 64 hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// The first digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", self.0)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let hex = text.strip_prefix(ALGORITHM).filter(|hex| hex.len() == DIGITS && hex.bytes().all(is_digit));
        hex.map(|hex| Self(hex.to_owned())).ok_or_else(|| {
            let text = petrel_model::quoted::quoted(text);
            Error::new(
                Kind::Usage,
                format!("`{text}` is not a digest"),
                "a digest is sha256: with 64 hexadecimal digits in lower case",
            )
        })
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// A digest of bytes that go by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sum(Sha256);

impl Sum {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn end(self) -> Digest {
        Digest(hexadecimal(&self.0.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_registries_write_it() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
        assert_eq!(empty.parse::<Digest>().unwrap(), Digest::of(b""));
        assert_eq!(Digest::of_reader(&mut &b"abc"[..]).unwrap(), (Digest::of(b"abc"), 3));
        assert_eq!(Digest::of(b"").short(), "e3b0c44298fc");
        for wrong in ["", "sha256:", "sha512:00", &empty.to_uppercase(), &empty[..70], &format!("{empty}0")] {
            assert!(wrong.parse::<Digest>().unwrap_err().message.contains("not a digest"), "{wrong}");
        }
    }
}
