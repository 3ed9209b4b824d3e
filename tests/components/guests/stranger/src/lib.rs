//! A component of a world that the host does not know: what it imports is not there, and what it exports
//! nobody calls.

#[cfg(target_family = "wasm")]
mod component {
    #![expect(unsafe_code, clippy::all, clippy::pedantic, reason = "generated")]

    wit_bindgen::generate!({
        inline: "
            package bakery:shop@2.0.0;

            interface oven {
                bake: func() -> string;
            }

            interface counter {
                sell: func() -> string;
            }

            world shop {
                import oven;
                export counter;
            }
        ",
    });

    use exports::bakery::shop::counter::Guest;

    struct Shop;

    impl Guest for Shop {
        fn sell() -> String {
            bakery::shop::oven::bake()
        }
    }

    export!(Shop);
}
