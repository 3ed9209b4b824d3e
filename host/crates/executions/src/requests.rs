//! The acceptance of requests: parameters are rendered and checked, and the execution is built and stored.
//! Rules and workflows build theirs with the same functions.

use std::sync::Arc;
use std::time::Duration;

use petrel_access::Behalf;
use petrel_catalog::Giver;
use petrel_catalog::content::{Content, RegisteredAction, refused, without_runner};
use petrel_catalog::validation::are_large;
use petrel_engine_core::Error;
use petrel_engine_core::evaluation::{may_take_long, quick};
use petrel_engine_core::refuse_depth;
use petrel_model::execution::{Account, Context, LogEntry, RerunOf};
use petrel_model::{
    Execution, ExecutionId, Notify, Object, Ref, Status, Timestamp, TraceId, TraceLink, TraceTag,
};
use petrel_persistence::Change;
use petrel_rules::parameters::{self, Given};
use serde_json::Value;
use tracing::Instrument as _;

use super::calls::Below;
use super::notifications;
use super::opened::Opened;
use super::queue::Queue;
use super::scope::Templates;
use super::service::Executions;
use super::spans;

/// The largest context of a caller, in bytes of JSON.
const LARGEST_CONTEXT: usize = 2048;

/// A request for an execution.
#[derive(Debug, Clone)]
pub struct Request {
    /// The action.
    pub action: Ref,
    /// The caller's parameters, whose texts may contain Jinja.
    pub parameters: Object,
    /// Further parameters, which were rendered before, as for a rerun: they are data.
    pub rendered: Object,
    /// The user on whose behalf it runs, and the caller.
    pub behalf: Behalf,
    /// The caller's context, to be stored with the execution.
    pub context: Object,
    /// The execution of which this is a rerun.
    pub rerun: Option<RerunOf>,
    /// The delay before the execution starts.
    pub delay: Option<Duration>,
    /// The trace that it belongs to. Default: one that begins with it.
    pub trace: Option<TraceId>,
    /// Who is to be told of its end. What the action says of this itself goes before, as in StackStorm.
    pub notify: Option<Notify>,
    /// The tag of the trace, if one is given.
    pub trace_tag: Option<TraceTag>,
}

/// The secrets in parameters that were rendered before. By default none.
#[derive(Default)]
pub(crate) struct Secret {
    /// Their places.
    pub(crate) places: Vec<String>,
    /// The texts that these parameters may quote, or that templates may take from them.
    pub(crate) texts: Vec<String>,
    /// Whether they may have copies of others, see [`Context::sealed`].
    pub(crate) sealed: bool,
}

/// A requested execution, before it is stored.
struct Asked {
    registered: Arc<RegisteredAction>,
    context: Context,
    written: Object,
    rendered: Object,
    /// The secrets in `rendered`.
    secret: Secret,
    /// The author of the templates in `written`.
    writer: Giver,
}

impl Asked {
    /// Renders the parameters on behalf of the user, and checks them. Returns them with their secrets in the context.
    fn parameters(&self, queue: &Queue) -> Result<(Object, Context), Error> {
        // Compiling templates charges no work, so many of them must not be compiled on a worker.
        if are_large(&self.written) && !may_take_long() {
            return Err(Error::Busy("parameters so large cannot be looked through beside other work".into()));
        }
        let given = Given::compile(&self.written).over(&self.rendered);
        let (keys, content) = (queue.keys(), queue.catalog().content());
        let (opened, before) = (Opened::default(), &self.secret.places);
        let templates = Templates {
            keys,
            content: &content,
            registered: &self.registered,
            given: &given,
            opened: &opened,
        };
        // Before anything is rendered, since success and failure tell of a secret too.
        templates.refuse_secrets_to(self.writer, before)?;
        let live = templates
            .scope(&self.context.user, || self.context.shown_late())
            .and_then(|scope| parameters::live(&given, &self.registered.signature, &scope))
            .map_err(|error| Error::invalid(self.told(&templates, error), usage(&self.registered)))?;
        // Any value may be made from a secret among the parameters that were rendered before.
        let hides = |parameter: Option<&str>| !before.is_empty() || templates.hide_value(parameter);
        checked(&self.registered, &live, hides)?;
        let secret_places = templates.secret_places(&live, None, before);
        let secret_parts = templates.secret_parts(&live, &secret_places, self.secret.texts.clone());
        let context = Context { secret_places, secret_parts, ..self.context.clone() };
        Ok((live, context))
    }

    /// The message about `error`. It quotes no value if the parameters rendered before hold secrets, which
    /// templates may have read.
    fn told(&self, templates: &Templates<'_>, error: parameters::Error) -> String {
        let told = templates.told(error);
        if self.secret.places.is_empty() { told } else { told.hidden() }.to_string()
    }
}

