//! `petrel token`: the admin's token, which lies in a file of the host.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::session::Session;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Look after the token in the file `admin-token` of the host's data directory.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Replace it: copies of the old one are worth nothing from then on
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
                print::note("the host's file admin-token holds another token; the old one is worth nothing");
            }
        }
        Ok(Code::Ok)
    }
}
