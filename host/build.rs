//! Builds the components of the packs that ship with the binary, and writes the table of all their files
//! that `src/bundled.rs` includes.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[path = "build/components.rs"]
mod components;

/// A pack that is embedded.
struct Pack {
    name: &'static str,
    /// From the root of the repository.
    directory: &'static str,
    /// The package in its directory `component`; it becomes `wasm/NAME.wasm` in the pack.
    package: &'static str,
}

const PACKS: [Pack; 9] = [
    Pack { name: "core", directory: "packs/core", package: "petrel-pack-core" },
    Pack { name: "elasticsearch", directory: "packs/elasticsearch", package: "petrel-pack-elasticsearch" },
    Pack { name: "feed", directory: "examples/feed", package: "petrel-example-feed" },
    Pack { name: "github", directory: "packs/github", package: "petrel-pack-github" },
    Pack { name: "http", directory: "packs/http", package: "petrel-pack-http" },
    Pack { name: "json", directory: "packs/json", package: "petrel-pack-json" },
    Pack { name: "kubernetes", directory: "packs/kubernetes", package: "petrel-pack-kubernetes" },
    Pack { name: "prometheus", directory: "packs/prometheus", package: "petrel-pack-prometheus" },
    Pack { name: "slack", directory: "packs/slack", package: "petrel-pack-slack" },
];

/// What is on disk beside a pack's files: the component's sources, and what somebody built from them.
const NOT_IN_THE_PACK: [&str; 2] = ["component", "wasm"];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/components.rs");
    println!("cargo::rerun-if-changed=build/target.rs");
    println!("cargo::rerun-if-changed=build/outcome.rs");
    match write_table() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            for line in message.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn write_table() -> Result<(), String> {
    // Asked for when it runs: a build directory may be used by more than one checkout.
    let root = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let packages = PACKS.map(|pack| pack.package);
    let directories = PACKS.map(|pack| Path::new(pack.directory));
    let built = components::build(&root, &packages, &directories)?;
    let mut table = "&[\n".to_owned();
    for (pack, component) in PACKS.iter().zip(built) {
        let mut files = vec![(format!("wasm/{}.wasm", pack.name), component)];
        collect(&root.join(pack.directory), "", &mut files)?;
        files.sort();
        add(&mut table, pack, &files)?;
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("bundled_packs.rs");
    fs::write(&out, table).map_err(|error| format!("{}: {error}", out.display()))
}

/// Adds the files below `directory`, by their path within the pack.
fn collect(directory: &Path, within: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = format!("{within}{}", entry.file_name().to_string_lossy());
        if name.starts_with('.') || NOT_IN_THE_PACK.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}

fn add(table: &mut String, pack: &Pack, files: &[(String, PathBuf)]) -> Result<(), String> {
    let mut digest = Digest::default();
    let mut entries = String::new();
    for (name, path) in files {
        let path = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
        let content = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        digest.add(name.as_bytes());
        digest.add(&content);
        // `{path:?}` is a string literal of Rust.
        writeln!(entries, "        ({name:?}, include_bytes!({:?})),", path.display().to_string())
            .map_err(|error| error.to_string())?;
    }
    writeln!(
        table,
        "    BundledPack {{ name: {:?}, digest: \"{:032x}\", files: &[\n{entries}    ] }},",
        pack.name, digest.0
    )
    .map_err(|error| error.to_string())
}

/// FNV-1a, 128 bits. It tells one version of a pack from another; nothing is trusted because of it.
struct Digest(u128);

impl Default for Digest {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Digest {
    fn add(&mut self, bytes: &[u8]) {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        // The length keeps what follows from counting as part of it.
        let length = (bytes.len() as u64).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }
}
