//! The builder: from tokens to nodes. Handles the document, tags, anchors and aliases, with limits against documents
//! that expand without bounds. Lists and mappings are in `builder/collections.rs`, duplicate and merge keys in
//! `builder/pairs.rs`.

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

/// The treatment of keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keys {
    /// Keys are kept as written, and duplicates are errors, so that authors learn of their mistakes.
    #[default]
    Strict,
    /// As in `PyYAML`: the last of several equal keys counts, and a key that is not text (`on`, `010`) becomes the
    /// text of its value (`true`, `8`).
    Loose,
}

/// Largest number of nodes that aliases and merges may add.
const EXPANSION_LIMIT: usize = 10_000;

/// Largest number of nodes in all anchors together. A node inside several anchors counts for each.
const NAMED_LIMIT: usize = 100_000;

/// Largest amount of text that aliases may add, and that anchors may contain, in bytes.
const TEXT_LIMIT: usize = 8 << 20;

/// Largest nesting of nodes.
const DEPTH_LIMIT: usize = 64;

/// Prefix of YAML's own tags.
const OF_YAML: &str = "tag:yaml.org,2002:";

/// Parses a text. `is_json` says that it is valid JSON, in which fewer plain scalars have a special meaning.
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
    /// Prefixes of tags by their handles.
    handles: BTreeMap<String, String>,
    /// The nodes that anchors name. `None` while the node is being built, to detect an alias inside its own anchor.
    anchors: BTreeMap<String, Option<Node>>,
    /// Nodes added by aliases and merges.
    expanded: Weight,
    /// Nodes copied for anchors.
    named: Weight,
    depth: usize,
    keys: Keys,
    is_json: bool,
}

/// The place of a node, which decides which forms it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// By itself, or in an indented list.
    Block,
    /// In an indented mapping, where a list need not be indented further.
    InBlockMapping,
    /// In brackets.
    Flow,
}

/// The properties before a node.
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

    /// Parses directives and `---`.
    fn document_start(&mut self) -> Result<(), Error> {
        let mut version = None;
        loop {
            let Token { kind, start } = self.tokens.take()?;
            let wrong = |why: &str| Err(Error::syntax(start, why));
            match kind {
                Kind::Directive(Directive::Version(_)) if version.is_some() => {
                    return wrong("there are two version directives");
                }
                // PyYAML compares the number, so `01` is 1, and any minor version is read.
                Kind::Directive(Directive::Version(major)) if major.trim_start_matches('0') == "1" => {
                    version = Some(major);
                }
                Kind::Directive(Directive::Version(_)) => return wrong("only YAML 1 can be read"),
                Kind::Directive(Directive::Tag { handle, .. }) if self.handles.contains_key(&handle) => {
                    return wrong(&format!("the handle {} is defined twice", quoted(&handle)));
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

    /// Checks that nothing follows the document.
    fn end(&mut self) -> Result<(), Error> {
        while matches!(self.tokens.peek()?.kind, Kind::DocumentEnd) {
            self.tokens.take()?;
        }
        let Token { kind, start } = self.tokens.peek()?;
        let start = *start;
        match kind {
            Kind::End => Ok(()),
            // `safe_load` refuses a second document as well. To drop it in silence would hide half of a file.
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

    /// Parses the node after its properties.
    fn anchored(&mut self, place: Place, properties: Properties) -> Result<Node, Error> {
        let node = self.content(place, &properties)?;
        if let Some(anchor) = properties.anchor {
            // An anchor keeps a copy, and nested anchors keep the same nodes several times. Without this
            // limit a short text could name gigabytes.
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

    /// Parses an anchor and a tag, in either order.
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
                    // YAML itself lets a later anchor take over the name. PyYAML refuses it, and readers
                    // could mistake what an alias means.
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
            // Properties without a value, as in `a: !!str`, belong to an empty text.
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

    /// The value of a scalar. A tag may determine its type.
    fn meaning(&self, scalar: &Scalar, tag: Option<&str>, start: Mark) -> Result<Node, Error> {
        let text = scalar.text.as_str();
        // As in PyYAML, the tag `!` makes a quoted text resolve like a plain one.
        let is_plain = scalar.is_plain || tag == Some("!");
        let wanted = match tag {
            None | Some("!") => None,
            Some(tag) => Some(tag.strip_prefix(OF_YAML).ok_or_else(|| unknown_tag(tag, start))?),
        };
        // JSON has numbers, such as `1e3`, that YAML 1.1 reads as text.
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
                let message = "the alias is inside the value that it names; copy the value";
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
        // A message about the value points at the alias, which is what the author of this place has written.
        node.position = start.into();
        Ok(node)
    }

    fn expand(&mut self, node: &Node, mark: Mark) -> Result<(), Error> {
        // The text counts beside the number of nodes: ten thousand aliases of a megabyte were ten gigabytes.
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

/// The size of copied nodes.
#[derive(Debug, Default)]
struct Weight {
    values: usize,
    /// The length of all texts, in bytes.
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
