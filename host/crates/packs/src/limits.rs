//! How much of a pack is read, so that no pack takes long or fills the memory, and how much is said about one.

/// Bytes of a file with metadata: `pack.yaml`, of an action, a rule, a trigger type, `config.schema.yaml`, and of a
/// configuration.
pub const LARGEST_METADATA: u64 = 1 << 20;

/// Bytes of a workflow or an action chain.
pub const LARGEST_WORKFLOW: u64 = 1 << 20;

/// Bytes of what an action runs: a script, a program, a component.
pub const LARGEST_ENTRY_POINT: u64 = 64 << 20;

/// Bytes of all metadata of a pack together.
pub const LARGEST_PACK: u64 = 64 << 20;

/// Files directly in a folder of a pack.
pub const MOST_FILES: usize = 20_000;

/// Problems that are told of one file.
pub const MOST_PROBLEMS: usize = 100;

/// Problems that are told of one pack.
pub const MOST_PROBLEMS_OF_PACK: usize = 1000;

/// Words that are listed where one of them was meant.
pub(crate) const MOST_WORDS: usize = 50;

/// Characters of a name that are shown in a message.
pub(crate) const LONGEST_NAME: usize = 100;
