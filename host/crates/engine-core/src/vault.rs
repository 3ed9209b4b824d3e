//! The vault: texts that are stored sealed, so that nobody reads them in the store, in a backup or in the API.
//!
//! A sealed text is `petrel:1:KEY:BASE64`: the id of the key, and the nonce with the encrypted text
//! (`XChaCha20-Poly1305`). It is bound to the object that it belongs to, so that it opens in no other place. The first key of
//! a vault seals, and all of them open. The host reads the keys from a file ([`VaultKey::read_all`]) and makes them.
//!
//! [`st2_key`] opens what StackStorm has encrypted.

pub mod st2_key;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use petrel_model::hexadecimal;
use petrel_persistence::Sealer;
use sha2::{Digest as _, Sha256};
use st2_key::St2Key;

/// The beginning of every sealed text, with the version of its form.
const MARK: &str = "petrel:1:";
/// The first line of a file with keys.
const HEAD: &str = "petrel-vault 1";
/// What ends the line of a key that was made in the place of one that is lost for good.
const BEGUN_ANEW: &str = " begun-anew";
/// The bytes of a key.
const KEY: usize = 32;
/// The bytes of a nonce, which are enough to choose it at random.
const NONCE: usize = 24;
/// The bytes of the digest of a key that are its id.
const ID: usize = 6;

/// The remedy where nothing else is known.
const WITHOUT_KEY: &str =
    "see the log of the host, which says at its start where the file with the key is expected";

/// A key that seals and opens.
#[derive(Clone, PartialEq, Eq)]
pub struct VaultKey {
    id: String,
    secret: [u8; KEY],
    /// Whether it was made in the place of one that is lost for good.
    is_begun_anew: bool,
}

/// The keys of one host. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Vault(Arc<Keys>);

#[derive(Debug, Default)]
struct Keys {
    /// The first one seals.
    own: Vec<VaultKey>,
    /// Why there is none, and what to do about it.
    remedy: Option<String>,
    /// Why none seals although there are some, and what to do about it.
    foreign: Option<String>,
    st2: Option<St2Key>,
}

/// The reason why a text cannot be sealed or opened. None quotes the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no key at all.
    #[error("the host has no key for secrets; {0}")]
    NoKey(String),
    /// There are keys, and what is stored was sealed by others.
    #[error("the host encrypts nothing, as its key for secrets is not that of the store; {0}")]
    Foreign(String),
    /// The key of a sealed text is not there.
    #[error(
        "it was sealed with the key {0}, which the host does not have; put the file with that key back, and start the host again"
    )]
    UnknownKey(String),
    /// The text is not sealed.
    #[error("it is not encrypted; read it as it is")]
    NotSealed,
    /// The text was changed, or belongs to something else.
    #[error("it is damaged, or was sealed for something else; set it again")]
    Damaged,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes ({0}); try again")]
    Random(String),
}

/// A file with keys that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not that of a file with keys for secrets: {expected} is expected")]
pub struct NotKeys {
    line: usize,
    expected: &'static str,
}

