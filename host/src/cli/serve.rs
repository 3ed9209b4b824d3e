//! `petrel serve`: starts the host.

use clap::Args;

use crate::exit::{Code, Failure};
use crate::server;
use crate::settings::Settings;

/// Start the host: one process, with everything in its data directory.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  petrel serve\n  petrel serve --data-dir /var/lib/petrel --listen 127.0.0.1:9101"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(crate) fn run(self) -> Result<Code, Failure> {
        self.settings.check()?;
        server::run(self.settings)?;
        Ok(Code::Ok)
    }
}
