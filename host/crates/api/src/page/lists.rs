//! The table of all lists and of the parameters of each. A parameter that is not in it is refused by name
//! (`query.rs`); `rows.rs` reads the columns of an item.
//!
//! The names are those of StackStorm's controllers (`supported_filters`), with a few more that the host's own lists
//! need.

/// A list.
#[derive(Debug)]
pub(crate) struct List {
    /// The path below `/api/v1`.
    pub(crate) path: &'static str,
    /// The columns by which the list can be filtered and ordered.
    pub(crate) columns: &'static [Column],
    /// Further parameters, besides those of every list.
    pub(crate) others: &'static [&'static str],
    /// Whether the list is read from the store, where time is the only order. A list in memory can be put in any
    /// order.
    pub(crate) is_stored: bool,
}

/// An attribute of the items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name in a query.
    pub(crate) name: &'static str,
    /// The kind of its values.
    pub(crate) kind: Kind,
}

/// The kind of a value in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// Texts separated by commas, one of which the item must have.
    Texts,
    /// Ids of stored things, separated by commas.
    Ids,
    /// The same, or ids of traces.
    TraceIds,
    /// The id of a stored thing.
    Id,
    /// A reference, `pack.name`.
    Reference,
    /// True or false.
    Flag,
    /// A time. `NAME_gt` and `NAME_lt` select items after and before it.
    Time,
    /// The status of an execution.
    Status,
    /// The progress of an event through the rules.
    EventStatus,
    /// The result of an enforcement.
    EnforcementStatus,
}

/// The parameters of every list.
pub(super) const OF_ALL: [&str; 5] = ["limit", "offset", "sort", "include_attributes", "exclude_attributes"];
/// The parameters of a list from the store, besides: where to go on.
pub(super) const OF_STORED: [&str; 2] = ["before", "after"];
/// The parameters of every request.
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
const HOST: Column = text("host");
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
    // StackStorm's client gives the order of time by these.
    others: &[SORT_ASC, SORT_DESC],
    is_stored: true,
};

pub(crate) static INQUIRIES: List = List {
    path: "/inquiries",
    columns: &[
        STORED_ID,
        column("action", Kind::Reference),
        column("parent", Kind::Id),
        text("user"),
        column("timestamp", Kind::Time),
    ],
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

pub(crate) static POLICIES: List = List {
    path: "/policies",
    columns: &[ID, REF, NAME, PACK, text("resource_ref"), text("policy_type"), ENABLED],
    others: &[],
    is_stored: false,
};

pub(crate) static POLICY_TYPES: List = List {
    path: "/policytypes",
    columns: &[ID, REF, NAME, text("resource_type")],
    others: &[],
    is_stored: false,
};

pub(crate) static ENFORCEMENTS: List = List {
    path: "/ruleenforcements",
    columns: &[
        STORED_ID,
        text("rule_ref"),
        // Beyond the original, which has no way to find those that failed.
        column("status", Kind::EnforcementStatus),
        column("replayed", Kind::Flag),
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

pub(crate) static TIMERS: List = List {
    path: "/timers",
    columns: &[ID, REF, NAME, PACK, text("type")],
    others: &["timer_type"],
    is_stored: false,
};

pub(crate) static SENSORS: List = List {
    path: "/sensortypes",
    // StackStorm names the trigger types of a sensor `trigger`.
    columns: &[ID, REF, NAME, PACK, ENABLED, text("trigger"), text("health")],
    others: &[],
    is_stored: false,
};

pub(crate) static TRACES: List = List {
    path: "/traces",
    // The id is that of the event or execution with which a trace begins, or that of the trace.
    columns: &[column("id", Kind::TraceIds), column("start_timestamp", Kind::Time)],
    // By these, traces are found instead of looked for.
    others: &["trace_tag", "execution", "trigger_instance", "rule", SORT_ASC, SORT_DESC],
    is_stored: true,
};

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

pub(crate) static MAINTENANCE: List =
    List { path: "/maintenance", columns: &[ID, NAME], others: &[], is_stored: false };

pub(crate) static HOST_KEYS: List =
    List { path: "/hostkeys", columns: &[ID, HOST], others: &[], is_stored: false };

pub(crate) static PACKS: List =
    List { path: "/packs", columns: &[ID, REF, NAME], others: &[], is_stored: false };

pub(crate) static CONFIGS: List =
    List { path: "/configs", columns: &[ID, PACK], others: &[], is_stored: false };

pub(crate) static CONFIG_SCHEMAS: List =
    List { path: "/config_schemas", columns: &[ID, PACK], others: &[], is_stored: false };

impl List {
    /// All parameters, for people.
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

    /// The column that `name` means in an order. The items show the column `timestamp` under names of their own, which
    /// StackStorm's orders have (`start_timestamp`, `occurrence_time`).
    pub(super) fn shown_as(&self, name: &str) -> Option<&'static Column> {
        let is_shown = match self.path {
            "/executions" | "/inquiries" => name == "start_timestamp",
            "/triggerinstances" => name == "occurrence_time",
            _ => false,
        };
        is_shown.then(|| self.columns.iter().find(|column| column.name == "timestamp")).flatten()
    }

    /// The columns by which the list can be ordered.
    pub(super) fn orders(&self) -> impl Iterator<Item = &'static Column> + use<> {
        let is_stored = self.is_stored;
        self.columns.iter().filter(move |column| {
            !is_stored || matches!(column.kind, Kind::Time | Kind::Ids | Kind::TraceIds)
        })
    }
}

/// All lists.
#[cfg(test)]
pub(super) static ALL: [&List; 23] = [
    &ACTIONS,
    &RUNNER_TYPES,
    &EXECUTIONS,
    &INQUIRIES,
    &RULES,
    &POLICIES,
    &POLICY_TYPES,
    &ENFORCEMENTS,
    &TRIGGERS,
    &TIMERS,
    &SENSORS,
    &TRACES,
    &TRIGGER_TYPES,
    &TRIGGER_INSTANCES,
    &WEBHOOKS,
    &USERS,
    &API_KEYS,
    &KEYS,
    &MAINTENANCE,
    &HOST_KEYS,
    &PACKS,
    &CONFIGS,
    &CONFIG_SCHEMAS,
];
