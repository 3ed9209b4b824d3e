//! The command line: what verbs there are, and how they end. A file a verb.

use std::io::{IsTerminal as _, Read};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use petrel_packs::plain_file::too_large;

use crate::client::{Client, Connection};
use crate::exit::{self, Code, Failure};
use crate::parameters::LARGEST_INPUT;
use crate::print::{self, Form};

mod account;
mod action;
mod api_key;
mod backup;
mod completion;
mod config;
mod each;
mod execution;
#[cfg(test)]
mod hints;
mod key;
mod log;
mod moment;
mod pack;
mod restore;
mod resume_all;
mod rule;
mod run;
mod serve;
mod store;
mod token;
mod trigger;
mod user;
mod workflow;

const EXAMPLES: &str = "\
Examples:
  petrel serve                                start the host
  petrel run core.local cmd='uname -a'        run an action and wait for it
  petrel rule create rule.yaml                connect a trigger to an action
  petrel trigger why last                     say why rules did or did not match the last event
  petrel execution list                       look at what has run";

/// Event-driven automation in one binary.
#[derive(Debug, Parser)]
#[command(name = "petrel", version, before_help = EXAMPLES, after_help = exit::TABLE, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,

    /// Print the result as one JSON document
    #[arg(short, long, global = true)]
    json: bool,

    /// How the result is printed; json is the same as --json
    #[arg(short, long, global = true, value_name = "FORM", conflicts_with = "json")]
    output: Option<Output>,

    #[command(flatten)]
    connection: Connection,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// One document of JSON.
    Json,
    /// One document of YAML.
    Yaml,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the host
    Serve(serve::Serve),
    /// Look at the configuration of the host
    #[command(subcommand, after_help = "Examples:\n  petrel config show --origin\n  petrel config reference")]
    Config(config::Config),
    /// Write a backup of a running host
    Backup(backup::Backup),
    /// Make a data directory of a backup
    Restore(restore::Restore),
    /// Let go on what was in flight at the backup that a host is restored from
    ResumeAll(resume_all::ResumeAll),
    /// Look after the store of a host that does not run
    #[command(subcommand)]
    Store(store::Store),
    /// Run an action and wait for it
    Run(run::Run),
    /// Look at actions
    #[command(subcommand)]
    Action(action::Action),
    /// Look at executions, and end them
    #[command(subcommand)]
    Execution(execution::Execution),
    /// Inspect, draw and test workflows, without running anything
    #[command(subcommand)]
    Workflow(workflow::Workflow),
    /// Make, change and look at rules
    #[command(subcommand)]
    Rule(rule::Rule),
    /// Look at triggers and at the events that came in
    #[command(subcommand)]
    Trigger(trigger::Trigger),
    /// Look at packs, check and register them
    #[command(subcommand)]
    Pack(pack::Pack),
    /// Look at the datastore, and change it
    #[command(subcommand)]
    Key(key::Key),
    /// Look at what the host logs, and change it
    #[command(subcommand)]
    Log(log::Log),
    /// Print what completes verbs and flags in a shell
    Completion(completion::Completion),
    /// Sign in with a name and a password
    Login(account::Login),
    /// Sign out
    Logout(account::Logout),
    /// Say who you are to the host
    Whoami(account::Whoami),
    /// Make and delete users, and set their passwords
    #[command(subcommand)]
    User(user::User),
    /// Look after the token in the host's file admin-token
    #[command(subcommand)]
    Token(token::Token),
    /// Make, switch and delete API keys, for programs that sign in
    #[command(subcommand, name = "apikey")]
    ApiKey(api_key::ApiKey),
}

/// What every client verb gets that talks to a host.
struct Session {
    client: Client,
    form: Form,
}

impl Session {
    /// Finds out where the host is, and who signs in.
    ///
    /// # Errors
    /// When nobody has said where, and the settings of this machine make no sense.
    fn open(connection: &Connection, form: Form) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(connection)?, form })
    }
}

/// Whether secrets are shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Secrets {
    /// Show secrets as they are, in place of ********; only the admin may see them
    #[arg(long)]
    show_secrets: bool,
}

impl Secrets {
    /// `path`, with what asks for secrets if they are to be shown.
    fn asked(self, path: &str) -> String {
        if !self.show_secrets {
            return path.to_owned();
        }
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{path}{mark}show_secrets=true")
    }
}

