//! Which values of a field keep a rule in play, read off one of its criteria. Of any other value it is known
//! that the rule neither matches nor fails, so it need not be looked at.
//!
//! What cannot be checked is a failure that people are told about. So for `startswith`, which needs a text, a
//! missing field keeps the rule in play; for `equals` it does not.

use std::collections::BTreeSet;

use petrel_model::depth;
use petrel_python::number::PythonNumber;
use serde_json::Value;

use crate::compiled::CompiledCriterion;
use crate::criteria::Operator;
use crate::pattern::Pattern;
use crate::verdict::never_fails;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Null, or not there at all.
    Null,
    Text,
    /// A boolean as well, which Python counts among the numbers.
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

/// A scalar such that two are the same if Python finds them equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Text(String),
    Integer(i128),
    /// One that no integer of 64 bits equals, by its bits.
    Float(u64),
}

impl Key {
    pub(super) fn of(value: &Value) -> Option<Self> {
        if let Value::String(text) = value {
            return Some(Self::Text(text.clone()));
        }
        match PythonNumber::of(value)? {
            PythonNumber::Integer(integer) => Some(Self::Integer(integer)),
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

/// What holds of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextTest {
    /// It is this in lower case.
    Lower(String),
    /// It starts with this.
    Prefix(String),
    /// It starts with this in lower case.
    LowerPrefix(String),
}

/// The values that keep a rule in play. Without any there is none, and the rule cannot match at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Interest {
    /// These scalars.
    pub(super) exactly: BTreeSet<Key>,
    /// Texts of which this holds.
    pub(super) text: Option<TextTest>,
    /// All values of these kinds.
    pub(super) kinds: BTreeSet<Kind>,
}

impl Interest {
    /// That of a literal `pattern`; `None` when (nearly) every value keeps the rule in play.
    pub(super) fn of(operator: Operator, pattern: &Value) -> Option<Self> {
        use Operator as O;
        match (operator, pattern) {
            (O::NotExists, _) => Some(Self::of_kinds([Kind::Null])),
            (O::Exists, _) | (O::NotEquals, Value::Null) => Some(Self::but_for(Kind::Null)),
            (O::NotEquals | O::Search, _) => None,
            // Nothing else holds of a pattern that is null, and nothing fails.
            (_, Value::Null) => Some(Self::default()),
            (O::Equals, pattern) => Some(Self::one_of([pattern])),
            (O::Inside, Value::Array(items)) => Some(Self::one_of(items)),
            (O::Inside, Value::Object(fields)) => Some(Self {
                exactly: fields.keys().cloned().map(Key::Text).collect(),
                // Neither can be looked for in an object.
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

    /// Whatever is no text cannot be checked.
    fn of_text(test: TextTest) -> Self {
        Self { text: Some(test), ..Self::but_for(Kind::Text) }
    }

    /// Equal to one of `values`. Lists and objects are not told apart.
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

    /// Whether no value does, so that the rule cannot match.
    pub(super) fn is_empty(&self) -> bool {
        self.exactly.is_empty() && self.text.is_none() && self.kinds.is_empty()
    }

    /// Whether a value of this kind may keep the rule in play.
    fn admits(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
            || self.exactly.iter().any(|key| key.kind() == kind)
            || (kind == Kind::Text && self.text.is_some())
    }

    /// How much it lets through; less is better.
    fn breadth(&self) -> (usize, usize) {
        let tests = self.exactly.len() + usize::from(self.text.is_some());
        (self.kinds.len(), tests)
    }
}

/// Where in a payload a rule looks, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    /// The fields that lead there from the payload.
    pub(super) path: Vec<String>,
    /// What is looked for.
    pub(super) interest: Interest,
}

/// What a rule with these criteria waits for: that of the criterion which lets the least through. `None` when
/// every event may set it off.
///
/// A criterion counts only if all before it can but hold or not hold: so no failure, which would be noted, is
/// skipped.
pub(super) fn wait(criteria: &[CompiledCriterion]) -> Option<Wait> {
    let mut waits: Vec<Wait> = Vec::new();
    for criterion in criteria {
        if let Some(mut wait) = of_criterion(criterion) {
            // What a criterion before lets through on the same path narrows this one: `exists`, then `startswith`.
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
        // It never holds, whatever it looks at.
        return Some(Wait { path: Vec::new(), interest: Interest::default() });
    }
    let (Some(Ok(operator)), Pattern::Literal(pattern), Ok(path)) =
        (&criterion.operator, &criterion.pattern, &criterion.path)
    else {
        return None;
    };
    // The datastore, which can be compared too, is not part of the payload.
    let fields = path.plain_fields()?;
    let ["trigger", fields @ ..] = fields.as_slice() else { return None };
    if fields.len() > depth::LIMIT {
        return None;
    }
    let path = fields.iter().map(|&name| name.to_owned()).collect();
    Some(Wait { path, interest: Interest::of(*operator, pattern)? })
}
