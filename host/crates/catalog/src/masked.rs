//! Secrets that come back masked, as they were shown: in rules (`rule_book`) and in configurations of packs
//! (`pack_configs`). They stand for what they were; but who does not see them may not have them go elsewhere.

use petrel_engine_core::Error;
use petrel_model::Object;
use petrel_model::secrets::{MASK, is_masked, unmasked};

/// Who gives values in which secrets may be masked, or a pack that says what is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Giver {
    /// Somebody who sees the secrets anyhow, as the admin does.
    SeesSecrets,
    /// Somebody else. Masked secrets stay only where nothing beside them is changed: a template beside one would show it,
    /// and another address would be sent it.
    SeesNone,
}

/// `given` by `giver`, with masked secrets as they are in `old`. `whose` says in a message what they are parameters or keys
/// of.
///
/// # Errors
/// When a secret is to stay beside something that is changed by somebody who does not see it.
pub(crate) fn restored(given: &Object, old: &Object, giver: Giver, whose: &str) -> Result<Object, Error> {
    let restored = unmasked(given, old);
    if giver == Giver::SeesSecrets || restored == *old {
        return Ok(restored);
    }
    // What has no secret behind it stays masked, and is refused as that.
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
