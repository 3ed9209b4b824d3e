//! Mending of nouns whose part in a row of its own cannot be read: the rest is kept, with a remark in the place of the
//! part.

use std::sync::Arc;

use petrel_model::{Execution, Object, Payload, TriggerInstance};
use petrel_persistence::Error;
use serde::Serialize;
use serde_json::{Value, json};

use super::{PARAMETERS_APART, PAYLOAD_APART, RESULT_APART, Rows, json as encoded};
use crate::base::{Entry, Write};
use crate::keys::{self, Part};
use crate::value::{self, Encoding};

/// The remark in the place of a lost part.
fn in_place_of(part: &str) -> Value {
    json!({
        "error": format!("the {part} could not be read and was set aside"),
        "code": "store.set_aside",
        "hint": "the file set-aside-*.jsonl in the data directory has what was left of it; a backup may have it whole",
    })
}

impl Rows {
    /// The writes that make the execution in `entry` readable, whose row is intact and one of whose parts is not.
    /// `None` if it needs its parameters to run: without them it would do something other than requested.
    pub(crate) fn mended_execution(
        &self,
        entry: &Entry,
        head: &Execution,
    ) -> Result<Option<Vec<Write>>, Error> {
        let mut flags = value::flags(&entry.0, &entry.1)?;
        let mut head = head.clone();
        let is_lost = |part| {
            let found = self.noun::<Value>(&keys::execution_part(head.id, part));
            // An encrypted part is whole, with or without its key.
            matches!(found, Ok(None) | Err(Error::Damaged { .. }))
        };
        let parameters_lost = flags & PARAMETERS_APART != 0 && is_lost(Part::Parameters);
        let result_lost = flags & RESULT_APART != 0 && is_lost(Part::Result);
        if parameters_lost && !head.status.is_final() {
            return Ok(None);
        }
        if parameters_lost {
            flags &= !PARAMETERS_APART;
            head.parameters = Arc::new(Object::new());
        }
        if result_lost {
            flags &= !RESULT_APART;
            head.result = Some(Arc::new(in_place_of("result")));
        }
        rewritten(entry, flags, &head)
    }

    /// As [`Rows::mended_execution`], for an event whose payload cannot be read.
    pub(crate) fn mended_instance(
        entry: &Entry,
        head: &TriggerInstance,
    ) -> Result<Option<Vec<Write>>, Error> {
        let flags = value::flags(&entry.0, &entry.1)? & !PAYLOAD_APART;
        let head = TriggerInstance { payload: Payload::from(&in_place_of("payload")), ..head.clone() };
        rewritten(entry, flags, &head)
    }
}

/// The writes that replace the row in `entry` by `noun`. `None` if that is too large for a row.
fn rewritten(entry: &Entry, flags: u8, noun: &impl Serialize) -> Result<Option<Vec<Write>>, Error> {
    let mut to = Encoding::new(None);
    to.delete(entry.0.clone(), &entry.1);
    let body = encoded(noun)?;
    Ok(to.put(entry.0.clone(), flags, &body).is_ok().then_some(to.writes))
}
