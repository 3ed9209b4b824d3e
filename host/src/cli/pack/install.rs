//! `petrel pack install`: from a registry, from a file, from a directory, or from the binary. What comes from a registry or a
//! file is verified, laid out beside what is there, and only then registered; the lock says what it was.

mod source;

use std::path::Path;

use clap::Args;
use petrel_registry::card::Card;
use petrel_registry::{Digest, Fetched, Lock, Locked, Reference, layout};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::each::each;
use super::super::session::Session;
use super::installed::Installed;
use super::origin::Origin;
use super::outcome::tell_registration;
use super::typed;
use crate::exit::{Code, Failure};
use crate::registries::Registries;
use source::Source;

/// The entries that a refusal names.
const MOST_NAMED: usize = 5;

/// The arguments of the verb.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, and any of them go together")]
pub(crate) struct Install {
    /// The packs: references as HOST/PATH:TAG, files of `petrel pack save`, directories, or builtin:NAME
    #[arg(required_unless_present = "locked", value_name = "PACK")]
    packs: Vec<String>,
    /// Install exactly what packs.lock says: the named packs, or all of it
    #[arg(long)]
    locked: bool,
    /// Ask no registry; what is not on this machine is an error
    #[arg(long)]
    offline: bool,
    /// Let actions and sensors of a pack from a registry or a file run as processes on the host's machine
    #[arg(long)]
    allow_native: bool,
    /// Grant what the packs ask for, apart from directories
    #[arg(long)]
    grant: bool,
}

/// A pack that is to be installed.
enum Wanted {
    /// By the host itself, from those in its binary.
    Shipped(String),
    /// From a directory, a file or a registry.
    Origin(Origin),
    /// From the lock.
    Locked(Box<Locked>),
}

impl Install {
    /// Installs a file, as `petrel pack load` does.
    pub(super) fn of_file(file: String, allow_native: bool, grant: bool) -> Self {
        Self { packs: vec![file], locked: false, offline: true, allow_native, grant }
    }

