//! `petrel trigger`: trigger types, triggers, accepted events, and explanations of the rules' verdicts on them.

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::{Item, Why};
use petrel_model::trigger::{WEBHOOK, kind_of};

use super::moment::moment;
use super::nothing;
use super::session::{Items, Secrets, Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

mod attributes;
mod emit;
mod made;
mod why;

pub(super) use attributes::named;

/// Show and make triggers, and show the events that came in.
#[derive(Debug, Subcommand)]
pub(crate) enum Trigger {
    /// List the kinds of events that rules can listen to
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel trigger list\n  petrel trigger list --with-parameters --type core.st2.webhook"
    )]
    List {
        /// List the triggers that rules listen to or that were made by hand: each kind of events with its parameters
        #[arg(long)]
        with_parameters: bool,
        /// List only triggers of this kind, as pack.name
        #[arg(long = "type", value_name = "TYPE", requires = "with_parameters")]
        kind: Option<String>,
    },
    /// List the events that came in, newest first
    #[command(
        after_help = "Examples:\n  petrel trigger instances -n 10\n  petrel trigger instances --type core.st2.webhook --after 1h\n  petrel rule-enforcement list --status failed"
    )]
    Instances(Instances),
    /// Show an event with its outcome; or a kind of events, with its payload and its last event; or a trigger
    #[command(after_help = "Examples:\n  petrel trigger get last\n  petrel trigger get core.st2.webhook")]
    Get {
        /// The id of the event, or `last`; or a kind of events, as pack.name; or the reference of a trigger
        id: String,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Explain, criterion by criterion, why rules did or did not match an event
    #[command(
        after_help = "Examples:\n  petrel trigger why last\n  petrel trigger why last --trigger core.st2.generic.actiontrigger\n  petrel trigger why 6a1e5c2f9b1d4e5f60718293"
    )]
    Why {
        /// The id of the event, or `last`: the newest one that is not of the platform itself
        id: String,
        /// With `last`: the newest event of this trigger type, as pack.name
        #[arg(long, alias = "type", value_name = "TYPE")]
        trigger: Option<String>,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Make a kind of events, or a trigger of one (with `type` and `parameters`), from a file of YAML or JSON
    #[command(
        after_help = "Examples:\n  petrel trigger create order.yaml\n  echo '{pack: mine, name: order}' | petrel trigger create -"
    )]
    Create {
        /// The file, or - for standard input
        file: String,
    },
    /// Replace a kind of events or a trigger that was made by hand by the one in a file
    #[command(after_help = "Examples:\n  petrel trigger update mine.order order.yaml")]
    Update {
        /// The kind of events, as pack.name, or the reference of a trigger
        #[arg(value_name = "REF")]
        reference: String,
        /// The file, or - for standard input
        file: String,
    },
    /// Delete kinds of events and triggers that were made by hand and that no rule listens to
    #[command(after_help = "Examples:\n  petrel trigger delete mine.order")]
    Delete {
        /// The kinds of events, as pack.name, and references of triggers
        #[arg(value_name = "REF", required = true)]
        references: Vec<String>,
    },
    /// Send an event
    #[command(
        after_help = "Examples:\n  petrel trigger emit mine.order --payload '{\"id\": 7}'\n  petrel trigger emit mine.order --payload @order.json\n  petrel trigger emit core.st2.webhook --parameter url=sample --payload '{\"body\": {}}'"
    )]
    Emit(emit::Emit),
    /// Send an event that came in once more
    #[command(
        name = "re-emit",
        after_help = "Examples:\n  petrel trigger re-emit last\n  petrel trigger re-emit 6a1e5c2f9b1d4e5f60718293"
    )]
    ReEmit {
        /// The id of the event, or `last`
        id: String,
    },
}

