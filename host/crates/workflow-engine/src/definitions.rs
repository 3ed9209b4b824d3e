//! The definitions of workflows: the file is read when a workflow begins, inspected and compiled once for
//! each content, and stored, so that a workflow goes on with the definition with which it began.
//! `petrel_catalog::workflows` has the inspection.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use petrel_catalog::Catalog;
use petrel_catalog::content::RegisteredAction;
use petrel_catalog::workflows::{Invalid, Registered, inspect_as, wrong_calls};
use petrel_engine_core::Error;
use petrel_model::WorkflowDefinition;
use petrel_packs::limits::LARGEST_WORKFLOW;
use petrel_packs::plain_file;
use petrel_persistence::{Store, StoreExt as _};
use petrel_runners::entry_point::{self, Found};
use petrel_workflows::chain::ChainDefinition;
use petrel_workflows::inspection::contents::{self, Call};
use petrel_workflows::{Definition, Language, Source};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::language::language;

/// The number of calls that are compared on a worker. More take long, and get a thread of their own.
const FEW_CALLS: usize = 256;

/// A compiled definition.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) stored: WorkflowDefinition,
    pub(crate) definition: Source,
    /// The calls of actions in it.
    calls: Vec<Call>,
    /// The revision of the catalog, plus one, for which all calls are known to be right.
    fits: AtomicU64,
    /// Whether the store is known to have the definition.
    is_stored: AtomicBool,
}

impl Compiled {
    /// Whether the definition must be stored with the workflow that begins with it. Several workflows may
    /// store it at once, since they all write the same row.
    pub(crate) fn must_be_stored(&self) -> bool {
        !self.is_stored.load(Ordering::Relaxed)
    }

    pub(crate) fn set_stored(&self) {
        self.is_stored.store(true, Ordering::Relaxed);
    }

    /// Compares the calls with the catalog, again only when that has changed.
    ///
    /// # Errors
    /// The result of a workflow that cannot begin because of its calls.
    pub(crate) async fn compare(self: &Arc<Self>, catalog: &Catalog) -> Result<(), Value> {
        // A change from here on leads to another comparison next time.
        let revision = catalog.version().saturating_add(1);
        if self.fits.load(Ordering::Relaxed) == revision {
            return Ok(());
        }
        let wrong = if self.calls.len() > FEW_CALLS {
            let (same, catalog) = (Arc::clone(self), catalog.clone());
            tokio::task::spawn_blocking(move || same.wrong(&catalog)).await.map_err(|gone| {
                not_begun(&json!([{"type": "error", "message": Error::from(gone).to_string()}]))
            })?
        } else {
            self.wrong(catalog)
        };
        if let Some(invalid) = wrong {
            return Err(not_begun(&invalid.to_errors()));
        }
        self.fits.store(revision, Ordering::Relaxed);
        Ok(())
    }

    fn wrong(&self, catalog: &Catalog) -> Option<Invalid> {
        wrong_calls(&self.calls, &Registered::on(&catalog.content(), &self.calls), &self.stored.source)
    }
}

/// The mark behind the runner's name in the digest of a definition that is evaluated as in the original.
const REEVALUATING: &str = "+reevaluate";

/// Compiles the text of a workflow that was inspected before. Its runner may have the mark `REEVALUATING`.
fn recompile(runner: &str, source: &str) -> Result<(Source, Vec<Call>), String> {
    let (runner, reevaluates) = match runner.strip_suffix(REEVALUATING) {
        Some(runner) => (runner, true),
        None => (runner, false),
    };
    let value = petrel_yaml::parse(source).map_err(|error| error.to_string())?.value;
    match language(runner) {
        Language::Chain => {
            let mut chain = ChainDefinition::compile(&value).map_err(|problems| {
                let told = problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message));
                told.collect::<Vec<_>>().join("; ")
            })?;
            chain.reevaluates = reevaluates;
            let calls = contents::calls_of_chain(&chain);
            Ok((Source::Chain(Arc::new(chain)), calls))
        }
        Language::Orquesta => {
            let mut definition = Definition::compile(&value).map_err(|error| error.to_string())?;
            definition.reevaluates = reevaluates;
            Ok((Source::Orquesta(Arc::new(definition)), contents::calls(&value)))
        }
    }
}

/// A file as it was read: the time of its last change, its length, and its content.
type File = (SystemTime, u64, Arc<Compiled>);

/// A path, and whether results of expressions are evaluated again.
type Key = (PathBuf, bool);

