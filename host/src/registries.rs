//! The registries that the command line talks to: their client by the settings of this machine, the logins of this user, and a
//! line that shows how far a transfer is. `petrel_registry` does the work.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use petrel_model::hexadecimal;
use petrel_registry::Progress;
use petrel_registry::beside::{self, Beside};
use petrel_registry::card::Card;
use petrel_registry::credentials::Credentials;
use petrel_registry::trust::Trust;
use petrel_registry::{Artifact, Digest, Error, Fetched, Kind, Limits, Lock, Reference, Registry, Settings};

use crate::config::Configuration;
use crate::data_directory;
use crate::exit::{Code, Failure};
use crate::print;

/// The time between two states of the line.
const NEXT: Duration = Duration::from_millis(100);

/// The registries.
pub(crate) struct Registries {
    settings: Settings,
    credentials: Credentials,
    /// Which signatures packs need.
    pub(crate) trust: Trust,
    /// The data directory of the host on this machine.
    pub(crate) data_dir: PathBuf,
    /// The file with the digests of what is installed.
    pub(crate) lock_file: PathBuf,
}

impl Registries {
    /// The registries by the settings of this machine.
    ///
    /// # Errors
    /// When these are invalid.
    pub(crate) fn of_machine() -> Result<Self, Failure> {
        let settings = Configuration::of_client()?;
        let (of_all, bytes) =
            (&settings.registries, settings.registries.max_pack_mib.saturating_mul(1 << 20));
        let limits = Limits {
            artifact: bytes,
            unpacked: bytes.saturating_mul(2),
            downloads: of_all.downloads,
            silence: Duration::from_secs(of_all.timeout_seconds),
            ..Limits::default()
        };
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Ok(Self {
            credentials: Credentials::of_environment(variable, login_file()),
            data_dir: settings.data_dir(),
            lock_file: settings.lock_file(),
            trust: Trust { policy: settings.trust.policy, rules: settings.trust_tables },
            settings: Settings { limits, registries: settings.registry_tables },
        })
    }

    /// The bounds.
    pub(crate) fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// The settings of all registries.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where logins are looked for.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The packs that were installed from artifacts.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        Ok(Lock::read(&self.lock_file)?)
    }

    /// The client of a registry.
    pub(crate) fn open(&self, host: &str) -> Result<Arc<Registry>, Failure> {
        Ok(Arc::new(Registry::open(host, &self.settings, &self.credentials)?))
    }

    /// The manifest of an artifact, from its mirror if it has one. Its blobs come into a directory of its digest in `place`.
    pub(crate) async fn look(&self, reference: &Reference, place: &Path) -> Result<Fetched, Failure> {
        let from = self.settings.read_from(reference);
        let bytes = self.open(&from.registry)?.manifest(&from).await?;
        let digest = Digest::of(&bytes);
        Ok(Fetched::of(bytes, &place.join(digest.hex()), self.limits())?)
    }

    /// The card of an artifact, which is the only part that is fetched.
    pub(crate) async fn card(&self, reference: &Reference, fetched: &Fetched) -> Result<Card, Failure> {
        let from = self.settings.read_from(reference);
        let parts = fetched.manifest.parts(self.limits())?;
        Ok(Card::read(&self.open(&from.registry)?.blob(&from.repository, parts.card).await?)?)
    }

    /// Fetches what is missing of an artifact.
    pub(crate) async fn fill(&self, reference: &Reference, fetched: &Fetched) -> Result<(), Failure> {
        let from = self.settings.read_from(reference);
        let registry = self.open(&from.registry)?;
        let size = fetched.missing().iter().map(|blob| blob.size).sum();
        let line = Line::new("fetching", reference, size);
        let done = registry.fill(&from.repository, fetched, &line.progress()).await;
        line.end();
        Ok(done?)
    }

    /// What stands beside the artifact with this digest, of these kinds.
    pub(crate) async fn beside(
        &self,
        reference: &Reference,
        digest: &Digest,
        kinds: &[beside::Kind],
    ) -> Result<Beside, Failure> {
        let from = self.settings.read_from(reference);
        let registry = self.open(&from.registry)?;
        let mut found = Beside::new();
        for kind in kinds {
            found.extend(registry.beside(&from, digest, *kind).await?.map(|one| (*kind, one)));
        }
        Ok(found)
    }

    /// Pushes what stands beside the artifact with this digest, and not there yet, unless `overwrites`.
    pub(crate) async fn push_beside(
        &self,
        beside: &Beside,
        to: &Reference,
        digest: &Digest,
        overwrites: bool,
    ) -> Result<(), Failure> {
        for (kind, one) in beside {
            let to = to.with_tag(&kind.tag(digest));
            if overwrites || self.open(&to.registry)?.manifest_if_any(&to).await?.is_none() {
                self.push(one, &to).await?;
            }
        }
        Ok(())
    }

    /// Pushes an artifact. Returns the bytes that were sent.
    pub(crate) async fn push(&self, artifact: &Artifact, to: &Reference) -> Result<u64, Failure> {
        let line = Line::new("pushing", to, artifact.manifest.size());
        let done = self.open(&to.registry)?.push(artifact, to, &line.progress()).await;
        line.end();
        Ok(done?)
    }
}

