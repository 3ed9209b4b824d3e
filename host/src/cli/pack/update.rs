//! `petrel pack update`: the newest version of a pack in the repository that it came from is installed, with the difference told.

use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use petrel_model::quoted::quoted;
use petrel_registry::tags::newer;
use petrel_registry::{Lock, Reference};
use serde_json::{Value, json};

use super::super::each::each;
use super::super::session::Session;
use super::install::Install;
use super::outcome::tell_registration;
use super::trusted::Accepted;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::registries::Registries;

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
        let install = Install::of_update(self.accepted.clone());
        // Of several, one that must be accepted first is told by the code as well.
        let is_unaccepted = AtomicBool::new(false);
        let act = async |name: &str| {
            let done = Box::pin(self.update(session, &registries, &lock, (name, &install))).await;
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
        (name, install): (&str, &Install),
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
        let newest = newer(tags.iter().map(String::as_str), &known.version);
        let mut answer = json!({"pack": name, "version": known.version, "newer": newest});
        let Some(tag) = newest.filter(|_| !self.check) else { return Ok(answer) };
        let registered = install.fetch(session, registries, &reference.with_tag(tag), None).await?;
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("registration".to_owned(), registered);
        }
        Ok(answer)
    }
}

fn tell(answer: &Value) -> Result<(), Failure> {
    print::line(&print::plain(&told(answer)));
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
}
