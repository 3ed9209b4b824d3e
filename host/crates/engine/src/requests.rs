//! Takes in executions, and cancels them.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use petrel_access::Behalf;
use petrel_catalog::content::{Content, RegisteredAction, refused, without_runner};
use petrel_catalog::validation::are_large;
use petrel_engine_core::evaluation::{may_take_long, quick};
use petrel_engine_core::refuse_depth;
use petrel_model::execution::{Account, Context, LogEntry, RerunOf};
use petrel_model::{Execution, ExecutionId, Object, Ref, Status, StatusEvent, Timestamp, TraceId};
use petrel_persistence::{Change, Expect};
use petrel_rules::parameters::{self, Given};
use serde_json::Value;
use tracing::Instrument as _;

use crate::error::Error;
use crate::given;
use crate::options::Options;
use crate::scope::Templates;
use crate::service::Engine;
use crate::spans;
use crate::workflows;

/// The largest context of a caller, in bytes of JSON.
const LARGEST_CONTEXT: usize = 2048;
/// How often a cancel is tried anew when the execution moves at the same moment.
const CANCEL_TRIES: usize = 8;

/// What somebody asks to be run.
#[derive(Debug, Clone)]
pub struct Request {
    /// The action.
    pub action: Ref,
    /// Its parameters, as a caller wrote them; text may hold Jinja.
    pub parameters: Object,
    /// Further parameters, which were rendered before, as when an execution is run again: they are data.
    pub rendered: Object,
    /// On whose behalf.
    pub behalf: Behalf,
    /// What the caller wants to be kept with it.
    pub context: Object,
    /// The execution that it does again.
    pub rerun: Option<RerunOf>,
    /// How long to wait before it starts.
    pub delay: Option<Duration>,
    /// The trace that it belongs to. Default: one that begins with it.
    pub trace: Option<TraceId>,
}

/// An execution that is asked for.
struct Asked {
    registered: Arc<RegisteredAction>,
    context: Context,
    written: Object,
    rendered: Object,
    /// Where what is rendered holds secrets.
    secret: Vec<String>,
}

impl Asked {
    /// Its parameters, rendered on behalf of who asked, and checked, and where they hold secrets.
    fn parameters(&self, engine: &Engine) -> Result<(Object, Vec<String>), Error> {
        // Compiling many templates counts no work.
        if are_large(&self.written) && !may_take_long() {
            return Err(Error::Busy("parameters so large cannot be looked through beside other work".into()));
        }
        let given = Given::compile(&self.written).over(&self.rendered);
        let content = engine.content();
        let templates = Templates { engine, content: &content, registered: &self.registered, given: &given };
        let own = self.context.clone();
        let live = templates
            .scope(&self.context.user, move || own.shown())
            .and_then(|scope| parameters::live(&given, &self.registered.signature, &scope))
            .map_err(|error| Error::invalid(self.told(&templates, error), usage(&self.registered)))?;
        let hides = |parameter: Option<&str>| !self.secret.is_empty() || templates.hide_value(parameter);
        checked(&self.registered, &live, hides)?;
        let secret = templates.secret_places(&live, None, &self.secret);
        Ok((live, secret))
    }

    /// What is wrong, without any value if what was rendered before holds secrets, which templates may have read.
    fn told(&self, templates: &Templates<'_>, error: parameters::Error) -> String {
        let told = templates.told(error);
        if self.secret.is_empty() { told } else { told.hidden() }.to_string()
    }
}

impl Engine {
    /// Takes in an execution. It is stored, and will be run, when this returns.
    ///
    /// # Errors
    /// When the action does not exist or is disabled, the parameters do not fit it, too much is waiting,
    /// or the host is stopping. Nothing was stored then.
    pub async fn request(&self, request: Request) -> Result<Execution, Error> {
        self.request_with(request, Vec::new()).await
    }

    /// The same, with parameters rendered before that hold secrets at these places.
    pub(crate) async fn request_with(
        &self,
        request: Request,
        secret: Vec<String>,
    ) -> Result<Execution, Error> {
        self.check_room()?;
        self.check_share(Account::User(&request.behalf.user))?;
        let now = self.now();
        let id: ExecutionId = self.mint(now);
        let trace = request.trace.unwrap_or_else(|| TraceId::from(id.0));
        let span = spans::accept_execution(id, trace);
        self.accept_execution(id, now, request, secret).instrument(span).await
    }

