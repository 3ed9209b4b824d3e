//! The definition of a pack, from `pack.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use petrel_model::nearest::nearest;
use petrel_model::{Object, Pack, names};
use petrel_yaml::Content;

use super::capabilities::capabilities;
use super::read;
use crate::fields::{Fields, Problems};
use crate::limits::MOST_PROBLEMS;
use crate::problem::{Position, Problem, short};

/// The contents of `pack.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct PackDefinition {
    /// The pack. Its path is left empty.
    pub pack: Pack,
    /// Its components.
    pub components: Vec<Component>,
    /// Notes for its author, one sentence each.
    pub notes: Vec<String>,
}

/// A WebAssembly component that comes with the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name within the pack.
    pub name: String,
    /// Its path, relative to the pack.
    pub path: String,
    /// The names of its actions, without the pack.
    pub actions: Vec<String>,
}

/// The fields of [`Pack`] itself. All other keys are kept unchanged.
const OWN: &[&str] =
    &["ref", "name", "description", "version", "author", "email", "keywords", "capabilities"];

/// Those that every pack has.
const REQUIRED: [&str; 4] = ["name", "description", "version", "author"];

/// Other keys that mean something: to StackStorm (`PackAPI` of its `models/api/pack.py`), and `wasm` and `cold` to Petrel.
const OTHER: &[&str] = &[
    "id",
    "uid",
    "stackstorm_version",
    "python_versions",
    "contributors",
    "dependencies",
    "files",
    "path",
    "system",
    "wasm",
    "cold",
];

/// Parses `pack.yaml`. A pack without `ref` gets one derived from its name, whatever its directory. (StackStorm tries
/// the name of the directory first, which differs wherever the pack was unpacked.)
///
/// # Errors
/// All problems.
pub fn read_pack_definition(file: &str, text: &str) -> Result<PackDefinition, Vec<Problem>> {
    read(file, text, "a pack", |fields, problems| {
        let name = fields.required_text("name", problems);
        let description = fields.required_text("description", problems);
        let version = version(fields, problems);
        let author = fields.required_text("author", problems);
        let reference = reference(fields, name.as_deref(), problems);
        let components = components(fields, problems);
        let capabilities = capabilities(fields, problems).map(Box::new);
        let other = fields.entries().iter().filter(|entry| !OWN.contains(&entry.key.as_str()));
        let other: Object = other.map(|entry| (entry.key.clone(), entry.node.to_json())).collect();
        let email = fields.text("email", problems).unwrap_or_default();
        let keywords = fields.texts("keywords", problems);
        let strays = strays(fields);
        if !problems.is_empty() {
            // The file has to be corrected anyhow. A missing field is told with the name that it may have.
            let is_told = |near: &str| REQUIRED.contains(&near) && fields.get(near).is_none();
            for stray in strays.iter().filter(|stray| !is_told(stray.near)) {
                problems.add(stray.position, stray.message.as_str());
            }
        }
        let pack = Pack {
            email,
            keywords,
            path: String::new(),
            built_in: false,
            config_schema: None,
            refused: BTreeMap::new(),
            refused_rules: BTreeMap::new(),
            rules: None,
            capabilities,
            artifact: None,
            other,
            reference: reference?,
            name: name?,
            description: description?,
            version: version?,
            author: author?,
        };
        let notes = strays.into_iter().map(|Stray { position, message, .. }| {
            Problem { file: file.to_owned(), position: Some(position), message }.to_string()
        });
        Some(PackDefinition { pack, components, notes: notes.collect() })
    })
}

/// A key that is nearly one of those that mean something.
struct Stray {
    position: Position,
    near: &'static str,
    message: String,
}

/// Such keys. Any other key is the author's own, as in StackStorm.
fn strays(fields: Fields<'_>) -> Vec<Stray> {
    let known = || OWN.iter().chain(OTHER).copied();
    let unknown = fields.entries().iter().filter(|entry| !known().any(|word| word == entry.key));
    let near = unknown.filter_map(|entry| Some((entry, nearest(&entry.key, known())?)));
    let told = near.take(MOST_PROBLEMS).map(|(entry, near)| {
        let message = format!("a pack has no field {}; did you mean {near}?", short(&entry.key));
        Stray { position: entry.position, near, message }
    });
    told.collect()
}

fn reference(fields: Fields<'_>, name: Option<&str>, problems: &mut Problems) -> Option<String> {
    let is_valid = |text: &str| names::check_pack(text).is_ok();
    let written = fields.text("ref", problems);
    // A ref that is no text has been reported.
    if written.is_none() && fields.get("ref").is_some() {
        return None;
    }
    let reference = written.or_else(|| name.map(made_into_ref));
    if reference.as_deref().is_some_and(is_valid) {
        return reference;
    }
    let shown = short(reference.as_deref().filter(|made| !made.is_empty()).or(name).unwrap_or_default());
    let message = match &*shown {
        "" => {
            "the pack has no ref, and no name from which to derive one; write ref with lower-case letters, digits and _"
                .to_owned()
        }
        shown => {
            format!("`{shown}` is not a ref for a pack; write ref with lower-case letters, digits and _")
        }
    };
    problems.add(fields.position("ref"), message);
    None
}

/// Derives a ref from a name for people: `My Pack` becomes `my_pack`.
fn made_into_ref(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// The likely ref of a pack whose `pack.yaml` has problems elsewhere. Empty if there is no clue.
pub(crate) fn probable_reference(text: &str) -> String {
    let node = petrel_yaml::parse_node(text).ok();
    let fields = node.as_ref().and_then(|node| node.to_json().as_object().cloned()).unwrap_or_default();
    let field = |name: &str| fields.get(name).and_then(serde_json::Value::as_str);
    field("ref").map_or_else(|| field("name").map(made_into_ref).unwrap_or_default(), str::to_owned)
}

/// Parses a semantic version. Packs also have `1.0`, for which the crate `semver` is too strict: it is read as `1.0.0`. The
/// text after the numbers is the author's.
fn version(fields: Fields<'_>, problems: &mut Problems) -> Option<String> {
    let node = fields.required("version", problems)?;
    let Content::Scalar { text, .. } = &node.content else {
        problems.add(node.position, "version of a pack must be a text; write it as 1.2.3");
        return None;
    };
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at_checked(end)?;
    let mut parts: Vec<_> = core.split('.').collect();
    let is_number = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    if parts.len() > 3 || !parts.iter().all(is_number) {
        let text = short(text);
        problems.add(node.position, format!("`{text}` is not a semantic version; write it as 1.2.3"));
        return None;
    }
    parts.resize(3, "0");
    Some(parts.join(".") + rest)
}

fn components(fields: Fields<'_>, problems: &mut Problems) -> Vec<Component> {
    let (mut components, mut names) = (Vec::new(), BTreeSet::new());
    let Some(wasm) = fields.get("wasm").and_then(|node| Fields::of(node, "wasm", problems)) else {
        return components;
    };
    wasm.refuse_unknown(&["components"], &[], problems);
    for node in wasm.list("components", problems) {
        let Some(fields) = Fields::of(node, "a component", problems) else { continue };
        fields.refuse_unknown(&["name", "path", "actions"], &["world", "sensors"], problems);
        let name = fields.required_text("name", problems);
        let path = fields.required_text("path", problems);
        let actions = fields.texts("actions", problems);
        if let (Some(name), Some(path)) = (name, path) {
            if !names.insert(name.clone()) {
                let message = format!("two components are called {}; rename one", short(&name));
                problems.add(fields.position("name"), message);
            }
            components.push(Component { name, path, actions });
        }
    }
    components
}
