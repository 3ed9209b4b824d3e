//! Templates of rules and parameters, whose result is always text.
//!
//! A template is compiled once and rendered often. Text without `{{` or `{%` is no template and should not come here:
//! [`is_template`] tells them apart without parsing, as StackStorm does.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use minijinja::Environment;
use petrel_scope::{KeyName, Scope};

use crate::environment::{SHARED, WITHOUT_DECRYPTION, fuel, settle, settle_failed};
use crate::error::shortened;
use crate::filters::platform::DECRYPTION;
use crate::guard::guarded;
use crate::keys::{bracketed, keys_among};
use crate::output::Output;
use crate::rewrite::Rewritten;
use crate::work::{self, Evaluation, Exceeded};
use crate::{Error, context, filters, missing, mutable, rewrite, workflow};

/// Whether `text` contains Jinja.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Compiles and renders `template` once. To render it again, keep a [`Template`].
///
/// # Errors
/// As [`Template::compile`] and [`Template::render`].
pub fn render(template: &str, scope: &Scope) -> Result<String, Error> {
    Template::compile(template)?.render(scope)
}

/// A template whose syntax was checked. Its compiled form is kept from the first rendering on, because it takes
/// kilobytes, and most of thousands of rules never match.
pub struct Template {
    source: String,
    names: BTreeSet<String>,
    keys: Arc<[KeyName]>,
    /// Whether it has the word that decrypts.
    decrypts: bool,
    compiled: OnceLock<Environment<'static>>,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

/// The name of the only template in an environment.
const NAME: &str = "template";

impl Template {
    /// Parses `source`.
    ///
    /// # Errors
    /// [`Error::Syntax`] when it is not Jinja.
    pub fn compile(source: &str) -> Result<Self, Error> {
        let refused = |reason| Error::Syntax { template: shortened(source), line: 1, reason };
        let rewritten = rewrite::template(source).map_err(|error| refused(error.to_string()))?;
        let template = guarded(|| SHARED.template_from_str(source))
            .map_err(|error| Error::from_engine(source, &error))?;
        if rewritten == Rewritten::Lost {
            return Err(refused(rewrite::LOST.to_owned()));
        }
        let mut names: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
        // The engine counts functions of the environment among the undeclared variables; no scope has to supply them.
        for (global, _) in SHARED.globals() {
            names.remove(global);
        }
        let dotted = template.undeclared_variables(true);
        // The engine tells no names in brackets.
        let bracketed = if names.contains("st2kv") { bracketed(source) } else { Vec::new() };
        let keys = keys_among(dotted.iter().chain(&bracketed).map(String::as_str)).into();
        let decrypts = source.contains(DECRYPTION);
        Ok(Self { source: source.to_owned(), names, keys, decrypts, compiled: OnceLock::new() })
    }

    fn compiled(&self) -> Result<&Environment<'static>, minijinja::Error> {
        if let Some(environment) = self.compiled.get() {
            return Ok(environment);
        }
        let mut environment = if self.decrypts { SHARED.clone() } else { WITHOUT_DECRYPTION.clone() };
        let source = rewrite::with_plain_lines(&self.source);
        let text = match rewrite::template(&source) {
            Ok(Rewritten::Same) => source.into_owned(),
            Ok(Rewritten::Other(text)) => text,
            Ok(Rewritten::Lost) | Err(_) => return Err(filters::wrong(rewrite::LOST)),
        };
        guarded(|| environment.add_template_owned(NAME, text))?;
        Ok(self.compiled.get_or_init(|| environment))
    }

    /// The unknown functions, filters and tests that the template uses, with a sentence on each.
    pub fn unknown(&self) -> Vec<String> {
        workflow::unknown_in(&SHARED, &self.source, true)
    }

    /// The source of the template.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names that the template reads from the scope.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The names that the template may read: [`names`](Self::names), and every word of one with statements. The engine
    /// takes `{% set a = a %}` for a declaration of `a`, which reads it all the same where the scope has it.
    pub fn may_read(&self) -> impl Iterator<Item = &str> {
        let with_statements = if self.source.contains("{%") { self.source.as_str() } else { "" };
        let words = with_statements.split(|char: char| !(char.is_alphanumeric() || char == '_'));
        words.filter(|word| !word.is_empty()).chain(self.names())
    }

    /// The keys of the datastore that the template reads by a fixed name.
    pub fn datastore_keys(&self) -> &[KeyName] {
        &self.keys
    }

    /// Whether the template may decrypt a key of the datastore, so that what it gives is secret.
    pub fn may_decrypt(&self) -> bool {
        self.decrypts
    }

    /// Renders the template.
    ///
    /// # Errors
    /// [`Error::Render`] when a name is not defined, a filter unknown or a value of the wrong kind;
    /// [`Error::TooMuch`] and [`Error::OutputTooLarge`] when a limit was hit.
    pub fn render(&self, scope: &Scope) -> Result<String, Error> {
        let _evaluation = Evaluation::begin();
        let render_error = |error: minijinja::Error| {
            settle_failed(&error);
            // A missing key reads as empty text, which may be the true reason of the error.
            let missing = scope.datastore().missing(self.keys.iter());
            Error::from_engine(&self.source, &error).with_missing(missing)
        };
        work::check()
            .map_err(|Exceeded(limit)| Error::TooMuch { template: shortened(&self.source), limit })?;
        missing::forget();
        let mut compiled = Cow::Borrowed(self.compiled().map_err(render_error)?);
        if work::is_roomy() {
            compiled.to_mut().set_fuel(Some(fuel()));
        }
        let template = compiled.get_template(NAME).map_err(render_error)?;
        let mut output = Output::with_capacity(self.source.len());
        let context = context::of(scope, &self.keys, mutable::changes_something(&self.source));
        let rendered = guarded(|| {
            let captured = template.render_captured_to(context, &mut output)?;
            // A charge that was refused may have left the text incomplete.
            work::check()?;
            settle(captured.state().fuel_levels().map_or(0, |(used, _)| used));
            Ok(())
        });
        if output.is_full() {
            return Err(Error::OutputTooLarge { template: shortened(&self.source) });
        }
        rendered.map_err(render_error)?;
        output.into_text().map_err(|reason| Error::Render { template: shortened(&self.source), reason })
    }
}

#[cfg(test)]
mod tests;
