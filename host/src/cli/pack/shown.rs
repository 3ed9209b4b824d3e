//! `petrel pack get REF`: a pack in a registry, without installing it: what is in it, who has signed it, where it comes from and what
//! it is made of.

use petrel_model::Signed;
use petrel_registry::beside::{Beside, Kind};
use petrel_registry::card::{Card, Entry};
use petrel_registry::statement::lists;
use petrel_registry::trust::{Case, Verdict};
use petrel_registry::{Digest, PublicKey, Reference, Statement};
use serde_json::{Value, json};

use super::trusted::{repository, signatures};
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes, Form};
use crate::registries::{Registries, Scratch};

/// The part of a pack that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What is in it, and a line on all else.
    Summary,
    /// The statements on where it comes from.
    Provenance,
    /// The lists of its parts.
    Sbom,
}

impl Part {
    /// The part that is asked for by flags.
    pub(super) fn of(provenance: bool, sbom: bool) -> Self {
        match (provenance, sbom) {
            (true, _) => Self::Provenance,
            (false, true) => Self::Sbom,
            (false, false) => Self::Summary,
        }
    }
}

/// A pack in a registry.
struct Found {
    reference: Reference,
    digest: Digest,
    card: Card,
    beside: Beside,
    /// What its signatures are worth here, or why it would not be installed.
    verdict: Result<Verdict, String>,
}

/// Shows a pack in a registry: by its reference, or as the installed pack of this name.
pub(super) async fn show(form: Form, named: &str, part: Part) -> Result<Code, Failure> {
    let registries = Registries::of_machine()?;
    let reference =
        if Reference::is_meant(named) { named.parse::<Reference>()? } else { installed(&registries, named)? };
    let found = find(&registries, reference).await?;
    match part {
        Part::Provenance => print::json(&found.statements()?),
        Part::Sbom => print::json(&found.parts()?),
        Part::Summary => {
            let summary = found.summary()?;
            match form {
                Form::Json => print::json(&summary),
                Form::Text => print::attributes(&attributes(&summary)),
            }
            match &found.verdict {
                Err(why) => print::note(&format!("note: it would not be installed: {why}")),
                Ok(verdict) if found.trusted().is_none() && verdict.key.is_some() => print::note(
                    "note: its key is not known here; an installation would trust it from then on, unless --key FILE names another",
                ),
                Ok(_) => {}
            }
        }
    }
    Ok(Code::Ok)
}

/// The reference of an installed pack, by its digest.
fn installed(registries: &Registries, name: &str) -> Result<Reference, Failure> {
    let lock = registries.lock()?;
    let known = lock.of_pack(name);
    let reference =
        known.and_then(|known| Some(known.reference.parse::<Reference>().ok()?.at(&known.digest)));
    reference.ok_or_else(|| {
        let message =
            format!("{name} was not installed from a registry, which is where statements about packs are");
        Failure::new(Code::NotFound, "not_found", message, "name it as HOST/PATH:TAG if it is in one")
    })
}

async fn find(registries: &Registries, reference: Reference) -> Result<Found, Failure> {
    let scratch = Scratch::new()?;
    let fetched = registries.look(&reference, scratch.path()).await?;
    let card = registries.card(&reference, &fetched).await?;
    let beside = registries.beside(&reference, &fetched.digest, &Kind::ALL).await?;
    let lock = registries.lock()?;
    let known = lock.of_pack(&card.reference);
    let verdict = registries.trust.decide(&Case {
        named: &format!("{} {}", card.reference, card.version),
        repository: &format!("{}/{}", reference.registry, reference.repository),
        is_proven: true,
        digest: &fetched.digest,
        found: &signatures(&beside)?,
        given: None,
        pinned: known.and_then(|known| known.key.as_ref()),
        pinned_at: &known.map(repository).unwrap_or_default(),
        forgets: false,
    });
    let verdict = verdict.map_err(|error| error.to_string());
    Ok(Found { reference, digest: fetched.digest, card, beside, verdict })
}

impl Found {
    /// What is decided, if it rests on what was known before: a key that is only brought along proves nothing until somebody
    /// has installed the pack by it, and then the verdict has a note.
    fn trusted(&self) -> Option<&Verdict> {
        self.verdict.as_ref().ok().filter(|verdict| verdict.note.is_none())
    }

    /// The key that has signed it, if that is trusted.
    fn key(&self) -> Option<&PublicKey> {
        self.trusted()?.key.as_ref()
    }

    fn summary(&self) -> Result<Value, Failure> {
        let names = |entries: &[Entry]| entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>();
        let is_unsigned = signatures(&self.beside)?.is_empty();
        let usual = if is_unsigned { Signed::Unsigned } else { Signed::Unverified };
        let signed = self.trusted().map_or(usual, |verdict| verdict.signed);
        let key = self.verdict.as_ref().ok().and_then(|verdict| verdict.key.as_ref());
        let statements = self.statements()?;
        let kinds = |of: &Value| -> Vec<Value> {
            of.as_array().into_iter().flatten().filter_map(|one| one.get("type").cloned()).collect()
        };
        Ok(json!({
            "reference": self.reference.to_string(),
            "digest": self.digest,
            "ref": self.card.reference,
            "version": self.card.version,
            "description": self.card.description,
            "author": self.card.author,
            "actions": names(&self.card.actions),
            "sensors": names(&self.card.sensors),
            "rules": self.card.rules,
            "signature": signed,
            "key": key.map(PublicKey::digest),
            "provenance": kinds(&statements),
            "sbom": kinds(&self.parts()?),
        }))
    }

