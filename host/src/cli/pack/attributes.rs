//! The output of packs for people: a row in a list, the attributes or the configuration of one, and the outcome of
//! registering or removing it.

use petrel_api_types::{Item, Pack, PackArtifact, PackConfig, Registration, Removal};

use crate::print::{Attributes, Listing, counted};

/// The list of packs.
pub(super) fn table<'r>(packs: &'r [Item<'r, Pack<'r>>]) -> Listing<'r, Pack<'r>> {
    Listing::of(packs)
        .whole("PACK", |pack| pack.reference.to_string())
        .text("VERSION", |pack| pack.version.to_string())
        .whole("SIGNATURE", |pack| signature(pack).unwrap_or("-").to_owned())
        .text("DESCRIPTION", |pack| pack.description.to_string())
        .text("PATH", |pack| pack.path.to_string())
}

/// A pack with its refused parts.
pub(super) fn attributes(pack: &Pack<'_>) -> Attributes {
    Attributes::default()
        .text("ref", &pack.reference)
        .text("name", &pack.name)
        .text("description", &pack.description)
        .text("version", &pack.version)
        .text("author", &pack.author)
        .value("keywords", &pack.keywords)
        .text("path", &pack.path)
        .text_if_any("artifact", pack.artifact.as_ref().map(artifact))
        .text_if_any("signature", signature(pack))
        .text_if_any("key", pack.artifact.as_ref().and_then(|artifact| artifact.key.as_deref()))
        .value("refused", &pack.refused)
        .value("refused_rules", &pack.refused_rules)
}

/// The worth of the signatures of a pack. `None` for one that came with the binary or is in a plain directory.
fn signature<'p>(pack: &'p Pack<'_>) -> Option<&'p str> {
    let artifact = pack.artifact.as_ref()?;
    Some(artifact.signature.as_deref().unwrap_or("unknown"))
}

/// The reference and the digest of an artifact.
fn artifact(artifact: &PackArtifact<'_>) -> String {
    format!("{}@{}", artifact.reference, artifact.digest)
}

/// The configuration of a pack.
pub(super) fn config(config: &PackConfig<'_>) -> Attributes {
    Attributes::default().text("pack", &config.pack).value("values", &config.values)
}

/// The registered parts in one line, with the number of those that are refused.
pub(super) fn registered(registration: &Registration<'_>) -> String {
    let packs: Vec<&str> = registration.registered().map(|pack| &*pack.reference).collect();
    let Registration { actions, triggers, rules, policies, sensors, .. } = registration;
    let refused = refused(registration).map(|refused| format!("; refused: {refused}")).unwrap_or_default();
    let contents = contents([*actions, *triggers, *rules], [*policies, *sensors]);
    format!("registered {}: {contents}{refused}", packs.join(", "))
}

/// The numbers of refused actions and rules, if there are any. The notes say why.
fn refused(registration: &Registration<'_>) -> Option<String> {
    let sum = |count: fn(&Pack<'_>) -> usize| registration.registered().map(count).sum::<usize>();
    let counts = [(sum(|pack| pack.refused.len()), "action"), (sum(|pack| pack.refused_rules.len()), "rule")];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, what)| counted(count as u64, what)).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// The parts of a removed pack in one line.
pub(super) fn removed(removal: &Removal<'_>) -> String {
    let Removal { reference, actions, triggers, rules, policies, sensors, .. } = removal;
    let gone = contents([*actions, *triggers, *rules], [*policies, *sensors]);
    format!("removed {reference}: {gone}; its files and keys were not touched")
}

