//! Rust bindings generated from the WIT packages in `wit/`. No other module reads those files.
//!
//! The generated world includes the optional export `description`; whether a component has it is looked up for each
//! component in `component_cache`.

wasmtime::component::bindgen!({
    path: "../../../wit",
    world: "petrel:pack/described-action-world",
    imports: { default: trappable },
    exports: { default: async },
});
