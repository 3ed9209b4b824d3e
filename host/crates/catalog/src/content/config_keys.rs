//! The keys that the configuration of a pack may have, for notes on templates that read others.

use petrel_expressions::members::ConfigKeys;
use petrel_model::parameters::Parameters;

use super::Content;

impl Content {
    /// The keys that the configuration of `pack` may have by `schema`, and those that it has now. Nothing is known of a pack
    /// with neither: anybody may configure it with anything.
    pub(crate) fn config_keys(&self, pack: &str, schema: Option<&Parameters>) -> Option<ConfigKeys> {
        let given = self.given_config(pack);
        if schema.is_none() && given.is_none() {
            return None;
        }
        let declared = schema.into_iter().flat_map(Parameters::keys);
        let given = given.into_iter().flat_map(|given| given.values.keys());
        Some(ConfigKeys::new(pack, declared.chain(given).map(String::as_str)))
    }

    /// As [`Self::config_keys`], by the schema of the registered pack.
    pub(crate) fn known_config_keys(&self, pack: &str) -> Option<ConfigKeys> {
        self.config_keys(pack, self.pack(pack).ok()?.config_schema.as_ref())
    }
}
