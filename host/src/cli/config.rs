//! `petrel config`: what is set, where it was set, and what can be set. It needs no running host.

use clap::Subcommand;

use crate::config::{Configuration, Flags, show};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Look at the configuration of the host.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print the settings that `petrel serve` would have, called from here with the same flags
    #[command(
        after_help = "Examples:\n  petrel config show\n  petrel config show --origin\n  petrel config show --config petrel.toml --origin"
    )]
    Show {
        /// Say of each value where it comes from: default, a line of the file, a variable, a flag
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// Print a configuration file with every setting, its default and what it does
    #[command(after_help = "Examples:\n  petrel config reference > petrel.toml")]
    Reference,
}

impl Config {
    pub(crate) fn run(self, form: Form) -> Result<Code, Failure> {
        match self {
            Self::Show { origin, flags } => {
                let configuration = Configuration::load(&flags)?;
                match form {
                    Form::Json => print::json(&show::as_json(&configuration)),
                    Form::Text => print::line(show::as_text(&configuration, origin).trim_end()),
                }
            }
            Self::Reference => print::line(show::reference().trim_end()),
        }
        Ok(Code::Ok)
    }
}
