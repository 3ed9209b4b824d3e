//! Actions and their metadata.

use serde::{Deserialize, Serialize};

use crate::parameters::Parameters;
use crate::{Object, Ref};

/// The code in the result of an execution that was not run, since its action was not there any more.
pub const GONE: &str = "action.gone";

/// The code in the result of an execution that was not run, since its action is refused by now.
pub const REFUSED: &str = "action.refused";

/// The runner that calls an action exported by a WebAssembly component.
pub const COMPONENT_RUNNER: &str = "wasm-component";

/// The field of a result that holds the action's own output, as StackStorm's runners declare it (`output_key` of their
/// `runner.yaml`). `None` for runners whose result is the output.
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

/// An action, as described by its metadata file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// One line on what the action does.
    #[serde(default)]
    pub description: String,
    /// Whether the action can be run.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// The name of its runner.
    pub runner_type: String,
    /// The file that the runner needs, relative to the pack's `actions` directory, or to the pack itself for a
    /// component. Empty if the runner needs none.
    #[serde(default)]
    pub entry_point: String,
    /// Its parameters, in addition to those of its runner or overriding them.
    #[serde(default)]
    pub parameters: Parameters,
    /// The schema of its output.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub output_schema: Object,
    /// Whether running it twice has no further effect. Then it is run again if its host is lost, instead of being
    /// abandoned, and its start need not be durable before it begins.
    #[serde(default)]
    pub idempotent: bool,
    /// Whether a Python action begins in an interpreter of its own each time, and in none that is kept warm. An addition of
    /// Petrel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cold: bool,
    /// The evaluation of its expressions, if it is a workflow. An addition of Petrel.
    #[serde(default, skip_serializing_if = "Evaluation::is_default")]
    pub expressions: Evaluation,
    /// Labels, for searches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Who is told of the end of its executions, as its author wrote it; see [`Notify`](crate::Notify).
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notify: Object,
}

/// The evaluation of expressions in a workflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Whether text that an expression returned is searched for expressions again, as in StackStorm. By default it is
    /// data.
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
    /// Its name.
    pub name: String,
    /// Its value. Default: empty.
    #[serde(default)]
    pub value: String,
}

fn enabled() -> bool {
    true
}
