//! Which actions a workflow may call: those that are registered, and those of a pack that is about to be.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_model::parameters::{Parameters, merged};
use petrel_model::{Action, Ref};
use petrel_workflows::inspection::contents::{Actions, Known};

use crate::content::{Content, Runners};
use crate::error::Error;

/// The actions that are registered, and no others.
pub struct Registered<'a>(pub &'a Content);

impl Actions for Registered<'_> {
    fn find(&self, reference: &str) -> Known<'_> {
        let Ok(reference) = reference.parse::<Ref>() else { return Known::Missing };
        match self.0.action(&reference) {
            Ok(action) if action.runner.is_some() => Known::Takes(&action.parameters),
            Err(Error::NotFound { .. }) => Known::Missing,
            // What a runner takes that this host has not, nobody knows; nor what cannot be read.
            Ok(_) | Err(_) => Known::Unclear,
        }
    }
}

/// The actions of a pack that is looked at, as they are in it, and those of other packs as they are registered.
pub struct WithPack<'a> {
    pack: &'a str,
    /// Its actions by name, with what they take where that is known.
    own: Arc<BTreeMap<&'a str, Option<Parameters>>>,
    /// The others; nothing where no host is asked.
    others: Option<Registered<'a>>,
}

impl<'a> WithPack<'a> {
    /// The actions of `pack` where nothing is known of others, on a host with these runners. Those that are called
    /// `unread` are there, and what they take cannot be read.
    pub fn alone(
        runners: &Runners,
        pack: &'a str,
        actions: &'a [Action],
        unread: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let own = actions.iter().map(|action| {
            let runner = runners.get(&action.runner_type);
            let parameters =
                runner.map(|runner| merged(&runner.runner_type().parameters, &action.parameters));
            (action.reference.name(), parameters)
        });
        let unread = unread.into_iter().map(|name| (name, None));
        // What is known of an action counts more.
        Self { pack, own: Arc::new(unread.chain(own).collect()), others: None }
    }

    /// The same on the host with this content, which is held as long as what is returned.
    pub fn beside<'b>(&self, content: &'b Content) -> WithPack<'b>
    where
        'a: 'b,
    {
        WithPack { pack: self.pack, own: Arc::clone(&self.own), others: Some(Registered(content)) }
    }
}

impl Actions for WithPack<'_> {
    fn find(&self, reference: &str) -> Known<'_> {
        let (pack, name) = reference.split_once('.').unwrap_or((reference, ""));
        if let Some(own) = self.own.get(name).filter(|_| pack == self.pack) {
            return own.as_ref().map_or(Known::Unclear, Known::Takes);
        }
        match &self.others {
            _ if pack == self.pack => Known::Missing,
            None => Known::Unclear,
            Some(others) => match others.find(reference) {
                Known::Missing if others.0.pack(pack).is_err() => Known::Later,
                known => known,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(reference: &str) -> Action {
        let action = serde_json::json!({
            "ref": reference, "runner_type": "nobodys", "description": "", "entry_point": "",
        });
        serde_json::from_value(action).unwrap()
    }

    #[test]
    fn a_pack_that_is_about_to_come_is_known_by_what_is_in_it() {
        let (content, actions) = (Content::default(), [action("mine.a")]);
        let told = |actions: &dyn Actions, reference: &str| format!("{:?}", actions.find(reference));
        let alone = WithPack::alone(content.runners(), "mine", &actions, ["unread"]);
        let with = alone.beside(&content);
        for (reference, registered, beside, by_itself) in [
            ("mine.a", "Missing", "Unclear", "Unclear"),
            ("mine.unread", "Missing", "Unclear", "Unclear"),
            ("other.unread", "Missing", "Later", "Unclear"),
            ("mine.b", "Missing", "Missing", "Missing"),
            ("other.a", "Missing", "Later", "Unclear"),
            ("no reference", "Missing", "Later", "Unclear"),
        ] {
            assert_eq!(told(&Registered(&content), reference), registered, "{reference}");
            assert_eq!(told(&with, reference), beside, "{reference}");
            assert_eq!(told(&alone, reference), by_itself, "{reference}");
        }
    }
}
