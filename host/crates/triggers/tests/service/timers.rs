//! Timers on a clock that the test turns: each time fires once and exactly, whatever restarts, refuses or is switched off
//! in between. The clock begins at 12:00:00.

use std::time::Duration;

use petrel_model::TimerState;
use petrel_persistence::StoreExt as _;
use petrel_triggers::{Misfire, Options};
use serde_json::Value;

use crate::House;

/// Every ten seconds.
const TEN: &str = "{unit: seconds, delta: 10}";

/// The text of a rule of the pack for a timer.
fn rule(name: &str, kind: &str, parameters: &str) -> String {
    format!(
        "name: {name}\npack: house\nenabled: true\ntrigger: {{type: core.st2.{kind}, parameters: {parameters}}}\n\
         action: {{ref: house.act}}\n"
    )
}

impl House {
    /// Starts the timers, and lets them begin.
    async fn start_timers(&self) {
        self.core.spawn("timers", self.triggers.clone().run_timers());
        self.rest().await;
    }

    /// Makes a rule for a timer, and lets that begin.
    async fn timer(&self, name: &str, kind: &str, parameters: &str) {
        self.rule(&rule(name, kind, parameters)).await;
        self.rest().await;
    }

    /// Turns the clock, and lets what is due by then fire.
    async fn turn(&self, milliseconds: u64) {
        self.clock.turn(Duration::from_millis(milliseconds));
        self.rest().await;
    }

    /// Waits until no timer is under way, and the task that watches them has come to rest.
    async fn rest(&self) {
        let mut turns_at_rest = 0;
        for _ in 0..1_000_000 {
            tokio::task::yield_now().await;
            let is_under_way = self.core.running().iter().any(|(name, _)| *name == "timer");
            turns_at_rest = if is_under_way { 0 } else { turns_at_rest + 1 };
            if turns_at_rest == 100 {
                return;
            }
        }
        panic!("a timer is under way for ever: {:?}", self.core.running());
    }

    /// The times of all events of timers, oldest first, as minutes and seconds: that for which one fired, and that at
    /// which it did if it is another.
    async fn fired(&self) -> Vec<String> {
        let mut events = self.events().await;
        events.reverse();
        let times = events.iter().map(|event| {
            let payload = event.payload.parse().unwrap();
            assert!(
                payload["schedule"].is_null() && event.trigger_type.name().ends_with("Timer"),
                "{payload}"
            );
            let of = |name: &str| payload[name].as_str().unwrap()[14..19].to_owned();
            let (due, executed) = (of("scheduled_at"), of("executed_at"));
            if due == executed { due } else { format!("{due} at {executed}") }
        });
        times.collect()
    }

    /// The number of stored states.
    async fn states(&self) -> usize {
        self.store.all::<TimerState>().await.unwrap().len()
    }
}

#[tokio::test]
async fn a_timer_fires_when_it_is_due_and_all_its_rules_see_the_event() {
    let house = House::new().await;
    house.start_timers().await;
    house.timer("a", "IntervalTimer", TEN).await;
    house.timer("b", "IntervalTimer", "{delta: 10, unit: seconds}").await;
    house.timer("other", "IntervalTimer", "{unit: seconds, delta: 25}").await;
    house.turn(9_999).await;
    assert!(house.fired().await.is_empty());
    house.turn(1).await;
    assert_eq!(house.fired().await, ["00:10"]);
    let payload: Value = house.events().await[0].payload.parse().unwrap();
    assert_eq!(payload["executed_at"], "2025-11-20 12:00:10+00:00");
    for _ in 0..5 {
        house.turn(5_000).await;
    }
    assert_eq!(house.fired().await, ["00:10", "00:20", "00:25", "00:30"]);
    let rules = house.executions().await.into_iter().filter_map(|one| one.context.rule);
    let rules: Vec<_> = rules.map(|rule| rule.name).collect();
    let ten = ["house.a", "house.b"];
    assert_eq!(rules, [&ten[..], &ten, &["house.other"], &ten].concat());
}

#[tokio::test]
async fn a_timer_ends_with_its_last_enabled_rule_and_begins_anew() {
    let house = House::new().await;
    house.start_timers().await;
    house.timer("a", "IntervalTimer", TEN).await;
    house.timer("b", "IntervalTimer", TEN).await;
    house.catalog.set_rule_enabled("house.a", false).await.unwrap();
    house.turn(10_000).await;
    assert_eq!(house.fired().await, ["00:10"]);
    house.turn(5_000).await;
    house.catalog.delete_rule("house.b").await.unwrap();
    house.rest().await;
    assert_eq!(house.states().await, 0);
    house.turn(10_000).await;
    house.catalog.set_rule_enabled("house.a", true).await.unwrap();
    house.rest().await;
    for _ in 0..3 {
        house.turn(5_000).await;
    }
    assert_eq!(house.fired().await, ["00:10", "00:35"]);
    assert_eq!(house.states().await, 1);
    // Other parameters are another timer.
    let text = rule("a", "CronTimer", "{second: 45}");
    house.catalog.update_rule("house.a", &text, petrel_catalog::Giver::SeesSecrets).await.unwrap();
    house.rest().await;
    house.turn(5_000).await;
    assert_eq!((house.fired().await.len(), house.states().await), (3, 1));
}

#[tokio::test]
async fn a_date_comes_once_and_one_that_is_past_never() {
    let house = House::new().await;
    house.start_timers().await;
    house.timer("past", "DateTimer", "{date: '2025-11-20T11:59:59Z'}").await;
    house.timer("soon", "DateTimer", "{date: '2025-11-20T13:00:30+01:00'}").await;
    for _ in 0..4 {
        house.turn(30_000).await;
    }
    assert_eq!(house.fired().await, ["00:30"]);
    let house = house.next_process().await;
    house.start_timers().await;
    house.turn(30_000).await;
    assert_eq!(house.fired().await, ["00:30"]);
}

