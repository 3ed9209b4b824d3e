//! Requests over HTTP, and their answers. [`Services::fetch`](crate::Services::fetch) makes them.
//!
//! [`request`] builds what is asked, [`response`] reads what is answered, and says what kind of error another status is.
//! [`encoding`] writes addresses and credentials, [`date`] reads when to come again.

mod date;
mod encoding;
mod request;
mod response;

pub use request::Request;
pub use response::{Response, beginning};
