//! Keys: one byte for the kind of row, then the subject of the row. Ids sort by creation, so "newest first" is a range
//! read from the end.
//!
//! | prefix | key | row |
//! |---|---|---|
//! | `01` | name | of the store itself: epoch, sequence of the last group in the base |
//! | `02` `03` `04` `05` `06` | name or reference | pack, action, trigger type, rule, state of a timer |
//! | `07` | internal event | the event, until it is a trigger instance |
//! | `08` `0c` | reference | state of a sensor, sensor |
//! | `09` | digest of the key of an event | what came of the event, for as long as its sender may send it again |
//! | `0a` `0b` | reference, or policy and digest | policy; what it remembers of executions |
//! | `0d` | trace and member, or tag, trace and member | link of a trace |
//! | `0e` | name | maintenance window |
//! | `0f` | rule and digest | what a correlation holds of events |
//! | `10` | execution | the execution, large parts apart |
//! | `11` | execution, part | its parameters or its result, when large |
//! | `12` | execution, first line | lines of its output |
//! | `13` | execution | there while it is not final |
//! | `14` `15` | trigger instance | the event; its payload, when large |
//! | `16` | enforcement | the enforcement |
//! | `17` | digest, key of a row | there while the row refers to the blob |
//! | `18` | workflow, execution | there while the execution belongs to the workflow |
//! | `19` | workflow, number of the first entry | entries of its log |
//! | `1a` | digest | the definition of a workflow |
//! | `1b` | execution | there while it is held, since it was in flight when the store was restored |
//! | `60` `61` | name or reference | value of the datastore, in the scope of all or of a user |
//! | `70` `71` `72` `73` | name or id | user, API key, token, configuration of a pack |
//! | `80` | key of the row, number | a piece of a row that is larger than a value may be |
//! | `83` | rule | what its circuit breaker remembers |
//! | `87` | name | the grant to a pack |
//! | `8a` | host | the key by which the host is recognized |
//! | `84` | reference | trigger that was made by hand |
//! | `85` | id | what payloads of internal events have in common |
//! | `86` | key of a state, number | an event that a correlation holds |

use petrel_model::{EnforcementId, ExecutionId, TriggerInstanceId, hexadecimal};
use petrel_persistence::{DocumentKey, DocumentKind, RowKind};

use crate::blobs::Digest;

pub(crate) const META: u8 = 0x01;
pub(crate) const EXECUTION: u8 = 0x10;
pub(crate) const EXECUTION_PART: u8 = 0x11;
pub(crate) const OUTPUT: u8 = 0x12;
pub(crate) const ACTIVE: u8 = 0x13;
pub(crate) const TRIGGER_INSTANCE: u8 = 0x14;
pub(crate) const PAYLOAD: u8 = 0x15;
pub(crate) const ENFORCEMENT: u8 = 0x16;
pub(crate) const REFERENCE: u8 = 0x17;
pub(crate) const CHILD: u8 = 0x18;
pub(crate) const WORKFLOW_LOG: u8 = 0x19;
pub(crate) const HELD: u8 = 0x1b;
pub(crate) const PIECE: u8 = 0x80;

/// The name of the row with the number of the last group in the base.
pub(crate) const SEQUENCE: &str = "sequence";
/// The name of the row that exists once every reference to a blob has a row of its own.
pub(crate) const REFERENCES: &str = "references";
/// The name of the row that exists once the references are gone that earlier versions left behind.
pub(crate) const RELEASED: &str = "released";
/// The name of the row that exists once a row was encrypted.
pub(crate) const SEALS: &str = "seals";
/// The name of the row that exists once all is encrypted that earlier versions have stored in clear.
pub(crate) const SEALED: &str = "sealed";
/// The name of the row with the epoch of the host.
pub(crate) const EPOCH: &str = "epoch";

/// A large part of an execution, which has a row of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Parameters = 0,
    Result = 1,
}

fn key(prefix: u8, rest: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.iter().map(|part| part.len()).sum::<usize>());
    key.push(prefix);
    rest.iter().for_each(|part| key.extend_from_slice(part));
    key
}

pub(crate) fn meta(name: &str) -> Vec<u8> {
    key(META, &[name.as_bytes()])
}

