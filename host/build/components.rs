//! Builds WebAssembly components from within a build script: an inner `cargo build` for wasm32-wasip2.
//!
//! Included by the build scripts of the host (packs that ship inside the binary) and of
//! `tests/components`, so that both build in the same way and into the same directory. This file knows
//! nothing of packs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "target.rs"]
mod target;

use target::TARGET;

const PROFILE: &str = "component";

/// What all components are built from, beside their own sources.
const SHARED_SOURCES: [&str; 4] = ["wit", "pack-sdk/rust", "Cargo.toml", "rust-toolchain.toml"];

/// Builds `packages` of the workspace at `root`; gives the file of each, in the same order. `sources` are
/// their directories: the build script runs again when something in them changes.
pub(crate) fn build(root: &Path, packages: &[&str], sources: &[&Path]) -> Result<Vec<PathBuf>, String> {
    for source in SHARED_SOURCES
        .iter()
        .map(|source| root.join(source))
        .chain(sources.iter().map(|path| root.join(path)))
    {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    target::ensure()?;
    let directory = target_directory()?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .arg("build")
        .args(["--target", TARGET, "--profile", PROFILE, "--lib"])
        .arg("--manifest-path")
        .arg(root.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&directory)
        .current_dir(root);
    for package in packages {
        cargo.args(["--package", package]);
    }
    scrub(&mut cargo);
    let output = cargo.output().map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !output.status.success() {
        let messages = String::from_utf8_lossy(&output.stderr);
        return Err(format!("building {} for {TARGET} failed:\n{messages}", packages.join(", ")));
    }
    packages.iter().map(|package| built(&directory, package)).collect()
}

fn built(directory: &Path, package: &str) -> Result<PathBuf, String> {
    let file = directory.join(TARGET).join(PROFILE).join(format!("{}.wasm", package.replace('-', "_")));
    match fs::exists(&file) {
        Ok(true) => Ok(file),
        _ => Err(format!(
            "{package} was built, but {} is not there; is its crate-type cdylib?",
            file.display()
        )),
    }
}

/// The inner build has a target directory of its own, beside the outer one's profiles: the outer cargo holds
/// a lock on its own, and build scripts share this one.
fn target_directory() -> Result<PathBuf, String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; this is for build scripts")?);
    // TARGET_DIR/PROFILE/build/PACKAGE-HASH/out
    let outer =
        out.ancestors().nth(4).ok_or_else(|| format!("{} is not where cargo puts OUT_DIR", out.display()))?;
    Ok(outer.join("components"))
}

/// What cargo and its wrappers set for the outer build must not leak into the inner one: flags for another
/// target would fail, and every difference between two outer builds would rebuild all components.
fn scrub(cargo: &mut Command) {
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let leaks = matches!(
            text,
            "RUSTFLAGS"
                | "RUSTDOCFLAGS"
                | "RUSTC_WRAPPER"
                | "RUSTC_WORKSPACE_WRAPPER"
                | "CLIPPY_ARGS"
                | "TARGET"
                | "HOST"
                | "OPT_LEVEL"
                | "DEBUG"
                | "PROFILE"
                | "NUM_JOBS"
        ) || ["CARGO_ENCODED_", "CARGO_TARGET_", "CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_CFG_"]
            .iter()
            .chain(&["CARGO_FEATURE_", "CARGO_MANIFEST_", "CARGO_PKG_", "DEP_"])
            .any(|prefix| text.starts_with(prefix));
        if leaks {
            cargo.env_remove(&name);
        }
    }
}
