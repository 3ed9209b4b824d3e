//! Rust bindings generated from the WIT packages in `wit/`. No other module reads those files.
//!
//! The generated world has every export that the host can call. Which of them a component has is looked up for each
//! component in `component_cache`.

wasmtime::component::bindgen!({
    path: "../../../wit",
    world: "petrel:pack/every-role-world",
    imports: {
        "petrel:trigger/emit.emit": async | trappable,
        "petrel:kv/kv.set": async | trappable,
        "petrel:kv/kv.cas": async | trappable,
        "petrel:kv/kv.delete": async | trappable,
        "petrel:actions/call.run": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: { "petrel:secrets/secrets.secret": crate::secrets::Handle },
});
