//! `petrel log`: the log of the host.

use clap::Subcommand;
use petrel_api_types::host::LogLevel;
use reqwest::Method;
use serde_json::json;

use super::session::Session;
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes};

/// Show and change the level of the log.
#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Show the level, or set it until the next start of the host, which only the admin may
    #[command(
        after_help = "Examples:\n  petrel log level\n  petrel log level debug\n  petrel log level info,petrel=debug"
    )]
    Level {
        /// error, warn, info, debug or trace; or levels by module
        level: Option<String>,
    },
}

impl Log {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let Self::Level { level } = self;
        let answer = match level {
            None => session.client.get("/log").await?,
            Some(level) => session.client.send_json(Method::PUT, "/log", &json!({"level": level})).await?,
        };
        session.show(&answer, |LogLevel { level }| {
            print::attributes(&Attributes::default().text("level", level));
        })?;
        Ok(Code::Ok)
    }
}
