//! The program of the host: which binary is used, and that it is up to date. [`Start`](crate::Start) starts it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};

/// The binary of the host: `PETREL_BINARY`, or the one beside this program. Called from a test, it is built first in
/// the profile of the test, because `cargo test` does not build it for tests of another package, and an old one may
/// be left.
///
/// # Errors
/// When it does not exist, or cannot be built.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("PETREL_BINARY") {
        return Ok(path.into());
    }
    let here = std::env::current_exe()?;
    let directory = here.parent().context("this program is nowhere")?;
    if directory.file_name().is_some_and(|name| name == "deps") {
        return build(directory.parent().context("there is no target directory")?);
    }
    let binary = directory.join("petrel");
    ensure!(binary.exists(), "{} is not there; build it first: cargo build --release", binary.display());
    Ok(binary)
}

/// Whether the binary is newer than all of its sources, according to cargo. Under `cargo test --workspace` it is;
/// another build would resolve features differently and compile everything a second time.
fn is_fresh(binary: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let (Ok(built), Ok(list)) = (modified(binary), fs::read_to_string(binary.with_extension("d"))) else {
        return false;
    };
    let Some((_, sources)) = list.split_once(": ") else { return false };
    sources.split_whitespace().all(|source| modified(Path::new(source)).is_ok_and(|source| source <= built))
}

/// Builds the binary into the target directory of `profile` (`TARGET/debug`), once in each process.
fn build(profile: &Path) -> anyhow::Result<PathBuf> {
    static BUILT: Mutex<bool> = Mutex::new(false);
    let mut is_built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let binary = profile.join("petrel");
    if *is_built || is_fresh(&binary) {
        return Ok(binary);
    }
    let name = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    cargo
        .args(["build", "--quiet", "--package", "petrel", "--profile", name, "--manifest-path"])
        .arg(Path::new(&package).join("../../Cargo.toml"))
        .arg("--target-dir")
        .arg(profile.parent().context("there is no target directory")?);
    // Cargo's variables about this package would make the build scripts of others run again.
    for (name, _) in std::env::vars_os() {
        let is_ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_ours) {
            cargo.env_remove(name);
        }
    }
    ensure!(cargo.status()?.success(), "petrel could not be built");
    *is_built = true;
    Ok(binary)
}
