//! `petrel store`: maintains the store of a host that is not running. `backup.rs` makes backups of a running one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use petrel_persistence::store::Archived;
use petrel_persistence_embedded::archive::{self, ArchiveError};
use petrel_persistence_embedded::backup::{self, ExportError};
use petrel_persistence_embedded::check::{self, CheckError, Checked};
use petrel_persistence_embedded::compact::{self, CompactError, Compacted};
use petrel_persistence_embedded::repair::{self, RepairError, Repaired};
use petrel_persistence_embedded::restore::{self, InFlight, RestoreError};
use petrel_persistence_embedded::{OpenError, Options, remedy};
use serde_json::json;

use crate::archive_file::{self, Target, as_json, in_words, size};
use crate::backup_files::Layout;
use crate::config::{Configuration, Flags, Settings};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

mod keys;

/// Check, repair, copy and compact the store of a host that is not running.
#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Read the whole store and report damage; the exit code is 1 if there is any
    #[command(
        after_help = "Examples:\n  petrel store check\n  petrel store check --data-dir /var/lib/petrel\n  petrel store check --repair"
    )]
    Check {
        /// Set unreadable rows aside in a file in the data directory, rebuild what can be rebuilt, and check again;
        /// needs as much free space as the store takes
        #[arg(long)]
        repair: bool,
        #[command(flatten)]
        reading: Reading,
    },
    /// Free space on the disk that the store no longer needs
    #[command(after_help = "Examples:\n  petrel store compact")]
    Compact {
        #[command(flatten)]
        flags: Flags,
    },
    /// Write the whole store to a file, from which a store of any engine can be made
    #[command(
        after_help = "Examples:\n  petrel store export petrel.archive\n  petrel store export - | gzip > petrel.archive.gz"
    )]
    Export {
        /// The file, which appears when it is complete; - for standard output
        file: String,
        #[command(flatten)]
        reading: Reading,
    },
    /// Make a new key for secrets; the host encrypts with it from its next start on, and keeps the old ones for what was
    /// encrypted before
    #[command(
        after_help = "Examples:\n  petrel store rotate-key\n  petrel store rotate-key --data-dir /var/lib/petrel"
    )]
    RotateKey {
        /// The keys of before are lost for good: make the file anew if it is not there, and encrypt with the new key although
        /// what they have encrypted cannot be read
        #[arg(long)]
        lost: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// Add the keys of another file to those for secrets, so that the host reads what was encrypted with them; it encrypts with
    /// the key of before
    #[command(
        after_help = "Examples:\n  petrel store add-key /media/safe/vault-key\n  petrel store add-key old-key --data-dir /var/lib/petrel"
    )]
    AddKey {
        /// The file with the keys, as the host has made it
        file: PathBuf,
        #[command(flatten)]
        flags: Flags,
    },
    /// Create a store from an export, where there is none
    #[command(
        after_help = "Examples:\n  petrel store import petrel.archive\n  petrel store import petrel.archive --engine redb\n  gunzip < petrel.archive.gz | petrel store import -"
    )]
    Import {
        /// The file; - for standard input
        file: String,
        /// The engine of the new store; the same as --store-engine
        #[arg(long, value_name = "NAME", conflicts_with = "store.engine")]
        engine: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
}

/// The options for reading a store.
#[derive(Debug, Args)]
pub(crate) struct Reading {
    #[command(flatten)]
    flags: Flags,

    /// Go on although the store has lost acknowledged commits
    #[arg(long)]
    accept_loss: bool,
}

impl Reading {
    fn settings(&self) -> Result<(Settings, Options), Failure> {
        let settings = Configuration::load_for_store(&self.flags)?;
        let options = Options { accept_loss: self.accept_loss, ..settings.store_options() };
        Ok((settings, options))
    }
}

impl Store {
    pub(crate) fn run(self, form: Form) -> Result<Code, Failure> {
        match self {
            Self::Check { repair: false, reading } => {
                let (settings, options) = reading.settings()?;
                let directory = settings.store_directory();
                let checked = check::check(&directory, &options).map_err(|error| match error {
                    CheckError::Open(error) => unopened(&error),
                    CheckError::Store(error) => unreadable(&error),
                })?;
                Ok(show_checked(form, &directory, &options, &checked, None))
            }
            Self::Check { repair: true, reading } => repair(form, &reading),
            Self::Compact { flags } => {
                let settings = Configuration::load_for_store(&flags)?;
                let directory = settings.store_directory();
                let options = settings.store_options();
                let compacted =
                    compact::compact(&directory, &options).map_err(|error| uncompacted(&error))?;
                show_compacted(form, &directory, &compacted);
                Ok(Code::Ok)
            }
            Self::Export { file, reading } => export(form, &file, &reading),
            Self::RotateKey { lost, flags } => keys::rotate(form, lost, &flags),
            Self::AddKey { file, flags } => keys::add(form, &file, &flags),
            Self::Import { file, engine, flags } => import(form, &file, &flags.and("store.engine", engine)),
        }
    }
}

