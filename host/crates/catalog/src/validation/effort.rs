//! The work of a validation, charged before it begins, because the library charges nothing and nothing can end it.
//! Most schemas are small and read each part of a value about once; these are not looked at again. For others
//! ([`COSTLY`], or many parts) the keywords are walked through with the value, as the library will do.

use std::collections::HashMap;

use petrel_expressions::work::{self, Limit};
use petrel_model::Object;
use petrel_model::quoted::quoted;
use serde_json::Value;

use super::patterns::Pattern;

/// Keywords that may take far more work than the schema and the value are long.
const COSTLY: [&str; 6] = [
    "$ref",
    "$recursiveRef",
    "$dynamicRef",
    "patternProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
];

/// Keywords that refer to another place of the schema.
const REFERENCES: [&str; 3] = ["$ref", "$recursiveRef", "$dynamicRef"];

/// Keywords whose value has a schema by name.
const BY_NAME: [&str; 6] =
    ["properties", "patternProperties", "definitions", "$defs", "dependencies", "dependentSchemas"];

/// Keywords whose value is data.
const DATA: [&str; 4] = ["default", "enum", "const", "examples"];

/// The number of parts up to which a schema is small.
const SMALL: usize = 2_000;

/// The depth of schemas within each other, with references followed, up to which a value is checked.
const DEEPEST: usize = 400;

/// The searches of a validation for one name: of this walk, of the look for a form that fits, and for the error.
const SEARCHES: u64 = 3;

/// The part of a schema that says how much work a validation is.
#[derive(Debug)]
pub(super) struct Effort {
    /// Whether the walk can be left out.
    is_small: bool,
    /// The patterns that names are compared with.
    patterns: HashMap<String, Pattern>,
}

impl Effort {
    /// The effort of `schema`.
    ///
    /// # Errors
    /// Why no validation could be charged: a reference leads out of the schema, or the names that it declares take too
    /// much work to be compared with its patterns, which the library does when it compiles.
    pub(super) fn of(schema: &Value) -> Result<Self, String> {
        let mut survey = Survey::new(schema);
        survey.schema(schema, true)?;
        if survey.has_references && survey.has_bases {
            return Err("an `id` within it changes what its `$ref` means; leave the id out".to_owned());
        }
        let is_small = !survey.is_costly && survey.parts <= SMALL;
        Ok(Self { is_small, patterns: survey.patterns })
    }

    /// Charges for the validation of `value` against `schema`, the one that this is the effort of.
    ///
    /// # Errors
    /// The limit that the validation would exceed.
    pub(super) fn charge(&self, schema: &Value, value: &Value) -> Result<(), Limit> {
        if self.is_small {
            return Ok(());
        }
        Walk { whole: schema, patterns: &self.patterns }.schema(schema, value, 0)
    }
}

/// The findings in a schema before it is compiled.
struct Survey<'a> {
    whole: &'a Value,
    parts: usize,
    is_costly: bool,
    has_references: bool,
    has_bases: bool,
    /// The units of work of comparing declared names with patterns.
    declared: u64,
    patterns: HashMap<String, Pattern>,
}

impl<'a> Survey<'a> {
    fn new(whole: &'a Value) -> Self {
        Self {
            whole,
            parts: 0,
            is_costly: false,
            has_references: false,
            has_bases: false,
            declared: 0,
            patterns: HashMap::new(),
        }
    }

    fn schema(&mut self, schema: &Value, is_whole: bool) -> Result<(), String> {
        self.parts += 1;
        match schema {
            Value::Object(fields) => {
                self.has_bases |= !is_whole && ["id", "$id"].iter().any(|key| is_text(fields.get(*key)));
                for (keyword, part) in fields {
                    self.keyword(keyword, part)?;
                }
                self.compare_declared(fields)
            }
            Value::Array(parts) => parts.iter().try_for_each(|part| self.schema(part, false)),
            _ => Ok(()),
        }
    }

    fn keyword(&mut self, keyword: &str, part: &Value) -> Result<(), String> {
        self.is_costly |= COSTLY.contains(&keyword);
        if DATA.contains(&keyword) {
            self.parts += part.as_array().map_or(1, Vec::len);
            return Ok(());
        }
        if let (true, Some(reference)) = (REFERENCES.contains(&keyword), part.as_str()) {
            self.has_references = true;
            if target(self.whole, reference).is_none() {
                let shown = quoted(reference);
                return Err(format!(
                    "`{keyword}: {shown}` leads nowhere within it; write #/definitions/NAME"
                ));
            }
        }
        match part {
            Value::Object(named) if BY_NAME.contains(&keyword) => {
                if keyword == "patternProperties" {
                    self.take_patterns(named);
                }
                named.values().try_for_each(|schema| self.schema(schema, false))
            }
            _ => self.schema(part, false),
        }
    }

    /// Compiles the patterns of names. The library reports those that are not valid.
    fn take_patterns(&mut self, by_pattern: &Object) {
        for source in by_pattern.keys() {
            if self.patterns.contains_key(source) {
                continue;
            }
            if let Ok(pattern) = Pattern::new(&Value::from(source.as_str())) {
                self.patterns.insert(source.clone(), pattern);
            }
        }
    }

