//! JSONPath in the dialect of Python's `jsonpath-rw`, as criteria use it in their keys.
//!
//! The dialect has dotted and quoted fields (`trigger.body."a.b"`), brackets (`['a', 'b']`, `[0]`, `[-1]`, `[1:3]`,
//! `[*]`), `*`, `..`, `$` and `|`. Names may contain dashes; a name that starts with a digit must be quoted. Criteria
//! search for the first match only; `jsonpath_query` wants all matches.

mod parser;

use petrel_model::quoted::quoted;
use petrel_python::work;
use serde_json::Value;

/// A text that is not a JSONPath.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a JSONPath: {}; write it as trigger.body.name, quoting names with other signs",
    quoted(.path),
    quoted(.reason)
)]
pub struct InvalidPath {
    path: String,
    reason: String,
}

/// The reason why a path cannot be followed in a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFollowed {
    /// An index is applied to a value that is not a list.
    #[error("[{}] needs a list, and there is a value of type {found}; check the path", quoted(.index))]
    NotAList {
        /// The index as it is written.
        index: String,
        /// The type of the value.
        found: &'static str,
    },
    /// The path has too many ways through the value.
    #[error("the path has more than {STEPS} ways through the value; use fewer `..` and `*`")]
    TooManySteps,
}

/// The greatest number of steps of following a path.
pub const STEPS: u32 = 1_000_000;

/// A parsed path: segments separated by `..`, each a sequence of steps.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath {
    parts: Vec<Vec<Step>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Root,
    Fields(Vec<String>),
    AnyField,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: Option<i64> },
    Either(Vec<JsonPath>),
}

impl Step {
    fn single_field(&self) -> Option<&str> {
        match self {
            Self::Fields(names) => names.first().filter(|_| names.len() == 1).map(String::as_str),
            _ => None,
        }
    }
}

impl JsonPath {
    /// Parses `path`.
    ///
    /// # Errors
    /// [`InvalidPath`] for anything outside the dialect.
    pub fn parse(path: &str) -> Result<Self, InvalidPath> {
        parser::parse(path).map_err(|reason| InvalidPath { path: path.to_owned(), reason })
    }

    /// The names of the fields, if all steps of the path are single fields.
    pub fn plain_fields(&self) -> Option<Vec<&str>> {
        match self.parts.as_slice() {
            [steps] => steps.iter().map(Step::single_field).collect(),
            _ => None,
        }
    }

    /// The names of the single fields at the beginning of the path, if the rest stays below them.
    pub fn plain_start(&self) -> Option<Vec<&str>> {
        // `$` and alternatives start at the root again, so the value may lie outside of the fields before
        // them.
        if self.parts.iter().flatten().any(|step| matches!(step, Step::Root | Step::Either(_))) {
            return None;
        }
        Some(self.parts.first()?.iter().map_while(Step::single_field).collect())
    }

    /// The first value at the path, starting from an object whose only field is `name`. The payload need not be
    /// copied into such an object.
    ///
    /// # Errors
    /// [`NotFollowed`] when an index is applied to what is no list.
    pub fn first<'a>(&self, name: &'a str, value: &'a Value) -> Result<Option<Found<'a>>, NotFollowed> {
        let root = Node::Root(name, value);
        let mut search = Search { root, found: Vec::new(), wants_all: false, steps: 0 };
        search.parts(&self.parts, root)?;
        Ok(search.found.pop())
    }

    /// All values at the path, starting from `value`, in order.
    ///
    /// # Errors
    /// [`NotFollowed`] when an index is applied to what is no list, or there is too much to follow.
    pub fn all<'a>(&self, value: &'a Value) -> Result<Vec<Found<'a>>, NotFollowed> {
        let root = Node::Part(value);
        let mut search = Search { root, found: Vec::new(), wants_all: true, steps: 0 };
        search.parts(&self.parts, root)?;
        Ok(search.found)
    }
}

/// A match: a part of the value, or one character of a string.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<'a> {
    /// A part of the value.
    Part(&'a Value),
    /// A character, which an index into a string gives.
    Character(char),
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Root(&'a str, &'a Value),
    Part(&'a Value),
}

impl<'a> Node<'a> {
    fn field(self, name: &str) -> Option<Self> {
        let value = match self {
            Self::Root(known, value) => (known == name).then_some(value),
            Self::Part(value) => value.get(name),
        };
        value.map(Self::Part)
    }

    fn fields(self) -> impl Iterator<Item = Self> {
        let (root, part) = match self {
            Self::Root(_, value) => (Some(value), None),
            Self::Part(value) => (None, value.as_object()),
        };
        let below = part.into_iter().flat_map(|object| object.values());
        root.into_iter().chain(below).map(Self::Part)
    }

    fn items(self) -> &'a [Value] {
        match self {
            Self::Part(Value::Array(items)) => items,
            _ => &[],
        }
    }

    fn type_name(self) -> &'static str {
        match self {
            Self::Root(..) => "object",
            Self::Part(value) => petrel_python::type_name(value),
        }
    }
}

struct Search<'a> {
    root: Node<'a>,
    found: Vec<Found<'a>>,
    wants_all: bool,
    steps: u32,
}

impl<'a> Search<'a> {
    /// Whether the search is over.
    fn is_done(&self) -> bool {
        !self.wants_all && !self.found.is_empty()
    }

