//! Configurations of packs, from a file of the operator (`config_files`) or through the API. A file wins; a configuration
//! through the API is kept in the store. [`configuration`](crate::configuration) has them as actions see them.

use std::sync::Arc;

use petrel_engine_core::evaluation::quick;
use petrel_engine_core::{Decided, Error, refuse_depth};
use petrel_model::parameters::{Parameters, is_needed};
use petrel_model::secrets::{MASK, has_secret, is_masked};
use petrel_model::{Object, Pack, PackConfig};
use petrel_persistence::{Change, Error as ReadError, StoreExt as _};
use serde_json::Value;

use crate::config_advice;
use crate::config_files::{self, fits};
use crate::configuration::{Configuration, GivenConfig, NoConfiguration};
use crate::content::Content;
use crate::masked::{Giver, restored};
use crate::secret_templates::refuse_config_decrypting;
use crate::service::Catalog;

impl Catalog {
    /// Configures a pack. Masked values in `values` stay as they were.
    ///
    /// # Errors
    /// When the pack does not exist, the values do not fit its schema, a file configures it, or `giver` would have a masked
    /// secret of it go elsewhere, or has it decrypt keys of the datastore and does not see secrets.
    pub async fn configure_pack(
        &self,
        pack: &str,
        values: Object,
        giver: Giver,
    ) -> Result<PackConfig, Error> {
        refuse_depth("a value", &Value::Object(values.clone()))?;
        let pack = pack.to_owned();
        self.refuse_sealed_config(&pack).await?;
        self.change(move |content| {
            let schema = content.pack(&pack)?.config_schema.clone();
            let old = content.given_config(&pack);
            refuse_file(&pack, old)?;
            let values = match old {
                Some(old) => {
                    let whose = format!("the configuration of pack `{pack}`");
                    restored(&values, &old.values, giver, &whose)?
                }
                None => values.clone(),
            };
            if is_masked(&Value::Object(values.clone())) {
                return Err(Error::invalid(
                    format!("the configuration of pack `{pack}` holds {MASK} where no secret is kept"),
                    "write the secret itself",
                ));
            }
            fits(&pack, &values, schema.as_ref())?;
            if giver == Giver::SeesNone && old.is_none_or(|old| *old.values != values) {
                let whole = Configuration::new(values.clone(), &values).with_schema(schema.as_ref());
                refuse_config_decrypting(giver, &pack, &whole)?;
            }
            let given = GivenConfig { values: Arc::new(values.clone()), file: None };
            let config = PackConfig { pack: pack.clone(), values, secret: has_secrets(schema.as_ref()) };
            let show = move |content: &mut Content| {
                content.forget_lost_config(&pack);
                content.put_config(&pack, Some(given));
            };
            Ok(Decided::new(vec![Change::put(config.clone())], config, show))
        })
        .await
    }

    /// Stores configurations encrypted that were stored in clear: by an earlier version, or before their pack declared a secret.
    ///
    /// # Errors
    /// When the store fails. The next start tries again.
    pub async fn seal_configs(&self) -> Result<(), Error> {
        for stored in self.core().store().all::<PackConfig>().await?.into_iter().filter(|one| !one.secret) {
            let seal = move |content: &Content| {
                let schema = content.pack(&stored.pack).ok().and_then(|pack| pack.config_schema.as_ref());
                let changes = match content.given_config(&stored.pack).filter(|_| has_secrets(schema)) {
                    // Behind a file nobody can change it.
                    Some(GivenConfig { file: Some(_), .. }) => vec![sealed(&stored.pack, &stored.values)],
                    Some(given) => vec![sealed(&stored.pack, &given.values)],
                    None => Vec::new(),
                };
                Ok(Decided::new(changes, (), |_content: &mut Content| {}))
            };
            self.change(seal).await?;
        }
        Ok(())
    }

