//! Statements: values of a workflow whose texts may contain expressions, in either language and at every depth.
//!
//! Delimiters tell the language. A text that consists of a single expression has the type of the expression's value;
//! in any other text the values are filled in. Expressions see a [`WorkflowScope`].
//!
//! The value of an expression is data: it is never searched for expressions again, unless the scope says so, as in
//! the original ([`WorkflowScope::reevaluates`]).

mod budget;
mod calls;
mod expression;
mod lazy;
mod parts;
mod references;
mod remedy;
mod slips;
mod terms;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use petrel_jinja::workflow as jinja;
use petrel_python::work::Evaluation;
use petrel_scope::WorkflowScope;
use serde_json::{Map, Value};

use crate::dashes::with_blank;
use crate::words::blank;
use budget::Budget;
pub use budget::{BYTES, DEPTH, REEVALUATIONS, TEXT_BYTES};
pub use calls::{Called, LiteralCall};
pub use lazy::is_lazy;
pub use remedy::remedy;
pub use slips::{Slip, SlipKind};
pub use terms::{EntryError, EvaluationError, Language, Reference, SyntaxError};
use text::Text;

/// A value that may contain expressions, compiled once and evaluated often.
#[derive(Debug, Clone)]
pub struct Statement {
    source: Arc<Value>,
    root: Arc<Node>,
}

/// A node of a statement, which accompanies a node of its source.
#[derive(Debug)]
enum Node {
    /// The node contains no expression.
    Literal,
    /// A text with expressions.
    Text(Box<Text>),
    /// A list, of which some items contain expressions.
    List(Vec<Self>),
    /// An object: for each entry the key, if it contains expressions, and the value.
    Object(Vec<(Option<Text>, Self)>),
}

impl Statement {
    /// Compiles `source`. Syntax errors are kept and reported when the statement is evaluated; [`syntax_errors`]
    /// lists them before.
    pub fn compile(source: impl Into<Arc<Value>>) -> Self {
        let source = source.into();
        let root = Arc::new(Node::compile(&source));
        Self { source, root }
    }

    /// The source of the statement.
    pub fn source(&self) -> &Arc<Value> {
        &self.source
    }

    /// Whether the statement contains no expression. Its value is its source then.
    pub fn is_literal(&self) -> bool {
        matches!(*self.root, Node::Literal)
    }

    /// Evaluates the statement, within [`REEVALUATIONS`], [`DEPTH`], [`BYTES`] and [`TEXT_BYTES`].
    ///
    /// # Errors
    /// The first expression that cannot be evaluated.
    pub fn evaluate(&self, scope: &WorkflowScope) -> Result<Arc<Value>, EvaluationError> {
        self.evaluate_entries(scope).map_err(|failed| failed.error)
    }

    /// As [`evaluate`](Self::evaluate), with the entry of an object in the error.
    ///
    /// # Errors
    /// The first expression that cannot be evaluated, with its entry.
    pub fn evaluate_entries(&self, scope: &WorkflowScope) -> Result<Arc<Value>, EntryError> {
        if self.is_literal() {
            return Ok(Arc::clone(&self.source));
        }
        // One evaluation around all texts: those within it share its limits on work and memory.
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
                // A list without expressions is a literal as a whole, so that evaluation copies it and does not walk
                // through it.
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

/// The evaluated key and value of an entry; `node` was compiled from them.
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

/// The syntax errors in the texts of `value`, as Orquesta's inspection reports them, in the order of the text.
/// Nothing is compiled for evaluation.
pub fn syntax_errors(value: &Value) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    each_text(value, &mut |text| add_errors(text, &mut errors));
    errors
}

/// The variables that the texts of `value` read by a fixed name, as Orquesta's inspection finds them.
pub fn references(value: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    each_text(value, &mut |text| references::collect(text, &mut found));
    found.sort_by(|left, right| left.name.cmp(&right.name).then_with(|| left.cmp(right)));
    found.dedup();
    found
}

/// The keys of a task's item that the texts of `value` read, in the order of the text. An empty name stands for the item
/// itself.
pub fn item_keys(value: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    each_text(value, &mut |text| references::collect_items(text, &mut found));
    found
}

/// The calls in the texts of `value` that name a task or a key of the datastore which is written out, in the order of the
/// text.
pub fn literal_calls(value: &Value) -> Vec<LiteralCall> {
    let mut found = Vec::new();
    each_text(value, &mut |text| calls::collect(text, &mut found));
    found
}

/// Likely mistakes in the texts of `value`. The original reports these only at evaluation, or never.
pub fn slips(value: &Value) -> Vec<Slip> {
    let mut found = Vec::new();
    each_text(value, &mut |text| slips::collect(text, &mut found));
    found
}

/// Calls `look` with every text in `value`, in order, keys included.
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

/// Adds the syntax errors of one text: first of a Jinja template as a whole, and then of each expression.
fn add_errors(text: &str, errors: &mut Vec<SyntaxError>) {
    let mut add = |language: Option<Language>, expression: &str, message: String| {
        let blank = language.and_then(|language| match language {
            Language::Jinja => blank(expression),
            Language::Yaql => with_blank(language.inside(expression), true),
        });
        let message = match blank {
            Some(blank) => format!("{message}; {blank}"),
            None => message,
        };
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
        // A text that is a single template appears among its own parts again; its error is reported once.
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
