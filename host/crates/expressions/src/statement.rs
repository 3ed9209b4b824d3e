//! A value of a workflow whose texts may hold expressions, in either language, at every depth.
//!
//! The language is found by its delimiters. A text that is one expression and nothing else keeps the type
//! of what the expression gives; any other text is filled in. What expressions see is [`WorkflowScope`].
//!
//! What an expression gave is data: it is never looked at for expressions again, unless the scope says that
//! it is, as the original does ([`WorkflowScope::reevaluates`]).

mod budget;
mod expression;
mod parts;
mod references;
mod slips;
mod terms;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use petrel_jinja::workflow as jinja;
use petrel_python::work::Evaluation;
use petrel_scope::WorkflowScope;
use serde_json::{Map, Value};

use budget::Budget;
pub use budget::{BYTES, DEPTH, REEVALUATIONS, TEXT_BYTES};
pub use slips::{Slip, SlipKind};
pub use terms::{EntryError, EvaluationError, Language, Reference, SyntaxError};
use text::Text;

/// A value that may hold expressions, read once and evaluated often.
#[derive(Debug, Clone)]
pub struct Statement {
    source: Arc<Value>,
    root: Arc<Node>,
}

/// A part of a statement, beside the part of the source that it was read from.
#[derive(Debug)]
enum Node {
    /// Nothing to evaluate in it.
    Literal,
    /// A text with expressions.
    Text(Box<Text>),
    /// A list, some items of which hold expressions.
    List(Vec<Self>),
    /// An object: the key, if it holds expressions, and the value of each entry.
    Object(Vec<(Option<Text>, Self)>),
}

impl Statement {
    /// Reads `source`. What is wrong in it is kept, see [`syntax_errors`]; it fails when it is evaluated.
    pub fn compile(source: impl Into<Arc<Value>>) -> Self {
        let source = source.into();
        let root = Arc::new(Node::compile(&source));
        Self { source, root }
    }

    /// What it was read from.
    pub fn source(&self) -> &Arc<Value> {
        &self.source
    }

    /// Whether there is no expression in it: then its value is its source.
    pub fn is_literal(&self) -> bool {
        matches!(*self.root, Node::Literal)
    }

    /// Its value. What it takes is limited: see [`REEVALUATIONS`], [`DEPTH`], [`BYTES`] and [`TEXT_BYTES`].
    ///
    /// # Errors
    /// The first expression in it that cannot be evaluated.
    pub fn evaluate(&self, scope: &WorkflowScope) -> Result<Arc<Value>, EvaluationError> {
        self.evaluate_entries(scope).map_err(|failed| failed.error)
    }

    /// As [`evaluate`](Self::evaluate), for who wants to know which entry of an object it was.
    ///
    /// # Errors
    /// The first expression in it that cannot be evaluated, with the entry that it is in.
    pub fn evaluate_entries(&self, scope: &WorkflowScope) -> Result<Arc<Value>, EntryError> {
        if self.is_literal() {
            return Ok(Arc::clone(&self.source));
        }
        let _evaluation = Evaluation::begin();
        let budget = Budget::new();
        let whole = |error| EntryError { entry: None, error };
        match (&*self.root, &*self.source) {
            (Node::Text(text), _) => text.value(scope, &budget).map_err(whole),
            (Node::Object(nodes), Value::Object(object)) => {
                let mut evaluated = Map::new();
                for (node, (name, value)) in nodes.iter().zip(object) {
                    let (name, value) = entry(node, name, value, scope, &budget)
                        .map_err(|error| EntryError { entry: Some(name.clone()), error })?;
                    evaluated.insert(name, value);
                }
                Ok(Arc::new(Value::Object(evaluated)))
            }
            (root, source) => root.evaluate(source, scope, &budget).map(Arc::new).map_err(whole),
        }
    }
}

