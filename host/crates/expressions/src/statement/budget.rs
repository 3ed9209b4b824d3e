//! What one evaluation of a statement may take, however its texts refer to each other.
//!
//! A single expression has limits of its own, in the languages. These are about what a value that holds
//! expressions can start: it is evaluated again, and may hold itself.

use std::cell::Cell;

/// How many texts that came out of expressions are evaluated again.
pub const REEVALUATIONS: u32 = 1_000;

/// How deep texts may hold each other.
pub const DEPTH: u32 = 24;

/// How many bytes of text are put together in all.
pub const BYTES: usize = 64 * 1024 * 1024;

/// How many bytes one text may have.
pub const TEXT_BYTES: usize = petrel_jinja::OUTPUT_LIMIT;

/// What is left.
#[derive(Debug)]
pub(super) struct Budget {
    reevaluations: Cell<u32>,
    bytes: Cell<usize>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { reevaluations: Cell::new(REEVALUATIONS), bytes: Cell::new(BYTES) }
    }

    /// Takes what building a text of so many bytes costs, or says which limit that exceeds.
    pub(super) fn text(&self, bytes: usize) -> Result<(), String> {
        if bytes > TEXT_BYTES {
            return Err(format!(
                "The text is longer than {TEXT_BYTES} bytes; pass less, or do this in an action"
            ));
        }
        let left = self.bytes.get().checked_sub(bytes);
        self.bytes.set(left.unwrap_or(0));
        match left {
            Some(_) => Ok(()),
            None => Err(format!(
                "All texts together are longer than {BYTES} bytes; pass less, or do this in an action"
            )),
        }
    }

    /// Takes what evaluating a text again costs.
    pub(super) fn again(&self, depth: u32) -> Result<(), String> {
        if depth >= DEPTH {
            return Err(format!("Values hold expressions more than {DEPTH} levels deep; end the recursion"));
        }
        let left = self.reevaluations.get().checked_sub(1);
        self.reevaluations.set(left.unwrap_or(0));
        match left {
            Some(_) => Ok(()),
            None => Err(format!("More than {REEVALUATIONS} values hold expressions; use fewer")),
        }
    }
}
