//! Decisions about the policies of a pack that is registered: known ones keep their ids and stay as they were switched by
//! hand, and those that have left the files are removed.

use petrel_engine_core::Core;
use petrel_model::{Policy, Ref};
use petrel_packs::PolicyDefinition;

use crate::content::{Content, RegisteredAction};
use crate::policy_book::advice;

/// The policies of `pack`, whose files have `definitions`, and those that have left its files. `actions` are those of the
/// pack that are registered with them.
pub(super) fn policies_of(
    content: &Content,
    core: &Core,
    pack: &str,
    definitions: Vec<PolicyDefinition>,
    actions: &[RegisteredAction],
    notes: &mut Vec<String>,
) -> (Vec<Policy>, Vec<Ref>) {
    let mut policies = Vec::new();
    for definition in definitions {
        let known = content.policy(definition.reference.as_str()).ok();
        let id = known.map_or_else(|| core.mint(core.now()), |known| known.id);
        let mut policy = definition.into_policy(id);
        if let Some(known) = known.filter(|known| known.is_switched && known.enabled != policy.enabled) {
            policy.enabled = known.enabled;
            policy.is_switched = true;
            let verb = if known.enabled { "disable" } else { "enable" };
            notes.push(format!(
                "policy `{0}` stays as it was switched by hand; `petrel policy {verb} {0}` makes it as its file says",
                policy.reference
            ));
        }
        let own = actions.iter().find(|action| action.action.reference == policy.resource);
        let action = own.map_or_else(|| content.action(&policy.resource).map(|action| &**action), Ok);
        notes.extend(advice(&policy, action));
        policies.push(policy);
    }
    let is_kept = |reference: &Ref| policies.iter().any(|policy| policy.reference == *reference);
    let of_files = content
        .policies()
        .filter(|policy| policy.reference.pack() == pack && !policy.metadata_file.is_empty());
    let gone: Vec<Ref> =
        of_files.map(|policy| &policy.reference).filter(|reference| !is_kept(reference)).cloned().collect();
    notes.extend(gone.iter().map(|policy| format!("policy `{policy}` is gone: its pack brings it no more")));
    (policies, gone)
}
