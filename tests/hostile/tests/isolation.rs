//! That the harness measures: a short run. What it measures is judged by hand, on a machine that does nothing else.

use std::time::Duration;

use petrel_hostile::isolation::{self, Kind, Plan};

#[test]
fn an_innocent_event_gets_through_beside_slow_bodies() {
    let plan = Plan {
        kinds: vec![Kind::SlowBodies],
        runs: 1,
        duration: Duration::from_secs(1),
        engine: "sled".to_owned(),
        memory_mib: 2048,
    };
    let rows = isolation::run(&plan, |line| println!("{line}")).unwrap();
    for figures in rows.iter().flat_map(|row| row.hostile.iter().chain(&row.harmless)) {
        assert!(figures.events > 0 && figures.largest_mib > 0, "{figures:?}");
        assert_eq!((figures.refused, figures.unanswered), (0, 0), "{figures:?}");
        assert_eq!(figures.wrong, None);
    }
}
