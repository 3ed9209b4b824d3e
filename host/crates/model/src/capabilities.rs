//! Capabilities: what a pack asks for in its `pack.yaml` ([`Request`]), what its operator grants ([`PackGrant`]), and its
//! rights that follow ([`Rights`]): what is asked for and granted, within the [`Ceiling`] of the host.
//!
//! `http` has addresses, `host` the patterns of their hosts, `files` directories, `named` what has only a name: stores of keys,
//! secrets, actions; `refusal` words what is refused; `trial` finds out what a pack needs.

mod extent;
mod files;
mod grant;
mod host;
mod http;
mod invalid;
mod kinds;
mod named;
mod named_rights;
mod refusal;
mod request;
mod rights;
mod trial;

pub use extent::Extent;
pub use files::{Access, FileWish, Mount, check_guest_path};
pub use grant::{Capability, Granted, PackGrant, Wanted, check_variable};
pub use host::{Host, HostPattern};
pub use http::{HttpRule, Target, check_method, check_path};
pub use invalid::InvalidCapability;
pub use kinds::{ASKED, GRANTED, MOST};
pub use named::{Named, Names, SYSTEM, SecretPlace, SecretUse, StoreBounds};
pub use refusal::{Layer, Refusal};
pub use request::{HttpWish, Request};
pub use rights::{Ceiling, Given, Reach, Rights, RightsTable};