#[tokio::test]
async fn a_restart_keeps_the_phase() {
    let house = House::new().await;
    house.start_timers().await;
    house.timer("a", "IntervalTimer", TEN).await;
    house.turn(3_000).await;
    let house = house.next_process().await;
    house.turn(2_000).await;
    house.start_timers().await;
    house.turn(4_999).await;
    assert!(house.fired().await.is_empty());
    house.turn(1).await;
    assert_eq!(house.fired().await, ["00:10"]);
    let house = house.next_process().await;
    house.start_timers().await;
    house.turn(10_000).await;
    assert_eq!(house.fired().await, ["00:10", "00:20"]);
}

#[tokio::test]
async fn what_was_missed_while_the_host_was_down_is_dealt_with_as_the_setting_says() {
    let cases: [(Misfire, &[&str]); 4] = [
        (Misfire::FireOnce, &["00:30 at 00:38", "00:40"]),
        (Misfire::Skip, &["00:40"]),
        (Misfire::CatchUp(2), &["00:20 at 00:38", "00:30 at 00:38", "00:40"]),
        (Misfire::CatchUp(100), &["00:10 at 00:38", "00:20 at 00:38", "00:30 at 00:38", "00:40"]),
    ];
    for (misfire, expected) in cases {
        let options = Options { misfire, ..Options::default() };
        let house = House::with(options, petrel_executions::Options::default()).await;
        house.start_timers().await;
        house.timer("a", "IntervalTimer", TEN).await;
        let house = house.next_process().await;
        house.clock.turn(Duration::from_secs(38));
        house.start_timers().await;
        house.rest().await;
        house.turn(2_000).await;
        assert_eq!(house.fired().await, expected, "{misfire:?}");
    }
}

#[tokio::test]
async fn what_was_passed_over_stays_so_whatever_the_next_start_is_told() {
    let options = Options { misfire: Misfire::Skip, ..Options::default() };
    let house = House::with(options, petrel_executions::Options::default()).await;
    house.start_timers().await;
    house.timer("soon", "DateTimer", "{date: '2025-11-20T13:00:30+01:00'}").await;
    let house = house.next_process().await;
    house.clock.turn(Duration::from_secs(60));
    house.start_timers().await;
    house.rest().await;
    let house = house.next_process_with(Options::default()).await;
    house.start_timers().await;
    house.turn(1_000).await;
    assert!(house.fired().await.is_empty());
}

#[tokio::test]
async fn what_the_store_refuses_fires_once_as_soon_as_it_takes_it() {
    let house = House::new().await;
    house.start_timers().await;
    house.timer("a", "IntervalTimer", TEN).await;
    house.store.refuse(3);
    house.turn(10_000).await;
    assert_eq!(house.store.left(), 2);
    for (milliseconds, left) in [(99, 2), (1, 1), (200, 0), (399, 0)] {
        house.turn(milliseconds).await;
        assert_eq!(
            (house.store.left(), house.fired().await.len()),
            (left, 0),
            "after {milliseconds} ms more"
        );
    }
    house.turn(301).await;
    assert_eq!(house.fired().await, ["00:10 at 00:11"]);
    house.turn(9_000).await;
    assert_eq!((house.fired().await.len(), house.executions().await.len()), (2, 2));
}

#[tokio::test]
async fn a_timer_that_cannot_be_stored_begins_as_soon_as_it_can() {
    let house = House::new().await;
    house.rule(&rule("a", "IntervalTimer", TEN)).await;
    house.store.refuse(1);
    house.start_timers().await;
    assert_eq!((house.store.left(), house.states().await), (0, 0));
    house.turn(1_000).await;
    assert_eq!(house.states().await, 1);
    house.turn(10_000).await;
    assert_eq!(house.fired().await, ["00:11"]);
}

#[tokio::test]
async fn while_too_much_waits_a_timer_does_and_fires_once_for_all_that_it_missed() {
    let executions =
        petrel_executions::Options { waiting_limit: 1, waiting_share: 100, ..Default::default() };
    let house = House::with(Options::default(), executions).await;
    house.start_timers().await;
    house.timer("a", "IntervalTimer", TEN).await;
    for _ in 0..4 {
        house.turn(10_000).await;
    }
    assert_eq!(house.fired().await, ["00:10"]);
    house.fail_first().await;
    house.turn(5_000).await;
    assert_eq!(house.fired().await, ["00:10", "00:40 at 00:45"]);
}

#[tokio::test]
async fn people_see_when_a_timer_is_due_and_for_which_rules() {
    let house = House::new().await;
    house.start_timers().await;
    house.timer("a", "IntervalTimer", TEN).await;
    house.timer("b", "IntervalTimer", TEN).await;
    house.timer("idle", "CronTimer", "{hour: 2}").await;
    house.catalog.set_rule_enabled("house.idle", false).await.unwrap();
    house.rest().await;
    house.turn(12_000).await;
    let shown = house.triggers.timers().await.unwrap();
    let second = |at: Option<petrel_model::Timestamp>| at.map(|at| at.to_string()[14..19].to_owned());
    let told: Vec<_> = shown
        .iter()
        .map(|timer| {
            let rules: Vec<_> = timer.rules.iter().map(petrel_model::Ref::name).collect();
            (timer.trigger.kind.name(), second(timer.due_at()), second(timer.last_due_at()), rules.join(" "))
        })
        .collect();
    let at = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            ("st2.CronTimer", None, None, "idle".to_owned()),
            ("st2.IntervalTimer", at("00:20"), at("00:10"), "a b".to_owned()),
        ]
    );
}
