//! `petrel pack`: registered packs, registering and checking the pack in a directory, and packs in registries and files.
//! `authoring` has the verbs of authors.

use std::borrow::Cow;

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_registry::Reference;
use reqwest::Method;
use serde_json::{Value, json};

use super::session::{Items, Secrets, Session, path_segment, show_noted};
use crate::client::{Connection, read};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

mod active;
mod attributes;
mod authoring;
mod bench;
mod build;
mod capabilities;
mod cases;
mod check;
mod describe;
mod dev;
mod diff;
mod dropped;
mod gc;
mod install;
mod installed;
mod new;
mod origin;
mod outcome;
mod progress;
mod run;
mod sandbox;
mod shown;
mod sign;
mod transfer;
mod trusted;
mod typed;
mod update;
mod versions;
mod wanted;

use outcome::{tell_notes, tell_registration};
use wanted::Wanted;

/// Show, check, install and publish packs.
#[derive(Debug, Subcommand)]
pub(crate) enum Pack {
    /// List packs
    #[command(alias = "ls", after_help = "Examples:\n  petrel pack list")]
    List,
    #[command(flatten)]
    Authoring(authoring::Authoring),
    /// Check the pack in a directory as the host would before it registers it; no host is needed
    #[command(
        after_help = "An error keeps the pack from being registered, or an action from running. Ends with 1 when something must be corrected.\n\nExamples:\n  petrel pack check ./packs/mine"
    )]
    Check {
        /// The directory with pack.yaml
        directory: std::path::PathBuf,
    },
    /// Print the metadata of actions and sensors from their component's own description; no host is needed
    #[command(
        after_help = "Examples:\n  petrel pack describe greetings/wasm/greetings.wasm\n  petrel pack describe greetings/wasm/greetings.wasm --write"
    )]
    Describe {
        /// The component
        component: std::path::PathBuf,
        /// Write the metadata to the files in `actions` and `sensors` of the component's pack, in place of their content
        #[arg(long)]
        write: bool,
    },
    /// Show a pack, or one in a registry that is not installed
    #[command(
        after_help = "Examples:\n  petrel pack get core\n  petrel pack get registry.example.com/packs/jira:4.0.0\n  petrel pack get jira --provenance"
    )]
    Get {
        /// The pack, or its reference
        pack: String,
        /// Show the statements on where it comes from and how it was made, as they are in its registry
        #[arg(long)]
        provenance: bool,
        /// Show the lists of its parts, as they are in its registry
        #[arg(long, conflicts_with = "provenance")]
        sbom: bool,
    },
    /// Register a pack again from its directory
    #[command(after_help = "Examples:\n  petrel pack reload mine")]
    Reload {
        /// The pack
        pack: String,
    },
    /// Remove a pack with its actions, triggers, rules and configuration; its files stay
    #[command(alias = "rm", after_help = "Examples:\n  petrel pack remove mine")]
    Remove {
        /// The pack
        pack: String,
    },
    /// Show the configuration of a pack, with secrets masked
    #[command(
        after_help = "Examples:\n  petrel pack config github\n  petrel pack config github --show-secrets\n  petrel pack config github --schema"
    )]
    Config {
        /// The pack
        pack: String,
        #[command(flatten)]
        secrets: Secrets,
        /// Show the schema of the configuration instead
        #[arg(long)]
        schema: bool,
    },
    /// Configure a pack from a file of YAML or JSON
    #[command(
        after_help = "Examples:\n  petrel pack configure github github.yaml\n  petrel pack configure github - < github.yaml"
    )]
    Configure {
        /// The pack
        pack: String,
        /// The file, or - for standard input
        file: String,
    },
    /// Register the pack in a directory, or register it again after a change
    #[command(
        after_help = "An update that asks for more capabilities than before stops with 5, until --grant accepts it.\n\nExamples:\n  petrel pack register ./packs/mine\n  petrel pack register mine\n  petrel pack register mine --types actions,rules\n  petrel pack register ./packs/mine --grant"
    )]
    Register {
        /// The directory with pack.yaml, or the name of a registered pack
        pack: std::path::PathBuf,
        /// Register only these parts: actions, triggers, rules; the others stay as they are
        #[arg(long, value_delimiter = ',', value_name = "TYPES")]
        types: Vec<String>,
        /// Grant what the pack asks for, apart from directories
        #[arg(long)]
        grant: bool,
    },
    /// Install packs from a registry, a file, a directory, or from those that come with the binary
    #[command(
        after_help = "A pack from a registry is verified and put beside the version before; if anything fails, that goes on running.\n\nExamples:\n  petrel pack install registry.example.com/packs/jira:4.0.0\n  petrel pack install ./packs/mine --grant\n  petrel pack install jira.tar\n  petrel pack install builtin:github\n  petrel pack install --locked"
    )]
    Install(install::Install),
    /// Push the pack in a directory to a registry
    #[command(
        after_help = "Examples:\n  petrel pack push registry.example.com/packs/mine ./packs/mine\n  petrel pack push registry.example.com/packs/mine:latest ./packs/mine --overwrite"
    )]
    Push(transfer::Push),
    /// Fetch a pack from a registry into a directory, without installing it
    #[command(
        after_help = "Examples:\n  petrel pack pull registry.example.com/packs/jira:4.0.0\n  petrel pack pull registry.example.com/packs/jira:4.0.0 --directory ./jira"
    )]
    Pull(transfer::Pull),
    /// Write a pack to a file, for a network without a registry
    #[command(
        after_help = "The file is an OCI image layout, which other tools read.\n\nExamples:\n  petrel pack save registry.example.com/packs/jira:4.0.0 --file jira.tar\n  petrel pack save ./packs/mine --file mine.tar"
    )]
    Save(transfer::Save),
    /// Install a pack from a file of `petrel pack save`, or push it to a registry
    #[command(
        after_help = "Examples:\n  petrel pack load jira.tar\n  petrel pack load jira.tar --to registry.internal/packs/jira:4.0.0"
    )]
    Load(transfer::Load),
    /// Show what is different between two packs
    #[command(
        after_help = "Examples:\n  petrel pack diff registry.example.com/packs/jira:4.1.0\n  petrel pack diff ./packs/before ./packs/after"
    )]
    Diff(diff::Diff),
    /// Copy a pack from one registry to another, with its signatures
    #[command(
        after_help = "Examples:\n  petrel pack mirror registry.example.com/packs/jira:4.0.0 registry.internal/packs/jira"
    )]
    Mirror(transfer::Mirror),
    /// Sign a pack in a registry or a file
    #[command(
        after_help = "The signature is stored as cosign stores it, and verified when the pack is installed. Name the pack by the digest that `push` has told: a tag may name something else by now.\n\nExamples:\n  petrel pack sign registry.example.com/packs/jira@sha256:DIGEST --key company.key\n  petrel pack sign jira.tar --key company.key"
    )]
    Sign(sign::Sign),
    /// Make a key for signatures: NAME.key, which signs, and NAME.pub, which verifies
    #[command(after_help = "Examples:\n  petrel pack key-pair company")]
    KeyPair {
        /// The names of the files, without their ends
        name: String,
    },
    /// List the installed versions of a pack, the active one with a mark
    #[command(after_help = "Examples:\n  petrel pack versions jira")]
    Versions {
        /// The pack
        pack: String,
    },
    /// Make another installed version of a pack the active one; what runs ends on its own
    #[command(after_help = "Examples:\n  petrel pack activate jira 4.0.0")]
    Activate(versions::Activate),
    /// Make the version that was active before the active one again
    #[command(after_help = "Examples:\n  petrel pack rollback jira")]
    Rollback(versions::Rollback),
    /// Install the newest versions of packs from the repositories that they came from
    #[command(
        after_help = "An update that asks for more capabilities than before ends with 5, and the one before goes on running.\n\nExamples:\n  petrel pack update jira\n  petrel pack update --all --check"
    )]
    Update(update::Update),
    /// Remove versions that nothing runs, downloads that broke off, and what was compiled or installed for no pack
    #[command(after_help = "Examples:\n  petrel pack gc --dry-run\n  petrel pack gc --keep 0")]
    Gc(gc::Gc),
    /// Show what a pack asks for, and what it is granted
    #[command(
        after_help = "Examples:\n  petrel pack capabilities feed\n  petrel pack capabilities feed --unused"
    )]
    Capabilities(capabilities::Show),
    /// Grant a pack what it asks for
    #[command(
        after_help = "http=https://HOST/PATH grants an address, http=NAME what the pack asks for by that name; METHODS and private+ go before the address. files=HOST-DIR:GUEST-PATH[:rw] mounts a directory, env=NAME gives a variable.\n\nExamples:\n  petrel pack grant feed http=https://example.com/feed.json\n  petrel pack grant feed 'http=GET private+http://feeds.internal:8080/'\n  petrel pack grant reports files=/srv/reports:/reports:rw env=TZ\n  petrel pack grant feed --all"
    )]
    Grant(capabilities::Grant),
    /// Take back what a pack is granted; it counts at once, for what is running too
    #[command(
        after_help = "Examples:\n  petrel pack revoke feed http=https://example.com/feed.json\n  petrel pack revoke feed http\n  petrel pack revoke feed --all"
    )]
    Revoke(capabilities::Revoke),
}

