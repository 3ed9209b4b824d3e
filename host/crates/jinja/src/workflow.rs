//! Jinja in workflows: single expressions, which have values, and templates.
//!
//! Names are functions (`ctx()`, `result()` and so on) in [`functions`], which reach the scope through the context of
//! the evaluation, [`root`]. Environment, filters and tests are those of rules and parameters. `petrel-expressions`
//! finds expressions in text.

mod functions;
mod names;
mod root;
mod value;

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use minijinja::{Environment, Error, ErrorKind};
pub(crate) use names::unknown_in;
use petrel_model::quoted::told;
use petrel_scope::WorkflowScope;
pub(crate) use root::scope;
pub use value::Value;

use crate::environment::{OUTPUT_LIMIT, SHARED, fuel, settle, settle_failed};
use crate::filters::{self, platform};
use crate::guard::guarded;
use crate::output::Output;
use crate::rewrite::Rewritten;
use crate::work::{self, Allowance, Evaluation, Exceeded, Limit};
use crate::{missing, mutable, rewrite};

/// The environment that each template copies and expressions share.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = SHARED.clone();
    functions::add_to(&mut environment);
    platform::add_functions(&mut environment);
    environment
});

/// [`ENVIRONMENT`] for a stack with room, with the fuel that goes with it.
static ROOMY: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = ENVIRONMENT.clone();
    environment.set_fuel(Some(work::within(&ROOM, fuel).value));
    environment
});

const ROOM: Allowance = Allowance { units: 0, is_roomy: true, interrupt: None };

/// The reason why an expression could not be compiled or evaluated, in the words of Orquesta's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name of the original's exception.
    pub exception: &'static str,
    /// The reason.
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.exception, self.reason)
    }
}

/// A single compiled expression, without delimiters.
pub struct Expression {
    compiled: minijinja::Expression<'static, 'static>,
    /// The source of the expression.
    text: Box<str>,
    /// Whether the expression calls methods that change values.
    changes: bool,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Expression")
    }
}

impl Expression {
    /// Compiles `text`.
    ///
    /// # Errors
    /// The syntax error.
    pub fn compile(text: &str) -> Result<Self, Failure> {
        let compile = |text: String| guarded(|| ENVIRONMENT.compile_expression_owned(text));
        let rewritten = rewrite::expression(text).map_err(refused)?;
        // The text as written is compiled first, so that a syntax error quotes what the author wrote.
        let plain = compile(text.to_owned()).map_err(|error| failure_of(&error))?;
        let changes = mutable::changes_something(text);
        let (compiled, text) = match rewritten {
            Rewritten::Same => (plain, text.to_owned()),
            Rewritten::Other(text) => (compile(text.clone()).map_err(|error| failure_of(&error))?, text),
            Rewritten::Lost => return Err(lost()),
        };
        Ok(Self { compiled, text: text.into(), changes })
    }

    /// The value of the expression, which may be undefined.
    ///
    /// # Errors
    /// The reason why the expression has no value.
    pub fn evaluate(&self, scope: &WorkflowScope) -> Result<Value, Failure> {
        /// An expression has no loops, so its length bounds its steps.
        const STEPS_A_BYTE: u64 = 1;
        let _evaluation = Evaluation::begin();
        work::check().map_err(given_up)?;
        missing::forget();
        settle(self.text.len() as u64 * STEPS_A_BYTE);
        let root = root::of(scope, self.changes);
        let value = guarded(|| {
            if work::is_roomy() {
                ROOMY.compile_expression(&self.text).and_then(|compiled| compiled.eval(root))
            } else {
                self.compiled.eval(root)
            }
        });
        let value = value.and_then(|value| work::check().map(|()| value).map_err(Error::from));
        let value = value.map_err(|error| {
            settle_failed(&error);
            failure_of(&error)
        })?;
        if filters::is_function(&value) { Err(self.uncalled()) } else { Ok(Value(value)) }
    }

    /// The error for an expression whose value is a function.
    fn uncalled(&self) -> Failure {
        let name = self.text.trim();
        let reason = if functions::is_function(name) {
            format!("`{name}` is a function; call it: {name}()")
        } else {
            filters::UNCALLED.to_owned()
        };
        Failure { exception: "TypeError", reason }
    }
}

/// A compiled text with blocks.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    /// Whether the text calls methods that change values.
    changes: bool,
}

/// The name of the only template in an environment.
const NAME: &str = "template";

