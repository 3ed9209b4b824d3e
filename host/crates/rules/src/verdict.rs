//! Evaluates one rule, criterion by criterion in the order written: until one does not hold, or to the end for people
//! who ask why. [`hints`] and [`numbers`] have corrections of likely slips.
//!
//! The verdict keeps the compared values, for people who ask why. It borrows from the rule and the payload.

mod hints;
mod numbers;

pub use hints::of_reason;
pub(crate) use numbers::{of_cast, zero};

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use petrel_expressions::json_path::Found;
use petrel_expressions::work::{self, Limit};
use petrel_expressions::{KeyScope, Scope};
use petrel_model::Timestamp;
use petrel_model::quoted::quoted;
use petrel_model::secrets::MASK;
use serde_json::Value;

use crate::compiled::{CompiledCriterion, CompiledRule};
use crate::criteria::search::Search;
use crate::criteria::{self, Error};
use crate::occurrence::Occurrence;
use crate::pattern::{Pattern, SYSTEM};

/// The result of evaluating one rule for one event.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// Whether every criterion holds.
    pub matched: bool,
    /// The evaluated criteria. Of [`evaluate`] all but the last one hold.
    pub criteria: Vec<CriterionVerdict<'a>>,
}

/// The result of one criterion.
#[derive(Debug)]
pub struct CriterionVerdict<'a> {
    /// Its key in the rule.
    pub path: &'a str,
    /// Its operator, as written. Empty if it has none.
    pub operator: &'a str,
    /// The rendered pattern, or the template if rendering failed.
    pub pattern: Cow<'a, Value>,
    /// The value in the payload. Null if there is none.
    pub value: Cow<'a, Value>,
    /// The result of the comparison.
    pub outcome: Outcome,
    /// Errors with single items of a `search`, which did not end the search.
    pub notes: Vec<Error>,
    /// The keys of the datastore that do not exist, in words; each was read as an empty text.
    pub missing: Option<String>,
    /// The reason, in words, why the pattern is 0, if `| int` or `| float` made that of a text of the datastore.
    pub zero: Option<String>,
    /// The correction, in words, if the criterion is likely a slip.
    pub hint: Option<String>,
    /// Whether it reads the datastore. Only [`evaluate_all`] finds that out.
    pub reads_datastore: bool,
    /// Whether the compared values are secret and must not be quoted.
    pub is_secret: bool,
}

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not hold.
    DoesNotHold,
    /// It could not be checked. The rule does not match, and the failure is recorded.
    Failed(Error),
}

impl Verdict<'_> {
    /// The first failure, if a criterion could not be checked.
    pub fn failure(&self) -> Option<&Error> {
        self.criteria.iter().find_map(|criterion| match &criterion.outcome {
            Outcome::Failed(error) => Some(error),
            Outcome::Holds | Outcome::DoesNotHold => criterion.notes.first(),
        })
    }

    /// The first criterion that does not hold or could not be checked.
    pub fn first_without_success(&self) -> Option<&CriterionVerdict<'_>> {
        self.criteria.iter().find(|criterion| criterion.outcome != Outcome::Holds)
    }

    /// The keys of the datastore that a rule which matched has read although they do not exist, or are no number where a
    /// number was compared, in words.
    pub fn missing(&self) -> Option<String> {
        self.criteria.iter().find_map(|criterion| {
            let with = match (&criterion.missing, &criterion.zero) {
                (None, None) => return None,
                (Some(missing), None) => format!("an empty text: {missing}"),
                (None, Some(zero)) => format!("0: {zero}"),
                (Some(missing), Some(zero)) => format!("0: {missing}; {zero}"),
            };
            Some(format!("{} was compared with {with}", quoted(criterion.path)))
        })
    }

    /// Hides the values of criteria of `rule` that look at a secret part of the event. `payload` is the schema of the
    /// event, if it has secret parts.
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
    /// The failure, in one line.
    pub(crate) fn failure_text(&self) -> String {
        match (&self.outcome, self.notes.first()) {
            (Outcome::DoesNotHold, Some(_)) if self.is_secret => format!("{self}; an item cannot be checked"),
            (Outcome::DoesNotHold, Some(note)) => format!("{self}; an item cannot be checked: {note}"),
            _ => self.to_string(),
        }
    }

    fn hide(&mut self) {
        self.is_secret = true;
        (self.hint, self.zero) = (None, None);
        for shown in [&mut self.pattern, &mut self.value] {
            if !shown.is_null() {
                *shown = Cow::Owned(Value::from(MASK));
            }
        }
    }
}

/// One line for people: that the rule matches, or why it does not.
impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.matched, self.first_without_success()) {
            (true, _) if self.criteria.is_empty() => {
                f.write_str("there are no criteria, so it matches always")
            }
            (true, _) => f.write_str("every criterion holds"),
            (false, Some(criterion)) => criterion.fmt(f),
            (false, None) => f.write_str("the payload is empty, so no criterion holds"),
        }
    }
}

