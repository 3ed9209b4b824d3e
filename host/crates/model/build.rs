//! Checks that components can be built, before anything else of ours is: all other crates depend on this one. This
//! crate itself does not use the result.

use std::process::ExitCode;

#[path = "../../build/target.rs"]
mod target;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../build/target.rs");
    println!("cargo::rerun-if-changed=../../build/outcome.rs");
    // cargo-fuzz builds parsers with a compiler that may lack this target, and nothing there needs a component.
    if std::env::var_os("CARGO_CFG_FUZZING").is_some() {
        return ExitCode::SUCCESS;
    }
    match target::ensure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            for line in message.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}