    pub(super) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let mut wanted = Vec::new();
        for pack in &self.packs {
            wanted.push(self.wanted(pack)?);
        }
        // The host registers these in one request, as it always has.
        if !wanted.is_empty() && wanted.iter().all(|one| matches!(one, Wanted::Shipped(_))) {
            let body = json!({"packs": self.packs, "grant": self.grant});
            let answer = session.client.send_json(Method::POST, "/packs/install", &body).await?;
            return tell_registration(session.form, &answer).map(|()| Code::Ok);
        }
        let registries = Registries::of_machine()?;
        let mut names = self.packs.clone();
        if names.is_empty() {
            let lock = registries.lock()?;
            names = lock.packs().iter().map(|pack| pack.name.clone()).collect();
            wanted = lock.packs().iter().map(|pack| Wanted::Locked(Box::new(pack.clone()))).collect();
            if names.is_empty() {
                let message = format!("no pack is in the lock {}", registries.lock_file.display());
                return Err(Failure::new(
                    Code::NotFound,
                    "not_found",
                    message,
                    "`petrel pack install REF` puts one there",
                ));
            }
        }
        let find = |name: &str| names.iter().position(|known| known == name).and_then(|at| wanted.get(at));
        let act = async |name: &str| match find(name) {
            Some(wanted) => Box::pin(self.install(session, &registries, wanted)).await,
            None => Err(Failure::usage(format!("`{name}` is not asked for"), "")),
        };
        each(session.form, &names, act, |_, answer| tell_registration(session.form, answer)).await
    }

    /// What an argument names.
    fn wanted(&self, text: &str) -> Result<Wanted, Failure> {
        if text.starts_with("builtin:") {
            return Ok(Wanted::Shipped(text.to_owned()));
        }
        // The directory of a pack is often beside somebody who names the pack.
        if self.locked
            && let Some(locked) = Registries::of_machine()?.lock()?.of_pack(text)
        {
            return Ok(Wanted::Locked(Box::new(locked.clone())));
        }
        if let Some(origin) = Origin::of("install", text)? {
            return Ok(Wanted::Origin(origin));
        }
        if self.locked {
            return Err(not_locked(text));
        }
        // The host says which packs its binary has.
        typed::of_the_binary(text).map_or_else(|| Ok(Wanted::Shipped(text.to_owned())), Err)
    }

    /// Installs one pack, and returns the answer of the host.
    async fn install(
        &self,
        session: &Session,
        registries: &Registries,
        wanted: &Wanted,
    ) -> Result<Value, Failure> {
        match wanted {
            Wanted::Shipped(name) => {
                let body = json!({"packs": [name], "grant": self.grant});
                session.client.send_json(Method::POST, "/packs/install", &body).await
            }
            Wanted::Origin(Origin::Directory(path)) if self.locked => {
                Err(not_locked(&path.display().to_string()))
            }
            Wanted::Origin(Origin::Directory(path)) => {
                let wanted = super::wanted::Wanted::of(path, Vec::new())?.granting(self.grant);
                session.client.send_json(Method::POST, "/packs/register", &json!(wanted)).await
            }
            Wanted::Origin(Origin::File(path)) => {
                let installed = Installed::open(&registries.data_dir)?;
                let lock = registries.lock()?;
                installed.clear_downloads(None);
                let place = installed.downloads().join("file");
                let (fetched, name) = layout::load(path, &place, registries.limits())?;
                let reference: Option<Reference> = name.parse().ok();
                if self.locked {
                    let card = fetched.card(registries.limits())?;
                    let known = lock.of_pack(&card.reference).ok_or_else(|| not_locked(&card.reference))?;
                    refuse_other(known, &fetched.digest)?;
                }
                // Whoever made the file wrote that name: it says nothing about who may run processes.
                let source = Source { reference: reference.as_ref(), is_proven: false };
                self.register(session, registries, &installed, lock, (source, &fetched)).await
            }
            Wanted::Origin(Origin::Artifact(reference)) => {
                self.of_artifact(session, registries, reference).await
            }
            Wanted::Locked(locked) => self.of_lock(session, registries, locked).await,
        }
    }

    /// Installs an artifact of a registry.
    async fn of_artifact(
        &self,
        session: &Session,
        registries: &Registries,
        reference: &Reference,
    ) -> Result<Value, Failure> {
        let name = reference.to_string();
        let known = registries.lock()?.of_reference(&name).cloned();
        if self.locked {
            let known = known.ok_or_else(|| not_locked(&name))?;
            if let Some(digest) = &reference.digest {
                refuse_other(&known, digest)?;
            }
            return self.of_lock(session, registries, &known).await;
        }
        if self.offline {
            let known = known.ok_or_else(|| offline(&name))?;
            return self.of_lock(session, registries, &known).await;
        }
        self.fetch(session, registries, reference, None).await
    }

    /// Installs what the lock says.
    async fn of_lock(
        &self,
        session: &Session,
        registries: &Registries,
        locked: &Locked,
    ) -> Result<Value, Failure> {
        let installed = Installed::open(&registries.data_dir)?;
        if let Some(path) = installed.find(&locked.name, &locked.digest) {
            return self.register_at(session, &path).await;
        }
        drop(installed);
        let reference: Option<Reference> = locked.reference.parse().ok();
        match reference {
            _ if self.offline => Err(offline(&format!("{} {}", locked.name, locked.version))),
            Some(reference) => self.fetch(session, registries, &reference, Some(locked)).await,
            None => Err(of_no_registry(locked)),
        }
    }

    /// Fetches an artifact and installs it: the one that the lock says, if that is given.
    async fn fetch(
        &self,
        session: &Session,
        registries: &Registries,
        reference: &Reference,
        locked: Option<&Locked>,
    ) -> Result<Value, Failure> {
        let installed = Installed::open(&registries.data_dir)?;
        let mut lock = registries.lock()?;
        let asked = match locked {
            Some(locked) => Reference { digest: Some(locked.digest.clone()), ..reference.clone() },
            None => reference.clone(),
        };
        let fetched = registries.look(&asked, &installed.downloads()).await?;
        // What the artifact is not is told before its parts are fetched.
        fetched.manifest.parts(registries.limits())?;
        let same = lock.packs().iter().find(|pack| pack.digest == fetched.digest).cloned();
        if let Some(same) = same
            && let Some(path) = installed.find(&same.name, &same.digest)
        {
            let answer = self.register_at(session, &path).await?;
            lock.put(Locked { reference: reference.to_string(), ..same });
            lock.write(&registries.lock_file)?;
            return Ok(answer);
        }
        installed.clear_downloads(Some(&fetched.digest));
        registries.fill(&asked, &fetched).await?;
        let source = Source { reference: Some(reference), is_proven: true };
        self.register(session, registries, &installed, lock, (source, &fetched)).await
    }

    /// Lays an artifact out and registers it. The lock is written once the host has it.
    async fn register(
        &self,
        session: &Session,
        registries: &Registries,
        installed: &Installed,
        mut lock: Lock,
        (source, fetched): (Source<'_>, &Fetched),
    ) -> Result<Value, Failure> {
        let native = |card: &Card| {
            let known = lock.of_pack(&card.reference);
            if self.allow_native || known.is_some_and(|known| source.may_as(known, &fetched.digest)) {
                return Ok(());
            }
            refuse_native(card)
        };
        let (version, card) = installed.lay_out(fetched, registries.limits(), native)?;
        let answer = match self.register_at(session, &version.path).await {
            Ok(answer) => answer,
            Err(failure) => {
                // A host that was not heard of may have registered it.
                if failure.code != Code::Server {
                    version.withdraw();
                }
                return Err(failure);
            }
        };
        let before = lock.of_pack(&card.reference).map(|known| known.digest.clone());
        let name = source.reference.map(ToString::to_string).unwrap_or_default();
        let resolved =
            source.reference.map(|reference| registries.settings().read_from(reference).to_string());
        lock.put(Locked {
            name: card.reference.clone(),
            version: card.version.clone(),
            resolved: resolved.filter(|resolved| *resolved != name).unwrap_or_default(),
            reference: name,
            digest: fetched.digest.clone(),
            native: card.native().next().is_some(),
        });
        lock.write(&registries.lock_file)?;
        // The same once more leaves the one before it where it is.
        if before.as_ref() != Some(&fetched.digest) {
            installed.prune(&card.reference, [Some(&fetched.digest), before.as_ref()]);
        }
        installed.clear_downloads(None);
        Ok(answer)
    }

    /// Has the host register the pack in a directory of its data directory.
    async fn register_at(&self, session: &Session, path: &Path) -> Result<Value, Failure> {
        let Some(path) = path.to_str() else {
            let message = format!("{} cannot be sent to the host: its path is not UTF-8", path.display());
            return Err(Failure::usage(message, "use a data directory with another name"));
        };
        let body = json!({"path": path, "grant": self.grant});
        session.client.send_json(Method::POST, "/packs/register", &body).await.map_err(accepted_here)
    }
}

