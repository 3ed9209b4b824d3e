//! `petrel backup`: has a running host write a backup. `restore.rs` restores it.

use std::io::Write as _;

use clap::Args;
use petrel_persistence_embedded::archive;

use super::session::Session;
use super::store::unusable;
use crate::archive_file::{Target, as_json, in_words, unwritten};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Write a backup of a running host: everything in the store as of one moment, the admin's token, configurations of
/// packs, and packs in the data directory. Whoever has a backup can sign in. Secret keys of the datastore stay encrypted in it. Nothing waits for running executions: what
/// is in flight is in the backup as such, and `petrel restore --help` says what becomes of it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  petrel backup petrel.backup\n  petrel backup - | gzip > petrel.backup.gz\n  petrel restore petrel.backup --data-dir /var/lib/petrel"
)]
pub(crate) struct Backup {
    /// The file, which appears when it is complete; - for standard output
    file: String,

    /// With the keys for secrets, so that whoever has the backup can read them
    #[arg(long)]
    with_key: bool,
}

impl Backup {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let file = &self.file;
        let mut target = Target::begin(file)?;
        let take = |part: &[u8]| target.write_all(part).map_err(|error| unwritten(file, &error));
        let path = if self.with_key { "/backup?with_key=true" } else { "/backup" };
        session.client.download(path, take).await?;
        let Some(held) = target.end(|from| archive::inspect(from).map_err(|error| unusable(file, &error)))?
        else {
            return Ok(Code::Ok);
        };
        match session.form {
            Form::Json => print::json(&as_json(&held)),
            Form::Text => print::line(&format!("{file}: {}", in_words(&held))),
        }
        if !self.with_key {
            print::note(
                "the key for secrets is not in it; keep the file vault-key of the data directory in another \
                 place, or give --with-key",
            );
        }
        Ok(Code::Ok)
    }
}