/// One line for people, such as `trigger.body.name equals "test" does not hold: the value is "other"`.
impl fmt::Display for CriterionVerdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operator.is_empty() {
            return write!(
                f,
                "{} does not hold: a criterion needs a type, such as equals",
                quoted(self.path)
            );
        }
        write!(f, "{} {}", quoted(self.path), quoted(self.operator))?;
        if !matches!(self.operator, "exists" | "nexists") {
            write!(f, " {}", shortened(&self.pattern))?;
        }
        match &self.outcome {
            Outcome::Holds if self.value.is_null() => f.write_str(" holds"),
            Outcome::Holds => write!(f, " holds: the value is {}", shortened(&self.value)),
            Outcome::DoesNotHold if self.value.is_null() => f.write_str(" does not hold: there is no value"),
            Outcome::DoesNotHold => write!(f, " does not hold: the value is {}", shortened(&self.value)),
            Outcome::Failed(_) if self.is_secret => {
                f.write_str(" cannot be checked; what it compares is secret, so the reason is not shown")
            }
            Outcome::Failed(error) => write!(f, " cannot be checked: {error}"),
        }?;
        // An error of a template names missing keys itself.
        match (&self.missing, &self.outcome) {
            (None, _) | (_, Outcome::Failed(Error::Pattern(_))) => {}
            (Some(missing), _) => write!(f, "; {missing}")?,
        }
        [&self.zero, &self.hint].into_iter().flatten().try_for_each(|told| write!(f, "; {told}"))
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

/// Evaluates `rule`, enabled or not, until a criterion does not hold. As in StackStorm, no criterion holds for an empty
/// payload, not even `nexists`.
pub fn evaluate<'a>(rule: &'a CompiledRule, occurrence: &'a Occurrence) -> Verdict<'a> {
    evaluated(rule, occurrence, false)
}

/// Evaluates `rule` as [`evaluate`] does, but every criterion, whatever those before it gave: for people who ask why.
pub fn evaluate_all<'a>(rule: &'a CompiledRule, occurrence: &'a Occurrence) -> Verdict<'a> {
    let mut verdict = evaluated(rule, occurrence, true);
    for (verdict, criterion) in verdict.criteria.iter_mut().zip(rule.criteria()) {
        verdict.reads_datastore = criterion.reads_datastore();
    }
    verdict
}

fn evaluated<'a>(rule: &'a CompiledRule, occurrence: &'a Occurrence, to_the_end: bool) -> Verdict<'a> {
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
    // All criteria share the work limit of one evaluation.
    work::evaluation(|| {
        let mut criteria = Vec::with_capacity(rule.criteria().len());
        let mut matched = true;
        for criterion in rule.criteria() {
            let verdict = view.check(criterion);
            matched &= verdict.outcome == Outcome::Holds;
            criteria.push(verdict);
            if !matched && !to_the_end {
                break;
            }
        }
        Verdict { matched, criteria }
    })
}

/// Evaluates one operator on a value as the criteria of a rule would, including `search` and Jinja patterns. For tools;
/// rules are evaluated by [`evaluate`].
///
/// # Errors
/// The reason why the criterion could not be checked.
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

/// The value that a criterion sees: the payload as `trigger`, or inside a search one item as `item`.
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
            zero: None,
            hint: None,
            reads_datastore: false,
            is_secret: false,
        };
        if criterion.name.is_some() {
            verdict.outcome = match self.compare(criterion, &mut verdict) {
                Ok(true) => Outcome::Holds,
                Ok(false) => Outcome::DoesNotHold,
                Err(error) => Outcome::Failed(error),
            };
        }
        // A key that does not exist is an empty text, of which a comparison may well hold.
        let mut keys = Vec::new();
        criterion.keys(&mut keys);
        if !keys.is_empty() {
            verdict.missing = self.scope.datastore().missing(keys);
            verdict.zero = of_cast(&criterion.pattern, self.scope.datastore());
            verdict.hint = numbers::of_type(criterion, &verdict, self.scope.datastore());
        }
        if criterion.may_decrypt() {
            verdict.hide();
        }
        verdict
    }

    fn compare(
        &self,
        criterion: &'a CompiledCriterion,
        verdict: &mut CriterionVerdict<'a>,
    ) -> Result<bool, Error> {
        let rendered = criterion.pattern.render(&self.scope);
        verdict.pattern = rendered.inspect_err(|_| verdict.pattern = criterion.pattern.written())?;
        verdict.value = self.find(criterion)?;
        let operator = match &criterion.operator {
            Some(operator) => operator.clone()?,
            None => return Ok(false),
        };
        if let Some(search) = &criterion.search {
            let search = search.as_ref().map_err(Clone::clone)?;
            return self.search(search, &verdict.value, &mut verdict.notes);
        }
        let regex = criterion.regex.as_ref().map(|regex| regex.as_ref().map_err(Clone::clone)).transpose()?;
        let holds = criteria::holds_with(operator, &verdict.value, &verdict.pattern, self.now, regex)?;
        // At a limit a comparison ends with a result that means nothing.
        work::check()?;
        Ok(holds)
    }

    fn find(&self, criterion: &'a CompiledCriterion) -> Result<Cow<'a, Value>, Error> {
        let path = criterion.path.as_ref().map_err(Clone::clone)?;
        // Criteria can compare values of the datastore as well.
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
        // Patterns inside a search see the item, not the payload. The item is only copied into the scope if there is a
        // template that could read it.
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
                    // A limit is no fault of this item: it ends the whole search.
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

/// Number of errors kept for the items of a search.
const NOTES: usize = 100;

/// Charges work for a copy of `item`.
fn charge_copy(item: &Value) -> Result<(), Limit> {
    match item {
        Value::Array(items) => items.iter().try_for_each(charge_copy),
        Value::Object(fields) => fields.values().try_for_each(charge_copy),
        other => work::charge(2 * work::ITEM + other.as_str().map_or(0, str::len) as u64),
    }
}

/// Whether a criterion always holds or does not hold, and never fails, whatever the payload is.
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
