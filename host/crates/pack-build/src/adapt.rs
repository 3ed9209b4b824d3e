//! A component of a core module: what compilers of C and Go make has the exports of a world as plain functions, and calls the
//! preview of WASI before components.

use std::fmt::Display;
use std::path::Path;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::room;

/// The world that C and Go build for: actions, their description, and requests. What is not called is no import.
const WORLD: &str = "requesting-action-world";

/// Makes a component of `core`, with the exports and imports of [`WORLD`] of the package in the directory `wit`.
///
/// # Errors
/// The reason, for people: the module lacks an export of the world, or imports what the world does not have.
pub fn component(core: &[u8], wit: &Path) -> Result<Vec<u8>, String> {
    let mut resolve = Resolve::default();
    let (package, _files) = resolve.push_path(wit).map_err(words)?;
    let world = resolve.select_world(&[package], Some(WORLD)).map_err(words)?;
    let mut module = room::given(core);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(words)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        })
        .and_then(|mut encoder| encoder.encode())
        .map_err(words)
}

/// An error with its causes.
fn words(error: impl Display) -> String {
    format!("{error:#}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::library;

    #[test]
    fn a_module_without_the_exports_of_the_world_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let library = library::lay_out(place.path(), Language::C).unwrap();
        // A module without anything in it.
        assert!(component(b"\0asm\x01\0\0\0", &library.wit).is_err());
        assert!(component(b"no module", &library.wit).is_err());
    }
}
