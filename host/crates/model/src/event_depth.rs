//! How far an event is from where it began: the number of events of actions that led to it, one after the other, and how many
//! of these were notifications. It is one number, so that whatever hands on the one hands on the other, over rules,
//! correlations, workflows and questions: the notifications count in its upper half.

/// The place of the notifications in the number.
const NOTIFICATIONS: u32 = 16;

/// The greatest number of events that is told apart.
pub const MOST: u32 = (1 << NOTIFICATIONS) - 2;

/// The number of events of actions that led to what has this depth.
pub fn events(depth: u32) -> u32 {
    depth & ((1 << NOTIFICATIONS) - 1)
}

/// The number of notifications among these events.
pub fn notifications(depth: u32) -> u32 {
    depth >> NOTIFICATIONS
}

/// The depth of a notification about an execution that has this depth.
pub fn of_notification(depth: u32) -> u32 {
    depth.saturating_add((1 << NOTIFICATIONS) + 1)
}

/// The depth of what two depths have led to: the greater number of events, and of notifications.
pub fn deepest(one: u32, other: u32) -> u32 {
    events(one).max(events(other)) | (notifications(one).max(notifications(other)) << NOTIFICATIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_notifications_are_counted_beside_each_other() {
        let mut depth = 0;
        for (is_notification, expected) in [(true, (1, 1)), (false, (2, 1)), (false, (3, 1)), (true, (4, 2))]
        {
            depth = if is_notification { of_notification(depth) } else { depth + 1 };
            assert_eq!((events(depth), notifications(depth)), expected);
        }
        assert_eq!((events(MOST), notifications(MOST)), (MOST, 0));
        let (long, told) = (30, of_notification(of_notification(0)));
        for deepest in [deepest(long, told), deepest(told, long)] {
            assert_eq!((events(deepest), notifications(deepest)), (30, 2));
        }
    }
}
