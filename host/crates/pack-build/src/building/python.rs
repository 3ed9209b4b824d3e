//! Python, by componentize-py.

use std::path::PathBuf;

use crate::error::Error;
use crate::language::Language;
use crate::sources::Sources;
use crate::tool::{Tool, command, run};

const COMPONENTIZE: Tool = Tool {
    name: "componentize-py",
    programs: &["componentize-py"],
    command: "pip install componentize-py==0.25.1",
};

/// The world of components with actions that make requests. Its imports cost nothing to speak of beside an interpreter.
const WORLD: &str = "requesting-action-world";

pub(super) fn build(sources: &Sources) -> Result<PathBuf, Error> {
    let component = sources.target("component.wasm")?;
    let tool = COMPONENTIZE.find(Language::Python, &sources.beside(".venv/bin"))?;
    let mut componentize = command(tool, &sources.directory);
    componentize
        .arg("-d")
        .arg(&sources.library.wit)
        .args(["-w", WORLD, "componentize", "-p"])
        .arg(&sources.directory)
        .arg("-p")
        .arg(&sources.library.sdk)
        .args(["petrel_component", "-o"])
        .arg(&component);
    run(&mut componentize)?;
    Ok(component)
}
