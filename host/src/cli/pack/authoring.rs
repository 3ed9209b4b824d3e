//! The verbs of authors: `petrel pack new`, `build`, `test`, `run` and `dev`. Each has a file beside this one.

use clap::Subcommand;

use super::build::Build;
use super::cases::Cases;
use super::dev::Dev;
use super::new::New;
use super::run::Run;
use crate::client::Connection;
use crate::exit::{Code, Failure};
use crate::print::Form;

/// Make, build and test a pack.
#[derive(Debug, Subcommand)]
pub(crate) enum Authoring {
    /// Make the directory of a new pack with an action, a test case and a page that says how to go on; no host is needed
    #[command(
        after_help = "Examples:\n  petrel pack new --lang python greetings\n  petrel pack new --lang go greetings --directory ./packs/greetings"
    )]
    New(New),
    /// Build the component of a pack from its sources, by the language's own tool, and write its metadata; no host is needed
    #[command(
        after_help = "The language is known by a file in `component/`: Cargo.toml, actions.py, package.json, go.mod or actions.c. A tool that is missing is named with the command that installs it. Building runs what the pack brings (.venv, node_modules, build.rs): build only packs whose sources you trust.\n\nExamples:\n  petrel pack build\n  petrel pack build ./packs/mine"
    )]
    Build(Build),
    /// Run the cases in tests/*.yaml against the component of a pack, and its Python tests in tests/test_*.py; no host is needed
    #[command(
        after_help = "A case gives an action its parameters, the configuration and the answers to its requests, and says what must come of it. Ends with 1 when one fails.\n\nExamples:\n  petrel pack test\n  petrel pack test ./packs/mine --only greets"
    )]
    Test(Cases),
    /// Run an action of a pack on this machine, over the network and with what the pack asks for; no host is needed
    #[command(
        after_help = "With --record the action may do all, and what would have sufficed is printed as it stands in pack.yaml. Directories and variables of the environment are not among that: they are asked for by name alone. Keys are those of the run, and gone after it. Ends with 1 when the action fails.\n\nExamples:\n  petrel pack run greet name=Ann\n  petrel pack run fetch url=https://example.com --directory ./packs/mine --record\n  petrel pack run post text=hello --secrets - < secrets.yaml"
    )]
    Run(Run),
    /// Build a pack and register it again whenever a file of it changes, and show what its actions do, until ^C
    #[command(
        after_help = "It needs a host on this machine that runs (`petrel serve`).\n\nExamples:\n  petrel pack dev\n  petrel pack dev ./packs/mine --grant"
    )]
    Dev(Dev),
}

impl Authoring {
    pub(super) async fn run(self, connection: &Connection, form: Form) -> Result<Code, Failure> {
        match self {
            Self::New(new) => new.run(form),
            Self::Build(build) => build.run(form).await,
            Self::Test(cases) => cases.run(form).await,
            Self::Run(run) => Box::pin(run.run(form)).await,
            // Its future is by far the largest.
            Self::Dev(dev) => Box::pin(dev.run(connection, form)).await,
        }
    }
}
