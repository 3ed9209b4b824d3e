//! Mints secrets and hashes them. Passwords, which people choose, are hashed at a cost; tokens and keys, which are
//! random, by SHA-256.

use std::sync::LazyLock;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use petrel_engine_core::Error;
use petrel_model::account::Digest;
use petrel_model::hexadecimal;
use sha2::Digest as _;

/// `N` random bytes, as twice as many hexadecimal digits.
pub(crate) fn random<const N: usize>() -> Result<String, Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Internal(format!("the system failed to provide random bytes: {error}")))?;
    Ok(hexadecimal(&bytes))
}

/// The SHA-256 hash of a token or a key.
pub(crate) fn digest(secret: &str) -> Digest {
    hexadecimal(&sha2::Sha256::digest(secret.as_bytes()))
}

/// Argon2id with the parameters of OWASP: 19 MiB, two passes, one lane.
fn hasher() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes a password with a salt of its own. Takes tens of milliseconds and 19 MiB.
pub(crate) fn hash_password(password: &str) -> Result<String, Error> {
    let hash = hasher().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| Error::Internal(format!("failed to hash a password: {error}")))
}

/// Whether `password` belongs to `hash`. Without a hash the answer is `false` and takes as long, so that the duration
/// does not tell whether the user exists.
pub(crate) fn is_password(password: &str, hash: Option<&str>) -> bool {
    static OF_NOBODY: LazyLock<String> = LazyLock::new(|| hash_password("nobody").unwrap_or_default());
    let matches = hasher().verify_password(password.as_bytes(), hash.unwrap_or(&OF_NOBODY)).is_ok();
    matches && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hashed_as_owasp_has_it_with_its_own_salt() {
        let (one, other) = (hash_password("correct horse").unwrap(), hash_password("correct horse").unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, other);
        assert!(is_password("correct horse", Some(&one)) && is_password("correct horse", Some(&other)));
        assert!(!is_password("correct hors", Some(&one)));
        assert!(!is_password("nobody", None) && !is_password("x", Some("no hash")));
    }

    #[test]
    fn what_is_minted_is_random_and_as_long_as_asked_for() {
        let (one, other) = (random::<16>().unwrap(), random::<16>().unwrap());
        assert!(one.len() == 32 && one != other);
        assert_eq!(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
