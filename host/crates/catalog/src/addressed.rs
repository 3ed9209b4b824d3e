//! The triggers that somebody names who sends an event by hand.

use petrel_engine_core::Error;
use petrel_model::{Object, Ref, Trigger};

use crate::content::Content;
use crate::rule_book::settle;

impl Content {
    /// The reference and the type of the trigger `name`: the reference of one that rules listen to, or that of a trigger
    /// type, with these parameters.
    ///
    /// # Errors
    /// When there is none, or the parameters do not fit it.
    pub fn addressed(&self, name: &str, parameters: Object) -> Result<(Ref, Ref), Error> {
        let named = self.trigger_reference(name)?;
        if parameters.is_empty()
            && let Some(trigger) = self.trigger(&named)
        {
            return Ok((named, trigger.kind.clone()));
        }
        let kind = self.trigger_type(&named)?;
        let mut trigger = Trigger { kind: named, parameters };
        // A type that needs parameters can be named without them by those who know only the type; then no rule listens.
        if !trigger.parameters.is_empty() {
            settle(&mut trigger, kind)?;
        }
        Ok((trigger.reference(), trigger.kind))
    }
}
