//! `petrel completion`: completion scripts for shells.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petrel completion bash > ~/.local/share/bash-completion/completions/petrel
  petrel completion zsh > ~/.zfunc/_petrel
  petrel completion fish > ~/.config/fish/completions/petrel.fish")]
pub(crate) struct Completion {
    /// The shell
    shell: Shell,
}

impl Completion {
    pub(crate) fn run(self, form: Form, mut command: Command) -> Result<Code, Failure> {
        form.must_be_text("completion", "a script for a shell")?;
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "petrel", &mut script);
        print::raw(String::from_utf8_lossy(&script).trim_end());
        Ok(Code::Ok)
    }
}
