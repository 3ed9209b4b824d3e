//! Packs, the outcome of registering them, and their configurations.

use std::borrow::Cow;
use std::collections::BTreeMap;

use petrel_model::{Object, pack};
use serde::{Deserialize, Serialize};

/// A pack as it is registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pack<'a> {
    /// The short name of the pack.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The name for people.
    #[serde(default)]
    pub name: Cow<'a, str>,
    /// The description, in one line.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// The semantic version.
    #[serde(default)]
    pub version: Cow<'a, str>,
    /// The name of the author.
    #[serde(default)]
    pub author: Cow<'a, str>,
    /// The author's address of electronic mail.
    #[serde(default)]
    pub email: Cow<'a, str>,
    /// Keywords for searches.
    #[serde(default)]
    pub keywords: Cow<'a, [String]>,
    /// The directory of its files on the host.
    #[serde(default)]
    pub path: Cow<'a, str>,
    /// Whether the pack came with the binary.
    #[serde(default)]
    pub built_in: bool,
    /// Actions that are refused when they are run, by name, with the reasons.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: Cow<'a, BTreeMap<String, String>>,
    /// Rules of its files that were left out, by name, with the reasons.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused_rules: Cow<'a, BTreeMap<String, String>>,
    /// The artifact that the pack was installed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<PackArtifact<'a>>,
    /// All other keys of `pack.yaml`.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub other: Cow<'a, Object>,
    /// The short name again.
    #[serde(default)]
    pub id: Cow<'a, str>,
    /// `pack:name`.
    #[serde(default)]
    pub uid: Cow<'a, str>,
}

/// The last lines of what is made for packs that are being registered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PackProgress<'a> {
    /// The lines, the newest last.
    #[serde(default)]
    pub lines: Vec<PackProgressLine<'a>>,
}

/// A line of progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackProgressLine<'a> {
    /// Its number, which grows.
    pub number: u64,
    /// The pack.
    pub pack: Cow<'a, str>,
    /// The text.
    pub text: Cow<'a, str>,
    /// Seconds since it was written.
    #[serde(default)]
    pub age_seconds: u64,
}

/// The artifact that a pack was installed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackArtifact<'a> {
    /// The reference that was asked for; empty for one that came from a file without a name.
    #[serde(default)]
    pub reference: Cow<'a, str>,
    /// The digest.
    #[serde(default)]
    pub digest: Cow<'a, str>,
    /// `verified`, `unverified` or `unsigned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Cow<'a, str>>,
    /// The digest of the key that has signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Cow<'a, str>>,
}

impl<'a> From<&'a pack::PackArtifact> for PackArtifact<'a> {
    fn from(artifact: &'a pack::PackArtifact) -> Self {
        Self {
            reference: Cow::Borrowed(&artifact.reference),
            digest: Cow::Borrowed(&artifact.digest),
            signature: artifact.signature.map(|signed| Cow::Borrowed(signed.as_str())),
            key: Some(Cow::Borrowed(artifact.key.as_str())).filter(|key| !key.is_empty()),
        }
    }
}

impl<'a> From<&'a pack::Pack> for Pack<'a> {
    // The schema of the configuration has a route of its own, and the rules of the files matter only for the next
    // registration.
    fn from(pack: &'a pack::Pack) -> Self {
        Self {
            reference: Cow::Borrowed(&pack.reference),
            name: Cow::Borrowed(&pack.name),
            description: Cow::Borrowed(&pack.description),
            version: Cow::Borrowed(&pack.version),
            author: Cow::Borrowed(&pack.author),
            email: Cow::Borrowed(&pack.email),
            keywords: Cow::Borrowed(&pack.keywords),
            path: Cow::Borrowed(&pack.path),
            built_in: pack.built_in,
            refused: Cow::Borrowed(&pack.refused),
            refused_rules: Cow::Borrowed(&pack.refused_rules),
            artifact: pack.artifact.as_ref().map(PackArtifact::from),
            other: Cow::Borrowed(&pack.other),
            id: Cow::Borrowed(&pack.reference),
            uid: Cow::Owned(format!("pack:{}", pack.reference)),
        }
    }
}

/// The outcome of a registration: the sums, and the packs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration<'a> {
    /// The number of actions.
    pub actions: usize,
    /// The number of trigger types.
    pub triggers: usize,
    /// The number of rules.
    pub rules: usize,
    /// The number of sensors.
    pub sensors: usize,
    /// Always 0. StackStorm counts aliases here, which do not exist yet.
    pub aliases: usize,
    /// The number of policies.
    pub policies: usize,
    /// Skipped parts and advice.
    pub notes: Vec<Cow<'a, str>>,
    /// The pack, if a single one was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<Pack<'a>>,
    /// The packs, if several or none were registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packs: Option<Vec<Pack<'a>>>,
}

impl<'a> Registration<'a> {
    /// Adds the packs that were registered.
    #[must_use]
    pub fn of_packs(mut self, mut packs: Vec<Pack<'a>>) -> Self {
        if packs.len() == 1 {
            self.pack = packs.pop();
        } else {
            self.packs = Some(packs);
        }
        self
    }

    /// All packs that were registered.
    pub fn registered(&self) -> impl Iterator<Item = &Pack<'a>> {
        self.packs.iter().flatten().chain(&self.pack)
    }
}

