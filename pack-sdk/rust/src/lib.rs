//! The SDK for packs in Rust: write functions, list them, build a component.
//!
//! ```
//! use petrel_pack_sdk::{Action, Context, Error, export_actions};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, JsonSchema)]
//! pub struct Greet {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! pub struct Greeting {
//!     text: String,
//! }
//!
//! fn greet(ctx: &Context, input: Greet) -> Result<Greeting, Error> {
//!     ctx.info("greeting");
//!     Ok(Greeting { text: format!("Hello, {}!", input.name) })
//! }
//!
//! export_actions![Action::new("greet", greet).description("Greets somebody").idempotent()];
//! # fn main() {}
//! ```
//!
//! Reading order: [`Action`] wraps a function, [`Context`] is its view of the call, [`Error`] its failure. [`schema`]
//! derives parameters from types, and [`testing`] has a test double of the host. `component` connects all of these to
//! the host, in components only. The tutorial is in `README.md`.

mod action;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod component;
mod context;
mod error;
pub mod schema;
pub mod testing;

pub use action::{Action, describe};
pub use context::{Context, Level};
pub use error::{Error, ErrorKind};

/// Exports actions from a component. Takes a list of [`Action`]s. Must be called once, at the top level of a crate of
/// type `cdylib`.
///
/// It also defines a function `petrel_actions()`, with which tests can access the list.
#[macro_export]
macro_rules! export_actions {
    ($($action:expr),+ $(,)?) => {
        /// The actions of this component.
        pub fn petrel_actions() -> ::std::vec::Vec<$crate::Action> {
            ::std::vec![$($action),+]
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            impl $crate::component::ActionGuest for Component {
                fn run(
                    context: $crate::component::WireContext,
                    parameters: ::std::string::String,
                ) -> ::std::result::Result<::std::string::String, $crate::component::WireError> {
                    $crate::component::run(&petrel_actions(), context, &parameters)
                }
            }

            impl $crate::component::DescriptionGuest for Component {
                fn describe() -> ::std::string::String {
                    $crate::describe(&petrel_actions()).to_string()
                }
            }

            $crate::component::bindings::export!(Component with_types_in $crate::component::bindings);
        };
    };
}
