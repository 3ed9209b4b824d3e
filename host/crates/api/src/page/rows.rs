//! The values of list items in the columns of `lists.rs`, by which lists are filtered and ordered.

use std::borrow::Cow;
use std::sync::Arc;

use petrel_catalog::content::{RegisteredAction, RegisteredTriggerType, RunnerType};
use petrel_engine::datastore::Entry;
use petrel_engine::triggers::{Begun, ShownSensor, ShownTimer};
use petrel_model::policy::kinds::PolicyType;
use petrel_model::trigger::kind_of;
use petrel_model::{
    ApiKey, Enforcement, Execution, HostKey, MaintenanceWindow, Pack, Policy, Ref, Rule, Timestamp, Trigger,
    TriggerInstance, User,
};

use crate::views;

/// An item of a list, read by columns.
pub(crate) trait Row {
    /// The value in the column with this name.
    fn cell(&self, column: &str) -> Cell<'_>;
}

/// The value of an item in a column.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell<'a> {
    /// The item has no such value.
    Missing,
    /// A text, compared as it stands.
    Text(Cow<'a, str>),
    /// Several texts; the item is found by each of them.
    Texts(Vec<Cow<'a, str>>),
    /// True or false.
    Flag(bool),
    /// A time, in microseconds.
    Time(Timestamp),
}

impl<'a> Cell<'a> {
    fn of(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    fn shown(value: &impl ToString) -> Self {
        Self::Text(Cow::Owned(value.to_string()))
    }

    fn maybe(value: Option<&impl ToString>) -> Self {
        value.map_or(Self::Missing, Self::shown)
    }

    /// A reference. StackStorm's lists find it by the whole and by the name without the pack.
    fn reference(text: &'a str) -> Self {
        let name = text.split_once('.').map(|(_, name)| Cow::Borrowed(name));
        Self::Texts(std::iter::once(Cow::Borrowed(text)).chain(name).collect())
    }
}

impl<T: Row + ?Sized> Row for &T {
    fn cell(&self, column: &str) -> Cell<'_> {
        (**self).cell(column)
    }
}

impl<T: Row + ?Sized> Row for Arc<T> {
    fn cell(&self, column: &str) -> Cell<'_> {
        (**self).cell(column)
    }
}

/// The columns of everything that belongs to a pack.
fn of_reference<'a>(reference: &'a Ref, column: &str) -> Cell<'a> {
    match column {
        "id" | "ref" => Cell::of(reference.as_str()),
        "pack" => Cell::of(reference.pack()),
        "name" => Cell::of(reference.name()),
        _ => Cell::Missing,
    }
}

impl Row for RegisteredAction {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "enabled" => Cell::Flag(self.action.enabled),
            "runner_type" => Cell::of(&self.action.runner_type),
            "tags" if self.action.tags.is_empty() => Cell::Missing,
            "tags" => {
                Cell::Texts(self.action.tags.iter().map(|tag| Cow::Borrowed(tag.name.as_str())).collect())
            }
            other => of_reference(&self.action.reference, other),
        }
    }
}

impl Row for RunnerType {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" | "name" => Cell::of(self.name),
            _ => Cell::Missing,
        }
    }
}

impl Row for Rule {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" => Cell::shown(&self.id),
            "action" => Cell::of(self.action.reference.as_str()),
            "trigger" => Cell::Texts(vec![
                Cow::Owned(self.trigger.reference().to_string()),
                Cow::Borrowed(self.trigger.kind.as_str()),
            ]),
            "enabled" => Cell::Flag(self.enabled),
            "user" => self.context.get("user").and_then(|user| user.as_str()).map_or(Cell::Missing, Cell::of),
            other => of_reference(&self.reference, other),
        }
    }
}

impl Row for Policy {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" => Cell::shown(&self.id),
            "resource_ref" => Cell::of(self.resource.as_str()),
            "policy_type" => Cell::of(&self.kind),
            "enabled" => Cell::Flag(self.enabled),
            other => of_reference(&self.reference, other),
        }
    }
}

impl Row for PolicyType {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" | "ref" => Cell::of(self.reference),
            "name" => Cell::of(self.name()),
            "resource_type" => Cell::of("action"),
            _ => Cell::Missing,
        }
    }
}

impl Row for RegisteredTriggerType {
    fn cell(&self, column: &str) -> Cell<'_> {
        of_reference(&self.kind.reference, column)
    }
}

