//! Given parameters with compiled templates.

use std::collections::BTreeSet;

use petrel_expressions::{Error, KeyName, Scope, Template, is_template};
use petrel_model::Object;
use serde_json::Value;

use super::cast;

/// The parameters of a rule's action or of a caller. They can be rendered any number of times.
#[derive(Debug, Default)]
pub struct Given(Vec<(String, Parameter)>);

impl Given {
    /// Compiles the templates in `parameters`. As in StackStorm, a template with a syntax error stays plain text;
    /// [`check`](mod@crate::check) reports it.
    pub fn compile(parameters: &Object) -> Self {
        Self(parameters.iter().map(|(name, value)| (name.clone(), Parameter::compile(value))).collect())
    }

    /// As [`compile`](Self::compile), for results of expressions in a workflow that asks for them to be evaluated
    /// again. Their types were not chosen by the author, so values without a template are cast as data.
    pub fn evaluated_again(parameters: &Object) -> Self {
        let mut given = Self::compile(parameters);
        for (_, parameter) in &mut given.0 {
            if let Parameter::Value(value) = parameter {
                *parameter = Parameter::Data(value.take());
            }
        }
        given
    }

    /// Parameters that are data: they were rendered before, and are never searched for templates.
    pub fn data(parameters: &Object) -> Self {
        Self::default().over(parameters)
    }

    /// Adds those parameters of `data` that are not given. They are data, as with [`Given::data`].
    #[must_use]
    pub fn over(mut self, data: &Object) -> Self {
        let missing: Vec<_> = {
            let given: BTreeSet<_> = self.0.iter().map(|(name, _)| name.as_str()).collect();
            let missing = data.iter().filter(|(name, _)| !given.contains(name.as_str()));
            missing.map(|(name, value)| (name.clone(), Parameter::Data(value.clone()))).collect()
        };
        self.0.extend(missing);
        self
    }

    /// The keys of the datastore that they read.
    pub fn datastore_keys(&self) -> impl Iterator<Item = &KeyName> {
        self.templates().flat_map(Template::datastore_keys)
    }

    /// Whether a template may decrypt a key of the datastore.
    pub fn may_decrypt(&self) -> bool {
        self.templates().any(Template::may_decrypt)
    }

    /// All templates.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.0.iter().flat_map(|(_, parameter)| parameter.templates())
    }

    /// The names that their templates take from the scope.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::names)
    }

    /// The names that their templates may read, see [`Template::may_read`].
    pub fn may_read(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::may_read)
    }

    /// Whether there are no templates, so that rendering needs no scope.
    pub fn is_literal(&self) -> bool {
        self.0.iter().all(|(_, parameter)| matches!(parameter, Parameter::Value(_) | Parameter::Data(_)))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.0.iter().map(|(name, parameter)| (name.as_str(), parameter))
    }
}

/// One parameter.
#[derive(Debug)]
pub(super) enum Parameter {
    /// A value without templates.
    Value(Value),
    /// A value that was rendered before and may contain results of expressions.
    Data(Value),
    /// A value with templates.
    Template(Shape),
}

/// The structure of a value with templates.
#[derive(Debug)]
pub(super) enum Shape {
    Value(Value),
    /// A template that renders text.
    Text(Box<Template>),
    /// Exactly `{{name}}` within a list or an object: renders JSON, so the type is kept.
    Json(Box<Template>),
    List(Vec<Self>),
    Object(Vec<(Self, Self)>),
}

impl Parameter {
    pub(super) fn compile(value: &Value) -> Self {
        if !has_template(value) {
            return Self::Value(value.clone());
        }
        match value.as_str() {
            Some(text) => Template::compile(text).map(|template| Shape::Text(Box::new(template))),
            None => Shape::compile(value),
        }
        .map_or_else(|_not_jinja_after_all| Self::Value(value.clone()), Self::Template)
    }

    /// Whether it is null, so that a default takes its place.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Value(Value::Null) | Self::Data(Value::Null))
    }

    /// Whether it is a single text with a template, rather than a list or an object with some.
    pub(super) fn is_text_template(&self) -> bool {
        matches!(self, Self::Template(Shape::Text(_)))
    }

    pub(super) fn templates(&self) -> Vec<&Template> {
        let mut templates = Vec::new();
        if let Self::Template(shape) = self {
            shape.templates(&mut templates);
        }
        templates
    }
}

fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(object) => object.iter().any(|(key, value)| is_template(key) || has_template(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Shape {
    fn compile(value: &Value) -> Result<Self, Error> {
        Ok(match value {
            Value::String(text) => Self::text(text, true)?,
            Value::Array(items) => Self::List(items.iter().map(Self::compile).collect::<Result<_, _>>()?),
            Value::Object(object) => {
                let entries =
                    object.iter().map(|(key, value)| Ok((Self::text(key, false)?, Self::compile(value)?)));
                Self::Object(entries.collect::<Result<_, _>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Value(value.clone()),
        })
    }

    fn text(text: &str, may_be_json: bool) -> Result<Self, Error> {
        if !is_template(text) {
            return Ok(Self::Value(Value::from(text)));
        }
        match bare_name(text).filter(|_| may_be_json) {
            Some(name) => {
                Template::compile(&format!("{{{{{name} | to_complex}}}}")).map(Box::new).map(Self::Json)
            }
            None => Template::compile(text).map(Box::new).map(Self::Text),
        }
    }

    pub(super) fn render(&self, scope: &Scope) -> Result<Value, Error> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Text(template) => template.render(scope).map(Value::String),
            Self::Json(template) => {
                let json = template.render(scope).map_err(|error| {
                    // The author wrote no filter.
                    error.of_template(&template.source().replace(" | to_complex", ""))
                })?;
                Ok(serde_json::from_str(&json).unwrap_or(Value::String(json)))
            }
            Self::List(items) => items.iter().map(|item| item.render_inner(scope)).collect(),
            Self::Object(entries) => {
                let mut object = Object::new();
                for (key, value) in entries {
                    let key = match key.render(scope)? {
                        Value::String(key) => key,
                        other => other.to_string(),
                    };
                    object.insert(key, value.render_inner(scope)?);
                }
                Ok(Value::Object(object))
            }
        }
    }

    /// Converts the mark for null at once, since values inside a list or an object are not cast later.
    fn render_inner(&self, scope: &Scope) -> Result<Value, Error> {
        self.render(scope).map(cast::null)
    }

    fn templates<'a>(&'a self, templates: &mut Vec<&'a Template>) {
        match self {
            Self::Value(_) => {}
            Self::Text(template) | Self::Json(template) => templates.push(template),
            Self::List(items) => items.iter().for_each(|item| item.templates(templates)),
            Self::Object(entries) => entries.iter().for_each(|(key, value)| {
                key.templates(templates);
                value.templates(templates);
            }),
        }
    }
}

/// The name in a text that is exactly `{{name}}`. As in StackStorm, `{{ name }}` with blanks renders text.
fn bare_name(text: &str) -> Option<&str> {
    let name = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}
