//! What the WIT packages under `wit/` become in Rust: the only place where they are read.
//!
//! The world that also exports `description` is generated; whether a component has that export is looked
//! up per component (`component_cache`).

wasmtime::component::bindgen!({
    path: "../../../wit",
    world: "petrel:pack/described-action-world",
    imports: { default: trappable },
    exports: { default: async },
});
