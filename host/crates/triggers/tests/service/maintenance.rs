//! Maintenance windows: what rules ask for in them is held until their end, or dropped, and they end by themselves.

use std::time::Duration;

use petrel_model::action::Tag;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{MaintenanceMode, MaintenanceWindow};
use serde_json::json;

use crate::{House, refused, rule};

const HOUR: Duration = Duration::from_hours(1);

/// A window for the rules of the pack `house` that begins after a minute and lasts for an hour.
fn window(house: &House, name: &str, mode: MaintenanceMode) -> MaintenanceWindow {
    let from = house.core.now().plus(Duration::from_secs(60));
    MaintenanceWindow {
        name: name.into(),
        description: String::new(),
        packs: vec!["house".into()],
        rules: Vec::new(),
        tags: Vec::new(),
        from,
        until: from.plus(HOUR),
        mode,
        made_by: "ada".into(),
    }
}

#[tokio::test]
async fn what_is_held_starts_at_the_end_of_the_window() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let made = house.catalog.create_window(window(&house, "w", MaintenanceMode::Hold)).await.unwrap();
    for (turned, is_held) in [(0, false), (60, true), (3599, true), (1, false)] {
        house.clock.turn(Duration::from_secs(turned));
        let accepted = house.post("sample", json!({})).await.unwrap();
        let execution = house.execution(&accepted).await;
        assert_eq!(execution.ready_at, is_held.then_some(made.until), "{turned}");
        let enforcement = house.enforcements(&accepted).await.remove(0);
        assert_eq!(enforcement.status, EnforcementStatus::Succeeded);
        assert_eq!(enforcement.note.is_some(), is_held, "{enforcement:?}");
        let told = house.explain(&accepted).await.remove(0).came_of_it;
        assert_eq!(told.contains("held by maintenance window w until"), is_held, "{told}");
        let told = house.triggers.standing("house.r", true).await.unwrap().came_of_it.unwrap();
        assert_eq!(told.contains("; held by maintenance window w until"), is_held, "{told}");
        assert_eq!(execution.context.maintenance_window.as_deref(), is_held.then_some("w"));
    }
}

#[tokio::test]
async fn what_is_held_does_not_start_in_a_window_that_follows() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let first = window(&house, "first", MaintenanceMode::Hold);
    let second = MaintenanceWindow {
        name: "second".into(),
        from: first.until,
        until: first.until.plus(HOUR),
        ..first.clone()
    };
    let apart = MaintenanceWindow {
        name: "apart".into(),
        from: second.until.plus(HOUR),
        until: second.until.plus(HOUR * 2),
        ..first.clone()
    };
    let other = MaintenanceWindow {
        name: "other".into(),
        packs: vec!["core".into()],
        until: second.until.plus(HOUR),
        ..second.clone()
    };
    for window in [first, second.clone(), apart, other] {
        house.catalog.create_window(window).await.unwrap();
    }
    house.clock.turn(Duration::from_secs(60));
    let accepted = house.post("sample", json!({})).await.unwrap();
    assert_eq!(house.execution(&accepted).await.ready_at, Some(second.until));
    let note = house.enforcements(&accepted).await.remove(0).note.unwrap();
    assert_eq!(note, format!("held by maintenance window first until {}", second.until));
}

#[tokio::test]
async fn what_is_dropped_is_a_dead_letter_that_can_be_replayed() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.rule(&rule("spared", "sample", "act", "").replace("pack: house", "pack: other")).await;
    house.catalog.create_window(window(&house, "hold", MaintenanceMode::Hold)).await.unwrap();
    house.catalog.create_window(window(&house, "w", MaintenanceMode::Drop)).await.unwrap();
    house.clock.turn(Duration::from_secs(60));
    let accepted = house.post("sample", json!({})).await.unwrap();
    assert_eq!(accepted.executions.len(), 1, "a rule of another pack runs");
    let enforcement = house.enforcements(&accepted).await.remove(0);
    let reason = enforcement.failure_reason.clone().unwrap();
    assert!(reason.starts_with("maintenance window w drops"), "{reason}");
    let told = house.triggers.standing("house.r", true).await.unwrap();
    assert!(told.verdict.starts_with("does not fire: maintenance window w drops"), "{}", told.verdict);

    // It outlasts the process, and ends by itself.
    let house = house.next_process().await;
    assert!(house.post("sample", json!({})).await.unwrap().executions.len() == 1);
    house.clock.turn(HOUR);
    let again = house.triggers.replay(enforcement.id, None, false).await.unwrap();
    assert_eq!(again.executions.len(), 1);
    assert_eq!(house.execution(&again).await.ready_at, None);
}

#[tokio::test]
async fn a_window_that_cannot_be_meant_is_refused_with_a_remedy() {
    let house = House::new().await;
    let fine = window(&house, "w", MaintenanceMode::Hold);
    for (wrong, code, says) in [
        (MaintenanceWindow { packs: Vec::new(), ..fine.clone() }, "invalid", "for no rule"),
        (MaintenanceWindow { packs: vec!["hosue".into()], ..fine.clone() }, "not_found", "hosue"),
        (
            MaintenanceWindow { rules: vec!["house.none".parse().unwrap()], ..fine.clone() },
            "not_found",
            "house.none",
        ),
        (
            MaintenanceWindow {
                tags: vec![Tag { name: "team".into(), value: "x".repeat(1_001) }],
                ..fine.clone()
            },
            "invalid",
            "1000 bytes",
        ),
        (
            MaintenanceWindow {
                tags: vec![Tag { name: "team".into(), value: "none".into() }],
                ..fine.clone()
            },
            "not_found",
            "team=none",
        ),
        (MaintenanceWindow { until: fine.from, ..fine.clone() }, "invalid", "ends before it begins"),
        (
            MaintenanceWindow { until: fine.from.plus(HOUR * 24 * 400), ..fine.clone() },
            "invalid",
            "longer than 366 days",
        ),
        (MaintenanceWindow { name: String::new(), ..fine.clone() }, "invalid", "it is empty"),
    ] {
        let (told, message) = refused(house.catalog.create_window(wrong).await);
        assert_eq!(told, code, "{message}");
        assert!(message.contains(says), "{message}");
    }
    house.catalog.create_window(fine.clone()).await.unwrap();
    assert_eq!(refused(house.catalog.create_window(fine.clone()).await).0, "conflict");
    house.catalog.delete_window("w").await.unwrap();
    assert_eq!(refused(house.catalog.delete_window("w").await).0, "not_found");

    // One that has ended makes room for the next.
    house.catalog.create_window(fine.clone()).await.unwrap();
    house.clock.turn(HOUR * 2);
    assert_eq!(refused(house.catalog.create_window(fine.clone()).await).0, "invalid");
    house.catalog.create_window(window(&house, "next", MaintenanceMode::Hold)).await.unwrap();
    let content = house.catalog.content();
    let names: Vec<_> = content.windows().map(|window| window.name.as_str()).collect();
    assert_eq!(names, ["next"]);
}
