//! The key of a StackStorm, by which its encrypted values are taken over.
//!
//! A key file is JSON: `{"hmacKey": {"hmacKeyString", "size"}, "aesKeyString", "mode": "CBC", "size"}`, with the keys in
//! base64 for addresses, without padding. An encrypted value is the hexadecimal form of a header (5 bytes without
//! meaning), an initialization vector (16 bytes), the text (AES in CBC mode, padded) and an HMAC-SHA-1 of all that.
//! (Source: StackStorm's `st2common/util/crypto.py`, which keeps the layout of Keyczar.)

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::consts::U16;
use cbc::cipher::{BlockDecryptMut, BlockSizeUser, KeyIvInit};
use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use sha1::Sha1;

/// The bytes before the initialization vector.
const HEADER: usize = 5;
/// The bytes of a block, and of an initialization vector.
const BLOCK: usize = 16;
/// The bytes of the signature.
const SIGNATURE: usize = 20;

/// A key of StackStorm. It only opens.
#[derive(Clone)]
pub struct St2Key {
    aes: Vec<u8>,
    hmac: Vec<u8>,
}

/// The file as it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "hmacKey")]
    hmac: WrittenHmac,
    #[serde(rename = "aesKeyString")]
    aes: String,
    mode: String,
}

#[derive(Deserialize)]
struct WrittenHmac {
    #[serde(rename = "hmacKeyString")]
    key: String,
}

/// Why a file is no key of StackStorm, or a value is not opened by it. Nothing of either is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum St2Error {
    /// The file has another form.
    #[error(
        "it is not a key file of StackStorm: JSON with hmacKey.hmacKeyString, aesKeyString and mode is expected"
    )]
    NotKey,
    /// The key is for a mode that StackStorm does not use.
    #[error("its mode is not CBC, the only one of StackStorm")]
    Mode,
    /// The key has a length that AES does not have.
    #[error("its aesKeyString has not 16, 24 or 32 bytes")]
    Length,
    /// The value has another form.
    #[error("it is not a value that StackStorm has encrypted, as `st2 key get` prints it")]
    NotEncrypted,
    /// The signature is that of another key or another value.
    #[error("it was encrypted with another key, or was changed")]
    Signature,
}

impl St2Key {
    /// The key in the text of a key file.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self, St2Error> {
        let written: Written = serde_json::from_str(text).map_err(|_may_quote_the_key| St2Error::NotKey)?;
        if !written.mode.eq_ignore_ascii_case("cbc") {
            return Err(St2Error::Mode);
        }
        let key = |text: &str| {
            URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_may_quote_it| St2Error::NotKey)
        };
        let (aes, hmac) = (key(&written.aes)?, key(&written.hmac.key)?);
        if ![16, 24, 32].contains(&aes.len()) {
            return Err(St2Error::Length);
        }
        Ok(Self { aes, hmac })
    }

    /// The text that StackStorm has encrypted.
    ///
    /// # Errors
    /// When it is not one, or of another key.
    pub fn open(&self, encrypted: &str) -> Result<String, St2Error> {
        let bytes = unhex(encrypted.trim()).ok_or(St2Error::NotEncrypted)?;
        let length = bytes.len().checked_sub(SIGNATURE).ok_or(St2Error::NotEncrypted)?;
        let (message, signature) = bytes.split_at_checked(length).ok_or(St2Error::NotEncrypted)?;
        let (_, rest) = message.split_at_checked(HEADER).ok_or(St2Error::NotEncrypted)?;
        let (vector, body) = rest.split_at_checked(BLOCK).ok_or(St2Error::NotEncrypted)?;
        let mut mac =
            Hmac::<Sha1>::new_from_slice(&self.hmac).map_err(|_any_length_fits| St2Error::NotKey)?;
        mac.update(message);
        mac.verify_slice(signature).map_err(|_other| St2Error::Signature)?;
        let mut body = body.to_vec();
        let opened = match self.aes.len() {
            16 => opened::<Decryptor<Aes128>>(&self.aes, vector, &mut body),
            24 => opened::<Decryptor<Aes192>>(&self.aes, vector, &mut body),
            _ => opened::<Decryptor<Aes256>>(&self.aes, vector, &mut body),
        };
        let opened = opened.ok_or(St2Error::NotEncrypted)?;
        String::from_utf8(opened).map_err(|_not_text| St2Error::NotEncrypted)
    }
}

/// `body` decrypted and without its padding.
fn opened<D>(key: &[u8], vector: &[u8], body: &mut [u8]) -> Option<Vec<u8>>
where
    D: KeyIvInit + BlockDecryptMut + BlockSizeUser<BlockSize = U16>,
{
    let cipher = D::new_from_slices(key, vector).ok()?;
    cipher.decrypt_padded_mut::<Pkcs7>(body).ok().map(<[u8]>::to_vec)
}

/// The bytes of hexadecimal digits in either case.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |[high, low]: &[u32; 2]| u8::try_from(high * 16 + low).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

/// Without the key.
impl fmt::Debug for St2Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("St2Key")
    }
}

#[cfg(test)]
mod tests;