    /// Follows `parts` from `node`. Returns at the first match, unless all are wanted.
    fn parts(&mut self, parts: &[Vec<Step>], node: Node<'a>) -> Result<(), NotFollowed> {
        self.steps += 1;
        // Each further `..` or `*` multiplies the ways, so a path of a few characters may have millions.
        if self.steps > STEPS || work::charge(200).is_err() {
            return Err(NotFollowed::TooManySteps);
        }
        match (parts.split_first(), node) {
            (Some((steps, rest)), _) => self.steps(steps, rest, node)?,
            (None, Node::Part(value)) => self.found.push(Found::Part(value)),
            // The object around the payload is never built, so there is no value to lend.
            (None, Node::Root(..)) => {}
        }
        Ok(())
    }

    fn steps(&mut self, steps: &[Step], parts: &[Vec<Step>], node: Node<'a>) -> Result<(), NotFollowed> {
        work::charge(50).map_err(|_limit| NotFollowed::TooManySteps)?;
        let Some((step, rest)) = steps.split_first() else {
            return if parts.is_empty() { self.parts(parts, node) } else { self.descend(parts, node) };
        };
        match step {
            Step::Root => self.steps(rest, parts, self.root),
            Step::Fields(names) => {
                charge(names.iter().map(String::len).sum())?;
                self.each(names.iter().filter_map(|name| node.field(name)), rest, parts)
            }
            Step::AnyField => self.each(node.fields(), rest, parts),
            Step::Index(index) => self.index(*index, rest, parts, node),
            Step::Slice { start, end, step } => {
                let items = node.items();
                match node {
                    Node::Part(Value::Array(_)) => {
                        let chosen = slice(items.len(), *start, *end, *step);
                        self.each(chosen.filter_map(|index| items.get(index)).map(Node::Part), rest, parts)
                    }
                    Node::Part(Value::Null | Value::Bool(_)) => {
                        Err(NotFollowed::NotAList { index: "*".into(), found: node.type_name() })
                    }
                    // As in jsonpath-rw, a single value counts as a list of one.
                    _ => self.each(slice(1, *start, *end, *step).map(|_| node), rest, parts),
                }
            }
            Step::Either(paths) => {
                for path in paths {
                    charge(size(&path.parts) + size_of_row(rest) + size(parts))?;
                    self.joined(path.parts.clone(), rest, parts, node)?;
                    if self.is_done() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// Follows the steps after an alternative, on top of it.
    fn joined(
        &mut self,
        mut path: Vec<Vec<Step>>,
        rest: &[Step],
        parts: &[Vec<Step>],
        node: Node<'a>,
    ) -> Result<(), NotFollowed> {
        if let Some(last) = path.last_mut() {
            last.extend_from_slice(rest);
        }
        path.extend_from_slice(parts);
        self.parts(&path, node)
    }

    fn each(
        &mut self,
        nodes: impl Iterator<Item = Node<'a>>,
        steps: &[Step],
        parts: &[Vec<Step>],
    ) -> Result<(), NotFollowed> {
        for node in nodes {
            self.steps(steps, parts, node)?;
            if self.is_done() {
                break;
            }
        }
        Ok(())
    }

    fn index(
        &mut self,
        index: i64,
        steps: &[Step],
        parts: &[Vec<Step>],
        node: Node<'a>,
    ) -> Result<(), NotFollowed> {
        match node {
            Node::Part(Value::Array(items)) => {
                let item = position(index, items.len()).and_then(|index| items.get(index));
                self.each(item.map(Node::Part).into_iter(), steps, parts)
            }
            Node::Part(Value::String(text)) => {
                charge(text.len().saturating_mul(2))?;
                let length = text.chars().count();
                // A character is no node of the document, so only the last step of a path may choose one.
                if steps.is_empty() && parts.is_empty() {
                    let char = position(index, length).and_then(|index| text.chars().nth(index));
                    self.found.extend(char.map(Found::Character));
                }
                Ok(())
            }
            _ => Err(NotFollowed::NotAList { index: index.to_string(), found: node.type_name() }),
        }
    }

    /// `..`: the node itself, then everything below it, items and fields in order.
    fn descend(&mut self, parts: &[Vec<Step>], node: Node<'a>) -> Result<(), NotFollowed> {
        self.parts(parts, node)?;
        for below in node.items().iter().map(Node::Part).chain(node.fields()) {
            if self.is_done() {
                break;
            }
            self.descend(parts, below)?;
        }
        Ok(())
    }
}

/// Charges for hashing, copying or counting bytes.
fn charge(bytes: usize) -> Result<(), NotFollowed> {
    work::scan(bytes).map_err(|_limit| NotFollowed::TooManySteps)
}

/// About the size of a copy of `parts`, in bytes.
fn size(parts: &[Vec<Step>]) -> usize {
    parts.iter().map(|steps| size_of_row(steps)).sum()
}

fn size_of_row(steps: &[Step]) -> usize {
    let inside = |step: &Step| match step {
        Step::Fields(names) => names.iter().map(String::len).sum::<usize>(),
        Step::Either(paths) => paths.iter().map(|path| size(&path.parts)).sum(),
        _ => 0,
    };
    steps.iter().map(|step| size_of::<Step>() + inside(step)).sum()
}

/// The place of an index, which may be negative.
fn position(index: i64, length: usize) -> Option<usize> {
    if index >= 0 {
        return usize::try_from(index).ok();
    }
    length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
}

/// The places of a Python slice with a positive step.
fn slice(
    length: usize,
    start: Option<i64>,
    end: Option<i64>,
    step: Option<i64>,
) -> impl Iterator<Item = usize> {
    let clamp = |index: i64| match index {
        0.. => usize::try_from(index).unwrap_or(length).min(length),
        _ => position(index, length).unwrap_or(0),
    };
    let step = step.and_then(|step| usize::try_from(step).ok()).filter(|step| *step > 0).unwrap_or(1);
    (start.map_or(0, clamp)..end.map_or(length, clamp)).step_by(step)
}

#[cfg(test)]
mod tests;
