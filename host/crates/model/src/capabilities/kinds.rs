//! The kinds of capabilities, and how many there may be of each.

/// The kinds of capabilities that an operator grants.
pub const GRANTED: [&str; 9] =
    ["call", "datastore_read", "datastore_write", "env", "files", "http", "kv", "reveal", "secrets"];
/// The kinds of capabilities that a pack asks for, as they stand in its `pack.yaml`. Below `kv` are stores and keys of the
/// datastore, below `secrets` those that are sent and those that are revealed.
pub const ASKED: [&str; 6] = ["call", "env", "files", "http", "kv", "secrets"];
/// Largest number of capabilities of one kind that a pack asks for, or that a grant has.
pub const MOST: usize = 64;