/// The outcome of removing a pack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Removal<'a> {
    /// The pack.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// Always true.
    pub deleted: bool,
    /// The number of removed actions.
    pub actions: usize,
    /// The number of removed trigger types.
    pub triggers: usize,
    /// The number of removed rules, including those made by hand.
    pub rules: usize,
    /// The number of removed policies, including those made by hand.
    pub policies: usize,
    /// The number of removed sensors.
    pub sensors: usize,
    /// Notes on removed objects that no file of the pack has, and on those that stay.
    pub notes: Vec<Cow<'a, str>>,
}

/// The configuration of a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackConfig<'a> {
    /// The name of the pack.
    pub id: Cow<'a, str>,
    /// The name of the pack.
    pub pack: Cow<'a, str>,
    /// The configured values. Secrets among them are masked unless they are to be shown.
    pub values: Cow<'a, Object>,
    /// Notes on the configuration, and on the file for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Cow<'a, str>>,
}

impl<'a> PackConfig<'a> {
    /// The configuration `values` of `pack`.
    pub fn new(pack: &'a str, values: Cow<'a, Object>) -> Self {
        Self { id: Cow::Borrowed(pack), pack: Cow::Borrowed(pack), values, notes: Vec::new() }
    }
}

/// The schema of a pack's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackConfigSchema<'a> {
    /// The name of the pack.
    pub id: Cow<'a, str>,
    /// The name of the pack.
    pub pack: Cow<'a, str>,
    /// The schemas of the values, by name.
    pub attributes: Cow<'a, Object>,
}

impl<'a> PackConfigSchema<'a> {
    /// The schema of the configuration of `pack`.
    pub fn new(pack: &'a str, attributes: &'a Object) -> Self {
        Self { id: Cow::Borrowed(pack), pack: Cow::Borrowed(pack), attributes: Cow::Borrowed(attributes) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    fn stored() -> pack::Pack {
        noun(json!({
            "ref": "mine", "name": "Mine", "description": "d", "version": "1.0.0", "author": "a", "email": "e",
            "keywords": ["k"], "path": "/p", "built_in": true, "config_schema": {"key": {"secret": true}},
            "refused": {"act": "why"}, "refused_rules": {"r": "because"}, "rules": {"r": true},
            "other": {"stackstorm_version": ">=3"},
        }))
    }

    fn shown() -> Value {
        json!({
            "ref": "mine",
            "name": "Mine",
            "description": "d",
            "version": "1.0.0",
            "author": "a",
            "email": "e",
            "keywords": ["k"],
            "path": "/p",
            "built_in": true,
            "refused": {"act": "why"},
            "refused_rules": {"r": "because"},
            "other": {"stackstorm_version": ">=3"},
            "id": "mine",
            "uid": "pack:mine",
        })
    }

    #[test]
    fn a_pack_shows_neither_its_schema_nor_its_rules() {
        assert_shown_as::<Pack<'static>>(&Pack::from(&stored()), &shown());
    }

    #[test]
    fn a_pack_that_was_installed_shows_its_artifact() {
        for (artifact, expected) in [
            (json!({"digest": "d"}), json!({"reference": "", "digest": "d"})),
            (
                json!({"reference": "r", "digest": "d", "signature": "verified", "key": "k"}),
                json!({"reference": "r", "digest": "d", "signature": "verified", "key": "k"}),
            ),
        ] {
            let artifact: pack::PackArtifact = noun(artifact);
            assert_shown_as::<PackArtifact<'static>>(&PackArtifact::from(&artifact), &expected);
        }
    }

    #[test]
    fn a_registration_has_one_pack_or_several() {
        let stored = stored();
        let sums = || Registration { actions: 1, notes: vec!["n".into()], ..Registration::default() };
        let counts = json!({
            "actions": 1, "triggers": 0, "rules": 0, "sensors": 0, "aliases": 0, "policies": 0, "notes": ["n"],
        });
        for (packs, key, value) in
            [(1, "pack", shown()), (2, "packs", json!([shown(), shown()])), (0, "packs", json!([]))]
        {
            let registration = sums().of_packs(vec![Pack::from(&stored); packs]);
            assert_eq!(registration.registered().count(), packs);
            let mut expected = counts.clone();
            expected[key] = value;
            assert_shown_as::<Registration<'static>>(&registration, &expected);
        }
    }

    #[test]
    fn a_removal_says_what_went() {
        let (reference, notes) = (Cow::Borrowed("mine"), vec!["n".into()]);
        assert_shown_as::<Removal<'static>>(
            &Removal {
                reference,
                deleted: true,
                actions: 1,
                triggers: 2,
                rules: 3,
                policies: 4,
                sensors: 5,
                notes,
            },
            &json!({
                "ref": "mine", "deleted": true, "actions": 1, "triggers": 2, "rules": 3, "policies": 4, "sensors": 5,
                "notes": ["n"],
            }),
        );
    }

    #[test]
    fn a_configuration_and_its_schema_say_whose_they_are() {
        let values: Object = noun(json!({"z": 1, "a": 2}));
        assert_shown_as::<PackConfig<'static>>(
            &PackConfig::new("mine", Cow::Borrowed(&values)),
            &json!({"id": "mine", "pack": "mine", "values": {"z": 1, "a": 2}}),
        );
        let noted = PackConfig { notes: vec!["n".into()], ..PackConfig::new("mine", Cow::Borrowed(&values)) };
        assert_shown_as::<PackConfig<'static>>(
            &noted,
            &json!({"id": "mine", "pack": "mine", "values": {"z": 1, "a": 2}, "notes": ["n"]}),
        );
        assert_shown_as::<PackConfigSchema<'static>>(
            &PackConfigSchema::new("mine", &values),
            &json!({"id": "mine", "pack": "mine", "attributes": {"z": 1, "a": 2}}),
        );
    }
}
