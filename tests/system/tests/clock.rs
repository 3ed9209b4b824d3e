//! The wall clock is set while the host runs, and while it does not: delays take as long as they say, durations are
//! right, and lists stay in order.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use petrel_system_tests::{Host, Place};
use serde_json::json;

/// Moves the wall clock of the process that loads it by the seconds in a file; the other clocks stay.
const SHIFT: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, at);
    if (id == CLOCK_REALTIME) {
        char text[32] = {0};
        int file = open(getenv("SHIFT_FILE"), O_RDONLY);
        if (file >= 0) {
            if (read(file, text, sizeof text - 1) > 0) at->tv_sec += atol(text);
            close(file);
        }
    }
    return result;
}
"#;

const DAY: i64 = 24 * 60 * 60;

struct Clock<'a> {
    place: &'a Place,
    library: String,
    file: String,
}

impl<'a> Clock<'a> {
    fn new(place: &'a Place) -> Self {
        let (source, library) = (place.write("shift.c", SHIFT), place.path("shift.so"));
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &source, "-ldl"]).status();
        assert!(built.unwrap().success());
        let file = place.write("shift", "0");
        Self { place, library, file }
    }

    fn set(&self, seconds: i64) {
        fs::write(&self.file, seconds.to_string()).unwrap();
    }

    fn start(&self) -> Host<'a> {
        self.place.start_with(&[], &[("LD_PRELOAD", &self.library), ("SHIFT_FILE", &self.file)])
    }
}

fn delayed(host: &Host<'_>, milliseconds: u64) -> String {
    let made = host.post("/executions", &json!({"action": "core.noop", "delay": milliseconds}));
    made.with_status(201).json()["id"].as_str().unwrap().to_owned()
}

/// What has run, newest first by the order of the list.
fn ids(host: &Host<'_>) -> Vec<String> {
    host.list("/executions").iter().map(|execution| execution["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_clock_that_is_set_changes_no_delay_no_duration_and_no_order() {
    let place = Place::default();
    let clock = Clock::new(&place);
    let host = clock.start();
    let mut made = Vec::new();
    // A day back, a day ahead, and right again.
    for shift in [-DAY, DAY, 0] {
        let asked = Instant::now();
        let id = delayed(&host, 800);
        clock.set(shift);
        let elapsed = host.until(&id, "succeeded")["elapsed_seconds"].as_f64().unwrap();
        assert!((0.8..60.0).contains(&elapsed), "{shift}: {elapsed}");
        assert!(asked.elapsed() >= Duration::from_millis(800), "{shift}: it ran too early");
        made.insert(0, id);
    }
    assert_eq!(ids(&host), made);

    // The host is away while the clock goes back: what waits does so no longer than it was to.
    made.insert(0, delayed(&host, 2000));
    drop(host);
    clock.set(-DAY);
    let host = clock.start();
    host.until(&made[0], "succeeded");
    made.insert(0, host.request(&json!({"action": "core.noop"})));
    host.until(&made[0], "succeeded");
    assert_eq!(ids(&host), made);
    host.stop();
    assert!(place.read("log").contains("the wall clock is behind the newest row of the store"));
    place.petrel(&["store", "check"]).with_code(0);
}
