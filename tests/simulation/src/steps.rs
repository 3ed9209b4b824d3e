//! The steps of a simulation. A seed gives the whole list before the first step, so that steps can be left out of it: the
//! object of a step (an execution, a run) is a number, which selects among the objects that exist by then.

use std::time::Duration;

use petrel_crash::rounds::Moments;
use petrel_runners::End;

use crate::pack::WORKFLOWS;

/// The most steps of a simulation.
pub const MOST_STEPS: usize = 260;
/// The most of them that are not of the event side.
const MOST_ORDINARY: usize = 200;
/// How many rules on webhooks there may be, each under a name of its own.
pub(crate) const RULES: usize = 4;
/// How many others there may be, under the numbers after those.
const OTHERS: usize = 4;
/// How many webhooks events are sent to.
pub(crate) const WEBHOOKS: usize = 2;

/// How long a host that stops is given at most: longer than it waits for the last of its tasks.
const LONGEST_STOP: Duration = Duration::from_secs(15);

/// One of what there is: its number, in the order of age, and again from the first when there are fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Which(pub usize);

impl Which {
    /// That one of `all`; nothing of nothing.
    pub(crate) fn of<T: Copy>(self, all: &[T]) -> Option<T> {
        all.get(self.0.checked_rem(all.len())?).copied()
    }
}

/// An action that is asked for, or a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An action that may run once.
    Once,
    /// An action that may run again.
    Safe,
    /// The workflow of this number.
    Workflow(usize),
    /// An action of which few run at once, and others wait.
    Narrow,
    /// An action of which one runs at once, and others are canceled.
    Only,
    /// An action that is tried again after a failure.
    Again,
    /// An action of which few start in a time.
    Paced,
    /// A question.
    Ask,
    /// A workflow with a question in it.
    Approval,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// An event is sent to a webhook, with a number in it.
    Event {
        /// The webhook.
        webhook: usize,
        /// The number.
        n: usize,
    },
    /// A rule is made, or changed if there is one of that name.
    MakeRule {
        /// Its name.
        rule: usize,
        /// The webhook that it listens to.
        webhook: usize,
        /// It matches events with a smaller number.
        below: usize,
        /// What it asks for.
        action: Action,
    },
    /// A rule on something else is made: by its number on an interval, a cron timer, the sensor, or the ends of executions.
    MakeOther {
        /// Its name.
        rule: usize,
    },
    /// The sensor is switched on or off.
    SwitchSensor {
        /// On.
        is_on: bool,
    },
    /// Somebody answers a question.
    Respond {
        /// Which.
        which: Which,
        /// With this number.
        n: usize,
        /// One that is open. Otherwise it may have been answered before.
        of_open: bool,
    },
    /// A rule is switched on or off.
    SwitchRule {
        /// Its name.
        rule: usize,
        /// On.
        is_on: bool,
    },
    /// A rule is deleted.
    DropRule {
        /// Its name.
        rule: usize,
    },
    /// Somebody asks for an action.
    Request {
        /// Which.
        action: Action,
        /// Who: a number for a name.
        user: usize,
        /// How long it is to wait before it starts.
        delay: Option<Duration>,
    },
    /// Somebody cancels an execution.
    Cancel(Which),
    /// Somebody pauses a workflow.
    Pause(Which),
    /// Somebody resumes a workflow that rests.
    Resume(Which),
    /// Somebody runs an execution again; of a workflow only a task, if it says so.
    Rerun(Which, bool),
    /// The clock is turned.
    Turn {
        /// By so much in all.
        by: Duration,
        /// Whatever is due within so much happens together.
        together: Duration,
    },
    /// A run ends.
    End(Which, End),
    /// The next commits take long.
    Slow {
        /// How many.
        commits: usize,
        /// How long each.
        takes: Duration,
    },
    /// The next commits that take in something new find no room.
    WithoutRoom {
        /// How many.
        commits: usize,
    },
    /// The host is killed when it is at rest, and started again.
    Kill,
    /// The host is asked to stop and has so much time for it. Then it is killed, and started again.
    Stop(Duration),
    /// The host is lost in one of the next commits, and started again.
    Lose {
        /// After so many others.
        after: usize,
        /// Whether that commit was made all the same.
        is_made: bool,
    },
}

