//! The one configuration of the template engine: StackStorm's Jinja environment (strict undefined,
//! `trim_blocks`, `lstrip_blocks`, no escaping), Python's way to write values, and the limits.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use crate::{display, filters, operators, work};

/// How many steps of the engine one rendering may take: an instruction is one, and so are 64 bytes that the engine
/// makes or two items that it goes through. It also bounds how deep a template can nest lists in a loop: letting
/// go of them takes stack in proportion. What our own filters and functions do is counted in [`crate::work`].
const FUEL: u64 = 100_000;

/// The same where the stack has room: 32 MiB of what the engine itself makes.
const ROOMY_FUEL: u64 = 500_000;

/// How many units of work one step is.
const UNITS: u64 = 64;

/// How many steps a rendering may take on this stack.
pub(crate) fn fuel() -> u64 {
    if work::is_roomy() { ROOMY_FUEL } else { FUEL }
}

/// Charges the work that the engine says it has done. What is over cannot fail any more; the next charge does.
pub(crate) fn settle(steps: u64) {
    let _charged = work::charge(steps.saturating_mul(UNITS));
}

/// As [`settle`], of a rendering that failed: the engine does not say then how far it came.
pub(crate) fn settle_failed(error: &Error) {
    /// Enough for what fails at once, and too much for failing without end.
    const SOME: u64 = 2_000;
    settle(if error.kind() == ErrorKind::OutOfFuel { fuel() } else { SOME });
}

/// How many bytes one rendering may give.
pub const OUTPUT_LIMIT: usize = 8 * 1024 * 1024;

/// Copied for each template; a copy shares filters, tests and globals.
pub(crate) static SHARED: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_name| AutoEscape::None);
    environment.set_unknown_method_callback(crate::methods::call);
    environment.set_formatter(|out, _state, value| {
        if filters::is_function(value) {
            return Err(filters::wrong(filters::UNCALLED));
        }
        // The other reason, a full output, is told before this one.
        display::write(out, value).map_err(|_too_deep| {
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
