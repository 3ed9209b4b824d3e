//! Configurations of packs in files of the operator, and the checks of every configuration.
//! [`pack_configs`](crate::pack_configs) has those of the API, and decides which of the two counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::Object;
use petrel_model::configuration::with_defaults;
use petrel_model::nearest::nearest;
use petrel_model::parameters::{Parameters, Schema};
use petrel_model::quoted::quoted;
use petrel_packs::definition::read_config;
use petrel_packs::limits::LARGEST_METADATA;
use petrel_packs::{Problem, plain_file};
use serde_json::Value;

use crate::configuration::{self, GivenConfig};
use crate::content::Content;
use crate::validation::Validator;

/// Largest number of wrong keys in a message.
const MOST_KEYS: usize = 20;

/// The path of a pack's file in `directory`, if there is a directory for such files.
fn path_in(directory: &Path, pack: &str) -> PathBuf {
    directory.join("packs").join(format!("{pack}.yaml"))
}

/// Reads the files of all packs in `directory` when the host starts. An invalid file is reported in the log, and the pack
/// keeps the configuration of the API with the defaults.
pub(crate) fn read_all(directory: &Path, content: &mut Content) {
    let packs: Vec<_> = content.packs().cloned().collect();
    for pack in packs {
        match of_pack(directory, &pack.reference, pack.config_schema.as_ref()) {
            Ok(Some(given)) => content.put_config(&pack.reference, Some(given)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(pack = pack.reference, %error, "the configuration of a pack is not valid");
            }
        }
    }
}

/// The configuration in a pack's file in `directory`, if the file exists.
///
/// # Errors
/// When the file cannot be read, or does not fit the schema of the pack.
pub(crate) fn of_pack(
    directory: &Path,
    pack: &str,
    schema: Option<&Parameters>,
) -> Result<Option<GivenConfig>, Error> {
    let file = path_in(directory, pack);
    let Some(values) = read(&file)? else { return Ok(None) };
    fits(pack, &values, schema).map_err(|error| {
        let message = format!("{}: {error}", file.display());
        Error::invalid(message, "correct the file, and register the pack again")
    })?;
    Ok(Some(GivenConfig { values: Arc::new(values), file: Some(file) }))
}

/// The values in a file, if it exists.
///
/// # Errors
/// When the file cannot be read, or is not a configuration.
fn read(file: &Path) -> Result<Option<Object>, Error> {
    let name = file.display().to_string();
    let text = match plain_file::read_text(file, LARGEST_METADATA) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::invalid(
                format!("{name} cannot be read: {error}"),
                "put a file there that the host can read, or remove it",
            ));
        }
    };
    read_config(&name, &text).map(Some).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
        Error::invalid(lines.join("\n"), "correct the file, and register the pack again")
    })
}

/// Notes on templates in a configuration that can never be rendered, or stay text. They may hold secrets, so none is quoted.
pub(crate) fn meaningless(pack: &str, values: &Object) -> Vec<String> {
    let places = configuration::meaningless(values).into_iter();
    let told = places.map(|place| {
        format!(
            "the configuration of the pack `{pack}` cannot be filled in: `{place}` uses a function or a filter that does not \
             exist; correct it"
        )
    });
    let unscoped = configuration::unscoped(values).into_iter();
    told.chain(unscoped.map(|(place, said)| {
        format!("the configuration of the pack `{pack}`: `{place}` stays text as it is: {said}")
    }))
    .collect()
}

/// Notes on the present file of `pack`, which was `given` when it was read last: that it is not valid, or that it has
/// changed.
pub(crate) fn note(
    directory: &Path,
    pack: &str,
    schema: Option<&Parameters>,
    given: Option<&GivenConfig>,
) -> Option<String> {
    let name = path_in(directory, pack).display().to_string();
    differs(pack, &name, &of_pack(directory, pack, schema), given)
}

