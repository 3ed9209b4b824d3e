//! The trust in a pack that is to be installed: its signatures, the key in the lock, and what the operator says on the command
//! line and in the configuration. `petrel_registry::trust` decides.

use std::path::{Path, PathBuf};

use clap::Args;
use petrel_packs::plain_file;
use petrel_registry::beside::{Beside, Kind};
use petrel_registry::trust::Case;
use petrel_registry::{Error, Kind as ErrorKind, Locked, PublicKey, Reference, Signature};

use crate::exit::{Code, Failure};
use crate::print;
use crate::registries::Registries;

/// The largest file with a key, in bytes.
const LARGEST_KEY: u64 = 64 << 10;

/// What the operator accepts of packs from elsewhere.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Accepted {
    /// Let actions and sensors of a pack from a registry or a file run as processes on the host's machine
    #[arg(long)]
    pub(super) allow_native: bool,
    /// Grant what the packs ask for, apart from directories
    #[arg(long)]
    pub(super) grant: bool,
    /// The public key by which the pack must be signed; packs.lock pins it
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// Trust the pack as if it came the first time, whoever has signed it so far
    #[arg(long)]
    pub(super) forget_key: bool,
}

/// The text of a file with a key.
pub(super) fn read_key(file: &Path) -> Result<String, Failure> {
    let text = plain_file::read_text(file, LARGEST_KEY);
    Ok(text.map_err(|error| Error::of_file("read", file, &error))?)
}

/// The public key in a file.
pub(super) fn public_key(file: &Path) -> Result<PublicKey, Failure> {
    Ok(PublicKey::read(&read_key(file)?, &file.display().to_string())?)
}

/// The signatures beside an artifact.
pub(super) fn signatures(beside: &Beside) -> Result<Vec<Signature>, Failure> {
    Ok(beside.get(&Kind::Signatures).map(Signature::all).transpose()?.unwrap_or_default())
}

/// A pack that is to be installed, with the worth of its signatures and its key. Whether the registry itself gave it goes along,
/// and `known` is the version before. What people are to know is printed.
///
/// # Errors
/// When it lacks a signature that it needs.
pub(super) fn judged(
    registries: &Registries,
    accepted: &Accepted,
    (pack, is_proven): (Locked, bool),
    beside: &Beside,
    known: Option<&Locked>,
) -> Result<Locked, Failure> {
    let found = signatures(beside)?;
    let given = accepted.key.as_deref().map(public_key).transpose()?;
    let decided = registries.trust.decide(&Case {
        named: &format!("{} {}", pack.name, pack.version),
        repository: &repository(&pack),
        is_proven,
        digest: &pack.digest,
        found: &found,
        given: given.as_ref(),
        pinned: known.and_then(|known| known.key.as_ref()),
        pinned_at: &known.map(repository).unwrap_or_default(),
        forgets: accepted.forget_key,
    });
    let is_same =
        |known: &&Locked| known.digest == pack.digest && known.key.is_some() && known.signer().is_none();
    let same = known.filter(is_same);
    // What the lock has without a signature, beside the key that the next versions need, somebody has gone back to. The same from
    // another repository must do there as well.
    if let (Err(refused), Some(same), None) = (&decided, same, &given)
        && refused.kind == ErrorKind::Untrusted
        && registries.trust.still_takes(&repository(same), same.signature, None)?
        && registries.trust.still_takes(&repository(&pack), same.signature, None)?
    {
        return Ok(Locked { signature: same.signature, key: same.key.clone(), ..pack });
    }
    let verdict = decided?;
    if let Some(note) = &verdict.note {
        print::note(&format!("note: {note}"));
    }
    Ok(Locked { signature: Some(verdict.signed), key: verdict.key, ..pack })
}

/// Refuses a version that is here without a verified signature, where one is needed by now, and one that another key has signed
/// than the operator names.
pub(super) fn refuse_unverified(
    registries: &Registries,
    accepted: &Accepted,
    pack: &Locked,
) -> Result<(), Failure> {
    let given = accepted.key.as_deref().map(public_key).transpose()?;
    if let Some(given) = given {
        if pack.signer() == Some(&given) {
            return Ok(());
        }
        let message = format!(
            "{} {} is here, and was not verified by the key {}",
            pack.name,
            pack.version,
            given.digest()
        );
        let hint = "leave out --locked and --offline, so that its signatures are looked for again";
        return Err(Failure::new(Code::Unaccepted, "untrusted", message, hint));
    }
    if registries.trust.still_takes(&repository(pack), pack.signature, pack.signer())? {
        return Ok(());
    }
    let message = if pack.reference.is_empty() && pack.signature.is_none() {
        format!(
            "where {} {} came from, and whether it was signed, is not known any more, and [trust] of the configuration asks for signatures",
            pack.name, pack.version
        )
    } else {
        format!(
            "{} {} was installed without a signature by a key that [trust] of the configuration asks for by now",
            pack.name, pack.version
        )
    };
    let hint = "`petrel pack install REF` looks for its signatures again; --key FILE names the key that has signed it";
    Err(Failure::new(Code::Unaccepted, "untrusted", message, hint))
}

/// The repository of a pack with its registry; empty if it is not known.
pub(super) fn repository(pack: &Locked) -> String {
    let reference: Option<Reference> = pack.reference.parse().ok();
    reference.map(|named| format!("{}/{}", named.registry, named.repository)).unwrap_or_default()
}
