//! The values of a field that a rule is interested in, derived from one of its criteria. With any other value the rule
//! surely neither matches nor fails, so it need not be evaluated.
//!
//! A criterion that cannot be checked is a failure that people are told about. So a rule with `startswith`, which
//! needs a text, is interested in a missing field as well; a rule with `equals` is not.

use std::collections::BTreeSet;

use petrel_model::depth;
use petrel_python::number::PythonNumber;
use serde_json::Value;

use crate::compiled::CompiledCriterion;
use crate::criteria::Operator;
use crate::pattern::Pattern;
use crate::verdict::never_fails;

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Null, or missing.
    Null,
    Text,
    /// Includes booleans, which Python counts among the numbers.
    Number,
    List,
    Object,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Null, Self::Text, Self::Number, Self::List, Self::Object];

    pub(super) fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Null,
            Some(Value::String(_)) => Self::Text,
            Some(Value::Bool(_) | Value::Number(_)) => Self::Number,
            Some(Value::Array(_)) => Self::List,
            Some(Value::Object(_)) => Self::Object,
        }
    }
}

/// A scalar as a map key: two keys are the same if Python considers the values equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Text(String),
    Integer(i128),
    /// The bits of a float that equals no 64-bit integer.
    Float(u64),
}

impl Key {
    pub(super) fn of(value: &Value) -> Option<Self> {
        if let Value::String(text) = value {
            return Some(Self::Text(text.clone()));
        }
        match PythonNumber::of(value)? {
            PythonNumber::Integer(integer) => Some(Self::Integer(integer)),
            // `1.0` and `1` are equal in Python, so a whole float has the key of the integer.
            PythonNumber::Float(float) if float.fract() == 0.0 && float.abs() < 1e20 => {
                #[expect(clippy::cast_possible_truncation, reason = "whole and below 1e20")]
                let integer = float as i128;
                Some(Self::Integer(integer))
            }
            PythonNumber::Float(float) => Some(Self::Float(float.to_bits())),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Integer(_) | Self::Float(_) => Kind::Number,
        }
    }
}

/// A test of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextTest {
    /// The text in lower case equals this.
    Lower(String),
    /// The text starts with this.
    Prefix(String),
    /// The text in lower case starts with this.
    LowerPrefix(String),
}

/// The values that a rule is interested in. If there are none, the rule cannot match at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Interest {
    /// Scalars, each by its value.
    pub(super) exactly: BTreeSet<Key>,
    /// Texts that pass this test.
    pub(super) text: Option<TextTest>,
    /// All values of these kinds.
    pub(super) kinds: BTreeSet<Kind>,
}

impl Interest {
    /// The interest of a criterion with a literal `pattern`. `None` if it is interested in (nearly) every value.
    pub(super) fn of(operator: Operator, pattern: &Value) -> Option<Self> {
        use Operator as O;
        match (operator, pattern) {
            (O::NotExists, _) => Some(Self::of_kinds([Kind::Null])),
            (O::Exists, _) | (O::NotEquals, Value::Null) => Some(Self::but_for(Kind::Null)),
            (O::NotEquals | O::Search, _) => None,
            // No other operator holds for a null pattern, and none fails.
            (_, Value::Null) => Some(Self::default()),
            (O::Equals, pattern) => Some(Self::one_of([pattern])),
            (O::Inside, Value::Array(items)) => Some(Self::one_of(items)),
            (O::Inside, Value::Object(fields)) => Some(Self {
                exactly: fields.keys().cloned().map(Key::Text).collect(),
                // Looking for one of these in an object fails, and failures must be noticed.
                ..Self::of_kinds([Kind::List, Kind::Object])
            }),
            (O::EqualsAnyCase, Value::String(text)) => {
                Some(Self::of_text(TextTest::Lower(text.to_lowercase())))
            }
            (O::StartsWith, Value::String(text)) => Some(Self::of_text(TextTest::Prefix(text.clone()))),
            (O::StartsWithAnyCase, Value::String(text)) => {
                Some(Self::of_text(TextTest::LowerPrefix(text.to_lowercase())))
            }
            _ => None,
        }
    }

    fn of_kinds<const N: usize>(kinds: [Kind; N]) -> Self {
        Self { kinds: kinds.into(), ..Self::default() }
    }

    fn but_for(kind: Kind) -> Self {
        let others = Kind::ALL.into_iter().filter(|other| *other != kind);
        Self { kinds: others.collect(), ..Self::default() }
    }

    /// Interest in texts that pass a test, and in all other kinds, for which the criterion fails.
    fn of_text(test: TextTest) -> Self {
        Self { text: Some(test), ..Self::but_for(Kind::Text) }
    }

    /// Interest in values that equal one of `values`. Lists and objects are only distinguished by kind.
    fn one_of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut interest = Self::default();
        for value in values {
            match Key::of(value) {
                Some(key) => interest.exactly.insert(key),
                None => interest.kinds.insert(Kind::of(Some(value))),
            };
        }
        interest
    }

    /// Whether it contains no value, so that the rule cannot match.
    pub(super) fn is_empty(&self) -> bool {
        self.exactly.is_empty() && self.text.is_none() && self.kinds.is_empty()
    }

    /// Whether it contains a value of this kind.
    fn admits(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
            || self.exactly.iter().any(|key| key.kind() == kind)
            || (kind == Kind::Text && self.text.is_some())
    }

    /// Its size, for comparisons: a smaller interest selects fewer events.
    fn breadth(&self) -> (usize, usize) {
        let tests = self.exactly.len() + usize::from(self.text.is_some());
        (self.kinds.len(), tests)
    }
}

/// The part of a payload that a rule depends on, and the values that it is interested in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    /// The fields that lead there from the payload.
    pub(super) path: Vec<String>,
    /// The interesting values.
    pub(super) interest: Interest,
}

/// The requirement of a rule with these criteria: that of the criterion with the smallest interest. `None` if any event
/// may match the rule.
///
/// A criterion only counts if none before it can fail: otherwise a failure, which must be recorded, would be skipped.
pub(super) fn wait(criteria: &[CompiledCriterion]) -> Option<Wait> {
    let mut waits: Vec<Wait> = Vec::new();
    for criterion in criteria {
        if let Some(mut wait) = of_criterion(criterion) {
            // An earlier criterion on the same path narrows the interest of this one: `exists`, then `startswith`.
            for before in waits.iter().filter(|before| before.path == wait.path) {
                wait.interest.kinds.retain(|kind| before.interest.admits(*kind));
            }
            waits.push(wait);
        }
        if !never_fails(criterion) {
            break;
        }
    }
    waits.into_iter().min_by_key(|wait| wait.interest.breadth())
}

fn of_criterion(criterion: &CompiledCriterion) -> Option<Wait> {
    if criterion.name.is_none() {
        // A criterion that never holds makes the whole rule impossible to match.
        return Some(Wait { path: Vec::new(), interest: Interest::default() });
    }
    let (Some(Ok(operator)), Pattern::Literal(pattern), Ok(path)) =
        (&criterion.operator, &criterion.pattern, &criterion.path)
    else {
        return None;
    };
    // Criteria on the datastore say nothing about the payload.
    let fields = path.plain_fields()?;
    let ["trigger", fields @ ..] = fields.as_slice() else { return None };
    if fields.len() > depth::LIMIT {
        return None;
    }
    let path = fields.iter().map(|&name| name.to_owned()).collect();
    Some(Wait { path, interest: Interest::of(*operator, pattern)? })
}
