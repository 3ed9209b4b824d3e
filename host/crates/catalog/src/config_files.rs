//! Configurations of packs in files of the operator, and what any configuration has to be. Who gives one through the API,
//! and which of them counts, is in [`pack_configs`](crate::pack_configs).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::Object;
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

/// Largest number of wrong keys that are told.
const MOST_KEYS: usize = 20;

/// Where the file of a pack is, if it has one, among those in `directory`.
fn path_in(directory: &Path, pack: &str) -> PathBuf {
    directory.join("packs").join(format!("{pack}.yaml"))
}

/// Reads the files of all packs in `directory`, when the host starts. One that will not do is told in the log; the pack
/// then has what was given through the API, and the defaults.
pub(crate) fn read_all(directory: &Path, content: &mut Content) {
    let packs: Vec<_> = content.packs().cloned().collect();
    for pack in packs {
        match of_pack(directory, &pack.reference, pack.config_schema.as_ref()) {
            Ok(Some(given)) => content.put_config(&pack.reference, Some(given)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(pack = pack.reference, %error, "the configuration of a pack will not do");
            }
        }
    }
}

/// What the file of a pack in `directory` gives, if it is there.
///
/// # Errors
/// When it cannot be read, or does not fit the schema of the pack.
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

/// What a file says, if it is there.
///
/// # Errors
/// When it cannot be read, or is no configuration.
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

/// What to say of templates in a configuration that can never be filled in. They may hold secrets, so none is quoted.
pub(crate) fn meaningless(pack: &str, values: &Object) -> Vec<String> {
    let places = configuration::meaningless(values).into_iter();
    let told = places.map(|place| {
        format!(
            "the configuration of the pack `{pack}` cannot be filled in: `{place}` uses a function or a filter that does not \
             exist; correct it"
        )
    });
    told.collect()
}

/// What to say of the file that is to configure `pack`, as it is now, where this was `given` when it was read last: that it
/// will not do, or that it says something else.
pub(crate) fn note(
    directory: &Path,
    pack: &str,
    schema: Option<&Parameters>,
    given: Option<&GivenConfig>,
) -> Option<String> {
    let name = path_in(directory, pack).display().to_string();
    differs(pack, &name, &of_pack(directory, pack, schema), given)
}

/// What to say of the file `name` of a pack that gives this `now`, where this was `given` when it was read last.
fn differs(
    pack: &str,
    name: &str,
    now: &Result<Option<GivenConfig>, Error>,
    given: Option<&GivenConfig>,
) -> Option<String> {
    let is_from_file = given.is_some_and(|given| given.file.is_some());
    let remedy = format!("`petrel pack register {pack}` takes it as it is");
    match now {
        Err(error) => Some(format!("{error}; {}. Until then it does not count", error.hint())),
        Ok(None) => is_from_file.then(|| format!("{name} is gone, and what it said is in force; {remedy}")),
        Ok(Some(now)) => {
            let is_in_force = is_from_file && given.is_some_and(|given| given.values == now.values);
            (!is_in_force).then(|| format!("{name} is not what is in force; {remedy}"))
        }
    }
}

/// What to say of a file that is hardly meant for anything but to configure `pack`, and is not read: where StackStorm has
/// it, or with another ending.
pub(crate) fn misplaced(directory: &Path, pack: &str) -> Option<String> {
    let file = path_in(directory, pack);
    let above = file.parent()?.parent()?.join(file.file_name()?);
    let found = [above, file.with_extension("yml")].into_iter().find(|other| other.is_file())?;
    Some(format!("{} is not read; move it to {}", found.display(), file.display()))
}

/// Whether values are what the schema says, and templates in them can be read. A pack without a schema takes anything.
///
/// # Errors
/// What does not fit, by its place.
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

/// What is said of each key that is missing, and of each that the schema does not have: together, since one is often meant
/// by the other. In StackStorm's words, which stops at the first.
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

/// Whether a key must be given.
pub(crate) fn is_needed(schema: &Value) -> bool {
    let schema = Schema::of(schema);
    schema.is_required() && schema.default().is_none_or(Value::is_null)
}

#[cfg(test)]
mod tests;
