//! Bindings generated from `wit/`.

wit_bindgen::generate!({
    path: "../../wit",
    world: "petrel:pack/action-world",
    pub_export_macro: true,
    generate_all,
});