    /// Makes an execution of what was asked for, and stores it.
    async fn accept_execution(
        &self,
        id: ExecutionId,
        now: Timestamp,
        request: Request,
        secret: Vec<String>,
    ) -> Result<Execution, Error> {
        let registered = runnable(&self.content(), &request.action)?;
        refuse_overrides(&registered, &request.parameters)?;
        refuse_overrides(&registered, &request.rendered)?;
        refuse_large_context(&request.context)?;
        refuse_depth("the context", &Value::Object(request.context.clone()))?;
        let context = Context {
            user: request.behalf.user,
            api_user: request.behalf.api_user,
            pack: request.action.pack().to_owned(),
            rerun: request.rerun,
            trace: request.trace,
            given: request.context,
            ..Context::default()
        };
        let asked = Asked {
            registered: Arc::clone(&registered),
            context: context.clone(),
            written: request.parameters,
            rendered: request.rendered,
            secret,
        };
        let (live, secret_places) = if let Some(rendered) = quick(|| asked.parameters(self)) {
            rendered
        } else {
            self.evaluations().check_room()?;
            let engine = self.clone();
            self.evaluations().heavy(move || asked.parameters(&engine)).await?
        }?;
        let context = Context { secret_places, ..context };
        let mut execution = new_execution(id, &registered, live, context, now);
        execution.ready_at = request.delay.map(|delay| now.plus(delay));
        self.commit(Vec::new(), vec![Change::CreateExecution(execution.clone())]).await?;
        tracing::debug!("the execution is accepted");
        self.0.work.notify_waiters();
        Ok(execution)
    }

    /// Ends an execution: at once if it has not begun, else as soon as what runs has been ended. Returns
    /// it as it stands then; `Err` of the inner result when it cannot be ended any more.
    ///
    /// # Errors
    /// When it does not exist, or the store fails.
    pub async fn cancel(&self, id: ExecutionId, user: &str) -> Result<Result<Execution, Execution>, Error> {
        let (engine, user) = (self.clone(), user.to_owned());
        self.to_the_end(async move { engine.cancel_now(id, &user).await }).await
    }

    async fn cancel_now(&self, id: ExecutionId, user: &str) -> Result<Result<Execution, Execution>, Error> {
        for _ in 0..CANCEL_TRIES {
            let found = self.store().execution(id).await?;
            let mut execution = found.ok_or_else(|| Error::NotFound {
                what: "execution",
                name: id.to_string(),
                hint: "`petrel execution list` shows what there is".into(),
            })?;
            let is_held = self.store().is_held(id);
            match execution.status {
                Status::Canceling if is_held => {}
                Status::Canceling => {
                    self.end(id);
                    return Ok(Ok(execution));
                }
                status if !status.is_cancelable() => return Ok(Err(execution)),
                _ => {}
            }
            if workflows::is_workflow(&execution.runner) && !execution.status.is_waiting() {
                match self.cancel_workflow(execution).await {
                    // It has ended meanwhile, most likely: then that is the answer.
                    Err(Error::Conflict { .. }) => continue,
                    canceled => return canceled.map(Ok),
                }
            }
            let (expect, version) =
                (Expect::ExecutionVersion(id, execution.version), execution.version.saturating_add(1));
            moves_of_cancel(execution.status, is_held)
                .iter()
                .try_for_each(|event| execution.apply(*event, self.now()))
                .map_err(|illegal| Error::Internal(illegal.to_string()))?;
            // One commit is one version, however many moves it makes.
            execution.version = version;
            execution.context.cancelled_by.get_or_insert_with(|| user.to_owned());
            let changes = vec![Change::UpdateExecution(execution.clone())];
            match self.commit_outcome(&execution, vec![expect], changes).await {
                Ok(()) => {
                    self.end(id);
                    given::forget(self, &[id]);
                    self.0.events.tell(id, execution.status);
                    return Ok(Ok(execution));
                }
                Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict {
            message: format!("execution {id} keeps moving"),
            hint: "try again".into(),
            id: Some(id.to_string()),
        })
    }

    /// Ends what runs of an execution, if this process runs it.
    fn end(&self, id: ExecutionId) {
        if let Some(running) = self.0.running.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            running.cancel();
        }
    }

