//! The shared configuration of the template engine: StackStorm's Jinja environment (strict undefined, `trim_blocks`,
//! `lstrip_blocks`, no escaping), Python's text form of values, and the limits.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use crate::{display, filters, operators, work};

/// The fuel of one rendering, in steps of the engine: an instruction is a step, as are 64 bytes that the engine
/// builds or two items that it visits. It also bounds how deep a template can nest lists in a loop, because dropping
/// them takes stack in proportion. The work of our own filters and functions is metered in [`crate::work`].
const FUEL: u64 = 100_000;

/// The fuel on a stack with room: enough for 32 MiB built by the engine.
const ROOMY_FUEL: u64 = 500_000;

/// The units of work of a step.
const UNITS: u64 = 64;

/// The fuel of a rendering on the present stack.
pub(crate) fn fuel() -> u64 {
    if work::is_roomy() { ROOMY_FUEL } else { FUEL }
}

/// Charges the steps that the engine reports. The rendering is over and cannot fail any more, so a limit shows at the
/// next charge.
pub(crate) fn settle(steps: u64) {
    let _charged = work::charge(steps.saturating_mul(UNITS));
}

/// As [`settle`], for a rendering that failed: the engine does not report its steps then.
pub(crate) fn settle_failed(error: &Error) {
    /// Enough for failing early, and too much for failing without end.
    const SOME: u64 = 2_000;
    settle(if error.kind() == ErrorKind::OutOfFuel { fuel() } else { SOME });
}

/// The greatest length of a rendered text, in bytes.
pub const OUTPUT_LIMIT: usize = 8 * 1024 * 1024;

/// The environment that each template copies. Copies share filters, tests and globals.
pub(crate) static SHARED: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_name| AutoEscape::None);
    environment.set_unknown_method_callback(crate::methods::call);
    environment.set_formatter(|out, _state, value| {
        if filters::is_function(value) {
            return Err(filters::wrong(filters::UNCALLED));
        }
        // The other reason for an error, a full output, is reported before this one.
        display::write(out, value).map_err(|_too_deep| {
            Error::new(ErrorKind::WriteFailure, "a list in it nests too deep to be written; flatten it")
        })
    });
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    // Jinja2 has no such function by itself, and this one would print everything in scope.
    environment.remove_global("debug");
    // The defaults except for blocks. Building cannot fail, since no delimiter changes.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    filters::add_to(&mut environment);
    operators::add_to(&mut environment);
    environment
});

/// As [`SHARED`], for a template without the word that decrypts. It must not decrypt by a computed name either, as
/// `map('decrypt' ~ '_kv')` would: what a template gives counts as secret by that word.
pub(crate) static WITHOUT_DECRYPTION: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = SHARED.clone();
    filters::platform::refuse_computed_decryption(&mut environment);
    environment
});
