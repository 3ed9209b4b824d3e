//! What an author of a pack in Rust depends on: write functions, list them, build a component.
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
//! Reading order: [`Action`] and [`Context`] are what functions get and are put into, [`Error`] is how they
//! fail, [`schema`] says how types become parameters, [`testing`] stands in for the host in unit tests.
//! `component` connects all that to the host, in a component only. The tutorial is in `README.md`.

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

/// Exports actions from a component: a list of [`Action`]s. To be called once, at the top level of a crate
/// of type `cdylib`.
///
/// Beside the exports it makes a function `petrel_actions()`, with which tests can get at the list.
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