    /// How many executions run in this process now.
    pub fn running(&self) -> usize {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Refuses when the host is stopping or too much is waiting.
    pub(crate) fn check_room(&self) -> Result<(), Error> {
        if self.is_stopping() {
            return Err(Error::Stopping);
        }
        let limit = self.0.options.waiting_limit;
        let waiting = self.store().waiting_within(self.waiting_share());
        if waiting >= limit {
            return Err(Error::Busy(format!(
                "{waiting} executions are waiting, and {limit} is the limit (`engine.waiting_limit`)"
            )));
        }
        Ok(())
    }

    /// Refuses when too much of what waits is on this account.
    pub(crate) fn check_share(&self, account: Account<'_>) -> Result<(), Error> {
        let share = self.waiting_share();
        // One account cannot have more than there is.
        if self.store().waiting() < share || self.store().waiting_of(account) < share {
            return Ok(());
        }
        Err(Error::Busy(format!(
            "{share} executions of {account} are waiting, which is its share of what may wait (`engine.waiting_share`)"
        )))
    }

    /// How many executions of one account may wait.
    fn waiting_share(&self) -> usize {
        let Options { waiting_limit, waiting_share, .. } = self.0.options;
        (waiting_limit.saturating_mul(waiting_share) / 100).max(1)
    }
}

/// What a cancel does to an execution. Of one that is held nothing runs here that would have to end first.
fn moves_of_cancel(status: Status, is_held: bool) -> &'static [StatusEvent] {
    match status {
        Status::Canceling => &[StatusEvent::Canceled],
        status if is_held && !status.is_waiting() => &[StatusEvent::CancelRequested, StatusEvent::Canceled],
        _ => &[StatusEvent::CancelRequested],
    }
}

/// The action, if it can be run here and now.
pub(crate) fn runnable(content: &Content, reference: &Ref) -> Result<Arc<RegisteredAction>, Error> {
    let registered = Arc::clone(content.action(reference)?);
    if !registered.action.enabled {
        return Err(Error::invalid(format!("action `{reference}` is disabled"), "enable it in its pack"));
    }
    if let Some(why) = &registered.refused {
        return Err(refused(reference, why));
    }
    if registered.runner.is_none() {
        let (message, hint) = without_runner(&registered.action, content.runners());
        return Err(Error::invalid(message, hint));
    }
    Ok(registered)
}

/// A new execution, waiting.
pub(crate) fn new_execution(
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
        context: Context { result_marks: registered.result_marks.clone(), ..context },
        result: None,
        requested_at: now,
        ready_at: None,
        parent: None,
        ended_at: None,
        host: None,
        log: vec![LogEntry { status: Status::Requested, timestamp: now }],
    }
}

/// Refuses values for what may not be changed. Looks at what was given: rendering would put the defaults
/// in their place.
pub(crate) fn refuse_overrides(registered: &RegisteredAction, given: &Object) -> Result<(), Error> {
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

/// Refuses a context that would not fit into the row of its execution, which is written anew at every move.
fn refuse_large_context(context: &Object) -> Result<(), Error> {
    let size = serde_json::to_string(context).map_or(usize::MAX, |text| text.len());
    if size > LARGEST_CONTEXT {
        let message = format!("the context has {size} bytes, and {LARGEST_CONTEXT} is the limit");
        return Err(Error::invalid(message, "hand over what is large as a parameter"));
    }
    Ok(())
}

/// Checks rendered parameters against what the action and its runner take. What is wrong with a parameter, or with all of
/// them together, is said without any value where `hides_values` of it, which is asked only then.
pub(crate) fn checked(
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

/// The parameters that the runner gets: those of the execution, and the defaults of what it leaves out.
///
/// # Errors
/// When the host stops; the inner error says why they cannot be made.
pub(crate) async fn final_parameters(
    engine: &Engine,
    registered: &Arc<RegisteredAction>,
    live: &Arc<Object>,
    context: &Context,
) -> Result<Result<Arc<Object>, parameters::Error>, Error> {
    if registered.parameters.is_empty() && live.is_empty() {
        return Ok(Ok(Arc::clone(live)));
    }
    if let Some(finals) = quick(|| finals(engine, registered, live, context)) {
        return Ok(finals);
    }
    let (same, registered) = (engine.clone(), Arc::clone(registered));
    let (live, context) = (Arc::clone(live), context.clone());
    engine.evaluations().heavy(move || finals(&same, &registered, &live, &context)).await
}

fn finals(
    engine: &Engine,
    registered: &RegisteredAction,
    live: &Object,
    context: &Context,
) -> Result<Arc<Object>, parameters::Error> {
    let content = engine.content();
    let templates = Templates { engine, content: &content, registered, given: &Given::default() };
    let own = context.clone();
    let finals = templates
        .scope(&context.user, move || own.shown())
        .and_then(|scope| parameters::finals(live, &registered.signature, &scope))
        .map_err(|error| templates.told(error))
        // A default may have read what was secret, or was made from it.
        .map_err(|error| if context.secret_places.is_empty() { error } else { error.hidden() })?;
    let mut all = finals.runner;
    all.extend(finals.action);
    Ok(Arc::new(all))
}
