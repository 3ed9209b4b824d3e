//! `petrel restore`: makes a data directory of a backup. `backup.rs` has it written.

use clap::Args;
use petrel_persistence_embedded::restore;

use super::store::{unmade, unmade_directory};
use crate::archive_file::{self, as_json, in_words};
use crate::backup_files::Layout;
use crate::config::{Configuration, Flags};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Make a data directory of a backup, or of an export. One that has a store already is left alone; of a backup
/// that is not whole nothing is left behind.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  petrel restore petrel.backup\n  petrel restore petrel.backup --data-dir /var/lib/petrel --store-engine redb\n  gunzip < petrel.backup.gz | petrel restore -"
)]
pub(crate) struct Restore {
    /// The file; - for standard input
    file: String,

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
        let restored =
            restore::restore(&mut archive, &settings.store_directory(), engine, |path, mode, content| {
                layout.add(path, mode, content)
            });
        let restored = restored.map_err(|error| unmade(file, &error))?;
        layout.keep();
        match form {
            Form::Json => print::json(&as_json(&restored)),
            Form::Text => {
                print::line(&format!("{}: {}, kept by {engine}", data_dir.display(), in_words(&restored)));
                print::line("next: start the host with `petrel serve`");
            }
        }
        Ok(Code::Ok)
    }
}
