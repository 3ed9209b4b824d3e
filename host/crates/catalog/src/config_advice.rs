//! Notes on configurations of packs that are accepted and likely mistaken: keys that no schema declares or that nobody
//! gives, and templates that cannot be filled in. Each cause has one note. Values and templates may be secret, so none is
//! quoted. [`config_files`](crate::config_files) refuses what cannot be accepted.

use petrel_expressions::{Datastore, Template, is_template};
use petrel_model::configuration::with_defaults;
use petrel_model::count::counted;
use petrel_model::nearest::nearest;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::{listed, quoted};
use petrel_model::secrets::{Marks, with_undeclared};
use petrel_model::{Object, Pack};
use serde_json::{Value, json};

use crate::configuration::{self, Configuration, GivenConfig, Missing};
use crate::places::{MOST_NAMED, Place, Places, and_more};

/// Largest number of missing keys that one note names: somebody is about to give them.
const MOST_MISSING: usize = 20;

/// Largest number of missing keys whose schemas are looked for in the others.
const MOST_COMPARED: usize = 100;

/// The notes on the configuration `given` of `pack` for which nothing but the schema is needed.
pub(crate) fn of_given(pack: &str, given: &GivenConfig, schema: Option<&Parameters>) -> Vec<String> {
    let file = given.file.as_ref().map(|file| format!("{}: ", file.display())).unwrap_or_default();
    let whose = format!("{file}the configuration of the pack `{pack}`");
    let mut notes = Vec::new();
    notes.extend(schema.and_then(|schema| undeclared(&whose, &given.values, schema)));
    let places = configuration::meaningless(&given.values);
    if !places.is_empty() {
        let verb = places.word("uses", "use");
        notes.push(format!(
            "{whose} cannot be filled in: {places} {verb} a function or a filter that does not exist; correct it"
        ));
    }
    let shown = schema.map_or_else(Places::default, |schema| decrypted_openly(&given.values, schema));
    if !shown.is_empty() {
        let (verb, it) = (shown.word("decrypts a key", "decrypt keys"), shown.word("it", "them"));
        let are = shown.word("it is", "they are");
        notes.push(format!(
            "{whose}: {shown} {verb} of the datastore, and config.schema.yaml does not declare {it} secret, so {are} shown where \
             actions take {it}; declare {it} with `secret: true`"
        ));
    }
    let unscoped = configuration::unscoped(&given.values);
    notes.extend(unscoped.told.into_iter().map(|(said, places)| {
        let stay = places.word("stays text as it is", "stay text as they are");
        format!("{whose}: {places} {stay}: {said}")
    }));
    if unscoped.more > 0 {
        let told = counted(unscoped.more, "other reading");
        notes.push(format!("{whose} has {told} of the datastore without a scope; correct these first"));
    }
    notes
}

/// The places of templates in `values` that decrypt keys of the datastore where `schema` declares no secret.
fn decrypted_openly(values: &Object, schema: &Parameters) -> Places {
    let whole = json!({"properties": schema});
    let whole = with_undeclared(&whole);
    let mut found = Places::default();
    for (name, value) in values {
        find_decrypted(value, &Place::of(name), &Marks::of(&whole).of_field(name), &mut found);
    }
    found
}

fn find_decrypted(value: &Value, place: &Place<'_>, marks: &Marks<'_>, found: &mut Places) {
    match value {
        _ if marks.is_secret() => {}
        Value::String(text)
            if is_template(text) && Template::compile(text).is_ok_and(|template| template.may_decrypt()) =>
        {
            found.add(&place.to_string());
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(number, item)| {
            find_decrypted(item, &place.item(number), &marks.of_item(number), found);
        }),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            find_decrypted(value, &place.key(name), &marks.of_field(name), found);
        }),
        _ => {}
    }
}

/// The note on keys that `schema` does not declare. StackStorm takes them, and so do actions.
fn undeclared(whose: &str, values: &Object, schema: &Parameters) -> Option<String> {
    let mut found = Undeclared::default();
    find_undeclared(values, schema, None, &mut found);
    let Undeclared { named, count } = found;
    let (it, name) = if count == 1 { ("it", "name") } else { ("them", "names") };
    (count > 0).then(|| {
        format!(
            "{whose} gives {}{}, which config.schema.yaml does not declare: actions get {it} unchecked; correct the {name}, or \
             declare {it}",
            named.join(", "),
            and_more(count)
        )
    })
}

/// The keys that are given and not declared.
#[derive(Debug, Default)]
struct Undeclared {
    /// The places of the first ones, such as `auth.pasword`, with the nearest names.
    named: Vec<String>,
    /// The number of all.
    count: usize,
}

impl Undeclared {
    /// Adds the key `name` at `place`, where `declared` is declared. Only what is named is written out, and compared.
    fn add(&mut self, place: Place<'_>, name: &str, declared: &Parameters) {
        self.count += 1;
        if self.named.len() >= MOST_NAMED {
            return;
        }
        let near = nearest(name, declared.keys().map(String::as_str));
        let near = near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
        self.named.push(format!("{}{near}", quoted(&place.to_string())));
    }
}

