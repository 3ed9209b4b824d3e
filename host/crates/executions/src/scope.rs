//! The scopes of templates, apart from the parameters of their action: the datastore as `st2kv`, the
//! configuration of the pack as `config_context`, the context of the execution as `action_context`. Rules,
//! requests, tasks of workflows and defaults of actions all get their scope here; a rule adds `trigger`.
//! Two scopes are made elsewhere, since they have no action and no configuration, but the short name `system` for the
//! datastore: that of criteria (`rules/src/occurrence.rs`), and that of templates inside a configuration
//! (`catalog/src/configuration.rs`).

use std::collections::BTreeSet;

use petrel_catalog::Giver;
use petrel_catalog::content::{Content, RegisteredAction};
use petrel_catalog::secret_templates::{
    CONFIG, marked_configuration, refuse_decryption, refuse_reading_secrets, told_of_configuration,
};
use petrel_datastore::Keys;
use petrel_expressions::Scope;
use petrel_model::Object;
use petrel_model::nearest::nearest;
use petrel_model::secrets::{Places, SecretPart, is_secret_at, secret_parts, secret_texts_in};
use petrel_rules::parameters::secret::made_from_secrets;
use petrel_rules::parameters::{self, Error, Given};
use serde_json::Value;

use super::opened::Opened;

/// The beginning of what errors say about keys of the datastore that do not exist, see `Datastore::missing`. The languages
/// put it behind reasons of any kind, so that no variant of an error tells of it.
const MISSING_KEY: &str = "the datastore has no key";

/// The templates whose values become the parameters of an action: the given ones and its defaults.
#[derive(Clone, Copy)]
pub struct Templates<'a> {
    /// The keys of the datastore.
    pub keys: &'a Keys,
    /// The snapshot of the catalog by which everything is decided.
    pub content: &'a Content,
    /// The action that takes the values.
    pub registered: &'a RegisteredAction,
    /// The templates of the caller, the rule or the task.
    pub given: &'a Given,
    /// Takes note of the secrets that they read.
    pub opened: &'a Opened,
}

