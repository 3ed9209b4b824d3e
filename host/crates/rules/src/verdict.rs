//! Evaluating one rule: criterion by criterion in the order written, until the first that does not hold.
//!
//! The verdict keeps what was compared with what, so that a person can be told why a rule did not match.
//! It borrows from the rule and the payload; nothing is copied.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use petrel_expressions::json_path::Found;
use petrel_expressions::work::{self, Limit};
use petrel_expressions::{KeyScope, Scope};
use petrel_model::Timestamp;
use petrel_model::secrets::MASK;
use serde_json::Value;

use crate::compiled::{CompiledCriterion, CompiledRule, SYSTEM};
use crate::criteria::{self, Error, Search};
use crate::occurrence::Occurrence;
use crate::pattern::Pattern;

/// What came of one rule and one occurrence.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// Whether every criterion holds.
    pub matched: bool,
    /// The criteria that were evaluated; all but the last hold.
    pub criteria: Vec<CriterionVerdict<'a>>,
}

/// What came of one criterion.
#[derive(Debug)]
pub struct CriterionVerdict<'a> {
    /// Its key in the rule.
    pub path: &'a str,
    /// Its operator, as written; empty when there is none.
    pub operator: &'a str,
    /// What it compared with, rendered; null when that failed.
    pub pattern: Cow<'a, Value>,
    /// What was found in the payload; null when nothing was.
    pub value: Cow<'a, Value>,
    /// What came of it.
    pub outcome: Outcome,
    /// What went wrong with single items of a `search`; the search went on.
    pub notes: Vec<Error>,
    /// Which keys of the datastore it looked for in vain, in words, where it does not hold.
    pub missing: Option<String>,
    /// Whether what was compared is secret: then it is not quoted.
    pub is_secret: bool,
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not hold.
    DoesNotHold,
    /// It could not be checked, which counts as not holding and is noted as a failure.
    Failed(Error),
}

impl Verdict<'_> {
    /// The first failure, if anything could not be checked.
    pub fn failure(&self) -> Option<&Error> {
        self.criteria.iter().find_map(|criterion| match &criterion.outcome {
            Outcome::Failed(error) => Some(error),
            Outcome::Holds | Outcome::DoesNotHold => criterion.notes.first(),
        })
    }

    /// The same without what was compared by criteria of `rule` that look at what `payload` calls secret: the schema of
    /// the event, if anything in it is.
    #[must_use]
    pub fn without_secrets(mut self, rule: &CompiledRule, payload: Option<&Value>) -> Self {
        let Some(payload) = payload else { return self };
        for (verdict, criterion) in self.criteria.iter_mut().zip(rule.criteria()) {
            if criterion.shows_secret(payload) {
                verdict.hide();
            }
        }
        self
    }
}

impl CriterionVerdict<'_> {
    /// What could not be checked, in one line.
    pub(crate) fn failure_text(&self) -> String {
        match (&self.outcome, self.notes.first()) {
            (Outcome::DoesNotHold, Some(_)) if self.is_secret => format!("{self}; an item cannot be checked"),
            (Outcome::DoesNotHold, Some(note)) => format!("{self}; an item cannot be checked: {note}"),
            _ => self.to_string(),
        }
    }

    fn hide(&mut self) {
        self.is_secret = true;
        for shown in [&mut self.pattern, &mut self.value] {
            if !shown.is_null() {
                *shown = Cow::Owned(Value::from(MASK));
            }
        }
    }
}

/// One line for people: why it did not match, or that it did.
impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.matched, self.criteria.last()) {
            (true, None) => f.write_str("there are no criteria, so it matches always"),
            (true, Some(_)) => f.write_str("every criterion holds"),
            (false, Some(criterion)) => criterion.fmt(f),
            (false, None) => f.write_str("the payload is empty, so no criterion holds"),
        }
    }
}

