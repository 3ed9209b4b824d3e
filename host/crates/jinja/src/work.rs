//! The meter ([`petrel_python::work`]) for functions of the template engine, whose error a limit becomes.

use petrel_python::work as meter;
pub(crate) use petrel_python::work::{
    Allowance, BYTES, DEPTH, Evaluation, ITEM, Limit, PLACE, Text, is_roomy, within,
};

/// An exceeded limit, which `?` turns into an error of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Exceeded(#[from] pub(crate) Limit);

impl From<Exceeded> for minijinja::Error {
    fn from(Exceeded(limit): Exceeded) -> Self {
        Self::new(minijinja::ErrorKind::OutOfFuel, limit.to_string())
    }
}

/// Charges units of work, which the caller is about to do.
pub(crate) fn charge(units: u64) -> Result<(), Exceeded> {
    meter::charge(units).map_err(Exceeded)
}

/// Charges for visiting items.
pub(crate) fn visit(items: usize) -> Result<(), Exceeded> {
    meter::visit(items).map_err(Exceeded)
}

/// Charges for comparing bytes.
pub(crate) fn compare(bytes: usize) -> Result<(), Exceeded> {
    meter::compare(bytes).map_err(Exceeded)
}

/// Charges for hashing bytes, or for counting or finding characters in them.
pub(crate) fn scan(bytes: usize) -> Result<(), Exceeded> {
    meter::scan(bytes).map_err(Exceeded)
}

/// Charges for an examination of each character in this number of bytes.
pub(crate) fn read(bytes: usize) -> Result<(), Exceeded> {
    meter::read(bytes).map_err(Exceeded)
}

/// Charges for trimming `chars` off the ends of `text`.
pub(crate) fn trim(text: &str, chars: &str) -> Result<(), Exceeded> {
    meter::trim(text, chars).map_err(Exceeded)
}

/// Charges for bytes that are about to be built, and for the work of building them.
pub(crate) fn make(bytes: usize) -> Result<(), Exceeded> {
    meter::make(bytes).map_err(Exceeded)
}

/// Charges for a list that is about to be built.
pub(crate) fn make_list(places: usize) -> Result<(), Exceeded> {
    meter::make_list(places).map_err(Exceeded)
}

/// Charges for a copy of `json`.
pub(crate) fn copy(json: &serde_json::Value) -> Result<(), Exceeded> {
    petrel_scope::parts::charge_copy(json).map_err(Exceeded)
}

/// Refuses every further charge of this evaluation.
pub(crate) fn refuse(limit: Limit) -> Exceeded {
    Exceeded(meter::refuse(limit))
}

/// Whether a charge of this evaluation was refused.
pub(crate) fn check() -> Result<(), Exceeded> {
    meter::check().map_err(Exceeded)
}
