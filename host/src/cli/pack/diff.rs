//! `petrel pack diff`: what is different between two packs, wherever they are: what they offer, and their files.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use clap::Args;
use petrel_model::capabilities::Request;
use petrel_packs::definition::read_pack_definition;
use petrel_registry::Digest;
use petrel_registry::card::{Card, Entry};
use serde_json::{Value, json};

use super::super::session::{Session, path_segment};
use super::origin::Origin;
use crate::client::Connection;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::registries::{Registries, Scratch};

/// The arguments of the verb.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The pack before: a directory, a file of `petrel pack save`, a reference, or the name of a registered pack
    old: String,
    /// The pack after; by default the reference, file or directory is compared with what is registered
    new: Option<String>,
}

/// One of the two packs.
struct Side {
    card: Card,
    files: BTreeMap<String, Digest>,
    asks: Request,
}

impl Diff {
    pub(super) async fn run(self, connection: &Connection, form: Form) -> Result<Code, Failure> {
        let registries = Registries::of_machine()?;
        let (one, other) = (Scratch::new()?, Scratch::new()?);
        let (old, new) = if let Some(new) = &self.new {
            let old = side(&registries, connection, form, &self.old, one.path()).await?;
            (old, side(&registries, connection, form, new, other.path()).await?)
        } else if Origin::of("diff", &self.old)?.is_none() {
            return Err(with_nothing(&self.old));
        } else {
            let new = side(&registries, connection, form, &self.old, other.path()).await?;
            let name = new.card.reference.clone();
            (registered(&registries, connection, form, &name).await?, new)
        };
        let found = differences(&old, &new);
        match form {
            Form::Json => print::json(&found),
            Form::Text => {
                lines(&old, &new, &found).iter().for_each(|line| print::line(line));
            }
        }
        Ok(Code::Ok)
    }
}

/// The failure for the name of a registered pack alone: it would be compared with itself.
fn with_nothing(name: &str) -> Failure {
    Failure::usage(
        format!("nothing is named that `{name}` is to be compared with"),
        format!("`petrel pack diff HOST/PATH:TAG`, or `petrel pack diff {name} DIRECTORY`"),
    )
}

/// The pack that somebody names.
async fn side(
    registries: &Registries,
    connection: &Connection,
    form: Form,
    text: &str,
    place: &Path,
) -> Result<Side, Failure> {
    match Origin::of("diff", text)? {
        Some(origin) => of_directory(&origin.directory(registries, place).await?, registries),
        None => registered(registries, connection, form, text).await,
    }
}

/// The pack that is registered by this name.
async fn registered(
    registries: &Registries,
    connection: &Connection,
    form: Form,
    name: &str,
) -> Result<Side, Failure> {
    let session = Session::open(connection, form)?;
    let pack = session.client.get(&format!("/packs/{}", path_segment(name))).await?;
    let path = pack.get("path").and_then(Value::as_str).unwrap_or_default();
    of_directory(Path::new(path), registries)
}

/// The differences between the packs in two directories, in lines.
pub(super) fn between(registries: &Registries, old: &Path, new: &Path) -> Result<Vec<String>, Failure> {
    let (old, new) = (of_directory(old, registries)?, of_directory(new, registries)?);
    Ok(lines(&old, &new, &differences(&old, &new)))
}

fn of_directory(path: &Path, registries: &Registries) -> Result<Side, Failure> {
    let (card, _) = Card::of(path)?;
    let mut files = BTreeMap::new();
    for (name, at) in petrel_registry::artifact::files(path, registries.limits())? {
        let digest = File::open(&at).and_then(|mut file| Digest::of_reader(&mut file));
        let (digest, _) = digest.map_err(|error| petrel_registry::Error::of_file("read", &at, &error))?;
        files.insert(name, digest);
    }
    let text = std::fs::read_to_string(path.join("pack.yaml")).unwrap_or_default();
    // The card is of a pack that can be read.
    let read = read_pack_definition("pack.yaml", &text).ok();
    let asks = read.and_then(|read| read.pack.capabilities).map(|request| *request).unwrap_or_default();
    Ok(Side { card, files, asks })
}

