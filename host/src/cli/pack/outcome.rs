//! The outcome of a registration, with the notes on it. `attributes.rs` has the words.

use std::borrow::Cow;

use petrel_api_types as wire;
use petrel_packs::{Directory, PackContents, read_pack};
use serde_json::Value;

use super::super::session::show_noted;
use super::attributes;
use super::origin::Origin;
use crate::exit::Failure;
use crate::print::{self, Form};

/// Prints notes: skipped or removed parts, and advice.
pub(super) fn tell_notes(notes: &[Cow<'_, str>]) {
    notes.iter().for_each(|note| print::note(&format!("note: {note}")));
}

/// Prints what of a pack, if it is a directory, each host will refuse. Whatever else is wrong is told by who reads it.
pub(super) fn tell_refused(pack: &Origin) {
    let Origin::Directory(directory) = pack else { return };
    let Ok(source) = Directory::open(directory) else { return };
    let Ok(PackContents { refused, refused_rules, .. }) = read_pack(&source) else { return };
    let refused = refused.into_values().chain(refused_rules.into_values()).flatten();
    refused.for_each(|problem| print::note(&format!("warning: {problem}; each host refuses it")));
}

/// Prints the outcome of a registration and the next step.
pub(super) fn tell_registration(form: Form, answer: &Value) -> Result<(), Failure> {
    let notes = |registration: &wire::Registration<'static>| tell_notes(&registration.notes);
    show_noted(form, answer, notes, |registration| {
        print::line(&attributes::registered(registration));
        for pack in registration.registered() {
            if let Some(key) = pack.artifact.as_ref().and_then(|artifact| artifact.key.as_ref()) {
                print::note(&format!("{} is signed by the key {key}", pack.reference));
            }
            print::note(&format!("`petrel action list --pack {}` shows its actions", pack.reference));
        }
    })
}
