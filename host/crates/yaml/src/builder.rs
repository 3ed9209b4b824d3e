//! From tokens to nodes: the document, what stands before a node, anchors and aliases, with limits against documents
//! made to explode. Lists and mappings are below this, in `builder/collections.rs`, and what becomes of the keys of a
//! mapping in `builder/pairs.rs`.

mod collections;
mod pairs;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Error, quoted};
use crate::node::{Content, Node};
use crate::place::{Mark, Position};
use crate::scalar;
use crate::scanner::Scanner;
use crate::token::{Directive, Kind, Scalar, Token};

/// What becomes of keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keys {
    /// Text as written, and none twice: what people write is to be told of its slips.
    #[default]
    Strict,
    /// As `PyYAML`: a key that is written twice counts for the last time, and one that is no text (`on`, `010`)
    /// becomes the text of what it means (`true`, `8`).
    Loose,
}

/// How many nodes aliases and merges may add.
const EXPANSION_LIMIT: usize = 10_000;

/// How many nodes anchors may name in all, each as often as it is within what one names.
const NAMED_LIMIT: usize = 100_000;

/// How much text aliases may add, and how much anchors may name, in bytes.
const TEXT_LIMIT: usize = 8 << 20;

/// How deep nodes may nest.
const DEPTH_LIMIT: usize = 64;

/// What the tags of YAML itself begin with.
const OF_YAML: &str = "tag:yaml.org,2002:";

/// `is_json` says that the text is JSON, whose plain scalars mean less.
pub(crate) fn build(text: &str, keys: Keys, is_json: bool) -> Result<Node, Error> {
    let mut builder = Builder {
        tokens: Scanner::new(text)?,
        handles: BTreeMap::new(),
        anchors: BTreeMap::new(),
        expanded: Weight::default(),
        named: Weight::default(),
        depth: 0,
        keys,
        is_json,
    };
    let node = builder.document()?;
    builder.end()?;
    Ok(node)
}

struct Builder<'a> {
    tokens: Scanner<'a>,
    /// What handles of tags stand for.
    handles: BTreeMap<String, String>,
    /// What anchors name; nothing within that itself.
    anchors: BTreeMap<String, Option<Node>>,
    /// What aliases and merges have added.
    expanded: Weight,
    /// What anchors name, of which there is a copy.
    named: Weight,
    depth: usize,
    keys: Keys,
    is_json: bool,
}

/// Where a node stands, which says what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// By itself, or in a list that is indented.
    Block,
    /// In a mapping that is indented: a list need not be indented more.
    InBlockMapping,
    /// In brackets.
    Flow,
}

/// What stands before a node.
#[derive(Debug, Default)]
struct Properties {
    start: Option<Mark>,
    anchor: Option<String>,
    tag: Option<String>,
}

