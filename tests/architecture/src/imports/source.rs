//! What one file says, as far as its tokens tell: the modules, items and imports of it, and the paths in its
//! code. What these stand for is found out by `names.rs`.
//!
//! It reads tokens, not a syntax tree: so it sees into macros, and how a file is formatted makes no difference.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};

/// A word behind which the name of an item stands.
const ITEM_WORDS: [&str; 8] = ["const", "enum", "fn", "static", "struct", "trait", "type", "union"];
/// A word that an item begins with, beside these.
const OTHER_ITEM_WORDS: [&str; 7] = ["async", "extern", "impl", "macro_rules", "mod", "unsafe", "use"];

/// A path as it is written, a name for each part.
pub(super) type Path = Vec<String>;

/// What one module says, without what is in the modules inside it.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The modules that it declares.
    pub(super) children: Vec<Child>,
    /// The names of the items that it defines, macros too.
    pub(super) items: BTreeSet<String>,
    /// The names of its `macro_rules!`, which the modules inside it see without an import.
    pub(super) macros: BTreeSet<String>,
    /// What it imports.
    pub(super) imports: Vec<Import>,
    /// The paths in its code, most of them a name alone, many of which mean nothing outside of it.
    pub(super) paths: BTreeSet<Path>,
    /// The macros that it calls by a name alone.
    pub(super) calls: BTreeSet<String>,
    /// Whether all of it is compiled for tests only.
    pub(super) is_test: bool,
}

/// A module that is declared in another one.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: String,
    /// What is between its braces; none if it is in a file of its own.
    pub(super) body: Option<Source>,
    /// Whether it is compiled for tests only.
    pub(super) is_test: bool,
}

/// One name that a `use` brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// The name that it has from then on; `*` for everything in a module.
    pub(super) name: String,
    pub(super) path: Path,
    /// Whether others see the name here too.
    pub(super) is_reexport: bool,
}

/// Reads the text of a file.
pub(super) fn read(text: &str) -> Result<Source, LexError> {
    let tokens: Vec<_> = text.parse::<TokenStream>()?.into_iter().collect();
    let mut source = Source::default();
    source.walk(&tokens, true);
    Ok(source)
}

impl Source {
    /// Goes through tokens. What is declared belongs to the module only if `is_module`: in the body of a
    /// function or of an `impl` it does not.
    fn walk(&mut self, tokens: &[TokenTree], is_module: bool) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += match token {
                TokenTree::Group(group) => {
                    self.walk(&inside(group), false);
                    1
                }
                TokenTree::Punct(mark) if mark.as_char() == '#' => self.attribute(tokens, at, is_module),
                TokenTree::Ident(_) => self.word(tokens, at, is_module),
                TokenTree::Punct(_) | TokenTree::Literal(_) => 1,
            };
        }
    }

    /// Reads an attribute, and with it what is for tests only. Says how many tokens that was.
    fn attribute(&mut self, tokens: &[TokenTree], at: usize, is_module: bool) -> usize {
        let is_inner = is_mark(tokens, at + 1, '!');
        let length = if is_inner { 3 } else { 2 };
        let Some(TokenTree::Group(group)) = tokens.get(at + length - 1) else { return 1 };
        let words = inside(group);
        match name(&words, 0).as_deref() {
            Some("doc") => {}
            Some("cfg") if is_for_tests(&words) && is_inner => self.is_test |= is_module,
            Some("cfg") if is_for_tests(&words) => {
                let end = item_end(tokens, at + length);
                let mut item = Self::default();
                item.walk(tokens.get(at + length..end).unwrap_or_default(), is_module);
                let children = item.children.into_iter().map(|child| Child { is_test: true, ..child });
                self.children.extend(children);
                return end - at;
            }
            Some("serde") => self.quoted(&words),
            _ => self.walk(&words, false),
        }
        length
    }

    /// Reads paths that stand between quotes: `#[serde(with = "crate::duration")]`.
    fn quoted(&mut self, tokens: &[TokenTree]) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.quoted(&inside(group)),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                    if let Some(Ok(path)) = quoted.map(str::parse::<TokenStream>) {
                        self.walk(&path.into_iter().collect::<Vec<_>>(), false);
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    /// Reads what begins with a word. Says how many tokens that was.
    fn word(&mut self, tokens: &[TokenTree], at: usize, is_module: bool) -> usize {
        let Some(word) = name(tokens, at) else { return 1 };
        let next = name(tokens, at + 1);
        match (word.as_str(), next) {
            ("use", _) if !is_mark(tokens, at + 1, '<') => self.import(tokens, at),
            ("mod", Some(name)) if is_module => self.module(tokens, at, name),
            ("macro_rules", None) if is_mark(tokens, at + 1, '!') => {
                self.items.extend(name(tokens, at + 2));
                self.macros.extend(name(tokens, at + 2));
                3
            }
            (word, Some(name)) if ITEM_WORDS.contains(&word) && !is_item_word(&name) => {
                if is_module {
                    self.items.insert(name);
                }
                2
            }
            _ => self.path(tokens, at),
        }
    }

    fn module(&mut self, tokens: &[TokenTree], at: usize, name: String) -> usize {
        let body = match tokens.get(at + 2) {
            Some(TokenTree::Group(group)) => {
                let mut body = Self::default();
                body.walk(&inside(group), true);
                Some(body)
            }
            _ => None,
        };
        let is_test = body.as_ref().is_some_and(|body| body.is_test);
        self.children.push(Child { name, body, is_test });
        3
    }

    fn import(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let rest = tokens.get(at + 1..).unwrap_or_default();
        let Some(end) = (0..rest.len()).find(|end| is_mark(rest, *end, ';')) else { return 1 };
        // `pub`, or `pub(crate)`.
        let is_reexport = [1, 2].iter().any(|back| {
            at.checked_sub(*back).and_then(|before| name(tokens, before)).as_deref() == Some("pub")
        });
        let tree = rest.get(..end).unwrap_or_default();
        // What begins with `::` is another crate.
        if !is_mark(tree, 0, ':') {
            leaves(tree, &[], &mut |name, path| self.imports.push(Import { name, path, is_reexport }));
        }
        end + 2
    }

    /// Reads a path in the code: `name`, `crate::place::name`.
    fn path(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let mut path: Path = name(tokens, at).into_iter().collect();
        let mut end = at + 1;
        while is_separator(tokens, end)
            && let Some(part) = name(tokens, end + 2)
        {
            path.push(part);
            end += 3;
        }
        let is_alone = path.len() == 1;
        let is_called = matches!(tokens.get(end + 1), Some(TokenTree::Group(_)));
        if is_alone && is_called && is_mark(tokens, end, '!') {
            self.calls.extend(path);
        } else if !(belongs_to_what_is_before(tokens, at) || is_alone && is_label(tokens, end)) {
            self.paths.insert(path);
        }
        end - at
    }
}

