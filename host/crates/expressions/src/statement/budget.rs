//! The budget of one evaluation of a statement, however its texts refer to each other.
//!
//! Each language limits a single expression. This budget limits what a value from an expression can start: it may be
//! evaluated again, and may contain itself.

use std::cell::Cell;

/// The number of texts from expressions that are evaluated again.
pub const REEVALUATIONS: u32 = 1_000;

/// The depth of texts from expressions within each other.
pub const DEPTH: u32 = 24;

/// The bytes of text that are built in all.
pub const BYTES: usize = 64 * 1024 * 1024;

/// The bytes of a single text.
pub const TEXT_BYTES: usize = petrel_jinja::OUTPUT_LIMIT;

/// The rest of the budget.
#[derive(Debug)]
pub(super) struct Budget {
    reevaluations: Cell<u32>,
    bytes: Cell<usize>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { reevaluations: Cell::new(REEVALUATIONS), bytes: Cell::new(BYTES) }
    }

    /// Charges for building a text, or returns the limit that it exceeds.
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

    /// Charges for evaluating a text again.
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