impl Row for (&Ref, &Trigger) {
    fn cell(&self, column: &str) -> Cell<'_> {
        let (reference, trigger) = self;
        match column {
            "type" => Cell::of(trigger.kind.as_str()),
            "url" => {
                trigger.parameters.get("url").and_then(|url| url.as_str()).map_or(Cell::Missing, Cell::of)
            }
            other => of_reference(reference, other),
        }
    }
}

impl Row for ShownTimer {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "type" => Cell::of(self.trigger.kind.as_str()),
            other => of_reference(&self.reference, other),
        }
    }
}

impl Row for ShownSensor {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "enabled" => Cell::Flag(self.sensor.is_enabled()),
            "health" => Cell::of(self.health.as_str()),
            "trigger" if self.sensor.trigger_types.is_empty() => Cell::Missing,
            "trigger" => {
                let kinds = self.sensor.trigger_types.iter();
                Cell::Texts(kinds.map(|kind| Cow::Borrowed(kind.as_str())).collect())
            }
            other => of_reference(&self.sensor.reference, other),
        }
    }
}

/// A key of the datastore.
impl Row for Entry<'_> {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" | "name" => Cell::of(&self.name),
            _ => Cell::Missing,
        }
    }
}

impl Row for Pack {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" | "ref" | "pack" => Cell::of(&self.reference),
            "name" => Cell::of(&self.name),
            _ => Cell::Missing,
        }
    }
}

/// A part of a pack: its configuration, or the schema of the configuration.
impl<T> Row for (&Arc<Pack>, &T) {
    fn cell(&self, column: &str) -> Cell<'_> {
        self.0.cell(column)
    }
}

impl Row for User {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" | "name" => Cell::of(&self.name),
            _ => Cell::Missing,
        }
    }
}

impl Row for MaintenanceWindow {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" | "name" => Cell::of(&self.name),
            _ => Cell::Missing,
        }
    }
}

impl Row for HostKey {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" | "host" => Cell::of(&self.host),
            _ => Cell::Missing,
        }
    }
}

impl Row for ApiKey {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" => Cell::shown(&self.id),
            "user" => Cell::of(&self.user),
            "enabled" => Cell::Flag(self.enabled),
            _ => Cell::Missing,
        }
    }
}

impl Row for Execution {
    fn cell(&self, column: &str) -> Cell<'_> {
        let event = self.context.trigger_instance.as_ref();
        match column {
            // StackStorm keeps a live action beside the execution. Here both are one, with one id.
            "id" | "liveaction" => Cell::shown(&self.id),
            "status" => Cell::of(views::shown_status(self).as_str()),
            "action" => Cell::of(self.action.as_str()),
            "parent" => Cell::maybe(self.parent.as_ref().map(|parent| &parent.execution)),
            "rule" => self.context.rule.as_ref().map_or(Cell::Missing, |rule| Cell::reference(&rule.name)),
            "runner" => Cell::of(&self.runner),
            "user" => Cell::of(&self.context.user),
            "trigger" => event.map_or(Cell::Missing, |event| Cell::reference(&event.name)),
            "trigger_type" => event.map_or(Cell::Missing, |event| Cell::reference(kind_of(&event.name))),
            "trigger_instance" => Cell::maybe(event.map(|event| &event.id)),
            "timestamp" => Cell::Time(self.requested_at),
            _ => Cell::Missing,
        }
    }
}

impl Row for Enforcement {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" => Cell::shown(&self.id),
            "rule_ref" => Cell::of(self.rule.as_str()),
            "status" => Cell::of(self.status.as_str()),
            "replayed" => Cell::Flag(self.replayed_as.is_some()),
            "rule_id" => Cell::shown(&self.rule_id),
            "execution" => Cell::maybe(self.execution_id.as_ref()),
            "trigger_instance" => Cell::shown(&self.trigger_instance_id),
            "enforced_at" => Cell::Time(self.enforced_at),
            _ => Cell::Missing,
        }
    }
}

impl Row for Begun {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" => Cell::Texts(vec![self.id.to_string().into(), self.trace.to_string().into()]),
            "start_timestamp" => Cell::Time(self.at),
            _ => Cell::Missing,
        }
    }
}

impl Row for TriggerInstance {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" => Cell::shown(&self.id),
            "trigger" => Cell::of(self.trigger.as_str()),
            "trigger_type" => Cell::of(self.trigger_type.as_str()),
            "status" => Cell::of(self.status.as_str()),
            "timestamp" => Cell::Time(self.occurrence_time),
            _ => Cell::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_found_by_its_name_too() {
        assert_eq!(Cell::reference("a.b.c"), Cell::Texts(vec!["a.b.c".into(), "b.c".into()]));
        assert_eq!(Cell::reference("bare"), Cell::Texts(vec!["bare".into()]));
    }
}
