//! Maintenance windows: they are made and deleted here, and end by themselves. `petrel_triggers` asks for them where a rule
//! has matched.

use std::time::Duration;

use petrel_engine_core::{Decided, Error};
use petrel_model::action::Tag;
use petrel_model::names::check_text;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::{MaintenanceWindow, Timestamp};
use petrel_persistence::Change;

use crate::content::Content;
use crate::service::Catalog;

/// The greatest number of windows that have not ended.
const MOST_WINDOWS: usize = 100;
/// The greatest number of packs, rules and tags of a window together.
const MOST_SUBJECTS: usize = 100;
/// The longest window. What it holds waits in the queue meanwhile.
const LONGEST: Duration = Duration::from_hours(24 * 366);
/// The greatest length of a description, in bytes.
const LONGEST_DESCRIPTION: usize = 1_000;
/// The greatest length of the name of a tag, and of its value, in bytes.
const LONGEST_TAG: usize = 1_000;

impl Catalog {
    /// Makes a maintenance window. Those that have ended are deleted with that.
    ///
    /// # Errors
    /// When the name is taken, the window is for nothing or for what does not exist, its times do not fit, or there are too
    /// many.
    pub async fn create_window(&self, window: MaintenanceWindow) -> Result<MaintenanceWindow, Error> {
        let now = self.core().now();
        self.change(move |content| {
            check(&window, content, now)?;
            let (ended, open): (Vec<_>, Vec<_>) = content.windows().partition(|other| other.until <= now);
            if open.len() >= MOST_WINDOWS {
                return Err(Error::invalid(
                    format!("there are {MOST_WINDOWS} maintenance windows that have not ended, and that is the limit"),
                    "delete one with `petrel maintenance delete NAME`",
                ));
            }
            if open.iter().any(|other| other.name == window.name) {
                return Err(Error::Conflict {
                    message: format!("maintenance window `{}` exists already", quoted(&window.name)),
                    hint: "choose another name, or delete it with `petrel maintenance delete NAME`".into(),
                    id: None,
                });
            }
            let ended: Vec<_> = ended.iter().map(|other| other.name.clone()).collect();
            let mut changes: Vec<_> =
                ended.iter().filter(|name| **name != window.name).cloned().map(delete).collect();
            changes.push(Change::put(window.clone()));
            let made = window.clone();
            Ok(Decided::new(changes, made, move |content: &mut Content| {
                ended.iter().for_each(|name| content.delete_window(name));
                content.put_window(window);
            }))
        })
        .await
    }

    /// Deletes a maintenance window. What it holds starts, unless another window lasts for it (`petrel_executions` follows).
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn delete_window(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.change(move |content| {
            content.window(&name)?;
            let changes = vec![delete(name.clone())];
            Ok(Decided::new(changes, (), move |content: &mut Content| content.delete_window(&name)))
        })
        .await
    }
}

fn delete(name: String) -> Change {
    Change::delete::<MaintenanceWindow>(name)
}

/// Refuses a window that cannot be what was meant.
fn check(window: &MaintenanceWindow, content: &Content, now: Timestamp) -> Result<(), Error> {
    check_text("a maintenance window", &window.name)?;
    let refused = |what: String, hint: &str| {
        Err(Error::invalid(format!("maintenance window `{}`: {what}", quoted(&window.name)), hint))
    };
    let subjects = window.packs.len() + window.rules.len() + window.tags.len();
    if subjects == 0 {
        return refused("it is for no rule".into(), "name packs, rules or tags of rules");
    }
    if subjects > MOST_SUBJECTS {
        let what = format!("it names {subjects} packs, rules and tags, and {MOST_SUBJECTS} is the limit");
        return refused(what, "make several windows");
    }
    if window.description.len() > LONGEST_DESCRIPTION {
        let what = format!("its description is longer than {LONGEST_DESCRIPTION} bytes");
        return refused(what, "shorten the description");
    }
    if window.tags.iter().any(|tag| tag.name.len().max(tag.value.len()) > LONGEST_TAG) {
        let what = format!("a tag of it is longer than {LONGEST_TAG} bytes");
        return refused(what, "name tags as rules have them");
    }
    if window.until <= window.from {
        return refused("it ends before it begins".into(), "give an end that is after the beginning");
    }
    if window.until <= now {
        return refused(format!("its end, {}, is past", window.until), "give an end that is to come");
    }
    if window.until.since(window.from) > LONGEST {
        return refused("it is longer than 366 days".into(), "disable the rules instead");
    }
    for pack in &window.packs {
        // The pack of a rule that was created by hand need not be registered.
        if !content.rules().any(|rule| rule.reference.pack() == pack) {
            content.pack(pack)?;
        }
    }
    for rule in &window.rules {
        content.rule(rule.as_str())?;
    }
    for tag in &window.tags {
        // A misspelt one would keep no rule from running.
        if !content.rules().any(|rule| rule.tags.contains(tag)) {
            let written = |tag: &Tag| format!("{}={}", tag.name, tag.value);
            let known: Vec<_> = content.rules().flat_map(|rule| &rule.tags).map(written).collect();
            let name = written(tag);
            let hint = match nearest(&name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{}`?", quoted(near)),
                None => "`petrel rule get RULE` shows the tags of a rule; give them as NAME=VALUE".into(),
            };
            return Err(Error::NotFound { what: "tag of a rule", name: quoted(&name).into_owned(), hint });
        }
    }
    Ok(())
}
