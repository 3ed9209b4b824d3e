//! `petrel pack install`: from a registry, from a file, from a directory, or from the binary. What comes from a registry or a
//! file is verified, laid out beside what is there, and only then registered; the lock says what it was.

mod broken;
mod notes;
mod refusals;
mod source;

use std::path::Path;

use clap::Args;
use petrel_registry::beside::{Beside, Kind};
use petrel_registry::card::Card;
use petrel_registry::layout::{self, Loaded};
use petrel_registry::{Fetched, Locked, Reference};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::each::each;
use super::super::session::Session;
use super::installed::{Installed, Version};
use super::origin::Origin;
use super::outcome::tell_registration;
use super::trusted::{self, Accepted};
use super::{active, diff, dropped, progress, typed, versions};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::registries::Registries;
pub(super) use refusals::{WRONG_TAG, refuse_no_update};
use refusals::{not_locked, of_no_registry, offline, refuse_native, refuse_other};
use source::Source;

/// The arguments of the verb.
#[derive(Debug, Args)]
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
    #[command(flatten)]
    accepted: Accepted,
    // The pack of which it is an update: only to a newer version, with the difference told.
    #[arg(skip)]
    updates: Option<String>,
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

impl Wanted {
    /// Whether it is of a kind that has no signatures.
    fn is_unsigned(&self) -> bool {
        matches!(self, Self::Shipped(_) | Self::Origin(Origin::Directory(_)))
    }
}

impl Install {
    /// Installs a file, as `petrel pack load` does.
    pub(super) fn of_file(file: String, accepted: Accepted) -> Self {
        Self { packs: vec![file], locked: false, offline: true, accepted, updates: None }
    }

    /// Installs a newer version of a pack, as `petrel pack update` does.
    pub(super) fn of_update(pack: &str, accepted: Accepted) -> Self {
        Self { packs: Vec::new(), locked: false, offline: false, accepted, updates: Some(pack.to_owned()) }
    }

