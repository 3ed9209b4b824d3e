//! Configures packs: from a file of the operator, or through the API. A file wins; what was given
//! through the API is kept in the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_model::configuration::with_defaults;
use petrel_model::parameters::{Parameters, Schema};
use petrel_model::secrets::{MASK, is_masked, unmasked};
use petrel_model::{Object, Pack, PackConfig};
use petrel_packs::definition::read_config;
use petrel_packs::limits::LARGEST_METADATA;
use petrel_packs::{Problem, plain_file};
use petrel_persistence::{Change, StoreExt as _};
use serde_json::Value;

use crate::configuration::{self, Configuration};
use crate::error::Error;
use crate::executions::refuse_depth;
use crate::service::Engine;
use crate::validation::Validator;

/// The configuration of a pack, as it was given.
#[derive(Debug, Clone)]
pub struct GivenConfig {
    /// What was given; without the defaults of the schema.
    pub values: Arc<Object>,
    /// The file that it stands in, unless it came through the API.
    pub file: Option<PathBuf>,
}

impl Engine {
    /// Configures a pack. What is masked in `values` stays as it was.
    ///
    /// # Errors
    /// When there is no such pack, the values do not fit its schema, or a file configures it.
    pub async fn configure_pack(&self, pack: &str, values: Object) -> Result<PackConfig, Error> {
        refuse_depth("a value", &Value::Object(values.clone()))?;
        let (engine, pack) = (self.clone(), pack.to_owned());
        self.to_the_end(async move {
            let _changing = engine.0.changing_content.lock().await;
            let values = {
                let content = engine.content();
                let schema = content.pack(&pack)?.config_schema.clone();
                let old = content.given_config(&pack);
                refuse_file(&pack, old)?;
                let values = old.map_or_else(|| values.clone(), |old| unmasked(&values, &old.values));
                if is_masked(&Value::Object(values.clone())) {
                    return Err(Error::invalid(
                        format!("the configuration of pack `{pack}` holds {MASK} where no secret is kept"),
                        "write the secret itself",
                    ));
                }
                fits(&pack, &values, schema.as_ref())?;
                values
            };
            let config = PackConfig { pack: pack.clone(), values };
            engine.commit(Vec::new(), vec![Change::put(config.clone())]).await?;
            let given = GivenConfig { values: Arc::new(config.values.clone()), file: None };
            engine.content_mut().put_config(&pack, Some(given));
            Ok(config)
        })
        .await
    }

    /// Forgets what was given for a pack through the API.
    ///
    /// # Errors
    /// When there is no such pack, nothing was given for it, or a file configures it.
    pub async fn forget_pack_config(&self, pack: &str) -> Result<(), Error> {
        let (engine, pack) = (self.clone(), pack.to_owned());
        self.to_the_end(async move {
            let _changing = engine.0.changing_content.lock().await;
            {
                let content = engine.content();
                content.pack(&pack)?;
                refuse_file(&pack, content.given_config(&pack))?;
                if content.given_config(&pack).is_none() {
                    return Err(not_configured(&pack));
                }
            }
            engine.commit(Vec::new(), vec![Change::delete::<PackConfig>(pack.clone())]).await?;
            engine.content_mut().put_config(&pack, None);
            Ok(())
        })
        .await
    }

    /// Where the file of a pack is, if it has one.
    fn config_path(&self, pack: &str) -> Option<PathBuf> {
        let directory = self.0.options.config_directory.as_ref()?;
        Some(directory.join("packs").join(format!("{pack}.yaml")))
    }

