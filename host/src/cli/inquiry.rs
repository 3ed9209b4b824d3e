//! `petrel inquiry`: questions of workflows that wait for the answer of a person.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::Item;
use petrel_model::Object;
use petrel_model::parameters::Schema;
use petrel_model::secrets::has_secret;
use reqwest::Method;
use serde_json::{Value, json};

use super::input;
use super::session::{Items, Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::parameters;
use crate::print::{self, Attributes, Listing, to_the_second};

/// Show open questions, and answer them.
#[derive(Debug, Subcommand)]
pub(crate) enum Inquiry {
    /// List the open questions, newest first
    #[command(alias = "ls", after_help = "Examples:\n  petrel inquiry list\n  petrel inquiry list -n 5")]
    List {
        /// The greatest number of questions to list
        #[arg(short = 'n', long, alias = "last", default_value_t = 50)]
        limit: usize,
    },
    /// Show an open question, with the schema of its answer
    #[command(
        after_help = "Examples:\n  petrel inquiry get last\n  petrel inquiry get 6a1e5c2f9b1d4e5f60718293"
    )]
    Get {
        /// The id of the question, as `petrel inquiry list` shows it, or `last` for the newest open one
        id: String,
    },
    /// Answer a question; on a terminal without an answer it is asked for
    #[command(
        after_help = "Examples:\n  petrel inquiry respond last continue=true\n  petrel inquiry respond 6a1e5c2f9b1d4e5f60718293 continue=true\n  petrel inquiry respond 6a1e5c2f9b1d4e5f60718293 --response '{\"continue\": true}'"
    )]
    Respond {
        /// The id of the question, or `last` for the newest open one
        id: String,
        /// The answer: NAME=VALUE, read by the type that the question declares; NAME:=JSON; NAME=@FILE
        #[arg(value_name = "NAME=VALUE")]
        answer: Vec<String>,
        /// The whole answer as JSON
        #[arg(short, long, value_name = "JSON", conflicts_with = "answer")]
        response: Option<String>,
    },
}

impl Inquiry {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List { limit } => {
                let answer = session.client.list(&format!("/inquiries?limit={limit}")).await?;
                session.show(&answer, |inquiries: Items<wire::Inquiry>| {
                    print::listing(listed(&inquiries), &[]);
                })?;
            }
            Self::Get { id } => {
                let id = named(session, id).await?;
                let answer = session.client.get(&path(&id)).await?;
                session.show(&answer, |inquiry: wire::Inquiry| print::attributes(&attributes(&inquiry)))?;
            }
            Self::Respond { id, answer, response } => {
                let id = named(session, id).await?;
                respond(session, &id, &answer, response.as_deref()).await?;
            }
        }
        Ok(Code::Ok)
    }
}

fn path(id: &str) -> String {
    format!("/inquiries/{}", path_segment(id))
}

/// The id of a question, of which `last` is the newest open one. It is resolved once: a newer question must not get the
/// answer to this one.
async fn named(session: &Session, id: String) -> Result<String, Failure> {
    if id != "last" {
        return Ok(id);
    }
    let answer = session.client.list("/inquiries?limit=1").await?;
    match read::<Items<wire::Inquiry>>(&answer)?.into_iter().next() {
        Some(Item::Found(newest)) => Ok(newest.id.to_string()),
        Some(Item::Lost(newest)) => Ok(newest.id.into_owned()),
        None => Err(Failure::new(
            Code::NotFound,
            "not_found",
            "inquiry `last` does not exist",
            "no question is open; `petrel execution list --action core.ask` shows those that were",
        )),
    }
}