impl Pack {
    pub(crate) async fn run(self, connection: &Connection, form: Form) -> Result<Code, Failure> {
        match self {
            Self::Check { directory } => check::check(form, &directory).await,
            Self::Describe { component, write } => describe::describe(form, &component, write).await,
            // Futures that are large, and needed once.
            Self::Authoring(verb) => Box::pin(verb.run(connection, form)).await,
            Self::Push(push) => Box::pin(push.run(form)).await,
            Self::Pull(pull) => Box::pin(pull.run(form)).await,
            Self::Save(save) => Box::pin(save.run(form)).await,
            Self::Mirror(mirror) => Box::pin(mirror.run(form)).await,
            Self::Diff(diff) => Box::pin(diff.run(connection, form)).await,
            Self::Sign(sign) => Box::pin(sign.run(form)).await,
            Self::KeyPair { name } => sign::key_pair(form, &name),
            Self::Get { pack, provenance, sbom } if provenance || sbom || Reference::is_meant(&pack) => {
                let part = shown::Part::of(provenance, sbom);
                Box::pin(shown::show(form, &pack, part)).await
            }
            Self::Versions { pack } => versions::list(&Session::open(connection, form)?, &pack).await,
            Self::Activate(verb) => Box::pin(verb.run(&Session::open(connection, form)?)).await,
            Self::Rollback(verb) => Box::pin(verb.run(&Session::open(connection, form)?)).await,
            Self::Update(verb) => Box::pin(verb.run(&Session::open(connection, form)?)).await,
            Self::Gc(verb) => Box::pin(verb.run(&Session::open(connection, form)?)).await,
            Self::Load(load) => {
                load.check()?;
                if let Some(to) = &load.to {
                    return Box::pin(load.push(form, to)).await;
                }
                let install = install::Install::of_file(load.file, load.accepted);
                Box::pin(install.run(&Session::open(connection, form)?)).await
            }
            Self::Install(install) => Box::pin(install.run(&Session::open(connection, form)?)).await,
            verb => {
                verb.refuse_mistaken()?;
                verb.ask(&Session::open(connection, form)?).await
            }
        }
    }

