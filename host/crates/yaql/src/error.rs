//! Errors of expressions, in the words of the original, because workflows report them as they are.

use petrel_python::regex;
use petrel_python::work::Limit;
use petrel_scope::functions;

use super::limits::{DEPTH, LENGTH, MEMORY, NESTING, STEPS};

/// The reason why an expression could not be compiled or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    kind: ErrorKind,
    column: Option<usize>,
}

/// The kinds of errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// A character that begins no word of the language.
    #[error("Lexical error: illegal character '{character}' at position {position}")]
    Lexical {
        /// The character.
        character: char,
        /// The number of characters before it.
        position: usize,
    },
    /// A word that cannot stand in its place.
    #[error("Parse error: unexpected '{word}' at position {position} of expression '{expression}'")]
    Unexpected {
        /// The word.
        word: String,
        /// The number of characters before it.
        position: usize,
        /// The whole expression.
        expression: String,
    },
    /// The expression stops where more must come.
    #[error("Parse error: unexpected end of statement")]
    UnexpectedEnd,
    /// Brackets or operators nest too deep.
    #[error("The expression nests deeper than {NESTING} levels; split it up into variables")]
    TooDeep,
    /// The expression is too long.
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
        /// The receiver, as text.
        receiver: String,
    },
    /// No overload of the function takes these arguments.
    #[error("No function \"{0}\" matches supplied arguments")]
    NoMatchingFunction(String),
    /// No overload of the method takes these arguments.
    #[error("No method \"{name}\" for receiver {receiver} matches supplied arguments")]
    NoMatchingMethod {
        /// The name.
        name: String,
        /// The receiver, as text.
        receiver: String,
    },
    /// More than one overload of the function takes these arguments.
    #[error("Ambiguous function \"{0}\"")]
    Ambiguous(String),
    /// Something other than a word stands before `=>` among the arguments of a call.
    #[error("Cannot convert mapping to keyword argument")]
    Mapping,
    /// A mapping does not have this key.
    #[error("{0}")]
    UnknownKey(String),
    /// The workflow does not have this variable.
    #[error("The variable \"{0}\" is undefined.")]
    UndefinedVariable(String),
    /// The variable is internal to the engine.
    #[error("The variable \"{0}\" is for internal use and inaccessible.")]
    InaccessibleVariable(String),
    /// An index is beyond the end of a list.
    #[error("{0} index out of range")]
    Index(&'static str),
    /// A sequence has no more elements.
    #[error("{0}")]
    Exhausted(&'static str),
    /// A value has the wrong type.
    #[error("{0}")]
    Type(String),
    /// A value of the right type is wrong.
    #[error("{0}")]
    Value(String),
    /// A text is not JSON.
    #[error("{0}")]
    Json(String),
    /// A division by zero.
    #[error("{0}")]
    Division(&'static str),
    /// A number is too large.
    #[error("{0}")]
    Overflow(String),
    /// The assertion of an expression does not hold.
    #[error("{0}")]
    Assertion(String),
    /// Something about the workflow is unknown.
    #[error("{0}")]
    Workflow(String),
    /// The limit on steps was hit.
    #[error("The expression took more than {STEPS} steps; work on less, or do this in an action")]
    TooManySteps,
    /// The limit on memory was hit.
    #[error("The expression built more than {MEMORY} bytes; work on less, or do this in an action")]
    TooMuchMemory,
    /// The evaluation was ended from outside.
    #[error("The expression was given up: {0}")]
    Ended(Limit),
    /// The limit on nested calls was hit.
    #[error("The expression calls more than {DEPTH} levels deep; end the recursion earlier")]
    TooManyCalls,
    /// Values nest too deep.
    #[error(
        "The expression nests values deeper than {NESTING} levels; make lists of sequences with toList()"
    )]
    TooNested,
}

impl Error {
    /// The kind of the error.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The column in the expression in characters, from 1 on, if it is known.
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// The name of the missing key or variable, if that is the error.
    pub fn unknown_key(&self) -> Option<&str> {
        match &self.kind {
            ErrorKind::UnknownKey(key) => Some(key),
            _ => None,
        }
    }

    /// Whether the error is about the text of the expression and not about values.
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

    /// The name of the original's exception.
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

    /// Adds a column, unless the error has one already.
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
