//! A text with expressions, compiled once: its parts, and the joining of their values.
//!
//! Each expression contributes its value in its place, and the value is not searched for expressions again.
//!
//! Where text is evaluated again, the order of the steps is that of the original, because it shows: each expression
//! is replaced wherever it occurs, one after the other; the resulting text is searched again; and expressions that
//! remain are an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_jinja::workflow as jinja;
use petrel_scope::WorkflowScope;
use serde_json::Value;

use super::budget::Budget;
use super::expression::{Expression, Outcome};
use super::parts::{has_block, raw_blocks};
use super::terms::{EvaluationError, Language};

/// A text that contains at least one expression.
#[derive(Debug)]
pub(super) struct Text {
    body: Body,
    /// The raw blocks, which are `{0}`, `{1}` and so on in the body.
    raw: Vec<String>,
    /// The whole text as one template, if it has raw blocks: a template leaves these as they are.
    whole: Option<Box<Result<jinja::Template, jinja::Failure>>>,
}

/// A text without raw blocks.
#[derive(Debug)]
struct Body {
    language: Language,
    source: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Expressions whose values are filled in.
    Parts(Vec<Expression>),
    /// A whole template.
    Template(Box<Result<jinja::Template, jinja::Failure>>),
}

impl Text {
    /// Compiles `source`; `None` if it contains no expression.
    pub(super) fn compile(source: &str) -> Option<Self> {
        let language = Language::of(source)?;
        let (body, raw) = match language {
            Language::Jinja => without_raw(source),
            Language::Yaql => (source.to_owned(), Vec::new()),
        };
        let whole = (!raw.is_empty()).then(|| Box::new(jinja::Template::compile(source)));
        Some(Self { body: Body::compile(language, body), raw, whole })
    }

    pub(super) fn evaluate(
        &self,
        scope: &WorkflowScope,
        budget: &Budget,
    ) -> Result<Outcome, EvaluationError> {
        if scope.reevaluates {
            return self.evaluate_again(scope, budget);
        }
        match &self.whole {
            Some(template) => self.body.rendered(template, scope, budget).map(Outcome::Text),
            None => self.body.evaluate_once(scope, budget),
        }
    }

    /// Evaluates the text as the original does, which searches the result for expressions again.
    fn evaluate_again(&self, scope: &WorkflowScope, budget: &Budget) -> Result<Outcome, EvaluationError> {
        let outcome = self.body.evaluate(scope, budget, 0)?;
        // Of the original's two evaluators, only that of Jinja looks for expressions that remain.
        let Some(text) = outcome.as_text().filter(|_| self.body.language == Language::Jinja) else {
            return Ok(outcome);
        };
        let left: Vec<_> = Language::Jinja.parts(text).map(|part| Language::Jinja.inside(part)).collect();
        if !left.is_empty() {
            return Err(EvaluationError::Unresolved { expression: left.join(", ") });
        }
        if self.raw.is_empty() {
            return Ok(outcome);
        }
        let mut text = text.to_owned();
        for (index, block) in self.raw.iter().enumerate() {
            text = text.replace(&format!("{{{index}}}"), block);
            budget.text(text.len()).map_err(|reason| self.body.failed(reason))?;
        }
        let rendered = jinja::Template::compile(&text).and_then(|template| template.render(scope));
        rendered.map(Outcome::Text).map_err(|failure| self.body.failed(failure.to_string()))
    }

    /// The value as JSON.
    pub(super) fn value(
        &self,
        scope: &WorkflowScope,
        budget: &Budget,
    ) -> Result<Arc<Value>, EvaluationError> {
        let outcome = self.evaluate(scope, budget)?;
        outcome.into_json().map_err(|reason| self.body.failed(reason))
    }

    /// The value as a key, which must be text.
    pub(super) fn key(&self, scope: &WorkflowScope, budget: &Budget) -> Result<String, EvaluationError> {
        let value = self.value(scope, budget)?;
        match &*value {
            Value::String(text) => Ok(text.clone()),
            Value::Array(_) | Value::Object(_) => {
                let reason = "TypeError: a key must be a single value, and this gives a list or an object";
                Err(self.body.failed(reason.to_owned()))
            }
            other => Ok(other.to_string()),
        }
    }
}

impl Body {
    fn compile(language: Language, source: String) -> Self {
        let content = if language == Language::Jinja && has_block(&source) {
            Content::Template(Box::new(jinja::Template::compile(&source)))
        } else {
            let parts = language.parts(&source).map(|part| Expression::compile(language, part));
            Content::Parts(parts.collect())
        };
        Self { language, source, content }
    }

    fn failed(&self, reason: String) -> EvaluationError {
        EvaluationError::Failed { language: self.language, expression: self.source.clone(), reason }
    }

    fn rendered(
        &self,
        template: &Result<jinja::Template, jinja::Failure>,
        scope: &WorkflowScope,
        budget: &Budget,
    ) -> Result<String, EvaluationError> {
        let template = template.as_ref().map_err(|failure| self.failed(failure.to_string()))?;
        let text = template.render(scope).map_err(|failure| self.failed(failure.to_string()))?;
        budget.text(text.len()).map_err(|reason| self.failed(reason))?;
        Ok(text)
    }