/// Reads the command line, does what it says, and says how it went.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && std::env::args().any(|word| word == "--json" || word == "-j") => {
            let message = error.render().to_string();
            let message = message.trim_start_matches("error: ").lines().next().unwrap_or_default();
            print::failure(Form::Json, &Failure::usage(message, "see `petrel help`"));
            return ExitCode::from(Code::Usage as u8);
        }
        Err(error) => error.exit(),
    };
    if arguments.output == Some(Output::Yaml) {
        print::documents_as_yaml();
    }
    let is_document = arguments.json || arguments.output.is_some_and(|output| output != Output::Table);
    let form = if is_document { Form::Json } else { Form::Text };
    let done = match arguments.verb {
        Verb::Serve(serve) => serve.run(),
        Verb::Config(config) => config.run(form),
        Verb::Store(store) => store.run(form),
        Verb::Restore(restore) => restore.run(form),
        Verb::Completion(completion) => Ok(completion.run(Arguments::command())),
        verb => client_verb(verb, &arguments.connection, form),
    };
    match done {
        Ok(code) => ExitCode::from(code as u8),
        Err(failure) => {
            print::failure(form, &failure);
            ExitCode::from(failure.code as u8)
        }
    }
}

fn client_verb(verb: Verb, connection: &Connection, form: Form) -> Result<Code, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new(Code::Server, "client", format!("no runtime can be started: {error}"), "")
    })?;
    runtime.block_on(async {
        // A verb that needs no host is not kept from its work by settings that make no sense.
        let session = || Session::open(connection, form);
        match verb {
            Verb::Serve(serve) => serve.run(),
            Verb::Config(config) => config.run(form),
            Verb::Store(store) => store.run(form),
            Verb::Restore(restore) => restore.run(form),
            Verb::Workflow(workflow) => workflow.run(connection, form).await,
            Verb::Backup(backup) => backup.run(&session()?).await,
            Verb::ResumeAll(resume) => resume.run(&session()?).await,
            Verb::Completion(completion) => Ok(completion.run(Arguments::command())),
            Verb::Run(run) => run.run(&session()?).await,
            Verb::Action(action) => action.run(&session()?).await,
            Verb::Execution(execution) => execution.run(&session()?).await,
            Verb::Rule(rule) => rule.run(&session()?).await,
            Verb::Trigger(trigger) => trigger.run(&session()?).await,
            Verb::Pack(pack) => pack.run(connection, form).await,
            Verb::Key(key) => key.run(&session()?).await,
            Verb::Log(log) => log.run(&session()?).await,
            Verb::Login(login) => login.run(&session()?).await,
            Verb::Logout(logout) => logout.run(&session()?).await,
            Verb::Whoami(whoami) => whoami.run(&session()?).await,
            Verb::User(user) => user.run(&session()?).await,
            Verb::Token(token) => token.run(&session()?).await,
            Verb::ApiKey(key) => key.run(&session()?).await,
        }
    })
}

/// The text of a file, or of standard input for `-`. A FIFO is as good, if somebody writes to it; no more is read
/// than the host would take.
fn read_file(path: &str) -> Result<String, Failure> {
    let read = || {
        let from: Box<dyn Read> =
            if path == "-" { Box::new(std::io::stdin()) } else { Box::new(std::fs::File::open(path)?) };
        let text = std::io::read_to_string(from.take(LARGEST_INPUT + 1))?;
        if text.len() as u64 > LARGEST_INPUT { Err(too_large(LARGEST_INPUT)) } else { Ok(text) }
    };
    read().map_err(|error| {
        Failure::usage(format!("{path} cannot be read: {error}"), "check the name of the file")
    })
}

/// A password: a line of standard input if `from_stdin`, else typed twice or once at the terminal.
fn read_password(prompt: &str, from_stdin: bool, twice: bool) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("no password can be read: {error}"), "say --password-stdin and pipe it in")
    };
    if from_stdin {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(unreadable)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    if !std::io::stdin().is_terminal() {
        return Err(unreadable(std::io::Error::other("standard input is no terminal")));
    }
    let password = rpassword::prompt_password(format!("{prompt}: ")).map_err(unreadable)?;
    if twice && rpassword::prompt_password("Once more: ").map_err(unreadable)? != password {
        return Err(Failure::usage("the two passwords differ", "try again"));
    }
    Ok(password)
}

/// A part of a path, with what URLs do not allow escaped.
fn path_segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn segments_are_escaped() {
        assert_eq!(super::path_segment("core.local"), "core.local");
        assert_eq!(super::path_segment("a/b ü"), "a%2Fb%20%C3%BC");
    }

    #[test]
    fn secrets_are_asked_for_beside_what_else_is() {
        let asked = |show_secrets, path| super::Secrets { show_secrets }.asked(path);
        assert_eq!(asked(true, "/rules"), "/rules?show_secrets=true");
        assert_eq!(asked(true, "/rules?limit=1"), "/rules?limit=1&show_secrets=true");
        assert_eq!(asked(false, "/rules?limit=1"), "/rules?limit=1");
    }
}