/// Such as `trigger.body.name equals "test" does not hold: the value is "other"`.
impl fmt::Display for CriterionVerdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operator.is_empty() {
            return write!(f, "{} does not hold: a criterion needs a type, such as equals", self.path);
        }
        write!(f, "{} {}", self.path, self.operator)?;
        if !matches!(self.operator, "exists" | "nexists") {
            write!(f, " {}", shortened(&self.pattern))?;
        }
        match &self.outcome {
            Outcome::Holds => f.write_str(" holds"),
            Outcome::DoesNotHold if self.value.is_null() => f.write_str(" does not hold: there is no value"),
            Outcome::DoesNotHold => write!(f, " does not hold: the value is {}", shortened(&self.value)),
            Outcome::Failed(_) if self.is_secret => {
                f.write_str(" cannot be checked; what it compares is secret, so the reason is not shown")
            }
            Outcome::Failed(error) => write!(f, " cannot be checked: {error}"),
        }?;
        // What went wrong in a template has said it already.
        match (&self.missing, &self.outcome) {
            (None, _) | (_, Outcome::Failed(Error::Pattern(_))) => Ok(()),
            (Some(missing), _) => write!(f, "; {missing}"),
        }
    }
}

fn shortened(value: &Value) -> String {
    const LENGTH: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text,
    }
}

/// Evaluates `rule`, enabled or not. Criteria never hold of an empty payload, not even `nexists`.
pub fn evaluate<'a>(rule: &'a CompiledRule, occurrence: &'a Occurrence) -> Verdict<'a> {
    if rule.criteria().is_empty() {
        return Verdict { matched: true, criteria: Vec::new() };
    }
    if !petrel_python::is_true(occurrence.payload()) {
        return Verdict { matched: false, criteria: Vec::new() };
    }
    let view = View {
        name: "trigger",
        value: occurrence.payload(),
        scope: Cow::Borrowed(occurrence.scope()),
        now: occurrence.now(),
    };
    // They share what one evaluation may take.
    work::evaluation(|| {
        let mut criteria = Vec::with_capacity(rule.criteria().len());
        for criterion in rule.criteria() {
            let verdict = view.check(criterion);
            let holds = verdict.outcome == Outcome::Holds;
            criteria.push(verdict);
            if !holds {
                return Verdict { matched: false, criteria };
            }
        }
        Verdict { matched: true, criteria }
    })
}

/// Evaluates one operator on a value, `search` and patterns with Jinja included, as the criteria of a
/// rule would. For tools; rules are evaluated by [`evaluate`].
///
/// # Errors
/// Whatever keeps the criterion from being checked.
pub fn check_value(
    criterion: &petrel_model::rule::Criterion,
    value: &Value,
    now: Timestamp,
) -> Result<bool, Error> {
    let compiled = CompiledCriterion::compile("trigger", criterion);
    let view = View { name: "trigger", value, scope: Cow::Owned(Scope::new()), now };
    match view.check(&compiled).outcome {
        Outcome::Holds => Ok(true),
        Outcome::DoesNotHold => Ok(false),
        Outcome::Failed(error) => Err(error),
    }
}

/// What a criterion looks at: the payload as `trigger`, or within a search one item as `item`.
struct View<'a> {
    name: &'static str,
    value: &'a Value,
    scope: Cow<'a, Scope>,
    now: Timestamp,
}

