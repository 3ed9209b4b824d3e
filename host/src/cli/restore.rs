//! `petrel restore`: restores a backup into a data directory. `backup.rs` has it written.

use clap::Args;
use petrel_persistence_embedded::restore::{self, InFlight, Restored};
use serde_json::{Value, json};

use super::store::{unmade, unmade_directory};
use crate::archive_file::{self, as_json, in_words};
use crate::backup_files::Layout;
use crate::config::{Configuration, Flags};
use crate::data_directory;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Restore a backup or an export into a new data directory. A directory that has a store is refused, and an
/// incomplete backup leaves nothing behind. Executions that were in flight at the backup are held until `petrel
/// resume-all`, since they may have gone on where the backup comes from; new ones run. When they are resumed, an action
/// that had begun is run again if it is idempotent, and otherwise becomes `abandoned`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  petrel restore petrel.backup\n  petrel restore petrel.backup --data-dir /var/lib/petrel --store-engine redb\n  petrel restore petrel.backup --run\n  gunzip < petrel.backup.gz | petrel restore -"
)]
pub(crate) struct Restore {
    /// The file; - for standard input
    file: String,

    /// Do not hold executions that were in flight at the backup: they go on, or are abandoned, when the host starts
    #[arg(long)]
    run: bool,

    #[command(flatten)]
    flags: Flags,
}

impl Restore {
    pub(crate) fn run(self, form: Form) -> Result<Code, Failure> {
        let file = &self.file;
        let settings = Configuration::load(&self.flags)?.settings;
        let mut archive = archive_file::open(file)?;
        let (data_dir, engine) = (settings.data_dir(), settings.store.engine);
        let mut layout = Layout::begin(&data_dir).map_err(|error| unmade_directory(&settings, &error))?;
        let in_flight = if self.run { InFlight::GoesOn } else { InFlight::Held };
        if !settings.store_directory().exists() {
            // The marks of processes in this directory belong to another store than the restored one.
            data_directory::forget_identity(&data_dir)
                .map_err(|error| unmade_directory(&settings, &error))?;
        }
        let lay_out = |path: &str, mode: u32, content: &[u8]| layout.add(path, mode, content);
        let restored =
            restore::restore(&mut archive, &settings.store_directory(), engine, in_flight, lay_out);
        let restored = restored.map_err(|error| unmade(file, &error))?;
        layout.keep();
        let archived = &restored.archived;
        match form {
            Form::Json => print::json(&with_in_flight(as_json(archived), &restored, !self.run)),
            Form::Text => {
                print::line(&format!("{}: {}, kept by {engine}", data_dir.display(), in_words(archived)));
                print_in_flight(&restored, !self.run);
                print::line(&format!("next: start the host with `petrel serve{}`", self.flags.words()));
            }
        }
        Ok(Code::Ok)
    }
}

/// The report of a restore, with the executions in flight.
fn with_in_flight(mut said: Value, restored: &Restored, is_held: bool) -> Value {
    let Restored { waiting, begun, .. } = restored;
    if let Some(said) = said.as_object_mut() {
        said.insert("in_flight".into(), json!({"waiting": waiting, "begun": begun, "held": is_held}));
    }
    said
}

fn print_in_flight(restored: &Restored, is_held: bool) {
    let Restored { waiting, begun, .. } = restored;
    if waiting + begun == 0 {
        return;
    }
    print::line(&format!(
        "in flight at the backup: {}; {waiting} waited, {begun} had begun",
        print::counted(waiting + begun, "execution")
    ));
    print::line(if is_held {
        "  held, as they may have gone on since; once the host is started, `petrel resume-all --show` lists them and \
         `petrel resume-all` lets go on what is held"
    } else {
        "  what was in flight goes on as soon as the host is started"
    });
    if *begun > 0 {
        print::line(
            "  then workflows go on, and an action that had begun becomes abandoned unless it is idempotent: `petrel \
             execution list --all --status abandoned` shows these, `petrel execution rerun ID` runs one again",
        );
    }
}
