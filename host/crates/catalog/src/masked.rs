//! Masked secrets that come back as they were shown, in rules (`rule_book`) and in configurations of packs
//! (`pack_configs`). They stand for the stored values. A caller who does not see the secrets must not send
//! them elsewhere.

use petrel_engine_core::Error;
use petrel_model::Object;
use petrel_model::secrets::{MASK, is_masked, unmasked};

/// The kind of caller who gives values with masked secrets, templates, or a pack that marks secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Giver {
    /// A caller who sees the secrets anyhow, such as the admin.
    SeesSecrets,
    /// Any other caller. A masked secret stays only where nothing beside it is changed: a changed template
    /// might show it, and a changed address might receive it. Nor does it write a template that reads a secret
    /// (`secret_templates`).
    SeesNone,
}

/// The values `given` by `giver`, with masked secrets replaced by those of `old`. The message calls their
/// owner `whose`.
///
/// # Errors
/// [`Error::Forbidden`] when a secret stays beside a changed value, and the caller does not see secrets.
pub(crate) fn restored(given: &Object, old: &Object, giver: Giver, whose: &str) -> Result<Object, Error> {
    let restored = unmasked(given, old);
    // Where nothing is changed, the secrets get nowhere else.
    if giver == Giver::SeesSecrets || restored == *old {
        return Ok(restored);
    }
    // A mask without a stored secret stays a mask, which other checks refuse.
    let kept = given.iter().find(|(name, value)| is_masked(value) && restored.get(*name) != Some(*value));
    match kept {
        None => Ok(restored),
        Some((name, _)) => Err(Error::Forbidden {
            message: format!("the secret `{name}` of {whose} is {MASK}, and something beside it is changed"),
            hint: "write the secret itself, leave what is beside it as it was, or have the admin change it"
                .into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(value: &Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_secret_stays_for_others_only_beside_what_stays() {
        let old = json!({"url": "a", "key": "s3cret", "auth": {"user": "u", "password": "pw"}});
        for (given, others) in [
            (json!({"url": "a", "key": MASK, "auth": {"user": "u", "password": MASK}}), true),
            (json!({"url": "b", "key": MASK, "auth": {"user": "u", "password": MASK}}), false),
            (json!({"url": "a", "key": MASK, "auth": {"user": "{{ key }}", "password": MASK}}), false),
            (json!({"url": "a", "key": "other", "auth": {"user": "u", "password": MASK}}), false),
            (json!({"url": "a", "key": MASK}), false),
            (json!({"note": "{{ key }}", "url": "a", "key": MASK}), false),
            // All that is secret is given.
            (json!({"url": "b", "key": "other"}), true),
            // There is no secret behind it, as is said elsewhere.
            (json!({"url": "b", "kye": MASK}), true),
        ] {
            let of = |giver| restored(&object(&given), &object(&old), giver, "rule `p.r`");
            assert!(of(Giver::SeesSecrets).is_ok(), "{given}");
            let told = of(Giver::SeesNone).map(drop).map_err(|error| error.to_string());
            assert_eq!(told.is_ok(), others, "{given}: {told:?}");
            assert!(!told.err().unwrap_or_default().contains("s3cret"), "{given}");
        }
    }
}
