//! `petrel pack update`: the newest version of a pack in the repository that it came from is installed, with the difference told.
//! A tag is only a claim: one that names something else, or what is not to be trusted, is told and left out.

use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use petrel_model::quoted::quoted;
use petrel_registry::tags::newer;
use petrel_registry::{Lock, Locked, Reference};
use serde_json::{Value, json};

use super::super::each::each;
use super::super::session::Session;
use super::install::{Install, WRONG_TAG, refuse_no_update};
use super::outcome::tell_registration;
use super::trusted::Accepted;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::registries::{Registries, Scratch};

/// The tags of newer versions that are tried for a pack.
const MOST_TRIED: usize = 20;
/// The kinds of failures that are of a tag: what it names is something else, broken, gone, or not to be trusted. With any other one,
/// another version would only hide it.
const OF_TAGS: [&str; 4] = [WRONG_TAG, "untrusted", "registry.refused", "not_found"];

/// The arguments of the verb.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The packs
    #[arg(required_unless_present = "all", value_name = "PACK")]
    packs: Vec<String>,
    /// All packs that were installed from a registry
    #[arg(long, conflicts_with = "packs")]
    all: bool,
    /// Only tell which versions there are
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    accepted: Accepted,
}

impl Update {
    pub(super) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let registries = Registries::of_machine()?;
        let lock = registries.lock()?;
        let mut names = self.packs.clone();
        if self.all {
            let of_registries = lock.packs().iter().filter(|pack| !pack.reference.is_empty());
            names = of_registries.map(|pack| pack.name.clone()).collect();
        }
        if names.is_empty() {
            match session.form {
                Form::Json => print::json(&json!([])),
                Form::Text => print::note("no pack was installed from a registry"),
            }
            return Ok(Code::Ok);
        }
        // Of several, one that must be accepted first is told by the code as well.
        let is_unaccepted = AtomicBool::new(false);
        let act = async |name: &str| {
            let done = Box::pin(self.update(session, &registries, &lock, name)).await;
            let waits = done.as_ref().is_err_and(|failure| failure.code == Code::Unaccepted);
            is_unaccepted.fetch_or(waits, Ordering::Relaxed);
            done
        };
        let code = each(session.form, &names, act, |_, answer| tell(answer)).await?;
        Ok(if is_unaccepted.load(Ordering::Relaxed) { Code::Unaccepted } else { code })
    }

    /// Updates one pack, and returns what came of it.
    async fn update(
        &self,
        session: &Session,
        registries: &Registries,
        lock: &Lock,
        name: &str,
    ) -> Result<Value, Failure> {
        let known = lock.of_pack(name);
        let Some((known, reference)) =
            known.and_then(|known| Some((known, known.reference.parse::<Reference>().ok()?)))
        else {
            let message =
                format!("{} was not installed from a registry, so no newer version is known", quoted(name));
            let hint = "`petrel pack install REF` installs one; `petrel pack register NAME` takes in what has changed in a directory";
            return Err(Failure::new(Code::NotFound, "not_found", message, hint));
        };
        let from = registries.settings().read_from(&reference);
        let tags = registries.open(&from.registry)?.tags(&from.repository).await?;
        let install = Install::of_update(name, self.accepted.clone());
        let mut left_out = Vec::new();
        for tag in newer(tags.iter().map(String::as_str), &known.version).into_iter().take(MOST_TRIED) {
            let tagged = reference.with_tag(tag);
            let done = if self.check {
                is_newer(registries, known, &tagged).await.map(|()| Value::Null)
            } else {
                Box::pin(install.fetch(session, registries, &tagged, None)).await
            };
            match done {
                Ok(registered) => return Ok(answered(known, tag, registered, left_out)),
                Err(failure) if OF_TAGS.contains(&failure.kind.as_str()) => left_out.push((tag, failure)),
                Err(failure) => return Err(failure),
            }
        }
        let mut left_out = left_out.into_iter();
        match left_out.next() {
            None => Ok(json!({"pack": name, "version": known.version, "newer": null, "left_out": []})),
            Some((_, first)) => {
                left_out.for_each(|(tag, failure)| print::note(&note(tag, &failure)));
                Err(first)
            }
        }
    }
}

