//! Host functions that components can call, one file for each capability. `linker` links them; `wit/README.md`
//! describes how to add one.

mod config;
mod emit;
mod log;
