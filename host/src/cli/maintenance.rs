//! `petrel maintenance`: times in which what certain rules ask for waits, or is left out.

use clap::Subcommand;
use petrel_api_types::{Item, MaintenanceWindow};
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::moment::later;
use super::session::{Items, Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes, Listing, to_the_second};

/// Make, show and delete maintenance windows.
#[derive(Debug, Subcommand)]
pub(crate) enum Maintenance {
    /// Make a maintenance window: what its rules ask for is held until its end, or dropped
    #[command(
        after_help = "Examples:\n  petrel maintenance create upgrade --pack examples --until 2h\n  petrel maintenance create night --tag team=web --from 2026-11-20T22:00:00Z --until 2026-11-21T04:00:00Z --drop"
    )]
    Create(Create),
    /// List maintenance windows
    #[command(alias = "ls", after_help = "Examples:\n  petrel maintenance list")]
    List,
    /// Show a maintenance window
    #[command(after_help = "Examples:\n  petrel maintenance get upgrade")]
    Get {
        /// The name of the window
        name: String,
    },
    /// Delete maintenance windows; what they hold starts, unless another window holds it
    #[command(after_help = "Examples:\n  petrel maintenance delete upgrade")]
    Delete {
        /// The names of the windows
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}

/// Make a maintenance window: what its rules ask for is held until its end, or dropped
#[derive(Debug, clap::Args)]
// A group, so that the parser's error names all of them.
#[command(group = clap::ArgGroup::new("whose").required(true).multiple(true).args(["packs", "rules", "tags"]))]
pub(crate) struct Create {
    /// The name of the window
    name: String,
    /// A pack whose rules it is for; may be given several times
    #[arg(long = "pack", value_name = "PACK")]
    packs: Vec<String>,
    /// A rule that it is for, as pack.name; may be given several times
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// A tag of rules that it is for; may be given several times
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<String>,
    /// Its beginning: 1h for in an hour, or 2026-11-20T12:00:00Z; now if it is left out
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Its end: 2h for in two hours, or 2026-11-20T12:00:00Z
    #[arg(long, value_name = "TIME")]
    until: String,
    /// Have executions wait for its end; so it is unless --drop is given
    #[arg(long, conflicts_with = "drop")]
    hold: bool,
    /// Run nothing; the failed enforcements say so, and can be replayed afterwards
    #[arg(long)]
    drop: bool,
    /// One line on its purpose
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
}

impl Maintenance {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let client = &session.client;
        match self {
            Self::Create(create) => {
                let answer = client.send_json(Method::POST, "/maintenance", &create.body()?).await?;
                session.show(&answer, |window: MaintenanceWindow<'static>| {
                    print::attributes(&attributes(&window));
                })?;
            }
            Self::List => {
                let answer = client.list("/maintenance?limit=-1").await?;
                session.show(&answer, |windows: Items<MaintenanceWindow<'static>>| {
                    print::listing(table(&windows), &[]);
                })?;
            }
            Self::Get { name } => {
                let answer = client.get(&path(&name)).await?;
                session.show(&answer, |window: MaintenanceWindow<'static>| {
                    print::attributes(&attributes(&window));
                })?;
            }
            Self::Delete { names } => {
                let delete = async |name: &str| {
                    client.delete(&path(name)).await?;
                    Ok::<_, Failure>(deleted("name", name))
                };
                let tell = |name: &str, _: &Value| {
                    print::note(&format!("deleted {name}"));
                    Ok(())
                };
                return each(session.form, &names, delete, tell).await;
            }
        }
        Ok(Code::Ok)
    }
}

impl Create {
    /// The request for the window.
    fn body(self) -> Result<Value, Failure> {
        let Self { name, packs, rules, tags, from, until, hold: _, drop, description } = self;
        let tags = tags.iter().map(|tag| match tag.split_once('=') {
            Some((tag, value)) => Ok(json!({"name": tag, "value": value})),
            None => Err(Failure::usage(
                format!("`--tag {tag}` has no value"),
                format!("write it as rules have it, NAME=VALUE: --tag {tag}=VALUE"),
            )),
        });
        let tags = tags.collect::<Result<Vec<_>, _>>()?;
        let from = from.as_deref().map(later).transpose()?;
        let mode = if drop { "drop" } else { "hold" };
        Ok(json!({
            "name": name, "description": description, "packs": packs, "rules": rules, "tags": tags, "from": from,
            "until": later(&until)?, "mode": mode,
        }))
    }
}

fn path(name: &str) -> String {
    format!("/maintenance/{}", path_segment(name))
}

fn table<'r>(windows: &'r [Item<'r, MaintenanceWindow<'r>>]) -> Listing<'r, MaintenanceWindow<'r>> {
    Listing::of(windows)
        .whole("WINDOW", |window| window.name.to_string())
        .text("STATE", |window| window.state.to_string())
        .text("MODE", |window| window.mode.as_str().to_owned())
        .whole("FROM", |window| to_the_second(window.from))
        .whole("UNTIL", |window| to_the_second(window.until))
        .text("FOR", subjects)
}

/// The packs, rules and tags in a line.
fn subjects(window: &MaintenanceWindow<'_>) -> String {
    let packs = window.packs.iter().map(|pack| format!("pack {pack}"));
    let rules = window.rules.iter().map(|rule| format!("rule {rule}"));
    let tags = window.tags.iter().map(|tag| format!("tag {}={}", tag.name, tag.value));
    packs.chain(rules).chain(tags).collect::<Vec<_>>().join(", ")
}

fn attributes(window: &MaintenanceWindow<'_>) -> Attributes {
    let description = Some(window.description.as_ref()).filter(|text| !text.is_empty());
    Attributes::default()
        .text("name", &window.name)
        .text_if_any("description", description)
        .text("state", &window.state)
        .text("mode", window.mode.as_str())
        .time("from", window.from)
        .time("until", window.until)
        .text("for", subjects(window))
        .text("made_by", &window.made_by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_says_what_it_is_for_and_until_when() {
        let window: MaintenanceWindow<'static> = serde_json::from_value(json!({
            "name": "w", "state": "lasts", "mode": "hold", "from": "2026-11-20T12:00:00Z",
            "until": "2026-11-20T13:00:00Z", "packs": ["web"], "rules": ["db.r"],
            "tags": [{"name": "team", "value": "a"}], "made_by": "ada",
        }))
        .unwrap();
        assert_eq!(
            attributes(&window).lines(false),
            [
                "name:        w",
                "state:       lasts",
                "mode:        hold",
                "from:        2026-11-20T12:00:00Z",
                "until:       2026-11-20T13:00:00Z",
                "for:         pack web, rule db.r, tag team=a",
                "made_by:     ada",
            ]
        );
        let listed = [Item::Found(window)];
        let lines = table(&listed).lines(None, false);
        assert!(
            lines[1].starts_with("w ") && lines[1].ends_with("pack web, rule db.r, tag team=a"),
            "{lines:?}"
        );
    }
}
