//! `petrel clock`: the time of the host.

use clap::Args;
use petrel_api_types::clock::HostTime;

use super::session::Session;
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes};

/// Show the time of the host, by which it runs what is due.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  petrel clock")]
pub(crate) struct Clock;

impl Clock {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let answer = session.client.get("/clock").await?;
        session.show(&answer, |HostTime { now }| {
            print::attributes(&Attributes::default().text("now", now.to_string()));
        })?;
        Ok(Code::Ok)
    }
}
