//! The command line: its verbs, with a file for each, and the end of the process.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::client::Connection;
use crate::exit::{self, Code, Failure};
use crate::print::{self, Form};
use crate::signals;
use session::Session;

mod account;
mod action;
mod api_key;
mod backup;
mod completion;
mod config;
mod dead_letter;
mod each;
mod execution;
mod flags;
#[cfg(test)]
mod hints;
mod host_key;
mod input;
mod inquiry;
mod key;
mod log;
mod maintenance;
mod moment;
mod nothing;
mod pack;
mod policy;
mod purge;
mod registry;
mod restore;
mod resume_all;
mod rule;
mod rule_enforcement;
mod run;
mod sensor;
mod serve;
mod session;
mod store;
mod timer;
mod token;
mod trace;
mod trigger;
mod user;
mod verbs;
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

    /// The form of the result; json is the same as --json
    #[arg(short, long, global = true, value_name = "FORM", conflicts_with = "json")]
    output: Option<Output>,

    #[command(flatten)]
    connection: Connection,
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table for people.
    Table,
    /// A document of JSON.
    Json,
    /// A document of YAML.
    Yaml,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start the host
    Serve(serve::Serve),
    /// Show the configuration of the host
    #[command(subcommand, after_help = "Examples:\n  petrel config show --origin\n  petrel config reference")]
    Config(config::Config),
    /// Write a backup of a running host
    Backup(backup::Backup),
    /// Restore a backup into a new data directory
    Restore(restore::Restore),
    /// Resume executions that are held since a restore
    ResumeAll(resume_all::ResumeAll),
    /// Delete old executions, events and dead letters
    Purge(purge::Purge),
    /// Check, repair, copy and compact the store of a host that is not running
    #[command(subcommand)]
    Store(store::Store),
    /// Run an action and wait for it
    Run(run::Run),
    /// Show actions
    #[command(subcommand)]
    Action(action::Action),
    /// Show, cancel, pause and rerun executions
    #[command(subcommand)]
    Execution(execution::Execution),
    /// Show open questions, and answer them
    #[command(subcommand)]
    Inquiry(inquiry::Inquiry),
    /// Inspect, draw and test workflows, without running anything
    #[command(subcommand)]
    Workflow(workflow::Workflow),
    /// Create, change and show rules
    #[command(subcommand)]
    Rule(rule::Rule),
    /// Show when rules matched an event, or could not be evaluated
    #[command(subcommand)]
    RuleEnforcement(rule_enforcement::RuleEnforcement),
    /// List events on which a rule failed, and replay them
    #[command(subcommand)]
    DeadLetter(dead_letter::DeadLetter),
    /// Show triggers, and the events that came in
    #[command(subcommand)]
    Trigger(trigger::Trigger),
    /// Show all that came of an event, or of a request for an execution
    #[command(subcommand)]
    Trace(trace::Trace),
    /// Show timers, and when they are due
    #[command(subcommand)]
    Timer(timer::Timer),
    /// Make, show and delete maintenance windows, in which rules rest
    #[command(subcommand)]
    Maintenance(maintenance::Maintenance),
    /// Create, change and show policies, which limit when executions of an action start
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Show the types of policies, with their parameters
    #[command(subcommand)]
    PolicyType(policy::PolicyType),
    /// Show, switch, poll and restart sensors
    #[command(subcommand)]
    Sensor(sensor::Sensor),
    /// Show, check, install and publish packs
    #[command(subcommand)]
    Pack(pack::Pack),
    /// Show, pin and forget the keys by which other hosts are recognized
    #[command(subcommand)]
    HostKey(host_key::HostKeys),
    /// Sign in to registries of packs, and test them
    #[command(subcommand)]
    Registry(registry::Registry),
    /// Show and change the datastore
    #[command(subcommand)]
    Key(key::Key),
    /// Show and change the level of the log
    #[command(subcommand)]
    Log(log::Log),
    /// Print a completion script for a shell
    Completion(completion::Completion),
    /// Sign in with a name and a password
    Login(account::Login),
    /// Sign out
    Logout(account::Logout),
    /// Show the user that you are to the host
    Whoami(account::Whoami),
    /// Create and delete users, and set their passwords
    #[command(subcommand)]
    User(user::User),
    /// Replace the token in the host's file admin-token
    #[command(subcommand)]
    Token(token::Token),
    /// Create, enable, disable and delete API keys, for programs that sign in
    #[command(subcommand, name = "apikey")]
    ApiKey(api_key::ApiKey),
}

