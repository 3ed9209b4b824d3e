//! The definition of a rule, from `rules/*.yaml` or from JSON in a request.

use petrel_model::action::Tag;
use petrel_model::breaker::CircuitBreaker;
use petrel_model::rule::{ActionCall, Criteria, Criterion, Ordered, RuleKind};
use petrel_model::unfit::unfit;
use petrel_model::{Object, Ref, Rule, RuleId, Trigger, names};

use petrel_yaml::{Content, Node};

use super::{read, reference, reference_to};
use crate::fields::{Fields, Problems};
use crate::limits::MOST_PROBLEMS;
use crate::problem::{Problem, short};

/// A rule as people write it, without an id.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDefinition {
    /// The file that it was read from, for messages.
    pub file: String,
    /// The name within the pack.
    pub name: String,
    /// The pack. Default: `default`.
    pub pack: String,
    /// One line on its purpose.
    pub description: String,
    /// Whether it is enabled. Default: no.
    pub enabled: bool,
    /// Standard or backstop.
    pub kind: RuleKind,
    /// The trigger that it listens to.
    pub trigger: Trigger,
    /// The conditions on the payload.
    pub criteria: Criteria,
    /// The action to run.
    pub action: ActionCall,
    /// The circuit breaker, if it has one of its own.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Labels, which are kept and shown.
    pub tags: Vec<Tag>,
    /// Metadata, such as its author.
    pub context: Object,
    /// Notes for its author: it can be used as it is.
    pub notes: Vec<Problem>,
}

impl RuleDefinition {
    /// `pack.name`.
    pub fn reference(&self) -> Ref {
        Ref::new(&self.pack, &self.name)
    }

    /// Gives the rule this id.
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
            circuit_breaker: self.circuit_breaker,
            tags: self.tags,
            context: self.context,
        }
    }
}

const FIELDS: &[&str] = &[
    "name",
    "pack",
    "description",
    "enabled",
    "type",
    "trigger",
    "criteria",
    "action",
    "circuit_breaker",
    "tags",
    "context",
];

/// Fields of printed rules that are ignored when such a rule is edited and sent back. The host adds `warnings` to the
/// answer that a rule is written with.
const PRINTED: &[&str] = &["id", "uid", "ref", "metadata_file", "warnings", "breaker"];

const OF_CRITERION: &[&str] = &["type", "pattern", "condition"];

/// Parses a rule from YAML or JSON. `pack` is the pack that the file belongs to, if any.
///
/// Operators, paths and templates are not checked here: see `petrel_rules::check`.
///
/// # Errors
/// All problems.
pub fn read_rule(file: &str, text: &str, pack: Option<&str>) -> Result<RuleDefinition, Vec<Problem>> {
    read(file, text, "a rule", |fields, problems| {
        fields.refuse_unknown(FIELDS, PRINTED, problems);
        let home = pack;
        let mut notes = Notes { file, found: Vec::new() };
        let pack = match pack {
            Some(pack) => pack.to_owned(),
            None => fields.text("pack", problems).unwrap_or_else(|| "default".into()),
        };
        // Inside a pack, the pack's own name has been checked already.
        if home.is_none()
            && let Err(invalid) = names::check_pack(&pack)
        {
            problems.add(fields.position("pack"), format!("{invalid}; {}", invalid.remedy));
        }
        let reference = reference(fields, &pack, problems);
        let trigger = trigger(fields, &mut notes, problems);
        let action = action(fields, home, &mut notes, problems);
        // StackStorm's default, which is easily overlooked.
        if home.is_some() && fields.get("enabled").is_none() {
            notes.add("the rule is disabled, since it does not say enabled: true".to_owned());
        }
        let criteria = criteria(fields, &mut notes, problems);
        Some(RuleDefinition {
            file: file.to_owned(),
            description: fields.text("description", problems).unwrap_or_default(),
            enabled: fields.flag("enabled", false, problems),
            kind: kind(fields, problems),
            criteria,
            circuit_breaker: circuit_breaker(fields, problems),
            tags: fields.tags(problems),
            context: fields.object("context", problems),
            name: reference?.name().to_owned(),
            trigger: trigger?,
            action: action?,
            pack,
            notes: notes.found,
        })
    })
    .map_err(with_numbers)
}

/// The problems, with the form of two criteria on one path where a key is written twice.
fn with_numbers(mut problems: Vec<Problem>) -> Vec<Problem> {
    for problem in &mut problems {
        let message = problem.message.strip_prefix("the key ");
        let key =
            message.and_then(|rest| rest.split_once(" is written twice")).map(|(key, _)| key.to_owned());
        // Only paths have dots.
        if let Some(key) = key.filter(|key| key.contains('.')) {
            problem.message.push_str(&format!(", or write {key}#1 and {key}#2 for two conditions on it"));
        }
    }
    problems
}

/// A value as it is written in an example, shortened.
fn example(node: &Node, instead: &str) -> String {
    match &node.content {
        Content::Scalar { value, .. } if !value.is_null() => short(&value.to_string()).into_owned(),
        _ => instead.to_owned(),
    }
}

/// A reference as it is written in an example.
fn example_reference(node: &Node, instead: &str) -> String {
    match &node.content {
        Content::Scalar { text, .. } if text.parse::<Ref>().is_ok() => short(text).into_owned(),
        _ => instead.to_owned(),
    }
}

/// The notes on a rule. A limited number is kept.
struct Notes<'a> {
    file: &'a str,
    found: Vec<Problem>,
}

