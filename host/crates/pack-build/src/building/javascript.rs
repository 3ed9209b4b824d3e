//! JavaScript and TypeScript, by esbuild and componentize-qjs, which npm installs beside the sources. The script that calls
//! them is `pack-sdk/js/build.mjs`.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::language::Language;
use crate::sources::Sources;
use crate::tool::{Tool, command, run};

const NODE: Tool = Tool {
    name: "node",
    programs: &["node"],
    command: "apt-get install nodejs npm (or Node.js from 18 on, from https://nodejs.org)",
};
/// The world of actions that make no requests. The script takes another one for those that do.
const WORLD: &str = "described-action-world";
/// The modules that the script needs.
const MODULES: [&str; 2] = ["componentize-qjs", "esbuild"];
/// The files that may hold the actions.
const ACTIONS: [&str; 3] = ["actions.ts", "actions.js", "actions.mjs"];

pub(super) fn build(sources: &Sources) -> Result<PathBuf, Error> {
    let node = NODE.find(Language::JavaScript, &[])?;
    if let Some(tool) = MODULES.into_iter().find(|module| !is_installed(&sources.directory, module)) {
        let command = format!("npm install --prefix '{}'", sources.directory.display());
        return Err(Error::NoTool { tool, language: Language::JavaScript, command });
    }
    let component = sources.target("component.wasm")?;
    let actions = ACTIONS.map(|name| sources.directory.join(name));
    let actions = actions.iter().find(|file| file.is_file()).ok_or_else(|| Error::Failed {
        tool: "the search for actions.js or actions.ts".to_owned(),
        how: format!("since neither is in {}", sources.directory.display()),
    })?;
    let mut build = command(node, &sources.directory);
    build
        .arg(sources.library.sdk.join("build.mjs"))
        .arg(actions)
        .arg(&sources.library.sdk)
        .arg(&sources.library.wit)
        .arg(WORLD)
        .arg(sources.library.built.join("bundle.js"))
        .arg(&component);
    run(&mut build)?;
    Ok(component)
}

/// Whether Node.js would find a module from this directory.
fn is_installed(directory: &Path, module: &str) -> bool {
    let above = directory.ancestors().map(|above| above.join("node_modules"));
    let path = env::var_os("NODE_PATH").unwrap_or_default();
    let named: Vec<_> = env::split_paths(&path).collect();
    above.chain(named).any(|modules| modules.join(module).is_dir())
}
