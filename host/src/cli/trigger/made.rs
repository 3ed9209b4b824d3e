//! `petrel trigger create`, `update` and `delete`: trigger types and triggers that are made by hand. A file with a `type` is
//! a trigger: that trigger type with parameters.

use petrel_api_types as wire;
use petrel_model::trigger::kind_of;
use petrel_packs::Problem;
use petrel_packs::definition::read_made_trigger_type;
use reqwest::Method;
use serde_json::Value;

use super::attributes;
use crate::cli::each::{deleted, each};
use crate::cli::input::read_file;
use crate::cli::session::{Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print;

/// The text of a file, or the trigger in it.
enum Made {
    Type(String),
    Trigger(Value),
}

/// Makes what a file has.
pub(super) async fn create(session: &Session, file: &str) -> Result<(), Failure> {
    let answer = match read(file, None)? {
        Made::Type(text) => session.client.send_yaml(Method::POST, "/triggertypes", text).await?,
        Made::Trigger(body) => session.client.send_json(Method::POST, "/triggers", &body).await?,
    };
    tell(session, &answer, "created")
}

/// Replaces a trigger type or a trigger by what a file has.
pub(super) async fn update(session: &Session, reference: &str, file: &str) -> Result<(), Failure> {
    let pack = reference.split_once('.').map(|(pack, _)| pack);
    let answer = match read(file, pack)? {
        Made::Type(text) => {
            let path = format!("/triggertypes/{}", path_segment(reference));
            session.client.send_yaml(Method::PUT, &path, text).await?
        }
        Made::Trigger(body) => {
            let path = format!("/triggers/{}", path_segment(reference));
            session.client.send_json(Method::PUT, &path, &body).await?
        }
    };
    tell(session, &answer, "updated")
}

/// Deletes trigger types and triggers.
pub(super) async fn delete(session: &Session, references: &[String]) -> Result<Code, Failure> {
    let delete = async |reference: &str| {
        session.client.delete(&path_of(reference)).await?;
        Ok::<_, Failure>(deleted("ref", reference))
    };
    let tell = |reference: &str, _: &Value| {
        print::note(&format!("deleted {reference}"));
        Ok(())
    };
    each(session.form, references, delete, tell).await
}

/// The path of a trigger, whose reference ends with a digest of its parameters, or of a trigger type.
fn path_of(reference: &str) -> String {
    let list = if kind_of(reference) == reference { "triggertypes" } else { "triggers" };
    format!("/{list}/{}", path_segment(reference))
}

/// What a file has. It is parsed here so that a mistake is reported with its file, line and column.
fn read(file: &str, pack: Option<&str>) -> Result<Made, Failure> {
    let text = read_file(file)?;
    if let Ok(value) = petrel_yaml::parse_loosely(&text)
        && value.get("type").is_some()
    {
        return Ok(Made::Trigger(value));
    }
    read_made_trigger_type(file, &text, pack).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
        Failure::usage(lines.join("\n"), "correct the file and try again")
    })?;
    Ok(Made::Type(text))
}

/// Shows what was made or changed.
fn tell(session: &Session, answer: &Value, what: &str) -> Result<(), Failure> {
    let reference = answer.get("ref").and_then(Value::as_str).unwrap_or_default().to_owned();
    if answer.get("type").is_some() {
        session.show(answer, |trigger: wire::Trigger<'static>| {
            print::attributes(&attributes::trigger(&trigger));
        })?;
    } else {
        session.show(answer, |kind: wire::TriggerType<'static>| {
            print::attributes(&attributes::kind(&kind));
        })?;
    }
    print::note(&format!("{what} {reference}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_told_from_its_type() {
        for (reference, path) in [
            ("mine.order", "/triggertypes/mine.order"),
            ("mine.order.0123456789abcdef01234567", "/triggers/mine.order.0123456789abcdef01234567"),
        ] {
            assert_eq!(path_of(reference), path);
        }
    }
}
