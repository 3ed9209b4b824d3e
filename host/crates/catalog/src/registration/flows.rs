//! The check of workflows and chains in a pack that is registered or checked. A mistake in the workflow itself
//! refuses its action. A mistake in a call of another action is a note, since that action may come later; so is a
//! likely mistake. [`crate::workflows`] inspects workflows.

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_expressions::Datastore;
use petrel_expressions::members::ConfigKeys;
use petrel_model::count::counted;
use petrel_model::names::is_own_pack;
use petrel_model::parameters::{Parameters, merged};
use petrel_model::{Action, Pack, Ref};
use petrel_packs::limits::{LARGEST_WORKFLOW, MOST_PROBLEMS_OF_PACK};
use petrel_packs::{PackContents, Problem, Source};
use petrel_runners::Runs;
use petrel_workflows::Language;
use petrel_workflows::inspection::Kind;

use crate::content::{Content, RegisteredAction, RegisteredTriggerType};
use crate::workflows::{self, Found, Registered, WithPack};

/// The knowledge about the world around a pack.
pub(super) struct Around {
    content: Arc<Content>,
    /// The datastore, if there is a host.
    datastore: Option<Arc<Datastore>>,
    /// Whether there is no host. Then only the host's own packs are known.
    is_alone: bool,
}

/// The knowledge about an object that a pack names.
pub(super) enum Known<T> {
    /// It exists.
    There(Arc<T>),
    /// It does not exist.
    Missing(Error),
    /// Nobody can tell without a host.
    Unknown,
}

impl<T> Known<T> {
    /// The object, if it exists.
    pub(super) fn there(&self) -> Option<&T> {
        match self {
            Self::There(it) => Some(it),
            Self::Missing(_) | Self::Unknown => None,
        }
    }
}

impl Around {
    /// The catalog and the datastore of a host.
    pub(super) fn host(content: Arc<Content>, datastore: Arc<Datastore>) -> Self {
        Self { content, datastore: Some(datastore), is_alone: false }
    }

    /// The catalog of a freshly started host, which knows only the host's own packs.
    pub(super) fn alone(content: Arc<Content>) -> Self {
        Self { content, datastore: None, is_alone: true }
    }

    /// The datastore, if it is known.
    pub(super) fn datastore(&self) -> Option<&Datastore> {
        self.datastore.as_deref()
    }

    /// The keys that the configuration of a pack that is about to be registered may have.
    pub(super) fn config_keys(&self, pack: &Pack) -> Option<ConfigKeys> {
        self.content.config_keys(&pack.reference, pack.config_schema.as_ref())
    }

    /// The known catalog, with the runners.
    pub(super) fn content(&self) -> &Arc<Content> {
        &self.content
    }

    /// An action of another pack.
    pub(super) fn action(&self, reference: &Ref) -> Known<RegisteredAction> {
        self.known(reference, self.content.action(reference))
    }

    /// A trigger type of another pack.
    pub(super) fn trigger_type(&self, reference: &Ref) -> Known<RegisteredTriggerType> {
        self.known(reference, self.content.trigger_type(reference))
    }

    fn known<T>(&self, reference: &Ref, found: Result<&Arc<T>, Error>) -> Known<T> {
        let pack = reference.pack();
        match found {
            Ok(it) => Known::There(Arc::clone(it)),
            // Packs of the host's own come with it or not at all.
            Err(_) if self.is_alone && self.content.pack(pack).is_err() && !is_own_pack(pack) => {
                Known::Unknown
            }
            Err(error) => Known::Missing(error),
        }
    }
}