/// Parses the command line, runs the verb, and reports its outcome.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    if arguments.output == Some(Output::Yaml) {
        print::documents_as_yaml();
    }
    let is_document = arguments.json || arguments.output.is_some_and(|output| output != Output::Table);
    let form = if is_document { Form::Json } else { Form::Text };
    // Without that such a write ends the process; nothing else is amiss.
    drop(signals::outlive_limit_of_files());
    let connection = arguments.connection.with_variables(|name| std::env::var(name).ok());
    let done = match arguments.verb {
        Verb::Serve(serve) => serve.run(form),
        Verb::Config(config) => config.run(form),
        Verb::Store(store) => store.run(form),
        Verb::Restore(restore) => restore.run(form),
        Verb::Completion(completion) => completion.run(form, Arguments::command()),
        verb => client_verb(verb, &connection, form),
    };
    match done {
        Ok(code) => ExitCode::from(code as u8),
        Err(failure) => {
            print::failure(form, &failure);
            ExitCode::from(failure.code as u8)
        }
    }
}

/// Reports a command line that cannot be read, or prints the help that was asked for.
fn refused(error: &clap::Error) -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    // The words could not be parsed, so the flag is looked for among them.
    let is_json = error.use_stderr() && words.iter().any(|word| word == "--json" || word == "-j");
    let form = if is_json { Form::Json } else { Form::Text };
    let root = Arguments::command();
    let told = verbs::unknown(error, &root, &words).or_else(|| flags::unknown(error, &root, &words));
    if let Some(failure) = told {
        print::failure(form, &failure);
        return ExitCode::from(failure.code as u8);
    }
    if !is_json {
        error.exit();
    }
    let message = error.render().to_string();
    // What is missing stands below the first line.
    let lines = message.trim_start_matches("error: ").lines().take_while(|line| !line.trim().is_empty());
    let message = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let whole: Vec<_> = std::iter::once("petrel").chain(verbs::path(&root, &words).1).collect();
    print::failure(form, &Failure::usage(message, format!("see `{} --help`", whole.join(" "))));
    ExitCode::from(Code::Usage as u8)
}

fn client_verb(verb: Verb, connection: &Connection, form: Form) -> Result<Code, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new(Code::Server, "client", format!("no runtime can be started: {error}"), "")
    })?;
    runtime.block_on(async {
        // A verb that needs no host must not fail because of invalid settings.
        let session = || Session::open(connection, form);
        match verb {
            Verb::Serve(serve) => serve.run(form),
            Verb::Config(config) => config.run(form),
            Verb::Store(store) => store.run(form),
            Verb::Restore(restore) => restore.run(form),
            Verb::Workflow(workflow) => workflow.run(connection, form).await,
            Verb::Backup(backup) => backup.run(&session()?).await,
            Verb::Purge(purge) => purge.run(&session()?).await,
            Verb::ResumeAll(resume) => resume.run(&session()?).await,
            Verb::Completion(completion) => completion.run(form, Arguments::command()),
            Verb::Run(run) => run.run(&session()?).await,
            Verb::Action(action) => action.run(&session()?).await,
            Verb::Execution(execution) => execution.run(&session()?).await,
            Verb::Inquiry(inquiry) => inquiry.run(&session()?).await,
            Verb::Rule(rule) => rule.run(&session()?).await,
            Verb::RuleEnforcement(enforcement) => enforcement.run(&session()?).await,
            Verb::DeadLetter(letter) => letter.run(&session()?).await,
            Verb::Trigger(trigger) => trigger.run(&session()?).await,
            Verb::Trace(trace) => trace.run(&session()?).await,
            Verb::Timer(timer) => timer.run(&session()?).await,
            Verb::Maintenance(maintenance) => maintenance.run(&session()?).await,
            Verb::Policy(policy) => policy.run(&session()?).await,
            Verb::PolicyType(kind) => kind.run(&session()?).await,
            Verb::Sensor(sensor) => sensor.run(&session()?).await,
            Verb::Pack(pack) => pack.run(connection, form).await,
            Verb::HostKey(key) => key.run(&session()?).await,
            Verb::Registry(registry) => registry.run(form).await,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_of_each_verb_has_an_example_of_it() {
        let root = super::Arguments::command();
        let mut open = vec![("petrel".to_owned(), &root)];
        while let Some((name, command)) = open.pop() {
            let below = command.get_subcommands().map(|verb| (format!("{name} {}", verb.get_name()), verb));
            open.extend(below);
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let has_example = help.contains("Examples:\n") && help.contains(&format!("\n  {name}"));
            assert!(command.has_subcommands() || has_example, "{name}: {help}");
        }
    }
}
