//! `petrel trace`: all that came of one event or request, as a tree.

use clap::{Subcommand, ValueEnum};
use petrel_api_types::{Item, Trace as Shown};

use super::session::{Items, Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes, Form, Listing, to_the_second};

mod tree;

/// Show all that came of an event, or of a request for an execution.
#[derive(Debug, Subcommand)]
pub(crate) enum Trace {
    /// List traces, newest first
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel trace list\n  petrel trace list --trace-tag release-7\n  petrel trace list --rule examples.sample_rule_with_webhook -n 10"
    )]
    List(List),
    /// Show the whole story of an event or of a request, as a tree
    #[command(
        after_help = "Examples:\n  petrel trace get last\n  petrel trace get 6a1e5c2f9b1d4e5f60718293\n  petrel trace get release-7\n  petrel trace get --execution 6a1e5c2f9b1d4e5f60718293"
    )]
    Get(Get),
}

/// List traces, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// The greatest number of traces to list
    #[arg(short = 'n', long, alias = "last", default_value_t = 50)]
    limit: usize,
    /// List only traces with this tag
    #[arg(short = 'c', long, alias = "tag", value_name = "TAG")]
    trace_tag: Option<String>,
    /// List only the trace of this execution
    #[arg(short = 'e', long, value_name = "ID")]
    execution: Option<String>,
    /// List only the trace of this event
    #[arg(short = 'g', short_alias = 't', long, value_name = "ID")]
    trigger_instance: Option<String>,
    /// List only traces in which this rule has had something run lately; pack.name, or its id
    #[arg(short = 'r', long)]
    rule: Option<String>,
    /// The order by time: desc for the newest first, asc for the oldest
    #[arg(short = 's', long, value_name = "ORDER", default_value = "desc", hide_possible_values = true)]
    sort: Order,
}

/// An order by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// The oldest first.
    Asc,
    /// The newest first.
    Desc,
}

/// Show the whole story of an event or of a request, as a tree
#[derive(Debug, clap::Args)]
// A group, so that exactly one of them is given.
#[command(group = clap::ArgGroup::new("which").required(true).args(["trace", "execution", "trigger_instance"]))]
pub(crate) struct Get {
    /// The id of the trace, or of an event or execution in it; its tag; or `last` for the newest one
    #[arg(value_name = "TRACE")]
    trace: Option<String>,
    /// Show the trace of this execution
    #[arg(short = 'e', long, value_name = "ID")]
    execution: Option<String>,
    /// Show the trace of this event
    #[arg(short = 'g', short_alias = 't', long, value_name = "ID")]
    trigger_instance: Option<String>,
    /// The greatest number of members to show, up to 10000
    #[arg(short = 'n', long, default_value_t = 1000, value_name = "NUMBER")]
    limit: usize,
    /// The greatest depth of the tree
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    depth: usize,
}

impl Trace {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Get(get) => get.run(session).await,
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<Code, Failure> {
        let (path, asked) = (self.path(session.form), self.asked());
        let (answer, count) = session.client.counted(&path).await?;
        session.show(&answer, |traces: Items<Shown<'static>>| {
            print::listing(table(&traces), &asked);
            print::count(traces.len(), count);
        })?;
        Ok(Code::Ok)
    }

    /// The filters, by their flags.
    fn asked(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("trace-tag", &self.trace_tag),
            ("execution", &self.execution),
            ("trigger-instance", &self.trigger_instance),
            ("rule", &self.rule),
        ];
        all.into_iter().filter_map(|(flag, value)| Some((flag, value.clone()?))).collect()
    }

    fn path(&self, form: Form) -> String {
        let mut path = format!("/traces?limit={}", self.limit);
        if self.sort == Order::Asc {
            path.push_str("&sort_asc=true");
        }
        if form == Form::Text {
            // The members cost many reads, and a table shows none.
            path.push_str("&include_attributes=trace_tag,start_timestamp");
        }
        for (flag, value) in self.asked() {
            path.push_str(&format!("&{}={}", flag.replace('-', "_"), path_segment(&value)));
        }
        path
    }
}

impl Get {
    async fn run(self, session: &Session) -> Result<Code, Failure> {
        let given = [&self.trace, &self.execution, &self.trigger_instance];
        let given = given.into_iter().flatten().next().map_or("", String::as_str);
        let id = match &self.trace {
            Some(last) if last == "last" => newest(session).await?,
            Some(tag) if !is_id(tag) => tagged(session, tag).await?,
            _ => given.to_owned(),
        };
        let path = format!("/traces/{}?limit={}", path_segment(&id), self.limit);
        let answer = session.client.get(&path).await?;
        session.show(&answer, |trace: Shown<'static>| {
            print::attributes(&attributes(&trace));
            let drawn = tree::drawn(&trace, self.depth, print::status);
            drawn.lines.iter().for_each(|line| print::raw(line));
            for note in notes(&trace, drawn.left_out, self.depth) {
                print::note(&note);
            }
        })?;
        Ok(Code::Ok)
    }
}