/// Checks that a tag names a newer version, without installing it.
async fn is_newer(registries: &Registries, known: &Locked, tagged: &Reference) -> Result<(), Failure> {
    let scratch = Scratch::new()?;
    let fetched = registries.look(tagged, scratch.path()).await?;
    refuse_no_update(&known.name, Some(known), &registries.card(tagged, &fetched).await?, tagged)
}

/// What came of an update, with the tags that were left out before. These are told.
fn answered(known: &Locked, tag: &str, registered: Value, left_out: Vec<(&str, Failure)>) -> Value {
    left_out.iter().for_each(|(tag, failure)| print::note(&note(tag, failure)));
    let left_out: Vec<_> =
        left_out.into_iter().map(|(tag, failure)| json!({"tag": tag, "why": failure.message})).collect();
    let mut answer =
        json!({"pack": known.name, "version": known.version, "newer": tag, "left_out": left_out});
    if let Some(answer) = answer.as_object_mut().filter(|_| !registered.is_null()) {
        answer.insert("registration".to_owned(), registered);
    }
    answer
}

/// The note on a tag that is left out.
fn note(tag: &str, failure: &Failure) -> String {
    // It may have been said of a whole update.
    let why = failure.message.trim_end_matches("; nothing was changed");
    format!("note: the tag {tag} is left out: {why}")
}

fn tell(answer: &Value) -> Result<(), Failure> {
    print::line(&told(answer));
    answer.get("registration").map_or(Ok(()), |registered| tell_registration(Form::Text, registered))
}

fn told(answer: &Value) -> String {
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    let (pack, version, newer) = (text("pack"), text("version"), text("newer"));
    match (newer, answer.get("registration")) {
        ("", _) => format!("{pack} {version} is the newest"),
        (_, None) => format!("{pack} {newer} is newer than {version}"),
        (_, Some(_)) => format!("{pack} was {version} and is {newer}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_an_update_is_a_line() {
        for (answer, expected) in [
            (json!({"pack": "mine", "version": "1.0.0", "newer": null}), "mine 1.0.0 is the newest"),
            (json!({"pack": "mine", "version": "1.0.0", "newer": "1.1.0"}), "mine 1.1.0 is newer than 1.0.0"),
            (
                json!({"pack": "mine", "version": "1.0.0", "newer": "1.1.0", "registration": {}}),
                "mine was 1.0.0 and is 1.1.0",
            ),
        ] {
            assert_eq!(told(&answer), expected);
        }
    }
    #[test]
    fn what_was_left_out_is_in_the_answer() {
        let known = Locked {
            name: "mine".into(),
            version: "1.0.0".into(),
            reference: "r.example.com/packs/mine:1.0.0".into(),
            resolved: String::new(),
            digest: petrel_registry::Digest::of(b""),
            native: false,
            signature: None,
            key: None,
        };
        let wrong =
            |end: &str| Failure::new(Code::Conflict, WRONG_TAG, format!("it is something else{end}"), "ask");
        assert_eq!(
            note("9.9.9", &wrong("; nothing was changed")),
            "note: the tag 9.9.9 is left out: it is something else"
        );
        let whole = json!({
            "pack": "mine", "version": "1.0.0", "newer": "1.1.0", "registration": {},
            "left_out": [{"tag": "9.9.9", "why": "it is something else"}],
        });
        assert_eq!(answered(&known, "1.1.0", json!({}), vec![("9.9.9", wrong(""))]), whole);
        let checked = answered(&known, "1.1.0", Value::Null, Vec::new());
        assert_eq!(told(&checked), "mine 1.1.0 is newer than 1.0.0");
    }
}