/// Repairs a store, and reports the damage that is left.
fn repair(form: Form, reading: &Reading) -> Result<Code, Failure> {
    let (settings, options) = reading.settings()?;
    let directory = settings.store_directory();
    // A name that every file system allows, and that sorts by time.
    let time = petrel_engine::clock::now().to_string().replace(':', "-");
    let aside = settings.data_dir().join(format!("set-aside-{time}.jsonl"));
    let repaired = repair::repair(&directory, &options, &aside).map_err(|error| match error {
        RepairError::Open(error) => unopened(&error),
        RepairError::Store(error) => unreadable(&error),
        RepairError::Compact(error) => uncompacted(&error),
        error @ RepairError::File(..) => in_trouble(error.to_string(), ""),
    })?;
    Ok(show_checked(form, &directory, &options, &repaired.checked, Some(&repaired)))
}

fn show_repaired(repaired: &Repaired) {
    let Repaired { set_aside, file, mended, .. } = repaired;
    match file {
        Some(file) => {
            print::line(&format!("set aside {} in {}", print::counted(*set_aside, "row"), file.display()));
        }
        None => print::line("nothing had to be set aside"),
    }
    if *mended > 0 {
        print::line(&format!("made {} anew from others", print::counted(*mended, "row")));
    }
}

fn show_checked(
    form: Form,
    directory: &Path,
    options: &Options,
    checked: &Checked,
    repaired: Option<&Repaired>,
) -> Code {
    let Checked { rows, blobs, held, problems, problem_count, in_journal, lost } = checked;
    match form {
        Form::Json => {
            let mut said = json!({
                "directory": directory.display().to_string(),
                "engine": options.engine.name(),
                "rows": rows,
                "blobs": blobs,
                "held": held,
                "in_journal": in_journal,
                "problem_count": problem_count,
                "problems": problems,
                "lost": lost,
            });
            if let (Some(said), Some(repaired)) = (said.as_object_mut(), repaired) {
                let file = repaired.file.as_ref().map(|file| file.display().to_string());
                said.insert("set_aside".into(), repaired.set_aside.into());
                said.insert("set_aside_file".into(), file.into());
                said.insert("mended".into(), repaired.mended.into());
            }
            print::json(&said);
        }
        Form::Text => {
            lost.iter().for_each(|lost| print::line(&format!("lost, as told: {lost}")));
            repaired.into_iter().for_each(show_repaired);
            let all: u64 = rows.values().sum();
            print::line(&format!(
                "{}: {}, {}, kept by {}",
                directory.display(),
                print::counted(all, "row"),
                print::counted(*blobs, "large value"),
                options.engine
            ));
            rows.iter().for_each(|(kind, count)| print::line(&format!("  {count:>10} {kind}")));
            if *in_journal > 0 {
                print::line(&format!(
                    "{} of commits in the journal only, as after a crash",
                    print::counted(*in_journal, "group")
                ));
            }
            if *held > 0 {
                print::line(&format!(
                    "held since a restore: {}; `petrel resume-all` lets go on what is held, once the host runs",
                    print::counted(*held, "execution")
                ));
            }
            show_problems(problems, *problem_count, repaired.is_some());
        }
    }
    if *problem_count == 0 { Code::Ok } else { Code::Failed }
}

fn show_problems(problems: &[String], count: u64, is_repaired: bool) {
    problems.iter().for_each(|problem| print::line(&format!("problem: {problem}")));
    match count {
        0 => print::line("no problems"),
        count if is_repaired => print::line(&format!(
            "left: {}; keep a copy of the data directory, and restore from a backup",
            print::counted(count, "problem")
        )),
        count => print::line(&format!(
            "{}; keep a copy of the data directory, and restore from a backup, or go on with what is whole by `petrel store check --repair`",
            print::counted(count, "problem")
        )),
    }
}

fn show_compacted(form: Form, directory: &Path, compacted: &Compacted) {
    let Compacted { rows, before, after, swept } = compacted;
    match form {
        Form::Json => print::json(&json!({
            "directory": directory.display().to_string(),
            "rows": rows,
            "before_bytes": before,
            "after_bytes": after,
            "swept_bytes": swept,
        })),
        Form::Text => print::line(&format!(
            "{}: {} before, {} now, with {}; {} of that were large values that nothing referred to",
            directory.display(),
            size(*before),
            size(*after),
            print::counted(*rows, "row"),
            size(*swept)
        )),
    }
}

