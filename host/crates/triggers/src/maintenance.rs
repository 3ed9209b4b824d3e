//! Maintenance windows in words: what one does to a rule.

use petrel_model::{MaintenanceMode, MaintenanceWindow, Timestamp};

/// The reason of an enforcement of which a window had nothing run.
pub(crate) fn dropped(window: &MaintenanceWindow) -> String {
    format!(
        "maintenance window {} drops what this rule asks for until {}; `petrel dead-letter replay` has it done afterwards",
        window.name, window.until
    )
}

/// The note of an enforcement whose execution a window holds, before another `note`. Others may follow the window, so it
/// is held `until` the end of the last.
pub(crate) fn held(window: &MaintenanceWindow, until: Timestamp, note: Option<String>) -> String {
    let held = format!("held by maintenance window {} until {until}", window.name);
    match note {
        Some(note) => format!("{held}; {note}"),
        None => held,
    }
}

/// What a window that lasts does to a rule, with the remedy.
pub(crate) fn lasting(window: &MaintenanceWindow) -> String {
    let (name, until) = (&window.name, window.until);
    let does = match window.mode {
        MaintenanceMode::Hold => "holds",
        MaintenanceMode::Drop => "drops",
    };
    format!(
        "maintenance window {name} {does} what this rule asks for until {until}; `petrel maintenance list` shows it, and \
         `petrel maintenance delete` ends it"
    )
}
