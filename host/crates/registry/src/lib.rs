//! Packs in OCI registries: one artifact a pack, pushed, pulled, verified, saved to a file and pinned in a lock.
//!
//! [`reference`](mod@reference) is the name of an artifact, [`digest`] names bytes, [`manifest`] lists the parts of an artifact and
//! refuses what is none. [`artifact`] is made of the directory of a pack, [`card`] being its first layer; [`fetched`] is one
//! whose parts lie in a directory, and becomes the directory of a pack again. [`archive`] has the rules of tar, [`layout`]
//! artifacts in a file.
//!
//! [`registry`] talks to one registry: [`address`] says where a request may go and what it may take along, [`challenge`]
//! how a registry asks for a login, [`transfer`] moves blobs and tells its [`progress`]. [`credentials`] are found in Docker's files, in those of its
//! helpers and in our own. [`settings`] are the bounds and what differs from registry to registry, [`lock`] is the file
//! with the digests of what is installed.
//!
//! The client is our own and not `oci-client`, whose version 0.18 follows the address of a token service wherever a registry
//! names one, and takes the password along; reads manifests, tokens and lists without a bound of their size; leaves redirects
//! to the default of `reqwest`; and has one set of certificates, proxies and schemes for all registries.
//!
//! What stands [`beside`] an artifact has tags that are made of its digest: each [`signature`] by one of the [`keys`], each
//! [`statement`] on where it comes from. [`trust`] decides by them whether a pack is installed. [`tags`] are ordered as versions.
//!
//! This crate starts no process but credential helpers, and asks nothing of the environment but where Docker's files are.

pub mod address;
pub mod archive;
pub mod artifact;
pub mod beside;
pub mod card;
pub mod challenge;
pub mod credentials;
pub mod digest;
pub mod error;
pub mod fetched;
mod files;
pub mod keys;
pub mod layout;
pub mod lock;
pub mod manifest;
pub mod progress;
pub mod reference;
pub mod registry;
pub mod settings;
pub mod signature;
pub mod statement;
pub mod tags;
pub mod transfer;
pub mod trust;

pub use artifact::Artifact;
pub use beside::Beside;
pub use digest::Digest;
pub use error::{Error, Kind};
pub use fetched::Fetched;
pub use keys::{PrivateKey, PublicKey};
pub use lock::{Lock, Locked};
pub use manifest::Manifest;
pub use progress::Progress;
pub use reference::Reference;
pub use registry::Registry;
pub use settings::{Limits, RegistrySettings, Settings};
pub use signature::Signature;
pub use statement::Statement;