/// The definitions that were used.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    files: Mutex<HashMap<Key, File>>,
    by_digest: Arc<ByDigest>,
}

type ByDigest = Mutex<HashMap<Arc<str>, Arc<Compiled>>>;

impl Definitions {
    /// The present definition of an action, which `reevaluates` or not.
    ///
    /// # Errors
    /// The result of a workflow that cannot begin: `{"errors": [...], "output": null}`.
    pub(crate) async fn of_action(
        &self,
        action: &RegisteredAction,
        reevaluates: bool,
    ) -> Result<Arc<Compiled>, Value> {
        let found = entry_point::find_in(&action.pack_path, &action.action).await;
        let Found { path, metadata } = found.map_err(|outcome| {
            not_begun(&json!([{"type": "error", "message": outcome.result.get("error")}]))
        })?;
        let unreadable = |error: std::io::Error| {
            let message = format!("{} cannot be read: {error}", path.display());
            not_begun(&json!([{"type": "error", "message": message}]))
        };
        // A file with the same time and length counts as unchanged, so that most workflows begin without
        // reading it.
        let (changed, length) = (metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len());
        let key = (path.clone(), reevaluates);
        if let Some((known, size, compiled)) = self.files.lock().get(&key)
            && (*known, *size) == (changed, length)
        {
            return Ok(Arc::clone(compiled));
        }
        let (file, language) = (path.clone(), language(&action.action.runner_type));
        let by_digest = Arc::clone(&self.by_digest);
        // Inspecting a large definition takes longer than reading it.
        let read = tokio::task::spawn_blocking(move || -> std::io::Result<_> {
            let source = plain_file::read_text_in_turn(&file, LARGEST_WORKFLOW)?;
            Ok(compile(&by_digest, language, &source, reevaluates))
        });
        let compiled = read.await.unwrap_or_else(|error| Err(error.into())).map_err(unreadable)?;
        let compiled = compiled.map_err(|invalid| not_begun(&invalid.to_errors()))?;
        self.files.lock().insert(key, (changed, length, Arc::clone(&compiled)));
        Ok(compiled)
    }

    /// The definition with which a workflow began.
    ///
    /// # Errors
    /// When the store fails, or does not have the definition.
    pub(crate) async fn stored(&self, store: &dyn Store, digest: &str) -> Result<Arc<Compiled>, Error> {
        if let Some(known) = self.by_digest.lock().get(digest) {
            return Ok(Arc::clone(known));
        }
        let stored = store.get::<WorkflowDefinition>(&digest.into()).await?;
        let stored =
            stored.ok_or_else(|| Error::Unreadable(format!("the definition {digest} is missing")))?;
        // It was inspected when it was new, and the rules of the inspection may have changed since.
        let runner = digest.rsplit_once('-').map_or("", |(runner, _)| runner);
        let (definition, calls) = recompile(runner, &stored.source).map_err(|reason| {
            Error::Unreadable(format!("the definition {digest} cannot be read: {reason}"))
        })?;
        let compiled = Arc::new(Compiled {
            definition,
            stored,
            calls,
            fits: AtomicU64::new(0),
            is_stored: AtomicBool::new(true),
        });
        self.by_digest.lock().insert(digest.into(), Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// Inspects and compiles a text, unless that was done before.
fn compile(
    by_digest: &ByDigest,
    language: Language,
    source: &str,
    reevaluates: bool,
) -> Result<Arc<Compiled>, Invalid> {
    // The same text may be written for either runner, and evaluated in either way.
    let (runner, mark) = (language.runner(), if reevaluates { REEVALUATING } else { "" });
    let digest: Arc<str> = format!("{runner}{mark}-{:x}", Sha256::digest(source.as_bytes())).into();
    if let Some(known) = by_digest.lock().get(&digest) {
        return Ok(Arc::clone(known));
    }
    let (definition, calls) = inspect_as(language, source, reevaluates).into_parts()?;
    let compiled = Arc::new(Compiled {
        definition,
        calls,
        fits: AtomicU64::new(0),
        stored: WorkflowDefinition { digest: Arc::clone(&digest), source: source.into() },
        is_stored: AtomicBool::new(false),
    });
    // Somebody else may have compiled the same text meanwhile; either result will do.
    by_digest.lock().insert(digest, Arc::clone(&compiled));
    Ok(compiled)
}

/// The result of a workflow that could not begin.
pub(crate) fn not_begun(errors: &Value) -> Value {
    json!({"output": null, "errors": errors})
}
