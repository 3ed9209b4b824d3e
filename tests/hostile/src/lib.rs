//! Attacks on a host through its API, and what others notice of them.
//!
//! [`fuzz`] sends what is nearly right to every route and reads back what was taken; [`isolation`] measures how long an
//! innocent event takes while something hostile goes on beside it. Both start a host of their own ([`victim`]) on
//! an empty directory, on loopback, and end it when it takes too much memory; how, and the client, is in `tests/support`.
//! [`mod@routes`] is every route there is. Crashes are `tests/crash`, speed is `tests/load`.

pub mod fuzz;
pub mod isolation;
mod random;
pub mod routes;
mod victim;
