//! The rules of the catalog, with the triggers and webhooks that they listen to.

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::trigger::WEBHOOK;
use petrel_model::{Ref, Trigger};
use petrel_rules::CompiledRule;

use super::Content;

impl Content {
    /// Whether a rule has this reference.
    pub(crate) fn has_rule(&self, reference: &Ref) -> bool {
        self.rules.contains_key(reference)
    }

    /// The trigger of the webhook at `url` (`sample` or `/sample/`), if a rule listens to it.
    pub fn webhook(&self, url: &str) -> Result<(&Ref, &Trigger), Error> {
        let url = url.trim_matches('/');
        let found =
            self.webhooks.get(url).and_then(|reference| Some((reference, &*self.triggers.get(reference)?.0)));
        found.ok_or_else(|| Error::NotFound {
            what: "webhook",
            name: url.to_owned(),
            hint: if self.webhooks.is_empty() {
                "no rule listens to a webhook yet; create one with a trigger of type core.st2.webhook".into()
            } else {
                let known: Vec<_> = self.webhooks.keys().map(String::as_str).collect();
                format!("rules listen to: {}", known.join(", "))
            },
        })
    }

    /// The webhooks that rules listen to, by URL.
    pub fn webhooks(&self) -> impl Iterator<Item = (&Ref, &Trigger)> {
        self.webhooks.values().filter_map(|reference| Some((reference, &*self.triggers.get(reference)?.0)))
    }

    /// Sets a rule, in place of the one with its reference. It was compiled before, because other changes of the
    /// catalog wait for this.
    pub(crate) fn put_rule(&mut self, compiled: Arc<CompiledRule>) {
        let rule = Arc::clone(compiled.rule());
        // The version before may have had another trigger, for which it counts no longer.
        self.delete_rule(&rule.reference);
        for trigger in rule.triggers() {
            let reference = trigger.reference();
            if let Some(url) = webhook_url(trigger) {
                Arc::make_mut(&mut self.webhooks).insert(url, reference.clone());
            }
            self.note_kind(&trigger.kind, &reference);
            let listened = Arc::make_mut(&mut self.triggers).entry(reference);
            listened.or_insert_with(|| (Arc::new(trigger.clone()), 0)).1 += 1;
        }
        Arc::make_mut(&mut self.index).insert(compiled);
        Arc::make_mut(&mut self.rules).insert(rule.reference.clone(), rule);
    }

    /// Removes a rule, and its triggers if no other rule has them.
    pub(crate) fn delete_rule(&mut self, reference: &Ref) {
        let Some(rule) = self.rules.get(reference).cloned() else { return };
        Arc::make_mut(&mut self.rules).remove(reference);
        Arc::make_mut(&mut self.index).remove(rule.id);
        for trigger in rule.triggers() {
            let (kind, trigger) = (&trigger.kind, trigger.reference());
            let triggers = Arc::make_mut(&mut self.triggers);
            let Some((_, count)) = triggers.get_mut(&trigger) else { continue };
            *count -= 1;
            if *count == 0 {
                triggers.remove(&trigger);
                Arc::make_mut(&mut self.webhooks).retain(|_, other| *other != trigger);
                self.forget_kind(kind, &trigger);
            }
        }
    }
}

/// The URL that a webhook trigger listens to.
fn webhook_url(trigger: &Trigger) -> Option<String> {
    let url = trigger.parameters.get("url")?.as_str()?;
    (trigger.kind.as_str() == WEBHOOK).then(|| url.trim_matches('/').to_owned())
}