    pub(super) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let mut wanted = Vec::new();
        for pack in &self.packs {
            wanted.push(self.wanted(pack)?);
        }
        if self.accepted.key.is_some() && wanted.iter().any(Wanted::is_unsigned) {
            let message = "--key verifies packs from registries and files, and one of these is neither";
            return Err(Failure::usage(message, "leave it out, and install the others by themselves"));
        }
        // The host registers these in one request, as it always has.
        if !wanted.is_empty() && wanted.iter().all(|one| matches!(one, Wanted::Shipped(_))) {
            let body = json!({"packs": self.packs, "grant": self.accepted.grant});
            let answer = session.client.send_json(Method::POST, "/packs/install", &body).await?;
            dropped::by_registration(&answer);
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
                let body = json!({"packs": [name], "grant": self.accepted.grant});
                let answer = session.client.send_json(Method::POST, "/packs/install", &body).await?;
                dropped::by_registration(&answer);
                Ok(answer)
            }
            Wanted::Origin(Origin::Directory(path)) if self.locked => {
                Err(not_locked(&path.display().to_string()))
            }
            Wanted::Origin(Origin::Directory(path)) => {
                let wanted = super::wanted::Wanted::of(path, Vec::new())?.granting(self.accepted.grant);
                let body = json!(wanted);
                let asked = session.client.send_json(Method::POST, "/packs/register", &body);
                let answer = progress::during(session, asked).await?;
                dropped::by_registration(&answer);
                Ok(answer)
            }
            Wanted::Origin(Origin::File(path)) => {
                let installed = Installed::open(&registries.data_dir)?;
                installed.clear_downloads(None);
                let place = installed.downloads().join("file");
                let Loaded { fetched, name, beside } = layout::load(path, &place, registries.limits())?;
                let reference: Option<Reference> = name.parse().ok();
                if self.locked {
                    let (card, lock) = (fetched.card(registries.limits())?, registries.lock()?);
                    let known = lock.of_pack(&card.reference).ok_or_else(|| not_locked(&card.reference))?;
                    refuse_other(known, &fetched.digest)?;
                }
                // Whoever made the file wrote that name: it says nothing about who may run processes, or what is trusted.
                let source = Source { reference: reference.as_ref(), is_proven: false };
                self.register(session, registries, &installed, source, (&fetched, &beside)).await
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
            let known = if let Some(known) = known {
                known
            } else {
                // One of before, to which somebody goes back.
                let there = Installed::open(&registries.data_dir)?.of_reference(reference);
                versions::gone_back(&registries.lock()?, there.ok_or_else(|| offline(&name))?)
            };
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
        if installed.find(&locked.name, &locked.digest).is_some() {
            trusted::refuse_unverified(registries, &self.accepted, locked)?;
            let (before, grant) = (registries.lock()?, self.accepted.grant);
            let answer = active::activate(session, registries, &installed, locked.clone(), grant).await?;
            notes::tell(locked, before.of_pack(&locked.name));
            return Ok(answer);
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
    pub(super) async fn fetch(
        &self,
        session: &Session,
        registries: &Registries,
        reference: &Reference,
        locked: Option<&Locked>,
    ) -> Result<Value, Failure> {
        let installed = Installed::open(&registries.data_dir)?;
        let asked = match locked {
            Some(locked) => Reference { digest: Some(locked.digest.clone()), ..reference.clone() },
            None => reference.clone(),
        };
        let fetched = registries.look(&asked, &installed.downloads()).await?;
        // What the artifact is not is told before its parts are fetched.
        fetched.manifest.parts(registries.limits())?;
        let beside = registries.beside(&asked, &fetched.digest, &[Kind::Signatures]).await?;
        let lock = registries.lock()?;
        if let Some(name) = &self.updates {
            refuse_no_update(name, lock.of_pack(name), &registries.card(&asked, &fetched).await?, reference)?;
        }
        let same = lock.packs().iter().find(|pack| pack.digest == fetched.digest);
        let source = Source { reference: Some(reference), is_proven: true };
        let there = same.and_then(|same| Some((same, installed.find(&same.name, &same.digest)?)));
        if let Some((same, path)) = there {
            if same.native && !self.accepted.allow_native && !source.may_as(same, &same.digest) {
                refuse_native(&Card::of(&path)?.0)?;
            }
            let again = Locked {
                reference: reference.to_string(),
                resolved: resolved(registries, reference),
                ..same.clone()
            };
            let again = trusted::judged(registries, &self.accepted, (again, true), &beside, Some(same))?;
            let grant = self.accepted.grant;
            let answer = active::activate(session, registries, &installed, again.clone(), grant).await?;
            notes::tell(&again, Some(same));
            return Ok(answer);
        }
        installed.clear_downloads(Some(&fetched.digest));
        registries.fill(&asked, &fetched).await?;
        self.register(session, registries, &installed, source, (&fetched, &beside)).await
    }

    /// Lays an artifact out and registers it. The lock is written once the host has it.
    async fn register(
        &self,
        session: &Session,
        registries: &Registries,
        installed: &Installed,
        source: Source<'_>,
        (fetched, beside): (&Fetched, &Beside),
    ) -> Result<Value, Failure> {
        let (lock, said) = (registries.lock()?, fetched.card(registries.limits())?);
        let known = lock.of_pack(&said.reference);
        let pack = source.referred(as_locked(registries, source, fetched, &said), known);
        let pack = (pack, source.is_proven);
        let pack = trusted::judged(registries, &self.accepted, pack, beside, known)?;
        let native = |card: &Card| {
            let known = lock.of_pack(&card.reference);
            if self.accepted.allow_native || known.is_some_and(|known| source.may_as(known, &fetched.digest))
            {
                return Ok(());
            }
            refuse_native(card)
        };
        let (version, pack) = installed.lay_out(fetched, registries.limits(), pack, native)?;
        let answer = match self.registered(session, registries, installed, (&pack, &version)).await {
            Ok(answer) => answer,
            Err(failure) => {
                // A host that was not heard of may have registered it.
                if failure.code != Code::Server {
                    version.withdraw();
                }
                return Err(failure);
            }
        };
        active::note(registries, installed, pack.clone())?;
        notes::tell(&pack, known);
        // The same once more leaves the others where they are. An execution may be reading the files of an old one.
        if version.is_new
            && installed.is_crowded(&pack.name)
            && !active::is_busy(session, &pack.name).await.unwrap_or(true)
        {
            installed.prune(&pack.name, &pack.digest);
        }
        installed.clear_downloads(None);
        Ok(answer)
    }

    /// Has the host register a version that is laid out, and tells what it changes. That is only told, so what keeps it from being
    /// found out is none of its user's.
    async fn registered(
        &self,
        session: &Session,
        registries: &Registries,
        installed: &Installed,
        (pack, version): (&Locked, &Version),
    ) -> Result<Value, Failure> {
        let old = active::active_path(session, &pack.name).await.ok().flatten();
        let old = old.as_deref().map(Path::new).filter(|old| *old != version.path);
        if let Some(old) = old.filter(|_| self.updates.is_some() && session.form == Form::Text)
            && let Ok(lines) = diff::between(registries, old, &version.path)
        {
            lines.iter().for_each(|line| print::note(line));
        }
        let warning = old.and_then(|old| broken::warning(&pack.name, old, &version.path));
        let asked = active::register(session, installed, pack, self.accepted.grant);
        let answer = progress::during(session, asked).await?;
        if let Some(warning) = warning {
            print::note(&warning);
        }
        Ok(answer)
    }
}

/// A fetched artifact as the lock will have it. Nothing is known of its signatures yet.
fn as_locked(
    registries: &Registries,
    Source { reference, is_proven }: Source<'_>,
    fetched: &Fetched,
    card: &Card,
) -> Locked {
    let fetched_as = reference.filter(|_| is_proven);
    Locked {
        name: card.reference.clone(),
        version: card.version.clone(),
        reference: reference.map(ToString::to_string).unwrap_or_default(),
        resolved: fetched_as.map(|reference| resolved(registries, reference)).unwrap_or_default(),
        digest: fetched.digest.clone(),
        native: false,
        signature: None,
        key: None,
    }
}

/// The place that an artifact was fetched from, if that is a mirror.
fn resolved(registries: &Registries, reference: &Reference) -> String {
    let from = registries.settings().read_from(reference);
    if from == *reference { String::new() } else { from.to_string() }
}
