//! What templates see beside the parameters of their action: the datastore as `st2kv`, the configuration of the pack as
//! `config_context`, the context of the execution as `action_context`. Rules, requests, tasks of workflows and the
//! defaults of actions all get it from here; a rule adds `trigger`. What criteria see, which have no action, is made
//! in `petrel_triggers`.

use std::collections::BTreeSet;

use petrel_catalog::content::{Content, RegisteredAction};
use petrel_datastore::Keys;
use petrel_expressions::Scope;
use petrel_model::Object;
use petrel_model::secrets::{Places, has_secret, is_secret_at};
use petrel_rules::parameters::secret::made_from_secrets;
use petrel_rules::parameters::{self, Error, Given};
use serde_json::{Value, json};

/// The configuration of the action's pack, in templates.
const CONFIG: &str = "config_context";

/// Templates whose values become the parameters of an action: those that somebody gave, and its defaults.
#[derive(Clone, Copy)]
pub struct Templates<'a> {
    /// The keys of the datastore.
    pub keys: &'a Keys,
    /// What is registered, at the moment that all of it is decided by.
    pub content: &'a Content,
    /// The action whose parameters they become.
    pub registered: &'a RegisteredAction,
    /// Those that somebody gave.
    pub given: &'a Given,
}

impl Templates<'_> {
    /// What they see on behalf of `user`. The context of the execution is as `shown` shows it, if a template looks; the
    /// configuration is not touched unless one does.
    ///
    /// # Errors
    /// When one asks for the configuration, and that cannot be filled in.
    pub fn scope(&self, user: &str, shown: impl FnOnce() -> Object + Send + 'static) -> Result<Scope, Error> {
        let datastore = self.keys.readable_by(user);
        let mut scope = Scope::new().with_late("action_context", move || Value::Object(shown()));
        if self.ask_for_configuration() {
            let pack = self.pack();
            let configuration = self.content.configuration(pack);
            let filled = configuration.filled(pack, &datastore).map_err(|unfilled| Error::Unavailable {
                name: CONFIG,
                reason: format!("{unfilled}; {}", unfilled.hint()),
            })?;
            scope.insert(CONFIG, Value::Object(Object::clone(&filled)));
        }
        Ok(scope.with_datastore(datastore))
    }

    /// Whether what is wrong with the value of `parameter`, or else with all of them together, is told without any value:
    /// it is made from a secret parameter, or from what the schema of the configuration calls secret. Of a configuration
    /// without a schema everything is.
    pub fn hide_value(&self, parameter: Option<&str>) -> bool {
        let (given, signature) = (self.given, &self.registered.signature);
        let Some(parameter) = parameter else {
            return self.read_marked(|schema| parameters::read_secret(CONFIG, given, signature, schema));
        };
        parameters::refers_to_secret(parameter, given, signature)
            || self
                .read_marked(|schema| parameters::reads_secret(parameter, CONFIG, given, signature, schema))
    }

    /// The same of the text and value that `error` is about.
    pub fn may_quote_configuration(&self, error: &Error) -> bool {
        let signature = &self.registered.signature;
        self.read_marked(|schema| parameters::may_quote_secret(error, CONFIG, self.given, signature, schema))
    }

    /// Where `live`, which is made of these templates, holds secrets: what is declared as one, and what is made from one, be
    /// it a parameter, the configuration, or what `event`, a schema of the payload, calls secret. `before` are those of what
    /// was rendered before.
    pub fn secret_places(&self, live: &Object, event: Option<&Value>, before: &[String]) -> Vec<String> {
        let (given, signature) = (self.given, &self.registered.signature);
        let is_secret = |name: &str| signature.is_secret(name) || is_secret_at(before, name);
        let (mut refers, mut asks) = (false, false);
        for name in given.names().chain(signature.names()) {
            refers |= is_secret(name);
            asks |= name == CONFIG;
        }
        let configuration = if asks { self.marked_configuration() } else { None };
        let event = event.map(|schema| ("trigger", schema));
        let beside: Vec<_> =
            event.into_iter().chain(configuration.as_ref().map(|schema| (CONFIG, schema))).collect();
        // Of most there is nothing to be found, and nothing is looked through.
        let made = if refers || !beside.is_empty() {
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

    /// Whether `reads` says so of the schema of the configuration.
    fn read_marked(&self, reads: impl FnOnce(&Value) -> bool) -> bool {
        self.marked_configuration().is_some_and(|schema| reads(&schema))
    }

    /// The schema of the configuration, if they ask for that and anything in it is secret: without a schema everything is.
    fn marked_configuration(&self) -> Option<Value> {
        if !self.ask_for_configuration() || self.content.configuration(self.pack()).is_empty() {
            return None;
        }
        let pack = self.content.pack(self.pack()).ok();
        match pack.and_then(|pack| pack.config_schema.as_ref()) {
            Some(schema) => schema.values().any(has_secret).then(|| json!({"properties": schema})),
            None => Some(json!({"secret": true})),
        }
    }

    /// `error` as it may be told, with the keys that the templates read of the configuration in vain: names are no secrets.
    pub fn told(&self, error: Error) -> Error {
        let told = if self.may_quote_configuration(&error) { error.hidden() } else { error };
        // A default that is null is text in a template, and fits no number.
        if !matches!(told, Error::Render { .. } | Error::Hidden { .. } | Error::Cast { .. }) {
            return told;
        }
        match self.missing_configuration() {
            Some(missing) => Error::Missing { error: Box::new(told), missing },
            None => told,
        }
    }

    /// What the configuration lacks of what the templates read of it.
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
        let absent = configuration.absent(&self.keys.all());
        let absent = absent.iter().find(|(place, _)| read.iter().any(|key| is_below(place, key)));
        let missing: Vec<_> = read.iter().filter(|key| !configuration.has(key)).cloned().collect();
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

/// Whether `place` is that of a key, or below it.
fn is_below(place: &str, key: &str) -> bool {
    place.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