/// The prefix of a kind of document. Existing stores have rows under it, so it must never change or be used for
/// anything else.
pub(crate) const fn document_prefix(kind: DocumentKind) -> u8 {
    match kind {
        DocumentKind::Pack => 0x02,
        DocumentKind::Action => 0x03,
        DocumentKind::TriggerType => 0x04,
        DocumentKind::Rule => 0x05,
        DocumentKind::TimerState => 0x06,
        DocumentKind::InternalEvent => 0x07,
        DocumentKind::Delivery => 0x09,
        DocumentKind::TraceLink => 0x0d,
        DocumentKind::MaintenanceWindow => 0x0e,
        DocumentKind::CorrelationState => 0x0f,
        DocumentKind::Policy => 0x0a,
        DocumentKind::PolicyState => 0x0b,
        DocumentKind::BreakerState => 0x83,
        DocumentKind::MadeTrigger => 0x84,
        DocumentKind::SharedPayload => 0x85,
        DocumentKind::HeldRow => 0x86,
        DocumentKind::SensorState => 0x08,
        DocumentKind::Sensor => 0x0c,
        DocumentKind::WorkflowDefinition => 0x1a,
        DocumentKind::KeyValue => 0x60,
        DocumentKind::UserKeyValue => 0x61,
        DocumentKind::User => 0x70,
        DocumentKind::ApiKey => 0x71,
        DocumentKind::Token => 0x72,
        DocumentKind::PackConfig => 0x73,
        DocumentKind::PackGrant => 0x87,
        DocumentKind::HostKey => 0x8a,
    }
}

/// The kind of document in a row, if it is a document.
pub(crate) fn document_kind(key: &[u8]) -> Option<DocumentKind> {
    let prefix = key.first()?;
    DocumentKind::ALL.iter().copied().find(|kind| document_prefix(*kind) == *prefix)
}

pub(crate) fn document(of: &DocumentKey) -> Vec<u8> {
    key(document_prefix(of.kind()), &[of.to_string().as_bytes()])
}

pub(crate) fn execution(id: ExecutionId) -> Vec<u8> {
    key(EXECUTION, &[id.0.as_bytes()])
}

pub(crate) fn execution_part(id: ExecutionId, part: Part) -> Vec<u8> {
    key(EXECUTION_PART, &[id.0.as_bytes(), &[part as u8]])
}

pub(crate) fn output(id: ExecutionId, sequence: u32) -> Vec<u8> {
    key(OUTPUT, &[id.0.as_bytes(), &sequence.to_be_bytes()])
}

/// The range of all output rows of an execution.
pub(crate) fn output_range(id: ExecutionId) -> (Vec<u8>, Vec<u8>) {
    // One byte more than the number has, since the end is excluded.
    (key(OUTPUT, &[id.0.as_bytes()]), key(OUTPUT, &[id.0.as_bytes(), &[0xff; 5]]))
}

pub(crate) fn active(id: ExecutionId) -> Vec<u8> {
    key(ACTIVE, &[id.0.as_bytes()])
}

pub(crate) fn held(id: ExecutionId) -> Vec<u8> {
    key(HELD, &[id.0.as_bytes()])
}

/// The key of the row that says that an execution belongs to a workflow.
pub(crate) fn child(workflow: ExecutionId, id: ExecutionId) -> Vec<u8> {
    key(CHILD, &[workflow.0.as_bytes(), id.0.as_bytes()])
}

/// The range of such rows of a workflow, after the execution `after`.
pub(crate) fn children(workflow: ExecutionId, after: Option<ExecutionId>) -> (Vec<u8>, Vec<u8>) {
    let mut from = key(CHILD, &[workflow.0.as_bytes()]);
    if let Some(after) = after {
        from.extend_from_slice(after.0.as_bytes());
        from.push(0);
    }
    (from, key(CHILD, &[workflow.0.as_bytes(), &[0xff; 13]]))
}

/// The execution in such a key.
pub(crate) fn child_of(key: &[u8]) -> Option<ExecutionId> {
    let bytes: [u8; 12] = key.get(13..25)?.try_into().ok()?;
    Some(petrel_model::Id::from_bytes(bytes).into())
}

pub(crate) fn workflow_log(id: ExecutionId, sequence: u64) -> Vec<u8> {
    key(WORKFLOW_LOG, &[id.0.as_bytes(), &sequence.to_be_bytes()])
}

