//! Configurations of packs in files of the operator, and the checks of every configuration.
//! [`pack_configs`](crate::pack_configs) has those of the API, and decides which of the two counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_expressions::work;
use petrel_model::Object;
use petrel_model::nearest::nearest;
use petrel_model::parameters::{Parameters, is_needed};
use petrel_model::quoted::quoted;
use petrel_packs::definition::read_config;
use petrel_packs::limits::LARGEST_METADATA;
use petrel_packs::{Problem, plain_file};
use serde_json::Value;

use crate::configuration::{self, GivenConfig};
use crate::content::Content;
use crate::validation::{Validator, are_large};

/// Largest number of mistakes in a message.
const MOST_MISTAKES: usize = 20;

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
/// values, and one with a schema takes other keys besides; [`config_advice`](crate::config_advice) tells of these.
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
    let wrong = schema.map(|schema| mistakes(values, schema)).unwrap_or_default();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(
        format!("the configuration of pack `{pack}` does not fit: {}", wrong.join("; ")),
        format!("`petrel pack config {pack} --schema` shows what it takes"),
    ))
}

/// The messages about each missing key and each value that its schema refuses, in StackStorm's words, which stops at the
/// first.
fn mistakes(values: &Object, schema: &Parameters) -> Vec<String> {
    let whole = Validator::of_configuration(schema).check(&Value::Object(values.clone()));
    let Err(first) = whole else { return Vec::new() };
    // Large values are not gone through a second time.
    if are_large(values) {
        return vec![first];
    }
    let missing = schema.iter().filter(|(name, schema)| is_needed(schema) && !values.contains_key(*name));
    let missing = missing.map(|(name, _)| {
        let others = values.keys().filter(|key| !schema.contains_key(*key)).map(String::as_str);
        // Other keys are allowed, so a misspelt one is refused by nobody.
        let meant = nearest(name, others).map(|other| format!("; was it meant by '{}'?", quoted(other)));
        format!("'{}' is a required property{}", quoted(name), meant.unwrap_or_default())
    });
    let wrong = values.iter().filter_map(|(name, value)| {
        let alone = Parameters::from_iter([(name.clone(), schema.get(name)?.clone())]);
        let value = Object::from_iter([(name.clone(), value.clone())]);
        Validator::of_configuration(&alone).check(&Value::Object(value)).err()
    });
    // All of them together have the limits of a single check.
    let found: Vec<_> = work::evaluation(|| missing.chain(wrong).take(MOST_MISTAKES).collect());
    if found.is_empty() { vec![first] } else { found }
}

#[cfg(test)]
mod tests;