    /// The change that encrypts the stored configuration of a pack whose schema declares secrets by now, if it is in clear.
    /// While there is no key, that is a note.
    pub(crate) async fn sealing_of_config(
        &self,
        pack: &str,
        schema: Option<&Parameters>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Change>, Error> {
        if !has_secrets(schema) {
            return Ok(None);
        }
        let store = self.core().store();
        let stored = store.all::<PackConfig>().await?.into_iter().find(|one| one.pack == pack && !one.secret);
        let Some(stored) = stored else { return Ok(None) };
        if let Some(why) = store.refuses_secrets() {
            notes.push(format!(
                "the configuration of pack `{pack}` has secrets by now and stays in clear, as it cannot be encrypted: {why}"
            ));
            return Ok(None);
        }
        Ok(Some(sealed(pack, &stored.values)))
    }

    /// Deletes the configuration of a pack that was given through the API.
    ///
    /// # Errors
    /// When the pack does not exist, it has no such configuration, or a file configures it.
    pub async fn forget_pack_config(&self, pack: &str) -> Result<(), Error> {
        let pack = pack.to_owned();
        self.refuse_sealed_config(&pack).await?;
        self.change(move |content| {
            content.pack(&pack)?;
            refuse_file(&pack, content.given_config(&pack))?;
            if content.given_config(&pack).is_none() && content.lost_config(&pack).is_none() {
                return Err(not_configured(&pack));
            }
            let changes = vec![Change::delete::<PackConfig>(pack.clone())];
            let show = move |content: &mut Content| {
                content.forget_lost_config(&pack);
                content.put_config(&pack, None);
            };
            Ok(Decided::new(changes, (), show))
        })
        .await
    }

    /// Refuses to replace or to remove the stored configuration of a pack that is encrypted by a key which is not here: that
    /// may come back, unless the operator has said that it is lost. A damaged one may be replaced.
    pub(crate) async fn refuse_sealed_config(&self, pack: &str) -> Result<(), Error> {
        let stored = self.core().store().get::<PackConfig>(&pack.to_owned()).await;
        match stored {
            Err(error @ ReadError::Sealed { .. }) if !self.core().vault().is_begun_anew() => {
                Err(Error::invalid(
                    format!("the configuration of the pack `{pack}` stays as it is: {error}"),
                    "if that key is lost for good, stop the host, say so with `petrel store rotate-key --lost`, and give the \
                     configuration again",
                ))
            }
            _ => Ok(()),
        }
    }

    /// The rendered configuration of `pack` for an action that runs on behalf of `user` now.
    ///
    /// # Errors
    /// When a template cannot be rendered, too much waits to be evaluated, or the host stops.
    pub async fn configuration_for(&self, pack: &str, user: &str) -> Result<Arc<Object>, NoConfiguration> {
        let configuration = {
            let content = self.content();
            content.refuse_lost_config(pack)?;
            content.configuration(pack)
        };
        if let Some(values) = configuration.literal() {
            return Ok(Arc::clone(values));
        }
        let datastore = self.keys().readable_by(user);
        if let Some(filled) = quick(|| configuration.filled(pack, &datastore)) {
            return Ok(filled?);
        }
        let pack = pack.to_owned();
        Ok(self.evaluations().heavy(move || configuration.filled(&pack, &datastore)).await??)
    }

    /// The configuration of a pack that is being registered: from its file, or from the store. If the stored one does
    /// not fit any more, a note is added.
    pub(crate) async fn config_of(
        &self,
        pack: &str,
        schema: Option<&Parameters>,
        notes: &mut Vec<String>,
    ) -> Result<Option<GivenConfig>, Error> {
        if let Some(directory) = self.options().config_directory.clone() {
            let (name, own) = (pack.to_owned(), schema.cloned());
            let read = tokio::task::spawn_blocking(move || {
                let given = config_files::of_pack(&directory, &name, own.as_ref())?;
                let misplaced =
                    if given.is_none() { config_files::misplaced(&directory, &name) } else { None };
                Ok::<_, Error>((given, misplaced))
            });
            let (given, misplaced) = read.await??;
            if let Some(given) = given {
                notes.extend(config_advice::of_given(pack, &given, schema));
                return Ok(Some(given));
            }
            notes.extend(misplaced);
        }
        // From the store: the catalog has the file's configuration if there was one, and knows no other.
        let stored = match self.core().store().get::<PackConfig>(&pack.to_owned()).await {
            Err(error @ (ReadError::Damaged { .. } | ReadError::Sealed { .. })) => {
                notes.push(error.to_string());
                return Ok(None);
            }
            stored => stored?,
        };
        let Some(PackConfig { values, .. }) = stored else {
            notes.extend(schema.and_then(|schema| unconfigured(pack, schema)));
            return Ok(None);
        };
        if let Err(error) = fits(pack, &values, schema) {
            notes.push(format!("{error}; {}", error.hint()));
        }
        let given = GivenConfig { values: Arc::new(values), file: None };
        notes.extend(config_advice::of_given(pack, &given, schema));
        Ok(Some(given))
    }

    /// Notes on the configuration `given` of `pack`, and on its defaults, that read missing keys of the datastore.
    pub(crate) fn without_keys(&self, pack: &Pack, given: Option<&GivenConfig>) -> Vec<String> {
        config_advice::without_keys(pack, given, &self.keys().all())
    }

    /// The note on keys that the configuration of `pack` declares, and that it does not have.
    pub fn ungiven_note(&self, pack: &str) -> Option<String> {
        let content = self.content();
        let schema = content.pack(pack).ok()?.config_schema.as_ref()?;
        config_advice::ungiven(pack, &content.given_config(pack)?.values, schema)
    }

    /// Notes on the configuration of `pack` that is in force, and on its present file: that it is not valid, or that it has
    /// changed.
    pub async fn config_notes(&self, pack: &str) -> Vec<String> {
        let content = self.content();
        let given = content.given_config(pack).cloned();
        let registered = content.pack(pack).ok();
        let schema = registered.and_then(|pack| pack.config_schema.clone());
        let mut notes = Vec::new();
        if let Some(given) = &given {
            notes.extend(config_advice::of_given(pack, given, schema.as_ref()));
            notes.extend(registered.into_iter().flat_map(|pack| self.without_keys(pack, Some(given))));
        }
        if let Some(directory) = self.options().config_directory.clone() {
            let name = pack.to_owned();
            let note = move || config_files::note(&directory, &name, schema.as_ref(), given.as_ref());
            notes.extend(tokio::task::spawn_blocking(note).await.unwrap_or_else(|gone| {
                Some(format!(
                    "the file of the pack `{pack}` could not be read ({gone}); see the log of the host"
                ))
            }));
        }
        notes
    }
}

/// The note on a pack that is not configured and needs values without defaults.
fn unconfigured(pack: &str, schema: &Parameters) -> Option<String> {
    let needed: Vec<_> =
        schema.iter().filter(|(_, schema)| is_needed(schema)).map(|(name, _)| name.as_str()).collect();
    (!needed.is_empty()).then(|| {
        format!(
            "the pack `{pack}` is not configured and needs {}; `petrel pack configure {pack} FILE` gives them",
            needed.join(", ")
        )
    })
}

/// The error for a pack without a configuration.
pub fn not_configured(pack: &str) -> Error {
    Error::NotFound {
        what: "configuration of pack",
        name: pack.to_owned(),
        hint: format!("`petrel pack configure {pack} FILE` gives one"),
    }
}

/// The error for a pack without a configuration, with this note on its file.
pub fn not_configured_by_file(pack: &str, notes: &[String]) -> Error {
    if notes.is_empty() {
        return not_configured(pack);
    }
    Error::NotFound { what: "configuration of pack", name: pack.to_owned(), hint: notes.join("; ") }
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

/// Whether a schema of configurations declares something secret.
fn has_secrets(schema: Option<&Parameters>) -> bool {
    schema.is_some_and(|schema| schema.values().any(has_secret))
}

fn sealed(pack: &str, values: &Object) -> Change {
    Change::put(PackConfig { pack: pack.to_owned(), values: values.clone(), secret: true })
}
