//! The definition of a policy, from `policies/*.yaml` or from JSON in a request.

use petrel_model::policy::Effect;
use petrel_model::{Object, Policy, PolicyId, Ref, names};

use super::{read, reference, reference_to};
use crate::fields::{Fields, Problems};
use crate::problem::Problem;

/// A policy as people write it, without an id.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDefinition {
    /// `pack.name`.
    pub reference: Ref,
    /// Whether its pack is known: it says one, or its file is in one. Otherwise it is `default`.
    pub has_pack: bool,
    /// The description.
    pub description: String,
    /// Whether it has an effect. Default true.
    pub enabled: bool,
    /// The action.
    pub resource: Ref,
    /// The type.
    pub kind: String,
    /// The parameters, which fit the type.
    pub parameters: Object,
    /// The file in its pack; empty for one that was made by hand.
    pub metadata_file: String,
}

impl PolicyDefinition {
    /// The same policy in `pack`, unless it says its pack.
    #[must_use]
    pub fn or_in(self, pack: &str) -> Self {
        if self.has_pack {
            return self;
        }
        Self { reference: Ref::new(pack, self.reference.name()), ..self }
    }

    /// The policy with this id.
    pub fn into_policy(self, id: PolicyId) -> Policy {
        Policy {
            id,
            reference: self.reference,
            description: self.description,
            enabled: self.enabled,
            resource: self.resource,
            kind: self.kind,
            parameters: self.parameters,
            metadata_file: self.metadata_file,
            is_switched: false,
        }
    }
}

const FIELDS: &[&str] =
    &["name", "pack", "description", "enabled", "resource_ref", "policy_type", "parameters"];

/// Fields of printed policies that are ignored when such a policy is edited and sent back. The host adds `warnings` to
/// the answer that a policy is written with.
const PRINTED: &[&str] = &["id", "uid", "ref", "metadata_file", "warnings"];

/// Parses a policy from YAML or JSON. `pack` is the pack that the file belongs to, if any.
///
/// # Errors
/// All problems, also those of its parameters.
pub fn read_policy(file: &str, text: &str, pack: Option<&str>) -> Result<PolicyDefinition, Vec<Problem>> {
    read(file, text, "a policy", |fields, problems| {
        fields.refuse_unknown(FIELDS, PRINTED, problems);
        let home = pack;
        let pack = match pack {
            Some(pack) => Some(pack.to_owned()),
            None => fields.text("pack", problems),
        };
        let has_pack = pack.is_some();
        let pack = pack.unwrap_or_else(|| "default".into());
        // Inside a pack, the pack's own name has been checked already.
        if home.is_none()
            && let Err(invalid) = names::check_pack(&pack)
        {
            problems.add(fields.position("pack"), format!("{invalid}; {}", invalid.remedy));
        }
        let reference = reference(fields, &pack, problems);
        let resource = reference_to(fields, "resource_ref", problems);
        let kind = fields.required_text("policy_type", problems);
        let parameters = fields.object("parameters", problems);
        if let Some(kind) = &kind {
            check(kind, &parameters, fields, problems);
        }
        Some(PolicyDefinition {
            description: fields.text("description", problems).unwrap_or_default(),
            enabled: fields.flag("enabled", true, problems),
            metadata_file: home.map(|_| file.to_owned()).unwrap_or_default(),
            parameters,
            reference: reference?,
            has_pack,
            resource: resource?,
            kind: kind?,
        })
    })
}

/// Adds the problems of the type and of the parameters, each at its place.
fn check(kind: &str, parameters: &Object, fields: Fields<'_>, problems: &mut Problems) {
    let Err(misfits) = Effect::of(kind, parameters) else { return };
    let entries = fields.get("parameters").and_then(petrel_yaml::Node::entries).unwrap_or_default();
    for misfit in misfits {
        let position = match &misfit.parameter {
            Some(name) => entries.iter().find(|entry| entry.key == *name).map(|entry| entry.node.position),
            None => Some(fields.position("policy_type")),
        };
        problems.add(position.unwrap_or_else(|| fields.position("parameters")), misfit.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREET: &str =
        "name: greet.concurrency\nresource_ref: hello.greet\npolicy_type: action.concurrency\n";

    #[test]
    fn a_policy_is_read_as_stackstorm_writes_it() {
        let text = format!("{GREET}pack: hello\ndescription: Limits it.\nparameters:\n  threshold: 10\n");
        let read = read_policy("policies/p.yaml", &text, Some("hello")).unwrap();
        assert_eq!(
            (read.reference.as_str(), read.resource.as_str()),
            ("hello.greet.concurrency", "hello.greet")
        );
        assert_eq!((read.enabled, read.metadata_file.as_str()), (true, "policies/p.yaml"));
        assert_eq!(read.parameters.get("threshold"), Some(&10.into()));
        let by_hand = read_policy("policy", &format!("{GREET}parameters: {{threshold: 1}}\n"), None).unwrap();
        assert_eq!((by_hand.reference.pack(), by_hand.metadata_file.as_str()), ("default", ""));
        assert_eq!(by_hand.or_in("mine").reference.as_str(), "mine.greet.concurrency");
        assert_eq!(read.or_in("mine").reference.pack(), "hello");
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        for (text, expected) in [
            (
                "parameters:\n  threshold: 0\n",
                "f.yaml:5:14: the parameter threshold of action.concurrency must be",
            ),
            (
                "parameters:\n  thresold: 2\n",
                "f.yaml:5:13: action.concurrency has no parameter thresold; did you",
            ),
            ("", "f.yaml:1:1: action.concurrency needs a parameter threshold"),
            (
                "enabled: maybe\nparameters: {threshold: 1}\n",
                "f.yaml:4:10: enabled of a policy must be true or",
            ),
            ("colour: red\nparameters: {threshold: 1}\n", "f.yaml:4:1: a policy has no field colour"),
        ] {
            let problems = read_policy("f.yaml", &format!("{GREET}{text}"), Some("p")).unwrap_err();
            let told: Vec<_> = problems.iter().map(Problem::to_string).collect();
            assert!(told.iter().any(|one| one.starts_with(expected)), "{text}: {told:?}");
        }
        let other = GREET.replace("action.concurrency", "action.concurency");
        let problems = read_policy("f.yaml", &other, Some("p")).unwrap_err();
        assert!(
            problems[0].to_string().starts_with("f.yaml:3:14: there is no type of policies"),
            "{problems:?}"
        );
    }
}
