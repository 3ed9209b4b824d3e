//! The target that components are built for: where the compiler lacks it, rustup is asked to add it.
//!
//! Included by `components.rs` beside it, which needs the target, and by the build script of `petrel-model`, which does not:
//! everything of ours waits for that crate, so who cannot get the target hears of it before the long part of a build.
//! The words are in `outcome.rs` beside it.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::Command;

#[path = "outcome.rs"]
mod outcome;

use outcome::{Ended, Ran};

/// The target of components.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Sees to it that the compiler can build for [`TARGET`], and says so in a line of the build if it could not before.
///
/// # Errors
/// Why it cannot, and what to do, in words.
pub(crate) fn ensure() -> Result<(), String> {
    let libraries = libraries()?;
    // Looked at again when they are gone.
    println!("cargo::rerun-if-changed={}", libraries.display());
    if libraries.is_dir() {
        return Ok(());
    }
    let lock = lock().map_err(|error| format!("locking the build directory: {error}"))?;
    // Another build script may have seen to it while this one waited.
    if !libraries.is_dir() {
        outcome::addition(TARGET, run(Command::new("rustup").args(["target", "add", TARGET])))?;
        println!("cargo::warning=rustup has added the target {TARGET}, which components are built for");
    }
    drop(lock);
    Ok(())
}

/// Where the compiler has its libraries for the target, if it has any.
fn libraries() -> Result<PathBuf, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    outcome::libraries(
        TARGET,
        run(Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET])),
    )
}

fn run(command: &mut Command) -> Ran {
    let output = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let is_success = output.status.success();
    Ok(Ended { is_success, stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

/// One build script at a time: rustup does not expect others of its kind.
fn lock() -> io::Result<File> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    // TARGET_DIR/PROFILE/build/PACKAGE-HASH/out
    let directory = out.ancestors().nth(4).unwrap_or(&out);
    fs::create_dir_all(directory)?;
    let file = File::create(directory.join("target-for-components.lock"))?;
    file.lock()?;
    Ok(file)
}
