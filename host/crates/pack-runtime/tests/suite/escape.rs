//! Attempts of a component to escape from its sandbox, each with the answer that it gets. After each the host is there, and
//! serves the next call.
//!
//! The guest is `behave`, whose action `escape` calls the functions of WASI itself.

mod attempts;
mod files;
mod floods;
mod network;
mod reach;
mod secrets;
