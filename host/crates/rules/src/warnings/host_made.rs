//! The values of events that the host itself makes: ids, times and statuses. They are no outside text, so a shell command
//! may have them as they are.

use std::borrow::Cow;

use petrel_model::trigger::{ACTION_TRIGGER, TIMERS};
use petrel_model::{inquiry, notify};

/// The times in the event of a timer.
const OF_TIMERS: &[&str] = &["executed_at", "scheduled_at", "schedule"];
/// The id, the status and the time in the event of an execution that has ended.
const OF_ACTIONS: &[&str] = &["execution_id", "status", "start_timestamp"];
/// The id, the status and the times in the event for those who are told of the end of an execution.
const OF_NOTIFICATIONS: &[&str] = &["execution_id", "status", "start_timestamp", "end_timestamp"];
/// The id in the event of a question. Its route is text of the one who asks.
const OF_INQUIRIES: &[&str] = &["id"];
/// The time, the process and its exit code in the events of sensors. Their names may have any printable characters.
const OF_SENSORS: &[&str] = &["timestamp", "pid", "exit_code"];

/// The names of such values in events of the trigger type `kind`.
fn names(kind: &str) -> &'static [&'static str] {
    match kind {
        ACTION_TRIGGER => OF_ACTIONS,
        notify::TRIGGER => OF_NOTIFICATIONS,
        inquiry::TRIGGER => OF_INQUIRIES,
        "core.st2.sensor.process_spawn" | "core.st2.sensor.process_exit" => OF_SENSORS,
        kind if TIMERS.contains(&kind) => OF_TIMERS,
        _ => &[],
    }
}

/// `text` without such values, which it reads as `trigger.NAME`.
pub(super) fn left_out<'t>(text: &'t str, kind: &str) -> Cow<'t, str> {
    let mut left = Cow::Borrowed(text);
    for name in names(kind) {
        let path = format!("trigger.{name}");
        if left.contains(&path) {
            left = Cow::Owned(without(&left, &path));
        }
    }
    left
}

/// `text` without `path`, wherever that is not a part of a longer name.
fn without(text: &str, path: &str) -> String {
    let goes_on = |char: char| char.is_alphanumeric() || char == '_';
    let (mut left, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(path) {
        left.push_str(before);
        let is_other =
            left.ends_with(|char: char| goes_on(char) || char == '.') || after.starts_with(goes_on);
        // A name is left in its place, so that what is around it does not become one.
        left.push_str(if is_other { path } else { "made" });
        rest = after;
    }
    left + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::warnings::warnings;

    #[test]
    fn what_the_host_makes_is_left_out() {
        const TIMER: &str = "core.st2.IntervalTimer";
        for (kind, text, left) in [
            (
                TIMER,
                "at {{ trigger.executed_at }} for {{trigger.scheduled_at}}",
                "at {{ made }} for {{made}}",
            ),
            (TIMER, "{{ trigger.executed_at[:10] ~ trigger.x }}", "{{ made[:10] ~ trigger.x }}"),
            (TIMER, "{{ trigger.executed_at_all }}", "{{ trigger.executed_at_all }}"),
            (TIMER, "{{ my_trigger.executed_at }}", "{{ my_trigger.executed_at }}"),
            (TIMER, "{{ x.trigger.executed_at }}", "{{ x.trigger.executed_at }}"),
            (TIMER, "{{ trigger }}", "{{ trigger }}"),
            (ACTION_TRIGGER, "{{ trigger.execution_id }}{{ trigger.status }}", "{{ made }}{{ made }}"),
            (ACTION_TRIGGER, "{{ trigger.result }}", "{{ trigger.result }}"),
            (inquiry::TRIGGER, "{{ trigger.id }} {{ trigger.route }}", "{{ made }} {{ trigger.route }}"),
            (
                "core.st2.sensor.process_exit",
                "{{ trigger.exit_code }} {{ trigger.id }}",
                "{{ made }} {{ trigger.id }}",
            ),
            ("core.st2.webhook", "{{ trigger.status }}", "{{ trigger.status }}"),
        ] {
            assert_eq!(left_out(text, kind), left, "{kind} {text}");
        }
    }

    #[test]
    fn what_the_host_makes_needs_no_quotes_and_what_it_never_makes_is_told() {
        for (kind, cmd, says) in [
            ("core.st2.CronTimer", "echo {{ trigger.executed_at }}", None),
            ("core.st2.CronTimer", "echo {{ trigger }}", Some("| shell_quote")),
            ("core.st2.generic.actiontrigger", "echo {{ trigger.status }}", None),
            ("core.st2.generic.actiontrigger", "echo {{ trigger.result }}", Some("| shell_quote")),
            ("core.st2.generic.notifytrigger", "date", None),
            ("core.st2.generic.notifytrigger", "echo {{ trigger.message }}", Some("| shell_quote")),
            ("core.st2.action.file_written", "date", Some("file_written yet; listen to")),
        ] {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": kind, "parameters": {"minute": 0}},
                "action": {"ref": "core.local", "parameters": {"cmd": cmd}},
            });
            let told = warnings(&serde_json::from_value(rule).unwrap(), None);
            assert_eq!(told.len(), usize::from(says.is_some()), "{kind} {cmd}: {told:?}");
            assert!(says.is_none_or(|says| told[0].contains(says)), "{kind} {cmd}: {told:?}");
        }
    }
}
