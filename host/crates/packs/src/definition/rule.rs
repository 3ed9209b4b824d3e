//! `rules/*.yaml`, and rules that are handed in as JSON.

use petrel_model::action::Tag;
use petrel_model::rule::{ActionCall, Criteria, Criterion, Ordered, RuleKind};
use petrel_model::{Object, Ref, Rule, RuleId, Trigger, names};

use super::{read, reference, reference_to};
use crate::fields::{Fields, Problems};
use crate::problem::{Problem, short};

/// A rule as people write it: without an id.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDefinition {
    /// The file that it was read from, as messages name it.
    pub file: String,
    /// The name within the pack.
    pub name: String,
    /// The pack; `default` where none is written.
    pub pack: String,
    /// One line on what it is for.
    pub description: String,
    /// Disabled unless it says otherwise.
    pub enabled: bool,
    /// Standard or backstop.
    pub kind: RuleKind,
    /// What it listens to.
    pub trigger: Trigger,
    /// What must hold.
    pub criteria: Criteria,
    /// What to run.
    pub action: ActionCall,
    /// Labels.
    pub tags: Vec<Tag>,
    /// Who made it, and so on.
    pub context: Object,
    /// What its author should think about, a sentence each.
    pub notes: Vec<String>,
}

impl RuleDefinition {
    /// `pack.name`.
    pub fn reference(&self) -> Ref {
        Ref::new(&self.pack, &self.name)
    }

    /// The rule with this id.
    pub fn into_rule(self, id: RuleId) -> Rule {
        Rule {
            id,
            reference: self.reference(),
            description: self.description,
            enabled: self.enabled,
            kind: self.kind,
            trigger: self.trigger,
            criteria: self.criteria,
            action: self.action,
            tags: self.tags,
            context: self.context,
        }
    }
}

const FIELDS: &[&str] =
    &["name", "pack", "description", "enabled", "type", "trigger", "criteria", "action", "tags", "context"];

/// Fields that Petrel and StackStorm print themselves, so they come back when a printed rule is changed.
const PRINTED: &[&str] = &["id", "uid", "ref", "metadata_file"];

/// Reads a rule from YAML or JSON. `pack` is the pack that the file is in, if it is in one.
///
/// Whether operators, paths and templates in it make sense is not looked at here: see
/// `petrel_rules::check`.
///
/// # Errors
/// Every problem.
pub fn read_rule(file: &str, text: &str, pack: Option<&str>) -> Result<RuleDefinition, Vec<Problem>> {
    read(file, text, "a rule", |fields, problems| {
        fields.refuse_unknown(FIELDS, PRINTED, problems);
        let (home, mut notes) = (pack, Vec::new());
        let pack = match pack {
            Some(pack) => pack.to_owned(),
            None => fields.text("pack", problems).unwrap_or_else(|| "default".into()),
        };
        // The name of the pack that it is in is checked where that says it.
        if home.is_none()
            && let Err(invalid) = names::check_pack(&pack)
        {
            problems.add(fields.position("pack"), format!("{invalid}; {}", invalid.remedy));
        }
        let reference = reference(fields, &pack, problems);
        let trigger = trigger(fields, problems);
        let action = action(fields, home, &mut notes, problems);
        if home.is_some() && fields.get("enabled").is_none() {
            notes.push("the rule is off, since it does not say enabled: true".to_owned());
        }
        Some(RuleDefinition {
            file: file.to_owned(),
            description: fields.text("description", problems).unwrap_or_default(),
            enabled: fields.flag("enabled", false, problems),
            kind: kind(fields, problems),
            criteria: criteria(fields, problems),
            tags: fields.tags(problems),
            context: fields.object("context", problems),
            name: reference?.name().to_owned(),
            trigger: trigger?,
            action: action?,
            pack,
            notes,
        })
    })
}

fn kind(fields: Fields<'_>, problems: &mut Problems) -> RuleKind {
    let Some(node) = fields.get("type") else { return RuleKind::Standard };
    serde_json::from_value(node.to_json()).unwrap_or_else(|error: serde_json::Error| {
        problems.add(node.position, error.to_string());
        RuleKind::Standard
    })
}

fn trigger(fields: Fields<'_>, problems: &mut Problems) -> Option<Trigger> {
    let node = fields.required("trigger", problems)?;
    let fields = Fields::of(node, "the trigger of a rule", problems)?;
    fields.refuse_unknown(&["type", "parameters"], &["ref", "description"], problems);
    let parameters = fields.object("parameters", problems);
    Some(Trigger { kind: reference_to(fields, "type", problems)?, parameters })
}

/// What a rule runs; an action that goes by its name alone is one of the pack that the rule is in, its `home`.
fn action(
    fields: Fields<'_>,
    home: Option<&str>,
    notes: &mut Vec<String>,
    problems: &mut Problems,
) -> Option<ActionCall> {
    let node = fields.required("action", problems)?;
    let fields = Fields::of(node, "the action of a rule", problems)?;
    fields.refuse_unknown(&["ref", "parameters"], &["description"], problems);
    let parameters = fields.object("parameters", problems);
    let bare = fields.get("ref").map(petrel_yaml::Node::to_json);
    let bare = bare.as_ref().and_then(serde_json::Value::as_str).filter(|name| !name.contains('.'));
    if let (Some(pack), Some(name)) = (home, bare)
        && names::check_item("an action", pack, name).is_ok()
    {
        notes.push(format!(
            "the action {} names no pack, so it is taken for {pack}.{name}; write that",
            short(name)
        ));
        return Some(ActionCall { reference: Ref::new(pack, name), parameters });
    }
    Some(ActionCall { reference: reference_to(fields, "ref", problems)?, parameters })
}

fn criteria(fields: Fields<'_>, problems: &mut Problems) -> Criteria {
    let mut criteria = Vec::new();
    let Some(fields) = fields.get("criteria").and_then(|node| Fields::of(node, "criteria", problems)) else {
        return Ordered(criteria);
    };
    for entry in fields.entries() {
        let what = format!("the criterion {}", short(&entry.key));
        let Some(fields) = Fields::of(&entry.node, &what, problems) else { continue };
        fields.refuse_unknown(&["type", "pattern", "condition"], &[], problems);
        let pattern = fields.entries().iter().find(|field| field.key == "pattern");
        let criterion = Criterion {
            operator: fields.text("type", problems),
            pattern: pattern.map(|field| field.node.to_json()),
            condition: fields.text("condition", problems),
        };
        criteria.push((entry.key.clone(), criterion));
    }
    Ordered(criteria)
}
