//! Secret keys: sealed in the store and in memory, opened for who may read them.

use std::sync::Arc;

use petrel_datastore::{Entry, Expected, Form, KeyId, Keys, New};
use petrel_engine_core::vault::st2_key::St2Key;
use petrel_engine_core::{Core, Error, SetClock, Vault, VaultKey};
use petrel_model::{KeyValue, UserKeyValue};
use petrel_persistence::{MemoryStore, StoreExt as _};

use crate::refused;

const ST2_KEY: &str = r#"{"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFycw", "size": 128}, "aesKeyString": "AAECAwQFBgcICQoLDA0ODw", "mode": "CBC", "size": 128}"#;
/// `s3cret`, encrypted with [`ST2_KEY`].
const OF_ST2: &str = "3030303030C8C9CACBCCCDCECFD0D1D2D3D4D5D6D723D92CA1C4126062CACA387DE5BCC46E71864786E261F6F6EB604EA6B2A27E10FEA947BB";

async fn keys(store: &MemoryStore, vault: Vault) -> Keys {
    let core = Core::with_vault(Arc::new(store.clone()), Arc::new(SetClock::default()), vault);
    Keys::load(core).await.unwrap()
}

async fn set(keys: &Keys, id: KeyId, value: &str, form: Form) -> Result<Entry<'static>, Error> {
    keys.put(New { form, ..New::open(id, value) }).await
}

/// Everything that is stored, as text.
async fn stored(store: &MemoryStore) -> String {
    let shared = store.all::<KeyValue>().await.unwrap();
    format!("{shared:?} {:?}", store.all::<UserKeyValue>().await.unwrap())
}

#[tokio::test]
async fn a_secret_is_stored_and_read_sealed_and_opened_for_expressions() {
    let store = MemoryStore::default();
    let vault = Vault::new(vec![VaultKey::generate().unwrap()]);
    let keys_now = keys(&store, vault.clone()).await;
    let shared = set(&keys_now, KeyId::shared("pin"), "s3cret", Form::Secret).await.unwrap();
    set(&keys_now, KeyId::of("ada", "pin"), "of-ada", Form::Secret).await.unwrap();
    assert!(shared.secret && Vault::is_sealed(&shared.value));
    assert_eq!(keys_now.opened(&shared).unwrap(), "s3cret");
    let stored = stored(&store).await;
    assert!(!stored.contains("s3cret") && !stored.contains("of-ada"), "{stored}");
    for keys in [keys_now.clone(), keys(&store.reopen(), vault).await] {
        let (ada, bob) = (keys.readable_by("ada"), keys.readable_by("bob"));
        let (sealed, own) = (ada.system["pin"].clone(), ada.user["pin"].clone());
        assert_eq!(ada.open(&sealed), Ok(Some("s3cret".into())));
        assert_eq!(bob.open(&sealed), Ok(Some("s3cret".into())));
        assert_eq!(ada.open(&own), Ok(Some("of-ada".into())));
        assert_eq!(bob.open(&own), Ok(None), "it is no key of theirs");
    }
}

#[tokio::test]
async fn a_sealed_value_opens_nowhere_else() {
    let store = MemoryStore::default();
    let keys = keys(&store, Vault::new(vec![VaultKey::generate().unwrap()])).await;
    let sealed = set(&keys, KeyId::shared("pin"), "s3cret", Form::Secret).await.unwrap().value.into_owned();
    // Whoever stores it under a name of their own does not come to what is in it.
    set(&keys, KeyId::of("eve", "pin"), &sealed, Form::Open).await.unwrap();
    keys.delete("pin").await.unwrap();
    assert!(keys.readable_by("eve").open(&sealed).is_err());
    for id in [KeyId::shared("other"), KeyId::of("ada", "pin")] {
        let error = refused(set(&keys, id, &sealed, Form::Encrypted).await.map(drop));
        assert!(error.0 == "invalid" && error.1.contains("was sealed for another key"), "{error:?}");
    }
    let again = set(&keys, KeyId::shared("pin"), &sealed, Form::Encrypted).await.unwrap();
    assert_eq!(keys.opened(&again).unwrap(), "s3cret");
}

