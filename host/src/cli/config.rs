//! `petrel config`: the settings in force, their sources, and the reference. It needs no running host.

use clap::Subcommand;

use crate::config::{Configuration, Flags, show};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Show the configuration of the host.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print the settings that `petrel serve` would have with the same flags
    #[command(
        after_help = "Examples:\n  petrel config show\n  petrel config show --origin\n  petrel config show --config petrel.toml --origin"
    )]
    Show {
        /// Print the source of each value: default, line of the file, variable or flag
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// Print a configuration file with every setting, its default and its description
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
                    Form::Text => print::raw(show::as_text(&configuration, origin).trim_end()),
                }
            }
            Self::Reference => match form {
                Form::Json => print::json(&show::reference_as_json()),
                Form::Text => print::raw(show::reference().trim_end()),
            },
        }
        Ok(Code::Ok)
    }
}