/// The file with the logins of `petrel registry login`.
pub(crate) fn login_file() -> Option<PathBuf> {
    Some(data_directory::config_home()?.join("registries.json"))
}

impl From<Error> for Failure {
    fn from(Error { kind, message, hint }: Error) -> Self {
        let (code, kind) = match kind {
            Kind::Usage => (Code::Usage, "usage"),
            Kind::NotFound => (Code::NotFound, "not_found"),
            Kind::Unauthorized => (Code::Unauthorized, "registry.unauthorized"),
            Kind::Conflict => (Code::Conflict, "conflict"),
            Kind::TimedOut => (Code::TimedOut, "registry.timeout"),
            Kind::Unreachable => (Code::Server, "registry.unreachable"),
            Kind::Refused => (Code::Failed, "registry.refused"),
            Kind::Untrusted => (Code::Unaccepted, "untrusted"),
            Kind::Machine => (Code::Failed, "machine"),
        };
        Self::new(code, kind, message, hint)
    }
}

/// A line on a terminal that shows how far something is. Elsewhere there is none.
struct Line(Arc<Shown>);

struct Shown {
    what: String,
    of: u64,
    done: AtomicI64,
    told_at: Mutex<Option<Instant>>,
}

impl Line {
    fn new(verb: &str, of_what: &Reference, of: u64) -> Self {
        let (what, done, told_at) = (format!("{verb} {of_what}"), AtomicI64::new(0), Mutex::new(None));
        Self(Arc::new(Shown { what, of, done, told_at }))
    }

    fn progress(&self) -> Progress {
        let shown = Arc::clone(&self.0);
        Progress::to(move |bytes| {
            let done = shown.done.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
            let mut told_at = shown.told_at.lock().unwrap_or_else(PoisonError::into_inner);
            if told_at.is_none_or(|at| at.elapsed() >= NEXT) {
                *told_at = Some(Instant::now());
                print::overwritten(&shown.line(done));
            }
        })
    }

    /// Leaves the last state on the screen, if there was one.
    fn end(&self) {
        let told = self.0.told_at.lock().unwrap_or_else(PoisonError::into_inner).take();
        if told.is_some() {
            print::overwritten(&format!("{}\n", self.0.line(self.0.done.load(Ordering::Relaxed))));
        }
    }
}

impl Shown {
    fn line(&self, done: i64) -> String {
        let done = u64::try_from(done).unwrap_or_default();
        format!("{}: {} of {}", self.what, mebibytes(done), mebibytes(self.of))
    }
}

/// A size for people.
pub(crate) fn mebibytes(bytes: u64) -> String {
    if bytes < 1 << 20 {
        return format!("{} KiB", bytes.div_ceil(1 << 10));
    }
    format!("{}.{} MiB", bytes >> 20, ((bytes & ((1 << 20) - 1)) * 10) >> 20)
}

/// A directory for what is needed only now. It is removed on drop.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new directory in that for temporary files, which nobody else can read.
    pub(crate) fn new() -> Result<Self, Failure> {
        let mut random = [0; 12];
        getrandom::fill(&mut random)
            .map_err(|error| anyhow::anyhow!("no random name can be made: {error}"))?;
        let path = std::env::temp_dir().join(format!("petrel-{}", hexadecimal(&random)));
        std::fs::create_dir(&path)
            .with_context(|| format!("the directory {} cannot be made", path.display()))?;
        let scratch = Self(path);
        data_directory::make_private(&scratch.0)?;
        Ok(scratch)
    }

    /// The path of it.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in the directory for temporary files.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_for_people_and_a_scratch_goes_with_its_owner() {
        for (bytes, told) in
            [(0, "0 KiB"), (1, "1 KiB"), (1 << 20, "1.0 MiB"), (3 << 19, "1.5 MiB"), (40 << 20, "40.0 MiB")]
        {
            assert_eq!(mebibytes(bytes), told);
        }
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().to_owned();
        std::fs::write(path.join("file"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }
}
