//! Timers by tables. The recorded cases of the original are played by `tests/conformance`.

use serde_json::{Value, json};

use super::*;

fn timer(reference: &str, parameters: &Value) -> Result<Timer, TimerError> {
    Timer::new(reference, parameters.as_object().unwrap(), &UTC)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The first `count` times from `start` on, as texts to the second.
fn times(timer: &Timer, start: &str, count: usize) -> Vec<String> {
    let made = at(start);
    let after = |due: &Timestamp| timer.next(made, Timestamp::from_micros(due.as_micros() + 1));
    let found = std::iter::successors(timer.next(made, made), after).take(count);
    found.map(|due| due.to_string()[..19].to_owned()).collect()
}

#[test]
fn intervals_of_days_keep_the_time_of_day_and_shorter_ones_their_length() {
    let cases = [
        // The clocks of Berlin are set back in the first night, and forward in the second case.
        (
            json!({"unit": "days", "delta": 1}),
            "2021-10-30T20:00:00Z",
            ["2021-10-31T21:00:00", "2021-11-01T21:00:00"],
        ),
        (
            json!({"unit": "weeks", "delta": 1}),
            "2021-03-27T20:00:00Z",
            ["2021-04-03T19:00:00", "2021-04-10T19:00:00"],
        ),
        (
            json!({"unit": "hours", "delta": 6}),
            "2021-10-30T20:00:00Z",
            ["2021-10-31T02:00:00", "2021-10-31T08:00:00"],
        ),
        (
            json!({"unit": "seconds", "delta": 1}),
            "2021-10-30T20:00:00Z",
            ["2021-10-30T20:00:01", "2021-10-30T20:00:02"],
        ),
    ];
    for (mut parameters, start, expected) in cases {
        parameters["timezone"] = json!("Europe/Berlin");
        let timer = timer(INTERVAL, &parameters).unwrap();
        assert_eq!(times(&timer, start, 2), expected, "{parameters}");
    }
}

#[test]
fn an_interval_is_counted_from_its_making_however_long_ago() {
    let timer = timer(INTERVAL, &json!({"unit": "minutes", "delta": 90})).unwrap();
    let made = at("2021-01-01T00:00:00Z");
    for (from, expected) in [
        ("2020-01-01T00:00:00Z", "2021-01-01T01:30:00"),
        ("2021-01-01T01:30:00Z", "2021-01-01T01:30:00"),
        ("2021-01-01T01:30:01Z", "2021-01-01T03:00:00"),
        ("2031-01-01T00:00:01Z", "2031-01-01T01:30:00"),
    ] {
        assert_eq!(timer.next(made, at(from)).unwrap().to_string()[..19], *expected, "from {from}");
    }
}

#[test]
fn cron_times_where_the_clocks_are_changed() {
    let cases = [
        // Comes twice, and is due twice; is skipped, and is due when it would have come.
        (
            json!({"hour": 2, "minute": 30}),
            "2021-10-31T00:00:00Z",
            ["2021-10-31T00:30:00", "2021-10-31T01:30:00"],
        ),
        (
            json!({"hour": 2, "minute": 30}),
            "2021-03-28T00:00:00Z",
            ["2021-03-28T01:30:00", "2021-03-29T00:30:00"],
        ),
        (json!({"minute": "*/30"}), "2021-10-31T00:30:00Z", ["2021-10-31T00:30:00", "2021-10-31T01:00:00"]),
        (json!({"minute": "*/30"}), "2021-03-28T00:30:00Z", ["2021-03-28T00:30:00", "2021-03-28T01:00:00"]),
        (
            json!({"hour": 2, "minute": "0,30"}),
            "2021-10-31T00:30:00Z",
            ["2021-10-31T00:30:00", "2021-10-31T01:00:00"],
        ),
    ];
    for (mut parameters, start, expected) in cases {
        parameters["timezone"] = json!("Europe/Berlin");
        let timer = timer(CRON, &parameters).unwrap();
        assert_eq!(times(&timer, start, 2), expected, "{parameters} from {start}");
    }
}

#[test]
fn cron_times_that_are_rare_or_never_come() {
    let cases: [(Value, &[&str]); 7] = [
        (json!({"month": 2, "day": 29, "day_of_week": "mon"}), &["2044-02-29T00:00:00"]),
        (json!({"year": 9999, "month": "nov", "day": "last"}), &["9999-11-30T00:00:00"]),
        (json!({"year": "2500/100", "day": "5th mon"}), &["2500-03-29T00:00:00"]),
        (json!({"week": 53, "day_of_week": "thu"}), &["2026-12-31T00:00:00"]),
        (json!({"month": 2, "day": 30}), &[]),
        (json!({"week": 30, "month": 1}), &[]),
        (json!({"year": "1970-2020"}), &[]),
    ];
    for (parameters, expected) in cases {
        let timer = timer(CRON, &parameters).unwrap();
        assert_eq!(times(&timer, "2021-06-01T00:00:00Z", 1), expected, "{parameters}");
    }
}

#[test]
fn parameters_that_are_no_timer_are_refused_with_the_remedy() {
    let cases = [
        ("core.local", json!({}), "the trigger type core.local is no timer"),
        (INTERVAL, json!({"delta": 5}), "the parameter unit is missing; give weeks"),
        (INTERVAL, json!({"unit": "hours"}), "the parameter delta is missing"),
        (INTERVAL, json!({"unit": "months", "delta": 1}), "it must be weeks, days"),
        (INTERVAL, json!({"unit": "hours", "delta": 0}), "a whole number from 1"),
        (INTERVAL, json!({"unit": "hours", "delta": 1.5}), "a whole number from 1"),
        (INTERVAL, json!({"unit": "hours", "delta": i64::MAX}), "a whole number from 1"),
        (INTERVAL, json!({"unit": "hours", "delta": 1, "start": 1}), "there is no parameter `start`"),
        (DATE, json!({}), "the parameter date is missing"),
        (DATE, json!({"date": "nonsense"}), "it must be a date"),
        (DATE, json!({"date": "9999-12-31T23:59:59Z"}), "a time before 9999"),
        (DATE, json!({"date": "10:30"}), "it must be a date"),
        (DATE, json!({"date": 5}), "it must be"),
        (CRON, json!({"hour": true}), "a text or a whole number"),
        (
            CRON,
            json!({"hour": 210}),
            "the parameter hour is \"210\"; if 3:30 is meant, as YAML reads a time without quotes, it must be hour: 3 and \
             minute: 30",
        ),
        (CRON, json!({"hour": 24}), "its values are 0 to 23"),
        (CRON, json!({"hour": 900}), "if 15:00 is meant, as"),
        (CRON, json!({"hour": "3:05"}), "if 3:05 is meant, it must be hour: 3 and minute: 5"),
        (CRON, json!({"hour": "3:30:00"}), "if 3:30 is meant, it must be"),
        (CRON, json!({"hour": 1440}), "its values are 0 to 23"),
        (CRON, json!({"minute": 90}), "its values are 0 to 59"),
        (CRON, json!({"hour": 3.5}), "a text or a whole number"),
        (CRON, json!({"hour": "5-3"}), "must not end before it starts"),
        (CRON, json!({"hour": "*/24"}), "can be 1 to 23"),
        (CRON, json!({"hour": "*/0"}), "can be 1 to 23"),
        (CRON, json!({"day": "last mon-fri"}), "its weekdays are mon"),
        (CRON, json!({"day_of_week": 7}), "its values are 0 to 6"),
        (CRON, json!({"day_of_week": "fri-mon"}), "must not end before it starts"),
        (CRON, json!({"minute": "99999999999999999999"}), "its values are 0 to 59"),
        (CRON, json!({"minute": "1,,2"}), "it must be *"),
        (CRON, json!({"minute": "*,".repeat(100) + "1"}), "at most 100 parts"),
        (CRON, json!({"timezone": "Nope/Zone"}), "the name of a zone"),
        (CRON, json!({"timezone": 5}), "the name of a zone"),
    ];
    for (reference, parameters, expected) in cases {
        let error = timer(reference, &parameters).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{parameters}: {error}");
    }
}

#[test]
fn no_time_is_before_the_one_that_was_asked_for() {
    let zones =
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Gaza"];
    let fields = [
        json!({"minute": "*/17"}),
        json!({"hour": "*/5", "minute": 59, "second": 59}),
        json!({"day": "last", "hour": 23}),
        json!({"day_of_week": "sun", "hour": "0-3", "minute": "0,30"}),
    ];
    for zone in zones {
        for parameters in &fields {
            let mut parameters = parameters.clone();
            parameters["timezone"] = json!(zone);
            let timer = timer(CRON, &parameters).unwrap();
            let mut from = at("2011-12-01T00:00:00Z");
            for _ in 0..2_000 {
                let due = timer.next(from, from).unwrap();
                assert!(due >= from, "{parameters}: {due} is before {from}");
                from = Timestamp::from_micros(due.as_micros() + 1);
            }
        }
    }
}

#[test]
fn the_latest_of_many_times_is_found() {
    let every = |unit: &str, delta: i64| timer(INTERVAL, &json!({"unit": unit, "delta": delta})).unwrap();
    let cases = [
        (every("seconds", 7), "2021-01-01T00:00:00Z", "2021-03-01T00:00:00Z", Some("2021-02-28T23:59:56")),
        (every("seconds", 7), "2021-01-01T00:00:00Z", "2021-01-01T00:00:07Z", Some("2021-01-01T00:00:07")),
        (every("seconds", 7), "2021-01-01T00:00:00Z", "2021-01-01T00:00:06Z", None),
        (every("days", 1), "2021-01-01T09:00:00Z", "2021-02-01T08:00:00Z", Some("2021-01-31T09:00:00")),
        (
            timer(CRON, &json!({"second": "*/5"})).unwrap(),
            "2020-01-01T00:00:00Z",
            "2030-01-01T00:00:04Z",
            Some("2030-01-01T00:00:00"),
        ),
        (
            timer(CRON, &json!({"month": 2, "day": 29})).unwrap(),
            "2021-01-01T00:00:00Z",
            "2031-01-01T00:00:00Z",
            Some("2028-02-29T00:00:00"),
        ),
        (
            timer(DATE, &json!({"date": "2025-01-01T00:00:00Z"})).unwrap(),
            "2021-01-01T00:00:00Z",
            "2031-01-01T00:00:00Z",
            Some("2025-01-01T00:00:00"),
        ),
    ];
    for (timer, made, until, expected) in cases {
        let found = timer.latest(at(made), at(made), at(until)).map(|due| due.to_string()[..19].to_owned());
        assert_eq!(found.as_deref(), expected, "{timer:?} until {until}");
    }
}