    /// What a pack that is being registered is configured by: its file, or what is in the store. What is in
    /// the store and does not fit any more goes to `notes`.
    pub(crate) async fn config_of(
        &self,
        pack: &str,
        schema: Option<&Parameters>,
        notes: &mut Vec<String>,
    ) -> Result<Option<GivenConfig>, Error> {
        if let Some(file) = self.config_path(pack) {
            let path = file.clone();
            let read = tokio::task::spawn_blocking(move || read(&path)).await;
            let read = read.unwrap_or_else(|gone| Err(gone.into()))?;
            if let Some(given) = given_by(file, read, pack, schema)? {
                return Ok(Some(given));
            }
        }
        let stored = self.store().all::<PackConfig>().await?.into_iter().find(|config| config.pack == pack);
        let Some(PackConfig { values, .. }) = stored else {
            notes.extend(schema.and_then(|schema| unconfigured(pack, schema)));
            return Ok(None);
        };
        if let Err(error) = fits(pack, &values, schema) {
            notes.push(format!("{error}; {}", error.hint()));
        }
        Ok(Some(GivenConfig { values: Arc::new(values), file: None }))
    }

    /// What to say of defaults in the configuration of a pack, of which this was given, that read keys of the datastore which
    /// are not there.
    pub(crate) fn without_keys(&self, pack: &Pack, given: Option<&GivenConfig>) -> Vec<String> {
        let Some(schema) = &pack.config_schema else { return Vec::new() };
        let none = Object::new();
        let given = given.map_or(&none, |given| &*given.values);
        let configuration = Configuration::new(with_defaults(given, schema), given);
        let absent = configuration.absent(&self.keys().all()).into_iter();
        let told = absent.map(|(place, missing)| {
            format!(
                "the configuration of the pack `{0}`: the default of `{place}` is null, since {missing}; `petrel key set NAME \
                 VALUE` sets it, or `petrel pack configure {0} FILE` gives the value itself",
                pack.reference
            )
        });
        told.collect()
    }

    /// Reads the files of all packs, when the host starts. One that will not do is told in the log; the pack
    /// then has what was given through the API, and the defaults.
    pub(crate) fn read_config_files(&self) {
        let packs: Vec<_> = self.content().packs().cloned().collect();
        for pack in packs {
            let Some(file) = self.config_path(&pack.reference) else { continue };
            let given = read(&file)
                .and_then(|values| given_by(file, values, &pack.reference, pack.config_schema.as_ref()));
            match given {
                Ok(Some(given)) => self.content_mut().put_config(&pack.reference, Some(given)),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(pack = pack.reference, %error, "the configuration of a pack will not do");
                }
            }
        }
    }
}

/// What the file of a pack gives, if it is there.
///
/// # Errors
/// When it does not fit the schema of the pack.
fn given_by(
    file: PathBuf,
    values: Option<Object>,
    pack: &str,
    schema: Option<&Parameters>,
) -> Result<Option<GivenConfig>, Error> {
    let Some(values) = values else { return Ok(None) };
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

/// What to say of a pack that is not configured and needs values for which there is no default.
fn unconfigured(pack: &str, schema: &Parameters) -> Option<String> {
    let is_needed = |schema: &Value| {
        let schema = Schema::of(schema);
        schema.is_required() && schema.default().is_none_or(Value::is_null)
    };
    let needed: Vec<_> =
        schema.iter().filter(|(_, schema)| is_needed(schema)).map(|(name, _)| name.as_str()).collect();
    (!needed.is_empty()).then(|| {
        format!(
            "the pack `{pack}` is not configured and needs {}; `petrel pack configure {pack} FILE` gives them",
            needed.join(", ")
        )
    })
}

/// There is no configuration.
pub fn not_configured(pack: &str) -> Error {
    Error::NotFound {
        what: "configuration of pack",
        name: pack.to_owned(),
        hint: format!("`petrel pack configure {pack} FILE` gives one"),
    }
}

fn refuse_file(pack: &str, given: Option<&GivenConfig>) -> Result<(), Error> {
    match given.and_then(|given| given.file.as_ref()) {
        Some(file) => Err(Error::Conflict {
            message: format!("the pack `{pack}` is configured by {}", file.display()),
            hint: "change that file and register the pack again, or remove it and start the host again"
                .into(),
            id: None,
        }),
        None => Ok(()),
    }
}

/// Whether values are what the schema says, and templates in them can be read. A pack without a schema takes anything.
fn fits(pack: &str, values: &Object, schema: Option<&Parameters>) -> Result<(), Error> {
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