impl VaultKey {
    /// A new random key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, VaultError> {
        let mut secret = [0; KEY];
        getrandom::fill(&mut secret).map_err(|error| VaultError::Random(error.to_string()))?;
        Ok(Self::of(secret))
    }

    fn of(secret: [u8; KEY]) -> Self {
        let digest = Sha256::new().chain_update(b"petrel vault key").chain_update(secret).finalize();
        Self { id: hexadecimal(digest.get(..ID).unwrap_or_default()), secret, is_begun_anew: false }
    }

    /// As the key that was made in the place of one that is lost for good.
    #[must_use]
    pub fn begun_anew(self) -> Self {
        Self { is_begun_anew: true, ..self }
    }

    /// As a key that is added to those of another store: that something is lost was said of the store that it comes from.
    #[must_use]
    pub fn added(self) -> Self {
        Self { is_begun_anew: false, ..self }
    }

    /// Whether it was made in the place of one that is lost for good, so that it seals beside what nobody can open.
    pub fn is_begun_anew(&self) -> bool {
        self.is_begun_anew
    }

    /// The id, which tells nothing of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The text of a file with these keys.
    pub fn write_all(keys: &[Self]) -> String {
        let lines = keys.iter().map(|key| {
            let mark = if key.is_begun_anew { BEGUN_ANEW } else { "" };
            format!("{} {}{mark}\n", key.id, STANDARD.encode(key.secret))
        });
        format!("{HEAD}\n{}", lines.collect::<String>())
    }

    /// The keys in the text of a file, of which there is one at least.
    ///
    /// # Errors
    /// The line that is wrong. It is not quoted.
    pub fn read_all(text: &str) -> Result<Vec<Self>, NotKeys> {
        let wrong = |line: usize, expected| NotKeys { line: line + 1, expected };
        let mut lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
        if lines.next().is_none_or(|(_, head)| head != HEAD) {
            return Err(wrong(0, HEAD));
        }
        let keys = lines.map(|(number, line)| {
            let (id, secret) = line.split_once(' ').ok_or_else(|| wrong(number, "an id and a key"))?;
            let (secret, is_begun_anew) = match secret.strip_suffix(BEGUN_ANEW) {
                Some(secret) => (secret, true),
                None => (secret, false),
            };
            let secret = STANDARD.decode(secret.trim()).ok();
            let secret = secret.and_then(|secret| <[u8; KEY]>::try_from(secret).ok());
            let key = secret.map(Self::of).filter(|key| key.id == id);
            let key = key.ok_or_else(|| wrong(number, "a whole key behind its id"));
            key.map(|key| Self { is_begun_anew, ..key })
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(wrong(1, "an id and a key")) } else { Ok(keys) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.secret.into())
    }

    /// A nonce and `open`, encrypted with it for `owner`.
    fn seal(&self, open: &[u8], owner: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| VaultError::Random(error.to_string()))?;
        let payload = Payload { msg: open, aad: owner };
        // It fails only for texts of hundreds of gigabytes.
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_too_long| VaultError::Damaged)?;
        Ok([nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// What [`seal`](Self::seal) has encrypted.
    fn open(&self, sealed: &[u8], owner: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(VaultError::Damaged)?;
        let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_never| VaultError::Damaged)?;
        let opened = self.cipher().decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: owner });
        opened.map_err(|_not_authentic| VaultError::Damaged)
    }
}

/// Without the secret.
impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VaultKey").field(&self.id).finish()
    }
}

impl Vault {
    /// A vault that seals with the first of `keys`, and opens with all of them.
    pub fn new(keys: Vec<VaultKey>) -> Self {
        Self(Arc::new(Keys { own: keys, ..Keys::default() }))
    }

    /// A vault without a key, and the remedy for that.
    pub fn locked(remedy: impl Into<String>) -> Self {
        Self(Arc::new(Keys { remedy: Some(remedy.into()), ..Keys::default() }))
    }

    /// A vault that opens with all of `keys`, and seals with none: what is stored was sealed by others. `why` names the remedy.
    pub fn foreign(keys: Vec<VaultKey>, why: impl Into<String>) -> Self {
        Self(Arc::new(Keys { own: keys, foreign: Some(why.into()), ..Keys::default() }))
    }

    /// With the key of the StackStorm whose encrypted texts this vault takes.
    #[must_use]
    pub fn with_st2_key(self, st2: St2Key) -> Self {
        let Keys { own, remedy, foreign, .. } = &*self.0;
        let (own, remedy, foreign) = (own.clone(), remedy.clone(), foreign.clone());
        Self(Arc::new(Keys { own, remedy, foreign, st2: Some(st2) }))
    }

    /// Whether the operator has said that a key from before is lost for good.
    pub fn is_begun_anew(&self) -> bool {
        self.0.own.iter().any(VaultKey::is_begun_anew)
    }

    /// The key of StackStorm, if there is one.
    pub fn st2_key(&self) -> Option<&St2Key> {
        self.0.st2.as_ref()
    }

    /// Whether `text` has the form of a sealed one.
    pub fn is_sealed(text: &str) -> bool {
        text.starts_with(MARK)
    }