impl Notes<'_> {
    /// Adds a note on the rule as a whole.
    fn add(&mut self, message: String) {
        self.found.push(Problem { file: self.file.to_owned(), position: None, message });
    }

    fn extend(&mut self, more: Vec<Problem>) {
        let room = MOST_PROBLEMS.saturating_sub(self.found.len());
        self.found.extend(more.into_iter().take(room));
    }
}

fn kind(fields: Fields<'_>, problems: &mut Problems) -> RuleKind {
    let Some(node) = fields.get("type") else { return RuleKind::Standard };
    serde_json::from_value(node.to_json()).unwrap_or_else(|error: serde_json::Error| {
        problems.add(node.position, format!("type of a rule: {}", unfit(&error)));
        RuleKind::Standard
    })
}

/// The fields of a circuit breaker.
const OF_BREAKER: &[&str] = &["failures", "within", "pause"];

fn circuit_breaker(fields: Fields<'_>, problems: &mut Problems) -> Option<CircuitBreaker> {
    let node = fields.get("circuit_breaker")?;
    let form = || "circuit_breaker: {failures: 5, within: 10m, pause: 15m}".to_owned();
    let fields = Fields::of_like(node, "the circuit breaker of a rule", form, problems)?;
    fields.refuse_unknown(OF_BREAKER, &[], problems);
    if fields.entries().iter().any(|entry| !OF_BREAKER.contains(&entry.key.as_str())) {
        // What is told above would be told again.
        return None;
    }
    for name in OF_BREAKER {
        fields.required(name, problems)?;
    }
    match serde_json::from_value::<CircuitBreaker>(node.to_json()) {
        Ok(breaker) => {
            if let Some(misfit) = breaker.misfit() {
                problems.add(node.position, format!("circuit_breaker: {misfit}"));
            }
            Some(breaker)
        }
        Err(error) => {
            problems.add(
                node.position,
                format!("circuit_breaker: {}; write {{failures: 5, within: 10m, pause: 15m}}", unfit(&error)),
            );
            None
        }
    }
}

fn trigger(fields: Fields<'_>, notes: &mut Notes<'_>, problems: &mut Problems) -> Option<Trigger> {
    let node = fields.required("trigger", problems)?;
    let form = || format!("trigger: {{type: {}}}", example_reference(node, "core.st2.webhook"));
    let fields = Fields::of_like(node, "the trigger of a rule", form, problems)?;
    let mut strays = fields.strays(&["type", "parameters"], &["ref", "description"], problems);
    for stray in &mut strays {
        // The pack st2cd of StackStorm names the pack here.
        if !fields.has("parameters")
            && !fields.has("pack")
            && stray.message.ends_with("known are type, parameters")
        {
            stray.message.push_str(", and what the trigger takes stands below parameters");
        }
    }
    notes.extend(strays);
    let parameters = fields.object("parameters", problems);
    Some(Trigger { kind: reference_to(fields, "type", problems)?, parameters })
}

/// Parses the action of a rule. A name without a pack means an action of `home`, the pack that the rule belongs to.
fn action(
    fields: Fields<'_>,
    home: Option<&str>,
    notes: &mut Notes<'_>,
    problems: &mut Problems,
) -> Option<ActionCall> {
    let node = fields.required("action", problems)?;
    let form = || format!("action: {{ref: {}}}", example_reference(node, "core.local"));
    let fields = Fields::of_like(node, "the action of a rule", form, problems)?;
    fields.refuse_unknown(&["ref", "parameters"], &["description"], problems);
    let parameters = fields.object("parameters", problems);
    let bare = fields.get("ref").map(Node::to_json);
    let bare = bare.as_ref().and_then(serde_json::Value::as_str).filter(|name| !name.contains('.'));
    if let (Some(pack), Some(name)) = (home, bare)
        && names::check_item("an action", pack, name).is_ok()
    {
        notes.add(format!("the action {} names no pack, so {pack}.{name} is used; write that", short(name)));
        return Some(ActionCall { reference: Ref::new(pack, name), parameters });
    }
    Some(ActionCall { reference: reference_to(fields, "ref", problems)?, parameters })
}

fn criteria(fields: Fields<'_>, notes: &mut Notes<'_>, problems: &mut Problems) -> Criteria {
    let mut criteria = Vec::new();
    let form = || "criteria: {trigger.body.name: {type: equals, pattern: value}}".to_owned();
    let node = fields.get("criteria");
    let Some(fields) = node.and_then(|node| Fields::of_like(node, "criteria", form, problems)) else {
        return Ordered(criteria);
    };
    for entry in fields.entries() {
        let key = short(&entry.key);
        let what = format!("the criterion {key}");
        let form = || match &entry.node.content {
            Content::List(_) => {
                format!(
                    "{key}#1: {{type: equals, pattern: value}}, and {key}#2 for a further condition on it"
                )
            }
            _ => format!("{key}: {{type: equals, pattern: {}}}", example(&entry.node, "value")),
        };
        let Some(fields) = Fields::of_like(&entry.node, &what, form, problems) else { continue };
        // StackStorm refuses a criterion without one of these, and what is written is likely meant to be it.
        if fields.has("type") && fields.has("pattern") {
            notes.extend(fields.strays(OF_CRITERION, &[], problems));
        } else {
            fields.refuse_unknown(OF_CRITERION, &[], problems);
        }
        // `get` passes over null, but a pattern of null is a pattern.
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
