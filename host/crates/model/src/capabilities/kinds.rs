//! The kinds of capabilities, and how many there may be of each.

/// The kinds of capabilities that an operator grants.
pub const GRANTED: [&str; 3] = ["env", "files", "http"];
/// The kinds of capabilities that a pack asks for. Secrets and stores of keys are asked for by name, and no component has
/// them yet.
pub const ASKED: [&str; 5] = ["env", "files", "http", "kv", "secrets"];
/// Largest number of capabilities of one kind that a pack asks for, or that a grant has.
pub const MOST: usize = 64;