/// The range of all log rows of a workflow.
pub(crate) fn workflow_log_range(id: ExecutionId) -> (Vec<u8>, Vec<u8>) {
    (key(WORKFLOW_LOG, &[id.0.as_bytes()]), key(WORKFLOW_LOG, &[id.0.as_bytes(), &[0xff; 9]]))
}

pub(crate) fn trigger_instance(id: TriggerInstanceId) -> Vec<u8> {
    key(TRIGGER_INSTANCE, &[id.0.as_bytes()])
}

pub(crate) fn payload(id: TriggerInstanceId) -> Vec<u8> {
    key(PAYLOAD, &[id.0.as_bytes()])
}

pub(crate) fn enforcement(id: EnforcementId) -> Vec<u8> {
    key(ENFORCEMENT, &[id.0.as_bytes()])
}

/// The key of the row that says that the row with key `of` refers to a blob.
pub(crate) fn reference(digest: &Digest, of: &[u8]) -> Vec<u8> {
    key(REFERENCE, &[digest, of])
}

/// The range of all references to a blob.
pub(crate) fn references(digest: &Digest) -> (Vec<u8>, Vec<u8>) {
    // No key of a row begins with this byte.
    (key(REFERENCE, &[digest]), key(REFERENCE, &[digest, &[0xff]]))
}

/// The key of the row that makes a reference.
pub(crate) fn referring(reference: &[u8]) -> &[u8] {
    reference.get(33..).unwrap_or_default()
}

/// The blob that a reference names.
pub(crate) fn referred_to(reference: &[u8]) -> Option<Digest> {
    reference.get(1..33)?.try_into().ok()
}

/// The key of the `number`-th piece of the row with key `of`.
pub(crate) fn piece(of: &[u8], number: u16) -> Vec<u8> {
    key(PIECE, &[of, &number.to_be_bytes()])
}

/// The range of all rows of a kind.
pub(crate) fn all(prefix: u8) -> (Vec<u8>, Vec<u8>) {
    (vec![prefix], vec![prefix + 1])
}

/// The id in a key of a kind whose subject is one id.
pub(crate) fn id_of(key: &[u8]) -> Option<petrel_model::Id> {
    let bytes: [u8; 12] = key.get(1..13)?.try_into().ok()?;
    Some(petrel_model::Id::from_bytes(bytes))
}

/// The key of the row that a piece belongs to.
pub(crate) fn of_piece(piece: &[u8]) -> Option<&[u8]> {
    piece.get(1..piece.len().checked_sub(2)?)
}

/// The number of a piece.
pub(crate) fn number_of_piece(piece: &[u8]) -> Option<u16> {
    piece.last_chunk::<2>().map(|number| u16::from_be_bytes(*number))
}

/// Whether a row belongs to users. All others are the store's own.
pub(crate) fn is_stored(key: &[u8]) -> bool {
    !matches!(key.first(), Some(&(META | HELD)))
}