/// The first `most` steps of a seed.
pub fn steps(seed: u64, most: usize) -> Vec<Step> {
    // Seeds are small numbers; their first bits are to differ all the same.
    let mut moments = Moments::from_seed(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // Drawn from numbers of their own, so that the other steps of a seed are those that it always had.
    let mut stops = Moments::from_seed(seed.wrapping_add(3).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let count = 1 + moments.number(MOST_ORDINARY);
    let steps = (0..count).map(|_| step(&mut moments));
    let steps = steps.map(|step| if step == Step::Kill { ends_host(&mut stops) } else { step });
    // And so are those of the event side. Half of the seeds have none, and are what they always were.
    let mut events = Moments::from_seed(seed.wrapping_add(5).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let has_events = seed % 4 >= 2;
    let mut all = Vec::new();
    for step in steps {
        all.push(step);
        if has_events && events.number(10) == 0 {
            all.extend(of_event_side(&mut events));
        }
    }
    all.truncate(most.min(MOST_STEPS));
    all
}

/// Some steps of the event side.
fn of_event_side(moments: &mut Moments) -> Vec<Step> {
    let rule = RULES + moments.number(OTHERS);
    match moments.number(13) {
        0..=2 => vec![Step::MakeOther { rule }],
        3 => vec![Step::SwitchRule { rule, is_on: moments.number(3) > 0 }],
        4 => vec![Step::DropRule { rule }],
        5 | 6 => vec![Step::SwitchSensor { is_on: moments.number(4) > 0 }],
        7..=9 => {
            let action =
                [Action::Narrow, Action::Only, Action::Again, Action::Paced, Action::Ask, Action::Approval];
            let action = action.get(moments.number(action.len())).copied().unwrap_or(Action::Ask);
            // More than a policy lets run.
            let step = Step::Request { action, user: moments.number(3), delay: None };
            vec![step; 1 + moments.number(4)]
        }
        _ => {
            let (which, n) = (Which(moments.number(1_000)), moments.number(100));
            vec![Step::Respond { which, n, of_open: moments.number(3) > 0 }]
        }
    }
}

/// Every other time a host that is to end is not killed but stops.
fn ends_host(moments: &mut Moments) -> Step {
    if moments.number(2) == 0 { Step::Kill } else { Step::Stop(moments.next(LONGEST_STOP)) }
}

fn step(moments: &mut Moments) -> Step {
    let which = |moments: &mut Moments| Which(moments.number(1_000));
    match moments.number(32) {
        0..=3 => Step::Event { webhook: moments.number(WEBHOOKS), n: moments.number(10) },
        4 | 5 => Step::MakeRule {
            rule: moments.number(RULES),
            webhook: moments.number(WEBHOOKS),
            below: moments.number(12),
            action: action(moments),
        },
        6 => Step::SwitchRule { rule: moments.number(RULES), is_on: moments.number(3) > 0 },
        7 => Step::DropRule { rule: moments.number(RULES) },
        8..=12 => Step::Request {
            action: action(moments),
            user: moments.number(3),
            delay: (moments.number(4) == 0).then(|| moments.next(Duration::from_secs(5))),
        },
        13 | 14 => Step::Cancel(which(moments)),
        15 | 16 => Step::Pause(which(moments)),
        17 | 18 => Step::Resume(which(moments)),
        19 => Step::Rerun(which(moments), moments.number(2) == 0),
        20..=24 => turn(moments),
        25 | 26 => Step::End(which(moments), end(moments)),
        27 => Step::Slow {
            commits: 1 + moments.number(5),
            takes: Duration::from_millis(1) + moments.next(Duration::from_millis(800)),
        },
        28 => Step::WithoutRoom { commits: 1 + moments.number(3) },
        29 => Step::Kill,
        _ => Step::Lose { after: moments.number(6), is_made: moments.number(2) == 0 },
    }
}

fn turn(moments: &mut Moments) -> Step {
    let (by, together) = match moments.number(8) {
        0..=2 => (300, 1),
        3..=5 => (4_000, 50),
        6 => (30_000, 1_000),
        _ => (120_000, 30_000),
    };
    let by = Duration::from_millis(1) + moments.next(Duration::from_millis(by));
    Step::Turn { by, together: Duration::from_millis(together) }
}

fn action(moments: &mut Moments) -> Action {
    match moments.number(6) {
        0 => Action::Once,
        1 => Action::Safe,
        _ => Action::Workflow(moments.number(WORKFLOWS)),
    }
}

fn end(moments: &mut Moments) -> End {
    match moments.number(6) {
        0 => End::Failed,
        1 => End::TimedOut,
        2 => End::Abandoned,
        // Although nobody has asked for it, most often.
        3 => End::Canceled,
        _ => End::Succeeded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_steps_each_time_and_seeds_differ() {
        assert_eq!(steps(7, 50), steps(7, 50));
        assert_ne!(steps(7, 5), steps(8, 5));
        assert!((0..100).all(|seed| (1..=MOST_STEPS).contains(&steps(seed, MOST_STEPS).len())));
    }

    #[test]
    fn among_fewer_it_is_counted_again_from_the_first() {
        assert_eq!(Which(4).of(&["a", "b", "c"]), Some("b"));
        assert_eq!(Which(4).of::<u8>(&[]), None);
    }
}
