//! The parameters that a rule gives its action for an event: rendered, cast and checked against the action.
//! `dispatcher` makes executions with them, `trial` shows them.

use std::sync::Arc;

use petrel_catalog::content::{Content, RegisteredAction};
use petrel_datastore::Keys;
use petrel_executions::{self as executions, Opened, Templates};
use petrel_model::Object;
use petrel_model::execution::Context;
use petrel_model::secrets::{SecretPart, secret_texts_in};
use petrel_rules::verdict::of_reason;
use petrel_rules::{CompiledRule, parameters};
use serde_json::Value;

/// The `reason` why something cannot be made of an event, with the names that the event has where the reason is that it has
/// none of this name. Without all of its values, or with secret ones, nobody knows them here.
pub(crate) fn with_names(reason: String, event: &Value, is_whole: bool, secrets: Option<&Value>) -> String {
    let told = if is_whole && secrets.is_none() { of_reason(&reason, event) } else { None };
    match told {
        Some(told) if !reason.contains(&told) => format!("{reason}; {told}"),
        _ => reason,
    }
}

/// A rule that has matched an event, with everything that its templates see.
pub(crate) struct Rendering<'a> {
    /// The keys of the datastore.
    pub(crate) keys: &'a Keys,
    /// The snapshot of the catalog by which everything is decided.
    pub(crate) content: &'a Content,
    /// The action of the rule.
    pub(crate) registered: &'a RegisteredAction,
    /// The rule.
    pub(crate) rule: &'a CompiledRule,
    /// The values of the event.
    pub(crate) event: &'a Arc<Value>,
    /// The schema of the payload, if it declares secrets.
    pub(crate) secrets: Option<&'a Value>,
    /// Takes note of the secrets that its templates read.
    pub(crate) opened: Opened,
}

impl Rendering<'_> {
    /// The parameters for an execution with this `context`.
    ///
    /// # Errors
    /// The reason, in words. It quotes nothing if a parameter reads a secret value.
    pub(crate) fn made(&self, context: &Context) -> Result<Object, String> {
        let (templates, signature) = (self.templates(), &self.registered.signature);
        // Asked only after an error.
        let hides = |parameter: Option<&str>| {
            let given = self.rule.parameters();
            let hides_event = self.secrets.is_some_and(|schema| match parameter {
                Some(one) => parameters::reads_secret(one, "trigger", given, signature, schema),
                None => parameters::read_secret("trigger", given, signature, schema),
            });
            hides_event || templates.hide_value(parameter)
        };
        executions::refuse_overrides(self.registered, &self.rule.rule().action.parameters)
            .map_err(|error| error.to_string())?;
        let scope = templates
            .scope(&context.user, || context.shown_late())
            .map(|scope| scope.with("trigger", Arc::clone(self.event)));
        let given = scope
            .and_then(|scope| parameters::live(templates.given, signature, &scope))
            .map_err(|error| self.told(error))?;
        executions::checked(self.registered, &given, hides).map_err(|error| error.to_string())?;
        Ok(given)
    }

    /// The places of secrets in `parameters`, which were made here or are those of the rule.
    pub(crate) fn secret_places(&self, parameters: &Object) -> Vec<String> {
        self.templates().secret_places(parameters, self.secrets, &[])
    }

    /// The parts of `parameters`, with secrets at these `places`, that are secrets by themselves.
    pub(crate) fn secret_parts(&self, parameters: &Object, places: &[String]) -> Vec<SecretPart> {
        let of_event = self.secrets.map(|schema| secret_texts_in(self.event, schema));
        self.templates().secret_parts(parameters, places, of_event.unwrap_or_default())
    }

    fn told(&self, error: parameters::Error) -> String {
        let (given, signature) = (self.rule.parameters(), &self.registered.signature);
        let quotes_event = self
            .secrets
            .is_some_and(|schema| parameters::may_quote_secret(&error, "trigger", given, signature, schema));
        let is_hidden = quotes_event || self.templates().may_quote_configuration(&error);
        if is_hidden { error.hidden() } else { error }.to_string()
    }

    fn templates(&self) -> Templates<'_> {
        let (keys, content, registered) = (self.keys, self.content, self.registered);
        Templates { keys, content, registered, given: self.rule.parameters(), opened: &self.opened }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_event_has_is_told_where_all_of_it_is_known() {
        const REASON: &str = "parameter x: `trigger.payload` is not defined";
        const TOLD: &str =
            "parameter x: `trigger.payload` is not defined; trigger has no payload. There is: body";
        let (event, schema) = (json!({"body": {}}), json!({}));
        for (reason, is_whole, secrets, says) in [
            (REASON, true, None, TOLD),
            (TOLD, true, None, TOLD),
            (REASON, false, None, REASON),
            (REASON, true, Some(&schema), REASON),
            ("no room", true, None, "no room"),
        ] {
            assert_eq!(with_names(reason.to_owned(), &event, is_whole, secrets), says, "{reason} {is_whole}");
        }
    }
}