/// The note on the file `name` of a pack with the content `now`, which was `given` when it was read last.
fn differs(
    pack: &str,
    name: &str,
    now: &Result<Option<GivenConfig>, Error>,
    given: Option<&GivenConfig>,
) -> Option<String> {
    let is_from_file = given.is_some_and(|given| given.file.is_some());
    let remedy = format!("`petrel pack register {pack}` reads it again");
    match now {
        Err(error) => Some(format!("{error}; {}. Until then it does not count", error.hint())),
        Ok(None) => is_from_file.then(|| format!("{name} is gone, and what it said is in force; {remedy}")),
        Ok(Some(now)) => {
            let is_in_force = is_from_file && given.is_some_and(|given| given.values == now.values);
            (!is_in_force).then(|| format!("{name} is not what is in force; {remedy}"))
        }
    }
}

/// The note on a file that is likely meant to configure `pack` and is not read: in StackStorm's place, or with another
/// extension.
pub(crate) fn misplaced(directory: &Path, pack: &str) -> Option<String> {
    let file = path_in(directory, pack);
    let above = file.parent()?.parent()?.join(file.file_name()?);
    let found = [above, file.with_extension("yml")].into_iter().find(|other| other.is_file())?;
    Some(format!("{} is not read; move it to {}", found.display(), file.display()))
}

/// Checks values against the schema, and that templates in them can be parsed. A pack without a schema takes any
/// values.
///
/// # Errors
/// The misfits, by their place.
pub(crate) fn fits(pack: &str, values: &Object, schema: Option<&Parameters>) -> Result<(), Error> {
    if let Some(place) = configuration::unreadable(values) {
        return Err(Error::invalid(
            format!("the configuration of pack `{pack}`: `{place}` is no template that can be read"),
            "correct the expression, such as {{ st2kv.system.key }}; braces that are meant as such are written {{ '{{' }}",
        ));
    }
    let Some(schema) = schema else { return Ok(()) };
    let wrong = wrong_keys(values, schema);
    let checked = if wrong.is_empty() {
        Validator::of_parameters(schema).check(&Value::Object(values.clone()))
    } else {
        Err(wrong.join("; "))
    };
    checked.map_err(|message| {
        Error::invalid(
            format!("the configuration of pack `{pack}` does not fit: {message}"),
            format!("`petrel pack config {pack} --schema` shows what it takes"),
        )
    })
}

/// The messages about each missing key and each unknown key: together, since one is often meant by the other. In
/// StackStorm's words, which stops at the first.
fn wrong_keys(values: &Object, schema: &Parameters) -> Vec<String> {
    let needed = schema.iter().filter(|(name, schema)| is_needed(schema) && !values.contains_key(*name));
    let missing = needed.map(|(name, _)| format!("'{}' is a required property", quoted(name)));
    let unknown = values.keys().filter(|name| !schema.contains_key(*name)).map(|name| {
        let near = nearest(name, schema.keys().map(String::as_str));
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("Additional properties are not allowed ('{}' was unexpected){near}", quoted(name))
    });
    missing.chain(unknown).take(MOST_KEYS).collect()
}

/// The note on keys of a configuration that are declared, and neither given nor have a default. StackStorm accepts that, and
/// an action that reads such a key fails.
pub(crate) fn ungiven(pack: &str, values: &Object, schema: &Parameters) -> Option<String> {
    let whole = with_defaults(values, schema);
    let missing: Vec<_> = schema.keys().filter(|name| !whole.contains_key(*name)).collect();
    let named: Vec<_> = missing.iter().take(MOST_KEYS).map(|name| quoted(name)).collect();
    let more = match missing.len().saturating_sub(MOST_KEYS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| {
        format!(
            "the configuration of the pack `{pack}` has no {}{more}: not given, and without a default; an action that reads \
             such a key as self.config[...] fails, so give it if it is needed",
            named.join(", ")
        )
    })
}

/// Whether a key is required.
pub(crate) fn is_needed(schema: &Value) -> bool {
    let schema = Schema::of(schema);
    schema.is_required() && schema.default().is_none_or(Value::is_null)
}

#[cfg(test)]
mod tests;
