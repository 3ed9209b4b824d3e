//! Depth 3: the real process, killed and cut off from power. A few rounds here; the harness itself does
//! as many as one likes: `cargo run --release -p petrel-crash -- --help`.

use std::path::Path;

use petrel_crash::disk::Disk;
use petrel_crash::rounds::{self, Moments, Subject};
use petrel_crash::{events, trees, workflows};
use petrel_test_components::POLLS;
use petrel_test_support::skip;

#[test]
fn killed_at_random_moments() {
    for subject in subjects() {
        let report = rounds::kill(6, &subject, &mut Moments::from_seed(seed())).unwrap();
        assert!(report.acknowledged > 0, "{report:?}");
    }
}

#[test]
fn cut_off_from_power_at_random_moments() {
    if let Err(why) = Disk::is_possible() {
        return skip(&why);
    }
    for subject in subjects() {
        let report = rounds::cut_power(2, &subject, &mut Moments::from_seed(seed())).unwrap();
        assert!(report.acknowledged > 0, "{report:?}");
    }
}

fn subjects() -> [Subject; 2] {
    ["sled", "redb"].map(|engine| Subject { engine: engine.into(), has_large: true })
}

/// Different each time; the panic of a failed round prints what happened.
fn seed() -> u64 {
    u64::from(std::process::id())
}

#[test]
fn killed_while_workflows_run() {
    for engine in ["sled", "redb"] {
        let report = workflows::kill(4, engine, &mut Moments::from_seed(seed())).unwrap();
        assert!(report.workflows >= 50, "{report:?}");
    }
}

#[test]
fn killed_while_trees_are_canceled() {
    for engine in ["sled", "redb"] {
        let report = trees::kill(5, engine, &mut Moments::from_seed(seed())).unwrap();
        assert!(report.executions > 0, "{report:?}");
    }
}

#[test]
fn killed_while_events_come_in() {
    for engine in ["sled", "redb"] {
        let mut moments = Moments::from_seed(seed());
        let report = events::kill(10, engine, Path::new(POLLS), &mut moments).unwrap();
        assert!(report.acknowledged > 0 && report.fired > 0 && report.counted > 0, "{report:?}");
        assert!(report.answers > 0 && report.reported > 0 && report.polled > 0, "{report:?}");
    }
}
