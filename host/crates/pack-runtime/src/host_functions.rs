//! What components can call, a file a capability. `linker` links them; `wit/README.md` says how to add one.

pub(crate) mod log;