/// Says each leaf of what stands behind `use`: its name from then on, and its path.
fn leaves(tokens: &[TokenTree], before: &[String], say: &mut dyn FnMut(String, Path)) {
    let mut path = before.to_vec();
    let mut alias = None;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                let inside = inside(group);
                return inside
                    .split(|token| mark(token) == Some(','))
                    .for_each(|one| leaves(one, &path, say));
            }
            TokenTree::Punct(mark) if mark.as_char() == '*' => return say("*".to_owned(), path),
            TokenTree::Ident(word) if word == "as" => {
                alias = name(tokens, at + 1);
                break;
            }
            TokenTree::Ident(_) => path.extend(name(tokens, at)),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    // `place::{self}` is `place`.
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(last) = path.last() {
        say(alias.unwrap_or_else(|| last.clone()), path);
    }
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// The word at a place, without the mark of a raw one.
fn name(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at)? {
        TokenTree::Ident(word) => Some(word.to_string().trim_start_matches("r#").to_owned()),
        _ => None,
    }
}

fn mark(token: &TokenTree) -> Option<char> {
    match token {
        TokenTree::Punct(mark) => Some(mark.as_char()),
        _ => None,
    }
}

fn is_mark(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    tokens.get(at).and_then(mark) == Some(wanted)
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_mark(tokens, at, ':') && is_mark(tokens, at + 1, ':')
}

/// Whether a name with a colon behind it stands for a field, a parameter or a variable.
fn is_label(tokens: &[TokenTree], end: usize) -> bool {
    is_mark(tokens, end, ':') && !is_mark(tokens, end + 1, ':')
}

/// Whether the word goes on with what is before it: a field or a method, a lifetime, a part of a path that
/// began with a type in angle brackets or with another crate.
fn belongs_to_what_is_before(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize, wanted| at.checked_sub(back).is_some_and(|at| is_mark(tokens, at, wanted));
    let is_member = before(1, '.') && !before(2, '.');
    is_member || before(1, '\'') || (before(1, ':') && before(2, ':'))
}

fn is_item_word(word: &str) -> bool {
    ITEM_WORDS.contains(&word) || OTHER_ITEM_WORDS.contains(&word) || word == "mut"
}

/// Whether an attribute is `cfg(test)` or `cfg(all(test, ...))`.
fn is_for_tests(words: &[TokenTree]) -> bool {
    let Some(TokenTree::Group(group)) = words.get(1) else { return false };
    let condition = inside(group);
    let tested = match (name(&condition, 0).as_deref(), condition.get(1)) {
        (Some("all"), Some(TokenTree::Group(all))) => inside(all),
        _ => condition,
    };
    let mut each = tested.split(|token| mark(token) == Some(','));
    each.any(|one| one.len() == 1 && name(one, 0).as_deref() == Some("test"))
}

/// Where the item, field or arm that begins at `from` ends.
fn item_end(tokens: &[TokenTree], from: usize) -> usize {
    let first = (from..tokens.len()).find_map(|at| name(tokens, at).filter(|word| word != "pub"));
    let is_item = first.is_some_and(|word| is_item_word(&word));
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';' || (mark.as_char() == ',' && !is_item),
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    let end = tokens.get(from..).unwrap_or_default().iter().position(ends);
    end.map_or(tokens.len(), |end| from + end + 1)
}