async fn respond(
    session: &Session,
    id: &str,
    words: &[String],
    response: Option<&str>,
) -> Result<(), Failure> {
    let response = if let Some(text) = response {
        serde_json::from_str(text).map_err(|error| {
            Failure::usage(
                format!("the response is not JSON: {error}"),
                "write --response '{\"continue\": true}'",
            )
        })?
    } else {
        let inquiry: wire::Inquiry = read(&session.client.get(&path(id)).await?)?;
        Value::Object(given(&inquiry, words)?)
    };
    let body = json!({"id": id, "response": response});
    let answer = session.client.send_json(Method::PUT, &path(id), &body).await?;
    session.show(&answer, |answered: wire::Answered| {
        print::line(&format!("Response accepted for inquiry {}.", answered.id));
    })
}

/// The answer in `words`, or as it is typed at the terminal.
fn given(inquiry: &wire::Inquiry, words: &[String]) -> Result<Object, Failure> {
    if let Some(kind) = other_kind(inquiry) {
        return Err(Failure::usage(
            format!("the answer is of the type {kind}, and has no parts that could be given one by one"),
            format!(
                "write it as JSON: `petrel inquiry respond {} --response '{}'`",
                inquiry.id,
                example_of(kind)
            ),
        ));
    }
    let none = Object::new();
    let fields = inquiry.schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let written =
        |name: &str| format!("write NAME=VALUE, as `petrel inquiry respond {} {name}=VALUE`", inquiry.id);
    let example = fields.keys().next().map_or("continue", String::as_str);
    if words.iter().any(|word| !word.contains('=')) {
        return Err(Failure::usage("a word without `=` is no part of an answer", written(example)));
    }
    if !words.is_empty() {
        return parameters::parse(words, Some(fields));
    }
    if !std::io::stdin().is_terminal() {
        let names: Vec<_> = fields.keys().map(String::as_str).collect();
        let parts = if names.is_empty() { "its parts are not named".to_owned() } else { names.join(", ") };
        let message = format!("the question wants an answer: {parts}");
        return Err(Failure::usage(message, written(example)));
    }
    typed(fields)
}

/// The type of an answer that is no object.
fn other_kind(inquiry: &wire::Inquiry) -> Option<&str> {
    Schema::of(&inquiry.schema).kind().filter(|kind| *kind != "object")
}

/// An answer of a type, as JSON.
fn example_of(kind: &str) -> &'static str {
    match kind {
        "array" => "[\"VALUE\"]",
        "boolean" => "true",
        "integer" | "number" => "1",
        _ => "\"VALUE\"",
    }
}

/// The answer as it is typed, field by field. What is left empty is left out.
fn typed(fields: &Object) -> Result<Object, Failure> {
    let mut answer = Object::new();
    for (name, schema) in fields {
        let text = if has_secret(schema) {
            input::read_password(&prompt(name, schema), false, false)?
        } else {
            print::text(&print::plain(&format!("{}: ", prompt(name, schema))));
            let mut line = String::new();
            let read = std::io::stdin().lock().read_line(&mut line);
            read.map_err(|error| {
                Failure::usage(format!("no answer can be read: {error}"), "give it as NAME=VALUE")
            })?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        };
        if !text.is_empty() {
            answer.insert(name.clone(), parameters::typed(name, &text, Some(schema))?);
        }
    }
    Ok(answer)
}

/// The text that asks for a field: `approved (boolean): Shall it go on?`.
fn prompt(name: &str, schema: &Value) -> String {
    let schema = Schema::of(schema);
    let kind = schema.kind().map(|kind| format!(" ({kind})")).unwrap_or_default();
    let about = schema.description().map(|about| format!(" {about}")).unwrap_or_default();
    format!("{name}{kind}{about}")
}

