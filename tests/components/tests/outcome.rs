//! The words of the host's build script: no build script has tests of its own, so those beside them run here.

#[path = "../../../host/build/outcome.rs"]
mod outcome;
