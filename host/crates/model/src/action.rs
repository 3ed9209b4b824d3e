//! Actions: what can be run.

use serde::{Deserialize, Serialize};

use crate::parameters::Parameters;
use crate::{Object, Ref};

/// The runner that calls an action exported by a WebAssembly component.
pub const COMPONENT_RUNNER: &str = "wasm-component";

/// Under which name in a result a runner puts what an action gives, as StackStorm's runners declare it (`output_key` of
/// their `runner.yaml`); `None` where the result is what it gives.
pub fn output_key(runner: &str) -> Option<&'static str> {
    match runner {
        "python-script" => Some("result"),
        "orquesta" => Some("output"),
        "action-chain" => Some("published"),
        "http-request" => Some("body"),
        "local-shell-cmd" | "local-shell-script" => Some("stdout"),
        _ => None,
    }
}

/// Something that can be run, as its metadata file describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// One line on what it does.
    #[serde(default)]
    pub description: String,
    /// A disabled action cannot be run.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// The name of the runner that runs it.
    pub runner_type: String,
    /// The file that the runner needs, relative to the pack's `actions` directory (to the pack itself
    /// for a component). Empty for runners that need none.
    #[serde(default)]
    pub entry_point: String,
    /// What it takes, beside or on top of what its runner takes.
    #[serde(default)]
    pub parameters: Parameters,
    /// What it gives.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub output_schema: Object,
    /// Whether running it twice does no more than running it once. Then a run whose host was lost is run
    /// again instead of abandoned, and its start need not be durable before it begins.
    #[serde(default)]
    pub idempotent: bool,
    /// How the expressions of a workflow are evaluated. Petrel's own.
    #[serde(default, skip_serializing_if = "Evaluation::is_default")]
    pub expressions: Evaluation,
    /// Labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Whom to tell, by outcome; kept for the notifier.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notify: Object,
}

/// How the expressions of a workflow are evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Whether text that came out of an expression is looked at for expressions again, as StackStorm does;
    /// by default it is data.
    #[serde(default)]
    pub reevaluate: bool,
}

impl Evaluation {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A label: a name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// What the label is about.
    pub name: String,
    /// What it says.
    #[serde(default)]
    pub value: String,
}

fn enabled() -> bool {
    true
}
