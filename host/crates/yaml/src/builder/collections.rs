//! Lists and mappings, indented and in brackets, by the grammar of `PyYAML`.

use serde_json::Value;

use crate::error::Error;
use crate::node::{Content, Node};
use crate::place::Mark;
use crate::token::Kind;

use super::pairs::{Key, Pairs};
use super::{Builder, Keys, Place, empty};

/// The remedy where a brace stands that may begin a template.
const TEMPLATE: &str = "a text with {{ … }} is to be in quotes here";

impl Builder<'_> {
    /// Parses an indented list.
    pub(super) fn items(&mut self) -> Result<Content, Error> {
        let ends = |kind: &Kind| matches!(kind, Kind::BlockEntry | Kind::BlockEnd);
        let start = self.tokens.take()?.start;
        let mut items = Vec::new();
        while let Some(mark) = self.take_if(|kind| matches!(kind, Kind::BlockEntry))? {
            items.push(self.node_or_nothing(Place::Block, mark, ends)?);
        }
        match self.take_if(|kind| matches!(kind, Kind::BlockEnd))? {
            Some(_) => Ok(Content::List(items)),
            None => Err(self.misplaced("a list", start, "`-` or less indentation")),
        }
    }

    /// Parses a list in a mapping, in the same column as the keys.
    pub(super) fn unindented_items(&mut self) -> Result<Content, Error> {
        let ends = |kind: &Kind| matches!(kind, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd);
        let mut items = Vec::new();
        while let Some(mark) = self.take_if(|kind| matches!(kind, Kind::BlockEntry))? {
            items.push(self.node_or_nothing(Place::Block, mark, ends)?);
        }
        Ok(Content::List(items))
    }

    /// Parses an indented mapping.
    pub(super) fn entries(&mut self) -> Result<Content, Error> {
        let ends = |kind: &Kind| matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd);
        let start = self.tokens.take()?.start;
        let mut pairs = Pairs::new(self.keys);
        while let Some(mark) = self.take_if(|kind| matches!(kind, Kind::Key))? {
            self.pair(&mut pairs, mark, Place::InBlockMapping, ends)?;
        }
        match self.take_if(|kind| matches!(kind, Kind::BlockEnd))? {
            Some(_) => Ok(Content::Mapping(pairs.into_entries())),
            None => Err(self.misplaced("a mapping", start, "a key or less indentation")),
        }
    }

    /// Parses a list in brackets.
    pub(super) fn flow_items(&mut self) -> Result<Content, Error> {
        let is_end = |kind: &Kind| matches!(kind, Kind::FlowListEnd);
        let start = self.tokens.take()?.start;
        let mut items = Vec::new();
        while self.take_if(is_end)?.is_none() {
            if !items.is_empty() {
                if self.take_if(|kind| matches!(kind, Kind::FlowEntry))?.is_none() {
                    return Err(self.misplaced("a list", start, "`,` or `]`"));
                }
                // YAML allows a comma after the last item.
                if self.take_if(is_end)?.is_some() {
                    break;
                }
            }
            items.push(match self.take_if(|kind| matches!(kind, Kind::Key))? {
                Some(mark) => self.single_pair(mark)?,
                None => self.node(Place::Flow)?,
            });
        }
        Ok(Content::List(items))
    }

    /// Parses a mapping that is an item of a list in brackets: `[a: 1]`.
    fn single_pair(&mut self, mark: Mark) -> Result<Node, Error> {
        let ends = |kind: &Kind| matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowListEnd);
        // The mapping has no brackets of its own, so `node` has not counted its depth.
        self.enter(mark)?;
        let mut pairs = Pairs::new(self.keys);
        self.pair(&mut pairs, mark, Place::Flow, ends)?;
        self.depth -= 1;
        Ok(Node { position: mark.into(), content: Content::Mapping(pairs.into_entries()) })
    }

    /// Parses a mapping in braces.
    pub(super) fn flow_entries(&mut self) -> Result<Content, Error> {
        let is_end = |kind: &Kind| matches!(kind, Kind::FlowMappingEnd);
        let ends = |kind: &Kind| matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd);
        let start = self.tokens.take()?.start;
        let mut pairs = Pairs::new(self.keys);
        let mut is_first = true;
        while self.take_if(is_end)?.is_none() {
            if !is_first {
                if self.take_if(|kind| matches!(kind, Kind::FlowEntry))?.is_none() {
                    return Err(self.misplaced("a mapping", start, "`,` or `}`"));
                }
                if self.take_if(is_end)?.is_some() {
                    break;
                }
            }
            is_first = false;
            if let Some(mark) = self.take_if(|kind| matches!(kind, Kind::Key))? {
                self.pair(&mut pairs, mark, Place::Flow, ends)?;
            } else {
                // A word alone in braces, as in `{a, b}`, is a key whose value is null.
                let key = self.key(Place::Flow)?;
                let mark = self.tokens.peek()?.start;
                self.add(&mut pairs, key, empty(mark), mark)?;
            }
        }
        Ok(Content::Mapping(pairs.into_entries()))
    }

    /// Parses the rest of a pair, after the token of its key. Key and value may be missing, before a token that `ends`
    /// them.
    fn pair(
        &mut self,
        pairs: &mut Pairs,
        mark: Mark,
        place: Place,
        ends: fn(&Kind) -> bool,
    ) -> Result<(), Error> {
        let key = if ends(&self.tokens.peek()?.kind) {
            self.spelled(String::new(), &Value::Null, mark)
        } else {
            self.key(place)?
        };
        let value = self.take_if(|kind| matches!(kind, Kind::Value))?;
        let start = self.tokens.peek()?.start;
        let node = match value {
            Some(mark) => self.node_or_nothing(place, mark, ends)?,
            None => empty(start),
        };
        self.add(pairs, key, node, start)
    }

    fn add(&mut self, pairs: &mut Pairs, key: Key, node: Node, mark: Mark) -> Result<(), Error> {
        if !key.is_merge {
            return pairs.insert(key, node);
        }
        let sources = match &node.content {
            Content::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&node),
        };
        for source in sources {
            if source.entries().is_none() {
                let message = "<< takes a mapping or a list of mappings; refer to one with *";
                return Err(Error::meaning(mark, message));
            }
            // A merge copies the entries, so it counts like an alias.
            self.expand(source, mark)?;
        }
        pairs.merge(sources);
        Ok(())
    }

    fn key(&mut self, place: Place) -> Result<Key, Error> {
        let start = self.tokens.peek()?.start;
        self.enter(start)?;
        let mut is_merge = false;
        // An alias to a text may be a key, and PyYAML takes it for its text.
        let node = if matches!(self.tokens.peek()?.kind, Kind::Alias(_)) {
            self.alias()?
        } else {
            let properties = self.properties()?;
            if let Kind::Scalar(scalar) = &self.tokens.peek()?.kind {
                is_merge = scalar.is_plain && scalar.text == "<<" && properties.tag.is_none();
                // Most keys: the written text is the key, whatever it would mean as a value.
                if properties.start.is_none() && self.keys == Keys::Strict {
                    self.depth -= 1;
                    return Ok(Key { text: self.scalar()?.text, start, is_merge });
                }
            }
            self.anchored(place, properties)?
        };
        self.depth -= 1;
        match node.content {
            Content::Scalar { value, text } => Ok(Key { is_merge, ..self.spelled(text, &value, start) }),
            // What a template without quotes is to YAML: a mapping whose key is a mapping.
            Content::Mapping(_) => Err(Error::meaning(
                start,
                format!("a key must be a single value, and not a mapping; {TEMPLATE}"),
            )),
            Content::List(_) => Err(Error::meaning(start, "a key must be a single value; write it as text")),
        }
    }

    /// A key that was written as `text` and has the value `value`.
    fn spelled(&self, text: String, value: &Value, start: Mark) -> Key {
        let text = if self.keys == Keys::Strict || value.is_string() { text } else { value.to_string() };
        Key { text, start, is_merge: false }
    }

    /// Takes the next token if it `is` the right one, and returns its position.
    fn take_if(&mut self, is: impl Fn(&Kind) -> bool) -> Result<Option<Mark>, Error> {
        if is(&self.tokens.peek()?.kind) {
            self.tokens.take().map(|token| Some(token.start))
        } else {
            Ok(None)
        }
    }

    /// An error about a token that does not fit into something that began at `start`.
    fn misplaced(&mut self, what: &str, start: Mark, expected: &str) -> Error {
        match self.tokens.peek() {
            Ok(token) => {
                let (found, begins) = (token.kind.name(), Error::begins(what, start));
                let mut why = format!("{expected} is expected and not {found}, in {begins}");
                if matches!(token.kind, Kind::FlowMappingStart) {
                    why = format!("{why}; {TEMPLATE}");
                }
                Error::syntax(token.start, &why)
            }
            Err(error) => error,
        }
    }

    /// Parses a node, or returns null if the next token `ends` the place.
    fn node_or_nothing(
        &mut self,
        place: Place,
        before: Mark,
        ends: fn(&Kind) -> bool,
    ) -> Result<Node, Error> {
        if ends(&self.tokens.peek()?.kind) { Ok(empty(before)) } else { self.node(place) }
    }
}
