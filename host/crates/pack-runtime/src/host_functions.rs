//! Host functions that components can call, one file for each capability. `linker` links them; `wit/README.md`
//! describes how to add one.

mod call;
mod config;
mod emit;
mod errors;
mod kv;
mod log;
mod secrets;