impl Template {
    /// Compiles `text`.
    ///
    /// # Errors
    /// The syntax error.
    pub fn compile(text: &str) -> Result<Self, Failure> {
        let text = &*rewrite::with_plain_lines(text);
        let rewritten = rewrite::template(text).map_err(refused)?;
        let mut environment = ENVIRONMENT.clone();
        // Compiled before the rewritten text, so that a syntax error quotes what the author wrote.
        guarded(|| environment.add_template_owned(NAME, text.to_owned()))
            .map_err(|error| failure_of(&error))?;
        match rewritten {
            Rewritten::Same => {}
            Rewritten::Other(text) => {
                environment = ENVIRONMENT.clone();
                guarded(|| environment.add_template_owned(NAME, text)).map_err(|error| failure_of(&error))?;
            }
            Rewritten::Lost => return Err(lost()),
        }
        Ok(Self { environment, changes: mutable::changes_something(text) })
    }

    /// Renders the template.
    ///
    /// # Errors
    /// The first part that cannot be evaluated.
    pub fn render(&self, scope: &WorkflowScope) -> Result<String, Failure> {
        let _evaluation = Evaluation::begin();
        work::check().map_err(given_up)?;
        missing::forget();
        let mut environment = Cow::Borrowed(&self.environment);
        if work::is_roomy() {
            environment.to_mut().set_fuel(Some(fuel()));
        }
        let template = environment.get_template(NAME).map_err(|error| failure_of(&error))?;
        let mut output = Output::with_capacity(64);
        let rendered = guarded(|| {
            let captured = template.render_captured_to(root::of(scope, self.changes), &mut output)?;
            // A charge that was refused may have left the text incomplete.
            work::check()?;
            settle(captured.state().fuel_levels().map_or(0, |(used, _)| used));
            Ok(())
        });
        let too_large = |reason| Failure { exception: "MemoryError", reason };
        if output.is_full() {
            let limit = OUTPUT_LIMIT;
            return Err(too_large(format!(
                "it gave more than {limit} bytes; pass less, or do this in an action"
            )));
        }
        rendered.map_err(|error| {
            settle_failed(&error);
            failure_of(&error)
        })?;
        output.into_text().map_err(too_large)
    }
}

/// The unknown names that an expression, or a whole template, calls, with a sentence on each.
pub fn unknown(text: &str, is_template: bool) -> Vec<String> {
    unknown_in(&ENVIRONMENT, text, is_template)
}

/// The names that a single expression, or a whole template, reads and that a workflow does not have, since its variables
/// are read by `ctx`. Sorted.
pub fn stray_names(text: &str, is_template: bool) -> Vec<String> {
    names::strays_in(&ENVIRONMENT, text, is_template, &root::NAMES)
}

/// The syntax error of `text` as a template, if it has one.
pub fn syntax_error(text: &str) -> Option<String> {
    match (rewrite::template(text), guarded(|| ENVIRONMENT.template_from_str(text))) {
        (Err(error), _) => Some(error.to_string()),
        (_, Err(error)) => Some(failure_of(&error).reason),
        (Ok(Rewritten::Lost), _) => Some(lost().reason),
        _ => None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn refused(error: rewrite::Refused) -> Failure {
    Failure { exception: "TemplateSyntaxError", reason: error.to_string() }
}

fn lost() -> Failure {
    Failure { exception: "TemplateSyntaxError", reason: rewrite::LOST.to_owned() }
}

/// The failure for an exceeded limit, which is a `MemoryError` in the original.
fn given_up(limit: Exceeded) -> Failure {
    Failure { exception: "MemoryError", reason: limit.to_string() }
}

fn failure_of(error: &Error) -> Failure {
    if let Err(limit) = work::check() {
        return given_up(limit);
    }
    let detail = error.detail().unwrap_or_default();
    let exception = match error.kind() {
        ErrorKind::SyntaxError => "TemplateSyntaxError",
        ErrorKind::UndefinedError => "UndefinedError",
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest => "TemplateAssertionError",
        ErrorKind::OutOfFuel => "MemoryError",
        _ => functions::exception(error).unwrap_or("TypeError"),
    };
    let reason = match error.kind() {
        ErrorKind::UndefinedError => undefined(detail),
        ErrorKind::OutOfFuel => Limit::Steps(fuel()).to_string(),
        kind if detail.is_empty() => kind.to_string(),
        _ => detail.to_owned(),
    };
    Failure { exception, reason: told(&reason).into_owned() }
}

/// The reason for an undefined value, which the original words so for a plain name.
fn undefined(detail: &str) -> String {
    let is_name =
        |text: &str| !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || char == '_');
    let what = missing::name(detail);
    match what.trim_matches('`') {
        name if is_name(name) => format!("'{name}' is undefined"),
        _ => format!("{what} is not defined"),
    }
}