    /// Refuses declared names that take long to be compared with the patterns beside them, as the library does when it
    /// compiles. The meter is not asked: a schema is compiled once, and must not be broken for want of a caller's units.
    fn compare_declared(&mut self, fields: &Object) -> Result<(), String> {
        let keys = |keyword: &str| fields.get(keyword).and_then(Value::as_object).into_iter().flatten();
        for (source, _) in keys("patternProperties") {
            let Some(pattern) = self.patterns.get(source) else { continue };
            for (name, _) in keys("properties") {
                self.declared = self.declared.saturating_add(pattern.least(name));
                if self.declared > work::UNITS || !pattern.is_easy_in(name) {
                    let shown = quoted(source);
                    return Err(format!(
                        "its names take too much work to be compared with the pattern `{shown}`; write it without nested repetition"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn is_text(value: Option<&Value>) -> bool {
    value.is_some_and(Value::is_string)
}

/// The place within `whole` that `reference` means.
fn target<'a>(whole: &'a Value, reference: &str) -> Option<&'a Value> {
    whole.pointer(reference.strip_prefix('#')?)
}

/// A walk through a schema and a value together.
struct Walk<'a> {
    whole: &'a Value,
    patterns: &'a HashMap<String, Pattern>,
}

impl Walk<'_> {
    fn schema(&self, schema: &Value, value: &Value, depth: usize) -> Result<(), Limit> {
        if depth > DEEPEST {
            return Err(work::refuse(Limit::Depth));
        }
        work::visit(1)?;
        let Some(fields) = schema.as_object() else { return Ok(()) };
        // These keywords ask the ones beside them once more.
        let asks_again = fields.keys().any(|keyword| keyword.starts_with("unevaluated"));
        for _ in 0..=usize::from(asks_again) {
            for keyword in fields.keys() {
                work::visit(1)?;
                self.keyword(fields, keyword, value, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Charges for the keyword of this name in `schema`.
    fn keyword(&self, schema: &Object, keyword: &str, value: &Value, depth: usize) -> Result<(), Limit> {
        let Some(part) = schema.get(keyword) else { return Ok(()) };
        match (keyword, value) {
            ("$ref" | "$recursiveRef" | "$dynamicRef", _) => {
                let found = part.as_str().and_then(|reference| target(self.whole, reference));
                let Some(found) = found else { return Err(work::refuse(Limit::Work)) };
                self.schema(found, value, depth)
            }
            ("allOf" | "anyOf" | "oneOf", _) => {
                let mut forms = part.as_array().into_iter().flatten();
                forms.try_for_each(|form| self.schema(form, value, depth))
            }
            ("not" | "if" | "then" | "else", _) => self.schema(part, value, depth),
            (_, Value::Array(items)) => self.of_items(keyword, part, items, depth),
            ("dependencies" | "dependentSchemas", Value::Object(given)) => {
                for (name, schema) in part.as_object().into_iter().flatten() {
                    work::visit(1)?;
                    if given.contains_key(name) {
                        self.schema(schema, value, depth)?;
                    }
                }
                Ok(())
            }
            (_, Value::Object(given)) => self.of_fields(schema, keyword, given, depth),
            ("enum", _) => work::visit(part.as_array().map_or(0, Vec::len) / 8),
            (_, Value::String(text)) => work::compare(text.len()),
            _ => Ok(()),
        }
    }

    fn of_items(&self, keyword: &str, part: &Value, items: &[Value], depth: usize) -> Result<(), Limit> {
        match (keyword, part) {
            ("items" | "prefixItems", Value::Array(parts)) => {
                parts.iter().zip(items).try_for_each(|(part, item)| self.schema(part, item, depth))
            }
            ("items" | "additionalItems" | "contains" | "unevaluatedItems", _) => {
                items.iter().try_for_each(|item| self.schema(part, item, depth))
            }
            // Few items are compared with each other, more of them are hashed.
            ("uniqueItems", _) => work::visit(items.len().saturating_mul(8)),
            ("enum", _) => work::visit(part.as_array().map_or(0, Vec::len)),
            _ => Ok(()),
        }
    }

    fn of_fields(&self, schema: &Object, keyword: &str, given: &Object, depth: usize) -> Result<(), Limit> {
        let Some(part) = schema.get(keyword) else { return Ok(()) };
        let by_name = part.as_object().into_iter().flatten();
        match keyword {
            "properties" => {
                for (name, below) in by_name {
                    work::charge(work::ITEM)?;
                    given.get(name).map_or(Ok(()), |field| self.schema(below, field, depth))?;
                }
                Ok(())
            }
            "patternProperties" => {
                for (source, below) in by_name {
                    let Some(pattern) = self.patterns.get(source) else {
                        return Err(work::refuse(Limit::Work));
                    };
                    for (name, field) in given {
                        work::visit(1)?;
                        if pattern.is_in(name, SEARCHES)? {
                            self.schema(below, field, depth)?;
                        }
                    }
                }
                Ok(())
            }
            "additionalProperties" | "unevaluatedProperties" => {
                let declared = schema.get("properties").and_then(Value::as_object);
                let is_declared = |name: &str| declared.is_some_and(|declared| declared.contains_key(name));
                let mut others = given.iter().filter(|(name, _)| !is_declared(name));
                others.try_for_each(|(_, field)| self.schema(part, field, depth))
            }
            "propertyNames" => {
                given.keys().try_for_each(|name| self.schema(part, &Value::from(name.as_str()), depth))
            }
            "enum" => work::visit(part.as_array().map_or(0, Vec::len)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
