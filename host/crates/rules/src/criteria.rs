//! The operators of criteria, named by a criterion's `type`.
//!
//! They compare as Python does, without coercion: `1`, `1.0` and `true` are equal, `"1"` is not. A value of the wrong
//! kind is an error, which differs from `false`: the rule does not match, and the failure is recorded. (Source of
//! every rule: StackStorm's `operators.py`, and its conformance cases.)

mod dates;
mod operators;
pub(crate) mod search;
mod wildcard;

pub use dates::InvalidDate;

use petrel_expressions::json_path::{InvalidPath, NotFollowed};
use petrel_expressions::work::Limit;
use petrel_model::Timestamp;
use petrel_model::quoted::quoted;
use petrel_python::compare::Unordered;
use petrel_python::regex::{self, Regex};
use serde_json::Value;

/// Reasons why a criterion could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The operator does not exist. In StackStorm this ends the evaluation of the whole rule; other errors do not.
    #[error("`{}` is not an operator; operators are {list}", quoted(.0), list = Operator::list())]
    UnknownOperator(String),
    /// `SEARCH` in upper case. As in StackStorm, only this operator must be written in lower case.
    #[error("`{}` must be written in lower case", quoted(.0))]
    SearchInUpperCase(String),
    /// The value or the pattern is of the wrong kind.
    #[error("{operator} needs {needed}, and the {side} is of type {found}; use another operator or path")]
    WrongType {
        /// The operator.
        operator: Operator,
        /// `value` or `pattern`.
        side: &'static str,
        /// The kinds that the operator takes.
        needed: &'static str,
        /// The kind that was found.
        found: &'static str,
    },
    /// The values have no order.
    #[error(transparent)]
    Unordered(#[from] Unordered),
    /// The regular expression is invalid, or takes too long.
    #[error(transparent)]
    Regex(#[from] regex::Error),
    /// The value is not a date.
    #[error(transparent)]
    Date(#[from] InvalidDate),
    /// The pattern is not a number of seconds.
    #[error("{operator} compares with a number of seconds, and the pattern is {}; write {}", quoted(.pattern), seconds_meant(.pattern))]
    NotSeconds {
        /// The operator.
        operator: Operator,
        /// The pattern as JSON.
        pattern: String,
    },
    /// A `search` without a known condition.
    #[error("`{}` is not a condition of search; conditions are any, all, any2any, all2any", quoted(.0))]
    UnknownCondition(String),
    /// A `search` without any.
    #[error("search needs a condition; write `condition: any` beside the pattern, or all, any2any, all2any")]
    NoCondition,
    /// The pattern of `search` is not a map of criteria.
    #[error("the pattern of search is {}; write it as a map of criteria on item", quoted(.0))]
    NotCriteria(String),
    /// The key is not a path.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// The path does not fit the payload.
    #[error(transparent)]
    NotFollowed(#[from] NotFollowed),
    /// The criteria of the rule together took too much work.
    #[error(transparent)]
    TooMuch(#[from] Limit),
    /// The pattern cannot be rendered.
    #[error(transparent)]
    Pattern(#[from] petrel_expressions::Error),
}

macro_rules! operators {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(, $short:literal)?;)+) => {
        /// An operator: the relation between a value and a pattern.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operator {$(
            $(#[$doc])*
            $variant,
        )+}

        impl Operator {
            /// All names. Long ones come before short ones.
            pub const NAMES: &[&str] = &[$($name, $($short,)?)+];

            /// The operator with this name, in lower case.
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
    /// The value equals the pattern.
    Equals = "equals", "eq";
    /// The value does not equal the pattern.
    NotEquals = "nequals", "neq";
    /// The value equals the pattern, both in lower case.
    EqualsAnyCase = "iequals", "ieq";
    /// The value (a text, list or object) contains the pattern.
    Contains = "contains";
    /// The value (a text) contains the pattern, both in lower case.
    ContainsAnyCase = "icontains";
    /// The opposite of [`Contains`](Self::Contains).
    NotContains = "ncontains";
    /// The opposite of [`ContainsAnyCase`](Self::ContainsAnyCase).
    NotContainsAnyCase = "incontains";
    /// The value starts with the pattern.
    StartsWith = "startswith";
    /// The value starts with the pattern, both in lower case.
    StartsWithAnyCase = "istartswith";
    /// The value ends with the pattern.
    EndsWith = "endswith";
    /// The value ends with the pattern, both in lower case.
    EndsWithAnyCase = "iendswith";
    /// The value is less than the pattern.
    LessThan = "lessthan", "lt";
    /// The value is greater than the pattern.
    GreaterThan = "greaterthan", "gt";
    /// The value is a time less than the pattern's seconds ago.
    TimeDifferenceLess = "timediff_lt", "td_lt";
    /// The value is a time more than the pattern's seconds ago.
    TimeDifferenceGreater = "timediff_gt", "td_gt";
    /// The value matches a pattern with `*`, `?` and `[a-z]`.
    MatchWildcard = "matchwildcard";
    /// The value matches a regular expression from its start. A dot matches any character.
    MatchRegex = "matchregex";
    /// The value contains a match of a regular expression.
    Regex = "regex";
    /// The value contains a match of a regular expression, ignoring case.
    RegexAnyCase = "iregex";
    /// The value is in the pattern.
    Inside = "inside", "in";
    /// The value is not in the pattern.
    NotInside = "ninside", "nin";
    /// The value exists.
    Exists = "exists";
    /// The value does not exist.
    NotExists = "nexists";
    /// The items of the value (a list) meet criteria of their own.
    Search = "search";
}

impl Operator {
    /// The operator with this name, in any case.
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

    /// Whether it cannot fail with this pattern, whatever the value is.
    pub(crate) fn never_fails(self, pattern: &Value) -> bool {
        match self {
            Self::Equals | Self::NotEquals | Self::Exists | Self::NotExists => true,
            Self::Search => false,
            Self::Inside | Self::NotInside => pattern.is_null() || pattern.is_array(),
            // For null, all other operators answer no without looking at the value.
            _ => pattern.is_null(),
        }
    }

    /// The error with which it fails for this literal pattern, whatever the value is.
    pub(crate) fn misfit(self, pattern: &Value) -> Option<Error> {
        let needed = match self {
            _ if pattern.is_null() => return None,
            Self::TimeDifferenceLess | Self::TimeDifferenceGreater => {
                return operators::seconds(self, pattern).err();
            }
            Self::Inside | Self::NotInside => {
                let is_whole = pattern.is_string() || pattern.is_array() || pattern.is_object();
                (!is_whole).then_some(operators::WHOLE)
            }
            Self::EqualsAnyCase
            | Self::ContainsAnyCase
            | Self::NotContainsAnyCase
            | Self::StartsWith
            | Self::StartsWithAnyCase
            | Self::EndsWith
            | Self::EndsWithAnyCase
            | Self::MatchWildcard
            | Self::MatchRegex
            | Self::Regex
            | Self::RegexAnyCase => (!pattern.is_string()).then_some(operators::TEXT),
            // These compare any values, or their pattern is of the kind that the value is.
            Self::Equals
            | Self::NotEquals
            | Self::Contains
            | Self::NotContains
            | Self::LessThan
            | Self::GreaterThan
            | Self::Exists
            | Self::NotExists
            | Self::Search => None,
        };
        let found = petrel_python::type_name(pattern);
        needed.map(|needed| Error::WrongType { operator: self, side: "pattern", needed, found })
    }

    /// Its compiled regular expression, if it takes one and `pattern` is text.
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

/// The remedy for a `pattern`, as JSON, that is no number of seconds.
fn seconds_meant(pattern: &str) -> String {
    let text = pattern.trim_matches('"');
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or_default();
    let unit: Option<u64> = match unit.trim() {
        "s" | "sec" | "second" | "seconds" => Some(1),
        "m" | "min" | "minute" | "minutes" => Some(60),
        "h" | "hour" | "hours" => Some(3_600),
        "d" | "day" | "days" => Some(86_400),
        _ => None,
    };
    let seconds = unit.and_then(|unit| number.parse::<u64>().ok()?.checked_mul(unit));
    seconds.map_or_else(|| "them as a number, such as 300".to_owned(), |seconds| format!("it as {seconds}"))
}

/// Whether `operator` holds for `value` and `pattern` at the time `now`. `search` needs more than that and is handled
/// by the evaluation of criteria.
///
/// # Errors
/// All errors apart from those about operators, paths and templates.
pub fn holds(operator: Operator, value: &Value, pattern: &Value, now: Timestamp) -> Result<bool, Error> {
    operators::holds(operator, value, pattern, now, None)
}

pub(crate) use operators::holds as holds_with;

#[cfg(test)]
mod tests;
