//! An action that gives back its input: the smallest component there is, without the SDK and without a
//! description, as other languages build them.

#[cfg(target_family = "wasm")]
mod component {
    #![expect(unsafe_code, clippy::all, clippy::pedantic, reason = "generated")]

    wit_bindgen::generate!({
        path: "../../../../wit",
        world: "petrel:pack/action-world",
        generate_all,
    });

    use exports::petrel::pack::action::{Context, Error, Guest};

    struct Bare;

    impl Guest for Bare {
        fn run(context: Context, parameters: String) -> Result<String, Error> {
            // The SDKs cannot return anything but JSON.
            if context.action == "prose" { Ok("well, no".to_owned()) } else { Ok(parameters) }
        }
    }

    export!(Bare);
}
