//! A compiled rule: parsed paths, compiled patterns, parameters and regular expressions.
//!
//! Compiling never fails. As in StackStorm, an error in a rule appears when it is evaluated;
//! [`check`](mod@crate::check) reports it before.

use std::sync::Arc;

use petrel_expressions::DATASTORE;
use petrel_expressions::json_path::InvalidPath;
use petrel_expressions::{JsonPath, KeyName, KeyScope};
use petrel_model::correlation::CorrelatedEvent;
use petrel_model::rule::Criterion;
use petrel_model::secrets::Marks;
use petrel_model::{Correlation, Object, Ref, Rule};
use petrel_python::regex::{self, Regex};
use serde_json::Value;

use crate::criteria::search::Search;
use crate::criteria::{Error, Operator};
use crate::grouping::Grouping;
use crate::parameters::Given;
use crate::pattern::{Pattern, SYSTEM};
use crate::reads::Reads;

/// A rule that can be evaluated any number of times.
#[derive(Debug)]
pub struct CompiledRule {
    rule: Arc<Rule>,
    trigger: Ref,
    criteria: Vec<CompiledCriterion>,
    parameters: Given,
    reads_datastore: bool,
    /// How the events belong together, if the rule correlates them.
    grouping: Option<Box<Grouping>>,
    /// The further events of a correlation.
    parts: Vec<Arc<Self>>,
}

impl CompiledRule {
    /// Compiles `rule`.
    pub fn new(rule: Arc<Rule>) -> Self {
        let criteria: Vec<_> =
            rule.criteria.iter().map(|(key, criterion)| CompiledCriterion::compile(key, criterion)).collect();
        let correlation = rule.correlation();
        let grouping = correlation.map(|correlation| Grouping::new(&rule, correlation.by.as_deref(), 0));
        let parts = correlation.map_or_else(Vec::new, |correlation| {
            let events = correlation.events.iter().enumerate();
            events.map(|(place, event)| Arc::new(Self::part(&rule, correlation, place + 1, event))).collect()
        });
        Self {
            trigger: rule.trigger.reference(),
            reads_datastore: criteria.iter().any(CompiledCriterion::reads_datastore),
            criteria,
            parameters: Given::compile(&rule.action.parameters),
            grouping: grouping.map(Box::new),
            parts,
            rule,
        }
    }

    /// Compiles a further event of a correlation. It is a rule by itself, which listens to that event.
    fn part(rule: &Arc<Rule>, correlation: &Correlation, place: usize, event: &CorrelatedEvent) -> Self {
        let criteria = event.criteria.iter();
        let criteria: Vec<_> =
            criteria.map(|(key, criterion)| CompiledCriterion::compile(key, criterion)).collect();
        let grouping = Grouping::new(rule, event.by.as_deref().or(correlation.by.as_deref()), place);
        Self {
            trigger: event.trigger.reference(),
            reads_datastore: criteria.iter().any(CompiledCriterion::reads_datastore),
            criteria,
            parameters: Given::compile(&Object::new()),
            grouping: Some(Box::new(grouping)),
            parts: Vec::new(),
            rule: Arc::clone(rule),
        }
    }

    /// How the events belong together, if the rule correlates them.
    pub fn grouping(&self) -> Option<&Grouping> {
        self.grouping.as_deref()
    }

    /// The further events of a correlation, each as a rule that listens to it.
    pub fn parts(&self) -> &[Arc<Self>] {
        &self.parts
    }

    /// The type of the trigger that it listens to.
    pub fn kind(&self) -> &Ref {
        let place = self.grouping.as_ref().and_then(|grouping| grouping.part.checked_sub(1));
        let event = place.and_then(|place| self.rule.correlation()?.events.get(place));
        event.map_or(&self.rule.trigger.kind, |event| &event.trigger.kind)
    }

    /// The source of the rule.
    pub fn rule(&self) -> &Arc<Rule> {
        &self.rule
    }

    /// The trigger that it listens to.
    pub fn trigger(&self) -> &Ref {
        &self.trigger
    }

    /// The parameters of its action, compiled.
    pub fn parameters(&self) -> &Given {
        &self.parameters
    }

    /// Whether its criteria read the datastore. Those of most rules do not, and then it need not be loaded.
    pub fn reads_datastore(&self) -> bool {
        self.reads_datastore
    }

    /// The keys of the datastore that its criteria and parameters read under fixed names. Defaults of the action may
    /// read further ones, see [`Signature::datastore_keys`](crate::parameters::Signature::datastore_keys).
    pub fn datastore_keys(&self) -> Vec<&KeyName> {
        let mut keys = Vec::new();
        self.criteria.iter().for_each(|criterion| criterion.keys(&mut keys));
        keys.extend(self.parameters.datastore_keys());
        keys.sort();
        keys.dedup();
        keys
    }

    /// Adds the parts of a payload that its criteria and parameters read. Defaults of the action may read further
    /// ones, see [`Signature::add_reads`](crate::parameters::Signature::add_reads).
    pub fn add_reads(&self, reads: &mut Reads) {
        self.add_reads_of_criteria(reads);
        if let Some(grouping) = &self.grouping {
            // The parameters see the event as which the correlation fires.
            grouping.add_reads(reads);
            return;
        }
        self.parameters.templates().for_each(|template| reads.add_template(template.source()));
    }

