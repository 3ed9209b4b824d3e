//! Seeds of the simulation: in each of them all holds that must, and the second run is as the first. With
//! `PETREL_TEST_ALL=1` there are a thousand.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are the bodies of tests")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use petrel_simulation::{Action, MOST_STEPS, Packs, Step, Which, check, simulate, steps, violation};

/// Seeds that found something.
const FOUND: [u64; 3] = [1_060, 1_245, 101_617];
/// How many others are tried, without and with `PETREL_TEST_ALL=1`.
const SEEDS: (u64, u64) = (60, 1_000);
/// How many run side by side.
const LANES: usize = 2;

#[test]
fn in_every_seed_all_holds_and_the_second_run_is_as_the_first() {
    let has_all = std::env::var("PETREL_TEST_ALL").is_ok_and(|value| value == "1");
    let count = if has_all { SEEDS.1 } else { SEEDS.0 };
    let (packs, next) = (Packs::new().unwrap(), AtomicU64::new(0));
    let lane = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count {
                return;
            }
            holds(seed, &packs);
        }
    };
    std::thread::scope(|scope| (0..LANES).for_each(|_| drop(scope.spawn(lane))));
    FOUND.iter().for_each(|seed| holds(*seed, &packs));
}

fn holds(seed: u64, packs: &Packs) {
    if let Some(failure) = check(seed, MOST_STEPS, packs).unwrap() {
        panic!("{}", failure.shrunk(packs).unwrap());
    }
}

fn turn(seconds: u64) -> Step {
    Step::Turn { by: Duration::from_secs(seconds), together: Duration::from_millis(50) }
}

fn request(action: Action) -> Step {
    Step::Request { action, user: 0, delay: None }
}

#[test]
fn a_trace_reads_as_it_happened() {
    let steps = [request(Action::Once), turn(1), Step::Kill];
    let ended = simulate(1, &steps, &Packs::new().unwrap()).unwrap();
    assert_eq!(ended.violation, None, "{:#?}", ended.trace);
    let mut lines = ended.trace.iter();
    for expected in [
        "0 at 0ns: Request",
        "    +e1 sim.once requested",
        "    e1 running",
        "    e1 runs, attempt 0",
        "1 at 0ns: Turn",
        "2 at 1s: Kill",
        "    the host is lost, and the next one starts",
        "the end",
    ] {
        assert!(lines.any(|line| line.starts_with(expected)), "{expected} is missing: {:#?}", ended.trace);
    }
}

/// Each commit in turn is the last one of a host, made or not.
#[test]
fn a_host_may_be_lost_in_any_commit() {
    let packs = Packs::new().unwrap();
    let rule = Step::MakeRule { rule: 0, webhook: 0, below: 5, action: Action::Workflow(0) };
    for after in 0..25 {
        for is_made in [false, true] {
            let event = Step::Event { webhook: 0, n: 1 };
            let begins = [rule, Step::Lose { after, is_made }, event, request(Action::Workflow(1)), turn(5)];
            let ends = [Step::Cancel(Which(0)), turn(20), Step::Pause(Which(1)), turn(5)];
            let steps = [&begins[..], &ends[..]].concat();
            let found = violation(2, &steps, &packs).unwrap();
            assert_eq!(found, None, "lost after {after} commits, the last one made: {is_made}");
        }
    }
}

/// A simulation in which nothing happens would hold as well.
#[test]
fn much_happens_in_a_few_seeds() {
    let packs = Packs::new().unwrap();
    let traces: Vec<String> =
        (0..20).flat_map(|seed| simulate(seed, &steps(seed, MOST_STEPS), &packs).unwrap().trace).collect();
    let all = traces.join("\n");
    for word in [
        " runs, attempt 0",
        "attempt 1",
        "succeeded",
        "failed",
        "timeout",
        "abandoned",
        "canceling",
        "canceled",
        "paused",
        "resuming",
        "+enforcement of sim.r",
        "+rule sim.r",
        "-rule sim.r",
        "log of e",
        "refused, no_room",
        "refused, internal",
        "the host is lost",
        ": Stop(",
        "    -e",
    ] {
        assert!(all.contains(word), "in no trace of 20 seeds: `{word}`");
    }
}

/// Nor would the event side be tried if it were not reached.
#[test]
fn the_event_side_is_reached() {
    let packs = Packs::new().unwrap();
    let traces: Vec<String> = (0..60)
        .filter(|seed| seed % 4 >= 2)
        .flat_map(|seed| simulate(seed, &steps(seed, MOST_STEPS), &packs).unwrap().trace)
        .collect();
    let all = traces.join("\n");
    for word in [
        "+timer core.st2.IntervalTimer",
        "+timer core.st2.CronTimer",
        "+state of a sensor sim.steps",
        "+internal event",
        "-internal event",
        "+state of a policy",
        "delayed",
        "pending",
        "is answered with",
    ] {
        assert!(all.contains(word), "in no trace of 30 seeds: `{word}`");
    }
}

/// Timers, the sensor, a question and what policies have wait, while each commit in turn is the last one of a host.
#[test]
fn the_event_side_outlives_a_host_that_is_lost_in_any_commit() {
    let packs = Packs::new().unwrap();
    let others = (4..8).map(|rule| Step::MakeOther { rule });
    let begins: Vec<Step> = others.chain([Step::SwitchSensor { is_on: true }]).collect();
    let asked = [Action::Narrow, Action::Narrow, Action::Narrow, Action::Paced, Action::Ask, Action::Once];
    let asked: Vec<Step> = asked.into_iter().map(request).collect();
    let answer = Step::Respond { which: Which(0), n: 3, of_open: false };
    for after in 0..30 {
        let lose = Step::Lose { after, is_made: after % 2 == 0 };
        let ends = [lose, turn(8), answer, turn(8), answer, Step::Kill, turn(70)];
        let steps = [&begins[..], &asked[..], &ends[..]].concat();
        let found = violation(2, &steps, &packs).unwrap();
        assert_eq!(found, None, "lost after {after} commits");
    }
}

#[test]
fn the_steps_of_a_failure_are_those_of_its_seed() {
    assert!(steps(3, 10).len() <= 10);
    assert_eq!(steps(3, 10), steps(3, MOST_STEPS)[..steps(3, 10).len()]);
    assert!((0..50).flat_map(|seed| steps(seed, MOST_STEPS)).any(|step| matches!(step, Step::Lose { .. })));
}
