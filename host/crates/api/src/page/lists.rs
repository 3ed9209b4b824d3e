//! Every list of the API, and what each may be asked: the one table. What is not in it is refused by name (`query.rs`
//! beside it); what an item has of what it is narrowed and ordered by is in `rows.rs`.
//!
//! The names are those of StackStorm's controllers (`supported_filters`), with a few that the lists of a host need beside.

/// A list.
#[derive(Debug)]
pub(crate) struct List {
    /// Where it is, below `/api/v1`.
    pub(crate) path: &'static str,
    /// What it can be narrowed by, and ordered by.
    pub(crate) columns: &'static [Column],
    /// What else it may be asked, beside what every list may.
    pub(crate) others: &'static [&'static str],
    /// Whether it is read from the store, where there is one order: that of time. What is in memory can be put in
    /// any.
    pub(crate) is_stored: bool,
}

/// Something that the items of a list have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    /// What it is called in a query.
    pub(crate) name: &'static str,
    /// What it may be compared with.
    pub(crate) kind: Kind,
}

/// What is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text.
    Text,
    /// Texts with commas between them, of which it is one.
    Texts,
    /// Ids of what is stored, with commas between them.
    Ids,
    /// The id of something that is stored.
    Id,
    /// `pack.name`.
    Reference,
    /// True or false.
    Flag,
    /// A time; `NAME_gt` and `NAME_lt` are what comes after one and before one.
    Time,
    /// The status of an execution.
    Status,
    /// How far the rules got with an event.
    EventStatus,
}

/// What every list may be asked.
pub(super) const OF_ALL: [&str; 5] = ["limit", "offset", "sort", "include_attributes", "exclude_attributes"];
/// What a list from the store may be asked beside: where to go on.
pub(super) const OF_STORED: [&str; 2] = ["before", "after"];
/// What any request may say beside.
pub(crate) const OF_REQUESTS: [&str; 3] = ["show_secrets", "x-auth-token", "st2-api-key"];

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const ID: Column = column("id", Kind::Texts);
const STORED_ID: Column = column("id", Kind::Ids);
const REF: Column = text("ref");
const NAME: Column = text("name");
const PACK: Column = text("pack");
const ENABLED: Column = column("enabled", Kind::Flag);
const TRIGGER_INSTANCE: Column = column("trigger_instance", Kind::Id);

pub(crate) static ACTIONS: List = List {
    path: "/actions",
    columns: &[ID, REF, NAME, PACK, text("tags"), text("runner_type"), ENABLED],
    others: &[],
    is_stored: false,
};

pub(crate) static RUNNER_TYPES: List =
    List { path: "/runnertypes", columns: &[ID, NAME], others: &[], is_stored: false };

pub(crate) static EXECUTIONS: List = List {
    path: "/executions",
    columns: &[
        STORED_ID,
        column("status", Kind::Status),
        column("action", Kind::Reference),
        column("parent", Kind::Id),
        text("rule"),
        text("runner"),
        text("user"),
        text("trigger"),
        text("trigger_type"),
        TRIGGER_INSTANCE,
        column("liveaction", Kind::Id),
        column("timestamp", Kind::Time),
    ],
    // StackStorm's client says so which way time goes.
    others: &[SORT_ASC, SORT_DESC],
    is_stored: true,
};

/// Oldest first.
pub(crate) const SORT_ASC: &str = "sort_asc";
/// Newest first.
pub(crate) const SORT_DESC: &str = "sort_desc";

pub(crate) static RULES: List = List {
    path: "/rules",
    columns: &[ID, REF, NAME, PACK, text("action"), text("trigger"), ENABLED, text("user")],
    others: &[],
    is_stored: false,
};

pub(crate) static ENFORCEMENTS: List = List {
    path: "/ruleenforcements",
    columns: &[
        STORED_ID,
        text("rule_ref"),
        column("rule_id", Kind::Id),
        column("execution", Kind::Id),
        TRIGGER_INSTANCE,
        column("enforced_at", Kind::Time),
    ],
    others: &[],
    is_stored: true,
};

pub(crate) static TRIGGERS: List =
    List { path: "/triggers", columns: &[ID, REF, NAME, PACK, text("type")], others: &[], is_stored: false };

pub(crate) static TRIGGER_TYPES: List =
    List { path: "/triggertypes", columns: &[ID, REF, NAME, PACK], others: &[], is_stored: false };

pub(crate) static TRIGGER_INSTANCES: List = List {
    path: "/triggerinstances",
    columns: &[
        STORED_ID,
        column("trigger", Kind::Reference),
        column("trigger_type", Kind::Reference),
        column("status", Kind::EventStatus),
        column("timestamp", Kind::Time),
    ],
    others: &[],
    is_stored: true,
};

pub(crate) static WEBHOOKS: List = List {
    path: "/webhooks",
    columns: &[ID, REF, NAME, PACK, text("type"), text("url")],
    others: &[],
    is_stored: false,
};

pub(crate) static USERS: List = List { path: "/users", columns: &[ID, NAME], others: &[], is_stored: false };

pub(crate) static API_KEYS: List =
    List { path: "/apikeys", columns: &[ID, text("user"), ENABLED], others: &[], is_stored: false };

pub(crate) static KEYS: List = List {
    path: "/keys",
    columns: &[ID, NAME],
    others: &["prefix", "scope", "user", "decrypt"],
    is_stored: false,
};

pub(crate) static PACKS: List =
    List { path: "/packs", columns: &[ID, REF, NAME], others: &[], is_stored: false };

pub(crate) static CONFIGS: List =
    List { path: "/configs", columns: &[ID, PACK], others: &[], is_stored: false };

pub(crate) static CONFIG_SCHEMAS: List =
    List { path: "/config_schemas", columns: &[ID, PACK], others: &[], is_stored: false };

impl List {
    /// All that it may be asked, for people.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for column in self.columns {
            names.push(column.name.to_owned());
            if column.kind == Kind::Time {
                names.extend(["gt", "lt"].map(|bound| format!("{}_{bound}", column.name)));
            }
        }
        let stored: &[&str] = if self.is_stored { &OF_STORED } else { &[] };
        names.extend(self.others.iter().chain(&OF_ALL).chain(stored).map(|name| (*name).to_owned()));
        names
    }

    /// What it can be ordered by.
    pub(super) fn orders(&self) -> impl Iterator<Item = &'static Column> + use<> {
        let is_stored = self.is_stored;
        self.columns.iter().filter(move |column| !is_stored || matches!(column.kind, Kind::Time | Kind::Ids))
    }
}

/// All of them.
#[cfg(test)]
pub(super) static ALL: [&List; 15] = [
    &ACTIONS,
    &RUNNER_TYPES,
    &EXECUTIONS,
    &RULES,
    &ENFORCEMENTS,
    &TRIGGERS,
    &TRIGGER_TYPES,
    &TRIGGER_INSTANCES,
    &WEBHOOKS,
    &USERS,
    &API_KEYS,
    &KEYS,
    &PACKS,
    &CONFIGS,
    &CONFIG_SCHEMAS,
];
