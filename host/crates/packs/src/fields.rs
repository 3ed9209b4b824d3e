//! Reads a mapping field by field, and collects all problems instead of stopping at the first.

use petrel_model::Object;
use petrel_model::action::Tag;
use petrel_model::count::counted;
use petrel_model::nearest::nearest;
use petrel_yaml::{Content, Entry, Node};
use serde_json::Value;

use crate::limits::MOST_PROBLEMS;
use crate::problem::{Position, Problem, short};
use crate::suggestion::suggestion;

/// The problems of one file. A limited number is kept; the others are counted.
#[derive(Debug)]
pub(crate) struct Problems {
    file: String,
    found: Vec<Problem>,
    more: usize,
}

impl Problems {
    pub(crate) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new(), more: 0 }
    }

    pub(crate) fn add(&mut self, position: Position, message: impl Into<String>) {
        self.add_with(position, || message.into());
    }

    /// As [`add`](Self::add), for a message that is only built if it is kept.
    pub(crate) fn add_with(&mut self, position: Position, message: impl FnOnce() -> String) {
        if self.found.len() >= MOST_PROBLEMS {
            self.more += 1;
            return;
        }
        self.found.push(Problem { file: self.file.clone(), position: Some(position), message: message() });
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All problems, from top to bottom.
    pub(crate) fn told(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.position);
        if self.more > 0 {
            let message = format!("and {}; correct these first", counted(self.more, "more problem"));
            self.found.push(Problem { file: self.file, position: None, message });
        }
        self.found
    }

    /// Returns `value` if there are no problems, and otherwise the problems.
    pub(crate) fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(self.told()),
        }
    }
}

