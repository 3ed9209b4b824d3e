//! `petrel serve`: starts the host.

use clap::Args;

use crate::config::{Configuration, Flags};
use crate::exit::{Code, Failure};
use crate::print::Form;
use crate::server;

/// Start the host: one process, with everything in its data directory.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  petrel serve\n  petrel serve --data-dir /var/lib/petrel --listen 127.0.0.1:9101\n  petrel serve --config petrel.toml"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    flags: Flags,

    /// Go on although the store has lost acknowledged commits
    #[arg(long)]
    accept_loss: bool,
}

impl Serve {
    pub(crate) fn run(self, form: Form) -> Result<Code, Failure> {
        server::run(Configuration::load_for_store(&self.flags)?, self.accept_loss, form)?;
        Ok(Code::Ok)
    }
}
