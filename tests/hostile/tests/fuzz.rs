//! A short attack in every run of the tests; the harness itself does as many requests as one likes:
//! `cargo run --release -p petrel-hostile -- --help`.

use petrel_hostile::fuzz::{self, Plan};

#[test]
fn a_host_stands_what_is_nearly_right() {
    for (engine, requests) in [("sled", 3_000), ("redb", 1_500)] {
        // Different each time; what is found is printed with its request.
        let seed = u64::from(std::process::id());
        println!("seed {seed}, engine {engine}");
        let plan = Plan {
            requests,
            seed,
            clients: 4,
            look_every: 500,
            restart_every: 1_500,
            engine: engine.to_owned(),
            keep: None,
            memory_mib: 2048,
        };
        let report = fuzz::run(&plan, |line| println!("{line}")).unwrap();
        assert!(report.findings.is_empty(), "{:#?}", report.findings);
        let accepted = |status: &u16| (200..300).contains(status);
        let taken: u64 = report
            .rows
            .iter()
            .flat_map(|row| &row.answers)
            .filter(|(status, _)| accepted(status))
            .map(|(_, count)| count)
            .sum();
        // A fuzzer whose requests are all refused shows nothing.
        assert!(taken > requests / 10, "{taken} of {requests} were accepted");
        assert!(report.restarts > 0);
    }
}