    /// Adds the parts of a payload that its criteria read.
    pub(crate) fn add_reads_of_criteria(&self, reads: &mut Reads) {
        self.criteria.iter().for_each(|criterion| criterion.add_reads(reads));
    }

    /// The first criterion whose outcome tells of what it decrypts.
    pub fn criterion_that_decrypts(&self) -> Option<&str> {
        let further = self.parts.iter().flat_map(|part| part.criteria());
        let mut all = self.criteria.iter().chain(further);
        all.find(|criterion| criterion.may_decrypt()).map(|criterion| criterion.key.as_str())
    }

    /// The first criterion whose outcome tells of a part that `payload`, the schema of the event, marks as secret. That
    /// such a part exists is no secret.
    pub fn criterion_on_secret(&self, payload: &Value) -> Option<&str> {
        let marks = Marks::of(payload);
        let tells = |criterion: &&CompiledCriterion| {
            let mut reads = Reads::default();
            criterion.add_reads(&mut reads);
            reads.has_secret(&marks)
        };
        self.criteria.iter().find(tells).map(|criterion| criterion.key.as_str())
    }

    pub(crate) fn criteria(&self) -> &[CompiledCriterion] {
        &self.criteria
    }
}

/// A compiled criterion.
#[derive(Debug)]
pub(crate) struct CompiledCriterion {
    pub(crate) key: String,
    /// The operator as written.
    pub(crate) name: Option<String>,
    pub(crate) path: Result<JsonPath, InvalidPath>,
    /// The key of the datastore that the path leads to, if it does not lead into the payload.
    pub(crate) datastore_key: Option<KeyName>,
    pub(crate) operator: Option<Result<Operator, Error>>,
    pub(crate) pattern: Pattern,
    /// The compiled regular expression of a literal pattern.
    pub(crate) regex: Option<Result<Regex, regex::Error>>,
    /// The compiled criteria of the operator `search`.
    pub(crate) search: Option<Result<Search, Error>>,
}

impl CompiledCriterion {
    pub(crate) fn compile(key: &str, criterion: &Criterion) -> Self {
        // Keys of a mapping are unique, so a suffix after `#` allows a second criterion on the same path.
        let path = JsonPath::parse(key.split('#').next().unwrap_or_default());
        let operator = criterion.operator.as_deref().map(Operator::parse);
        let pattern = Pattern::compile(criterion.pattern.as_ref().unwrap_or(&Value::Null));
        let regex = match (&operator, &pattern) {
            (Some(Ok(operator)), Pattern::Literal(pattern)) => operator.regex(pattern),
            _ => None,
        };
        let search = match operator {
            Some(Ok(Operator::Search)) => {
                Some(Search::compile(criterion.pattern.as_ref(), criterion.condition.as_deref()))
            }
            _ => None,
        };
        let name = criterion.operator.clone();
        let datastore_key = path.as_ref().ok().and_then(datastore_key);
        Self { key: key.to_owned(), name, path, datastore_key, operator, pattern, regex, search }
    }

    pub(crate) fn add_reads(&self, reads: &mut Reads) {
        let needs_only_kind = matches!(self.operator, Some(Ok(Operator::Exists | Operator::NotExists)));
        if let Ok(path) = &self.path {
            reads.add_path(path, needs_only_kind);
        }
        // Patterns inside a search see the item, which is read as a whole with the list.
        if let Pattern::Rendered { text, .. } = &self.pattern {
            reads.add_template(text.source());
        }
    }

    /// Whether it compares a value that is secret by `payload`, the schema of the event.
    pub(crate) fn shows_secret(&self, payload: &Value) -> bool {
        let mut reads = Reads::default();
        self.add_reads(&mut reads);
        // The existence of a value may be shown, only its content may not.
        if let Ok(path) = &self.path {
            reads.add_path(path, false);
        }
        reads.has_secret(&Marks::of(payload))
    }

    /// Whether its path, its pattern, or a pattern inside a search reads the datastore.
    pub(crate) fn reads_datastore(&self) -> bool {
        let within = match &self.search {
            Some(Ok(search)) => search.children.iter().any(Self::reads_datastore),
            _ => false,
        };
        within || self.datastore_key.is_some() || self.pattern.reads_datastore()
    }

    /// Whether its pattern, or one inside a search, may decrypt a key of the datastore.
    pub(crate) fn may_decrypt(&self) -> bool {
        let within = match &self.search {
            Some(Ok(search)) => search.children.iter().any(Self::may_decrypt),
            _ => false,
        };
        within || self.pattern.may_decrypt()
    }

    /// Adds the keys of the datastore that it reads under fixed names, also inside a search.
    pub(crate) fn keys<'a>(&'a self, keys: &mut Vec<&'a KeyName>) {
        keys.extend(&self.datastore_key);
        keys.extend(self.pattern.datastore_keys());
        if let Some(Ok(search)) = &self.search {
            search.children.iter().for_each(|child| child.keys(keys));
        }
    }
}

/// The key that a path leads to: `system.key`, or `st2kv.system.key` as in templates. (Source: StackStorm's
/// `PayloadLookup`, which accepts both.)
fn datastore_key(path: &JsonPath) -> Option<KeyName> {
    let fields = path.plain_fields()?;
    let name = match fields.as_slice() {
        [SYSTEM, name @ ..] | [DATASTORE, SYSTEM, name @ ..] => name.join("."),
        _ => return None,
    };
    Some(KeyName { scope: KeyScope::System, name })
}
