//! The definition of an action chain, and checks of its source.

use std::collections::BTreeSet;
use std::sync::Arc;

use petrel_expressions::words::{Seen, blank, strays};
use petrel_expressions::{DATASTORE, Template, is_template};
use petrel_model::Notify;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use crate::inspection::{Finding, Severity};

/// The names of the host that templates see, and that hardly anybody gives to their own parameters and results.
const SEEN: [&str; 3] = [DATASTORE, "action_context", "config_context"];

/// The others.
const SEEN_BESIDE: [&str; 2] = ["system", "__results"];

/// A chain that is ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainDefinition {
    /// Its nodes, in the order of the source.
    pub nodes: Vec<Node>,
    /// Its variables.
    pub vars: Map<String, Value>,
    /// Whether rendered values are rendered again as parameters, as in StackStorm. Otherwise they are data.
    pub reevaluates: bool,
    /// Remarks about the source that do not keep the chain from running.
    pub notes: Vec<Invalid>,
    first: usize,
}

/// A node of a chain: one action.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: Arc<str>,
    /// The action.
    pub action: Arc<str>,
    /// The parameters of the action.
    pub parameters: Map<String, Value>,
    /// The node that follows success. Empty if none does.
    pub on_success: Arc<str>,
    /// The node that follows failure. Empty if none does.
    pub on_failure: Arc<str>,
    /// The variables that it publishes.
    pub publish: Map<String, Value>,
    /// Who is told of the end of its action, if that is not said of the whole chain.
    pub notify: Option<Arc<Notify>>,
}

/// A problem of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Its place, such as `chain[2].on-success`. Empty for the whole chain.
    pub path: String,
    /// The problem and its remedy.
    pub message: String,
    /// Whether it keeps the chain from running.
    pub severity: Severity,
}

/// A problem of a chain, as one of a workflow is reported.
impl From<Invalid> for Finding {
    fn from(problem: Invalid) -> Self {
        Self { spec_path: Some(problem.path), severity: problem.severity, ..Self::syntax(problem.message) }
    }
}

/// The problems found so far.
#[derive(Default)]
struct Problems(Vec<Invalid>);

