//! From events to nodes: anchors, aliases and merges, with limits against documents made to explode.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::{Content, Entry, Error, Keys, Node, Position, scalar};

/// How many nodes aliases and merges may add.
const EXPANSION_LIMIT: usize = 10_000;

/// How deep nodes may nest.
const DEPTH_LIMIT: usize = 64;

/// `is_json` says that the text is JSON, whose plain scalars mean less.
pub(crate) fn build(text: &str, keys: Keys, is_json: bool) -> Result<Node, Error> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        expanded: 0,
        depth: 0,
        keys,
        is_json,
    };
    let mut document = None;
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if document.is_some() => {
                return Err(error(span.start, "there is a second document; keep one, and drop the line ---"));
            }
            event => document = Some(builder.node(event, span)?),
        }
    }
    Ok(document.unwrap_or_else(|| empty(Position::START)))
}

fn empty(position: Position) -> Node {
    Node { position, content: Content::Scalar { value: serde_json::Value::Null, text: String::new() } }
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

fn error(marker: Marker, message: impl Into<String>) -> Error {
    Error { position: position(marker), message: message.into(), is_syntax: false }
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    expanded: usize,
    depth: usize,
    keys: Keys,
    is_json: bool,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Error> {
        match self.parser.next_event() {
            Some(event) => event.map_err(|scan: ScanError| {
                let message = format!("this is no YAML: {}; check indentation and quotes", scan.info());
                Error { is_syntax: true, ..error(*scan.marker(), message) }
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Error> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(error(span.start, format!("values nest deeper than {DEPTH_LIMIT}; flatten them")));
        }
        let at = position(span.start);
        let (anchor, node) = match event {
            Event::Alias(anchor) => (0, self.alias(anchor, span)?),
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, self.scalar(&text, style, tag.as_deref(), span)?)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq", span)?;
                (anchor, Node { position: at, content: Content::List(self.items()?) })
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map", span)?;
                (anchor, Node { position: at, content: Content::Mapping(self.entries()?) })
            }
            _ => return Err(error(span.start, "a value is missing; add one")),
        };
        self.depth -= 1;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Node, Error> {
        let wanted = match tag {
            None => None,
            Some(tag) if tag.is_yaml_core_schema() => Some(tag.suffix.as_str()),
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Some("str"),
            Some(tag) => return Err(unknown_tag(tag, span)),
        };
        let is_plain = style == ScalarStyle::Plain;
        let json = if self.is_json && is_plain { serde_json::from_str(text).ok() } else { None };
        let value = match json {
            Some(value) => value,
            None => scalar::resolve(text, is_plain, wanted).map_err(|message| error(span.start, message))?,
        };
        Ok(Node { position: position(span.start), content: Content::Scalar { value, text: text.to_owned() } })
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Error> {
        let node = self.anchors.get(&anchor).cloned();
        let mut node = node
            .ok_or_else(|| error(span.start, "the alias stands inside of what it names; copy the value"))?;
        self.expand(&node, span)?;
        node.position = position(span.start);
        Ok(node)
    }

    fn expand(&mut self, node: &Node, span: Span) -> Result<(), Error> {
        self.expanded += size(node);
        if self.expanded > EXPANSION_LIMIT {
            let message =
                format!("aliases add more than {EXPANSION_LIMIT} values; write them out where they differ");
            return Err(error(span.start, message));
        }
        Ok(())
    }

    fn items(&mut self) -> Result<Vec<Node>, Error> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn entries(&mut self) -> Result<Vec<Entry>, Error> {
        let (mut own, mut merged): (Vec<Entry>, Vec<Entry>) = (Vec::new(), Vec::new());
        // Where each key stands: a mapping may have millions.
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            let (key, is_merge) = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, _, tag) => {
                    let is_merge = text == "<<" && style == ScalarStyle::Plain;
                    (self.key(text.into_owned(), style, tag.as_deref(), span)?, is_merge)
                }
                Event::Alias(anchor) => match self.alias(anchor, span)?.content {
                    Content::Scalar { text, value } => (self.spelled(text, &value), false),
                    _ => return Err(error(span.start, "a key must be a single value; write it as text")),
                },
                _ => return Err(error(span.start, "a key must be a single value; write it as text")),
            };
            let (event, value_span) = self.next()?;
            let node = self.node(event, value_span)?;
            if is_merge {
                self.merge(&node, value_span, &mut merged)?;
                continue;
            }
            if let Some(place) = places.get(&key).copied() {
                if self.keys == Keys::Strict {
                    return Err(error(
                        span.start,
                        format!("the key {key} is written twice; keep one of them"),
                    ));
                }
                if let Some(known) = own.get_mut(place) {
                    known.node = node;
                }
                continue;
            }
            places.insert(key.clone(), own.len());
            own.push(Entry { key, position: position(span.start), node });
        }
        Ok(if merged.is_empty() { own } else { laid_over(merged, own) })
    }

    fn key(&self, text: String, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<String, Error> {
        if self.keys == Keys::Strict {
            return Ok(text);
        }
        let value = self.scalar(&text, style, tag, span)?.to_json();
        Ok(self.spelled(text, &value))
    }

    /// A key that was written as `text` and means `value`.
    fn spelled(&self, text: String, value: &serde_json::Value) -> String {
        if self.keys == Keys::Strict || value.is_string() { text } else { value.to_string() }
    }

    /// `<<: *other` or `<<: [*one, *two]`, the first of which counts most.
    fn merge(&mut self, node: &Node, span: Span, merged: &mut Vec<Entry>) -> Result<(), Error> {
        // A mapping may have very many keys, so they are not looked for one among the others.
        let mut known: BTreeSet<String> = merged.iter().map(|entry| entry.key.clone()).collect();
        let sources = match &node.content {
            Content::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        for source in sources {
            let Some(entries) = source.entries() else {
                return Err(error(
                    span.start,
                    "<< takes a mapping or a list of mappings; refer to one with *",
                ));
            };
            self.expand(source, span)?;
            for entry in entries {
                if known.insert(entry.key.clone()) {
                    merged.push(entry.clone());
                }
            }
        }
        Ok(())
    }
}

/// What was merged, with a mapping's own entries in place of those of the same key, and the others behind them.
fn laid_over(mut merged: Vec<Entry>, own: Vec<Entry>) -> Vec<Entry> {
    let keys = merged.iter().enumerate().map(|(place, entry)| (entry.key.clone(), place));
    let places: BTreeMap<String, usize> = keys.collect();
    for entry in own {
        match places.get(&entry.key).and_then(|place| merged.get_mut(*place)) {
            Some(known) => *known = entry,
            None => merged.push(entry),
        }
    }
    merged
}

fn size(node: &Node) -> usize {
    1 + match &node.content {
        Content::Scalar { .. } => 0,
        Content::List(items) => items.iter().map(size).sum(),
        Content::Mapping(entries) => entries.iter().map(|entry| size(&entry.node)).sum(),
    }
}

fn check_tag(tag: Option<&Tag>, kind: &str, span: Span) -> Result<(), Error> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == kind) => Err(unknown_tag(tag, span)),
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &Tag, span: Span) -> Error {
    error(span.start, format!("the tag {}{} is not known; remove it", tag.handle, tag.suffix))
}