    /// Replaces each expression by its value. A value that looks like an expression stays as it is.
    fn evaluate_once(&self, scope: &WorkflowScope, budget: &Budget) -> Result<Outcome, EvaluationError> {
        let parts = match &self.content {
            Content::Parts(parts) => parts,
            Content::Template(template) => return self.rendered(template, scope, budget).map(Outcome::Text),
        };
        if let [part] = parts.as_slice()
            && part.source.len() == self.source.len()
        {
            return match part.evaluate(scope)? {
                Outcome::Undefined => Err(unresolved(&[part])),
                outcome => Ok(outcome),
            };
        }
        let (mut output, mut rest, mut missing) = (String::new(), &*self.source, Vec::new());
        for part in parts {
            let Some((before, after)) = rest.split_once(&*part.source) else { break };
            rest = after;
            let outcome = part.evaluate(scope)?;
            if matches!(outcome, Outcome::Undefined) {
                // All of them are named in one error, as in the original.
                missing.push(part);
                continue;
            }
            let text = outcome.display().map_err(|reason| part.failed(reason))?;
            let length = output.len().saturating_add(before.len()).saturating_add(text.len());
            budget.text(length).map_err(|reason| part.failed(reason))?;
            output.push_str(before);
            output.push_str(&text);
        }
        if !missing.is_empty() {
            return Err(unresolved(&missing));
        }
        output.push_str(rest);
        Ok(Outcome::Text(output))
    }

    fn evaluate(
        &self,
        scope: &WorkflowScope,
        budget: &Budget,
        depth: u32,
    ) -> Result<Outcome, EvaluationError> {
        let parts = match &self.content {
            Content::Parts(parts) => parts,
            Content::Template(template) => {
                let text = self.rendered(template, scope, budget)?;
                let again = self.again(Outcome::Text(text), scope, budget, depth);
                return again.map_err(|reason| self.failed(reason));
            }
        };
        if let [part] = parts.as_slice()
            && part.source.len() == self.source.len()
        {
            return Ok(match self.part(part, scope, budget, depth)? {
                // It stays in the text, and is reported with all expressions that remain.
                Outcome::Undefined => Outcome::Text(self.source.clone()),
                outcome => outcome,
            });
        }
        let mut output = self.source.clone();
        for part in parts {
            let outcome = self.part(part, scope, budget, depth)?;
            if matches!(outcome, Outcome::Undefined) {
                continue;
            }
            let text = outcome.display().map_err(|reason| part.failed(reason))?;
            let times = output.matches(&part.source).count();
            budget
                .text(output.len().saturating_add(text.len().saturating_mul(times)))
                .map_err(|reason| part.failed(reason))?;
            // The original replaces in the text so far, and so also where the value of an earlier part has
            // brought the same expression in.
            output = output.replace(&part.source, &text);
        }
        Ok(Outcome::Text(output))
    }

    fn part(
        &self,
        part: &Expression,
        scope: &WorkflowScope,
        budget: &Budget,
        depth: u32,
    ) -> Result<Outcome, EvaluationError> {
        let outcome = part.evaluate(scope)?;
        self.again(outcome, scope, budget, depth).map_err(|reason| part.failed(reason))
    }

    /// Evaluates a text that came from an expression, if it contains expressions of the same language.
    fn again(
        &self,
        outcome: Outcome,
        scope: &WorkflowScope,
        budget: &Budget,
        depth: u32,
    ) -> Result<Outcome, String> {
        let Some(text) = outcome.as_text().filter(|text| self.language.is_in(text)) else {
            return Ok(outcome);
        };
        budget.again(depth)?;
        let body = Self::compile(self.language, text.to_owned());
        body.evaluate(scope, budget, depth + 1).map_err(|error| error.to_string())
    }
}

/// `source` with `{0}`, `{1}` and so on in place of its raw blocks, equal ones with the first number; and the blocks.
pub(super) fn without_raw(source: &str) -> (String, Vec<String>) {
    let (mut body, mut rest) = (String::with_capacity(source.len()), source);
    let (mut blocks, mut numbers) = (Vec::new(), BTreeMap::new());
    for (index, block) in raw_blocks(source).enumerate() {
        blocks.push(block.to_owned());
        let Some((before, after)) = rest.split_once(block) else { continue };
        let number: usize = *numbers.entry(block).or_insert(index);
        body.push_str(before);
        body.push_str(&format!("{{{number}}}"));
        rest = after;
    }
    body.push_str(rest);
    (body, blocks)
}

/// The error for expressions whose values are undefined.
fn unresolved(parts: &[&Expression]) -> EvaluationError {
    let names: Vec<_> = parts.iter().map(|part| Language::Jinja.inside(&part.source)).collect();
    EvaluationError::Unresolved { expression: names.join(", ") }
}
