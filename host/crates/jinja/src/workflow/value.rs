//! The value of a workflow's expression, for callers that do not know the template engine.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::view::View;
use crate::{convert, display, work};

/// A value, which may be undefined.
#[derive(Debug, Clone)]
pub struct Value(pub(super) minijinja::Value);

impl Value {
    /// Whether it is undefined.
    pub fn is_undefined(&self) -> bool {
        self.0.is_undefined()
    }

    /// The value, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// The value as Python's `str()` writes it.
    ///
    /// # Errors
    /// The limit that the charge exceeds, or that lists nest too deep.
    pub fn display(&self) -> Result<String, String> {
        display::to_text(&self.0).map_err(|_too_deep_or_long| match work::check() {
            Err(limit) => limit.to_string(),
            Ok(()) => "a list in it nests too deep to be written; flatten it".to_owned(),
        })
    }

    /// The value as JSON. Values from the scope are not copied.
    ///
    /// # Errors
    /// The part that has no JSON form.
    pub fn to_json(&self) -> Result<Arc<Json>, String> {
        match self.0.downcast_object_ref::<View>() {
            Some(view) => view.shared().map_err(|limit| limit.to_string()),
            None => convert::to_json(&self.0).map(Arc::new),
        }
    }
}