impl Executions {
    /// Accepts a request. The execution is stored, and will be run, when this returns.
    ///
    /// # Errors
    /// When the action does not exist or is disabled, the parameters do not fit, too much is waiting, or the
    /// host is stopping. Nothing was stored then.
    pub async fn request(&self, request: Request) -> Result<Execution, Error> {
        self.request_with(request, Secret::default()).await
    }

    /// As [`request`](Self::request), with the secrets in the parameters that were rendered before.
    pub(crate) async fn request_with(&self, request: Request, secret: Secret) -> Result<Execution, Error> {
        let queue = self.queue();
        // Asked before anything is rendered, so that refused requests cost little.
        queue.check_room()?;
        queue.check_share(Account::User(&request.behalf.user))?;
        let now = self.core().now();
        // Minted before anything is decided, since the id names the trace in the log.
        let id: ExecutionId = self.core().mint(now);
        let trace = request.trace.unwrap_or_else(|| TraceId::from(id.0));
        let span = spans::accept_execution(id, trace);
        self.accept((id, now), request, secret, None).instrument(span).await
    }

    /// As [`request_with`](Self::request_with), for what an action calls: its caller runs already, and has the right to wait.
    pub(crate) async fn request_below(
        &self,
        request: Request,
        secret: Secret,
        below: Below,
    ) -> Result<Execution, Error> {
        if self.core().is_stopping() {
            return Err(Error::Stopping);
        }
        let (id, now) = (below.id, self.core().now());
        let span = spans::accept_execution(id, below.trace);
        self.accept((id, now), request, secret, Some(below)).instrument(span).await
    }

    /// The kind of those who write the templates of a request. All of them need to see secrets: neither acting
    /// for somebody nor issuing somebody's token lends rights.
    fn writer(&self, behalf: &Behalf) -> Giver {
        let mut all = std::iter::once(&behalf.user).chain(&behalf.api_user);
        if all.all(|user| self.access().is_admin(user)) { Giver::SeesSecrets } else { Giver::SeesNone }
    }

    /// Builds the requested execution, and stores it.
    async fn accept(
        &self,
        (id, now): (ExecutionId, Timestamp),
        request: Request,
        secret: Secret,
        below: Option<Below>,
    ) -> Result<Execution, Error> {
        let queue = self.queue();
        let writer = self.writer(&request.behalf);
        let registered = runnable(&queue.catalog().content(), &request.action)?;
        refuse_overrides(&registered, &request.parameters)?;
        // Also these: a parameter may have become immutable since the original ran.
        refuse_overrides(&registered, &request.rendered)?;
        refuse_large_context(&request.context)?;
        refuse_depth("the context", &Value::Object(request.context.clone()))?;
        request.notify.as_ref().map_or(Ok(()), notifications::check)?;
        let context = Context {
            user: request.behalf.user,
            api_user: request.behalf.api_user,
            pack: request.action.pack().to_owned(),
            rerun: request.rerun,
            trace: request.trace,
            trace_tag: request.trace_tag,
            sealed: secret.sealed,
            event_depth: below.as_ref().map_or(0, |below| below.event_depth),
            given: request.context,
            ..Context::default()
        };
        let asked = Asked {
            registered: Arc::clone(&registered),
            context,
            written: request.parameters,
            rendered: request.rendered,
            secret,
            writer,
        };
        // Evaluated at once if that is quick, otherwise again from the start on a thread of its own.
        let (live, context) = if let Some(rendered) = quick(|| asked.parameters(queue)) {
            rendered
        } else {
            queue.evaluations().check_room()?;
            let same = queue.clone();
            queue.evaluations().heavy(move || asked.parameters(&same)).await?
        }?;
        let mut execution = new_execution(id, &registered, live, context, now);
        execution.ready_at = request.delay.map(|delay| now.plus(delay));
        execution.notify = execution.notify.or_else(|| request.notify.map(Arc::new));
        let (parent, expect) = below.map(|below| (below.parent, below.expect)).unzip();
        execution.parent = parent;
        let mut changes = vec![Change::CreateExecution(execution.clone())];
        changes.extend(TraceLink::of_execution(&execution).into_iter().map(Change::put));
        queue.commit_new(expect.into_iter().collect(), changes).await?;
        tracing::debug!("the execution is accepted");
        Ok(execution)
    }
}

/// The registered action.
///
/// # Errors
/// When it does not exist, is disabled or refused, or this host lacks its runner.
pub fn runnable(content: &Content, reference: &Ref) -> Result<Arc<RegisteredAction>, Error> {
    let registered = Arc::clone(content.action(reference)?);
    if !registered.action.enabled {
        return Err(Error::invalid(format!("action `{reference}` is disabled"), "enable it in its pack"));
    }
    if let Some(why) = &registered.refused {
        return Err(refused(reference, why));
    }
    if registered.runs.is_none() {
        let (message, hint) = without_runner(&registered.action, content.runners());
        return Err(Error::invalid(message, hint));
    }
    Ok(registered)
}

