//! The schemas of trigger types as sets of parameters.

use petrel_model::TriggerType;
use petrel_model::parameters::Parameters;
use serde_json::Value;

/// The schema of a trigger type's parameters as a set of parameters. Authors write it as a JSON Schema with
/// `properties`, or as a bare set.
pub(crate) fn parameters_of(kind: &TriggerType) -> Parameters {
    let schema = &kind.parameters_schema;
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return schema.clone() };
    let mut parameters = properties.clone();
    for name in
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    {
        if let Some(property) = parameters.get_mut(name).and_then(Value::as_object_mut) {
            property.insert("required".into(), true.into());
        }
    }
    parameters
}
