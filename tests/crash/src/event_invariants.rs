//! What must hold of events, timers, keys and answers whatever happened. Pure: what was seen in, violations out.

use std::collections::{BTreeMap, BTreeSet};

/// What senders were told, and what a host kept of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The event that each key was acknowledged as, as often as it was.
    pub acknowledged: Vec<(String, String)>,
    /// The stored events of webhooks: the key in their body, and their id.
    pub events: Vec<(String, String)>,
    /// The seconds of the hour at which the timer was due, oldest first.
    pub due: Vec<u64>,
    /// The greatest number whose write to the key was acknowledged.
    pub written: u64,
    /// The number that the key has.
    pub stored: u64,
    /// The numbers of the events that tell of the key, in any order.
    pub told: Vec<u64>,
    /// The answers that were acknowledged, by question; more than one for none of them.
    pub answers: Vec<(String, u64)>,
    /// The answers that are stored.
    pub answered: BTreeMap<String, u64>,
    /// The executions that succeeded while a rule listened to their ends.
    pub ended: BTreeSet<String>,
    /// The executions whose ends events tell of, as often as they do.
    pub reported: Vec<String>,
    /// The numbers of the sensor's events, in any order. It counts from one.
    pub polled: Vec<u64>,
    /// The number up to which the sensor has come, as it is stored.
    pub cursor: u64,
}

/// Everything that does not hold; empty when all is well.
pub fn violations(seen: &Seen) -> Vec<String> {
    let all = [
        each_acknowledged_key_is_one_event(seen),
        no_time_of_the_timer_is_missed_or_doubled(seen),
        no_acknowledged_write_is_lost(seen),
        each_change_of_the_key_is_told_once(seen),
        no_acknowledged_answer_is_lost_or_given_twice(seen),
        each_end_is_reported_once(seen),
        the_cursor_has_passed_each_event_once(seen),
    ];
    all.into_iter().flatten().collect()
}

fn each_acknowledged_key_is_one_event(seen: &Seen) -> Vec<String> {
    let (mut stored, mut violations) = (BTreeMap::new(), Vec::new());
    for (key, id) in &seen.events {
        if let Some(other) = stored.insert(key, id) {
            violations.push(format!("key {key} has the events {other} and {id}"));
        }
    }
    for (key, id) in &seen.acknowledged {
        match stored.get(key) {
            None => violations.push(format!("event {id} of key {key} was acknowledged and is lost")),
            Some(other) if *other != id => {
                violations.push(format!("key {key} was acknowledged as {id} and is stored as {other}"));
            }
            Some(_) => {}
        }
    }
    violations
}

fn no_time_of_the_timer_is_missed_or_doubled(seen: &Seen) -> Vec<String> {
    let steps =
        seen.due.windows(2).filter_map(|two| if let [one, next] = two { Some((*one, *next)) } else { None });
    let wrong = steps.filter(|(one, next)| (one + 1) % 3600 != *next);
    wrong.map(|(one, next)| format!("after second {one} the timer was due at second {next}")).collect()
}

fn no_acknowledged_write_is_lost(seen: &Seen) -> Vec<String> {
    let is_lost = seen.stored < seen.written;
    is_lost
        .then(|| format!("{} was written, and the key has {}", seen.written, seen.stored))
        .into_iter()
        .collect()
}

/// From the first change that was told of, as the rule was made at about that time. The first number makes the key, and is
/// no change.
fn each_change_of_the_key_is_told_once(seen: &Seen) -> Vec<String> {
    let first = seen.told.iter().min().copied().unwrap_or_else(|| seen.stored.max(2));
    let times = |number: u64| seen.told.iter().filter(|told| **told == number).count();
    let wrong = (first..=seen.stored).map(|number| (number, times(number))).filter(|(_, times)| *times != 1);
    wrong.map(|(number, times)| format!("the change of the key to {number} was told {times} times")).collect()
}

fn no_acknowledged_answer_is_lost_or_given_twice(seen: &Seen) -> Vec<String> {
    let (mut given, mut violations) = (BTreeSet::new(), Vec::new());
    for (question, answer) in &seen.answers {
        if !given.insert(question) {
            violations.push(format!("question {question} was answered twice"));
        }
        let stored = seen.answered.get(question);
        if stored != Some(answer) {
            violations
                .push(format!("question {question} was answered with {answer}, and {stored:?} is stored"));
        }
    }
    violations
}