/// A new execution with the status `requested`. Those are told of its end whom its action names.
pub fn new_execution(
    id: ExecutionId,
    registered: &RegisteredAction,
    parameters: Object,
    context: Context,
    now: Timestamp,
) -> Execution {
    Execution {
        id,
        version: 1,
        action: registered.action.reference.clone(),
        runner: registered.action.runner_type.clone(),
        status: Status::Requested,
        idempotent: registered.action.idempotent,
        attempt: 0,
        parameters: Arc::new(parameters),
        // Stored, so that the result stays masked when the action declares less later.
        context: Context {
            result_marks: registered.result_marks.clone(),
            sealed: context.sealed || registered.signature.has_secret_default(),
            ..context
        },
        notify: registered.notify.clone(),
        result: None,
        requested_at: now,
        ready_at: None,
        parent: None,
        ended_at: None,
        host: None,
        log: vec![LogEntry { status: Status::Requested, timestamp: now, left_out: 0 }],
    }
}

/// Refuses values for immutable parameters. It looks at the given values, because rendering would put the
/// defaults in their place.
///
/// # Errors
/// The names of the parameters, in StackStorm's words.
pub fn refuse_overrides(registered: &RegisteredAction, given: &Object) -> Result<(), Error> {
    let immutable: Vec<_> = given
        .iter()
        .filter(|(name, value)| {
            let schema = petrel_model::parameters::Schema::named(&registered.parameters, name);
            schema.is_some_and(|schema| schema.is_immutable() && schema.default() != Some(*value))
        })
        .map(|(name, _)| format!("'{name}'"))
        .collect();
    if !immutable.is_empty() {
        return Err(Error::invalid(
            format!("Override of immutable parameter(s) [{}] is unsupported.", immutable.join(", ")),
            "leave them out",
        ));
    }
    Ok(())
}

/// Refuses a large context, because it is in the row of the execution, which is written again at each change
/// of status.
fn refuse_large_context(context: &Object) -> Result<(), Error> {
    let size = serde_json::to_string(context).map_or(usize::MAX, |text| text.len());
    if size > LARGEST_CONTEXT {
        let message = format!("the context has {size} bytes, and {LARGEST_CONTEXT} is the limit");
        return Err(Error::invalid(message, "hand over what is large as a parameter"));
    }
    Ok(())
}

/// Checks rendered parameters against the schemas of the action and of its runner.
///
/// # Errors
/// The mistake in one parameter, or in all of them together (`None`). The message quotes no value if
/// `hides_values` holds for it, which is asked only after a mistake.
pub fn checked(
    registered: &RegisteredAction,
    given: &Object,
    hides_values: impl Fn(Option<&str>) -> bool,
) -> Result<(), Error> {
    let value = Value::Object(given.clone());
    refuse_depth("a parameter", &value)?;
    let checked = registered.validator.check_with(&value, hides_values);
    checked.map_err(|message| Error::invalid(message, usage(registered)))
}

fn usage(registered: &RegisteredAction) -> String {
    format!("`petrel action get {}` shows what it takes", registered.action.reference)
}

/// The reasons why there are no final parameters.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// The parameters cannot be rendered, or do not fit.
    #[error(transparent)]
    Parameters(#[from] parameters::Error),
    /// Another failure, such as the stop of the host.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// The parameters for the runner: those of the execution, and the defaults of missing ones.
///
/// # Errors
/// When a default cannot be rendered or does not fit, or the host stops.
pub async fn final_parameters(
    queue: &Queue,
    registered: &Arc<RegisteredAction>,
    live: &Arc<Object>,
    context: &Context,
) -> Result<Arc<Object>, Unmade> {
    // There is nothing to render, so no scope is built.
    if registered.parameters.is_empty() && live.is_empty() {
        return Ok(Arc::clone(live));
    }
    if let Some(finals) = quick(|| finals(queue, registered, live, context)) {
        return Ok(finals?);
    }
    let (same, registered) = (queue.clone(), Arc::clone(registered));
    let (live, context) = (Arc::clone(live), context.clone());
    Ok(queue.evaluations().heavy(move || finals(&same, &registered, &live, &context)).await??)
}

fn finals(
    queue: &Queue,
    registered: &RegisteredAction,
    live: &Object,
    context: &Context,
) -> Result<Arc<Object>, parameters::Error> {
    let (keys, content) = (queue.keys(), queue.catalog().content());
    // Only the defaults are templates here; the given values were rendered at the request.
    let (given, opened) = (Given::default(), Opened::default());
    let templates = Templates { keys, content: &content, registered, given: &given, opened: &opened };
    let finals = templates
        .scope(&context.user, || context.shown_late())
        .and_then(|scope| parameters::finals(live, &registered.signature, &scope))
        .map_err(|error| templates.told(error))
        // A default may have read what was secret, or was made from it.
        .map_err(|error| if context.secret_places.is_empty() { error } else { error.hidden() })?;
    let mut all = finals.runner;
    all.extend(finals.action);
    Ok(Arc::new(all))
}