impl Problems {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Invalid { path: path.into(), message: message.into(), severity: Severity::Error });
    }

    fn note(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Invalid { path: path.into(), message: message.into(), severity: Severity::Note });
    }

    fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Reports templates that cannot be parsed, or use words that mean nothing. These are remarks, since a chain runs
    /// until it reaches them.
    fn templates(&mut self, path: &str, value: &Value) {
        // The parameters of the chain, which its templates see as well, are in the metadata of its action.
        let seen = Seen { fixed: &SEEN, own: &BTreeSet::new(), is_whole: false, may_be_absent: true };
        match value {
            Value::String(text) if is_template(text) => {
                if let Err(error) = Template::compile(text) {
                    let blank = blank(text).map_or_else(String::new, |blank| format!("; {blank}"));
                    self.note(path, format!("{error}{blank}"));
                }
                strays(value, seen).into_iter().for_each(|stray| self.note(path, stray.message));
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.templates(&format!("{path}[{number}]"), item);
                }
            }
            Value::Object(entries) => {
                entries.iter().for_each(|(key, entry)| self.templates(&join(path, key), entry));
            }
            _ => {}
        }
    }

    fn text(&mut self, path: &str, object: &Map<String, Value>, key: &str) -> Option<Arc<str>> {
        match object.get(key)? {
            Value::String(text) => Some(Arc::from(text.as_str())),
            Value::Null => None,
            _ => {
                self.add(join(path, key), format!("`{key}` must be a text"));
                None
            }
        }
    }

    fn object(&mut self, path: &str, object: &Map<String, Value>, key: &str) -> Map<String, Value> {
        match object.get(key) {
            Some(Value::Object(inner)) => inner.clone(),
            None | Some(Value::Null) => Map::new(),
            Some(_) => {
                self.add(join(path, key), format!("`{key}` must be a mapping"));
                Map::new()
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    let key = quoted(key);
    if path.is_empty() { key.into_owned() } else { format!("{path}.{key}") }
}

impl ChainDefinition {
    /// Compiles a chain.
    ///
    /// # Errors
    /// All problems and remarks.
    pub fn compile(source: &Value) -> Result<Self, Vec<Invalid>> {
        const KNOWN: [&str; 3] = ["chain", "default", "vars"];
        let mut problems = Problems::default();
        let Some(object) = source.as_object() else {
            problems.add("", "a chain is a mapping with the key `chain`; write one");
            return Err(problems.0);
        };
        for key in object.keys().filter(|key| !KNOWN.contains(&key.as_str())) {
            let message = format!("`{}` is not known here; known are {}", quoted(key), KNOWN.join(", "));
            problems.add(join("", key), message);
        }
        let vars = problems.object("", object, "vars");
        object.get("vars").into_iter().for_each(|vars| problems.templates("vars", vars));
        let default = problems.text("", object, "default").filter(|name| !name.is_empty());
        let nodes = nodes(object, &mut problems);
        check_references(&nodes, default.as_deref(), &mut problems);
        if nodes.is_empty() && !problems.has_errors() {
            problems.add("chain", "the chain has no nodes; add one");
        }
        if problems.has_errors() {
            return Err(problems.0);
        }
        let first = first(&nodes, default.as_deref());
        Ok(Self { nodes, vars, reevaluates: false, notes: problems.0, first })
    }

    /// Remarks about names in templates that nothing gives, where the action of the chain takes these `parameters`.
    pub fn strays(&self, parameters: &Parameters) -> Vec<Invalid> {
        let published = self.nodes.iter().flat_map(|node| node.publish.keys());
        let given = parameters.keys().chain(self.vars.keys()).chain(published).map(String::as_str);
        let own: BTreeSet<&str> = given.chain(self.nodes.iter().map(|node| &*node.name)).collect();
        let fixed = [&SEEN[..], &SEEN_BESIDE[..]].concat();
        let seen = Seen { fixed: &fixed, own: &own, is_whole: true, may_be_absent: true };
        let mut problems = Problems::default();
        for (number, node) in self.nodes.iter().enumerate() {
            for (part, values) in [("parameters", &node.parameters), ("publish", &node.publish)] {
                for (name, value) in values {
                    let path = join(&format!("chain[{number}].{part}"), name);
                    let names = strays(value, seen).into_iter().filter(|stray| stray.is_name);
                    names.for_each(|stray| problems.note(format!("{path}{}", stray.place), stray.message));
                }
            }
        }
        problems.0
    }

    /// The number of the first node.
    pub fn first(&self) -> usize {
        self.first
    }

    /// The number of the node with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| *node.name == *name)
    }
}

fn nodes(object: &Map<String, Value>, problems: &mut Problems) -> Vec<Node> {
    let Some(list) = object.get("chain").and_then(Value::as_array) else {
        problems.add("chain", "`chain` must be a list of nodes");
        return Vec::new();
    };
    let mut nodes: Vec<Node> = Vec::new();
    for (number, source) in list.iter().enumerate() {
        let path = format!("chain[{number}]");
        let Some(source) = source.as_object() else {
            problems.add(path, "a node must be a mapping with `name` and `ref`");
            continue;
        };
        let Some(node) = node(&path, source, problems) else { continue };
        if nodes.iter().any(|other| other.name == node.name) {
            problems.add(
                join(&path, "name"),
                format!("there is a node `{}` already; rename one", quoted(&node.name)),
            );
        }
        nodes.push(node);
    }
    nodes
}

fn node(path: &str, source: &Map<String, Value>, problems: &mut Problems) -> Option<Node> {
    const KNOWN: [&str; 8] =
        ["name", "ref", "params", "parameters", "on-success", "on-failure", "publish", "notify"];
    // StackStorm checks the keys of the first node only.
    for key in source.keys().filter(|key| !KNOWN.contains(&key.as_str())) {
        let known = KNOWN.join(", ");
        let message = format!("`{}` is not known here and means nothing; known are {known}", quoted(key));
        problems.note(join(path, key), message);
    }
    for key in ["params", "parameters", "publish", "notify"] {
        source.get(key).into_iter().for_each(|value| problems.templates(&join(path, key), value));
    }
    let (old, new) = (problems.object(path, source, "params"), problems.object(path, source, "parameters"));
    if !old.is_empty() && !new.is_empty() {
        let message = "Either \"params\" or \"parameters\" attribute needs to be provided, but not both";
        problems.add(join(path, "params"), message);
    }
    let (name, action) = (problems.text(path, source, "name"), problems.text(path, source, "ref"));
    for (key, value) in [("name", &name), ("ref", &action)] {
        if value.is_none() && source.get(key).is_none_or(Value::is_null) {
            problems.add(path, format!("a node must have a `{key}`"));
        }
    }
    let on_success = problems.text(path, source, "on-success").unwrap_or_default();
    let on_failure = problems.text(path, source, "on-failure").unwrap_or_default();
    let publish = problems.object(path, source, "publish");
    let parameters = if new.is_empty() { old } else { new };
    let notify = notify(path, source, problems);
    Some(Node { name: name?, action: action?, parameters, on_success, on_failure, publish, notify })
}

/// Who is told of the end of a node's action. A mistake there is a remark: chains of earlier versions must go on.
fn notify(path: &str, source: &Map<String, Value>, problems: &mut Problems) -> Option<Arc<Notify>> {
    let told = match source.get("notify") {
        None | Some(Value::Null) => return None,
        Some(Value::Object(written)) => Notify::read(written).map_err(|mistake| mistake.to_string()),
        Some(_) => Err("`notify` must be a mapping".to_owned()),
    };
    match told {
        Ok(notify) => notify.map(Arc::new),
        Err(mistake) => {
            problems.note(join(path, "notify"), format!("{mistake}; until then this has no effect"));
            None
        }
    }
}

/// Reports names of nodes that do not exist.
fn check_references(nodes: &[Node], default: Option<&str>, problems: &mut Problems) {
    let names: BTreeSet<&str> = nodes.iter().map(|node| &*node.name).collect();
    let is_missing = |name: &str| !name.is_empty() && !names.contains(name);
    for (number, node) in nodes.iter().enumerate() {
        for (key, target) in [("on-success", &node.on_success), ("on-failure", &node.on_failure)] {
            if is_missing(target) {
                let (name, target) = (quoted(&node.name), quoted(target));
                let message = format!(
                    "Unable to find node with name \"{target}\" referenced in \"{key}\" in task \"{name}\"."
                );
                problems.add(format!("chain[{number}].{key}"), message);
            }
        }
    }
    if let Some(default) = default.filter(|default| is_missing(default)) {
        let message = format!("Unable to find node with name \"{default}\" referenced in \"default\".");
        problems.add("default", message);
    }
}

/// The default node, or else the first node that no other leads to, or else the first node.
fn first(nodes: &[Node], default: Option<&str>) -> usize {
    let named = |name: &str| nodes.iter().position(|node| *node.name == *name);
    let led_to: BTreeSet<&str> =
        nodes.iter().flat_map(|node| [&*node.on_success, &*node.on_failure]).collect();
    let unreferenced = || nodes.iter().position(|node| !led_to.contains(&*node.name));
    default.and_then(named).or_else(unreferenced).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The places of notes and of errors.
    fn problems(source: &Value) -> (Vec<String>, Vec<String>) {
        let found = ChainDefinition::compile(source).map_or_else(|found| found, |chain| chain.notes);
        let (errors, notes): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|problem| problem.severity == Severity::Error);
        let places = |problems: Vec<Invalid>| problems.into_iter().map(|problem| problem.path).collect();
        (places(notes), places(errors))
    }

    #[test]
    fn a_name_that_nothing_gives_is_told_where_the_parameters_are_known() {
        let chain = json!({"vars": {"zone": "eu"}, "chain": [
            {"name": "first", "ref": "core.noop", "parameters": {"a": "{{ host }}{{ zone }}{{ st2kv.system.x }}"}},
            {"name": "second", "ref": "core.noop", "publish": {"path": "{{ second.stdout }}"},
                "params": {"b": ["{{ frist.stdout }}"], "c": "{{ path }}{{ system.x }}{{ maybe | default('') }}"}},
        ]});
        let chain = ChainDefinition::compile(&chain).unwrap();
        let parameters = json!({"host": {"type": "string"}}).as_object().cloned().unwrap();
        let found = chain.strays(&parameters);
        let [stray] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(stray.path, "chain[1].parameters.b[0]");
        assert_eq!(stray.message, "unknown name \"frist\"; did you mean \"first\"?");
        assert_eq!(chain.strays(&Parameters::new()).len(), 2);
    }

    #[test]
    fn what_is_odd_about_a_task_is_a_note_and_what_is_wrong_with_a_chain_an_error() {
        let of = |task: Value| json!({"chain": [{"name": "first", "ref": "core.noop"}, task]});
        for (source, note, error) in [
            (of(json!({"name": "a", "ref": "core.noop"})), None, None),
            (
                of(json!({"name": "a", "ref": "core.noop", "description": "x"})),
                Some("chain[1].description"),
                None,
            ),
            (
                of(json!({"name": "a", "ref": "core.noop", "notes": "x", "on-success": "b"})),
                Some("chain[1].notes"),
                Some("chain[1].on-success"),
            ),
            (
                of(json!({"name": "a", "ref": "core.noop", "parameters": {"x": ["{{ y | frobnicate }}"]}})),
                Some("chain[1].parameters.x[0]"),
                None,
            ),
            (
                of(json!({"name": "a", "ref": "core.noop", "parameters": {"x": "{{ action_contxt.user }}"}})),
                Some("chain[1].parameters.x"),
                None,
            ),
            (of(json!({"name": "a", "ref": "core.noop", "parameters": {"x": "{{ host }}"}})), None, None),
            (
                of(json!({"name": "a", "ref": "core.noop", "publish": {"x": "{{ y"}})),
                Some("chain[1].publish.x"),
                None,
            ),
            (
                of(json!({"name": "a", "ref": "core.noop", "notify": {"on-complete": {"routes": ["r"]}}})),
                None,
                None,
            ),
            (
                of(json!({"name": "a", "ref": "core.noop", "notify": {"on-completion": {"routes": ["r"]}}})),
                Some("chain[1].notify"),
                None,
            ),
            (json!({"chain": [{"name": "a", "ref": "core.noop", "note": 1}]}), Some("chain[0].note"), None),
            (json!({"chain": [{"name": "a", "ref": "core.noop"}], "note": 1}), None, Some("note")),
            (json!({"chain": []}), None, Some("chain")),
        ] {
            let expected: (Vec<&str>, Vec<&str>) = (note.into_iter().collect(), error.into_iter().collect());
            let (notes, errors) = problems(&source);
            let found: (Vec<&str>, Vec<&str>) =
                (notes.iter().map(String::as_str).collect(), errors.iter().map(String::as_str).collect());
            assert_eq!(found, expected, "{source}");
        }
    }
}