impl Templates<'_> {
    /// The scope of the templates on behalf of `user`, which is empty if there are none. `late` prepares to
    /// build the context of the execution, which is done if a template reads it; the configuration is not
    /// touched unless a template reads it.
    ///
    /// # Errors
    /// When a template reads the configuration, and its own templates cannot be rendered.
    pub fn scope<F>(&self, user: &str, late: impl FnOnce() -> F) -> Result<Scope, Error>
    where
        F: FnOnce() -> Object + Send + 'static,
    {
        // Most rules give literal values to actions whose defaults are literal, too.
        if self.given.is_literal() && self.registered.signature.is_literal() {
            return Ok(Scope::new());
        }
        let (mut datastore, shown) = (self.keys.readable_by(user), late());
        if parameters::may_decrypt(self.given, &self.registered.signature) {
            datastore = self.opened.noting(&datastore);
        }
        let mut scope = Scope::new().with_late("action_context", move || Value::Object(shown()));
        if self.ask_for_configuration() {
            let pack = self.pack();
            self.content.refuse_lost_config(pack).map_err(|lost| Error::Unavailable {
                name: CONFIG,
                reason: format!("{lost}; {}", lost.hint()),
            })?;
            let configuration = self.content.configuration(pack);
            let filled = configuration.filled(pack, &datastore).map_err(|unfilled| Error::Unavailable {
                name: CONFIG,
                reason: format!("{unfilled}; {}", unfilled.hint()),
            })?;
            let filled = Value::Object(Object::clone(&filled));
            if let Some(schema) = self.marked_configuration() {
                self.opened.add(secret_texts_in(&filled, &schema));
            }
            scope.insert(CONFIG, filled);
        }
        Ok(scope.with_datastore(datastore))
    }

    /// Whether an error about the value of `parameter`, or with `None` about all of them together, must quote
    /// no value: the value is made from a secret parameter, or from a part of the configuration that its
    /// schema declares secret. Without a schema every part is.
    pub fn hide_value(&self, parameter: Option<&str>) -> bool {
        let (given, signature) = (self.given, &self.registered.signature);
        let Some(parameter) = parameter else {
            return parameters::may_decrypt(given, signature)
                || self.read_marked(|schema| parameters::read_secret(CONFIG, given, signature, schema));
        };
        parameters::refers_to_secret(parameter, given, signature)
            || self
                .read_marked(|schema| parameters::reads_secret(parameter, CONFIG, given, signature, schema))
    }

    /// Whether what `error` quotes may come from a secret part of the configuration.
    pub fn may_quote_configuration(&self, error: &Error) -> bool {
        let signature = &self.registered.signature;
        self.read_marked(|schema| parameters::may_quote_secret(error, CONFIG, self.given, signature, schema))
    }

    /// The places of secrets in `live`, the rendered values of these templates: parameters that are declared
    /// secret, and values made from a secret parameter, from the configuration, by decryption, or from a part of the payload
    /// that `event`, its schema, declares secret. `before` has the places in parameters that were rendered
    /// before.
    pub fn secret_places(&self, live: &Object, event: Option<&Value>, before: &[String]) -> Vec<String> {
        let (given, signature) = (self.given, &self.registered.signature);
        let is_secret = |name: &str| signature.is_secret(name) || is_secret_at(before, name);
        let (mut refers, mut asks) = (false, false);
        for name in given.may_read().chain(signature.may_read()) {
            refers |= is_secret(name);
            asks |= name == CONFIG;
        }
        let configuration = if asks { self.marked_configuration() } else { None };
        let event = event.map(|schema| ("trigger", schema));
        let beside: Vec<_> =
            event.into_iter().chain(configuration.as_ref().map(|schema| (CONFIG, schema))).collect();
        // Most templates read no secret, so nothing is searched for them.
        let decrypts = parameters::may_decrypt(given, signature);
        let made = if refers || decrypts || !beside.is_empty() {
            made_from_secrets(given, signature, is_secret, &beside)
        } else {
            BTreeSet::new()
        };
        if made.is_empty() && before.is_empty() && !signature.has_secret() {
            return Vec::new();
        }
        let mut places = Places::known(before);
        for (name, value) in live.iter().filter(|(_, value)| !value.is_null()) {
            match self.registered.parameters.get(name) {
                _ if made.contains(name.as_str()) => places.add_whole(name),
                Some(schema) if signature.is_secret(name) => places.add_marked(name, value, schema),
                None if signature.may_be_secret(name) => places.add_whole(name),
                _ => {}
            }
        }
        places.into_bounded()
    }

    /// The parts of `live`, with secrets at these `places`, that are secrets by themselves: what the templates have read
    /// while they were rendered, or one of these `texts`.
    pub fn secret_parts(&self, live: &Object, places: &[String], mut texts: Vec<String>) -> Vec<SecretPart> {
        if places.is_empty() {
            return Vec::new();
        }
        texts.extend(self.opened.texts());
        secret_parts(live, &texts)
    }

    /// Whether `reads` holds for the schema of the configuration.
    fn read_marked(&self, reads: impl FnOnce(&Value) -> bool) -> bool {
        self.marked_configuration().is_some_and(|schema| reads(&schema))
    }

    /// The schema of the configuration, if a template reads the configuration and the schema declares
    /// anything secret. Without a schema everything is.
    fn marked_configuration(&self) -> Option<Value> {
        let is_empty =
            |pack| self.content.configuration(pack).is_empty() && self.content.lost_config(pack).is_none();
        if !self.ask_for_configuration() || is_empty(self.pack()) {
            return None;
        }
        marked_configuration(self.content, self.pack())
    }

    /// Refuses a template that reads a secret which its writer does not see, see [`refuse_reading_secrets`].
    /// `before` has the places of secrets in parameters that were rendered before.
    ///
    /// # Errors
    /// With the name of the parameter.
    pub fn refuse_secrets_to(
        &self,
        writer: Giver,
        before: &[String],
    ) -> Result<(), petrel_engine_core::Error> {
        if writer == Giver::SeesSecrets {
            return Ok(());
        }
        refuse_decryption(writer, self.given)?;
        let configuration = self.marked_configuration();
        let beside: Vec<_> = configuration.as_ref().map(|schema| (CONFIG, schema)).into_iter().collect();
        refuse_reading_secrets(writer, self.given, &self.registered.signature, &beside, before).map_err(
            |error| match &configuration {
                Some(_) => told_of_configuration(error, self.content, self.pack(), self.given),
                None => error,
            },
        )
    }

    /// Adds to `error` the keys of the configuration and of the datastore that the templates read in vain, or
    /// those that are likely meant. Names of keys are no secrets.
    pub fn told(&self, error: Error) -> Error {
        self.with_near_keys(self.with_configuration(error))
    }

    /// Adds to an error about missing keys of the datastore the existing ones that are likely meant. Names are compared
    /// where parameters have failed for it, be it of a request, of a task or of what an event has asked for: of a few keys,
    /// each with a thousand at most.
    fn with_near_keys(&self, error: Error) -> Error {
        if !error.to_string().contains(MISSING_KEY) {
            return error;
        }
        let keys = self.given.datastore_keys().chain(self.registered.signature.datastore_keys());
        match self.keys.all().meant(keys) {
            Some(missing) => Error::Missing { error: Box::new(error), missing },
            None => error,
        }
    }

    fn with_configuration(&self, error: Error) -> Error {
        let told = if self.may_quote_configuration(&error) { error.hidden() } else { error };
        // A default of null becomes text in a template, and cannot be cast to a number.
        if !matches!(told, Error::Render { .. } | Error::Hidden { .. } | Error::Cast { .. }) {
            return told;
        }
        match self.missing_configuration() {
            Some(missing) => Error::Missing { error: Box::new(told), missing },
            None => told,
        }
    }

    /// The keys of the configuration that the templates read and that do not exist.
    fn missing_configuration(&self) -> Option<String> {
        if !self.ask_for_configuration() {
            return None;
        }
        let pack = self.pack();
        let configuration = self.content.configuration(pack);
        if configuration.is_empty() {
            return Some(format!(
                "the pack {pack} has no configuration; `petrel pack configure {pack} FILE` gives one"
            ));
        }
        let read = parameters::keys_read(CONFIG, self.given, &self.registered.signature);
        let is_read = |place: &str| read.iter().any(|key| is_below(place, key));
        let absent = configuration.absent(&self.keys.all(), is_read);
        let told = |key: &String| match nearest(key, configuration.keys()) {
            Some(near) => format!("{key} (did you mean {near}?)"),
            None => key.clone(),
        };
        let missing: Vec<_> = read.iter().filter(|key| !configuration.has(key)).map(told).collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Some(format!(
                "the configuration of pack {pack} has no key {missing}; add it with `petrel pack configure {pack} FILE`"
            ));
        }
        absent.map(|(place, missing)| {
            format!("`{place}` of the configuration of pack {pack} is null by default, since {missing}")
        })
    }

    fn ask_for_configuration(&self) -> bool {
        self.given.names().chain(self.registered.signature.names()).any(|name| name == CONFIG)
    }

    fn pack(&self) -> &str {
        self.registered.action.reference.pack()
    }
}

/// Whether `place` is the key itself, or below it.
fn is_below(place: &str, key: &str) -> bool {
    place.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
