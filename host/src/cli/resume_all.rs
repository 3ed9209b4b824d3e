//! `petrel resume-all`: lets go on what rests since a restore. `restore.rs` has it rest.

use clap::Args;
use serde_json::Value;

use super::Session;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Let go on what was in flight at the backup that the running host is restored from: executions that waited, ran or
/// were delayed, and workflows. Before that, see to it that they do not go on where the backup is from. What had begun
/// and may not be run twice is then `abandoned`; what is not to run at all can be canceled first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  petrel resume-all\n  petrel execution cancel 6a1e5c2f9b1d4e5f60718293")]
pub(crate) struct ResumeAll;

impl ResumeAll {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let answer = session.client.delete("/hold").await?;
        match session.form {
            Form::Json => print::json(&answer),
            Form::Text => match answer.get("resumed").and_then(Value::as_u64).unwrap_or_default() {
                0 => print::note("nothing is held"),
                count => print::line(&format!("{count} executions that were in flight at the backup go on")),
            },
        }
        Ok(Code::Ok)
    }
}
