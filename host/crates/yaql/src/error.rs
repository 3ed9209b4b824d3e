//! What can go wrong with an expression, in the words of the original: workflows report them as they are.

use petrel_python::regex;
use petrel_python::work::Limit;
use petrel_scope::functions;

use super::limits::{DEPTH, LENGTH, MEMORY, NESTING, STEPS};

/// Why an expression could not be read or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    kind: ErrorKind,
    column: Option<usize>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// A character that begins no word of the language.
    #[error("Lexical error: illegal character '{character}' at position {position}")]
    Lexical {
        /// It.
        character: char,
        /// How many characters stand before it.
        position: usize,
    },
    /// A word in a place where it cannot be.
    #[error("Parse error: unexpected '{word}' at position {position} of expression '{expression}'")]
    Unexpected {
        /// It.
        word: String,
        /// How many characters stand before it.
        position: usize,
        /// All of the expression.
        expression: String,
    },
    /// The expression stops where more must come.
    #[error("Parse error: unexpected end of statement")]
    UnexpectedEnd,
    /// Brackets or operators within each other, beyond the limit.
    #[error("The expression nests deeper than {NESTING} levels; split it up into variables")]
    TooDeep,
    /// More text than an expression may have.
    #[error("The expression is longer than {LENGTH} bytes; split it up into variables")]
    TooLong,
    /// There is no function of that name.
    #[error("Unknown function \"{0}\"")]
    UnknownFunction(String),
    /// There is no method of that name.
    #[error("Unknown method \"{name}\" for receiver {receiver}")]
    UnknownMethod {
        /// The name.
        name: String,
        /// What it was called on.
        receiver: String,
    },
    /// No function of that name takes such arguments.
    #[error("No function \"{0}\" matches supplied arguments")]
    NoMatchingFunction(String),
    /// No method of that name takes such arguments.
    #[error("No method \"{name}\" for receiver {receiver} matches supplied arguments")]
    NoMatchingMethod {
        /// The name.
        name: String,
        /// What it was called on.
        receiver: String,
    },
    /// More than one function of that name takes such arguments.
    #[error("Ambiguous function \"{0}\"")]
    Ambiguous(String),
    /// Something other than a word stands before `=>` among arguments.
    #[error("Cannot convert mapping to keyword argument")]
    Mapping,
    /// A key that is not there.
    #[error("{0}")]
    UnknownKey(String),
    /// A variable of the workflow that is not there.
    #[error("The variable \"{0}\" is undefined.")]
    UndefinedVariable(String),
    /// A variable of the workflow that is the engine's own.
    #[error("The variable \"{0}\" is for internal use and inaccessible.")]
    InaccessibleVariable(String),
    /// An index beyond the end of a list.
    #[error("{0} index out of range")]
    Index(&'static str),
    /// Something was asked of a sequence that has no more elements.
    #[error("{0}")]
    Exhausted(&'static str),
    /// A value of a wrong type.
    #[error("{0}")]
    Type(String),
    /// A value of the right type that is wrong.
    #[error("{0}")]
    Value(String),
    /// A text that is no JSON.
    #[error("{0}")]
    Json(String),
    /// A division by zero.
    #[error("{0}")]
    Division(&'static str),
    /// A number that is too large.
    #[error("{0}")]
    Overflow(String),
    /// What the expression asserts does not hold.
    #[error("{0}")]
    Assertion(String),
    /// Something about the workflow that is not known here.
    #[error("{0}")]
    Workflow(String),
    /// The limit on steps was hit.
    #[error("The expression took more than {STEPS} steps; work on less, or do this in an action")]
    TooManySteps,
    /// The limit on memory was hit.
    #[error("The expression built more than {MEMORY} bytes; work on less, or do this in an action")]
    TooMuchMemory,
    /// It was ended from outside.
    #[error("The expression was given up: {0}")]
    Ended(Limit),
    /// The limit on calls within each other was hit.
    #[error("The expression calls more than {DEPTH} levels deep; end the recursion earlier")]
    TooManyCalls,
    /// Values within each other, beyond the limit.
    #[error(
        "The expression nests values deeper than {NESTING} levels; make lists of sequences with toList()"
    )]
    TooNested,
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Where in the expression, in characters from 1, if that is known.
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// The name of the key or variable that is not there, if that is what went wrong.
    pub fn unknown_key(&self) -> Option<&str> {
        match &self.kind {
            ErrorKind::UnknownKey(key) => Some(key),
            _ => None,
        }
    }

    /// Whether it is about the text, not about values.
    pub fn is_syntax(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Lexical { .. }
                | ErrorKind::Unexpected { .. }
                | ErrorKind::UnexpectedEnd
                | ErrorKind::TooDeep
                | ErrorKind::TooLong
        )
    }

    /// The name that the original gives it.
    pub fn exception(&self) -> &'static str {
        match &self.kind {
            ErrorKind::Lexical { .. } => "YaqlLexicalException",
            ErrorKind::Unexpected { .. }
            | ErrorKind::UnexpectedEnd
            | ErrorKind::TooDeep
            | ErrorKind::TooLong => "YaqlGrammarException",
            ErrorKind::UnknownFunction(_) => "NoFunctionRegisteredException",
            ErrorKind::UnknownMethod { .. } => "NoMethodRegisteredException",
            ErrorKind::NoMatchingFunction(_) => "NoMatchingFunctionException",
            ErrorKind::NoMatchingMethod { .. } => "NoMatchingMethodException",
            ErrorKind::Ambiguous(_) => "AmbiguousFunctionException",
            ErrorKind::Mapping => "MappingTranslationException",
            ErrorKind::UnknownKey(_) => "KeyError",
            ErrorKind::UndefinedVariable(_) => "VariableUndefinedError",
            ErrorKind::InaccessibleVariable(_) => "VariableInaccessibleError",
            ErrorKind::Index(_) => "IndexError",
            ErrorKind::Exhausted(_) => "StopIteration",
            ErrorKind::Type(_) => "TypeError",
            ErrorKind::Value(_) => "ValueError",
            ErrorKind::Json(_) => "JSONDecodeError",
            ErrorKind::Division(_) => "ZeroDivisionError",
            ErrorKind::Overflow(_) => "OverflowError",
            ErrorKind::Assertion(_) => "AssertionError",
            ErrorKind::Workflow(_) => "ExpressionEvaluationException",
            ErrorKind::TooManySteps | ErrorKind::Ended(_) => "CollectionTooLargeException",
            ErrorKind::TooMuchMemory => "MemoryQuotaExceededException",
            ErrorKind::TooManyCalls | ErrorKind::TooNested => "RecursionError",
        }
    }

    /// This, at a place, unless it has one already.
    pub(super) fn at(mut self, column: usize) -> Self {
        self.column.get_or_insert(column);
        self
    }

    pub(super) fn type_(message: impl Into<String>) -> Self {
        ErrorKind::Type(message.into()).into()
    }

    pub(super) fn value(message: impl Into<String>) -> Self {
        ErrorKind::Value(message.into()).into()
    }
}

impl From<Limit> for Error {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Work | Limit::Steps(_) => ErrorKind::TooManySteps.into(),
            Limit::Depth => Self::value(limit.to_string()),
            Limit::Bytes => ErrorKind::TooMuchMemory.into(),
            Limit::Time | Limit::Stop => ErrorKind::Ended(limit).into(),
        }
    }
}

impl From<functions::Error> for Error {
    fn from(error: functions::Error) -> Self {
        match error {
            functions::Error::TooMuch(limit) => limit.into(),
            functions::Error::Wrong(reason) => Self::value(reason),
        }
    }
}

impl From<regex::Error> for Error {
    fn from(error: regex::Error) -> Self {
        match error {
            regex::Error::TooMuch(limit) => limit.into(),
            error => Self::value(error.to_string()),
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, column: None }
    }
}