fn export(form: Form, file: &str, reading: &Reading) -> Result<Code, Failure> {
    let (settings, options) = reading.settings()?;
    let directory = settings.store_directory();
    let mut target = Target::begin(file)?;
    let is_standard = target.is_standard();
    let exported = backup::export(&directory, &options, &mut target).map_err(|error| match error {
        ExportError::Open(error) => unopened(&error),
        ExportError::Store(error) => in_trouble(
            error.to_string(),
            "if it is the file, name one on a disk with room; else `petrel store check` says what is wrong",
        ),
    })?;
    target.end(|from| archive::inspect(from).map_err(|error| unusable(file, &error)))?;
    match form {
        // Standard output has the archive.
        _ if is_standard => print::note(&in_words(&exported)),
        Form::Json => print::json(&as_json(&exported)),
        Form::Text => print::line(&format!("{file}: {}", in_words(&exported))),
    }
    Ok(Code::Ok)
}

fn import(form: Form, file: &str, flags: &Flags) -> Result<Code, Failure> {
    let settings = &Configuration::load(flags)?.settings;
    let mut archive = archive_file::open(file)?;
    let directory = settings.store_directory();
    let layout = Layout::begin(&settings.data_dir()).map_err(|error| unmade_directory(settings, &error))?;
    let engine = settings.store.engine;
    // Files belong to a backup, and `petrel restore` lays them out.
    let imported = restore::restore(&mut archive, &directory, engine, InFlight::AsItWas, |_, _, _| Ok(()));
    let imported = imported.map_err(|error| unmade(file, &error))?.archived;
    layout.keep();
    show_imported(form, &directory, &imported, engine.name());
    if form == Form::Text {
        print::line(&format!("next: start the host with `petrel serve{}`", flags.words()));
    }
    if imported.files > 0 {
        print::note(&format!(
            "left out {} of the data directory; `petrel restore` lays out files too",
            print::counted(imported.files, "file")
        ));
    }
    Ok(Code::Ok)
}

fn show_imported(form: Form, directory: &Path, imported: &Archived, engine: &str) {
    match form {
        Form::Json => print::json(&as_json(imported)),
        Form::Text => {
            print::line(&format!("{}: {}, kept by {engine}", directory.display(), in_words(imported)));
        }
    }
}

/// The failure for a store that cannot be opened. The message has the remedy.
fn unopened(error: &OpenError) -> Failure {
    let code = match error {
        OpenError::Missing(_) => Code::NotFound,
        _ => Code::Server,
    };
    Failure::new(code, "store", error.to_string(), "")
}

fn unreadable(error: &petrel_persistence::Error) -> Failure {
    let message = error.to_string();
    let hint = remedy::of_words(&message).unwrap_or("restore from a backup");
    in_trouble(message, hint)
}

/// The failure for a store whose new base cannot be written. The store is unchanged.
fn uncompacted(error: &CompactError) -> Failure {
    match error {
        CompactError::Open(error) => unopened(error),
        CompactError::Store(error) => unreadable(error),
        CompactError::Write(..) => {
            in_trouble(error.to_string(), "free as much room on its disk as the store takes, and try again")
        }
    }
}

fn in_trouble(message: String, hint: &str) -> Failure {
    Failure::new(Code::Server, "store", message, hint)
}

/// The failure for an archive that cannot be used. The message has the remedy.
pub(super) fn unusable(file: &str, error: &ArchiveError) -> Failure {
    Failure::new(Code::Usage, "archive", format!("{file}: {error}"), "")
}

/// The failure for a data directory that cannot be created.
pub(super) fn unmade_directory(settings: &Settings, error: &std::io::Error) -> Failure {
    let message = format!("the data directory {} cannot be made: {error}", settings.data_dir().display());
    in_trouble(message, "name one that you can write to with --data-dir")
}

/// The failure for a store that cannot be created from the archive in `file`.
pub(super) fn unmade(file: &str, error: &RestoreError) -> Failure {
    match error {
        RestoreError::Occupied(_) => Failure::new(Code::Conflict, "store", error.to_string(), ""),
        RestoreError::Archive(error) => unusable(file, error),
        RestoreError::Incomplete(_) => Failure::new(Code::Usage, "archive", format!("{file}: {error}"), ""),
        RestoreError::File(_, cause) => {
            let code = match cause.kind() {
                ErrorKind::AlreadyExists => Code::Conflict,
                ErrorKind::InvalidData => Code::Usage,
                _ => Code::Server,
            };
            Failure::new(code, "archive", format!("{file}: {error}"), "")
        }
        RestoreError::Io(..) | RestoreError::Base(..) => in_trouble(
            error.to_string(),
            "free some space, or name a directory that you can write to with --data-dir",
        ),
        RestoreError::Open(error) => unopened(error),
    }
}
