//! What is read of an event: by the rules that listen to its trigger, by what their actions ask for, and by the schema of
//! its type.

use petrel_model::Ref;
use petrel_rules::Reads;
use serde_json::Value;

use super::Content;

impl Content {
    /// What the rules that listen to `trigger`, of the type `kind`, read of a payload, and what checking it does.
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

    /// Adds what the rules that listen to `trigger` read of a payload, and what their actions do.
    pub fn add_reads(&self, trigger: &Ref, reads: &mut Reads) {
        for rule in self.index().of(trigger) {
            rule.add_reads(reads);
            // Without the action the rule gets no further than that.
            if let Ok(action) = self.action(&rule.rule().action.reference) {
                action.signature.add_reads(reads);
            }
        }
    }
}