    fn statements(&self) -> Result<Value, Failure> {
        let all = self.beside.get(&Kind::Statements).map(Statement::all).transpose()?.unwrap_or_default();
        let rows = all.into_iter().map(|one| {
            let is_verified = self.key().is_some_and(|key| one.is_by(key, &self.digest));
            json!({"type": one.kind, "builder": one.builder(), "verified": is_verified, "statement": one.statement})
        });
        Ok(rows.collect())
    }

    fn parts(&self) -> Result<Value, Failure> {
        let all = self.beside.get(&Kind::Parts).map(lists).transpose()?.unwrap_or_default();
        let rows = all.into_iter().map(|(kind, content)| {
            // What others attach may be no JSON.
            let document = serde_json::from_slice::<Value>(&content)
                .unwrap_or_else(|_other| Value::from(String::from_utf8_lossy(&content)));
            json!({"type": kind, "document": document})
        });
        Ok(rows.collect())
    }
}

fn attributes(summary: &Value) -> Attributes {
    let text = |key: &str| summary.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |key: &str| {
        let names =
            summary.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    Attributes::default()
        .text("ref", text("ref"))
        .text("version", text("version"))
        .text("description", text("description"))
        .text("author", text("author"))
        .text("reference", text("reference"))
        .text("digest", text("digest"))
        .text("signature", text("signature"))
        .text("key", text("key"))
        .text("provenance", list("provenance"))
        .text("sbom", list("sbom"))
        .text("actions", list("actions"))
        .text("sensors", list("sensors"))
        .text("rules", list("rules"))
}

#[cfg(test)]
mod tests {
    use petrel_registry::PrivateKey;
    use petrel_registry::signature::sign;
    use petrel_registry::statement::{list, state};

    use super::*;

    #[test]
    fn a_pack_is_shown_with_who_has_signed_it_and_where_it_comes_from() {
        let key = PrivateKey::made().unwrap();
        let digest = Digest::of(b"x");
        let reference: Reference = "r.example.com/mine:1.0.0".parse().unwrap();
        let stated = state(&key, &reference, &digest, br#"{"builder": {"id": "ci"}}"#, None).unwrap();
        let beside = Beside::from([
            (Kind::Signatures, sign(&key, Some(&reference), &digest, None).unwrap()),
            (Kind::Statements, stated),
            (Kind::Parts, list(br#"{"spdxVersion": "SPDX-2.3"}"#.to_vec()).unwrap()),
        ]);
        let card =
            json!({"schema": 1, "ref": "mine", "version": "1.0.0", "actions": [{"name": "a", "by": "noop"}]});
        let verdict = Ok(Verdict { signed: Signed::Verified, key: Some(key.public()), note: None });
        let card = Card::read(card.to_string().as_bytes()).unwrap();
        let mut found = Found { reference, digest, card, beside, verdict };
        let summary = found.summary().unwrap();
        assert_eq!((&summary["signature"], &summary["actions"]), (&json!("verified"), &json!(["a"])));
        assert_eq!(summary["key"], json!(key.public().digest()));
        assert_eq!(summary["provenance"], json!(["https://slsa.dev/provenance/v0.2"]));
        assert_eq!(summary["sbom"], json!(["text/spdx+json"]));
        let statements = found.statements().unwrap();
        assert_eq!((&statements[0]["builder"], &statements[0]["verified"]), (&json!("ci"), &json!(true)));
        assert_eq!(found.parts().unwrap()[0]["document"], json!({"spdxVersion": "SPDX-2.3"}));
        let lines = attributes(&summary).lines(false);
        assert!(
            lines.iter().any(|line| line.starts_with("signature:") && line.ends_with("verified")),
            "{lines:?}"
        );
        // A stranger's key that is only brought along.
        let note = Some("trusted from now on".to_owned());
        found.verdict = Ok(Verdict { signed: Signed::Verified, key: Some(key.public()), note });
        let summary = found.summary().unwrap();
        assert_eq!(
            (&summary["signature"], &summary["key"]),
            (&json!("unverified"), &json!(key.public().digest()))
        );
        assert_eq!(found.statements().unwrap()[0]["verified"], json!(false));
        found.verdict = Err("no".to_owned());
        assert_eq!(found.summary().unwrap()["signature"], json!("unverified"));
        assert_eq!(found.statements().unwrap()[0]["verified"], json!(false));
        found.beside.clear();
        assert_eq!(found.summary().unwrap()["signature"], json!("unsigned"));
    }
}
