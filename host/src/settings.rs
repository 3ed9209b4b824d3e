//! The settings of the host, as flags and environment variables.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::data_directory;
use crate::exit::Failure;
use crate::grants;

/// Where the host listens unless told otherwise.
pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:9101";

/// Settings of `petrel serve`.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Where everything is kept [default: petrel in the user's XDG data home]
    #[arg(long, env = "PETREL_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// The address to listen on
    #[arg(long, env = "PETREL_LISTEN", value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
    pub(crate) listen: SocketAddr,

    /// Listen beyond this machine although tokens then travel in clear text
    #[arg(long, env = "PETREL_ALLOW_PLAIN_HTTP")]
    pub(crate) allow_plain_http: bool,

    /// How many processes run at once
    #[arg(long, env = "PETREL_PROCESS_SLOTS", value_name = "N", default_value_t = 16)]
    pub(crate) process_slots: usize,

    /// How many components run at once
    #[arg(long, env = "PETREL_COMPONENT_SLOTS", value_name = "N", default_value_t = 64)]
    pub(crate) component_slots: usize,

    /// How many executions may wait before new ones are refused
    #[arg(long, env = "PETREL_WAITING_LIMIT", value_name = "N", default_value_t = 100_000)]
    pub(crate) waiting_limit: usize,

    /// Seconds that what runs may go on when the host is to stop
    #[arg(long, env = "PETREL_DRAIN_SECONDS", value_name = "N", default_value_t = 30)]
    pub(crate) drain_seconds: u64,

    /// The user as whom shell commands and scripts run, by sudo [default: the host's own]
    #[arg(long, env = "PETREL_RUN_AS", value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) run_as: Option<String>,

    /// The interpreter of Python actions: a path, or a name on PATH
    #[arg(long, env = "PETREL_PYTHON", value_name = "PROGRAM", default_value = "python3", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) python: String,

    /// Give the components of a pack a directory: `PACK=HOST-DIR:GUEST-PATH[:rw]`
    #[arg(
        long = "grant-directory",
        env = "PETREL_GRANT_DIRECTORY",
        value_name = "GRANT",
        value_delimiter = ','
    )]
    pub(crate) grant_directories: Vec<String>,

    /// Go on although the store has lost commits that it had acknowledged
    #[arg(long)]
    pub(crate) accept_loss: bool,
}

impl Settings {
    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(data_directory::default)
    }

    /// How long what runs may go on when the host is to stop.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// Settings that would do harm are refused.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if !self.listen.ip().is_loopback() && !self.allow_plain_http {
            return Err(Failure::usage(
                format!(
                    "{} can be reached from other machines, and tokens would travel in clear text",
                    self.listen
                ),
                "listen on 127.0.0.1 behind a proxy that speaks TLS, or say --allow-plain-http",
            ));
        }
        if self.process_slots == 0 || self.component_slots == 0 {
            return Err(Failure::usage("with no slots nothing would ever run", "give at least 1"));
        }
        grants::parse(&self.grant_directories).map(drop)
    }
}