    /// The id of the key by which `sealed` was sealed.
    pub fn key_of(sealed: &str) -> Option<&str> {
        sealed.strip_prefix(MARK)?.split_once(':').map(|(id, _)| id)
    }

    /// Whether the key of `sealed` is there.
    pub fn has_key_of(&self, sealed: &str) -> bool {
        Self::key_of(sealed).is_some_and(|id| self.0.own.iter().any(|key| key.id == id))
    }

    /// Whether `sealed` was sealed by the key that seals now.
    pub fn is_current(&self, sealed: &str) -> bool {
        Self::key_of(sealed).is_some_and(|id| self.0.own.first().is_some_and(|key| key.id == id))
    }

    /// `text` as it may be stored for `owner`, the object that it belongs to.
    ///
    /// # Errors
    /// When there is no key.
    pub fn seal(&self, text: &str, owner: &str) -> Result<String, VaultError> {
        let key = self.sealing()?;
        Ok(format!("{MARK}{}:{}", key.id, STANDARD.encode(key.seal(text.as_bytes(), owner.as_bytes())?)))
    }

    /// The text that was sealed for `owner`.
    ///
    /// # Errors
    /// When its key is not there, or it was not sealed for that, or not at all.
    pub fn open(&self, sealed: &str, owner: &str) -> Result<String, VaultError> {
        let (id, body) =
            sealed.strip_prefix(MARK).and_then(|rest| rest.split_once(':')).ok_or(VaultError::NotSealed)?;
        if self.0.own.is_empty() {
            return Err(self.no_key());
        }
        let key = self.0.own.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| VaultError::UnknownKey(id.chars().take(2 * ID).collect()))?;
        let body = STANDARD.decode(body).map_err(|_not_base64| VaultError::Damaged)?;
        let opened = key.open(&body, owner.as_bytes())?;
        String::from_utf8(opened).map_err(|_not_text| VaultError::Damaged)
    }

    /// The key that seals.
    fn sealing(&self) -> Result<&VaultKey, VaultError> {
        match &self.0.foreign {
            Some(why) => Err(VaultError::Foreign(why.clone())),
            None => self.0.own.first().ok_or_else(|| self.no_key()),
        }
    }

    fn no_key(&self) -> VaultError {
        VaultError::NoKey(self.0.remedy.clone().unwrap_or_else(|| WITHOUT_KEY.to_owned()))
    }
}

/// Rows of the store: the digits of the id of the key, then as in a text, without base64.
impl Sealer for Vault {
    fn seal(&self, body: &[u8], place: &[u8]) -> Result<Vec<u8>, String> {
        let sealed = self.sealing().and_then(|key| {
            let sealed = key.seal(body, &of_row(place))?;
            Ok([key.id.as_bytes(), sealed.as_slice()].concat())
        });
        sealed.map_err(|error| error.to_string())
    }

    fn open(&self, sealed: &[u8], place: &[u8]) -> Result<Vec<u8>, String> {
        let open = || {
            if self.0.own.is_empty() {
                return Err(self.no_key());
            }
            let (id, sealed) = sealed.split_at_checked(2 * ID).ok_or(VaultError::Damaged)?;
            let key = self.0.own.iter().find(|key| key.id.as_bytes() == id);
            let unknown = || VaultError::UnknownKey(String::from_utf8_lossy(id).into_owned());
            key.ok_or_else(unknown)?.open(sealed, &of_row(place))
        };
        open().map_err(|error| error.to_string())
    }

    fn key(&self) -> Option<String> {
        self.sealing().ok().map(|key| key.id.clone())
    }

    fn key_of(&self, sealed: &[u8]) -> Option<String> {
        let id = sealed.get(..2 * ID).and_then(|id| std::str::from_utf8(id).ok())?;
        id.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| id.to_owned())
    }
}

/// The owner of what is sealed in a row, which no object of the datastore is.
fn of_row(place: &[u8]) -> Vec<u8> {
    [b"row\n", place].concat()
}

#[cfg(test)]
mod tests;
