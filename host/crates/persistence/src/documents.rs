//! The table of documents: the nouns that are kept by a name and replaced as a whole, in contrast to events and
//! executions, which have a history.
//!
//! A kind of document stands here once. From its row follow [`Change::Put`](crate::Change::Put) and
//! [`Change::Delete`](crate::Change::Delete), the reads of [`StoreExt`](crate::StoreExt), and what both backends and
//! the check of a store do with it. What a backend adds of its own for each kind, such as the prefix of its keys, it
//! says in a `match` without a wildcard, so that a new kind does not compile until it has it.

use std::fmt;
use std::sync::Arc;

use petrel_model::{
    Action, ApiKey, ApiKeyId, KeyValue, Pack, PackConfig, Ref, Rule, Token, TokenId, TriggerType, User,
    WorkflowDefinition,
};

/// A noun that is stored as a document.
pub trait Noun: Into<Document> + Clone + Send + Sync + 'static {
    /// What it is kept by.
    type Key: Clone;

    /// The row of the table that it has.
    const KIND: DocumentKind;

    /// What it is kept by.
    fn key(&self) -> Self::Key;

    /// The key of the document of this kind that is kept by `key`.
    fn document_key(key: Self::Key) -> DocumentKey;

    /// The noun in `document`; `None` if that is of another kind.
    fn from_document(document: Document) -> Option<Self>;
}

/// Makes the types of this file. A row says: the noun, the type of what it is kept by, the field of the noun where
/// that stands, and what people call it, in messages and in counts of rows.
macro_rules! documents {
    ($($(#[$doc:meta])* $noun:ident: $key:ty = $field:ident, $name:literal;)+) => {
        /// A kind of document.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DocumentKind {
            $($(#[$doc])* $noun,)+
        }

        /// A document: a noun of one of the kinds.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Document {
            $($(#[$doc])* $noun($noun),)+
        }

        /// Which document: its kind and what it is kept by. It is printed without the kind.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DocumentKey {
            $($(#[$doc])* $noun($key),)+
        }

        impl DocumentKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$noun,)+];

            /// What people call a document of this kind: `rule`, `API key` and so on.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$noun => $name,)+
                }
            }
        }

        impl Document {
            /// What kind of document it is.
            pub const fn kind(&self) -> DocumentKind {
                match self {
                    $(Self::$noun(_) => DocumentKind::$noun,)+
                }
            }

            /// What it is kept by.
            pub fn key(&self) -> DocumentKey {
                match self {
                    $(Self::$noun(noun) => DocumentKey::$noun(noun.key()),)+
                }
            }

            /// The noun as JSON, in the form in which it is stored.
            ///
            /// # Errors
            /// When it cannot be written as JSON.
            pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
                match self {
                    $(Self::$noun(noun) => serde_json::to_vec(noun),)+
                }
            }

            /// The document of a kind whose noun is `json`.
            ///
            /// # Errors
            /// When `json` is no such noun.
            pub fn from_json(kind: DocumentKind, json: &[u8]) -> serde_json::Result<Self> {
                match kind {
                    $(DocumentKind::$noun => serde_json::from_slice(json).map(Self::$noun),)+
                }
            }
        }

        impl DocumentKey {
            /// What kind of document it is the key of.
            pub const fn kind(&self) -> DocumentKind {
                match self {
                    $(Self::$noun(_) => DocumentKind::$noun,)+
                }
            }
        }

        impl fmt::Display for DocumentKey {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$noun(key) => fmt::Display::fmt(key, f),)+
                }
            }
        }

        $(
            impl From<$noun> for Document {
                fn from(noun: $noun) -> Self {
                    Self::$noun(noun)
                }
            }

            impl Noun for $noun {
                type Key = $key;

                const KIND: DocumentKind = DocumentKind::$noun;

                fn key(&self) -> $key {
                    self.$field.clone()
                }

                fn document_key(key: $key) -> DocumentKey {
                    DocumentKey::$noun(key)
                }

                fn from_document(document: Document) -> Option<Self> {
                    if let Document::$noun(noun) = document { Some(noun) } else { None }
                }
            }
        )+
    };
}

documents! {
    /// A registered pack, kept by its name. What is in it are documents of their own.
    Pack: String = reference, "pack";
    /// A registered action, kept by its reference.
    Action: Ref = reference, "action";
    /// A registered trigger type, kept by its reference.
    TriggerType: Ref = reference, "trigger type";
    /// A rule, kept by its reference.
    Rule: Ref = reference, "rule";
    /// The file of a workflow as executions began with it, kept by its digest.
    WorkflowDefinition: Arc<str> = digest, "definition of a workflow";
    /// A value of the datastore, kept by its name.
    KeyValue: String = name, "key of the datastore";
    /// A user, kept by name.
    User: String = name, "user";
    /// An API key, kept by its id.
    ApiKey: ApiKeyId = id, "API key";
    /// What somebody got for signing in, kept by its id.
    Token: TokenId = id, "token";
    /// The configuration of a pack, kept by the name of the pack.
    PackConfig: String = pack, "pack configuration";
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = r#"{"id":"018bcfe56800ffffffffffff","ref":"core.a","enabled":true,
        "trigger":{"type":"core.st2.webhook","parameters":{"url":"x"}},
        "criteria":{},"action":{"ref":"core.noop","parameters":{}}}"#;

    #[test]
    fn a_document_is_known_by_its_kind_and_its_key() {
        let document = Document::from_json(DocumentKind::Rule, RULE.as_bytes()).unwrap();
        assert_eq!((document.kind(), document.key().kind()), (DocumentKind::Rule, DocumentKind::Rule));
        assert_eq!(document.key(), Rule::document_key("core.a".parse().unwrap()));
        assert_eq!(document.key().to_string(), "core.a");
        assert_eq!(Pack::from_document(document.clone()), None);
        let json = document.to_json().unwrap();
        assert_eq!(Document::from_json(DocumentKind::Rule, &json).unwrap(), document);
    }

    #[test]
    fn what_is_no_noun_of_a_kind_is_refused() {
        for kind in DocumentKind::ALL {
            assert!(Document::from_json(*kind, b"null").is_err(), "{}", kind.name());
        }
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = DocumentKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), DocumentKind::ALL.len());
    }
}