/// The failure of a registration. The directory that the host names is withdrawn: what accepts it is this command.
fn accepted_here(failure: Failure) -> Failure {
    if failure.code != Code::Unaccepted {
        return failure;
    }
    Failure { hint: "repeat this with --grant if the pack may have that".to_owned(), ..failure }
}

/// Refuses a pack whose actions or sensors run as processes.
fn refuse_native(card: &Card) -> Result<(), Failure> {
    let named: Vec<_> =
        card.native().map(|entry| format!("{}.{} ({})", card.reference, entry.name, entry.by)).collect();
    if named.is_empty() {
        return Ok(());
    }
    let shown = petrel_model::quoted::listed(named.iter().map(String::as_str), MOST_NAMED);
    let message = format!(
        "the pack {} {} runs processes on the machine of the host: {shown}; nothing was changed",
        card.reference, card.version
    );
    Err(Failure::new(
        Code::Unaccepted,
        "unaccepted",
        message,
        "look at it with `petrel pack pull`, and repeat this with --allow-native if you trust it",
    ))
}

fn not_locked(name: &str) -> Failure {
    let message = format!("{name} is not in the lock, and nothing else may be installed with --locked");
    Failure::new(Code::Conflict, "lock", message, "`petrel pack install REF` without --locked puts it there")
}

fn refuse_other(locked: &Locked, found: &Digest) -> Result<(), Failure> {
    if locked.digest == *found {
        return Ok(());
    }
    let message = format!(
        "the lock has {} {} with the digest {}, and this is {found}",
        locked.name, locked.version, locked.digest
    );
    let hint = "install it without --locked if that is what you want; the lock is changed then";
    Err(Failure::new(Code::Conflict, "lock", message, hint))
}

fn of_no_registry(locked: &Locked) -> Failure {
    let message = format!(
        "{} {} is not on this machine, and the lock names no registry that has it: it was installed from a file",
        locked.name, locked.version
    );
    let hint = "install that file, `petrel pack install --locked FILE`; its digest is compared with the lock";
    Failure::new(Code::NotFound, "lock", message, hint)
}

fn offline(name: &str) -> Failure {
    let message = format!("{name} is not on this machine, and no registry may be asked with --offline");
    Failure::new(
        Code::NotFound,
        "offline",
        message,
        "leave out --offline, or install a file of `petrel pack save`",
    )
}
