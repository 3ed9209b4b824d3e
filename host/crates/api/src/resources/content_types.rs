//! The `types` of content in a request to `/packs/register`, from StackStorm's words to parts of a pack.

use petrel_catalog::registration::Parts;
use petrel_model::quoted::quoted;

use crate::ApiError;

/// The meaning of a type on this host.
enum Kind {
    /// All parts of a pack.
    All,
    Actions,
    Triggers,
    Rules,
    Policies,
    Sensors,
    /// Registered with every part of a pack.
    Always,
    /// Part of the host, so that there is nothing to register.
    OfHost,
    /// Not implemented yet.
    Later,
}

/// StackStorm's types, in singular and plural (`CONTENT_TYPES` and `ENTITIES` of its `controllers/v1/packs.py`).
const TYPES: [(&str, &str, Kind); 11] = [
    ("all", "all", Kind::All),
    ("action", "actions", Kind::Actions),
    ("trigger", "triggers", Kind::Triggers),
    ("rule", "rules", Kind::Rules),
    ("config", "configs", Kind::Always),
    ("runner", "runners", Kind::OfHost),
    ("rule_type", "rule_types", Kind::OfHost),
    ("sensor", "sensors", Kind::Sensors),
    ("alias", "aliases", Kind::Later),
    ("policy", "policies", Kind::Policies),
    ("policy_type", "policy_types", Kind::OfHost),
];

/// The requested parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) parts: Parts,
    /// Requested types that are not registered, with the reasons.
    pub(super) notes: Vec<String>,
}

impl Wanted {
    /// The parts that these types name, or all parts without types.
    ///
    /// # Errors
    /// When a type is unknown.
    pub(super) fn of(types: &[String]) -> Result<Self, ApiError> {
        let (mut parts, mut notes) = (Parts::default(), Vec::new());
        if types.is_empty() {
            parts = Parts::ALL;
        }
        for name in types {
            let known = TYPES.iter().find(|(one, many, _)| name == one || name == many);
            let (_, many, kind) = known.ok_or_else(|| unknown(name))?;
            match kind {
                Kind::All => parts = Parts::ALL,
                Kind::Actions => parts.actions = true,
                Kind::Triggers => parts.triggers = true,
                Kind::Rules => parts.rules = true,
                Kind::Policies => parts.policies = true,
                // They bring their trigger types.
                Kind::Sensors => (parts.sensors, parts.triggers) = (true, true),
                Kind::Always => {}
                Kind::OfHost => {
                    notes.push(format!("`types`: {many} come with the host and are always there"));
                }
                Kind::Later => {
                    notes.push(format!("`types`: {many} are not registered: they do not exist yet"));
                }
            }
        }
        Ok(Self { parts, notes })
    }
}

/// The error for an unknown type.
fn unknown(name: &str) -> ApiError {
    let known: Vec<_> = TYPES.iter().map(|(_, many, _)| *many).collect();
    let message = format!("`types`: `{}` is not a type of content; nothing was registered", quoted(name));
    ApiError::invalid(message, format!("name some of {}, or leave `types` out", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_as_stackstorm_names_them() {
        let nothing = Parts::default();
        for (types, parts, notes) in [
            (&[][..], Parts::ALL, 0),
            (&["all"], Parts::ALL, 0),
            (&["actions"], Parts { actions: true, ..nothing }, 0),
            (&["action", "rule"], Parts { actions: true, rules: true, ..nothing }, 0),
            (&["triggers", "configs"], Parts { triggers: true, ..nothing }, 0),
            (&["policies", "policy_type"], Parts { policies: true, ..nothing }, 1),
            (&["sensors"], Parts { sensors: true, triggers: true, ..nothing }, 0),
            (&["runner", "aliases", "actions"], Parts { actions: true, ..nothing }, 2),
        ] {
            let types: Vec<_> = types.iter().map(|name| (*name).to_owned()).collect();
            let wanted = Wanted::of(&types).unwrap();
            assert_eq!((wanted.parts, wanted.notes.len()), (parts, notes), "{types:?}");
        }
        assert!(Wanted::of(&["action".to_owned(), "acton".to_owned()]).is_err());
    }
}