/// Refuses actions whose workflow is wrong, and notes everything else about workflows. Without a host it returns, by the
/// name of the action, the calls that fail on every host: the pack can be registered all the same, and the actions that
/// are called may come later.
pub(super) fn check_workflows(
    pack: &dyn Source,
    contents: &mut PackContents,
    around: &Around,
) -> Vec<(String, Problem)> {
    let unread: Vec<String> = contents.refused.keys().cloned().collect();
    let unread = unread.iter().map(String::as_str);
    let known =
        WithPack::alone(around.content.runners(), &contents.pack.reference, &contents.actions, unread);
    let is_conducted =
        |action: &Action| around.content.runners().get(&action.runner_type).is_some_and(Runs::is_conducted);
    let config = around.config_keys(&contents.pack);
    let (mut left, mut notes, mut more) = (MOST_PROBLEMS_OF_PACK, Vec::new(), 0);
    let mut failing = Vec::new();
    for action in &contents.actions {
        let name = action.reference.name();
        // The file of an action that is refused already may be missing.
        if !is_conducted(action) || contents.refused.contains_key(name) {
            continue;
        }
        let Some(language) = Language::of_runner(&action.runner_type) else { continue };
        let mut looked = look(pack, action, language, &known, around, config.as_ref());
        let room = MOST_PROBLEMS_OF_PACK.saturating_sub(failing.len());
        failing.extend(looked.calls.into_iter().take(room).map(|problem| (name.to_owned(), problem)));
        notes.append(&mut looked.notes);
        more += notes.len().saturating_sub(MOST_PROBLEMS_OF_PACK);
        notes.truncate(MOST_PROBLEMS_OF_PACK);
        if !looked.problems.is_empty() {
            // One finding of each workflow is reported, however many workflows there are.
            looked.problems.truncate(left.max(1));
            left = left.saturating_sub(looked.problems.len());
            contents.refused.insert(name.to_owned(), looked.problems);
        }
    }
    contents.notes.append(&mut notes);
    if more > 0 {
        contents.notes.push(format!("and {} on workflows; see to these first", counted(more, "more note")));
    }
    failing
}

/// The findings in the workflow of an action.
struct Looked {
    /// Problems that keep it from running.
    problems: Vec<Problem>,
    /// Calls that fail on every host, if there is none.
    calls: Vec<Problem>,
    /// Notes for the author, one sentence each.
    notes: Vec<String>,
}

fn look(
    pack: &dyn Source,
    action: &Action,
    language: Language,
    known: &WithPack<'_>,
    around: &Around,
    config: Option<&ConfigKeys>,
) -> Looked {
    let file = format!("actions/{}", action.entry_point);
    let source = match pack.read(&file, LARGEST_WORKFLOW) {
        Ok(source) => source,
        Err(error) => {
            let message = format!("the workflow cannot be read ({error}); check the file");
            let problems = vec![Problem { file, position: None, message }];
            return Looked { problems, calls: Vec::new(), notes: Vec::new() };
        }
    };
    let problem = |found: &Found| Problem {
        file: file.clone(),
        position: found.position,
        message: found.without_position(),
    };
    let inspected = workflows::inspect(language, &source);
    let mut wrong = if inspected.has_errors() { inspected.found().0 } else { Vec::new() };
    wrong.sort_by_key(|found| found.position);
    let problems = wrong.iter().filter(|found| !found.finding.is_note()).map(problem).collect();
    let none = Parameters::new();
    let of_runner = around.content.runners().get(&action.runner_type);
    let of_runner = of_runner.map(|runner| &runner.runner_type().parameters);
    let parameters = merged(of_runner.unwrap_or(&none), &action.parameters);
    let others = if around.is_alone {
        Registered::everywhere(&around.content, inspected.calls())
    } else {
        Registered::on(&around.content, inspected.calls())
    };
    let mut inspected = inspected.beside(&known.beside(others)).of_action(&parameters);
    if let Some(datastore) = around.datastore() {
        inspected = inspected.with_keys(datastore);
    }
    if let Some(config) = config {
        inspected = inspected.with_config(config);
    }
    let mut found = inspected.found().0;
    found.sort_by_key(|found| found.position);
    let told = |found: &Found| {
        let Problem { message, file, position } = problem(found);
        Problem { message: format!("{message}{}", consequence(action, language, found)), file, position }
    };
    let (calls, found): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| around.is_alone && is_wrong_call(found));
    let is_said = |found: &&Found| found.finding.is_note() || is_wrong_call(found);
    let notes = found.iter().filter(is_said).map(|found| told(found).to_string()).collect();
    Looked { problems, calls: calls.iter().map(told).collect(), notes }
}

/// Whether a workflow fails for a call before its first task.
fn is_wrong_call(found: &Found) -> bool {
    found.finding.kind == Kind::Content && !found.finding.is_note()
}

/// The consequence of a wrong call that nobody corrects.
fn consequence(action: &Action, language: Language, found: &Found) -> String {
    if found.finding.kind != Kind::Content {
        return String::new();
    }
    match language {
        Language::Chain => format!(" Correct it, or `{}` fails at this task.", action.reference),
        Language::Orquesta if found.finding.is_note() => String::new(),
        Language::Orquesta => {
            format!(" Correct it, or `{}` fails before its first task.", action.reference)
        }
    }
}
