//! A plain value together with the positions of its parts, for code that only needs positions in messages.

use serde_json::Value;

use crate::node::{Content, Entry, Node};
use crate::place::Position;

/// A value and the positions of its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The value.
    pub value: Value,
    root: Node,
}

/// A step of a path into a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step<'a> {
    /// To the value of a key.
    Key(&'a str),
    /// To an item of a list, from 0.
    Item(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Item(index)
    }
}

impl From<Node> for Document {
    fn from(root: Node) -> Self {
        Self { value: root.to_json(), root }
    }
}

impl Document {
    /// The position of the value at `path`. `None` if there is none. The empty path is the whole value.
    pub fn position(&self, path: &[Step<'_>]) -> Option<Position> {
        self.node(path).map(|node| node.position)
    }

    /// The position of the key at the end of `path`. `None` if there is none, or the path ends with an item.
    pub fn key_position(&self, path: &[Step<'_>]) -> Option<Position> {
        let (last, before) = path.split_last()?;
        match last {
            Step::Key(key) => entry(self.node(before)?, key).map(|entry| entry.position),
            Step::Item(_) => None,
        }
    }

    /// The position of the last part of `path` that exists.
    pub fn nearest_position(&self, path: &[Step<'_>]) -> Position {
        let mut node = &self.root;
        for step in path {
            match below(node, *step) {
                Some(next) => node = next,
                None => break,
            }
        }
        node.position
    }

    fn node(&self, path: &[Step<'_>]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, step| below(node, *step))
    }
}

fn below<'a>(node: &'a Node, step: Step<'_>) -> Option<&'a Node> {
    match (step, &node.content) {
        (Step::Key(key), _) => entry(node, key).map(|entry| &entry.node),
        (Step::Item(index), Content::List(items)) => items.get(index),
        (Step::Item(_), _) => None,
    }
}

fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    node.entries()?.iter().find(|entry| entry.key == key)
}

#[cfg(test)]
mod tests {
    use crate::parse;

    use super::*;

    #[test]
    fn every_part_has_its_place() {
        let document = parse("tasks:\n  first:\n    action: core.noop\n    next: [a, {do: b}]\n").unwrap();
        let at = |path: &[Step<'_>]| document.position(path).map(|at| (at.line, at.column));
        assert_eq!(at(&[]), Some((1, 1)));
        assert_eq!(at(&["tasks".into(), "first".into(), "action".into()]), Some((3, 13)));
        let path: [Step<'_>; 5] = ["tasks".into(), "first".into(), "next".into(), 1.into(), "do".into()];
        assert_eq!(at(&path), Some((4, 20)));
        assert_eq!(document.key_position(&path).map(|at| at.column), Some(16));
        assert_eq!(at(&["tasks".into(), "second".into()]), None);
        assert_eq!(document.nearest_position(&["tasks".into(), "second".into()]).line, 2);
    }
}