    /// Refuses what is another thing than the verb takes, with the command that is meant.
    fn refuse_mistaken(&self) -> Result<(), Failure> {
        let mistaken = match self {
            Self::Get { pack, .. }
            | Self::Reload { pack }
            | Self::Remove { pack }
            | Self::Config { pack, .. }
            | Self::Configure { pack, .. } => typed::no_reference(pack),
            Self::Capabilities(verb) => typed::no_reference(&verb.pack),
            Self::Grant(verb) => typed::no_reference(&verb.pack),
            Self::Revoke(verb) => typed::no_reference(&verb.pack),
            _ => None,
        };
        mistaken.map_or(Ok(()), Err)
    }

    /// Runs a verb that needs a host.
    async fn ask(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List => {
                let answer = session.client.list("/packs?limit=-1").await?;
                session.show(&answer, |packs: Items<wire::Pack<'static>>| {
                    print::listing(attributes::table(&packs), &[]);
                })?;
                tell_warnings(session, None).await;
            }
            Self::Get { pack, .. } => {
                let answer = session.client.get(&format!("/packs/{}", path_segment(&pack))).await?;
                session.show(&answer, |pack: wire::Pack<'static>| {
                    print::attributes(&attributes::attributes(&pack));
                })?;
                tell_warnings(session, Some(&pack)).await;
            }
            Self::Reload { pack } => {
                register(session, "/packs/register", &json!({"packs": [pack]})).await?;
            }
            Self::Remove { pack } => {
                let removed = session.client.delete(&format!("/packs/{}", path_segment(&pack))).await?;
                dropped::by_removal(&pack);
                tell_removal(session.form, &removed)?;
            }
            Self::Config { pack, secrets, schema } => {
                let pack = path_segment(&pack);
                if schema {
                    print::json(&session.client.get(&format!("/config_schemas/{pack}")).await?);
                } else {
                    let path = secrets.asked(&format!("/configs/{pack}"));
                    show_config(session.form, &session.client.get(&path).await?)?;
                }
            }
            Self::Configure { pack, file } => {
                let values = Value::Object(read_values(&file)?);
                let path = format!("/configs/{}", path_segment(&pack));
                show_config(session.form, &session.client.send_json(Method::PUT, &path, &values).await?)?;
            }
            Self::Register { pack, types, grant } => {
                let wanted = Wanted::of(&pack, types)?.granting(grant);
                register(session, "/packs/register", &json!(wanted)).await.map_err(|failure| {
                    let is_unknown = wanted.is_name() && failure.code == Code::NotFound;
                    if is_unknown { wanted::neither(&pack, &failure) } else { failure }
                })?;
            }
            Self::Capabilities(verb) => verb.run(session).await?,
            Self::Grant(verb) => verb.run(session).await?,
            Self::Revoke(verb) => verb.run(session).await?,
            // The others have been run without a session, or with one of their own.
            _ => {}
        }
        Ok(Code::Ok)
    }
}

