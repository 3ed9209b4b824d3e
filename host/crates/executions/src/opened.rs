//! The secrets that templates have read while they were rendered. What they made may quote one, and the execution that takes
//! it remembers where, see `petrel_model::secrets::secret_parts`; the texts themselves are forgotten then.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use petrel_expressions::{Datastore, KeyName, Opener};

/// The secret texts that were read. Clones share them. By default none.
#[derive(Clone, Default)]
pub struct Opened(Arc<Mutex<BTreeSet<String>>>);

impl Opened {
    /// Adds these texts.
    pub(crate) fn add(&self, texts: impl IntoIterator<Item = String>) {
        self.0.lock().extend(texts);
    }

    /// The texts so far.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }

    /// `datastore`, of which every key that is decrypted is noted here.
    pub(crate) fn noting(&self, datastore: &Datastore) -> Arc<Datastore> {
        let opener = datastore.opener.clone().map(|opener| {
            let noting: Arc<dyn Opener> = Arc::new(Noting { opener, opened: self.clone() });
            noting
        });
        Arc::new(Datastore { opener, ..datastore.clone() })
    }
}

/// Without the texts, which are secret.
impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

/// Opens as another one does, and notes the texts.
#[derive(Debug)]
struct Noting {
    opener: Arc<dyn Opener>,
    opened: Opened,
}

impl Noting {
    fn noted(&self, text: Result<Option<String>, String>) -> Result<Option<String>, String> {
        if let Ok(Some(text)) = &text {
            self.opened.add([text.clone()]);
        }
        text
    }
}

impl Opener for Noting {
    fn open(&self, key: &KeyName, sealed: &str) -> Result<Option<String>, String> {
        self.noted(self.opener.open(key, sealed))
    }

    fn open_other(&self, sealed: &str) -> Result<Option<String>, String> {
        self.noted(self.opener.open_other(sealed))
    }
}

#[cfg(test)]
mod tests {
    use petrel_expressions::KeyScope;

    use super::*;

    /// Opens what begins with `sealed:`.
    #[derive(Debug)]
    struct Plain;

    impl Opener for Plain {
        fn open(&self, _key: &KeyName, sealed: &str) -> Result<Option<String>, String> {
            match sealed.strip_prefix("sealed:") {
                Some("lost") => Err("its key is lost".to_owned()),
                text => Ok(text.map(str::to_owned)),
            }
        }
    }

    #[test]
    fn what_is_opened_is_noted_and_never_shown() {
        let datastore = Datastore { opener: Some(Arc::new(Plain)), ..Datastore::default() };
        let opened = Opened::default();
        let noting = opened.noting(&datastore);
        let opener = noting.opener.as_deref().unwrap();
        let key = KeyName { scope: KeyScope::System, name: "a".to_owned() };
        for sealed in ["sealed:pin", "open", "sealed:lost", "sealed:pin"] {
            drop(opener.open(&key, sealed));
        }
        opened.add(["other".to_owned()]);
        assert_eq!(opened.texts(), ["other", "pin"]);
        assert!(!format!("{opened:?} {noting:?}").contains("pin"));
        assert!(Opened::default().noting(&Datastore::default()).opener.is_none());
    }
}