impl Builder<'_> {
    fn document(&mut self) -> Result<Node, Error> {
        let mark = self.tokens.peek()?.start;
        match self.tokens.peek()?.kind {
            Kind::End => return Ok(empty(mark)),
            Kind::Directive(_) | Kind::DocumentStart => self.document_start()?,
            _ => return self.node(Place::Block),
        }
        let token = self.tokens.peek()?;
        let start = token.start;
        match token.kind {
            Kind::Directive(_) | Kind::DocumentStart | Kind::DocumentEnd | Kind::End => Ok(empty(start)),
            _ => self.node(Place::Block),
        }
    }

    /// The lines with `%`, and `---`.
    fn document_start(&mut self) -> Result<(), Error> {
        let mut version = None;
        loop {
            let Token { kind, start } = self.tokens.take()?;
            let wrong = |why: &str| Err(Error::syntax(start, why));
            match kind {
                Kind::Directive(Directive::Version(_)) if version.is_some() => {
                    return wrong("the version is said twice");
                }
                Kind::Directive(Directive::Version(major)) if major.trim_start_matches('0') == "1" => {
                    version = Some(major);
                }
                Kind::Directive(Directive::Version(_)) => return wrong("only YAML 1 can be read"),
                Kind::Directive(Directive::Tag { handle, .. }) if self.handles.contains_key(&handle) => {
                    return wrong(&format!("the handle {} is said twice", quoted(&handle)));
                }
                Kind::Directive(Directive::Tag { handle, prefix }) => {
                    self.handles.insert(handle, prefix);
                }
                Kind::Directive(Directive::Other) => {}
                Kind::DocumentStart => return Ok(()),
                kind => return wrong(&format!("`---` is expected and not {}", kind.name())),
            }
        }
    }

    /// Sees that nothing follows.
    fn end(&mut self) -> Result<(), Error> {
        while matches!(self.tokens.peek()?.kind, Kind::DocumentEnd) {
            self.tokens.take()?;
        }
        let Token { kind, start } = self.tokens.peek()?;
        let start = *start;
        match kind {
            Kind::End => Ok(()),
            Kind::DocumentStart | Kind::Directive(_) => {
                Err(Error::meaning(start, "there is a second document; keep one, and drop the line ---"))
            }
            kind => Err(Error::syntax(start, &format!("the end is expected and not {}", kind.name()))),
        }
    }

    fn node(&mut self, place: Place) -> Result<Node, Error> {
        let mark = self.tokens.peek()?.start;
        self.enter(mark)?;
        let node = if matches!(self.tokens.peek()?.kind, Kind::Alias(_)) {
            self.alias()?
        } else {
            let properties = self.properties()?;
            self.anchored(place, properties)?
        };
        self.depth -= 1;
        Ok(node)
    }

    /// The node behind its properties.
    fn anchored(&mut self, place: Place, properties: Properties) -> Result<Node, Error> {
        let node = self.content(place, &properties)?;
        if let Some(anchor) = properties.anchor {
            self.named.add(&node);
            if self.named.exceeds(NAMED_LIMIT) {
                let message =
                    format!("anchors name more than {NAMED_LIMIT} values or 8 MiB; name less with &");
                return Err(Error::meaning(properties.start.unwrap_or_default(), message));
            }
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Ok(node)
    }

    fn enter(&mut self, mark: Mark) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            let message = format!("values nest deeper than {DEPTH_LIMIT}; flatten them");
            return Err(Error::meaning(mark, message));
        }
        Ok(())
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self) -> Result<Properties, Error> {
        let mut properties = Properties::default();
        loop {
            match self.tokens.peek()?.kind {
                Kind::Anchor(_) if properties.anchor.is_none() => {}
                Kind::Tag { .. } if properties.tag.is_none() => {}
                _ => return Ok(properties),
            }
            let Token { kind, start } = self.tokens.take()?;
            properties.start = properties.start.or(Some(start));
            match kind {
                Kind::Anchor(name) => {
                    if self.anchors.insert(name.clone(), None).is_some() {
                        let message =
                            format!("the anchor {} is written twice; give one another name", quoted(&name));
                        return Err(Error::meaning(start, message));
                    }
                    properties.anchor = Some(name);
                }
                Kind::Tag { handle, suffix } => {
                    properties.tag = Some(match handle {
                        Some(handle) => self.prefix(&handle, start)? + &suffix,
                        None => suffix,
                    });
                }
                _ => return Ok(properties),
            }
        }
    }

    fn prefix(&self, handle: &str, mark: Mark) -> Result<String, Error> {
        match (self.handles.get(handle), handle) {
            (Some(prefix), _) => Ok(prefix.clone()),
            (None, "!") => Ok("!".into()),
            (None, "!!") => Ok(OF_YAML.into()),
            (None, _) => {
                Err(Error::syntax(mark, &format!("the handle {} of the tag is not known", quoted(handle))))
            }
        }
    }

    fn content(&mut self, place: Place, properties: &Properties) -> Result<Node, Error> {
        let Token { kind, start } = self.tokens.peek()?;
        let (found, name) = (*start, kind.name());
        let start = properties.start.unwrap_or(found);
        let in_block = place != Place::Flow;
        let (content, wanted) = match kind {
            Kind::Scalar(_) => {
                let scalar = self.scalar()?;
                return self.meaning(&scalar, properties.tag.as_deref(), start);
            }
            Kind::BlockEntry if place == Place::InBlockMapping => (self.unindented_items()?, "seq"),
            Kind::FlowListStart => (self.flow_items()?, "seq"),
            Kind::FlowMappingStart => (self.flow_entries()?, "map"),
            Kind::BlockListStart if in_block => (self.items()?, "seq"),
            Kind::BlockMappingStart if in_block => (self.entries()?, "map"),
            _ if properties.start.is_some() => {
                let nothing = Scalar { text: String::new(), is_plain: true };
                return self.meaning(&nothing, properties.tag.as_deref(), start);
            }
            _ => return Err(Error::syntax(found, &format!("a value is expected and not {name}"))),
        };
        match properties.tag.as_deref() {
            Some(tag) if tag != "!" && tag.strip_prefix(OF_YAML) != Some(wanted) => {
                Err(unknown_tag(tag, start))
            }
            _ => Ok(Node { position: start.into(), content }),
        }
    }

    fn scalar(&mut self) -> Result<Scalar, Error> {
        match self.tokens.take()? {
            Token { kind: Kind::Scalar(scalar), .. } => Ok(scalar),
            token => {
                Err(Error::syntax(token.start, &format!("a text is expected and not {}", token.kind.name())))
            }
        }
    }

    /// What a text means, of which a tag may say the kind.
    fn meaning(&self, scalar: &Scalar, tag: Option<&str>, start: Mark) -> Result<Node, Error> {
        let text = scalar.text.as_str();
        // `!` has it read as if it had no quotes.
        let is_plain = scalar.is_plain || tag == Some("!");
        let wanted = match tag {
            None | Some("!") => None,
            Some(tag) => Some(tag.strip_prefix(OF_YAML).ok_or_else(|| unknown_tag(tag, start))?),
        };
        let json = if self.is_json && is_plain { serde_json::from_str(text).ok() } else { None };
        let value = match json {
            Some(value) => value,
            None => {
                scalar::resolve(text, is_plain, wanted).map_err(|message| Error::meaning(start, message))?
            }
        };
        Ok(Node { position: start.into(), content: Content::Scalar { value, text: text.to_owned() } })
    }

    fn alias(&mut self) -> Result<Node, Error> {
        let Token { kind, start } = self.tokens.take()?;
        let Kind::Alias(name) = kind else {
            return Err(Error::syntax(start, "an alias is expected"));
        };
        let mut node = match self.anchors.get(&name) {
            Some(Some(node)) => node.clone(),
            Some(None) => {
                let message = "the alias stands inside of what it names; copy the value";
                return Err(Error::meaning(start, message));
            }
            None => {
                return Err(Error::syntax(
                    start,
                    &format!("there is no anchor &{} before the alias", quoted(&name)),
                ));
            }
        };
        self.expand(&node, start)?;
        node.position = start.into();
        Ok(node)
    }

    fn expand(&mut self, node: &Node, mark: Mark) -> Result<(), Error> {
        self.expanded.add(node);
        if self.expanded.exceeds(EXPANSION_LIMIT) {
            let message = format!(
                "aliases add more than {EXPANSION_LIMIT} values or 8 MiB; write them out where they differ"
            );
            return Err(Error::meaning(mark, message));
        }
        Ok(())
    }
}

fn empty(mark: Mark) -> Node {
    let position = Position::from(mark);
    Node { position, content: Content::Scalar { value: Value::Null, text: String::new() } }
}

/// What copies of nodes take.
#[derive(Debug, Default)]
struct Weight {
    values: usize,
    /// In bytes.
    text: usize,
}

impl Weight {
    fn add(&mut self, node: &Node) {
        self.values += 1;
        match &node.content {
            Content::Scalar { text, .. } => self.text += text.len(),
            Content::List(items) => items.iter().for_each(|item| self.add(item)),
            Content::Mapping(entries) => entries.iter().for_each(|entry| {
                self.text += entry.key.len();
                self.add(&entry.node);
            }),
        }
    }

    fn exceeds(&self, values: usize) -> bool {
        self.values > values || self.text > TEXT_LIMIT
    }
}

fn unknown_tag(tag: &str, mark: Mark) -> Error {
    let written = tag.strip_prefix(OF_YAML).map_or_else(|| tag.to_owned(), |kind| format!("!!{kind}"));
    Error::meaning(mark, format!("the tag {} is not known; remove it", quoted(&written)))
}
