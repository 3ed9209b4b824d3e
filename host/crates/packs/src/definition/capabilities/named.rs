//! What a pack asks for by name: stores of keys, keys of the datastore, secrets, and actions that it calls.

use std::collections::BTreeSet;

use petrel_model::capabilities::{Named, Request, SecretPlace, SecretUse, StoreBounds};
use petrel_yaml::{Content, Node};

use super::{list, names, noted};
use crate::fields::{Fields, Problems};
use crate::problem::short;
use crate::suggestion::suggestion;

/// The most bytes that a store may ask for.
const MOST_BYTES: usize = 64 << 20;
/// The most keys that a store may ask for.
const MOST_KEYS: usize = 100_000;
/// The most bytes of a value, which is that of the datastore.
const MOST_VALUE: usize = 1 << 20;

/// Reads `call`, `kv` and `secrets`. A list of the latter two is one of stores, and of secrets that are sent.
pub(super) fn read(fields: Fields<'_>, request: &mut Request, problems: &mut Problems) {
    request.names.call = named(fields, "call", Named::Call, problems);
    match fields.get("kv") {
        Some(node) if node.entries().is_some() => {
            let Some(kv) = Fields::of(node, "kv", problems) else { return };
            kv.refuse_unknown(&["stores", "datastore_read", "datastore_write"], &[], problems);
            for node in list(kv, "stores", problems) {
                store(node, request, problems);
            }
            request.names.datastore_read = named(kv, "datastore_read", Named::DatastoreRead, problems);
            request.names.datastore_write = named(kv, "datastore_write", Named::DatastoreWrite, problems);
        }
        _ => request.names.kv = named(fields, "kv", Named::Kv, problems),
    }
    match fields.get("secrets") {
        Some(node) if node.entries().is_some() => {
            let Some(secrets) = Fields::of(node, "secrets", problems) else { return };
            secrets.refuse_unknown(&["use", "reveal"], &[], problems);
            request.names.secrets = named(secrets, "use", Named::Secrets, problems);
            request.names.reveal = named(secrets, "reveal", Named::Reveal, problems);
        }
        _ => request.names.secrets = named(fields, "secrets", Named::Secrets, problems),
    }
    for used in request.http.iter().flat_map(|wish| &wish.secrets) {
        if !request.names.secrets.contains(&used.name) {
            let message = format!("http sends the secret {}; add it to use of secrets", short(&used.name));
            problems.add(fields.position("http"), message);
        }
    }
}

/// The names of a kind.
fn named(fields: Fields<'_>, field: &str, kind: Named, problems: &mut Problems) -> BTreeSet<String> {
    names(fields, field, problems, |name| kind.check(name)).into_iter().collect()
}

/// A store: its label, or a mapping with its label and its bounds.
fn store(node: &Node, request: &mut Request, problems: &mut Problems) {
    if let Content::Scalar { text, .. } = &node.content {
        noted(Named::Kv.check(text), node.position, problems);
        request.names.kv.insert(text.clone());
        return;
    }
    let Some(fields) = Fields::of(node, "an entry of stores", problems) else { return };
    fields.refuse_unknown(&["name", "access", "quota"], &[], problems);
    let Some(name) = fields.required_text("name", problems) else { return };
    noted(Named::Kv.check(&name), fields.position("name"), problems);
    let mut bounds = StoreBounds::default();
    let access = fields.texts("access", problems);
    for word in access.iter().filter(|word| !["read", "write"].contains(&word.as_str())) {
        let message = format!("access is {}; {}", short(word), suggestion(word, &["read", "write"]));
        problems.add(fields.position("access"), message);
    }
    bounds.writes = access.is_empty() || access.iter().any(|word| word == "write");
    if let Some(quota) = fields.get("quota").and_then(|node| Fields::of(node, "quota", problems)) {
        quota.refuse_unknown(&["keys", "bytes", "value"], &[], problems);
        bounds.keys = size(quota, "keys", bounds.keys, MOST_KEYS, problems);
        bounds.bytes = size(quota, "bytes", bounds.bytes, MOST_BYTES, problems);
        bounds.value = size(quota, "value", bounds.value, MOST_VALUE, problems);
    }
    if bounds != StoreBounds::default() {
        request.stores.insert(name.clone(), bounds);
    }
    request.names.kv.insert(name);
}

/// A number, which may end with `KiB` or `MiB`.
fn size(fields: Fields<'_>, name: &str, default: usize, most: usize, problems: &mut Problems) -> usize {
    let Some(node) = fields.get(name) else { return default };
    let text = match &node.content {
        Content::Scalar { text, .. } => text.trim(),
        _ => "",
    };
    let (number, unit) = match (text.strip_suffix("KiB"), text.strip_suffix("MiB")) {
        (Some(number), _) => (number, 1 << 10),
        (None, Some(number)) => (number, 1 << 20),
        (None, None) => (text, 1),
    };
    let read = number.trim().parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    let Some(size) = read.filter(|size| (1..=most).contains(size)) else {
        let message = format!("{name} must be a number from 1 to {most}; write it as 1000 or 16MiB");
        problems.add(node.position, message);
        return default;
    };
    size
}

/// The secrets that are sent to an address: `{name: api_token, in: [header]}`, and a name alone for the header.
pub(super) fn sent(fields: Fields<'_>, problems: &mut Problems) -> Vec<SecretUse> {
    let mut sent = Vec::new();
    for node in list(fields, "secrets", problems) {
        if let Content::Scalar { text, .. } = &node.content {
            noted(Named::Secrets.check(text), node.position, problems);
            sent.push(SecretUse { name: text.clone(), place: SecretPlace::Header });
            continue;
        }
        let Some(fields) = Fields::of(node, "an entry of secrets", problems) else { continue };
        fields.refuse_unknown(&["name", "in"], &[], problems);
        let Some(name) = fields.required_text("name", problems) else { continue };
        noted(Named::Secrets.check(&name), fields.position("name"), problems);
        let places = fields.texts("in", problems);
        if places.is_empty() {
            sent.push(SecretUse { name, place: SecretPlace::Header });
            continue;
        }
        for place in places {
            let Some(known) = SecretPlace::ALL.into_iter().find(|known| known.as_str() == place) else {
                let known = SecretPlace::ALL.map(SecretPlace::as_str);
                let message = format!("in has {}; {}", short(&place), suggestion(&place, &known));
                problems.add(fields.position("in"), message);
                continue;
            };
            sent.push(SecretUse { name: name.clone(), place: known });
        }
    }
    sent.sort();
    sent.dedup();
    sent
}