/// A mapping whose fields are read by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    /// The object that it describes, for messages.
    pub(crate) what: &'a str,
    position: Position,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// The fields of `node`. `None`, and a problem, if it is not a mapping.
    pub(crate) fn of(node: &'a Node, what: &'a str, problems: &mut Problems) -> Option<Self> {
        Self::of_like(node, what, || "name: value".to_owned(), problems)
    }

    /// As [`of`](Self::of), with the right form for what is not a mapping.
    pub(crate) fn of_like(
        node: &'a Node,
        what: &'a str,
        form: impl FnOnce() -> String,
        problems: &mut Problems,
    ) -> Option<Self> {
        if let Some(entries) = node.entries() {
            return Some(Self { what, position: node.position, entries });
        }
        problems.add_with(node.position, || {
            let kind = node.kind();
            format!("{what} must be a mapping of names to values, and is {kind}; write {}", form())
        });
        None
    }

    /// The value of a field that exists and is not empty.
    pub(crate) fn get(self, name: &str) -> Option<&'a Node> {
        self.entry(name).map(|entry| &entry.node).filter(|node| !node.is_null())
    }

    fn entry(self, name: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == name)
    }

    /// All fields in order.
    pub(crate) fn entries(self) -> &'a [Entry] {
        self.entries
    }

    /// The position of a field, or of the mapping itself if the field is missing.
    pub(crate) fn position(self, name: &str) -> Position {
        self.entry(name).map_or(self.position, |entry| entry.node.position)
    }

    /// Whether a field was written, even if it is empty.
    pub(crate) fn has(self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Reports all fields that are neither `known` nor `ignored`.
    pub(crate) fn refuse_unknown(self, known: &[&str], ignored: &[&str], problems: &mut Problems) {
        for entry in self.unknown(known, ignored) {
            problems.add_with(entry.position, || {
                let key = &entry.key;
                format!("{} has no field {}; {}", self.what, short(key), suggestion(key, known))
            });
        }
    }

    /// Notes on fields that are neither `known` nor `ignored`, for a mapping in which StackStorm accepts any.
    pub(crate) fn strays(self, known: &[&str], ignored: &[&str], problems: &Problems) -> Vec<Problem> {
        let told = self.unknown(known, ignored).take(MOST_PROBLEMS).map(|entry| {
            let (key, remedy) = (short(&entry.key), suggestion(&entry.key, known));
            let message = format!("{} has no field {key}, so it is ignored; {remedy}", self.what);
            Problem { file: problems.file.clone(), position: Some(entry.position), message }
        });
        told.collect()
    }

    fn unknown(self, known: &[&str], ignored: &[&str]) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| {
            let key = entry.key.as_str();
            !known.contains(&key) && !ignored.contains(&key)
        })
    }

    fn wrong(self, name: &str, needed: &str, node: &Node, problems: &mut Problems) {
        let message =
            format!("{name} of {} must be {needed}, and is {}; correct the value", self.what, node.kind());
        problems.add(node.position, message);
    }

    /// The value of a required field. A problem is recorded if it is missing.
    pub(crate) fn required(self, name: &str, problems: &mut Problems) -> Option<&'a Node> {
        let node = self.get(name);
        if node.is_none() {
            let others = self.entries.iter().map(|entry| entry.key.as_str()).filter(|key| *key != name);
            let remedy = match nearest(name, others) {
                Some(near) => format!("rename {}, if that is meant, or add it", short(near)),
                None => "add it".to_owned(),
            };
            problems.add(self.position, format!("{} needs a field {name}; {remedy}", self.what));
        }
        node
    }

    /// A text. `None` if it is missing.
    pub(crate) fn text(self, name: &str, problems: &mut Problems) -> Option<String> {
        self.read_text(name, self.get(name)?, problems)
    }

    /// A required text.
    pub(crate) fn required_text(self, name: &str, problems: &mut Problems) -> Option<String> {
        let node = self.required(name, problems)?;
        self.read_text(name, node, problems)
    }

    fn read_text(self, name: &str, node: &Node, problems: &mut Problems) -> Option<String> {
        match &node.content {
            Content::Scalar { value: Value::String(text), .. } => Some(text.clone()),
            Content::Scalar { text, .. } => {
                let message = format!(
                    "{name} of {} must be a text, and is {}; write \"{}\"",
                    self.what,
                    node.kind(),
                    short(text)
                );
                problems.add(node.position, message);
                None
            }
            _ => {
                self.wrong(name, "a text", node, problems);
                None
            }
        }
    }

    /// A boolean.
    pub(crate) fn flag(self, name: &str, default: bool, problems: &mut Problems) -> bool {
        match self.get(name) {
            None => default,
            Some(Node { content: Content::Scalar { value: Value::Bool(value), .. }, .. }) => *value,
            Some(node) => {
                self.wrong(name, "true or false", node, problems);
                default
            }
        }
    }

    /// A mapping of any values. Empty if it is missing.
    pub(crate) fn object(self, name: &str, problems: &mut Problems) -> Object {
        match self.get(name).map(|node| (node, node.to_json())) {
            None => Object::new(),
            Some((_, Value::Object(object))) => object,
            Some((node, _)) => {
                self.wrong(name, "a mapping", node, problems);
                Object::new()
            }
        }
    }

    /// A list of nodes. Empty if it is missing.
    pub(crate) fn list(self, name: &str, problems: &mut Problems) -> &'a [Node] {
        match self.get(name) {
            None => &[],
            Some(Node { content: Content::List(items), .. }) => items,
            Some(node) => {
                self.wrong(name, "a list", node, problems);
                &[]
            }
        }
    }

    /// A list of texts. Other scalars count as their source text.
    pub(crate) fn texts(self, name: &str, problems: &mut Problems) -> Vec<String> {
        let mut texts = Vec::new();
        for item in self.list(name, problems) {
            match &item.content {
                Content::Scalar { text, .. } => texts.push(text.clone()),
                _ => self.wrong(name, "a list of texts", item, problems),
            }
        }
        texts
    }

    /// A list of labels, written `name: ..., value: ...`.
    pub(crate) fn tags(self, problems: &mut Problems) -> Vec<Tag> {
        let mut tags = Vec::new();
        for item in self.list("tags", problems) {
            let Some(fields) = Self::of(item, "a tag", problems) else { continue };
            fields.refuse_unknown(&["name", "value"], &[], problems);
            let Some(name) = fields.required_text("name", problems) else { continue };
            let value = match fields.get("value").map(|node| &node.content) {
                Some(Content::Scalar { text, .. }) => text.clone(),
                _ => String::new(),
            };
            tags.push(Tag { name, value });
        }
        tags
    }
}
