//! A [`Scope`] as the root context of a rendering.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;
use petrel_scope::Named;
use petrel_scope::{KeyName, Scope};

use crate::keys::Scopes;
use crate::mutable::Thaw;
use crate::view::view;

/// The context for a template that reads `keys` of the datastore; `changes` says whether it changes values.
pub(crate) fn of(scope: &Scope, keys: &Arc<[KeyName]>, changes: bool) -> Value {
    Value::from_object(Context {
        scope: scope.clone(),
        keys: Arc::clone(keys),
        thaw: changes.then(Thaw::default),
    })
}

#[derive(Debug)]
struct Context {
    scope: Scope,
    keys: Arc<[KeyName]>,
    /// Mutable copies of the scope's values, if the template changes values.
    thaw: Option<Thaw>,
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let scopes =
            || Scopes { datastore: Arc::clone(self.scope.datastore()), keys: Arc::clone(&self.keys) };
        match self.scope.look_up(name)? {
            Named::Value(json) => match &self.thaw {
                Some(thaw) => thaw.get(name, || Some(view(json))),
                None => Some(view(json)),
            },
            Named::Keys(scope) => Some(scopes().lookup(scope)),
            Named::Datastore => Some(Value::from_object(scopes())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;
    use crate::Template;

    #[test]
    fn what_is_late_is_made_once_and_only_for_who_reads_it() {
        for (template, gives, makes) in
            [("{{ n }}", "1", 0), ("{{ late.user }}-{{ late.user }}", "ada-ada", 1)]
        {
            let made = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&made);
            let scope = Scope::new().with("n", json!(1)).with_late("late", move || {
                count.fetch_add(1, Ordering::Relaxed);
                json!({"user": "ada"})
            });
            assert!(scope.contains("late"));
            let rendered = Template::compile(template).unwrap().render(&scope.clone()).unwrap();
            assert_eq!((rendered.as_str(), made.load(Ordering::Relaxed)), (gives, makes), "{template}");
            assert_eq!(
                Template::compile(template).unwrap().render(&scope).unwrap(),
                gives,
                "the scope is shared"
            );
            assert_eq!(made.load(Ordering::Relaxed), makes, "{template}");
        }
    }
}