/// The kind and name of a row, for people. A damaged key may name something that never existed.
pub(crate) fn named(key: &[u8]) -> (RowKind, String) {
    let rest = key.get(1..).unwrap_or_default();
    let text = || String::from_utf8_lossy(rest).escape_debug().to_string();
    let id = || id_of(key).map_or_else(|| hexadecimal(key), |id| id.to_string());
    if let Some(kind) = document_kind(key) {
        return (kind.into(), text());
    }
    match key.first().copied() {
        Some(META) => (RowKind::Other("meta"), text()),
        Some(EXECUTION) => (RowKind::Execution, id()),
        Some(EXECUTION_PART) => (RowKind::Other("part of an execution"), id()),
        Some(OUTPUT) => (RowKind::Other("output"), id()),
        Some(ACTIVE) => (RowKind::Other("active execution"), id()),
        Some(TRIGGER_INSTANCE) => (RowKind::TriggerInstance, id()),
        Some(PAYLOAD) => (RowKind::Other("payload"), id()),
        Some(ENFORCEMENT) => (RowKind::Enforcement, id()),
        Some(REFERENCE) => (RowKind::Other("reference"), hexadecimal(rest.get(..32).unwrap_or(rest))),
        Some(CHILD) => (
            RowKind::Other("child of a workflow"),
            child_of(key).map_or_else(|| hexadecimal(key), |id| id.to_string()),
        ),
        Some(WORKFLOW_LOG) => (RowKind::Other("log of a workflow"), id()),
        Some(HELD) => (RowKind::Other("held execution"), id()),
        Some(PIECE) => (RowKind::Other("piece"), hexadecimal(rest)),
        _ => (RowKind::Other("other row"), hexadecimal(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: [u8; 14] = [
        META,
        EXECUTION,
        EXECUTION_PART,
        OUTPUT,
        ACTIVE,
        TRIGGER_INSTANCE,
        PAYLOAD,
        ENFORCEMENT,
        REFERENCE,
        CHILD,
        WORKFLOW_LOG,
        HELD,
        PIECE,
        u8::MAX,
    ];

    #[test]
    fn no_two_kinds_of_rows_share_a_prefix() {
        for kind in DocumentKind::ALL {
            let prefix = document_prefix(*kind);
            assert_eq!(document_kind(&[prefix, b'a']), Some(*kind), "{}", kind.name());
            assert!(!OTHERS.contains(&prefix), "{}", kind.name());
            assert_eq!(named(&[prefix, b'a']), (RowKind::Document(*kind), "a".to_owned()));
            assert!(is_stored(&[prefix]), "{}", kind.name());
        }
        for prefix in OTHERS {
            assert_eq!(document_kind(&[prefix]), None, "{prefix:#x}");
        }
    }

    #[test]
    fn documents_lie_where_they_always_did() {
        let id = petrel_model::Id::from_bytes([7; 12]);
        for (key, expected) in [
            (DocumentKey::Pack("core".into()), "\u{2}core"),
            (DocumentKey::Action("core.local".parse().unwrap()), "\u{3}core.local"),
            (DocumentKey::TriggerType("core.st2.webhook".parse().unwrap()), "\u{4}core.st2.webhook"),
            (DocumentKey::Rule("core.a".parse().unwrap()), "\u{5}core.a"),
            (DocumentKey::TimerState("core.a.0a".parse().unwrap()), "\u{6}core.a.0a"),
            (DocumentKey::InternalEvent(id.into()), "\u{7}070707070707070707070707"),
            (DocumentKey::Delivery("0a1b".into()), "\u{9}0a1b"),
            (DocumentKey::TraceLink("m:0a".into()), "\u{d}m:0a"),
            (DocumentKey::MaintenanceWindow("w".into()), "\u{e}w"),
            (DocumentKey::CorrelationState("07:0b".into()), "\u{f}07:0b"),
            (DocumentKey::Policy("core.a.b".parse().unwrap()), "\u{a}core.a.b"),
            (DocumentKey::PolicyState("core.a:0b".into()), "\u{b}core.a:0b"),
            (DocumentKey::SensorState("core.a".parse().unwrap()), "\u{8}core.a"),
            (DocumentKey::Sensor("core.a".parse().unwrap()), "\u{c}core.a"),
            (DocumentKey::WorkflowDefinition("0a1b".into()), "\u{1a}0a1b"),
            (DocumentKey::KeyValue("a.b".into()), "`a.b"),
            (DocumentKey::UserKeyValue("3:ada:b".into()), "a3:ada:b"),
            (DocumentKey::User("ada".into()), "pada"),
            (DocumentKey::ApiKey(id.into()), "q070707070707070707070707"),
            (DocumentKey::Token(id.into()), "r070707070707070707070707"),
            (DocumentKey::PackConfig("core".into()), "score"),
        ] {
            assert_eq!(String::from_utf8(document(&key)).unwrap(), expected);
        }
        let breaker = document(&DocumentKey::BreakerState(id.into()));
        assert_eq!(breaker, [[0x83].as_slice(), b"070707070707070707070707".as_slice()].concat());
        let made = document(&DocumentKey::MadeTrigger("core.a.0a".parse().unwrap()));
        assert_eq!(made, [[0x84].as_slice(), b"core.a.0a".as_slice()].concat());
        let shared = document(&DocumentKey::SharedPayload(id.into()));
        assert_eq!(shared, [[0x85].as_slice(), b"070707070707070707070707".as_slice()].concat());
        let held = document(&DocumentKey::HeldRow("07:0b:000001".into()));
        assert_eq!(held, [[0x86].as_slice(), b"07:0b:000001".as_slice()].concat());
    }
}