/// The differences, as programs get them.
fn differences(old: &Side, new: &Side) -> Value {
    let entries = |entries: &[Entry]| {
        let shown =
            entries.iter().map(|entry| (entry.name.clone(), (entry.by.clone(), entry.description.clone())));
        shown.collect::<BTreeMap<_, _>>()
    };
    // What has only a name is never changed.
    let names =
        |names: &[String]| names.iter().map(|name| (name.clone(), name.clone())).collect::<BTreeMap<_, _>>();
    json!({
        "old": {"ref": old.card.reference, "version": old.card.version},
        "new": {"ref": new.card.reference, "version": new.card.version},
        "actions": changes(&entries(&old.card.actions), &entries(&new.card.actions)),
        "rules": changes(&names(&old.card.rules), &names(&new.card.rules)),
        "capabilities": {"added": new.asks.beyond(&old.asks), "removed": old.asks.beyond(&new.asks), "changed": []},
        "sensors": changes(&entries(&old.card.sensors), &entries(&new.card.sensors)),
        "files": changes(&old.files, &new.files),
    })
}

/// The names that were added, removed and changed.
fn changes<T: PartialEq>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> Value {
    let added: Vec<_> = new.keys().filter(|name| !old.contains_key(*name)).collect();
    let removed: Vec<_> = old.keys().filter(|name| !new.contains_key(*name)).collect();
    let changed = old.iter().filter(|(name, value)| new.get(*name).is_some_and(|new| new != *value));
    let changed: Vec<_> = changed.map(|(name, _)| name).collect();
    json!({"added": added, "removed": removed, "changed": changed})
}

/// The differences for people.
fn lines(old: &Side, new: &Side, found: &Value) -> Vec<String> {
    let told = |card: &Card| format!("{} {}", card.reference, card.version);
    let mut lines = vec![format!("{} -> {}", told(&old.card), told(&new.card))];
    for (kind, what) in [
        ("capabilities", "capability"),
        ("actions", "action"),
        ("sensors", "sensor"),
        ("rules", "rule"),
        ("files", "file"),
    ] {
        for (change, mark) in [("added", '+'), ("removed", '-'), ("changed", '~')] {
            let names = found.get(kind).and_then(|of| of.get(change)).and_then(Value::as_array);
            let names = names.into_iter().flatten().filter_map(Value::as_str);
            lines.extend(names.map(|name| format!("{mark} {what} {name}")));
        }
    }
    if lines.len() == 1 {
        lines.push("no difference".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(version: &str, actions: &[(&str, &str)], files: &[(&str, &str)]) -> Side {
        let card = json!({
            "schema": 1, "ref": "mine", "version": version, "rules": [format!("of_{version}")],
            "actions": actions.iter().map(|(name, by)| json!({"name": name, "by": by})).collect::<Vec<_>>(),
        });
        let files =
            files.iter().map(|(name, text)| ((*name).to_owned(), Digest::of(text.as_bytes()))).collect();
        let asks = Request { env: vec![version.into()], ..Request::default() };
        Side { card: serde_json::from_value(card).unwrap(), files, asks }
    }

    #[test]
    fn a_registered_pack_is_not_compared_with_itself() {
        let refused = with_nothing("mine");
        assert!(refused.hint.contains("`petrel pack diff mine DIRECTORY`"), "{refused}");
    }

    #[test]
    fn what_was_added_removed_and_changed_is_told() {
        let old = side("1.0.0", &[("a", "noop"), ("b", "noop")], &[("x", "1"), ("y", "1"), ("z", "1")]);
        let new =
            side("1.1.0", &[("b", "local-shell-cmd"), ("c", "noop")], &[("x", "1"), ("y", "2"), ("w", "1")]);
        let told = lines(&old, &new, &differences(&old, &new));
        assert_eq!(
            told,
            [
                "mine 1.0.0 -> mine 1.1.0",
                "+ capability env 1.1.0",
                "- capability env 1.0.0",
                "+ action c",
                "- action a",
                "~ action b",
                "+ rule of_1.1.0",
                "- rule of_1.0.0",
                "+ file w",
                "- file z",
                "~ file y",
            ]
        );
        assert_eq!(lines(&old, &old, &differences(&old, &old))[1], "no difference");
    }
}
