//! Jinja as the expressions of workflows use it: single expressions, which give values, and templates.
//!
//! Names are those of functions (`ctx()`, `result()` ...), which [`functions`] has; they reach the scope
//! through [`root`], what an evaluation sees as its context. The environment itself, filters and tests are
//! those of rules and parameters. How expressions stand in text is `petrel-expressions`.

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

/// Copied for each template; expressions share it.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = SHARED.clone();
    functions::add_to(&mut environment);
    platform::add_functions(&mut environment);
    environment
});

/// The same for a stack with room.
static ROOMY: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = ENVIRONMENT.clone();
    environment.set_fuel(Some(work::within(&ROOM, fuel).value));
    environment
});

const ROOM: Allowance = Allowance { units: 0, is_roomy: true, interrupt: None };

/// Why an expression could not be read or evaluated, in the words of Orquesta's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name of the error in the original.
    pub exception: &'static str,
    /// What happened.
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.exception, self.reason)
    }
}

/// A single expression, without delimiters.
pub struct Expression {
    compiled: minijinja::Expression<'static, 'static>,
    /// What that was made of.
    text: Box<str>,
    /// Whether it calls methods that change what it sees.
    changes: bool,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Expression")
    }
}

impl Expression {
    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(text: &str) -> Result<Self, Failure> {
        let compile = |text: String| guarded(|| ENVIRONMENT.compile_expression_owned(text));
        let rewritten = rewrite::expression(text).map_err(refused)?;
        let plain = compile(text.to_owned()).map_err(|error| retold(&error))?;
        let changes = mutable::changes_something(text);
        let (compiled, text) = match rewritten {
            Rewritten::Same => (plain, text.to_owned()),
            Rewritten::Other(text) => (compile(text.clone()).map_err(|error| retold(&error))?, text),
            Rewritten::Lost => return Err(lost()),
        };
        Ok(Self { compiled, text: text.into(), changes })
    }

    /// Its value, which may be undefined.
    ///
    /// # Errors
    /// Why it has none.
    pub fn evaluate(&self, scope: &WorkflowScope) -> Result<Value, Failure> {
        /// Nothing is repeated in an expression, so its length says how many steps it takes.
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
            retold(&error)
        })?;
        if filters::is_function(&value) { Err(self.uncalled()) } else { Ok(Value(value)) }
    }

    /// That it gives a function.
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

/// A text with blocks.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    /// Whether it calls methods that change what it sees.
    changes: bool,
}

/// The name of the only template in an environment.
const NAME: &str = "template";

impl Template {
    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(text: &str) -> Result<Self, Failure> {
        let text = &*rewrite::with_plain_lines(text);
        let rewritten = rewrite::template(text).map_err(refused)?;
        let mut environment = ENVIRONMENT.clone();
        guarded(|| environment.add_template_owned(NAME, text.to_owned())).map_err(|error| retold(&error))?;
        match rewritten {
            Rewritten::Same => {}
            Rewritten::Other(text) => {
                environment = ENVIRONMENT.clone();
                guarded(|| environment.add_template_owned(NAME, text)).map_err(|error| retold(&error))?;
            }
            Rewritten::Lost => return Err(lost()),
        }
        Ok(Self { environment, changes: mutable::changes_something(text) })
    }

    /// Fills it in.
    ///
    /// # Errors
    /// What in it cannot be evaluated.
    pub fn render(&self, scope: &WorkflowScope) -> Result<String, Failure> {
        let _evaluation = Evaluation::begin();
        work::check().map_err(given_up)?;
        missing::forget();
        let mut environment = Cow::Borrowed(&self.environment);
        if work::is_roomy() {
            environment.to_mut().set_fuel(Some(fuel()));
        }
        let template = environment.get_template(NAME).map_err(|error| retold(&error))?;
        let mut output = Output::with_capacity(64);
        let rendered = guarded(|| {
            let captured = template.render_captured_to(root::of(scope, self.changes), &mut output)?;
            // What went on without a part that was too much is no answer.
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
            retold(&error)
        })?;
        output.into_text().map_err(too_large)
    }
}

/// What a single expression, or a template as a whole, calls and nobody has: a sentence on each.
pub fn unknown(text: &str, is_template: bool) -> Vec<String> {
    unknown_in(&ENVIRONMENT, text, is_template)
}

/// The names that a single expression, or a template as a whole, reads and that are nothing in a workflow, where variables
/// are behind `ctx`. Sorted.
pub fn stray_names(text: &str, is_template: bool) -> Vec<String> {
    names::strays_in(&ENVIRONMENT, text, is_template, &root::NAMES)
}

/// What is wrong with `text` as a template.
pub fn syntax_error(text: &str) -> Option<String> {
    match (rewrite::template(text), guarded(|| ENVIRONMENT.template_from_str(text))) {
        (Err(error), _) => Some(error.to_string()),
        (_, Err(error)) => Some(retold(&error).reason),
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

/// What hit a limit is an error of memory in the original.
fn given_up(limit: Exceeded) -> Failure {
    Failure { exception: "MemoryError", reason: limit.to_string() }
}

fn retold(error: &Error) -> Failure {
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

/// What is not defined, as the original says it of a bare name.
fn undefined(detail: &str) -> String {
    let is_name =
        |text: &str| !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || char == '_');
    let what = missing::name(detail);
    match what.trim_matches('`') {
        name if is_name(name) => format!("'{name}' is undefined"),
        _ => format!("{what} is not defined"),
    }
}