fn each_end_is_reported_once(seen: &Seen) -> Vec<String> {
    let (mut reported, mut violations) = (BTreeSet::new(), Vec::new());
    for id in &seen.reported {
        if !reported.insert(id) {
            violations.push(format!("the end of execution {id} was reported twice"));
        }
    }
    let missing = seen.ended.iter().filter(|id| !reported.contains(id));
    violations.extend(missing.map(|id| format!("the end of execution {id} was not reported")));
    violations
}

/// The sensor was at rest when its events were read, so that they reach as far as its cursor.
fn the_cursor_has_passed_each_event_once(seen: &Seen) -> Vec<String> {
    let (mut stored, mut violations) = (BTreeSet::new(), Vec::new());
    for number in &seen.polled {
        if !stored.insert(*number) {
            violations.push(format!("event {number} of the sensor is there twice"));
        }
    }
    let missing = (1..=seen.cursor).filter(|number| !stored.contains(number));
    violations.extend(missing.map(|number| format!("the cursor is past event {number}, which is lost")));
    let ahead = stored.iter().filter(|number| !(1..=seen.cursor).contains(*number));
    violations.extend(ahead.map(|number| format!("event {number} is stored, and the cursor is before it")));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&mut Seen);

    fn fine() -> Seen {
        let pair = |key: &str, id: &str| (key.to_owned(), id.to_owned());
        Seen {
            acknowledged: vec![pair("k", "e"), pair("k", "e")],
            events: vec![pair("k", "e"), pair("l", "f")],
            due: vec![3598, 3599, 0, 1],
            written: 5,
            stored: 6,
            told: vec![4, 6, 5],
            answers: vec![("q".into(), 7)],
            answered: BTreeMap::from([("q".into(), 7), ("r".into(), 8)]),
            ended: BTreeSet::from(["x".into()]),
            reported: vec!["x".into(), "y".into()],
            polled: vec![3, 1, 2],
            cursor: 3,
        }
    }

    /// Every invariant can be violated, and says so.
    #[test]
    fn each_violation_is_noticed() {
        assert_eq!(violations(&fine()), Vec::<String>::new());
        // A host that was killed too early has seen nothing, or made the key alone.
        for stored in [0, 1] {
            assert_eq!(violations(&Seen { stored, ..Seen::default() }), Vec::<String>::new());
        }
        let spoil: [(&str, Spoil); 17] = [
            ("key k has the events e and e", |seen| seen.events.push(seen.events[0].clone())),
            ("event g of key m was acknowledged", |seen| seen.acknowledged.push(("m".into(), "g".into()))),
            ("key l was acknowledged as g", |seen| seen.acknowledged.push(("l".into(), "g".into()))),
            ("after second 1 the timer was due at second 3", |seen| seen.due.push(3)),
            ("after second 1 the timer was due at second 1", |seen| seen.due.push(1)),
            ("9 was written, and the key has 6", |seen| seen.written = 9),
            ("the change of the key to 5 was told 2 times", |seen| seen.told.push(5)),
            ("the change of the key to 5 was told 0 times", |seen| seen.told.truncate(2)),
            ("the change of the key to 6 was told 0 times", |seen| seen.told.clear()),
            ("question q was answered twice", |seen| seen.answers.push(("q".into(), 7))),
            ("question q was answered with 7, and None", |seen| seen.answered.clear()),
            ("the end of execution x was reported twice", |seen| seen.reported.push("x".into())),
            ("the end of execution z was not reported", |seen| seen.ended.extend(["z".into()])),
            ("event 2 of the sensor is there twice", |seen| seen.polled.push(2)),
            ("the cursor is past event 4, which is lost", |seen| seen.cursor = 4),
            ("the cursor is past event 2, which is lost", |seen| seen.polled.retain(|one| *one != 2)),
            ("event 3 is stored, and the cursor is before it", |seen| seen.cursor = 2),
        ];
        for (message, spoil) in spoil {
            let mut seen = fine();
            spoil(&mut seen);
            let found = violations(&seen);
            assert!(found.len() == 1 && found[0].starts_with(message), "{message}: {found:?}");
        }
    }
}
