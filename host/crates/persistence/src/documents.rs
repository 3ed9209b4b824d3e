//! The table of documents. A document is a noun that is stored under a key (a name, a reference or an id) and
//! replaced as a whole. Executions and events have a history, and are no documents.
//!
//! Each kind of document stands here once. Its row gives [`Change::Put`](crate::Change::Put) and
//! [`Change::Delete`](crate::Change::Delete), the reads of [`StoreExt`](crate::StoreExt), and the JSON that backends
//! store. What a backend needs for each kind besides, such as a prefix of keys, stands there in a `match` without a
//! wildcard: a new kind does not compile until every backend knows it.

use std::fmt;
use std::sync::Arc;

use petrel_model::{
    Action, ApiKey, ApiKeyId, BreakerState, CorrelationState, Delivery, HeldRow, HostKey, InternalEvent,
    InternalEventId, KeyValue, MadeTrigger, MaintenanceWindow, Pack, PackConfig, PackGrant, Policy,
    PolicyState, Ref, Rule, RuleId, Sensor, SensorState, SharedPayload, TimerState, Token, TokenId,
    TraceLink, TriggerType, User, UserKeyValue, WorkflowDefinition,
};

/// A noun that is stored as a document.
pub trait Noun: Into<Document> + Clone + Send + Sync + 'static {
    /// The type of its keys.
    type Key: Clone;

    /// Its row in the table.
    const KIND: DocumentKind;

    /// The key under which this noun is stored.
    fn key(&self) -> Self::Key;

    /// `key` as the key of a document of this kind.
    fn document_key(key: Self::Key) -> DocumentKey;

    /// The noun in `document`; `None` for a document of another kind.
    fn from_document(document: Document) -> Option<Self>;
}

/// Makes the types of this file. A row has the noun, the type of its key, the field of the noun that holds the key, and
/// the name of the kind for people, as messages and counts of rows show it.
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

        /// The key of a document, which also says its kind. It is printed without the kind.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DocumentKey {
            $($(#[$doc])* $noun($key),)+
        }

        impl DocumentKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$noun,)+];

            /// The name of the kind for people: `rule`, `API key` and so on.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$noun => $name,)+
                }
            }
        }

        impl Document {
            /// The kind of this document.
            pub const fn kind(&self) -> DocumentKind {
                match self {
                    $(Self::$noun(_) => DocumentKind::$noun,)+
                }
            }

            /// The key under which this document is stored.
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

            /// Reads a document of `kind` from the JSON of its noun.
            ///
            /// # Errors
            /// When `json` is not a noun of that kind.
            pub fn from_json(kind: DocumentKind, json: &[u8]) -> serde_json::Result<Self> {
                match kind {
                    $(DocumentKind::$noun => serde_json::from_slice(json).map(Self::$noun),)+
                }
            }
        }

        impl DocumentKey {
            /// The kind of the document.
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
    /// A registered pack, by its name. Its actions, trigger types and rules are documents of their own.
    Pack: String = reference, "pack";
    /// A registered action, by its reference.
    Action: Ref = reference, "action";
    /// A registered trigger type, by its reference.
    TriggerType: Ref = reference, "trigger type";
    /// A trigger that was made by hand, by its reference.
    MadeTrigger: Ref = reference, "trigger";
    /// A rule, by its reference.
    Rule: Ref = reference, "rule";
    /// The state of a timer, by the reference of its trigger.
    TimerState: Ref = reference, "timer";
    /// A policy, by its reference.
    Policy: Ref = reference, "policy";
    /// What a policy remembers of executions, by the policy and what they have in common.
    PolicyState: String = key, "state of a policy";
    /// What the circuit breaker of a rule remembers, by the id of the rule.
    BreakerState: RuleId = rule, "state of a circuit breaker";
    /// An event of the platform that is not yet a trigger instance, by its id.
    InternalEvent: InternalEventId = id, "internal event";
    /// The fields that payloads of internal events have in common, by an id before theirs.
    SharedPayload: InternalEventId = id, "shared payload of internal events";
    /// The key of an event that is taken once, by the digest of the key.
    Delivery: String = digest, "delivery";
    /// What a correlation holds of events, by the rule and the digest of their key.
    CorrelationState: String = key, "state of a correlation";
    /// An event that a correlation holds, by the key of its state and a number.
    HeldRow: String = key, "event of a correlation";
    /// A maintenance window, by its name.
    MaintenanceWindow: String = name, "maintenance window";
    /// The key by which another host is recognized, by the host.
    HostKey: String = host, "key of a host";
    /// A link of a trace, by the trace and its member, or by the tag.
    TraceLink: String = key, "link of a trace";
    /// A registered sensor, by its reference.
    Sensor: Ref = reference, "sensor";
    /// How far a sensor has come, by its reference.
    SensorState: Ref = reference, "state of a sensor";
    /// The file of a workflow as executions began with it, by its digest.
    WorkflowDefinition: Arc<str> = digest, "definition of a workflow";
    /// A value of the datastore, by its name.
    KeyValue: String = name, "key of the datastore";
    /// A value of the datastore in the scope of a user, by its reference.
    UserKeyValue: String = reference, "key of a user in the datastore";
    /// A user, by name.
    User: String = name, "user";
    /// An API key, by its id.
    ApiKey: ApiKeyId = id, "API key";
    /// A token that was issued at a sign-in, by its id.
    Token: TokenId = id, "token";
    /// The configuration of a pack, by the name of the pack.
    PackConfig: String = pack, "pack configuration";
    /// The grant of the operator to a pack, by the name of the pack.
    PackGrant: String = pack, "grant to a pack";
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
