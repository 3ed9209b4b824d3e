//! The signature of an action: its own parameters and its runner's, with compiled defaults.

use petrel_expressions::{KeyName, Template};
use petrel_model::parameters::{Parameters, Schema};
use petrel_model::secrets::has_secret;
use serde_json::Value;

use super::cast::{self, Kind};
use super::error::Error;
use super::given::Parameter;
use crate::reads::Reads;

/// The parameters that an action and its runner declare. Compiled once for each action.
#[derive(Debug, Default)]
pub struct Signature {
    declared: Vec<Declared>,
    has_secret_default: bool,
}

/// The side that declares a parameter. A parameter that both declare counts as the runner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Runner,
    Action,
}

/// One declaration. A parameter that both sides declare has two, the action's first.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) default: Parameter,
    pub(super) is_immutable: bool,
    is_secret: bool,
    side: Side,
    kind: Option<Kind>,
}

impl Signature {
    /// Compiles the schemas of both sides.
    pub fn new(runner: &Parameters, action: &Parameters) -> Self {
        let of_action = action.iter().map(|(name, schema)| Declared::new(name, schema, Side::Action));
        let of_runner = runner.iter().map(|(name, schema)| Declared::new(name, schema, Side::Runner));
        let is_secret_default = |schema: &Value| {
            has_secret(schema) && Schema::of(schema).default().is_some_and(|value| !value.is_null())
        };
        let has_secret_default = action.values().chain(runner.values()).any(is_secret_default);
        Self { declared: of_action.chain(of_runner).collect(), has_secret_default }
    }

    /// Whether a secret parameter has a default, which an execution has although nobody gave it a secret.
    pub fn has_secret_default(&self) -> bool {
        self.has_secret_default
    }

    /// The keys of the datastore that the defaults read.
    pub fn datastore_keys(&self) -> impl Iterator<Item = &KeyName> {
        self.templates().flat_map(Template::datastore_keys)
    }

    /// The names that the defaults take from the scope.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::names)
    }

    /// The names that the defaults may read, see [`Template::may_read`].
    pub fn may_read(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::may_read)
    }

    /// Adds the parts of a payload that the defaults read.
    pub fn add_reads(&self, reads: &mut Reads) {
        self.templates().for_each(|template| reads.add_template(template.source()));
    }

    /// Whether no default is a template, so that rendering them needs no scope.
    pub fn is_literal(&self) -> bool {
        self.declared.iter().all(|declared| !matches!(declared.default, Parameter::Template(_)))
    }

    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.declared.iter().flat_map(|declared| declared.default.templates())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Declared> {
        self.declared.iter()
    }

    pub(super) fn side(&self, name: &str) -> Option<Side> {
        self.declared.iter().rev().find(|declared| declared.name == name).map(|declared| declared.side)
    }

    /// Whether a parameter, or anything inside it, is declared as secret, by the action or its runner.
    pub fn is_secret(&self, name: &str) -> bool {
        self.declared.iter().any(|declared| declared.name == name && declared.is_secret)
    }

    /// Whether any parameter is declared as secret.
    pub fn has_secret(&self) -> bool {
        self.declared.iter().any(|declared| declared.is_secret)
    }

    /// Whether a parameter may hold a secret: it is declared as one, or it is not declared where something else is one, so
    /// that its name may be misspelled.
    pub fn may_be_secret(&self, name: &str) -> bool {
        let is_declared = || self.declared.iter().any(|declared| declared.name == name);
        self.is_secret(name) || (self.has_secret() && !is_declared())
    }

    /// The declared type of `name`. The runner's declaration takes precedence.
    fn kind(&self, name: &str) -> Option<Kind> {
        let mut declared = self.declared.iter().rev().filter(|declared| declared.name == name);
        declared.find_map(|declared| declared.kind)
    }

    /// The declared type of `name`, if an empty text is no value of it.
    pub(super) fn type_without_empty_text(&self, name: &str) -> Option<&'static str> {
        let kind = self.kind(name)?;
        cast::to(kind, Value::from("")).is_err().then(|| kind.as_str())
    }

    /// As [`cast`](Self::cast), for a value that an expression may have returned. The author wrote text and did not
    /// choose the type of the result, so a number or a boolean becomes text if that is declared.
    pub(super) fn cast_data(&self, name: &str, value: Value) -> Result<Value, Error> {
        let is_text = self.kind(name) == Some(Kind::String);
        self.cast(name, if is_text { cast::written(value) } else { value })
    }

    /// Casts `value` to the declared type of `name`.
    ///
    /// # Errors
    /// If it cannot be cast.
    pub fn cast(&self, name: &str, value: Value) -> Result<Value, Error> {
        match self.kind(name) {
            Some(kind) => cast::to(kind, value).map_err(|source| {
                let error = Error::Cast { parameter: name.to_owned(), source };
                if self.is_secret(name) { error.hidden() } else { error }
            }),
            None => Ok(cast::null(value)),
        }
    }
}

impl Declared {
    fn new(name: &str, schema: &Value, side: Side) -> Self {
        let is_secret = has_secret(schema);
        let schema = Schema::of(schema);
        Self {
            name: name.to_owned(),
            is_secret,
            default: Parameter::compile(schema.default().unwrap_or(&Value::Null)),
            is_immutable: schema.is_immutable(),
            side,
            kind: schema.kind().and_then(Kind::named),
        }
    }
}