#[tokio::test]
async fn a_value_that_stackstorm_has_encrypted_is_taken_over() {
    let store = MemoryStore::default();
    let vault = Vault::new(vec![VaultKey::generate().unwrap()]);
    let without = keys(&store, vault.clone()).await;
    let error = refused(set(&without, KeyId::shared("pin"), OF_ST2, Form::Encrypted).await.map(drop));
    assert!(error.1.contains("datastore.st2_key"), "{error:?}");
    let keys = keys(&store, vault.with_st2_key(St2Key::read(ST2_KEY).unwrap())).await;
    let entry = set(&keys, KeyId::shared("pin"), OF_ST2, Form::Encrypted).await.unwrap();
    assert!(entry.secret && Vault::is_sealed(&entry.value));
    assert_eq!(keys.opened(&entry).unwrap(), "s3cret");
    for wrong in ["s3cret", &OF_ST2[2..]] {
        let error = refused(set(&keys, KeyId::shared("pin"), wrong, Form::Encrypted).await.map(drop));
        assert!(error.0 == "invalid" && error.1.contains("cannot be taken over"), "{error:?}");
    }
}

#[tokio::test]
async fn without_its_key_a_secret_is_told_by_name_and_others_work() {
    let store = MemoryStore::default();
    let first = VaultKey::generate().unwrap();
    let keys_now = keys(&store, Vault::new(vec![first.clone()])).await;
    set(&keys_now, KeyId::shared("pin"), "s3cret", Form::Secret).await.unwrap();
    keys_now.set("open", "x").await.unwrap();
    assert_eq!(keys_now.told_of_lost(), None);
    let store = store.reopen();
    let lost = keys(&store, Vault::new(vec![VaultKey::generate().unwrap()])).await;
    assert!(lost.told_of_lost().is_some_and(|told| told.contains("`pin`") && !told.contains("open")));
    let snapshot = lost.snapshot();
    let entry = snapshot.get(&KeyId::shared("pin")).unwrap();
    let error = lost.opened(&entry).unwrap_err();
    assert!(
        error.to_string().contains("the key `pin` cannot be decrypted")
            && error.to_string().contains(first.id())
    );
    assert!(lost.readable_by("").open(&entry.value).is_err());
    assert_eq!(lost.all().system["open"], "x");
    set(&lost, KeyId::shared("new"), "s3cret2", Form::Secret).await.unwrap();
    lost.remove(KeyId::shared("pin"), Expected::Any).await.unwrap();
    assert_eq!(lost.told_of_lost(), None);
}

#[tokio::test]
async fn secrets_are_sealed_anew_with_a_new_key() {
    let store = MemoryStore::default();
    let (old, new) = (VaultKey::generate().unwrap(), VaultKey::generate().unwrap());
    let before = keys(&store, Vault::new(vec![old.clone()])).await;
    for number in 0..120 {
        set(&before, KeyId::of("ada", format!("k{number}")), &format!("s{number}"), Form::Secret)
            .await
            .unwrap();
    }
    let entry = set(&before, KeyId::shared("pin"), "s3cret", Form::Secret).await.unwrap();
    assert!(!before.has_older_seals());
    let store = store.reopen();
    let rotated = keys(&store, Vault::new(vec![new.clone(), old])).await;
    assert!(rotated.has_older_seals());
    rotated.clone().reseal().await;
    assert!(!rotated.has_older_seals());
    // The old key is needed no more.
    let after = keys(&store.reopen(), Vault::new(vec![new])).await;
    assert_eq!(after.told_of_lost(), None);
    let snapshot = after.snapshot();
    let resealed = snapshot.get(&KeyId::shared("pin")).unwrap();
    assert_eq!((resealed.mark(), after.opened(&resealed).unwrap()), (entry.mark(), "s3cret".to_owned()));
    assert_eq!(after.opened(&snapshot.get(&KeyId::of("ada", "k119")).unwrap()).unwrap(), "s119");
}
