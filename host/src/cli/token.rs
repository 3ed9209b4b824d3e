//! `petrel token`: the admin's token in a file of the host.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::session::Session;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Replace the token in the file `admin-token` of the host's data directory.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Replace the token; copies of the old one are not accepted any more
    #[command(after_help = "Examples:\n  petrel token rotate")]
    Rotate,
}

impl Token {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let Self::Rotate = self;
        let answer = session.client.send_json(Method::POST, "/admin_token/rotate", &json!({})).await?;
        match session.form {
            Form::Json => print::json(&answer),
            Form::Text => {
                print::note(
                    "the host's file admin-token has a new token; the old one is not accepted any more",
                );
            }
        }
        Ok(Code::Ok)
    }
}
