//! The parts of an event that are read: by the rules that listen to its trigger, by the parameters of their actions, and
//! by the schema of its type.

use petrel_model::Ref;
use petrel_rules::Reads;
use serde_json::Value;

use super::Content;

impl Content {
    /// The parts of a payload that the rules which listen to `trigger`, of the type `kind`, and the payload schema
    /// read.
    pub fn reads(&self, trigger: &Ref, kind: &Ref) -> Reads {
        let mut reads = Reads::default();
        self.add_reads(trigger, &mut reads);
        if let Ok(kind) = self.trigger_type(kind)
            && kind.payload.is_some()
        {
            reads.add_schema(&Value::Object(kind.kind.payload_schema.clone()));
        }
        reads
    }

    /// Adds the parts of a payload that the rules which listen to `trigger` read, and that their actions read.
    pub fn add_reads(&self, trigger: &Ref, reads: &mut Reads) {
        for rule in self.index().of(trigger) {
            rule.add_reads(reads);
            // Without its action the rule does not get that far.
            if let Ok(action) = self.action(&rule.rule().action.reference) {
                action.signature.add_reads(reads);
            }
        }
    }
}
