//! The one configuration of the template engine: StackStorm's Jinja environment (strict undefined,
//! `trim_blocks`, `lstrip_blocks`, no escaping), Python's way to write values, and the limits.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use crate::{filters, operators, python};

/// How many steps (instructions of the engine) one rendering may take. It also bounds how deep a template
/// can nest lists in a loop: letting go of them takes stack in proportion.
pub(crate) const FUEL: u64 = 100_000;

/// How many bytes one rendering may give.
pub(crate) const OUTPUT_LIMIT: usize = 8 * 1024 * 1024;

/// Copied for each template; a copy shares filters, tests and globals.
pub(crate) static SHARED: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_name| AutoEscape::None);
    environment.set_unknown_method_callback(crate::methods::call);
    environment.set_formatter(|out, _state, value| {
        // The other reason, a full output, is told before this one.
        python::display::write(out, value).map_err(|_too_deep| {
            Error::new(ErrorKind::WriteFailure, "a list in it nests too deep to be written; flatten it")
        })
    });
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    environment.remove_global("debug");
    // The defaults but for the blocks; building cannot fail since no delimiter is changed.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    filters::add_to(&mut environment);
    operators::add_to(&mut environment);
    environment
});
