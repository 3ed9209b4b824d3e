//! Rust, by cargo, whose target for components makes them by itself.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Error;
use crate::language::Language;
use crate::sources::Sources;
use crate::tool::{Tool, command, output};

const TARGET: &str = "wasm32-wasip2";
const CARGO: Tool = Tool { name: "cargo", programs: &["cargo"], command: "see https://rustup.rs" };
const RUSTC: Tool = Tool { name: "rustc", programs: &["rustc"], command: "see https://rustup.rs" };

pub(super) fn build(sources: &Sources) -> Result<PathBuf, Error> {
    let cargo = CARGO.find(Language::Rust, &[])?;
    let mut rustc = command(RUSTC.find(Language::Rust, &[])?, &sources.directory);
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let directory = output(&mut rustc)?;
    if !Path::new(String::from_utf8_lossy(&directory).trim()).is_dir() {
        let command = format!("rustup target add {TARGET}");
        return Err(Error::NoTool {
            tool: "Rust's target for components",
            language: Language::Rust,
            command,
        });
    }
    let manifest = sources.directory.join("Cargo.toml");
    let mut build = command(cargo, &sources.directory);
    build
        .args(["build", "--release", "--lib", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics", "--manifest-path"])
        .arg(&manifest);
    let told = output(&mut build)?;
    built(&String::from_utf8_lossy(&told), &manifest).ok_or_else(|| Error::Failed {
        tool: "cargo".to_owned(),
        how: "as it has built no .wasm file: the crate-type in Cargo.toml must be [\"cdylib\"]".to_owned(),
    })
}

/// The component among what cargo says that it has built, a line for each: `manifest` is that of its package.
fn built(told: &str, manifest: &Path) -> Option<PathBuf> {
    let artifacts = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_package = artifacts.filter(|artifact| {
        let path = artifact.get("manifest_path").and_then(Value::as_str);
        path.is_some_and(|path| Path::new(path) == manifest)
    });
    let mut files = of_package.filter_map(|artifact| {
        let files = artifact.get("filenames")?.as_array()?.iter();
        let mut files = files.filter_map(Value::as_str).map(PathBuf::from);
        files.find(|file| file.extension().is_some_and(|end| end == "wasm"))
    });
    files.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_found_among_what_cargo_has_built() {
        let told = r#"
{"reason":"compiler-artifact","manifest_path":"/p/sdk/Cargo.toml","filenames":["/t/libsdk.rlib"]}
{"reason":"compiler-artifact","manifest_path":"/p/other/Cargo.toml","filenames":["/t/other.wasm"]}
{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","filenames":["/t/mine.d","/t/mine.wasm"]}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(built(told, Path::new("/p/Cargo.toml")), Some(PathBuf::from("/t/mine.wasm")));
        assert_eq!(built(told, Path::new("/p/sdk/Cargo.toml")), None);
    }
}
