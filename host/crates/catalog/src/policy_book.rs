//! The policy book: creates, changes and deletes policies. Those in the files of packs come by
//! [`registration`](super::registration).

use petrel_engine_core::{Decided, Error};
use petrel_model::nearest::nearest;
use petrel_model::policy::Effect;
use petrel_model::quoted::quoted;
use petrel_model::{Policy, Ref};
use petrel_packs::definition::read_policy;
use petrel_packs::{PolicyDefinition, Problem};
use petrel_persistence::Change;

use crate::content::{Content, RegisteredAction};
use crate::rule_book::sentence;
use crate::service::Catalog;

/// A stored policy, with advice for its author.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenPolicy {
    /// The policy.
    pub policy: Policy,
    /// Advice; each names the policy and the remedy.
    pub warnings: Vec<String>,
}

impl Catalog {
    /// Creates a policy from its text, YAML or JSON.
    ///
    /// # Errors
    /// When the text is not a policy, or the name is taken. Nothing was stored then.
    pub async fn create_policy(&self, text: &str) -> Result<WrittenPolicy, Error> {
        let definition = definition(text)?;
        let core = self.core().clone();
        self.change(move |content| {
            if let Ok(existing) = content.policy(definition.reference.as_str()) {
                return Err(exists(existing));
            }
            Ok(put(content, None, definition.into_policy(core.mint(core.now()))))
        })
        .await
    }

    /// Replaces the policy `name` (a reference or an id) by the one in a text. It keeps its id, and takes the name and the
    /// pack in the text, as in StackStorm. It also keeps its pack if the text names none.
    ///
    /// # Errors
    /// As [`Catalog::create_policy`], and when the policy does not exist.
    pub async fn update_policy(&self, name: &str, text: &str) -> Result<WrittenPolicy, Error> {
        let (name, definition) = (name.to_owned(), definition(text)?);
        self.change(move |content| {
            let old = content.policy(&name)?;
            let mut policy = definition.or_in(old.reference.pack()).into_policy(old.id);
            let is_renamed = policy.reference != old.reference;
            if is_renamed && let Ok(other) = content.policy(policy.reference.as_str()) {
                return Err(exists(other));
            }
            // It is still the one that came from the file, unless it has another name.
            if !is_renamed {
                policy.metadata_file.clone_from(&old.metadata_file);
                policy.is_switched = old.is_switched || old.enabled != policy.enabled;
            }
            Ok(put(content, is_renamed.then(|| old.reference.clone()), policy))
        })
        .await
    }

    /// Enables or disables the policy `name` (a reference or an id).
    ///
    /// # Errors
    /// When the policy does not exist.
    pub async fn set_policy_enabled(&self, name: &str, enabled: bool) -> Result<WrittenPolicy, Error> {
        let name = name.to_owned();
        self.change(move |content| {
            let old = content.policy(&name)?;
            let is_switched = old.is_switched != (old.enabled != enabled);
            Ok(put(content, None, Policy { enabled, is_switched, ..Policy::clone(old) }))
        })
        .await
    }

    /// Deletes the policy `name` (a reference or an id), and returns its reference. Executions that wait because of it go
    /// on.
    ///
    /// # Errors
    /// When the policy does not exist.
    pub async fn delete_policy(&self, name: &str) -> Result<Ref, Error> {
        let name = name.to_owned();
        self.change(move |content| {
            let reference = content.policy(&name)?.reference.clone();
            let (changes, gone) = (vec![Change::delete::<Policy>(reference.clone())], reference.clone());
            Ok(Decided::new(changes, reference, move |content: &mut Content| content.delete_policy(&gone)))
        })
        .await
    }
}

/// Stores a policy, in place of the one with the reference `old`, if that is another one.
fn put(content: &Content, old: Option<Ref>, policy: Policy) -> Decided<Content, WrittenPolicy> {
    let action = content.action(&policy.resource);
    let warnings = advice(&policy, action.map(|action| &**action));
    let mut changes: Vec<_> = old.iter().cloned().map(Change::delete::<Policy>).collect();
    changes.push(Change::put(policy.clone()));
    let shown = policy.clone();
    Decided::new(changes, WrittenPolicy { policy, warnings }, move |content: &mut Content| {
        old.iter().for_each(|reference| content.delete_policy(reference));
        content.put_policy(shown);
    })
}

/// Advice on a policy: its action does not exist, or has none of these parameters.
pub(crate) fn advice(policy: &Policy, action: Result<&RegisteredAction, Error>) -> Vec<String> {
    let reference = &policy.reference;
    let action = match action {
        Ok(action) => action,
        Err(error) => {
            return vec![format!(
                "policy {reference}: {error}; {} The policy has no effect until the action is there",
                sentence(error.hint())
            )];
        }
    };
    let attributes = match policy.effect() {
        Ok(Effect::Concurrency(policy)) => policy.attributes,
        Ok(Effect::RateLimit(policy)) => policy.attributes,
        Ok(Effect::Dedupe(policy)) => policy.attributes,
        Ok(Effect::Retry(_)) | Err(_) => Vec::new(),
    };
    let strange = attributes.iter().filter(|name| !action.parameters.contains_key(name.as_str()));
    let told = strange.map(|name| {
        let known = action.parameters.keys().map(String::as_str);
        let remedy = nearest(name, known).map_or_else(
            || format!("`petrel action get {}` shows its parameters", policy.resource),
            |near| format!("did you mean `{near}`?"),
        );
        format!("policy {reference}: {} has no parameter `{}`; {remedy}", policy.resource, quoted(name))
    });
    told.collect()
}

fn definition(text: &str) -> Result<PolicyDefinition, Error> {
    read_policy("policy", text, None).map_err(|problems| {
        let told: Vec<_> = problems.iter().map(Problem::to_string).collect();
        Error::invalid(told.join("\n"), "correct the policy and try again")
    })
}

fn exists(existing: &Policy) -> Error {
    Error::Conflict {
        message: format!("policy `{}` exists already", existing.reference),
        hint: format!(
            "change it with `petrel policy update {} FILE`, or choose another name",
            existing.reference
        ),
        id: Some(existing.id.to_string()),
    }
}