/// Shows the configuration of a pack, and prints the notes on it.
fn show_config(form: Form, answer: &Value) -> Result<(), Failure> {
    let notes = |config: &wire::PackConfig<'static>| tell_notes(&config.notes);
    show_noted(form, answer, notes, |config| print::attributes(&attributes::config(config)))
}

/// Prints the warnings of the host about its packs, or about `pack` alone. A host that gives none is no reason to fail.
async fn tell_warnings(session: &Session, pack: Option<&str>) {
    let Ok(answer) = session.client.get("/status").await else { return };
    let Ok(status) = read::<wire::HostStatus<'_>>(&answer) else { return };
    let name = pack.map(|pack| format!("`{pack}`"));
    let is_meant = |note: &&Cow<'_, str>| name.as_ref().is_none_or(|name| note.contains(name.as_str()));
    status.notes.iter().filter(is_meant).for_each(|note| print::note(&format!("note: {note}")));
}

/// Prints the outcome of removing a pack.
fn tell_removal(form: Form, answer: &Value) -> Result<(), Failure> {
    let notes = |removal: &wire::Removal<'static>| tell_notes(&removal.notes);
    show_noted(form, answer, notes, |removal| print::note(&attributes::removed(removal)))
}

/// Has the host register something, and prints the outcome.
async fn register(session: &Session, path: &str, body: &Value) -> Result<(), Failure> {
    let answer = progress::during(session, session.client.send_json(Method::POST, path, body)).await?;
    dropped::by_registration(&answer);
    tell_registration(session.form, &answer)
}

/// The configuration in a file.
fn read_values(file: &str) -> Result<petrel_model::Object, Failure> {
    petrel_packs::definition::read_config(file, &super::input::read_file(file)?).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Failure::usage(lines.join("\n"), "correct the file and try again")
    })
}