/// Whether a text has the form of an id: that of a trace, or of an event or execution.
fn is_id(text: &str) -> bool {
    matches!(text.len(), 24 | 32) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The id of the newest trace.
async fn newest(session: &Session) -> Result<String, Failure> {
    let none = "nothing has come in yet; `petrel run core.noop` runs an action";
    first(session, "/traces?limit=1&include_attributes=start_timestamp", ("trace `last`", none))
        .await
        .map(|(id, _)| id)
}

/// The id of the newest trace with a tag, and a note if there are others.
async fn tagged(session: &Session, tag: &str) -> Result<String, Failure> {
    let path = format!("/traces?limit=2&include_attributes=start_timestamp&trace_tag={}", path_segment(tag));
    let shown = print::plain(tag);
    let what = format!("a trace with the tag `{shown}`");
    let none = "`petrel trace list` shows the known traces with their tags";
    let (id, count) = first(session, &path, (&what, none)).await?;
    if count > 1 {
        print::note(&format!(
            "several traces have the tag `{shown}`, and this is the newest; `petrel trace list --trace-tag TAG` shows all"
        ));
    }
    Ok(id)
}

/// The id of the first trace in a list, and the number of those in it.
async fn first(
    session: &Session,
    path: &str,
    (what, none): (&str, &str),
) -> Result<(String, usize), Failure> {
    let answer = session.client.list(path).await?;
    let found: Items<Shown<'static>> = read(&answer)?;
    let count = found.len();
    match found.into_iter().next() {
        Some(Item::Found(trace)) => Ok((trace.id.to_string(), count)),
        Some(Item::Lost(lost)) => Ok((lost.id.into_owned(), count)),
        None => Err(Failure::new(Code::NotFound, "not_found", format!("{what} does not exist"), none)),
    }
}

fn table<'r>(traces: &'r [Item<'r, Shown<'r>>]) -> Listing<'r, Shown<'r>> {
    Listing::of(traces)
        .whole("ID", |trace| trace.id.to_string())
        .text("TAG", |trace| trace.trace_tag.to_string())
        .whole("STARTED", |trace| to_the_second(trace.start_timestamp))
}

fn attributes(trace: &Shown<'_>) -> Attributes {
    Attributes::default()
        .text("id", trace.id)
        .text("trace_tag", &trace.trace_tag)
        .time("start_timestamp", trace.start_timestamp)
}

/// What is missing in the tree, with the remedy.
fn notes(trace: &Shown<'_>, left_out: usize, depth: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if trace.is_cut {
        let shown = trace.trigger_instances.len() + trace.rules.len() + trace.action_executions.len();
        notes.push(format!(
            "only the first {shown} members are shown; `petrel trace get {} --limit 10000` shows more",
            trace.id
        ));
    }
    if left_out > 0 {
        notes.push(format!(
            "{left_out} members are deeper than {depth} and left out; `petrel trace get {} --depth 1000` shows them",
            trace.id
        ));
    }
    if trace.unreadable > 0 {
        notes.push(format!(
            "{} members cannot be read; `petrel store check` says more of them",
            trace.unreadable
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "0000000065a000000000000000000001";

    #[test]
    fn flags_are_the_filters_of_the_list() {
        let list = List {
            limit: 5,
            trace_tag: Some("release 7".into()),
            execution: None,
            trigger_instance: Some("1".into()),
            rule: Some("a.b".into()),
            sort: Order::Asc,
        };
        let filters = "trace_tag=release%207&trigger_instance=1&rule=a.b";
        assert_eq!(list.path(Form::Json), format!("/traces?limit=5&sort_asc=true&{filters}"));
        assert_eq!(
            List { sort: Order::Desc, ..list }.path(Form::Text),
            format!("/traces?limit=5&include_attributes=trace_tag,start_timestamp&{filters}")
        );
    }

    #[test]
    fn ids_are_told_from_tags() {
        for (text, expected) in [
            (ID, true),
            ("65a000000000000000000001", true),
            ("65a00000000000000000000x", false),
            ("release-7", false),
        ] {
            assert_eq!(is_id(text), expected, "{text}");
        }
    }

    #[test]
    fn a_list_has_ids_and_tags_and_a_trace_says_what_is_missing() {
        let mut answer =
            json!({"id": ID, "trace_tag": "release", "start_timestamp": "2026-11-20T12:00:00.5Z"});
        let listed: Items<Shown<'static>> = serde_json::from_value(json!([answer])).unwrap();
        assert_eq!(table(&listed).lines(None, false)[1], format!("{ID}  release  2026-11-20T12:00:00Z"));
        let whole: Shown<'static> = serde_json::from_value(answer.clone()).unwrap();
        assert_eq!(notes(&whole, 0, 50), Vec::<String>::new());
        assert_eq!(attributes(&whole).lines(false)[1], "trace_tag:       release");
        answer["is_cut"] = json!(true);
        answer["unreadable"] = json!(2);
        let cut: Shown<'static> = serde_json::from_value(answer).unwrap();
        let told = notes(&cut, 3, 50);
        for (note, says) in told.iter().zip([
            "the first 0 members",
            "3 members are deeper than 50",
            "2 members cannot be read",
        ]) {
            assert!(note.contains(says), "{note}");
        }
        assert_eq!(told.len(), 3);
    }
}