impl Trigger {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List { with_parameters: true, kind } => {
                let of = kind.map_or_else(String::new, |kind| format!("&type={}", path_segment(&kind)));
                let answer = session.client.list(&format!("/triggers?limit=-1{of}")).await?;
                session.show(&answer, |triggers: Items<wire::Trigger<'static>>| {
                    print::listing(attributes::triggers(&triggers), &[]);
                })?;
            }
            Self::List { .. } => {
                let answer = session.client.list("/triggertypes?limit=-1").await?;
                session.show(&answer, |kinds: Items<wire::TriggerType<'static>>| {
                    print::listing(attributes::kinds(&kinds), &[]);
                })?;
            }
            Self::Instances(asked) => instances(session, asked).await?,
            Self::Get { id, secrets } if kind_of(&id) != id => {
                let path = secrets.asked(&format!("/triggers/{}", path_segment(&id)));
                let answer = session.client.get(&path).await?;
                session.show(&answer, |trigger: wire::Trigger<'static>| {
                    print::attributes(&attributes::trigger(&trigger));
                })?;
            }
            // A ref has a dot, and an id has none.
            Self::Get { id, .. } if id.contains('.') => {
                let answer = session.client.get(&format!("/triggertypes/{}", path_segment(&id))).await?;
                session.show(&answer, |kind: wire::TriggerType<'static>| {
                    print::attributes(&attributes::kind(&kind));
                })?;
            }
            Self::Get { id, secrets } => {
                let path = secrets.asked(&format!("/triggerinstances/{}", path_segment(&id)));
                let answer = session.client.get(&path).await?;
                session.show(&answer, |event: wire::TriggerInstance<'static>| {
                    print::attributes(&attributes::event(&event));
                })?;
            }
            Self::Why { id, trigger, secrets } => {
                let of =
                    trigger.map_or_else(String::new, |kind| format!("?trigger_type={}", path_segment(&kind)));
                let path = secrets.asked(&format!("/triggerinstances/{}/why{of}", path_segment(&id)));
                let answer = session.client.get(&path).await?;
                session.show(&answer, |why: Why<'static>| why::explain(&why))?;
            }
            Self::Create { file } => made::create(session, &file).await?,
            Self::Update { reference, file } => made::update(session, &reference, &file).await?,
            Self::Delete { references } => return made::delete(session, &references).await,
            Self::Emit(event) => event.run(session).await?,
            Self::ReEmit { id } => emit::again(session, &id).await?,
        }
        Ok(Code::Ok)
    }
}

/// List the events that came in, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Instances {
    /// The greatest number of events to list
    #[arg(short = 'n', long, default_value_t = 50)]
    limit: usize,
    /// List only events of this trigger, as pack.name
    #[arg(long = "type", alias = "trigger", value_name = "TRIGGER")]
    kind: Option<String>,
    /// List only events after this time: 1h for an hour ago, or 2026-11-20T12:00:00Z
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// List only events before this time
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    #[command(flatten)]
    secrets: Secrets,
}

/// Lists accepted events.
async fn instances(session: &Session, asked: Instances) -> Result<(), Failure> {
    let Instances { limit, kind, after, before, secrets } = asked;
    let mut path = format!("/triggerinstances?limit={limit}");
    let given = [("type", kind), ("after", after), ("before", before)];
    let asked: Vec<_> = given.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect();
    for (flag, value) in &asked {
        let (name, value) = match *flag {
            "after" => ("timestamp_gt", moment(value)?),
            "before" => ("timestamp_lt", moment(value)?),
            _ => ("trigger_type", value.clone()),
        };
        path.push_str(&format!("&{name}={}", path_segment(&value)));
    }
    let (answer, count) = session.client.counted(&secrets.asked(&path)).await?;
    if session.form == Form::Json {
        print::json(&answer);
        return Ok(());
    }
    let events: Items<wire::TriggerInstance<'static>> = read(&answer)?;
    // Tables show a webhook by its URL, which only its trigger has.
    let webhooks = if events.iter().any(is_of_webhook) { webhooks(session).await? } else { Vec::new() };
    print::listing(attributes::events(&events, &webhooks), &asked);
    print::count(events.len(), count);
    nothing::explain(session, &answer, &asked).await;
    Ok(())
}

fn is_of_webhook(item: &Item<'_, wire::TriggerInstance<'_>>) -> bool {
    matches!(item, Item::Found(event) if event.trigger_type == WEBHOOK)
}

/// The webhooks that rules listen to.
async fn webhooks(session: &Session) -> Result<Vec<wire::Trigger<'static>>, Failure> {
    read(&session.client.list(&format!("/triggers?type={WEBHOOK}&limit=-1")).await?)
}