/// The numbers of the usual parts, and of those that most packs lack, if there are any.
fn contents([actions, triggers, rules]: [usize; 3], [policies, sensors]: [usize; 2]) -> String {
    let of = |count: usize, what: &str| counted(count as u64, what);
    let policies = match policies {
        0 => String::new(),
        1 => ", 1 policy".to_owned(),
        more => format!(", {more} policies"),
    };
    let sensors = if sensors == 0 { String::new() } else { format!(", {}", of(sensors, "sensor")) };
    format!(
        "{}, {}, {}{policies}{sensors}",
        of(actions, "action"),
        of(triggers, "trigger"),
        of(rules, "rule")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A pack as a host sends it.
    fn answered() -> Value {
        json!({
            "ref": "mine", "name": "Mine", "description": "d", "version": "1.0.0", "author": "ada",
            "email": "", "keywords": ["k"], "path": "/p", "built_in": false,
            "refused": {"act": "its file is missing"}, "id": "mine", "uid": "pack:mine",
        })
    }

    #[test]
    fn a_list_has_a_line_for_each_pack() {
        let packs: Vec<Item<'static, Pack<'static>>> = serde_json::from_value(json!([answered()])).unwrap();
        assert_eq!(
            table(&packs).lines(None, false),
            ["PACK  VERSION  SIGNATURE  DESCRIPTION  PATH", "mine  1.0.0    -          d            /p"]
        );
    }

    #[test]
    fn a_pack_that_was_installed_is_shown_with_its_artifact_and_what_its_signatures_are_worth() {
        for (artifact, expected) in [
            (
                json!({"reference": "r.io/mine:1", "digest": "sha256:0", "signature": "unsigned"}),
                &["artifact:      r.io/mine:1@sha256:0", "signature:     unsigned"][..],
            ),
            (
                json!({"digest": "sha256:0", "signature": "verified", "key": "sha256:1"}),
                &["artifact:      @sha256:0", "signature:     verified", "key:           sha256:1"],
            ),
            (json!({"digest": "sha256:0"}), &["artifact:      @sha256:0", "signature:     unknown"]),
        ] {
            let mut answer = answered();
            answer["artifact"] = artifact;
            let lines = attributes(&serde_json::from_value(answer).unwrap()).lines(false);
            let shown: Vec<_> = lines
                .iter()
                .filter(|line| ["artifact:", "signature:", "key:"].iter().any(|name| line.starts_with(name)))
                .collect();
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn a_pack_is_shown_with_what_of_it_is_refused() {
        assert_eq!(
            attributes(&serde_json::from_value(answered()).unwrap()).lines(false),
            [
                "ref:           mine",
                "name:          Mine",
                "description:   d",
                "version:       1.0.0",
                "author:        ada",
                "keywords:",
                "  [",
                "    \"k\"",
                "  ]",
                "path:          /p",
                "refused:",
                "  {",
                "    \"act\": \"its file is missing\"",
                "  }",
            ]
        );
    }

    #[test]
    fn a_configuration_is_shown_with_its_values() {
        for (values, lines) in [
            (json!({"host": "h"}), &["pack:   mine", "values:", "  {", "    \"host\": \"h\"", "  }"][..]),
            (json!({}), &["pack:   mine"]),
        ] {
            let answer = json!({"id": "mine", "pack": "mine", "values": values, "notes": ["n"]});
            assert_eq!(config(&serde_json::from_value(answer).unwrap()).lines(false), lines);
        }
    }

    #[test]
    fn what_came_of_a_pack_is_counted() {
        for (answer, expected) in [
            (
                json!({"actions": 1, "triggers": 2, "rules": 0, "pack": answered()}),
                "registered mine: 1 action, 2 triggers, 0 rules; refused: 1 action",
            ),
            (
                json!({"actions": 0, "triggers": 0, "rules": 1, "packs": [answered(), answered()]}),
                "registered mine, mine: 0 actions, 0 triggers, 1 rule; refused: 2 actions",
            ),
            (
                json!({"actions": 2, "pack": {"ref": "well"}}),
                "registered well: 2 actions, 0 triggers, 0 rules",
            ),
            (
                json!({"actions": 1, "policies": 1, "sensors": 2, "pack": {"ref": "full"}}),
                "registered full: 1 action, 0 triggers, 0 rules, 1 policy, 2 sensors",
            ),
            (
                json!({"policies": 2, "pack": {"ref": "held"}}),
                "registered held: 0 actions, 0 triggers, 0 rules, 2 policies",
            ),
            (
                json!({"actions": 2, "pack": {"ref": "ill", "refused_rules": {"r": "why"}}}),
                "registered ill: 2 actions, 0 triggers, 0 rules; refused: 1 rule",
            ),
        ] {
            assert_eq!(registered(&serde_json::from_value(answer).unwrap()), expected);
        }
        let answer =
            json!({"ref": "mine", "deleted": true, "actions": 1, "triggers": 0, "rules": 3, "notes": []});
        assert_eq!(
            removed(&serde_json::from_value(answer).unwrap()),
            "removed mine: 1 action, 0 triggers, 3 rules; its files and keys were not touched"
        );
        let answer = json!({"ref": "mine", "deleted": true, "policies": 2, "sensors": 1});
        assert_eq!(
            removed(&serde_json::from_value(answer).unwrap()),
            "removed mine: 0 actions, 0 triggers, 0 rules, 2 policies, 1 sensor; its files and keys were not touched"
        );
    }
}