/// Collects the keys of `values`, which are at `place` unless they are top-level ones, that `declared` lacks, also inside those
/// that it has.
fn find_undeclared(
    values: &Object,
    declared: &Parameters,
    place: Option<&Place<'_>>,
    found: &mut Undeclared,
) {
    for (name, value) in values {
        let place = place.map_or_else(|| Place::of(name), |place| place.key(name));
        match declared.get(name) {
            Some(schema) => find_inside(value, schema, &place, found),
            None => found.add(place, name, declared),
        }
    }
}

fn find_inside(value: &Value, schema: &Value, place: &Place<'_>, found: &mut Undeclared) {
    match value {
        Value::Object(fields) => {
            // With these keywords the author says that there may be others.
            let is_open =
                ["patternProperties", "additionalProperties"].iter().any(|word| schema.get(word).is_some());
            let declared = schema.get("properties").and_then(Value::as_object);
            if let Some(declared) = declared.filter(|_| !is_open) {
                find_undeclared(fields, declared, Some(place), found);
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items").filter(|schema| schema.is_object()) {
                for (number, item) in items.iter().enumerate() {
                    find_inside(item, schema, &place.item(number), found);
                }
            }
        }
        _ => {}
    }
}

/// The note on keys of a configuration that are declared, and neither given nor have a default. StackStorm accepts that, and
/// an action that reads such a key fails.
pub(crate) fn ungiven(pack: &str, values: &Object, schema: &Parameters) -> Option<String> {
    let whole = with_defaults(values, schema);
    let mut missing: Vec<_> =
        schema.keys().map(String::as_str).filter(|name| !whole.contains_key(*name)).collect();
    if missing.len() <= MOST_COMPARED {
        missing.retain(|name| !is_within_others(name, schema));
    }
    (!missing.is_empty()).then(|| {
        format!(
            "the configuration of the pack `{pack}` has no {}: not given, and without a default; an action that reads such a key as \
             self.config[...] fails, so give it if it is needed",
            listed(missing, MOST_MISSING)
        )
    })
}

/// Whether the schema of a key is a part of those of others, as one is that is there only for `$ref`: references are written
/// out when a pack is read. A schema without parts of its own may be the same by chance.
fn is_within_others(name: &str, schema: &Parameters) -> bool {
    let Some(one) = schema.get(name) else { return false };
    let has_parts = ["properties", "patternProperties", "items"].iter().any(|part| one.get(*part).is_some());
    has_parts && schema.iter().any(|(other, whole)| other != name && has_part(whole, one))
}

fn has_part(whole: &Value, part: &Value) -> bool {
    match whole {
        Value::Object(fields) => fields.values().any(|inner| inner == part || has_part(inner, part)),
        Value::Array(items) => items.iter().any(|inner| inner == part || has_part(inner, part)),
        _ => false,
    }
}

/// The notes on templates in the configuration of `pack` that read keys which `datastore` lacks: given ones, without which
/// actions fail, and defaults, which are null then. `given` is the configuration.
pub(crate) fn without_keys(pack: &Pack, given: Option<&GivenConfig>, datastore: &Datastore) -> Vec<String> {
    let (no_values, no_schema) = (Object::new(), Parameters::new());
    let given = given.map_or(&no_values, |given| &*given.values);
    let whole = with_defaults(given, pack.config_schema.as_ref().unwrap_or(&no_schema));
    let configuration = Configuration::new(whole, given);
    let name = &pack.reference;
    let mut notes = Vec::new();
    let failing = configuration.missing(datastore, true);
    if !failing.places.is_empty() {
        let (places, read) = (&failing.places, failing.places.word("reads", "read"));
        let keys = keys(&failing, datastore);
        notes.push(format!(
            "the configuration of the pack `{name}`: {places} {read} what is not there, so that actions of the pack fail: {keys}; \
             `petrel key set NAME VALUE` sets it, and a secret `petrel key set NAME --encrypt -`"
        ));
    }
    let empty = configuration.missing(datastore, false);
    if !empty.places.is_empty() {
        let (default, is) = (empty.places.word("default", "defaults"), empty.places.word("is", "are"));
        let (places, keys) = (&empty.places, keys(&empty, datastore));
        notes.push(format!(
            "the configuration of the pack `{name}`: the {default} of {places} {is} null, since {keys}; `petrel key set NAME VALUE` \
             sets it (a secret: `petrel key set NAME --encrypt -`), or `petrel pack configure {name} FILE` gives the value itself"
        ));
    }
    notes
}

/// The missing keys in words, the first ones with those that are likely meant.
fn keys(missing: &Missing<'_>, datastore: &Datastore) -> String {
    let named = missing.keys.iter().take(MOST_NAMED).map(|key| {
        let near = datastore.near(key).map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
        format!("{}{near}", quoted(&key.to_string()))
    });
    let named: Vec<_> = named.collect();
    format!("the datastore has no key {}{}", named.join(", "), and_more(missing.keys.len()))
}

#[cfg(test)]
mod tests;
