//! A text with expressions, read once: its parts, and how what they give is put together.
//!
//! Each expression gives its part, in its place, and that is all: what came out of one is not looked at again.
//!
//! Where text is evaluated again the order of the steps is that of the original, since it shows: each expression
//! is replaced wherever it stands, one after the other; text that comes out is looked at again; what is left
//! over is an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_jinja::workflow as jinja;
use petrel_scope::WorkflowScope;
use serde_json::Value;

use super::budget::Budget;
use super::expression::{Expression, Outcome};
use super::parts::{has_block, raw_blocks};
use super::terms::{EvaluationError, Language};

/// A text that holds at least one expression.
#[derive(Debug)]
pub(super) struct Text {
    body: Body,
    /// The raw blocks, each of which `{0}`, `{1}` ... stands for in the body.
    raw: Vec<String>,
    /// All of it as one template, where there are raw blocks: that leaves in peace what is in them.
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
    /// Expressions to be filled in.
    Parts(Vec<Expression>),
    /// A template as a whole.
    Template(Box<Result<jinja::Template, jinja::Failure>>),
}

impl Text {
    /// Reads `source`; `None` if there is nothing to evaluate in it.
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

    /// Evaluates it as the original does, which takes what comes out for a text with expressions again.
    fn evaluate_again(&self, scope: &WorkflowScope, budget: &Budget) -> Result<Outcome, EvaluationError> {
        let outcome = self.body.evaluate(scope, budget, 0)?;
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

    /// Its value as JSON.
    pub(super) fn value(
        &self,
        scope: &WorkflowScope,
        budget: &Budget,
    ) -> Result<Arc<Value>, EvaluationError> {
        let outcome = self.evaluate(scope, budget)?;
        outcome.into_json().map_err(|reason| self.body.failed(reason))
    }

    /// What it gives as a key, which is text.
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

    /// Puts what each expression gives into its place. It stays what it is, whatever it looks like.
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
                // It stays as it is, to be reported with all that is left over.
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

    /// Evaluates a text that came out of an expression, where that holds expressions of the same language.
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

/// `source` with `{0}`, `{1}` ... in the place of its raw blocks, the first number where some are equal; and the blocks.
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

/// What these expressions give is not defined.
fn unresolved(parts: &[&Expression]) -> EvaluationError {
    let names: Vec<_> = parts.iter().map(|part| Language::Jinja.inside(&part.source)).collect();
    EvaluationError::Unresolved { expression: names.join(", ") }
}