impl<'a> View<'a> {
    fn check(&self, criterion: &'a CompiledCriterion) -> CriterionVerdict<'a> {
        let mut verdict = CriterionVerdict {
            path: &criterion.key,
            operator: criterion.name.as_deref().unwrap_or_default(),
            pattern: Cow::Owned(Value::Null),
            value: Cow::Owned(Value::Null),
            outcome: Outcome::DoesNotHold,
            notes: Vec::new(),
            missing: None,
            is_secret: false,
        };
        if criterion.name.is_some() {
            verdict.outcome = match self.compare(criterion, &mut verdict) {
                Ok(true) => Outcome::Holds,
                Ok(false) => Outcome::DoesNotHold,
                Err(error) => Outcome::Failed(error),
            };
        }
        if verdict.outcome != Outcome::Holds {
            let keys = criterion.datastore_key.iter().chain(criterion.pattern.datastore_keys());
            verdict.missing = self.scope.datastore().missing(keys);
        }
        verdict
    }

    fn compare(
        &self,
        criterion: &'a CompiledCriterion,
        verdict: &mut CriterionVerdict<'a>,
    ) -> Result<bool, Error> {
        verdict.pattern = criterion.pattern.render(&self.scope)?;
        verdict.value = self.find(criterion)?;
        let operator = match &criterion.operator {
            Some(operator) => operator.clone()?,
            None => return Ok(false),
        };
        if let Some(search) = &criterion.search {
            let search = search.as_ref().map_err(Clone::clone)?;
            return self.search(search, &verdict.value, &mut verdict.notes);
        }
        let regex = match &criterion.regex {
            Some(regex) => Some(regex.as_ref().map_err(Clone::clone)?),
            None => None,
        };
        let holds = criteria::holds_with(operator, &verdict.value, &verdict.pattern, self.now, regex)?;
        work::check()?;
        Ok(holds)
    }

    fn find(&self, criterion: &'a CompiledCriterion) -> Result<Cow<'a, Value>, Error> {
        let path = criterion.path.as_ref().map_err(Clone::clone)?;
        // The datastore can be compared too.
        if let Some(key) = &criterion.datastore_key {
            let text = self.scope.datastore().get(key.scope, &key.name);
            work::charge(text.len() as u64)?;
            return Ok(Cow::Owned(Value::from(text)));
        }
        Ok(match path.first(self.name, self.value)? {
            Some(Found::Part(value)) => Cow::Borrowed(value),
            Some(Found::Character(char)) => Cow::Owned(Value::from(char.to_string())),
            None => Cow::Owned(Value::Null),
        })
    }

    fn search(&self, search: &'a Search, value: &Value, notes: &mut Vec<Error>) -> Result<bool, Error> {
        // Patterns in a search see the item, not the payload. Only a template makes a copy of it.
        let has_templates = search.children.iter().any(|child| !matches!(child.pattern, Pattern::Literal(_)));
        let outer = Scope::new()
            .with_key_scope(SYSTEM, KeyScope::System)
            .with_datastore(Arc::clone(self.scope.datastore()));
        search.holds(value, |child, item| {
            let scope = if has_templates {
                charge_copy(item)?;
                outer.clone().with("item", item.clone())
            } else {
                outer.clone()
            };
            let view = View { name: "item", value: item, scope: Cow::Owned(scope), now: self.now };
            match view.check(child).outcome {
                Outcome::Holds => Ok(true),
                Outcome::DoesNotHold => Ok(false),
                Outcome::Failed(error @ (Error::UnknownOperator(_) | Error::SearchInUpperCase(_))) => {
                    Err(error)
                }
                Outcome::Failed(error) => {
                    work::check()?;
                    if notes.len() < NOTES {
                        notes.push(error);
                    }
                    Ok(false)
                }
            }
        })
    }
}

/// How many reasons are kept of what could not be checked in a search.
const NOTES: usize = 100;

/// Charges for a copy of `item`.
fn charge_copy(item: &Value) -> Result<(), Limit> {
    match item {
        Value::Array(items) => items.iter().try_for_each(charge_copy),
        Value::Object(fields) => fields.values().try_for_each(charge_copy),
        other => work::charge(2 * work::ITEM + other.as_str().map_or(0, str::len) as u64),
    }
}

/// Whether a criterion can only hold or not hold, whatever the payload is.
pub(crate) fn never_fails(criterion: &CompiledCriterion) -> bool {
    if criterion.name.is_none() {
        return true;
    }
    let is_simple = criterion.path.as_ref().is_ok_and(|path| path.plain_fields().is_some());
    match (&criterion.operator, &criterion.pattern) {
        (Some(Ok(operator)), Pattern::Literal(pattern)) => is_simple && operator.never_fails(pattern),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
