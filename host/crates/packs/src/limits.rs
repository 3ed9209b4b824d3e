//! Limits of what is read of a pack, so that no pack takes long or fills the memory, and of what is reported about one.

/// Largest metadata file, in bytes: `pack.yaml`, an action, a rule, a trigger type, `config.schema.yaml`, a
/// configuration.
pub const LARGEST_METADATA: u64 = 1 << 20;

/// Largest workflow or action chain, in bytes.
pub const LARGEST_WORKFLOW: u64 = 1 << 20;

/// Largest entry point of an action, in bytes: a script, a program, a component.
pub const LARGEST_ENTRY_POINT: u64 = 64 << 20;

/// Largest size of all metadata of a pack, in bytes.
pub const LARGEST_PACK: u64 = 64 << 20;

/// Largest number of files directly in a directory of a pack.
pub const MOST_FILES: usize = 20_000;

/// Largest number of problems reported for one file.
pub const MOST_PROBLEMS: usize = 100;

/// Largest number of problems reported for one pack.
pub const MOST_PROBLEMS_OF_PACK: usize = 1000;

/// Largest number of known words listed for an unknown one.
pub(crate) const MOST_WORDS: usize = 50;

/// Largest number of characters of a name in a message.
pub(crate) const LONGEST_NAME: usize = 100;
