//! The meter ([`petrel_python::work`]) as functions of the template engine charge it: a limit becomes an error of theirs.

use petrel_python::work as meter;
pub(crate) use petrel_python::work::{
    Allowance, BYTES, DEPTH, Evaluation, ITEM, Limit, PLACE, Text, is_roomy, within,
};

/// A limit that was exceeded, which `?` turns into the engine's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Exceeded(#[from] pub(crate) Limit);

impl From<Exceeded> for minijinja::Error {
    fn from(Exceeded(limit): Exceeded) -> Self {
        Self::new(minijinja::ErrorKind::OutOfFuel, limit.to_string())
    }
}

/// Charges so many units, before they are worked.
pub(crate) fn charge(units: u64) -> Result<(), Exceeded> {
    meter::charge(units).map_err(Exceeded)
}

/// Charges for going through so many items.
pub(crate) fn visit(items: usize) -> Result<(), Exceeded> {
    meter::visit(items).map_err(Exceeded)
}

/// Charges for comparing so many bytes with others.
pub(crate) fn compare(bytes: usize) -> Result<(), Exceeded> {
    meter::compare(bytes).map_err(Exceeded)
}

/// Charges for hashing so many bytes, or for counting or finding characters in them.
pub(crate) fn scan(bytes: usize) -> Result<(), Exceeded> {
    meter::scan(bytes).map_err(Exceeded)
}

/// Charges for asking something of each character in so many bytes.
pub(crate) fn read(bytes: usize) -> Result<(), Exceeded> {
    meter::read(bytes).map_err(Exceeded)
}

/// Charges for taking `chars` off the ends of `text`.
pub(crate) fn trim(text: &str, chars: &str) -> Result<(), Exceeded> {
    meter::trim(text, chars).map_err(Exceeded)
}

/// Charges for so many bytes that are about to be made, and the work of it.
pub(crate) fn make(bytes: usize) -> Result<(), Exceeded> {
    meter::make(bytes).map_err(Exceeded)
}

/// Charges for a list of so many places that is about to be made.
pub(crate) fn make_list(places: usize) -> Result<(), Exceeded> {
    meter::make_list(places).map_err(Exceeded)
}

/// Charges for a copy of `json`.
pub(crate) fn copy(json: &serde_json::Value) -> Result<(), Exceeded> {
    petrel_scope::parts::charge_copy(json).map_err(Exceeded)
}

/// Refuses all that is still to come of this evaluation.
pub(crate) fn refuse(limit: Limit) -> Exceeded {
    Exceeded(meter::refuse(limit))
}

/// Whether something was refused in this evaluation.
pub(crate) fn check() -> Result<(), Exceeded> {
    meter::check().map_err(Exceeded)
}
