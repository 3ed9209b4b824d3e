//! Shared parts of the tests: a runner with a test component, and a short way to call an action.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::capabilities::{Rights, RightsTable};
use petrel_model::{Action, ExecutionId, Id, Object, Ref};
use petrel_pack_runtime::{ComponentRunner, Limits, Options, PackRuntime};
use petrel_runners::{Call, End, Outcome, Outlet, OutputLine, OutputSink, Runner as _};
use petrel_test_components::BEHAVE;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A runner, and the component that is called through it.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) runtime: PackRuntime,
    pub(crate) runner: Arc<ComponentRunner>,
    component: PathBuf,
}

/// The outcome of a call.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) lines: Vec<OutputLine>,
}

impl Subject {
    /// The guest `behave` with default options.
    pub(crate) fn behave() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn limited(limits: Limits) -> Self {
        Self::with(Options { limits, ..Options::default() })
    }

    pub(crate) fn with(options: Options) -> Self {
        Self::of(Path::new(BEHAVE), options)
    }

    pub(crate) fn of(component: &Path, mut options: Options) -> Self {
        // Compiling takes longer than everything else, so the tests share compiled components.
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        options.cache_directory.get_or_insert(shared);
        let runtime = PackRuntime::new(options).unwrap();
        let runner = Arc::new(ComponentRunner::new(runtime.clone()));
        Self { runtime, runner, component: component.to_owned() }
    }

    /// The same, whose pack has these rights from now on.
    pub(crate) fn entitled(self, rights: Rights) -> Self {
        self.runtime.take_rights(&table(rights));
        self
    }

    pub(crate) async fn call(&self, action: &str, parameters: Value) -> Done {
        self.call_until(action, parameters, CancellationToken::new()).await
    }

    pub(crate) async fn call_until(
        &self,
        action: &str,
        parameters: Value,
        cancel: CancellationToken,
    ) -> Done {
        let sink = OutputSink::new(10 << 20);
        let call = call(&self.component, action, parameters);
        let outcome = self.runner.run(call, sink.clone(), cancel).await;
        Done { outcome, lines: sink.take() }
    }
}

impl Done {
    /// The result of a success.
    pub(crate) fn value(&self) -> &Value {
        assert_eq!(self.outcome.end, End::Succeeded, "{self:?}");
        &self.outcome.result
    }

    /// The code and the message of a failure.
    pub(crate) fn failure(&self) -> (&str, &str) {
        assert_ne!(self.outcome.end, End::Succeeded, "{self:?}");
        (self.field("code"), self.field("error"))
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.outcome.result[name].as_str().unwrap_or_default()
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.text.as_str()).collect()
    }
}

/// The table of rights in which the pack of the tests has these.
pub(crate) fn table(rights: Rights) -> Arc<RightsTable> {
    Arc::new([("test".to_owned(), Arc::new(Rights { pack: "test".to_owned(), ..rights }))].into())
}

/// The rights to make requests to these addresses, as the settings grant them.
pub(crate) fn reaching(addresses: &[&str]) -> Rights {
    Rights { http: addresses.iter().map(|address| address.parse().unwrap()).collect(), ..Rights::default() }
}

/// Builds a call of `action` in the component at `path`.
pub(crate) fn call(path: &Path, action: &str, parameters: Value) -> Call {
    let Value::Object(parameters) = parameters else { panic!("parameters are an object") };
    let action = Action {
        cold: false,
        expressions: petrel_model::action::Evaluation::default(),
        reference: Ref::new("test", action),
        description: String::new(),
        enabled: true,
        runner_type: COMPONENT_RUNNER.to_owned(),
        entry_point: path.file_name().unwrap().to_str().unwrap().to_owned(),
        parameters: Object::new(),
        output_schema: Object::new(),
        idempotent: false,
        tags: Vec::new(),
        notify: Object::new(),
    };
    Call {
        execution_id: ExecutionId::from(Id::from_parts(1, 2)),
        attempt: 0,
        action: Arc::new(action),
        parameters: Arc::new(parameters),
        user: "ann".to_owned(),
        pack_path: path.parent().unwrap().to_owned(),
        pack_config: Arc::default(),
        outlet: Outlet::default(),
        around: petrel_runners::asked::Around::default(),
    }
}

pub(crate) fn text(text: &str) -> Value {
    json!({"text": text})
}

pub(crate) fn count(count: u64) -> Value {
    json!({"count": count})
}
