//! The language of a workflow that runs.

use petrel_workflows::Language;

/// The language of the workflows that `runner` conducts. Digests of early versions do not name the runner, which was that of
/// Orquesta.
pub(crate) fn language(runner: &str) -> Language {
    Language::of_runner(runner).unwrap_or(Language::Orquesta)
}
