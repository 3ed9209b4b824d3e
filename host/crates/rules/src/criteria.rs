//! Operators: what a criterion's `type` means.
//!
//! They compare as Python does and know no coercion: `1`, `1.0` and `true` are equal, `"1"` is not. A value
//! of the wrong kind is an error, which is not the same as `false`: the rule does not match, and the
//! failure is noted. (Source of every rule: StackStorm's `operators.py`, by its conformance cases.)

mod dates;
mod operators;
mod search;
mod wildcard;

pub use dates::InvalidDate;
pub(crate) use search::Search;

use petrel_expressions::json_path::{InvalidPath, NotFollowed};
use petrel_expressions::work::Limit;
use petrel_model::Timestamp;
use petrel_python::compare::Unordered;
use petrel_python::regex::{self, Regex};
use serde_json::Value;

/// Why a criterion could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such operator. Unlike the other errors it ends the evaluation of the whole rule.
    #[error("`{0}` is not an operator; operators are {list}", list = Operator::list())]
    UnknownOperator(String),
    /// `SEARCH` and the like: only this operator has to be written in lower case, as in the original.
    #[error("`{0}` must be written in lower case")]
    SearchInUpperCase(String),
    /// A value or a pattern of the wrong kind.
    #[error("{operator} needs {needed}, and the {side} is of type {found}; use another operator or path")]
    WrongType {
        /// The operator.
        operator: Operator,
        /// `value` or `pattern`.
        side: &'static str,
        /// What it takes.
        needed: &'static str,
        /// What there is.
        found: &'static str,
    },
    /// Values that have no order.
    #[error(transparent)]
    Unordered(#[from] Unordered),
    /// A regular expression that is none, or takes too long.
    #[error(transparent)]
    Regex(#[from] regex::Error),
    /// A value that is no date.
    #[error(transparent)]
    Date(#[from] InvalidDate),
    /// A pattern that is no number of seconds.
    #[error("{operator} compares with a number of seconds, and the pattern is {pattern}; write it as 60")]
    NotSeconds {
        /// The operator.
        operator: Operator,
        /// The pattern as JSON.
        pattern: String,
    },
    /// A `search` without a known condition.
    #[error("`{0}` is not a condition of search; conditions are any, all, any2any, all2any")]
    UnknownCondition(String),
    /// A `search` whose pattern is no map of criteria.
    #[error("the pattern of search is {0}; write it as a map of criteria on item")]
    NotCriteria(String),
    /// A key that is no path.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// A path that does not fit the payload.
    #[error(transparent)]
    NotFollowed(#[from] NotFollowed),
    /// It took too much, with all criteria of the rule.
    #[error(transparent)]
    TooMuch(#[from] Limit),
    /// A pattern that cannot be rendered.
    #[error(transparent)]
    Pattern(#[from] petrel_expressions::Error),
}

macro_rules! operators {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(, $short:literal)?;)+) => {
        /// How a value is compared with a pattern.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operator {$(
            $(#[$doc])*
            $variant,
        )+}

        impl Operator {
            /// Every spelling, long ones before short ones.
            pub const NAMES: &[&str] = &[$($name, $($short,)?)+];

            /// The operator called `name` (in lower case).
            fn named(name: &str) -> Option<Self> {
                match name {
                    $($name $(| $short)? => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Its long name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

operators! {
    /// Equal.
    Equals = "equals", "eq";
    /// Not equal.
    NotEquals = "nequals", "neq";
    /// Equal in lower case.
    EqualsAnyCase = "iequals", "ieq";
    /// The value, a text, a list or an object, has the pattern in it.
    Contains = "contains";
    /// The value, a text, has the pattern in it, in lower case.
    ContainsAnyCase = "icontains";
    /// The opposite of [`Contains`](Self::Contains).
    NotContains = "ncontains";
    /// The opposite of [`ContainsAnyCase`](Self::ContainsAnyCase).
    NotContainsAnyCase = "incontains";
    /// The value starts with the pattern.
    StartsWith = "startswith";
    /// The value starts with the pattern, in lower case.
    StartsWithAnyCase = "istartswith";
    /// The value ends with the pattern.
    EndsWith = "endswith";
    /// The value ends with the pattern, in lower case.
    EndsWithAnyCase = "iendswith";
    /// The value precedes the pattern.
    LessThan = "lessthan", "lt";
    /// The value comes after the pattern.
    GreaterThan = "greaterthan", "gt";
    /// The value is a time less than the pattern's seconds ago.
    TimeDifferenceLess = "timediff_lt", "td_lt";
    /// The value is a time more than the pattern's seconds ago.
    TimeDifferenceGreater = "timediff_gt", "td_gt";
    /// The value matches a pattern with `*`, `?` and `[a-z]`.
    MatchWildcard = "matchwildcard";
    /// The value matches a regular expression from its start on, where a dot is any character.
    MatchRegex = "matchregex";
    /// The value matches a regular expression somewhere.
    Regex = "regex";
    /// The value matches a regular expression somewhere, in either case.
    RegexAnyCase = "iregex";
    /// The value is in the pattern.
    Inside = "inside", "in";
    /// The value is not in the pattern.
    NotInside = "ninside", "nin";
    /// There is a value.
    Exists = "exists";
    /// There is no value.
    NotExists = "nexists";
    /// Items of the value, a list, meet criteria of their own.
    Search = "search";
}

impl Operator {
    /// The operator called `name`, in any case.
    ///
    /// # Errors
    /// [`Error::UnknownOperator`], or [`Error::SearchInUpperCase`] for the one exception.
    pub fn parse(name: &str) -> Result<Self, Error> {
        match Self::named(&name.to_lowercase()) {
            Some(Self::Search) if name != Self::Search.as_str() => {
                Err(Error::SearchInUpperCase(name.to_owned()))
            }
            Some(operator) => Ok(operator),
            None => Err(Error::UnknownOperator(name.to_owned())),
        }
    }

    fn list() -> String {
        Self::NAMES.join(", ")
    }

    /// Whether it can only say yes or no of this pattern, whatever the value is.
    pub(crate) fn never_fails(self, pattern: &Value) -> bool {
        match self {
            Self::Equals | Self::NotEquals | Self::Exists | Self::NotExists => true,
            Self::Search => false,
            Self::Inside | Self::NotInside => pattern.is_null() || pattern.is_array(),
            // Of null nothing else holds, and nobody looks at the value.
            _ => pattern.is_null(),
        }
    }

    /// Its regular expression, if it takes one and `pattern` is text.
    pub(crate) fn regex(self, pattern: &Value) -> Option<Result<Regex, regex::Error>> {
        let flags = match self {
            Self::MatchRegex => regex::Flags { at_start: true, dot_all: true, ..Default::default() },
            Self::Regex => regex::Flags::default(),
            Self::RegexAnyCase => regex::Flags { ignore_case: true, ..Default::default() },
            _ => return None,
        };
        pattern.as_str().map(|pattern| Regex::new(pattern, flags))
    }
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether `value` stands to `pattern` as `operator` says, at the time `now`. (`search`, which needs more
/// than this, is left to the evaluation of criteria.)
///
/// # Errors
/// All but the ones about operators, paths and templates.
pub fn holds(operator: Operator, value: &Value, pattern: &Value, now: Timestamp) -> Result<bool, Error> {
    operators::holds(operator, value, pattern, now, None)
}

pub(crate) use operators::holds as holds_with;

#[cfg(test)]
mod tests;
