//! Configurations of packs in files of the operator, and what any configuration has to be. Who gives one through the API,
//! and which of them counts, is in [`pack_configs`](crate::pack_configs).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::Object;
use petrel_model::parameters::Parameters;
use petrel_packs::definition::read_config;
use petrel_packs::limits::LARGEST_METADATA;
use petrel_packs::{Problem, plain_file};
use serde_json::Value;

use crate::configuration::{self, GivenConfig};
use crate::content::Content;
use crate::validation::Validator;

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
    let value = Value::Object(values.clone());
    Validator::of_parameters(schema).check(&value).map_err(|message| {
        Error::invalid(
            format!("the configuration of pack `{pack}` does not fit: {message}"),
            format!("`petrel pack config {pack} --schema` shows what it takes"),
        )
    })
}