impl Node {
    fn compile(source: &Value) -> Self {
        match source {
            Value::String(text) => {
                Text::compile(text).map_or(Self::Literal, |text| Self::Text(Box::new(text)))
            }
            Value::Array(items) => {
                let nodes: Vec<_> = items.iter().map(Self::compile).collect();
                if nodes.iter().all(Self::is_literal) { Self::Literal } else { Self::List(nodes) }
            }
            Value::Object(object) => {
                let entry = |(key, value): (&String, &Value)| (Text::compile(key), Self::compile(value));
                let entries: Vec<_> = object.iter().map(entry).collect();
                let is_literal = entries.iter().all(|(key, value)| key.is_none() && value.is_literal());
                if is_literal { Self::Literal } else { Self::Object(entries) }
            }
            _ => Self::Literal,
        }
    }

    fn is_literal(&self) -> bool {
        matches!(self, Self::Literal)
    }

    fn evaluate(
        &self,
        source: &Value,
        scope: &WorkflowScope,
        budget: &Budget,
    ) -> Result<Value, EvaluationError> {
        match (self, source) {
            (Self::Text(text), _) => text.value(scope, budget).map(Arc::unwrap_or_clone),
            (Self::List(nodes), Value::Array(items)) => {
                nodes.iter().zip(items).map(|(node, item)| node.evaluate(item, scope, budget)).collect()
            }
            (Self::Object(entries), Value::Object(object)) => {
                let parts = entries.iter().zip(object);
                let evaluated = parts.map(|(node, (name, value))| entry(node, name, value, scope, budget));
                evaluated.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
            _ => Ok(source.clone()),
        }
    }
}

/// The name and the value of an entry of an object, read as `node` from `name` and `value`.
fn entry(
    node: &(Option<Text>, Node),
    name: &str,
    value: &Value,
    scope: &WorkflowScope,
    budget: &Budget,
) -> Result<(String, Value), EvaluationError> {
    let (key, node) = node;
    let name = match key {
        Some(key) => key.key(scope, budget)?,
        None => name.to_owned(),
    };
    Ok((name, node.evaluate(value, scope, budget)?))
}

/// What is wrong in the texts of `value`, as Orquesta's inspection reports it: in the order of the text. Nothing is
/// compiled to be evaluated.
pub fn syntax_errors(value: &Value) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    each_text(value, &mut |text| add_errors(text, &mut errors));
    errors
}

/// The variables that the texts of `value` read by a fixed name, as Orquesta's inspection finds them: by name.
pub fn references(value: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    each_text(value, &mut |text| references::collect(text, &mut found));
    found.sort_by(|left, right| left.name.cmp(&right.name).then_with(|| left.cmp(right)));
    found.dedup();
    found
}

/// The keys of the item of a task that the texts of `value` read, in the order of the text: by an empty name where one
/// reads the item itself.
pub fn item_keys(value: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    each_text(value, &mut |text| references::collect_items(text, &mut found));
    found
}

/// What stands in the texts of `value` and hardly means what it says; the original says nothing of it until it is
/// evaluated, or not even then.
pub fn slips(value: &Value) -> Vec<Slip> {
    let mut found = Vec::new();
    each_text(value, &mut |text| slips::collect(text, &mut found));
    found
}

/// Looks at every text in `value`, keys too, in order.
fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, look)),
        Value::Object(object) => {
            for (key, value) in object {
                look(key);
                each_text(value, look);
            }
        }
        _ => {}
    }
}

/// Adds what is wrong in one text: the whole of a Jinja template first, and then each expression, once.
fn add_errors(text: &str, errors: &mut Vec<SyntaxError>) {
    let mut add = |language: Option<Language>, expression: &str, message: String| {
        errors.push(SyntaxError { language, expression: expression.into(), message });
    };
    let languages = [Language::Jinja, Language::Yaql].map(|language| (language, language.is_in(text)));
    let language = match languages {
        [(language, true), (_, false)] | [(_, false), (language, true)] => language,
        [(_, true), (_, true)] => {
            return add(None, text, "Expression with multiple types is not supported.".to_owned());
        }
        _ => return,
    };
    let mut seen = BTreeSet::new();
    if language == Language::Jinja
        && let Some(message) = jinja::syntax_error(text)
    {
        seen.insert(text);
        add(Some(language), text, message);
    }
    for part in language.parts(text).filter(|part| seen.insert(*part)) {
        if let Some(message) = expression::Expression::compile(language, part).syntax_error() {
            add(Some(language), part, message);
        }
    }
}

#[cfg(test)]
mod tests;