/// The list of open questions.
fn listed<'r>(inquiries: &'r [Item<'r, wire::Inquiry>]) -> Listing<'r, wire::Inquiry> {
    Listing::of(inquiries)
        .whole("INQUIRY", |inquiry| inquiry.id.to_string())
        .text("ASKS FOR", asks_for)
        .text("ROUTE", |inquiry| inquiry.route.clone())
        .text("USERS", |inquiry| inquiry.users.join(", "))
        .text("ROLES", |inquiry| inquiry.roles.join(", "))
        .whole("DUE", |inquiry| inquiry.due_at.map_or_else(|| "-".to_owned(), to_the_second))
}

/// The names of the fields of an answer.
fn asks_for(inquiry: &wire::Inquiry) -> String {
    let fields = inquiry.schema.get("properties").and_then(Value::as_object);
    let names: Vec<_> = fields.into_iter().flat_map(Object::keys).map(String::as_str).collect();
    // An answer without parts is told by its type.
    other_kind(inquiry).filter(|_| names.is_empty()).map_or_else(|| names.join(", "), str::to_owned)
}

/// An open question.
fn attributes(inquiry: &wire::Inquiry) -> Attributes {
    Attributes::default()
        .text("id", inquiry.id)
        .text_if_any("parent", inquiry.parent)
        .text("route", &inquiry.route)
        .text("users", inquiry.users.join(", "))
        .text("roles", inquiry.roles.join(", "))
        .text_if_any("four_eyes", inquiry.four_eyes.then_some("somebody else than who started the run"))
        .time("due_at", inquiry.due_at)
        .value("schema", &inquiry.schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An inquiry as a host sends it.
    fn answered() -> Value {
        json!({
            "id": "65a000000000000000000001", "route": "ops", "ttl": 60, "users": ["ada", "bob"], "roles": [],
            "schema": {"type": "object", "properties": {
                "approved": {"type": "boolean", "description": "Shall it go on?"}, "pin": {"type": "integer", "secret": true},
            }},
            "due_at": "2026-11-20T13:00:00Z",
        })
    }

    #[test]
    fn a_list_of_inquiries_says_what_each_asks_for_and_until_when() {
        let inquiries: Vec<Item<'static, wire::Inquiry>> =
            serde_json::from_value(json!([answered()])).unwrap();
        let lines = listed(&inquiries).lines(None, false);
        assert_eq!(
            lines,
            [
                "INQUIRY                   ASKS FOR       ROUTE  USERS     ROLES  DUE",
                "65a000000000000000000001  approved, pin  ops    ada, bob         2026-11-20T13:00:00Z",
            ]
        );
    }

    #[test]
    fn an_answer_is_read_by_the_types_of_the_question() {
        let inquiry: wire::Inquiry = serde_json::from_value(answered()).unwrap();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (given_words, expected) in [
            (&["approved=yes", "pin=7"][..], json!({"approved": true, "pin": 7})),
            (&["other:=[1]"], json!({"other": [1]})),
        ] {
            let read = given(&inquiry, &words(given_words)).map(Value::Object);
            assert_eq!(read.map_err(|failure| failure.message), Ok(expected));
        }
        for (kind, example) in [
            ("array", "--response '[\"VALUE\"]'"),
            ("boolean", "--response 'true'"),
            ("string", "--response '\"VALUE\"'"),
        ] {
            let question: wire::Inquiry = serde_json::from_value(json!({
                "id": "65a000000000000000000001", "route": "", "ttl": 60, "users": [], "roles": [],
                "schema": {"type": kind},
            }))
            .unwrap();
            for written in [&["x=1"][..], &["yes"], &[]] {
                let refused = given(&question, &words(written)).unwrap_err();
                assert!(refused.hint.contains(example), "{kind}: {refused}");
            }
            assert_eq!(asks_for(&question), kind);
        }
        let refused = given(&inquiry, &words(&["yes"])).unwrap_err();
        assert!(refused.hint.contains("approved=VALUE"), "{refused}");
        let field = &answered()["schema"]["properties"]["approved"];
        assert_eq!(prompt("approved", field), "approved (boolean) Shall it go on?");
        let shown = attributes(&inquiry).lines(false).join("\n");
        assert!(shown.contains("ada, bob") && shown.contains("2026-11-20T13:00:00Z"), "{shown}");
    }
}
